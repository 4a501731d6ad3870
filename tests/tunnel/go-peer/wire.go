// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (C) 2026 The p2pstream developers

package main

import (
	"encoding/binary"
	"net"
	"sync"
)

// Frames, as the specification numbers them.
const (
	kindData   = 0
	kindWindow = 1
	kindPing   = 2

	flagSYN = 1
	flagACK = 2

	headSize = 12
)

type frame struct {
	kind       byte
	flags      uint16
	id, length uint32
}

func parse(head []byte) frame {
	return frame{head[1], binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])}
}

// ofStream tells frames of streams from pings, whose flags mean something else.
func (f frame) ofStream(flag uint16) bool {
	return f.kind <= kindWindow && f.flags&flag != 0
}

// wire is a transport that sees every frame header. The hooks are set before the session starts: got runs in the session's
// reader, sent, with mu held, before the header is written, and may keep the header back (true).
type wire struct {
	net.Conn
	got  func(f frame)
	sent func(f frame, head []byte) bool

	head []byte // of the frame being read; reader only
	skip int    // bytes of its payload still to come; reader only

	mu   sync.Mutex
	body int      // bytes of the frame being written still to come (mu)
	late [][]byte // headers that wait for that frame's end (mu)
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if w.skip > 0 {
			part := w.skip
			if part > len(rest) {
				part = len(rest)
			}
			w.skip -= part
			rest = rest[part:]
			continue
		}
		w.head = append(w.head, rest[0])
		rest = rest[1:]
		if len(w.head) < headSize {
			continue
		}
		f := parse(w.head)
		w.head = w.head[:0]
		if f.kind == kindData {
			w.skip = int(f.length)
		}
		if w.got != nil {
			w.got(f)
		}
	}
	return n, err
}

// Write relies on hashicorp's way: a header is one call, its payload others.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.body > 0 {
		n, err := w.Conn.Write(p)
		w.body -= n
		if err == nil {
			err = w.flushLocked()
		}
		return n, err
	}
	f := parse(p)
	if w.sent != nil && w.sent(f, p) {
		return len(p), nil
	}
	if f.kind == kindData {
		w.body = int(f.length)
	}
	return w.Conn.Write(p)
}

// flushLocked writes what waited, between frames.
func (w *wire) flushLocked() error {
	for w.body == 0 && len(w.late) > 0 {
		if _, err := w.Conn.Write(w.late[0]); err != nil {
			return err
		}
		w.late = w.late[1:]
	}
	return nil
}

// release writes headers that were kept back, now or after the frame being written.
func (w *wire) release(heads ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, heads...)
	return w.flushLocked()
}
