# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""One end of a tunnel that says whatever a story wants (tunnel.md), right or wrong: Peer is the agent's end at our daemon, Door where our
agent knocks. Nothing is answered by itself. Standard library only; every wait has a deadline; one thread uses a Peer."""

import json
import socket
import ssl
import struct
import time

import p2p
import raw

HEADER = struct.Struct("!BBHII")
DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
INITIAL_WINDOW = 262144


def frame(kind, flags, number, payload=b"", value=None, version=0):
    """The bytes of one; value: the length field, when it is not the payload's."""
    return HEADER.pack(version, kind, flags, number, len(payload) if value is None else value) + payload


def control(content):
    """A control frame of a stream: a dict, or bytes that are to be no JSON."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("!I", len(text)) + text


class Peer:
    """Either end, on a raw.Conn behind the 101. address: how the other side's log names it."""

    def __init__(self, conn):
        self.conn = conn
        self.address = "%s:%d" % conn.sock.getsockname()[:2]

    def close(self):
        self.conn.sock.close()

    def send(self, data):
        self.conn.sock.settimeout(raw.TIMEOUT)
        self.conn.send(data)

    def next(self, timeout=raw.TIMEOUT):
        """(kind, flags, number, length, payload); EOFError at the end."""
        deadline = time.monotonic() + timeout
        _version, kind, flags, number, length = HEADER.unpack(self._exactly(HEADER.size, deadline))
        return kind, flags, number, length, self._exactly(length, deadline) if kind == DATA else b""

    def _exactly(self, n, deadline):
        return self.conn._exactly(n, deadline)  # pylint: disable=protected-access

    def until(self, wanted):
        """The frames up to the first for which wanted (frame) is true, that one too; pings of the other side are answered."""
        frames = []
        while not frames or not wanted(frames[-1]):
            frames.append(self.next())
            if frames[-1][0] == PING and frames[-1][1] & SYN:
                self.send(frame(PING, ACK, 0, value=frames[-1][3]))
        return frames

    def is_alive(self, value=77):
        """Whether a ping is answered behind all that was sent before."""
        self.send(frame(PING, SYN, 0, value=value))
        try:
            self.until(lambda one: one[0] == PING and one[1] & ACK and one[3] == value)
            return True
        except EOFError:
            return False

    def end(self):
        """Reads to the end: the code of the last GOAWAY, or None."""
        code = None
        try:
            while True:
                one = self.next()
                code = one[3] if one[0] == GO_AWAY else code
        except (EOFError, OSError):
            self.close()
            return code

    def answer_of(self, number):
        """The content of the control frame that the other side sends on that stream, and whether its FIN followed."""
        data = b""
        while True:
            kind, flags, got, _length, payload = self.next()
            data += payload if kind == DATA and got == number else b""
            size = struct.unpack("!I", data[:4])[0] if len(data) >= 4 else 1 << 20
            if len(data) >= 4 + size or got == number and flags & (FIN | RST):
                return json.loads(data[4:4 + size]) if len(data) >= 4 + size else None


def knock(agent):
    """An agent's end at its daemon, which has it for connected."""
    conn = raw.Conn(agent.daemon.management_port, tls_name="localhost")
    conn.send(("GET /agent/tunnel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nX-P2PStream-Agent-ID: %s\r\n"
               "Connection: Upgrade\r\nUpgrade: p2pstream-yamux\r\nX-P2PStream-Tunnel-Version: 1\r\n\r\n"
               % (agent.token, agent.info["public_id"])).encode())
    answer = conn.read_message()
    if answer is None or answer[0] != 101:
        raise p2p.Failure("no tunnel: %s" % (answer,))
    agent.wait_state("connected")
    return Peer(conn)


class Door:
    """A server that our agents take for their daemon, whose management certificate it shows."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = daemon.ca_file.parent
        self.context.load_cert_chain(folder / "server.crt.pem", folder / "server.key.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(p2p.START_TIMEOUT)
        self.url = "https://127.0.0.1:%d" % self.listener.getsockname()[1]

    def start_agent(self, info, token):
        """An agent that was told to come here, and the server's end of its tunnel. Reports of other agents are let go."""
        agent = p2p.Agent(self.daemon, info, token, {"MANAGEMENT_URL": self.url})
        self.daemon.agents.append(agent)
        agent.start()
        while True:
            sock, _peer = self.listener.accept()
            conn = raw.Conn.__new__(raw.Conn)
            try:
                conn.sock, conn.buffer, conn.trailers = self.context.wrap_socket(sock, server_side=True), b"", []
                asked = conn.read_until(b"\r\n\r\n")
            except (OSError, EOFError):
                continue
            if asked.startswith(b"GET /agent/tunnel "):
                conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: p2pstream-yamux\r\n"
                          b"X-P2PStream-Tunnel-Version: 1\r\n\r\n")
                return agent, Peer(conn)
            sock.close()

    def close(self):
        self.listener.close()
