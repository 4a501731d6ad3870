// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (C) 2026 The p2pstream developers

// Both ends of the tunnel as one writes them in Go, on hashicorp/yamux, for go.test:
//
//	go-tunnel agent -to A -ca F -id ID -token T    an agent of a daemon; says "connected"
//	go-tunnel server -cert F -key F -large N       a daemon that one agent connects to; says its address, then "good: ..." for
//	                                               each thing that it tried through the agent, and "end" when the agent has left
//
// They list no features, as known programs of version 1.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	frameMax  = 16384
	backlog   = 256 // streams for which an agent bears waiting for its workers
	atOnce    = 300
	allWithin = 4 * time.Minute // far more than anything here takes
	upgrade   = "p2pstream-yamux"
)

type request struct {
	Version   int    `json:"version"`
	RequestID string `json:"request_id"`
	Network   string `json:"network"`
	Address   string `json:"address"`
}

type answer struct {
	OK        bool   `json:"ok"`
	ErrorKind string `json:"error_kind,omitempty"`
	Error     string `json:"error,omitempty"`
}

func fail(err error) {
	if err != nil {
		fmt.Println("bad:", err)
		os.Exit(1)
	}
}

func writeFrame(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	_, err = w.Write(append(frame, text...))
	return err
}

func readFrame(r io.Reader, v any) error {
	var size uint32
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return err
	}
	if size > frameMax {
		return errors.New("frame too long")
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// buffered is a connection of which a reader has perhaps taken more than the head.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

func yamuxConfig() *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	return config
}

func forward(st *yamux.Stream) {
	defer st.Close()
	var open request
	if err := readFrame(st, &open); err != nil {
		return
	}
	if open.Network != "tcp" {
		_ = writeFrame(st, answer{false, "invalid_open_request", "network must be tcp"})
		return
	}
	origin, err := net.Dial(open.Network, open.Address)
	if err != nil {
		_ = writeFrame(st, answer{false, "dial_failed", err.Error()})
		return
	}
	defer origin.Close()
	if writeFrame(st, answer{OK: true}) != nil {
		return
	}
	go func() {
		_, _ = io.Copy(origin, st)
		_ = origin.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(st, origin)
}

func agent(args []string) {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	to := flags.String("to", "", "the daemon's management address")
	ca := flags.String("ca", "", "certificate to trust, PEM")
	id := flags.String("id", "", "the agent's public id")
	token := flags.String("token", "", "its token")
	_ = flags.Parse(args)

	text, err := os.ReadFile(*ca)
	fail(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	conn, err := tls.Dial("tcp", *to, &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
	fail(err)
	_, err = fmt.Fprintf(conn, "GET /agent/tunnel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
		"X-P2PStream-Agent-ID: %s\r\nX-P2PStream-Agent-Name: go\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"+
		"X-P2PStream-Tunnel-Version: 1\r\n\r\n", *token, *id, upgrade)
	fail(err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	fail(err)
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Upgrade") != upgrade {
		fail(errors.New(response.Status))
	}
	session, err := yamux.Client(&buffered{conn, reader}, yamuxConfig())
	fail(err)
	_, err = session.Ping()
	fail(err)
	fmt.Println("connected")
	for {
		st, err := session.AcceptStream()
		if err != nil {
			fmt.Println("end")
			return
		}
		go forward(st)
	}
}

// awaitAgent takes the connection that asks for the tunnel; what else comes, the agent's reports, is answered by 404.
func awaitAgent(listener net.Listener) net.Conn {
	found := make(chan net.Conn)
	go func() {
		for {
			conn, err := listener.Accept()
			fail(err)
			go greet(conn, found)
		}
	}()
	return <-found
}

func greet(conn net.Conn, found chan<- net.Conn) {
	reader := bufio.NewReader(conn)
	asked, err := http.ReadRequest(reader)
	if err != nil || asked.URL.Path != "/agent/tunnel" || asked.Header.Get("Upgrade") != upgrade ||
		asked.Header.Get("X-P2PStream-Agent-ID") != "edge" || asked.Header.Get("Authorization") != "Bearer secret" {
		_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		conn.Close()
		return
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+upgrade+
		"\r\nX-P2PStream-Tunnel-Version: 1\r\n\r\n")
	fail(err)
	found <- &buffered{conn, reader}
}

// echoOrigin listens on a port of its own and echoes until FIN.
func echoOrigin() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	go func() {
		for {
			conn, err := listener.Accept()
			fail(err)
			go func() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func open(session *yamux.Session, network, address string) (*yamux.Stream, answer, error) {
	var got answer
	st, err := session.OpenStream()
	fail(err)
	err = writeFrame(st, request{1, "go", network, address})
	if err == nil {
		err = readFrame(st, &got)
	}
	return st, got, err
}

func mustOpen(session *yamux.Session, network, address string) (*yamux.Stream, answer) {
	st, got, err := open(session, network, address)
	fail(err)
	return st, got
}

// echo sends so many bytes through a new stream, reads them back and closes it.
func echo(session *yamux.Session, network, address string, size int) {
	st, got := mustOpen(session, network, address)
	echoOn(st, got, size)
}

// echoPatiently is echo that asks again for a stream that is refused: the backlog may be full of others.
func echoPatiently(session *yamux.Session, network, address string, size int) {
	st, got, err := open(session, network, address)
	for errors.Is(err, yamux.ErrConnectionReset) {
		time.Sleep(10 * time.Millisecond)
		st, got, err = open(session, network, address)
	}
	fail(err)
	echoOn(st, got, size)
}

func echoOn(st *yamux.Stream, got answer, size int) {
	if !got.OK {
		fail(fmt.Errorf("%+v", got))
	}
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i*131 + (i>>8)*17 + size)
	}
	go st.Write(sent)
	seen := make([]byte, size)
	_, err := io.ReadFull(st, seen)
	fail(err)
	if !bytes.Equal(sent, seen) {
		fail(fmt.Errorf("%d bytes came back changed", size))
	}
	fail(st.Close())
}

func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			do(i)
		}(i)
	}
	all.Wait()
}

