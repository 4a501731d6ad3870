// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (C) 2026 The p2pstream developers

// A reverse proxy and an agent as one writes them in Go today: net/http/httputil in front, hashicorp/yamux over TLS between,
// one stream per origin connection, opened by a frame of length and JSON as in p2pstream's tunnel. What our tunnel is
// measured beside; nothing in p2pstream uses it.
//
//	go-pair proxy -http A -https A -tunnel A -cert F -key F -origin A
//	go-pair agent -tunnel A -ca F
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

type open struct {
	Version int    `json:"version"`
	Network string `json:"network"`
	Address string `json:"address"`
}

type opened struct {
	OK bool `json:"ok"`
}

const frameMax = 16384

func writeFrame(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	_, err = w.Write(append(frame, text...))
	return err
}

func readFrame(r io.Reader, v any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > frameMax {
		return errors.New("frame too long")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

func yamuxConfig() *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	return config
}

// tunnel is the session of the one agent: the newest.
type tunnel struct {
	mu      sync.Mutex
	session *yamux.Session
}

func (t *tunnel) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		session, err := yamux.Server(conn, yamuxConfig())
		if err != nil {
			log.Fatal(err)
		}
		t.mu.Lock()
		t.session = session
		t.mu.Unlock()
	}
}

func (t *tunnel) dial(_ context.Context, network, address string) (net.Conn, error) {
	t.mu.Lock()
	session := t.session
	t.mu.Unlock()
	if session == nil {
		return nil, errors.New("no agent")
	}
	stream, err := session.Open()
	if err != nil {
		return nil, err
	}
	var answer opened
	if err = writeFrame(stream, open{1, network, address}); err == nil {
		err = readFrame(stream, &answer)
	}
	if err == nil && !answer.OK {
		err = errors.New("the agent could not dial")
	}
	if err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// buffers is httputil's pool of copy buffers.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte  { return b.Pool.Get().([]byte) }
func (b *buffers) Put(p []byte) { b.Pool.Put(p) } //nolint:staticcheck

func proxy(args []string) error {
	flags := flag.NewFlagSet("proxy", flag.ExitOnError)
	plain := flags.String("http", "", "address for HTTP")
	secure := flags.String("https", "", "address for HTTPS")
	tunnelAt := flags.String("tunnel", "", "address for the agent")
	cert := flags.String("cert", "", "certificate, PEM")
	key := flags.String("key", "", "key, PEM")
	origin := flags.String("origin", "", "origin's host:port")
	_ = flags.Parse(args)

	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	listener, err := tls.Listen("tcp", *tunnelAt, config)
	if err != nil {
		return err
	}
	agent := &tunnel{}
	go agent.serve(listener)

	handler := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: *origin})
	handler.Transport = &http.Transport{
		DialContext:         agent.dial,
		MaxIdleConns:        4096,
		MaxIdleConnsPerHost: 4096,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	handler.BufferPool = &buffers{sync.Pool{New: func() any { return make([]byte, 32*1024) }}}
	handler.ErrorLog = log.New(io.Discard, "", 0)

	// No HTTP/2: the load generator does not speak it.
	server := &http.Server{
		Handler:      handler,
		TLSConfig:    config,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 2)
	for _, address := range []string{*plain, *secure} {
		public, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		if address == *secure {
			go func() { ended <- server.ServeTLS(public, "", "") }()
		} else {
			go func() { ended <- server.Serve(public) }()
		}
	}
	return <-ended
}

func forward(stream *yamux.Stream) {
	defer stream.Close()
	var request open
	if readFrame(stream, &request) != nil {
		return
	}
	origin, err := net.Dial(request.Network, request.Address)
	if writeFrame(stream, opened{err == nil}) != nil || err != nil {
		return
	}
	defer origin.Close()
	go func() {
		_, _ = io.Copy(origin, stream)
		_ = origin.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(stream, origin)
}

func agent(args []string) error {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	tunnelAt := flags.String("tunnel", "", "the proxy's address for agents")
	ca := flags.String("ca", "", "certificate to trust, PEM")
	_ = flags.Parse(args)

	text, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	conn, err := tls.Dial("tcp", *tunnelAt, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		return err
	}
	session, err := yamux.Client(conn, yamuxConfig())
	if err != nil {
		return err
	}
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return err
		}
		go forward(stream)
	}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "proxy" {
		log.Fatal(proxy(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		log.Fatal(agent(os.Args[2:]))
	}
	log.Fatal("usage: go-pair proxy|agent ...")
}
