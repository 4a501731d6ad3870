# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A server that speaks enough of the management API for the desktop client, with faults on demand."""
import contextlib
import hashlib
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import urllib.parse

TOKEN = "p2pst_fake"
SETUP_TOKEN = "setup-token-of-the-test"


def make_certificate(folder, name="localhost"):
    crt, key = f"{folder}/{name}.crt.pem", f"{folder}/{name}.key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "3650", "-subj", "/O=p2pstream/CN=p2pstream management", "-addext",
                    f"subjectAltName=DNS:{name},DNS:p2pstream.local,IP:127.0.0.1", "-keyout", key, "-out", crt],
                   check=True, capture_output=True)
    return crt, key


def fingerprint(crt):
    """As the desktop client shows it: eight bytes a line."""
    der = ssl.PEM_cert_to_DER_cert(open(crt).read())
    pairs = [f"{byte:02X}" for byte in hashlib.sha256(der).digest()]
    return "\n".join(":".join(pairs[i:i + 8]) for i in range(0, 32, 8))


def target(ident, url, health="healthy", **more):
    return {"id": ident, "name": "", "type": "proxy", "enabled": True, "transport": "direct", "url": url,
            "agent_selector": {"match_labels": {}}, "status": {"health": health, "last_error": None,
                                                              "active_requests": 0}, **more}


