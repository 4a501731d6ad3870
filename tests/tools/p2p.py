# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A daemon with its agents for tests and benchmarks: started in a directory of its own on ports of the kernel's choice,
configured through the REST API as anybody would, stopped with everything it started.

    with Daemon() as daemon:
        daemon.set_up()
        web = daemon.create_listener("web", "http")
        daemon.create_route(web, "all", url="http://127.0.0.1:9000")
        agent = daemon.start_agent("edge")
        daemon.create_route(web, "behind", host="b.test", url="http://127.0.0.1:9000", agent=agent)
        ... http://127.0.0.1:%d/ % web["status"]["bound_port"]

Standard library only. Every wait has a deadline; a process that ends early or never gets ready raises with the end of its
log. One thread uses a Daemon; a second one, inside, reads the log."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

START_TIMEOUT = 30
STOP_TIMEOUT = 30
CALL_TIMEOUT = 30
LOG_LINES_KEPT = 20000
PROCESSES_KEPT = 4


class Failure(Exception):
    """Something did not happen in time, or a process ended."""


class ApiError(Exception):
    """An answer of the API that is not 2xx: status, problem (a dict, perhaps empty), headers."""

    def __init__(self, call, status, problem, headers):
        self.status, self.problem, self.headers = status, problem, headers
        super().__init__("%s: %d %s" % (call, status, json.dumps(problem)))


def build_dir():
    """Where the programs are: P2P_BUILDDIR or automake's G_TEST_BUILDDIR, else the working directory or ./build."""
    top = pathlib.Path(__file__).resolve().parents[2]
    named = os.environ.get("P2P_BUILDDIR") or os.environ.get("G_TEST_BUILDDIR")
    candidates = [pathlib.Path(named)] if named else [pathlib.Path.cwd(), pathlib.Path.cwd() / "build", top / "build", top]
    for folder in candidates:
        if any((folder / sub / "p2pstreamd").exists() for sub in ("", "daemon")):
            return folder.resolve()
    return candidates[0].resolve()


def program(name, folder=None):
    """The path of a program of ours: built (in folder, or where build_dir () says), else installed."""
    for sub in ("", "daemon", "agent"):
        path = pathlib.Path(folder or build_dir()) / sub / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise Failure("%s is neither in %s nor installed" % (name, folder or build_dir()))
    return found


def poll(condition, what, timeout=START_TIMEOUT, pause=0.02):
    """Waits until condition () is true and gives its value back; Failure after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("not within %g s: %s" % (timeout, what))
        time.sleep(pause)


def free_port(address="127.0.0.1"):
    """A TCP port that is free now, for programs that can't be told to choose one; the caller must bear losing the race."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.bind((address, 0))
        return sock.getsockname()[1]


