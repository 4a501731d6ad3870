// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (C) 2026 The p2pstream developers

// A hashicorp/yamux peer on descriptor 3, for test-yamux-go.c. Its first argument says what it does:
//
//	client         accepts streams and does what their first byte says, see serve ()
//	crowd          as client, but accepts nothing until 256 streams wait; says how many waited at most when 1 000 are open
//	narrow         a backlog of two: takes one stream, and what waits when that stream says so
//	far            answers pings late, fills the window until 8 MiB are free, sends 8 MiB in one call and says how long the frame was
//	server N SIZE  opens N streams at the same time and, when all are open, sends SIZE bytes through each and checks the echo
//	shuffled N     the same, but the streams' first headers leave in another order than that of their ids
//	gone           opens until it is told to go away; what was open goes on
//
// The latter three print "good" when all came back.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	unacknowledgedMax = 256
	crowdSize         = 1000
	bigFrame          = 8 << 20
	pingDelay         = 600 * time.Millisecond
	allWithin         = 2 * time.Minute // far more than anything here takes
)

func fail(err error) {
	if err != nil {
		fmt.Println("bad:", err)
		os.Exit(1)
	}
}

func pattern(n int) []byte {
	big := make([]byte, n)
	for i := range big {
		big[i] = byte(i*131 + (i>>8)*17)
	}
	return big
}

// serve: 'e' echoes until FIN, 'w' writes 4 MiB in one call and closes, 'c' closes at once, 'n' reads until FIN and answers with
// the number of bytes, 'r' writes a byte and says on standard output how reading ended.
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
		st.Write(pattern(4 << 20))
	case 'n':
		n, err := io.Copy(io.Discard, st)
		fail(err)
		fail(binary.Write(st, binary.BigEndian, uint64(n)))
	case 'r':
		_, err := st.Write(kind)
		fail(err)
		_, err = io.Copy(io.Discard, st)
		if err == yamux.ErrConnectionReset {
			fmt.Println("reset")
		} else {
			fmt.Println("no reset:", err)
		}
	}
}

func acceptAll(session *yamux.Session) {
	for {
		st, err := session.AcceptStream()
		if err != nil {
			return
		}
		go serve(st)
	}
}

func client(conn net.Conn, config *yamux.Config) {
	session, err := yamux.Client(conn, config)
	fail(err)
	acceptAll(session)
}

func crowd(conn net.Conn, config *yamux.Config) {
	var mu sync.Mutex
	var waiting, most int
	full := make(chan struct{}, crowdSize)
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		if waiting += n; waiting > most {
			most = waiting
		}
		if n > 0 && waiting >= unacknowledgedMax {
			full <- struct{}{}
		}
	}
	w := &wire{Conn: conn}
	w.got = func(f frame) {
		if f.ofStream(flagSYN) {
			count(1)
		}
	}
	w.sent = func(f frame, _ []byte) bool {
		if f.ofStream(flagACK) {
			count(-1)
		}
		return false
	}
	session, err := yamux.Client(w, config)
	fail(err)
	<-full
	_, err = session.Ping() // one more would have come by now
	fail(err)
	for i := 0; i < crowdSize; i++ {
		st, err := session.AcceptStream()
		fail(err)
		go serve(st)
	}
	mu.Lock()
	fmt.Println(most)
	mu.Unlock()
	acceptAll(session)
}

func narrow(conn net.Conn, config *yamux.Config) {
	config.AcceptBacklog = 2
	session, err := yamux.Client(conn, config)
	fail(err)
	st, err := session.AcceptStream()
	fail(err)
	order := make([]byte, 1)
	_, err = io.ReadFull(st, order)
	fail(err)
	_, err = st.Write(order)
	fail(err)
	_, err = io.ReadFull(st, order)
	fail(err)
	go serve(st)
	acceptAll(session)
}

