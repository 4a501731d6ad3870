# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""The place of the soak, and what changes in it every second. Each change is looked at: what it made must be there, what it took
away must be gone. Hosts good.soak.test and agent.soak.test must never notice. Standard library only."""

import socket
import subprocess
import sys
import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import p2p  # noqa: E402
import pki  # noqa: E402
import raw  # noqa: E402

HANG_MS = 400  # the origin that hangs is given up after this
ASK_TIMEOUT = 30


class Origin:
    """A soak-origin on a port that stays ours while it is down: nobody else's server can answer there meanwhile."""

    def __init__(self):
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.port = self.reserved.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.popen = None
        self.start()

    def start(self):
        path = p2p.build_dir() / "tests/soak/soak-origin"
        self.popen = subprocess.Popen([str(path), str(self.port)], stdout=subprocess.PIPE)
        if not self.popen.stdout.readline():
            raise p2p.Failure("the origin on port %d does not start" % self.port)

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()
        self.popen = None

    def close(self):
        if self.popen:
            self.kill()
        self.reserved.close()


def body_of(port, host, tls=False):
    """(status, body) of a page there, or None when nobody accepts."""
    try:
        with raw.Conn(port, tls_name=host if tls else None) as conn:
            conn.send(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode())
            status, _fields, body = conn.read_message(timeout=ASK_TIMEOUT)
            return status, body
    except ConnectionError:
        return None


class Site:
    """A daemon, its agents and origins: the hosts that soak-client asks for."""

    def __init__(self, daemon, folder):
        self.daemon = daemon
        daemon.set_up()
        self.good, self.bad, self.flap = Origin(), Origin(), Origin()
        self.listeners = [daemon.create_listener(kind, kind) for kind in ("http", "https")]
        self.ports = [one["status"]["bound_port"] for one in self.listeners]
        self.stable = daemon.start_agent("stable")
        self.edges = [daemon.start_agent("edge-%d" % n, labels={"site": "edge"}) for n in range(2)]
        self.routes = {}
        for listener in self.listeners:
            self.add_routes(listener)
        self.authority = pki.Authority(folder)
        self.pairs = [self.authority.issue("good.soak.test", rsa=rsa) for rsa in (False, True, False)]
        common = self.authority.issue("*.soak.test")
        daemon.call("POST", "/certificates", {"hostname_pattern": "*.soak.test", "certificate_pem": common.chain_pem,
                                              "private_key_pem": common.key_pem})

    def add_routes(self, listener):
        direct = {"type": "proxy", "transport": "direct"}
        agent = {"type": "proxy", "transport": "agent"}
        stable = {"match_labels": {"p2pstream.io/agent-id": self.stable.info["public_id"]}}
        hosts = {
            "good": [dict(direct, url=self.good.url)],
            "agent": [dict(agent, url=self.good.url, agent_selector=stable)],
            "bad": [dict(direct, url=self.bad.url, upstream_response_header_timeout_ms=HANG_MS)],
            "flap": [dict(direct, url=self.flap.url)],
            "edge": [dict(agent, url=self.good.url, agent_selector={"match_labels": {"site": "edge"}})],
            "mixed": [dict(direct, url=self.good.url), dict(direct, url=self.flap.url)],
        }
        for host, targets in hosts.items():
            for n, one in enumerate(targets):
                one.update(name="%s-%d" % (host, n), enabled=True)
            self.routes[listener["protocol"], host] = self.daemon.create_route(
                listener, "%s-%s" % (listener["protocol"], host), host=host + ".soak.test", targets=targets)

    def close(self):
        for origin in (self.good, self.bad, self.flap):
            origin.close()


