# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A scratch machine for the scripts of data/: a directory in place of /, and a PATH with nothing but the programs that a test names.
What would change the real system is a stand-in that only notes how it was called. Standard library only."""

import hashlib
import http.server
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading

RUN_TIMEOUT = 60

# Needed by the scripts; each notes its arguments, as everybody could see them, and goes on to the real one.
REAL = ("awk", "base64", "cat", "chmod", "cp", "grep", "mkdir", "mktemp", "mv", "rm", "rmdir", "sed", "sha256sum", "uname")
STANDINS = ("getent", "systemctl", "useradd", "userdel")


def heed_signals():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Machine:
    """tools: more programs that are there. standins: more that only note, {name: what it does as shell text}."""

    def __init__(self, tools=("curl",), standins=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="p2pstream-install-"))
        self.root, self.bin, self.tmp, self.log = (self.dir / name for name in ("root", "bin", "tmp", "calls"))
        for folder in (self.root, self.bin, self.tmp):
            folder.mkdir()
        self.log.touch()
        for name in REAL + tuple(tools):
            self.add(name, 'exec %s "$@"' % shutil.which(name))
        for name in STANDINS:
            self.add(name, "exit 0")
        self.add("getent", "exit 2")
        for name, text in (standins or {}).items():
            self.add(name, text)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        shutil.rmtree(self.dir, ignore_errors=True)

    def add(self, name, text):
        path = self.bin / name
        path.write_text("#!/bin/sh\nprintf '%%s\\n' \"%s $*\" >>'%s'\n%s\n" % (name, self.log, text))
        path.chmod(0o755)

    def remove(self, name):
        (self.bin / name).unlink()

    def environ(self, **env):
        return dict({"PATH": str(self.bin), "TMPDIR": str(self.tmp), "HOME": str(self.dir), "P2PSTREAM_ROOT": str(self.root)}, **env)

    def start(self, script, *argv, shell="/bin/sh", **env):
        """script: its text. A group of its own, so that a signal can go to all of it as from a terminal; what was ignored when this test was
        started no shell could heed."""
        path = self.dir / "script.sh"
        path.write_text(script)
        return subprocess.Popen((shell, str(path)) + argv, env=self.environ(**env), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=heed_signals)

    def run(self, script, *argv, stdin="", **kwargs):
        """(status, what it said)."""
        with self.start(script, *argv, **kwargs) as popen:
            try:
                said = popen.communicate(stdin.encode(), RUN_TIMEOUT)[0]
            except subprocess.TimeoutExpired:
                os.killpg(popen.pid, signal.SIGKILL)
                raise
        return popen.returncode, said.decode("utf-8", "replace")

    def take_calls(self, *names):
        """What was called since the last time, as lines; of these programs, or of all."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return [line.rstrip() for line in lines if not names or line.split(" ")[0] in names]

    def path(self, name):
        return self.root / name.lstrip("/")

    def tree(self):
        """Everything below the root: {path: (mode, content or target)}."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[str(path.relative_to(self.root))] = (path.lstat().st_mode & 0o7777, what)
        return found

    def leftovers(self):
        """In the directory for temporary files."""
        return sorted(path.name for path in self.tmp.iterdir())


def sums_of(files):
    """SHA256SUMS of {name: bytes}."""
    return "".join("%s  %s\n" % (hashlib.sha256(files[name]).hexdigest(), name) for name in sorted(files)).encode()


class Source:
    """A directory behind HTTPS: files is {name: bytes}, and what is not in it is a 404. pair: a certificate for 127.0.0.1. A name in
    stalls is sent by half and then no more, until close (); stalled is set by then. A name in moved is elsewhere."""

    def __init__(self, pair, files):
        self.files, self.stalls, self.stalled, self.ending, self.seen, self.moved = dict(files), set(), threading.Event(), threading.Event(), [], {}
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                source.answer(self)

            def log_message(self, *_args):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.crt, pair.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return "https://127.0.0.1:%d/files" % self.server.server_address[1]

    def answer(self, handler):
        self.seen.append((handler.path, dict(handler.headers)))
        name = handler.path.rpartition("/")[2]
        if name in self.moved:
            handler.send_response(302)
            handler.send_header("Location", self.moved[name])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        content = self.files.get(name)
        handler.send_response(404 if content is None else 200)
        handler.send_header("Content-Length", str(len(content or b"")))
        handler.end_headers()
        if name in self.stalls:
            handler.wfile.write(content[: len(content) // 2])
            handler.wfile.flush()
            self.stalled.set()
            self.ending.wait(RUN_TIMEOUT)
            return
        handler.wfile.write(content or b"")

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
