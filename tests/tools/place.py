# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A whole place for the stories of tests/system: a daemon with an HTTP and an HTTPS listener, and the same origin behind each way
that a request can take to it. A host name chooses the way. Standard library only."""

import os
import ssl

import p2p
import raw

WAYS = ("direct.test", "tls.test", "agent.test", "agent-tls.test")
LISTENERS = ("http", "https")


class Place:
    """make_origin (context) gives an origin (raw.Origin or one of its kind), with TLS when there is a context. The TLS origin shows
    the daemon's own management certificate, which names 127.0.0.1: so no test needs a program that makes certificates."""

    def __init__(self, daemon, make_origin=None, **target_members):
        self.daemon = daemon
        self.make_origin = make_origin or (lambda context: raw.Origin(context=context))
        folder = daemon.ca_file.parent
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt.pem", folder / "server.key.pem")
        self.plain, self.secure = self.make_origin(None), self.make_origin(context)
        self.listeners = {kind: daemon.create_listener(kind, kind) for kind in LISTENERS}
        self.agent = daemon.start_agent("edge")
        self.target_members = target_members
        for kind in LISTENERS:
            for way in WAYS:
                self.add(kind, way, self.secure if "tls" in way else self.plain, "agent" in way)

    def add(self, kind, host, origin, through_agent, **members):
        """A route of that host on that listener."""
        target = {"type": "proxy", "transport": "direct", "url": getattr(origin, "url", origin)}
        if target["url"].startswith("https:"):
            target["tls_ca_pem"] = self.daemon.ca_file.read_text()
        if through_agent:
            target["transport"] = "agent"
            target["agent_selector"] = {"match_labels": {"p2pstream.io/agent-id": self.agent.info["public_id"]}}
        target.update(self.target_members)
        target.update(members)
        return self.daemon.create_route(self.listeners[kind], "%s-%s" % (kind, host.split(".")[0]), host=host, target=target)

    def connect(self, kind, host):
        return raw.Conn(self.listeners[kind]["status"]["bound_port"], tls_name=host if kind == "https" else None)

    def both(self):
        """Every listener with every way."""
        return [(kind, way) for kind in LISTENERS for way in WAYS]

    def close(self):
        self.plain.close()
        self.secure.close()


class Talk:
    """Conversations with one host (that of the way when it is None) on one of a place's listeners; origin: who answers there. The
    names of its checks begin with both."""

    def __init__(self, t, place, kind, way, host=None):
        self.t, self.place, self.kind, self.way, self.host = t, place, kind, way, host or way
        self.origin = place.secure if "tls" in way else place.plain
        self.name = "%s to %s" % (kind, self.host.split(".")[0])

    def connect(self):
        return self.place.connect(self.kind, self.host)

    def head(self, target, *fields, method="GET", version="1.1"):
        """A request's head, as bytes."""
        lines = "".join(field + "\r\n" for field in fields)
        return ("%s /%s HTTP/%s\r\nHost: %s\r\n%s\r\n" % (method, target, version, self.host, lines)).encode()

    def ok(self, condition, what, detail=""):
        return self.t.ok(condition, "%s: %s" % (self.name, what), detail)

    def equal(self, got, wanted, what):
        return self.t.equal(got, wanted, "%s: %s" % (self.name, what))


def full():
    """Whether a test shall take its full size, however long that takes."""
    return os.environ.get("P2P_TEST_FULL", "0") not in ("", "0")


def sanitized(name="p2pstreamd"):
    """Whether the program was built with a sanitizer: slower by far, and its memory says nothing."""
    with open(p2p.program(name), "rb") as file:
        content = file.read()
    return b"__asan_init" in content or b"__tsan_init" in content