def lists_of_a_small_house():
    return {
        "listeners": [
            {"id": 1, "version": 1, "name": "web", "protocol": "https", "bind_address": "", "port": 443,
             "enabled": True, "status": {"state": "running", "bound_port": 443, "last_error": None}},
            {"id": 2, "version": 1, "name": "plain", "protocol": "http", "bind_address": "192.0.2.1", "port": 80,
             "enabled": True, "status": {"state": "error", "bound_port": 0,
                                         "last_error": "listener 'plain': port 80: permission denied"}},
            {"id": 3, "version": 1, "name": "lab", "protocol": "http", "bind_address": "127.0.0.1", "port": 8088,
             "enabled": False, "status": {"state": "stopped", "bound_port": 0, "last_error": None}},
        ],
        "routes": [
            {"id": 1, "version": 1, "listener_id": 1, "name": "photos", "priority": 10,
             "host_pattern": "photos.example.com", "path_prefix": "/", "enabled": True, "is_default": False,
             "action": "forward", "targets": [
                 target(1, "http://127.0.0.1:2342", transport="agent",
                        agent_selector={"match_labels": {"site": "garage"}})]},
            {"id": 2, "version": 1, "listener_id": 1, "name": "git", "priority": 20,
             "host_pattern": "git.example.com", "path_prefix": "/", "enabled": True, "is_default": False,
             "action": "forward", "targets": [
                 target(2, "http://10.0.0.7:3000"),
                 target(3, "http://10.0.0.8:3000", "unhealthy")]},
            {"id": 3, "version": 1, "listener_id": 2, "name": "to https", "priority": 10, "host_pattern": "",
             "path_prefix": "/", "enabled": True, "is_default": True, "action": "redirect",
             "redirect_target": "https://example.com", "targets": []},
        ],
        "agents": [
            {"id": 1, "version": 1, "public_id": "ag_7d1f", "name": "garage", "enabled": True,
             "labels": {"site": "garage"}, "status": {
                 "state": "connected", "address": "203.0.113.9", "version": "0.1.0", "version_mismatch": False,
                 "round_trip_ms": 12.4, "active_requests": 3, "connected_at": "2026-03-02T08:15:00.000Z"}},
            {"id": 2, "version": 1, "public_id": "ag_90aa", "name": "<b>cabin</b>", "enabled": True, "labels": {},
             "status": {"state": "offline", "address": "", "version": "", "disconnected_at": None}},
        ],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def reply(self, status, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json" if status < 300 else "application/problem+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, word, detail):
        self.reply(status, {"type": f"urn:p2pstream:problem:{word}", "title": word, "status": status,
                            "detail": detail, "request_id": "r1"})

    def handle_call(self):
        fake = self.server.fake
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = urllib.parse.urlsplit(self.path).path.removeprefix("/api/v1")
        with fake.lock:
            fake.calls.append((self.command, path))
            self.answer(fake, path, body)

    do_GET = do_POST = do_PATCH = handle_call

    def answer(self, fake, path, body):
        call = f"{self.command} {path}"
        if call in fake.faults:
            return self.problem(*fake.faults[call])
        if call == "GET /setup":
            return self.reply(200, {"setup_required": fake.users == {}, "window_open": fake.users == {},
                                    "window_seconds_left": 290})
        if call == "POST /setup":
            if body["setup_token"] != SETUP_TOKEN:
                return self.problem(403, "forbidden", "the setup token is wrong")
            fake.users[body["username"]] = body["password"]
            return self.reply(201, {"user": {"id": 1, "username": body["username"], "role": "admin"},
                                    "expires_at": "2027-01-01T00:00:00.000Z", "token": TOKEN})
        if call == "POST /login":
            if fake.users.get(body["username"]) != body["password"]:
                return self.problem(401, "unauthorized", "user name or password is wrong")
            fake.sessions.add(TOKEN)
            return self.reply(200, {"user": {"id": 1, "username": body["username"], "role": "admin"},
                                    "expires_at": "2027-01-01T00:00:00.000Z", "token": TOKEN})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" or TOKEN not in fake.sessions:
            return self.problem(401, "unauthorized", "sign in first")
        return self.answer_signed_in(fake, call, path.split("/")[1:], body)

    def answer_signed_in(self, fake, call, parts, body):
        if call == "GET /me":
            return self.reply(200, {"kind": "session", "name": next(iter(fake.users)), "role": "admin",
                                    "user": {"id": 1, "username": next(iter(fake.users)), "role": "admin"}})
        if call == "POST /logout":
            fake.sessions.discard(TOKEN)
            return self.reply(204)
        if self.command == "GET" and parts[0] in fake.lists:
            return self.reply(200, {"items": fake.lists[parts[0]], "next_cursor": None})
        found = [item for item in fake.lists.get(parts[0], []) if len(parts) > 1 and str(item["id"]) == parts[1]]
        if not found:
            return self.problem(404, "not-found", f"no such thing: {call}")
        if self.command == "PATCH":
            if self.headers.get("If-Match") != f'"{found[0]["version"]}"':
                return self.problem(412, "precondition-failed", "someone else was faster")
            found[0].update(body)
            found[0]["version"] += 1
        elif parts[2] in ("start", "stop"):
            found[0]["status"]["state"] = "running" if parts[2] == "start" else "stopped"
        return self.reply(200, found[0])


class Server(http.server.ThreadingHTTPServer):
    """Ends with its connections: none of them takes a request after server_close ()."""

    daemon_threads = False  # so that server_close () joins them

    def __init__(self, *args, **kwargs):
        self.lock = threading.Lock()
        self.connections = set()
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address):
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self):
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not of the TLS object: it has a thread
        super().server_close()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a connection's end is none
            super().handle_error(request, client_address)


class FakeServer:
    """Attributes may be changed by the test under self.lock while the server runs."""

    def __init__(self, folder, users=None, port=0):
        self.lock = threading.Lock()
        self.calls = []
        self.faults = {}  # "METHOD /path" -> (status, word, detail)
        self.users = dict(users or {})
        self.sessions = {TOKEN}
        self.lists = {"listeners": [], "routes": [], "agents": []}
        self.folder = folder
        self.crt, self.key = make_certificate(folder)
        self.http = None
        self.port = port

    def renew(self, name="localhost"):
        """Another certificate, from the next start on."""
        self.crt, self.key = make_certificate(self.folder, name)

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.crt, self.key)
        self.http = Server(("127.0.0.1", self.port), Handler, bind_and_activate=False)
        self.http.allow_reuse_address = True
        self.http.fake = self
        self.http.server_bind()
        self.http.server_activate()
        self.port = self.http.server_port
        # The handshake belongs to the connection's thread: a silent client must not stop the accepting one.
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
