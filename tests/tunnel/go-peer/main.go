// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (C) 2026 The p2pstream developers

// A hashicorp/yamux peer on descriptor 3, for test-yamux-go.c.
//
// "client" accepts streams and does what their first byte says: 'e' echoes until FIN, 'w' writes 4 MiB in one call and closes,
// 'c' closes at once. "server" opens 200 streams at the same time, sends 100 000 bytes through each, checks the echo and
// prints "good" when all came back.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/hashicorp/yamux"
)

func fail(err error) {
	if err != nil {
		fmt.Println("bad:", err)
		os.Exit(1)
	}
}

func serve(st *yamux.Stream) {
	defer st.Close()
	kind := make([]byte, 1)
	if _, err := io.ReadFull(st, kind); err != nil {
		return
	}
	switch kind[0] {
	case 'e':
		io.Copy(st, st)
	case 'w':
		big := make([]byte, 4<<20)
		for i := range big {
			big[i] = byte(i*131 + (i>>8)*17)
		}
		st.Write(big)
	}
}

func client(conn net.Conn, config *yamux.Config) {
	session, err := yamux.Client(conn, config)
	fail(err)
	for {
		st, err := session.AcceptStream()
		if err != nil {
			return
		}
		go serve(st)
	}
}

func ask(session *yamux.Session, i int) error {
	st, err := session.OpenStream()
	if err != nil {
		return err
	}
	sent := bytes.Repeat([]byte{byte(i), byte(i >> 8), 7}, 100000/3)
	go st.Write(sent)
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(st, got); err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("stream %d: other bytes", i)
	}
	return st.Close()
}

func server(conn net.Conn, config *yamux.Config) {
	session, err := yamux.Server(conn, config)
	fail(err)
	var all sync.WaitGroup
	for i := 0; i < 200; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			fail(ask(session, i))
		}(i)
	}
	all.Wait()
	_, err = session.Ping()
	fail(err)
	fmt.Println("good")
	session.GoAway()
	session.Close()
}

func main() {
	conn, err := net.FileConn(os.NewFile(3, "transport"))
	fail(err)
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	if os.Args[1] == "client" {
		client(conn, config)
	} else {
		server(conn, config)
	}
}
