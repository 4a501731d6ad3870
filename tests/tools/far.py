# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A long or a thin way to a port of this machine: tests/tools/far, driven. Standard library only."""

import subprocess

import p2p


class Way:
    """Relays to that port, from its own port. options are far's: Way (port, delay=50)."""

    def __init__(self, port, **options):
        argv = [p2p.program("tests/tools/far"), "--to=%d" % port] + ["--%s=%d" % one for one in options.items()]
        self.popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.popen.stdout.readline())

    def tell(self, command):
        """"stop", "go" or "cut"; done when it returns."""
        self.popen.stdin.write(command.encode() + b"\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline().decode().strip()
        if answer != command:
            raise p2p.Failure("far answers %r to %r" % (answer, command))

    def close(self):
        """Its exit code."""
        self.popen.stdin.close()
        code = self.popen.wait(p2p.STOP_TIMEOUT)
        self.popen.stdout.close()
        return code
