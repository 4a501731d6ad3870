# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""Somebody who asks for one page without a pause, for stories about what must not be noticed. Standard library only."""

import threading
import time

import raw


class Visitor:
    """Each request comes on a connection of its own. n: how many were answered or failed; failures: what was no 200; worst: seconds that
    the slowest took. patience: seconds that an answer may take."""

    def __init__(self, port, host, patience=30):
        self.port, self.host, self.patience = port, host, patience
        self.n, self.failures, self.worst = 0, [], 0
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _ask(self):
        with raw.Conn(self.port) as conn:
            conn.send(b"GET /here HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % self.host.encode())
            return conn.read_message(timeout=self.patience)

    def _run(self):
        while not self.leaving.is_set():
            began = time.monotonic()
            try:
                answer = self._ask()
            except (OSError, EOFError) as error:
                answer = (error,)
            self.worst = max(self.worst, time.monotonic() - began)
            if not answer or answer[0] != 200:
                self.failures.append(answer and answer[0])
            self.n += 1
            self.leaving.wait(0.01)

    def leave(self):
        """Ends after the answer to the last request."""
        self.leaving.set()
        self.thread.join()
        return self