func far(conn net.Conn, config *yamux.Config) {
	var mu sync.Mutex
	window, last := int64(256<<10), uint32(0)
	w := &wire{Conn: conn}
	w.got = func(f frame) {
		mu.Lock()
		defer mu.Unlock()
		if f.kind == kindWindow {
			window += int64(f.length)
		}
	}
	w.sent = func(f frame, head []byte) bool {
		if f.kind == kindPing && f.flags&flagACK != 0 {
			kept := append([]byte(nil), head...)
			time.AfterFunc(pingDelay, func() { w.release(kept) })
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		if f.kind == kindData {
			window, last = window-int64(f.length), f.length
		}
		return false
	}
	free := func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return window
	}
	session, err := yamux.Client(w, config)
	fail(err)
	st, err := session.AcceptStream()
	fail(err)
	for warm := make([]byte, 256<<10); free() < bigFrame; {
		_, err = st.Write(warm)
		fail(err)
	}
	_, err = session.Ping() // the session has read that window update too
	fail(err)
	_, err = st.Write(pattern(bigFrame))
	fail(err)
	fmt.Println(last)
	fail(st.Close())
	<-session.CloseChan()
}

func ask(st *yamux.Stream, seed, size int) error {
	sent := bytes.Repeat([]byte{byte(seed), byte(seed >> 8), 7}, size/3+1)[:size]
	go st.Write(sent)
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(st, got); err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("stream %d: other bytes", seed)
	}
	return nil
}

func finish(session *yamux.Session) {
	_, err := session.Ping()
	fail(err)
	fmt.Println("good")
	session.GoAway()
	session.Close()
}

func server(conn net.Conn, config *yamux.Config, n, size int) {
	session, err := yamux.Server(conn, config)
	fail(err)
	var open, all sync.WaitGroup
	open.Add(n)
	for i := 0; i < n; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			st, err := session.OpenStream()
			fail(err)
			open.Done()
			open.Wait()
			fail(ask(st, i, size))
			fail(st.Close())
		}(i)
	}
	all.Wait()
	finish(session)
}

func shuffled(conn net.Conn, config *yamux.Config, n int) {
	var held [][]byte
	w := &wire{Conn: conn}
	w.sent = func(f frame, head []byte) bool {
		if !f.ofStream(flagSYN) {
			return false
		}
		held = append(held, append([]byte(nil), head...))
		return true
	}
	session, err := yamux.Server(w, config)
	fail(err)
	streams := make([]*yamux.Stream, n)
	for i := range streams {
		streams[i], err = session.OpenStream()
		fail(err)
	}
	if len(held) != n {
		fail(fmt.Errorf("%d headers were kept back", len(held)))
	}
	rand.New(rand.NewSource(1)).Shuffle(n, func(i, j int) { held[i], held[j] = held[j], held[i] })
	falls := 0
	for i := 1; i < n; i++ {
		if parse(held[i]).id < parse(held[i-1]).id {
			falls++
		}
	}
	if falls < n/3 {
		fail(fmt.Errorf("the order falls only %d times", falls))
	}
	fail(w.release(held...))
	for i, st := range streams {
		fail(ask(st, i, 3000))
		fail(st.Close())
	}
	finish(session)
}

func gone(conn net.Conn, config *yamux.Config) {
	session, err := yamux.Server(conn, config)
	fail(err)
	st, err := session.OpenStream()
	fail(err)
	for {
		_, err = session.Ping()
		fail(err)
		other, err := session.OpenStream()
		if err == yamux.ErrRemoteGoAway {
			break
		}
		fail(err)
		other.Close()
	}
	fail(ask(st, 1, 100000))
	fail(st.Close())
	finish(session)
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	fail(err)
	return n
}

func main() {
	conn, err := net.FileConn(os.NewFile(3, "transport"))
	fail(err)
	time.AfterFunc(allWithin, func() { fail(fmt.Errorf("not within %v", allWithin)) })
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	switch os.Args[1] {
	case "client":
		client(conn, config)
	case "crowd":
		crowd(conn, config)
	case "narrow":
		narrow(conn, config)
	case "far":
		far(conn, config)
	case "server":
		server(conn, config, number(2), number(3))
	case "shuffled":
		shuffled(conn, config, number(2))
	case "gone":
		gone(conn, config)
	default:
		fail(fmt.Errorf("no such role: %s", os.Args[1]))
	}
}
