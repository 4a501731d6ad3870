# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""Many agents that are connected and have nothing to do: they answer pings, and probes as an agent of version 1 does. One thread for all.
Standard library only."""

import selectors
import socket
import ssl
import struct
import threading

import p2p

HEADER = struct.Struct("!BBHII")
DATA, WINDOW, PING = range(3)
SYN, ACK, FIN = 1, 2, 4
REFUSAL = b'{"ok":false,"error_kind":"invalid_open_request","error":"idle"}'


def frame(kind, flags, number, payload=b"", value=None):
    return HEADER.pack(0, kind, flags, number, len(payload) if value is None else value) + payload


class Tunnel:
    def __init__(self, daemon, context, made):
        plain = socket.create_connection(("127.0.0.1", daemon.management_port), p2p.START_TIMEOUT)
        self.sock, self.buffer = context.wrap_socket(plain, server_hostname="localhost"), b""
        self.sock.sendall(("GET /agent/tunnel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nX-P2PStream-Agent-ID: %s\r\n"
                           "Connection: Upgrade\r\nUpgrade: p2pstream-yamux\r\nX-P2PStream-Tunnel-Version: 1\r\n\r\n"
                           % (made["token"], made["public_id"])).encode())
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(4096)
            if not piece:
                raise p2p.Failure("no tunnel: %r" % self.buffer)
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise p2p.Failure("no tunnel: %r" % head)
        self.sock.setblocking(False)

    def read(self):
        try:
            while True:
                piece = self.sock.recv(65536)
                if not piece:
                    return False
                self.buffer += piece
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        while len(self.buffer) >= HEADER.size:
            _version, kind, flags, number, length = HEADER.unpack_from(self.buffer)
            size = HEADER.size + (length if kind == DATA else 0)
            if len(self.buffer) < size:
                break
            self.buffer = self.buffer[size:]
            self.answer(kind, flags, number, length)
        return True

    def answer(self, kind, flags, number, length):
        """Answers are short and few: the socket takes them."""
        if kind == PING and flags & SYN:
            self.sock.sendall(frame(PING, ACK, 0, value=length))
        elif kind in (DATA, WINDOW) and flags & SYN:
            self.sock.sendall(frame(WINDOW, ACK, number, value=0)
                              + frame(DATA, FIN, number, struct.pack("!I", len(REFUSAL)) + REFUSAL))


class IdleAgents:
    """n of them on that daemon, registered and connected; lost counts those whose session ended."""

    def __init__(self, daemon, n):
        context = daemon.tls_context()
        self.selector, self.lost = selectors.EpollSelector(), 0
        self.end, self.other_end = socket.socketpair()
        self.selector.register(self.end, selectors.EVENT_READ)
        self.tunnels = []
        self.thread = threading.Thread(target=self.main, daemon=True)
        self.thread.start()  # the first ones are pinged while others connect: epoll bears that they are added
        for i in range(n):
            made = daemon.call("POST", "/agents", {"name": "idle-%d" % i, "enabled": True, "labels": {"site": "idle"}})
            self.tunnels.append(Tunnel(daemon, context, made))
            self.selector.register(self.tunnels[-1].sock, selectors.EVENT_READ, self.tunnels[-1])

    def main(self):
        while True:
            for key, _events in self.selector.select():
                if not key.data:
                    return
                if not key.data.read():
                    self.lost += 1
                    self.selector.unregister(key.fileobj)

    def close(self):
        self.other_end.close()
        self.thread.join()
        for tunnel in self.tunnels:
            tunnel.sock.close()
        self.selector.close()
        self.end.close()