def accepts(port, address="127.0.0.1"):
    """Whether somebody accepts connections on that port."""
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A program and the lines that it writes to standard error and output. Its environment is env and nothing else but PATH
    and what sanitizers read, so that the caller's settings don't leak in."""

    INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS",
                 "LD_LIBRARY_PATH", "P2P_LOCK_DEBUG", "G_SLICE", "GNUTLS_SYSTEM_PRIORITY_FILE")

    REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ")
    reports = []  # of all processes
    started = []  # the last ones, the newest at the end

    def __init__(self, argv, env=None, cwd=None, log_path=None):
        self.argv, self.cwd, self.log_path = argv, cwd, log_path
        self.env = {k: os.environ[k] for k in self.INHERITED if k in os.environ}
        self.env.update(env or {})
        self.lines, self.popen, self.reader = [], None, None
        self.n_read = self.n_told = 0  # lines: see last_words ()
        self.pass_fds = ()  # descriptors that it inherits under the same numbers

    @property
    def pid(self):
        return self.popen.pid

    def start(self):
        self.lines = []
        self.started[:] = [one for one in self.started if one is not self][1 - PROCESSES_KEPT :] + [self]
        self.popen = subprocess.Popen(self.argv, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      pass_fds=self.pass_fds)
        self.reader = threading.Thread(target=self._read, args=(self.popen.stdout, self.lines), daemon=True)
        self.reader.start()
        return self

    def _read(self, pipe, lines):
        log = open(self.log_path, "ab") if self.log_path else None
        for line in pipe:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
            self.n_read += 1
            del lines[:-LOG_LINES_KEPT]
            if log:
                log.write(line)
                log.flush()
        if log:
            log.close()

    @classmethod
    def last_words(cls, n=40):
        """For a failed test: the last lines of the processes that were started last, but none a second time."""
        parts = []
        for process in cls.started:
            new = min(process.n_read - process.n_told, n)
            process.n_told = process.n_read
            if new > 0:
                parts.append("%s, %s:\n%s" % (process.argv[0], process.log_path or "no file", process.tail(new)))
        return "\n".join(parts)

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def wait_for(self, find, what, timeout=START_TIMEOUT):
        """Waits for a line of the log for which find (line) is true and gives its value back."""

        def look():
            ended = not self.running()
            if ended:
                self.reader.join(5)
            for line in list(self.lines):
                value = find(line)
                if value:
                    return value
            if ended:
                raise Failure("%s ended with %s before: %s\n%s" % (self.argv[0], self.popen.returncode, what, self.tail()))
            return None

        try:
            return poll(look, what, timeout)
        except Failure as failure:
            raise Failure("%s\n%s" % (failure, self.tail())) from None

    def tail(self, n=30):
        return "\n".join("  | " + line for line in self.lines[-n:])

    def stop(self, number=signal.SIGTERM, timeout=STOP_TIMEOUT):
        """Signals, waits, and kills when that does not help; the exit code (-9: it had to be killed)."""
        if self.popen is None:
            return 0
        if self.running():
            self.popen.send_signal(number)
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.reader.join(5)
        self.popen.stdout.close()
        code, self.popen = self.popen.returncode, None
        self.note_reports()
        return code

    def note_reports(self):
        """What a sanitizer said, which a killed program's exit code does not tell."""
        for n, line in enumerate(self.lines):
            if any(word in line for word in self.REPORTS):
                self.reports.append("\n".join([self.argv[0]] + self.lines[n : n + 60]))
                return

    def kill(self):
        return self.stop(signal.SIGKILL)