class Changes:
    """One change after the other, by lot. n: how often each was made."""

    def __init__(self, site, chance):
        self.site, self.daemon, self.chance = site, site.daemon, chance
        self.n, self.serial = {}, 0
        self.kinds = (self.route, self.listener, self.certificate, self.targets, self.balancing, self.rename, self.reload, self.dry_run)
        self.faults = (self.edge, self.edge, self.flap, self.token, self.guest, self.disable)

    def make(self, kinds):
        kind = self.chance.choice(kinds)
        self.n[kind.__name__] = self.n.get(kind.__name__, 0) + 1
        self.serial += 1
        kind()

    @staticmethod
    def expect(got, wanted, what):
        if got != wanted:
            raise p2p.Failure("%s: %r instead of %r" % (what, got, wanted))

    @staticmethod
    def page(text):
        return {"type": "static", "static_status_code": 200, "static_response_body": text}

    # ---- Configuration: good.soak.test and agent.soak.test never notice ----

    def route(self):
        """A new route, its page changed, and gone."""
        n = self.chance.randrange(2)
        host, listener, port = "page-%d.test" % self.serial, self.site.listeners[n], self.site.ports[n]
        made = self.daemon.create_route(listener, "page-%d" % self.serial, host=host, target=self.page("first"))
        self.expect(body_of(port, host, n == 1), (200, b"first"), "a new route's page")
        target = dict(self.page("second"), id=made["targets"][0]["id"], name="page", enabled=True)
        self.daemon.call("PATCH", "/routes/%d" % made["id"], {"targets": [target]})
        self.expect(body_of(port, host, n == 1), (200, b"second"), "a changed route's page")
        self.daemon.call("DELETE", "/routes/%d" % made["id"])
        self.expect(body_of(port, host, n == 1)[0], 404, "a deleted route's page")

    def listener(self):
        """A new listener, stopped, started, and gone."""
        tls = self.chance.random() < 0.5
        made = self.daemon.create_listener("door-%d" % self.serial, "https" if tls else "http")
        path, port = "/listeners/%d" % made["id"], made["status"]["bound_port"]
        route = self.daemon.create_route(made, "door-%d" % self.serial, host="door.test", target=self.page("door"))
        self.expect(body_of(port, "door.test", tls), (200, b"door"), "a new listener's page")
        self.daemon.call("POST", path + "/stop")
        p2p.poll(lambda: self.daemon.call("GET", path)["status"]["state"] == "stopped", "the listener stops")
        self.daemon.call("POST", path + "/start")
        running = p2p.poll(lambda: self.port_of(path), "the listener starts again")
        self.expect(body_of(running, "door.test", tls), (200, b"door"), "its page after a stop")
        self.daemon.call("DELETE", "/routes/%d" % route["id"])
        self.daemon.call("DELETE", path)

    def port_of(self, path):
        status = self.daemon.call("GET", path)["status"]
        return status["bound_port"] if status["state"] == "running" else None

    def certificate(self):
        """Another certificate for good.soak.test, uploaded or exchanged, or none but the one of *.soak.test."""
        pair = self.chance.choice(self.site.pairs)
        body = {"certificate_pem": pair.chain_pem, "private_key_pem": pair.key_pem}
        mine = self.certificates()
        if not mine:
            self.daemon.call("POST", "/certificates", dict(body, hostname_pattern="good.soak.test"))
        elif self.chance.random() < 0.6:
            self.daemon.call("PATCH", "/certificates/%d" % mine[0]["id"], body)
        else:
            self.daemon.call("DELETE", "/certificates/%d" % mine[0]["id"])

    def certificates(self):
        return [one for one in self.daemon.call("GET", "/certificates?limit=1000")["items"] if one["hostname_pattern"] == "good.soak.test"]

    def patch(self, host, change):
        """change (route, targets) on the route of one of the listeners; the targets are the whole list."""
        made = self.site.routes[self.chance.choice(("http", "https")), host]
        now = self.daemon.call("GET", "/routes/%d" % made["id"])
        body, targets = {}, [{key: one[key] for key in ("id", "name", "enabled", "weight", "priority_group")} for one in now["targets"]]
        change(body, targets)
        self.daemon.call("PATCH", "/routes/%d" % made["id"], dict(body, targets=targets) if targets else body)

    def targets(self):
        """A second target for good.soak.test that is as good, or without it again; weights and times of agent.soak.test."""

        def second(_body, targets):
            if len(targets) > 1:
                targets.pop(0)
            else:
                targets.append({"type": "proxy", "transport": "direct", "enabled": True, "name": "twin", "url": self.site.good.url})

        def times(_body, targets):
            targets[0].update(weight=self.chance.randint(1, 100), upstream_connect_timeout_ms=self.chance.randint(5000, 10000))

        self.patch(*self.chance.choice((("good", second), ("agent", times))))

    def balancing(self):
        """How mixed.soak.test shares its requests."""
        policies = ("round_robin", "weighted_round_robin", "random", "weighted_random", "least_active_requests",
                    "weighted_least_active_requests")

        def share(body, targets):
            body["target_load_balancing"] = self.chance.choice(policies)
            targets[1].update(enabled=self.chance.random() < 0.7, priority_group=self.chance.randrange(2))

        self.patch("mixed", share)

    def rename(self):
        """A listener and an agent with clients get another name."""
        one = self.chance.choice(self.site.listeners)
        self.daemon.call("PATCH", "/listeners/%d" % one["id"], {"name": "%s-%d" % (one["protocol"], self.serial)})
        self.daemon.call("PATCH", "/agents/%d" % self.site.stable.id, {"name": "stable-%d" % self.serial})

    def reload(self):
        os.kill(self.daemon.pid, p2p.signal.SIGHUP)

    def dry_run(self):
        """What is only tried, explained or refused changes nothing."""
        listener = self.site.listeners[0]
        tried = {"listener_id": listener["id"], "name": "tried", "host_pattern": "tried.test", "action": "forward",
                 "targets": [dict(self.page("tried"), name="tried")]}
        self.daemon.call("POST", "/routes?dry_run=true", tried)
        self.daemon.call("POST", "/explain", {"listener_id": listener["id"], "method": "GET", "url": "http://good.soak.test/"})
        status, _headers, _body = self.daemon.request("POST", "/routes", {"listener_id": listener["id"], "nonsense": 1})
        self.expect(status, 400, "a member that nobody knows")
        self.expect(body_of(self.site.ports[0], "tried.test")[0], 404, "a route that was only tried")

    # ---- Targets that fail, agents that come and go ----

    def edge(self):
        """An agent of edge.soak.test is killed, ends or starts."""
        agent = self.chance.choice(self.site.edges)
        if not agent.running():
            agent.stop()
            agent.start()
        elif self.chance.random() < 0.5:
            agent.kill()
        else:
            self.expect(agent.stop(), 0, "an agent's exit code after SIGTERM")

    def flap(self):
        if self.site.flap.popen:
            self.site.flap.kill()
        else:
            self.site.flap.start()

    def token(self):
        """Another token for an agent of edge.soak.test: its session ends, and it starts with the new one."""
        agent = self.chance.choice(self.site.edges)
        agent.token = self.daemon.call("POST", "/agents/%d/rotate-token" % agent.id)["token"]
        agent.stop()
        (self.daemon.dir / ("agent-%d.token" % agent.id)).write_text(agent.token)
        agent.start()

    def guest(self):
        """An agent that is made, connects, and is deleted while it is connected."""
        agent = self.daemon.start_agent("guest-%d" % self.serial, labels={"site": "edge"})
        self.daemon.call("DELETE", "/agents/%d" % agent.id)
        agent.stop()
        self.daemon.agents.remove(agent)

    def disable(self):
        agent = self.chance.choice(self.site.edges)
        enabled = self.daemon.call("GET", "/agents/%d" % agent.id)["enabled"]
        self.daemon.call("PATCH", "/agents/%d" % agent.id, {"enabled": not enabled})

    def settle(self):
        """All that may fail is there again, and what the changes made is gone."""
        for agent in self.site.edges:
            self.daemon.call("PATCH", "/agents/%d" % agent.id, {"enabled": True})
            if not agent.running():
                agent.stop()
                agent.start()
        if not self.site.flap.popen:
            self.site.flap.start()
        for one in self.certificates():
            self.daemon.call("DELETE", "/certificates/%d" % one["id"])
        for agent in self.site.edges:
            agent.wait_state("connected", 60)
