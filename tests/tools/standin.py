# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A stand-in for an agent that refuses streams: it answers SYN by RST, without ever having looked at the stream, as an agent does whose
backlog is full. Streams that it takes go to their origin. Small messages only. Standard library only; one thread."""

import json
import select
import socket
import ssl
import struct
import threading

import p2p
import raw

HEADER = struct.Struct("!BBHII")
DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
ALL = 1 << 30


class Stream:
    def __init__(self):
        self.begun, self.origin = b"", None  # begun: bytes before the origin is known


class StandIn:
    """refuse: so many of the next SYNs; refused and taken count them. With hold, a refusal waits until that many bytes of the stream's data
    are there."""

    def __init__(self, agent):
        self.agent, self.refuse, self.hold, self.refused, self.taken = agent, 0, 0, 0, 0
        self.conn = raw.Conn(agent.daemon.management_port, tls_name="localhost")
        self.conn.send(("GET /agent/tunnel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nX-P2PStream-Agent-ID: %s\r\n"
                        "Connection: Upgrade\r\nUpgrade: p2pstream-yamux\r\nX-P2PStream-Tunnel-Version: 1\r\n\r\n"
                        % (agent.token, agent.info["public_id"])).encode())
        answer = self.conn.read_message()
        if answer is None or answer[0] != 101:
            raise p2p.Failure("no tunnel: %s" % (answer,))
        self.sock, self.input = self.conn.sock, self.conn.buffer
        self.streams, self.held, self.ids = {}, {}, {}
        self.end, self.other_end = socket.socketpair()
        self.thread = threading.Thread(target=self._main, daemon=True)
        self.thread.start()
        agent.wait_state("connected")

    def close(self):
        self.other_end.close()
        self.thread.join(raw.TIMEOUT)

    def _send(self, kind, flags, number, payload=b"", value=None):
        self.sock.settimeout(raw.TIMEOUT)
        self.sock.sendall(HEADER.pack(0, kind, flags, number, len(payload) if value is None else value) + payload)

    def _main(self):
        try:
            while True:
                self._frames()
                ready = [self.sock] if self.sock.pending() else select.select([self.sock, self.end] + list(self.ids), [], [])[0]
                if self.end in ready:
                    return
                for sock in ready:
                    if sock is self.sock:
                        self._read()
                    elif sock in self.ids:
                        self._from_origin(sock)
        except OSError:
            pass  # the daemon has ended the session
        finally:
            self.end.close()
            for sock in [self.sock] + list(self.ids):
                sock.close()

    def _read(self):
        self.sock.settimeout(0)
        try:
            piece = self.sock.recv(1 << 16)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        if not piece:
            raise ConnectionError
        self.input += piece

    def _frames(self):
        while len(self.input) >= HEADER.size:
            _version, kind, flags, number, length = HEADER.unpack_from(self.input)
            size = HEADER.size + (length if kind == DATA else 0)
            if len(self.input) < size:
                return
            payload, self.input = self.input[HEADER.size:size], self.input[size:]
            if kind == PING and flags & SYN:
                self._send(PING, ACK, 0, value=length)
            elif kind in (DATA, WINDOW):
                self._of_stream(flags, number, payload)

    def _of_stream(self, flags, number, payload):
        if flags & SYN and self.refuse > 0:
            self.refuse -= 1
            self.held[number] = 0
        elif flags & SYN:
            self.taken += 1
            self.streams[number] = Stream()
            self._send(WINDOW, ACK, number, value=0)
        if number in self.held:
            self.held[number] += len(payload)
            if self.held[number] >= self.hold:
                del self.held[number]
                self.refused += 1
                self._send(WINDOW, RST, number, value=0)
        elif number in self.streams:
            if payload:
                self._send(WINDOW, 0, number, value=len(payload))
                self._to_origin(number, self.streams[number], payload)
            if flags & (FIN | RST):
                self._end(number)

    def _to_origin(self, number, strm, payload):
        strm.begun += payload
        if not strm.origin:
            size = struct.unpack("!I", strm.begun[:4])[0] if len(strm.begun) >= 4 else ALL
            if len(strm.begun) < 4 + size:
                return
            host, _colon, port = json.loads(strm.begun[4:4 + size])["address"].rpartition(":")
            strm.begun = strm.begun[4 + size:]
            strm.origin = socket.create_connection((host, int(port)), raw.TIMEOUT)
            self.ids[strm.origin] = number
            answer = b'{"ok":true}'
            self._send(DATA, 0, number, struct.pack("!I", len(answer)) + answer)
        data, strm.begun = strm.begun, b""
        strm.origin.sendall(data)

    def _from_origin(self, sock):
        number = self.ids[sock]
        try:
            piece = sock.recv(1 << 14)
        except ConnectionError:
            piece = b""
        if piece:
            self._send(DATA, 0, number, piece)
        else:
            self._end(number)

    def _end(self, number):
        strm = self.streams.pop(number)
        self._send(DATA, FIN, number)
        if strm.origin:
            del self.ids[strm.origin]
            strm.origin.close()
