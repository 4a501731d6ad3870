# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""HTTP/1.1 as bytes: a client that sends what it is told, and an origin that writes down what reached it and answers what it
is told. Standard library only; every wait has a deadline."""

import select
import socket
import ssl
import threading
import time

TIMEOUT = 20


def close_conn(_sock):
    return False


def end_writing(sock):
    """Half-close: FIN, or close_notify when there is TLS. What the other end still says can be read."""
    if not isinstance(sock, ssl.SSLSocket):
        sock.shutdown(socket.SHUT_WR)
        return
    sock.setblocking(False)
    try:
        sock.unwrap()
    except OSError:
        pass  # the alert is out; the other end's comes later (SSLWantReadError), or its end has come
    sock.settimeout(TIMEOUT)


AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Conn:
    """A client's connection, from the source address if there is one. trailers: the lines behind the last chunked answer."""

    def __init__(self, port, tls_name=None, address="127.0.0.1", source=None):
        self.sock = socket.create_connection((address, port), TIMEOUT, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls_name is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=tls_name or None)
        self.buffer, self.trailers = b"", []

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.sock.close()

    def send(self, data):
        """Sends; an end that closed already is found at the next read."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def send_some(self, data):
        """What of it was not taken at once. Does not block."""
        self.sock.settimeout(0)
        try:
            while data:
                data = data[self.sock.send(data):]
        except AGAIN:
            pass
        return data

    def send_and_hear(self, data, timeout=TIMEOUT):
        """Sends while it reads into the buffer, on one thread: a TLS connection bears no two. Whether all was taken."""
        deadline = time.monotonic() + timeout
        while data and time.monotonic() < deadline:
            data = self.send_some(data)
            try:
                piece = self.sock.recv(65536)
                if not piece:
                    return False
                self.buffer += piece
            except AGAIN:
                select.select([self.sock], [self.sock] if data else [], [], 0.1)
        return not data

    def _more(self, deadline):
        self.sock.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLZeroReturnError):
            piece = b""
        self.buffer += piece
        return bool(piece)

    def end_writing(self):
        end_writing(self.sock)

    def read_until(self, wanted, timeout=TIMEOUT):
        """What came so far, as soon as it holds the wanted bytes; EOFError when the end comes first."""
        deadline = time.monotonic() + timeout
        while wanted not in self.buffer:
            if not self._more(deadline):
                raise EOFError("ended before %r: %r" % (wanted, self.buffer[-300:]))
        data, self.buffer = self.buffer, b""
        return data

    def read_all(self, timeout=TIMEOUT):
        """All bytes up to the end of the connection; TimeoutError when it stays open."""
        deadline = time.monotonic() + timeout
        while self._more(deadline):
            if time.monotonic() > deadline:
                raise TimeoutError
        data, self.buffer = self.buffer, b""
        return data

    def read_message(self, head_request=False, timeout=TIMEOUT):
        """One answer: (status, fields, body); None at the end of the connection. fields is a list of (lower-case name, value)."""
        deadline = time.monotonic() + timeout
        while b"\r\n\r\n" not in self.buffer:
            if not self._more(deadline):
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines[1:])]
        if head_request or status < 200 or status in (204, 304):
            return status, fields, b""
        return status, fields, self._body(dict(fields), deadline)

    def _body(self, fields, deadline):
        if "content-length" in fields:
            return self._exactly(int(fields["content-length"]), deadline)
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(self._line(deadline).split(b";")[0], 16)
                if size == 0:
                    self.trailers = list(iter(lambda: self._line(deadline), b""))
                    return body
                body += self._exactly(size, deadline)
                self._line(deadline)
        while self._more(deadline):
            pass
        body, self.buffer = self.buffer, b""
        return body

    def _exactly(self, n, deadline):
        while len(self.buffer) < n:
            if not self._more(deadline):
                raise EOFError("the body ended after %d of %d bytes" % (len(self.buffer), n))
        body, self.buffer = self.buffer[:n], self.buffer[n:]
        return body

    def _line(self, deadline):
        while b"\r\n" not in self.buffer:
            if not self._more(deadline):
                raise EOFError("the chunks ended early")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line


class Seen:
    """A request as it reached the origin: bytes of the head, of the body with its framing (whole: it came to its end), and the
    connection's number."""

    def __init__(self, head, conn):
        self.head, self.body, self.whole, self.conn = head, b"", False, conn
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.target = self.line.split(" ")[1] if self.line.count(" ") == 2 else ""
        self.fields = [(name.lower(), value.strip()) for name, _colon, value in (line.partition(":") for line in lines[1:])]

    def values(self, name):
        return [value for key, value in self.fields if key == name]


