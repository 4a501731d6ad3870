# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""The other end of tests/tools/faults.c: the file that it reads."""

import pathlib
import struct


class Faults:
    """What tests/tools/faults.c reads: the errno of changes of files, how far the wall clock is ahead, and for how long the machine
    has slept."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "faults"
        self.set()

    def set(self, error=0, ahead_s=0, slept_s=0):
        if not self.path.exists():
            self.path.write_bytes(bytes(24))
        with open(self.path, "r+b") as file:
            file.write(struct.pack("qqq", error, ahead_s, slept_s))
