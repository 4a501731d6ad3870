# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""The proxies that are measured, and the origin behind them: each is started in the benchmark's directory on free loopback
ports, answers on http_port and https_port, and knows the processes whose CPU time is its cost.

Used by tests/bench/compare and tests/bench/routes, on one thread."""

import http.client
import json
import os
import pathlib
import shutil
import ssl
import string
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tools"))

import idle_agents  # noqa: E402
import p2p  # noqa: E402

SIZES = {"1k": 1024, "64k": 64 * 1024, "10m": 10 * 1024 * 1024}
SLOW_MS = 100
TICK_US = 1000000 / os.sysconf("SC_CLK_TCK")


def process_stat(pid):
    """(parent, utime + stime in microseconds), or None when the process is gone."""
    try:
        fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) * TICK_US


def process_tree(roots):
    """The processes and all their descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = process_stat(int(name))
            if stat:
                parents[int(name)] = stat[0]
    found, new = set(), set(roots)
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in found} - found
    return found


class Place:
    """What all share: a directory, the files that the origin serves, a P-256 certificate for localhost, the origin's port."""

    def __init__(self, directory, cores, sizes=SIZES):
        self.dir, self.cores = pathlib.Path(directory), cores
        self.www = self.dir / "www"
        self.www.mkdir()
        for name, size in sizes.items():
            (self.www / name).write_bytes(os.urandom(size))
        self.cert, self.key, self.pair = (self.dir / name for name in ("cert.pem", "key.pem", "pair.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.cert], check=True, stderr=subprocess.DEVNULL)
        self.pair.write_bytes(self.cert.read_bytes() + self.key.read_bytes())
        self.origin_port = self.slow_port = None

    def expected(self, name):
        """What the origins answer there."""
        return b"x" * 1024 if name == "slow" else (self.www / name).read_bytes()

    def origin_url(self):
        return "http://127.0.0.1:%d" % self.origin_port

    def fill(self, template, target, **values):
        """Writes a configuration from tests/bench/peers; its path."""
        # Started by root, nginx would serve as nobody, who may not look into our directory.
        user_line = "user root;" if os.geteuid() == 0 else ""
        text = string.Template((HERE / "peers" / template).read_text()).substitute(
            dir=self.dir, www=self.www, cert=self.cert, key=self.key, pair=self.pair, cores=self.cores,
            origin_port=self.origin_port, slow_port=self.slow_port or self.origin_port, user_line=user_line, **values)
        path = self.dir / target
        path.write_text(text)
        return path


class Peer:
    """One proxy. ours: it is p2pstream. tunnel: it goes through an agent. protocols: the cells that it takes part in."""

    name, command, packages, ours, tunnel = None, None, (), False, False
    protocols = ("http", "https", "tls-new", "tls-again", "slow")

    def __init__(self, place):
        self.place, self.processes, self.http_port, self.https_port = place, [], None, None

    @classmethod
    def missing(cls):
        """What it would take to run it here; None: nothing."""
        if cls.command and not find(cls.command):
            return "%s is not installed (Debian: %s)" % (cls.command, " ".join(cls.packages))
        return None

    def launch(self, argv, **env):
        process = p2p.Process([str(word) for word in argv], {k: str(v) for k, v in env.items()}, self.place.dir,
                              self.place.dir / (self.name + ".log"))
        self.processes.append(process.start())
        return process

    def start(self):
        """Ports are chosen by trying: who loses the race for one tries again."""
        for attempt in range(5):
            self.http_port, self.https_port = p2p.free_port(), p2p.free_port()
            self.run()
            try:
                for port in self.ports():
                    p2p.poll(lambda: p2p.accepts(port) or not self.alive(), "%s on port %d" % (self.name, port))
                if self.alive():
                    return self
            except p2p.Failure:
                if attempt == 4:
                    raise
            ended = list(self.processes)
            self.stop()
            log = "\n".join(process.tail(5) for process in ended)
        raise p2p.Failure("%s does not start\n%s" % (self.name, log))

    def ports(self):
        return [self.http_port, self.https_port]

    def alive(self):
        return all(process.running() for process in self.processes)

    def run(self):
        raise NotImplementedError

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes = []

    def cpu_us(self):
        """CPU time of all its processes so far."""
        stats = [process_stat(pid) for pid in process_tree([process.pid for process in self.processes])]
        return sum(stat[1] for stat in stats if stat)

    def url(self, secure, path):
        return "%s://localhost:%d%s" % ("https" if secure else "http", self.https_port if secure else self.http_port, path)

    def check(self, secure, size_name):
        """Fetches a file through it and compares."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        url = self.url(secure, "/" + size_name)
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            if answer.read() != self.place.expected(size_name):
                raise p2p.Failure("%s: %s is not what the origin has" % (self.name, url))


def tool(path):
    """A program that only benchmarks and tests need: made when it is not there."""
    build = p2p.build_dir()
    if not (build / path).exists():
        subprocess.run(["make", "-s", "-C", build, path], check=True, stdout=sys.stderr)
    return build / path


def find(command):
    return shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Origin(Peer):
    name, command, packages = "origin", "nginx", ("nginx-light",)

    def run(self):
        self.place.origin_port = self.http_port
        self.launch([find("nginx"), "-e", "stderr", "-c", self.place.fill("origin.conf.in", "origin.conf")])

    def ports(self):
        return [self.http_port]


class SlowOrigin(Peer):
    """Answers with 1 KiB after SLOW_MS."""

    name = "slow-origin"

    def start(self):
        argv = [str(tool("tests/tools/slow-origin")), "0", str(SLOW_MS), "1024"]
        process = p2p.Process(argv, {}, self.place.dir, self.place.dir / "slow-origin.log")
        self.processes.append(process.start())
        self.place.slow_port = process.wait_for(int, "slow-origin's port")
        return self


class Nginx(Peer):
    name, command, packages = "nginx", "nginx", ("nginx-light",)

    def run(self):
        conf = self.place.fill("nginx.conf.in", "nginx.conf", http_port=self.http_port, https_port=self.https_port)
        self.launch([find("nginx"), "-e", "stderr", "-c", conf])


class HAProxy(Peer):
    name, command, packages = "haproxy", "haproxy", ("haproxy",)

    def run(self):
        conf = self.place.fill("haproxy.cfg.in", "haproxy.cfg", http_port=self.http_port, https_port=self.https_port)
        self.launch([find("haproxy"), "-db", "-f", conf])


class Caddy(Peer):
    name, command, packages = "caddy", "caddy", ("caddy",)

    def run(self):
        conf = self.place.fill("Caddyfile.in", "Caddyfile", http_port=self.http_port, https_port=self.https_port)
        self.launch([find("caddy"), "run", "--config", conf, "--adapter", "caddyfile"], GOMAXPROCS=self.place.cores,
                    HOME=self.place.dir, XDG_CONFIG_HOME=self.place.dir, XDG_DATA_HOME=self.place.dir)


class GoPair(Peer):
    name, command, packages, tunnel = "go-pair", "go", ("golang-go", "golang-github-hashicorp-yamux-dev"), True
    protocols = ("agent-http", "agent-https")

    @classmethod
    def build(cls, directory):
        """The program, made from tests/bench/go-pair with the distribution's yamux."""
        binary = pathlib.Path(directory) / "go-pair"
        env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOCACHE=str(binary) + "-cache", GOFLAGS="")
        subprocess.run(["go", "build", "-o", binary, HERE / "go-pair" / "main.go"], check=True, env=env)
        return binary

    def run(self):
        tunnel = "127.0.0.1:%d" % p2p.free_port()
        binary = self.build(self.place.dir)
        self.launch([binary, "proxy", "-http", "127.0.0.1:%d" % self.http_port, "-https", "127.0.0.1:%d" % self.https_port,
                     "-tunnel", tunnel, "-cert", self.place.cert, "-key", self.place.key, "-origin",
                     "127.0.0.1:%d" % self.place.origin_port], GOMAXPROCS=self.place.cores)
        p2p.poll(lambda: p2p.accepts(self.http_port) or not self.alive(), "go-pair's proxy")
        self.launch([binary, "agent", "-tunnel", tunnel, "-ca", self.place.cert], GOMAXPROCS=self.place.cores)

    def check(self, secure, size_name):
        # The agent may still be on its way.
        def answered():
            try:
                super(GoPair, self).check(secure, size_name)
                return True
            except OSError:
                return False

        p2p.poll(answered, "an answer through go-pair", 10)


class Ours(Peer):
    """p2pstreamd, and for the tunnel its agent. settings: the daemon's, by name."""

    name, ours, settings, folder = "p2pstream", True, {}, None
    daemon = None

    @classmethod
    def missing(cls):
        try:
            p2p.program("p2pstreamd", cls.folder)
            if cls.tunnel:
                p2p.program("p2pstream-agent", cls.folder)
        except p2p.Failure as failure:
            return str(failure)
        return None

    def start(self):
        directory = self.place.dir / self.name
        directory.mkdir()
        self.daemon = p2p.Daemon(env=self.settings, directory=directory, folder=self.folder)
        self.processes = [self.daemon]
        self.daemon.start()
        self.daemon.set_up()
        agent = None
        if self.tunnel:
            agent = self.daemon.start_agent("bench")
            self.processes.append(agent)
        self.make_routes(agent)
        return self

    def make_routes(self, agent):
        listeners = [self.daemon.create_listener(protocol, protocol) for protocol in ("http", "https")]
        for listener in listeners:
            name = "origin-" + listener["name"]
            self.daemon.create_route(listener, name, host="localhost", url=self.place.origin_url(), agent=agent)
            if self.place.slow_port:
                self.daemon.create_route(listener, "slow-" + name, host="localhost", path="/slow", agent=agent, priority=1,
                                         url="http://127.0.0.1:%d" % self.place.slow_port)
        self.http_port, self.https_port = (listener["status"]["bound_port"] for listener in listeners)


class OursTunnel(Ours):
    name, tunnel, protocols = "p2pstream-agent", True, ("agent-http", "agent-https")


class Api:
    """Calls on one connection: what is measured is the daemon, not handshakes."""

    def __init__(self, daemon):
        self.bearer = daemon.bearer
        self.conn = http.client.HTTPSConnection("127.0.0.1", daemon.management_port, context=daemon.tls_context())

    def call(self, method, path, body):
        self.conn.request(method, "/api/v1" + path, json.dumps(body),
                          {"Authorization": "Bearer " + self.bearer, "Content-Type": "application/json"})
        answer = self.conn.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(content.decode())
        return json.loads(content)


class OursTenRoutes(Ours):
    """A route for each of the hosts that wrk asks for in turn."""

    name, protocols, n_routes = "p2pstream-10-routes", ("routes",), 10

    def make_routes(self, agent):
        listener = self.daemon.create_listener("http", "http")
        api = Api(self.daemon)
        for host in ["host%d.example.com" % i for i in range(self.n_routes)] + ["localhost"]:
            api.call("POST", "/routes", {"listener_id": listener["id"], "name": host, "host_pattern": host,
                                         "targets": [{"name": "origin", "url": self.place.origin_url()}]})
        self.http_port = listener["status"]["bound_port"]


class OursManyRoutes(OursTenRoutes):
    name, n_routes = "p2pstream-10000-routes", 10000


class OursOneAgent(OursTunnel):
    """Through one agent, others being connected that have nothing to do."""

    name, protocols, n_idle = "p2pstream-1-agent", ("agents",), 0

    def start(self):
        super().start()
        self.idle = idle_agents.IdleAgents(self.daemon, self.n_idle)
        return self


class OursManyAgents(OursOneAgent):
    name, n_idle = "p2pstream-501-agents", 500


def beside(name, folder):
    """Another build of ours, to compare two: its direct and its tunnel form."""
    return [type(base.__name__, (base,), {"name": "%s-%s" % (base.name, name), "folder": folder}) for base in (Ours, OursTunnel)]


ALL = [Ours, Nginx, HAProxy, Caddy, OursTunnel, GoPair, OursManyRoutes, OursTenRoutes, OursManyAgents, OursOneAgent]
