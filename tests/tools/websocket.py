#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""WebSockets (RFC 6455) by the thousand: an origin that echoes, in a process of its own, and clients in this one. One thread each,
nothing blocks behind the opening. Standard library only.

    websocket.py origin [CERTIFICATE KEY]     prints its port; then a line "count" on its input gives the number of open WebSockets,
                                              "close N" closes N of them at random with a Close frame, "cut N" without a word,
                                              "say N" sends a Ping on N of them

The origin ends when its input does."""

import base64
import hashlib
import os
import pathlib
import random
import resource
import selectors
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import p2p  # noqa: E402

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
WITHIN = 120  # seconds for anything that thousands do
AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def raise_limit():
    """As many descriptors as are allowed; how many that is."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def lower_limit():
    """As a shell or a service manager gives it to what does not ask for more."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def frame(opcode, payload, masked):
    """One frame with FIN; a client's are masked (section 5.3)."""
    head = bytes([0x80 | opcode])
    flag = 0x80 if masked else 0
    head += bytes([flag | len(payload)]) if len(payload) < 126 else struct.pack("!BH", flag | 126, len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(c ^ mask[i & 3] for i, c in enumerate(payload))


def parse_frame(buffer):
    """(opcode, payload, rest), or None while it is not whole. Payloads of at most 65 535 bytes, masked or not."""
    if len(buffer) < 2:
        return None
    n, at = buffer[1] & 0x7F, 2
    if n == 126:
        if len(buffer) < 4:
            return None
        n, at = struct.unpack_from("!H", buffer, 2)[0], 4
    if n == 127:
        raise ValueError("too long a frame")
    mask = b""
    if buffer[1] & 0x80:
        mask, at = buffer[at:at + 4], at + 4
    if len(buffer) < at + n:
        return None
    payload = buffer[at:at + n]
    if mask:
        payload = bytes(c ^ mask[i & 3] for i, c in enumerate(payload))
    return buffer[0] & 0x0F, payload, buffer[at + n:]


# ---- The origin's process ---------------------------------------------------------------------------------


class Served:
    """A connection of the origin's. Answers are short: what the socket does not take at once ends it."""

    def __init__(self, sock):
        self.sock, self.buffer, self.open, self.shaken = sock, b"", False, not isinstance(sock, ssl.SSLSocket)

    def read(self):
        """False: it is over."""
        try:
            if not self.shaken:
                self.sock.do_handshake()
                self.shaken = True
            while True:
                piece = self.sock.recv(65536)
                if not piece:
                    return False
                self.buffer += piece
                if not self.take():
                    return False
        except AGAIN:
            return True
        except (OSError, ValueError):
            return False

    def take(self):
        while not self.open and b"\r\n\r\n" in self.buffer:
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            self.answer(head)
        while self.open:
            found = parse_frame(self.buffer)
            if not found:
                return True
            opcode, payload, self.buffer = found
            if opcode == CLOSE:
                self.sock.sendall(frame(CLOSE, payload, False))
                return False
            self.sock.sendall(frame(PONG if opcode == PING else opcode, payload, False))
        return True

    def answer(self, head):
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:])}
        key = fields.get("sec-websocket-key")
        if key and fields.get("upgrade") == "websocket" and fields.get("connection", "").lower() == "upgrade":
            self.sock.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: %s\r\n\r\n" % accept_value(key)).encode())
            self.open = True
        else:
            self.sock.sendall(b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")


class OriginMain:
    def __init__(self, context):
        self.context, self.selector, self.served = context, selectors.DefaultSelector(), {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.command)
        print(self.listener.getsockname()[1], flush=True)

    def accept(self, _key):
        for _i in range(64):
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self.served[sock] = Served(sock)
            self.selector.register(sock, selectors.EVENT_READ, self.ready)

    def ready(self, key):
        served = self.served.get(key.fileobj)
        if served and not served.read():
            self.end(served)

    def end(self, served):
        self.selector.unregister(served.sock)
        del self.served[served.sock]
        served.sock.close()

    def command(self, _key):
        words = sys.stdin.readline().split()
        if not words:
            sys.exit(0)
        opened = [served for served in self.served.values() if served.open]
        if words[0] == "count":
            print(len(opened), flush=True)
            return
        for served in random.sample(opened, min(int(words[1]), len(opened))):
            self.one(served, words[0])

    def one(self, served, word):
        frames = {"close": frame(CLOSE, struct.pack("!H", 1001), False), "say": frame(PING, b"there?", False)}
        try:
            served.sock.sendall(frames.get(word, b""))
        except OSError:
            pass
        if word != "say":
            self.end(served)

    def run(self):
        while True:
            for key, _events in self.selector.select():
                key.data(key)


class Origin:
    """The origin as a process. context_files: (certificate, key) for TLS."""

    def __init__(self, context_files=()):
        self.popen = subprocess.Popen([sys.executable, __file__, "origin"] + [str(path) for path in context_files],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = "%s://127.0.0.1:%d" % ("https" if context_files else "http", int(self.popen.stdout.readline()))

    def tell(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def count(self):
        self.tell("count")
        return int(self.popen.stdout.readline())

    def close(self):
        self.popen.stdin.close()
        self.popen.wait(p2p.STOP_TIMEOUT)
        self.popen.stdout.close()


# ---- The clients ------------------------------------------------------------------------------------------


class Refused(p2p.Failure):
    """The answer was not 101."""


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Client:
    """One WebSocket: open when made, or, with wait=False, asked for, and open behind await_answer ()."""

    def __init__(self, port, host, context=None, address="127.0.0.1", wait=True):
        self.key, self.buffer = base64.b64encode(os.urandom(16)).decode(), b""
        self.sock = socket.create_connection((address, port), 30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.sock.sendall(("GET /chat HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (host, self.key)).encode())
        if wait:
            self.await_answer()

    def await_answer(self):
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(4096)
            if not piece:
                raise Refused("closed after %r" % self.buffer)
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 ") or accept_value(self.key).encode() not in head:
            raise Refused(head.decode("latin-1"))
        self.sock.setblocking(False)

    def leave(self, reset):
        """The socket is closed by who drops it."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        try:
            self.send(CLOSE, struct.pack("!H", 1000))
        except AGAIN + (OSError,):
            pass

    def send(self, opcode, payload):
        self.sock.sendall(frame(opcode, payload, True))

    def read(self):
        """The frames that are there, and whether it is open still."""
        frames, alive = [], True
        try:
            while True:
                piece = self.sock.recv(65536)
                if not piece:
                    alive = False
                    break
                self.buffer += piece
        except AGAIN:
            pass
        except OSError:
            alive = False
        while True:
            found = parse_frame(self.buffer)
            if not found:
                return frames, alive
            frames.append(found[:2])
            self.buffer = found[2]


class Clients:
    """n WebSockets, opened one after the other, or with at_once all asked for before the first answer is read."""

    def __init__(self, port, host, n, tls=False, look=lambda: None, at_once=False):
        context = tls_context() if tls else None
        self.selector, self.clients = selectors.DefaultSelector(), []
        for i in range(n):
            self.clients.append(Client(port, host, context, wait=not at_once))
            if i % 100 == 0:
                look()
        for client in self.clients:
            if at_once:
                client.await_answer()
            self.selector.register(client.sock, selectors.EVENT_READ, client)
        look()

    def __len__(self):
        return len(self.clients)

    def drop(self, client):
        self.selector.unregister(client.sock)
        client.sock.close()
        self.clients.remove(client)

    def echo(self, within=WITHIN, look=lambda: None):
        """Each sends one frame, all at once; (how many came back as they were, the seconds until the last). Those that ended meanwhile
        are dropped."""
        begin, left, good = time.monotonic(), {}, 0
        for i, client in enumerate(self.clients):
            left[client] = b"message %d" % i
            try:
                client.send(TEXT, left[client])
            except AGAIN + (OSError,):
                pass
        last = begin
        while left and time.monotonic() < begin + within:
            look()
            for key, _events in self.selector.select(0.5):
                client = key.data
                frames, alive = client.read()
                for opcode, payload in frames:
                    if opcode == TEXT and left.pop(client, None) == payload:
                        good += 1
                        last = time.monotonic()
                if not alive:
                    left.pop(client, None)
                    self.drop(client)
        return good, last - begin

    def sweep(self):
        """Drops those that have ended."""
        for key, _events in self.selector.select(0):
            if not key.data.read()[1]:
                self.drop(key.data)
        return True

    def close(self):
        for client in self.clients:
            client.sock.close()
        self.clients = []
        self.selector.close()


# ---- A place for them, and what they cost -----------------------------------------------------------------


def status(pid, name):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise p2p.Failure("process %d has no %s" % (pid, name))


def n_sockets(pid):
    n = 0
    for link in pathlib.Path("/proc/%d/fd" % pid).iterdir():
        try:
            n += os.readlink(link).startswith("socket:")
        except OSError:
            pass  # closed meanwhile
    return n


class Meter:
    """What one process has, as it was at the start and at moments with names."""

    def __init__(self, name, process):
        self.name, self.pid, self.moments, self.threads_max = name, process.pid, {}, 0
        self.note("start")

    def look(self):
        self.threads_max = max(self.threads_max, status(self.pid, "Threads"))

    def note(self, moment):
        self.look()
        self.moments[moment] = {"threads": status(self.pid, "Threads"), "rss_kib": status(self.pid, "VmRSS"),
                                "sockets": n_sockets(self.pid)}

    def threads_more(self):
        """Now, than at the start."""
        return status(self.pid, "Threads") - self.moments["start"]["threads"]

    def bytes_each(self, moment, n):
        return (self.moments[moment]["rss_kib"] - self.moments["start"]["rss_kib"]) * 1024 // max(n, 1)

    def is_empty(self):
        return n_sockets(self.pid) <= self.moments["start"]["sockets"]


class Site:
    """An origin behind a daemon, one listener, directly or through an agent, with TLS before and behind the daemon or without. The first
    few WebSockets have come and gone, so that the meters start with what every site has."""

    HOST = "ws.test"

    def __init__(self, daemon, tls=False, origin_tls=False, through_agent=False):
        daemon.set_up()
        self.tls, folder = tls, daemon.ca_file.parent
        self.origin = Origin((folder / "server.crt.pem", folder / "server.key.pem") if origin_tls else ())
        listener = daemon.create_listener("web", "https" if tls else "http")
        target = {"type": "proxy", "transport": "direct", "url": self.origin.url, "tls_skip_verify": origin_tls}
        if through_agent:
            agent = daemon.start_agent("edge")
            target["transport"] = "agent"
            target["agent_selector"] = {"match_labels": {"p2pstream.io/agent-id": agent.info["public_id"]}}
        daemon.create_route(listener, "ws", target=target)
        self.port = listener["status"]["bound_port"]
        warm = self.open(4)
        warm.echo()
        warm.close()
        p2p.poll(lambda: self.origin.count() == 0, "the first ones are closed")
        self.meters = [Meter("daemon", daemon)] + [Meter("agent", agent) for agent in daemon.agents]

    def open(self, n, look=lambda: None, at_once=False):
        return Clients(self.port, self.HOST, n, self.tls, look, at_once)

    def look(self):
        for meter in self.meters:
            meter.look()

    def note(self, moment):
        for meter in self.meters:
            meter.note(moment)

    def await_empty(self):
        p2p.poll(lambda: self.origin.count() == 0, "the origin sees the end of all of them", WITHIN)
        p2p.poll(lambda: all(meter.is_empty() for meter in self.meters), "their descriptors are closed", WITHIN)

    def close(self):
        self.origin.close()


def main():
    if len(sys.argv) not in (2, 4) or sys.argv[1] != "origin":
        print(__doc__, file=sys.stderr)
        return 2
    raise_limit()
    context = None
    if len(sys.argv) == 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    OriginMain(context).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
