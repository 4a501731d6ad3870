# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""TAP for tests in Python: tap = Tap (); tap.ok (condition, name); ...; tap.done () prints the plan and exits. A failed test shows
what the daemon and the agents logged last."""

import sys
import traceback

import p2p


def best(measure, good, tries=4):
    """What measure () gives, which is called again until good (value). For bounds of time: another program's noise spoils some of the
    tries, what is wrong with ours spoils all of them. What must hold every time is no matter for it."""
    for n in range(tries):
        value = measure()
        if good(value) or n == tries - 1:
            return value
    raise ValueError("no tries")


class Tap:
    def __init__(self):
        self.n = self.n_failed = 0

    def ok(self, condition, name, detail=""):
        self.n += 1
        self.n_failed += not condition
        print("%sok %d - %s" % ("" if condition else "not ", self.n, name), flush=True)
        if not condition and detail != "":
            self.note(detail)
        if not condition:
            self.note(p2p.Process.last_words())
        return bool(condition)

    def equal(self, got, wanted, name):
        return self.ok(got == wanted, name, "got %r\nwanted %r" % (got, wanted))

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    @staticmethod
    def skip_all(reason):
        print("1..0 # SKIP " + reason)
        sys.exit(0)

    def done(self):
        print("1..%d" % self.n)
        sys.exit(1 if self.n_failed else 0)

    def run(self, main):
        """main (tap), an exception of which is a failed test; then done ()."""
        try:
            main(self)
        except Exception:  # pylint: disable=broad-except
            self.ok(False, "the test ran to its end", traceback.format_exc())
        self.done()