class Origin:
    """answer (seen) gives the bytes to send, or (bytes, then): then (sock) is called when they are sent and says whether the
    connection goes on (raw.close_conn: no). The default is 200 with the target as the body. greeting: sent when a connection
    comes. It frames requests as an ordinary server would and writes down every one. port: to come back where one was. context:
    to speak TLS. path: of a Unix socket, instead of a port."""

    def __init__(self, answer=None, port=0, greeting=b"", context=None, path=None):
        self.answer, self.greeting = answer or self.echo, greeting
        self.seen, self.n_conns, self.n_bytes, self.lock = [], 0, 0, threading.Lock()
        self.socks, self.closed, self.context = set(), False, context
        if path:
            self.listener, self.port, self.url = socket.create_server(path, family=socket.AF_UNIX, backlog=512), None, "unix:" + path
        else:
            self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
            self.port = self.listener.getsockname()[1]
            self.url = "%s://127.0.0.1:%d" % ("https" if context else "http", self.port)
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def echo(seen):
        body = seen.target.encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def take(self):
        """What was seen since the last call."""
        with self.lock:
            seen, self.seen = self.seen, []
        return seen

    def close(self):
        """Ends as a process does: nobody listens any more, and every connection is at its end."""
        with self.lock:
            self.closed = True
            socks = list(self.socks)
        for sock in [self.listener] + socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # a thread that waits in accept or recv would keep it alive
            except OSError:
                pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.closed:
                    sock.close()
                    return
                self.n_conns += 1
                number = self.n_conns
                self.socks.add(sock)
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            if self.context:
                plain, sock = sock, self.context.wrap_socket(sock, server_side=True)
                with self.lock:
                    self.socks.discard(plain)
                    self.socks.add(sock)
            with sock:
                # What a story sends second must not wait for the first to be acknowledged.
                if self.port:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(self.greeting)
                self._requests(sock, number)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.socks.discard(sock)

    def _requests(self, sock, number):
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                piece = sock.recv(65536)
                if not piece:
                    return
                buffer += piece
                self.n_bytes += len(piece)
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            seen = Seen(head, number)
            with self.lock:
                self.seen.append(seen)
            if seen.values("expect"):
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            buffer = self._read_body(sock, seen, buffer)
            if buffer is None:
                return
            data = self.answer(seen)
            data, then = data if isinstance(data, tuple) else (data, None)
            sock.sendall(data)
            if then and not then(sock):
                return

    @staticmethod
    def _read_body(sock, seen, buffer):
        """Into seen.body, with the framing; gives back what follows it, or None when the connection ended first."""
        length, coding = seen.values("content-length"), seen.values("transfer-encoding")
        while True:
            if coding:
                end = 5 if buffer.startswith(b"0\r\n\r\n") else buffer.find(b"\r\n0\r\n")
                if end != 5 and end >= 0:
                    end = buffer.find(b"\r\n\r\n", end)
                    end = end + 4 if end >= 0 else -1
            else:
                end = int(length[0]) if length else 0
                end = end if len(buffer) >= end else -1
            if end >= 0:
                seen.body, seen.whole = buffer[:end], True
                return buffer[end:]
            piece = sock.recv(65536)
            if not piece:
                seen.body = buffer
                return None
            buffer += piece


class StoryOrigin(Origin):
    """Each request is answered by the method play_NAME (sock, seen, buffer) that its target /NAME?... names ("-" for "_"). buffer: what came
    behind the head; the method gives back what is left of it, or None when the connection ends. Others are read and echoed."""

    def _requests(self, sock, number):
        buffer = b""
        while buffer is not None:
            while b"\r\n\r\n" not in buffer:
                piece = sock.recv(65536)
                if not piece:
                    return
                buffer += piece
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            seen = Seen(head, number)
            with self.lock:
                self.seen.append(seen)
            play = getattr(self, "play_" + seen.target[1:].split("?")[0].replace("-", "_"), None)
            buffer = play(sock, seen, buffer) if play else self._play_other(sock, seen, buffer)

    def _play_other(self, sock, seen, buffer):
        buffer = self._read_body(sock, seen, buffer)
        sock.sendall(self.echo(seen))
        return buffer