class Agent(Process):
    """A p2pstream-agent. info is its object of the API; token its token."""

    def __init__(self, daemon, info, token, env=None):
        self.daemon, self.info, self.token = daemon, info, token
        token_path = daemon.dir / ("agent-%d.token" % info["id"])
        with open(os.open(token_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token)
        settings = {"MANAGEMENT_URL": daemon.management_url, "MANAGEMENT_CA_FILE": str(daemon.ca_file),
                    "AGENT_ID": info["public_id"], "AGENT_TOKEN_FILE": str(token_path), "AGENT_NAME": info["name"],
                    "LOG_FORMAT": "json"}
        settings.update(env or {})
        super().__init__([program("p2pstream-agent", daemon.folder)], settings, daemon.dir, daemon.dir / ("agent-%d.log" % info["id"]))

    @property
    def id(self):
        return self.info["id"]

    def state(self):
        return self.daemon.call("GET", "/agents/%d" % self.id)["status"]["state"]

    def wait_state(self, state, timeout=START_TIMEOUT):
        try:
            poll(lambda: self.state() == state, "agent '%s' is %s" % (self.info["name"], state), timeout, 0.05)
        except Failure as failure:
            raise Failure("%s\n%s" % (failure, self.tail())) from None
        return self


class Daemon(Process):
    """A p2pstreamd. As a context manager it starts on entry and takes everything away on exit, but for its directory when one
    was given, or with keep or P2P_KEEP. folder: where the programs are, when not in build_dir ()."""

    USERNAME, PASSWORD = "admin", "correct horse battery"

    def __init__(self, env=None, directory=None, keep=False, folder=None):
        self.folder = folder
        self.own_dir = directory is None
        self.keep = keep or bool(os.environ.get("P2P_KEEP"))
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="p2pstream-test-"))
        self.config_dir = self.dir / "config"
        self.agents, self.bearer, self.management_port, self.ready_line = [], None, None, None
        settings = {"CONFIG_DIR": str(self.config_dir), "MANAGEMENT_PORT": "0", "MANAGEMENT_BIND_ADDRESS": "127.0.0.1",
                    "MANAGEMENT_ADVERTISE_HOST": "localhost", "LOG_FORMAT": "json"}
        settings.update(env or {})
        super().__init__([program("p2pstreamd", folder)], settings, self.dir, self.dir / "daemon.log")

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, kind=None, *_exc):
        for agent in self.agents:
            agent.stop()
        self.stop()
        if self.own_dir and not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        if self.reports and kind is None:
            raise Failure("a sanitizer's report:\n" + "\n".join(self.reports))

    @property
    def ca_file(self):
        return self.config_dir / "certs" / "management" / "ca.crt.pem"

    @property
    def management_url(self):
        return "https://127.0.0.1:%d" % self.management_port

    def start(self):
        super().start()
        try:
            self.ready_line = self.wait_for(self._parse_ready, "the ready line")
        except Failure:
            self.kill()
            raise
        self.management_port = urllib.parse.urlsplit(self.ready_line["management"]).port
        return self

    @staticmethod
    def _parse_ready(line):
        try:
            fields = json.loads(line)
        except ValueError:
            return None
        return fields if isinstance(fields, dict) and fields.get("message") == "ready" else None

    # ---- The API ----------------------------------------------------------------------------------------

    def tls_context(self):
        return ssl.create_default_context(cafile=str(self.ca_file))

    def request(self, method, path, body=None, headers=None, bearer=None, timeout=CALL_TIMEOUT):
        """One call: (status, headers, bytes). path starts with "/" below /api/v1, or with "//" for one outside it ("//healthz")."""
        path = path[1:] if path.startswith("//") else "/api/v1" + path
        headers = dict(headers or {})
        bearer = bearer if bearer is not None else self.bearer
        if bearer:
            headers.setdefault("Authorization", "Bearer " + bearer)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        conn = http.client.HTTPSConnection("127.0.0.1", self.management_port, timeout=timeout, context=self.tls_context())
        try:
            conn.request(method, path, body, headers)
            answer = conn.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            conn.close()

    def call(self, method, path, body=None, **kwargs):
        """One call whose answer is JSON (or nothing: None); ApiError unless it is 2xx."""
        status, headers, content = self.request(method, path, body, **kwargs)
        try:
            value = json.loads(content) if content else None
        except ValueError:
            value = {"detail": content.decode("utf-8", "replace")}
        if not 200 <= status < 300:
            raise ApiError("%s %s" % (method, path), status, value or {}, headers)
        return value

    def setup_token(self):
        path = pathlib.Path(self.env.get("SETUP_TOKEN_FILE") or self.config_dir / "setup-token")
        return poll(lambda: path.exists() and path.read_text().strip(), "the setup token in %s" % path)

    def set_up(self):
        """Makes the first administrator; calls are made as that one from now on."""
        answer = self.call("POST", "/setup", {"setup_token": self.setup_token(), "username": self.USERNAME,
                                              "password": self.PASSWORD, "session": "bearer"})
        self.bearer = answer["token"]
        return answer

    def log_in(self, username=None, password=None):
        """The token of a new session."""
        return self.call("POST", "/login", {"username": username or self.USERNAME, "password": password or self.PASSWORD,
                                            "session": "bearer"}, bearer="")["token"]

    def create_listener(self, name, protocol, **members):
        """The listener, running, on a port of the kernel's choice unless one is given: its status.bound_port."""
        body = {"name": name, "protocol": protocol, "bind_address": "127.0.0.1", "port": 0, "enabled": True}
        body.update(members)
        made = self.call("POST", "/listeners", body)

        def running():
            now = self.call("GET", "/listeners/%d" % made["id"])
            if now["status"]["state"] == "error":
                raise Failure("listener '%s': %s" % (name, now["status"]["last_error"]))
            return now if now["status"]["state"] == "running" else None

        return poll(running, "listener '%s' is running" % name) if body["enabled"] else made

    def create_route(self, listener, name, host="", path="/", url=None, agent=None, target=None, **members):
        """A route with one target: url, directly or through agent; or target, a dict of the API's members."""
        one = {"name": name, "type": "proxy", "enabled": True, "transport": "direct", "url": url}
        if agent is not None:
            one.update(transport="agent", agent_selector={"match_labels": {"p2pstream.io/agent-id": agent.info["public_id"]}})
        if target is not None:
            one = dict({"name": name, "enabled": True}, **target)
        body = {"listener_id": listener["id"], "name": name, "host_pattern": host, "path_prefix": path, "enabled": True,
                "action": "forward", "targets": [one]}
        body.update(members)
        return self.call("POST", "/routes", body)

    def create_agent(self, name, env=None, **members):
        """An Agent that was registered and not started."""
        made = self.call("POST", "/agents", dict({"name": name, "enabled": True}, **members))
        agent = Agent(self, made, made["token"], env)
        self.agents.append(agent)
        return agent

    def start_agent(self, name, env=None, **members):
        """An Agent that is connected."""
        agent = self.create_agent(name, env, **members)
        agent.start()
        return agent.wait_state("connected")