func try(session *yamux.Session, large int) {
	origin := echoOrigin()
	echo(session, "tcp", origin, 1)
	fmt.Println("good: one byte")
	echo(session, "tcp", origin, large)
	fmt.Println("good: a large body each way")
	together(backlog, func(i int) { echo(session, "tcp", origin, 1000+i) })
	together(atOnce, func(i int) { echoPatiently(session, "tcp", origin, 1000+i) })
	fmt.Println("good: streams at once")
	echo(session, "probe", "-", 1000)
	fmt.Println("good: a probe")

	st, got := mustOpen(session, "tcp", "127.0.0.1:1") // a port that nobody listens on
	if got.OK || got.ErrorKind != "dial_failed" {
		fail(fmt.Errorf("nobody listens: %+v", got))
	}
	fail(st.Close())
	st, got = mustOpen(session, "udp", origin)
	if got.OK || got.ErrorKind != "invalid_open_request" {
		fail(fmt.Errorf("another network: %+v", got))
	}
	fail(st.Close())
	echo(session, "tcp", origin, 1)
	fmt.Println("good: refusals are of one stream")
}

func server(args []string) {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	cert := flags.String("cert", "", "certificate, PEM")
	key := flags.String("key", "", "key, PEM")
	large := flags.Int("large", 0, "bytes of a large body")
	_ = flags.Parse(args)

	pair, err := tls.LoadX509KeyPair(*cert, *key)
	fail(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	fail(err)
	fmt.Println("address:", listener.Addr())
	session, err := yamux.Server(awaitAgent(listener), yamuxConfig())
	fail(err)
	_, err = session.Ping()
	fail(err)
	fmt.Println("connected")
	try(session, *large)

	// The test stops the agent now, which says so before it goes.
	fmt.Println("done")
	<-session.CloseChan()
	fmt.Println("end")
}

func main() {
	time.AfterFunc(allWithin, func() { fail(fmt.Errorf("not within %v", allWithin)) })
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		agent(os.Args[2:])
	} else if len(os.Args) > 1 && os.Args[1] == "server" {
		server(os.Args[2:])
	} else {
		fail(errors.New("usage: go-tunnel agent|server ..."))
	}
}
