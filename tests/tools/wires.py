# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""Networks for stories whose cables are cut, without root: namespaces, the cables between them, and a name server that can be silent.

    skip_unless_possible (tap)          # before anything else
    become_root (argv)                  # this program again, inside namespaces of its own
    far = Namespace ()
    lay_cable (None, "here", "10.0.0.1/24", far, "there", "10.0.0.2/24")
    far.ip ("link", "set", "there", "down")

Standard library only."""

import ctypes
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import p2p

CLONE_NEWNET = 0x40000000


def skip_unless_possible(tap):
    """Without the programs, or where namespaces are not allowed, the test ends as skipped."""
    for name in ("unshare", "nsenter", "ip", "mount"):
        if not shutil.which(name):
            tap.skip_all("no program '%s'" % name)
    probe = ["unshare", "-Urnm", "sh", "-c", "ip link add here type veth peer name there && echo 1 >/proc/sys/net/ipv4/ip_forward"]
    if subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        tap.skip_all("no user and network namespaces here")


def become_root(argv):
    """What to run for argv as root of new user, network and mount namespaces."""
    return ["unshare", "-Urnm"] + argv


class Namespace:
    """A network namespace beside the program's own, for as long as the program lives or until close ()."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up && exec sleep infinity"])
        p2p.poll(self._is_there, "the other namespace")

    def _is_there(self):
        """Its own, and lo is up: the shell has become sleep."""
        try:
            apart = os.readlink("/proc/%d/ns/net" % self.holder.pid) != os.readlink("/proc/self/ns/net")
            return apart and pathlib.Path("/proc/%d/comm" % self.holder.pid).read_text() == "sleep\n"
        except OSError:
            return False

    def close(self):
        self.holder.kill()
        self.holder.wait()

    def wrap(self, argv):
        """What to run for argv in there; the process id is the program's own."""
        return ["nsenter", "-t", str(self.holder.pid), "-n"] + argv

    def run(self, *argv):
        subprocess.run(self.wrap(list(argv)), check=True)

    def ip(self, *words):
        self.run("ip", *words)

    def forward(self, wanted):
        """As a router: whether packets are passed on. If not, they vanish without a word."""
        self.run("sh", "-c", "echo %d >/proc/sys/net/ipv4/ip_forward" % wanted)

    def call(self, function):
        """function () on a thread in there, and what it gives back: its sockets and its threads stay there."""
        results = []

        def work():
            with open("/proc/%d/ns/net" % self.holder.pid, "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            results.append(function())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return results[0]


def ip(space, *words):
    """space: a Namespace, or None: the program's own."""
    if space:
        space.ip(*words)
    else:
        subprocess.run(["ip"] + list(words), check=True)


def lay_cable(space, name, address, far_space, far_name, far_address):
    ip(space, "link", "add", name, "type", "veth", "peer", "name", far_name, "netns", str(far_space.holder.pid))
    for one, end, own in ((space, name, address), (far_space, far_name, far_address)):
        ip(one, "addr", "add", own, "dev", end)
        ip(one, "link", "set", end, "up")


class NameServer:
    """Answers every question for an IPv4 address with the one it has, or, while silent, not at all. The system asks it and no
    other from now on, in this mount namespace."""

    def __init__(self, listen_address, answer, silent=False):
        self.answer, self.silent, self.n_asked = answer, silent, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((listen_address, 53))
        self.folder = tempfile.mkdtemp(prefix="p2pstream-test-")
        self._replace("/etc/resolv.conf", "nameserver %s\n" % listen_address)
        self._replace("/etc/nsswitch.conf", "hosts: files dns\n")
        threading.Thread(target=self._serve, daemon=True).start()

    def _replace(self, path, text):
        own = pathlib.Path(self.folder, pathlib.Path(path).name)
        own.write_text(text)
        subprocess.run(["mount", "--bind", str(own), path], check=True)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self):
        while True:
            question, peer = self.sock.recvfrom(512)
            self.n_asked += 1
            if self.silent:
                continue
            end = question.index(b"\0", 12) + 5
            wants_v4 = question[end - 4 : end - 2] == b"\0\1"
            head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, int(wants_v4), 0, 0)
            record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 0, 4) + socket.inet_aton(self.answer)
            try:
                self.sock.sendto(head + question[12:end] + (record if wants_v4 else b""), peer)
            except OSError:
                pass  # its cable is cut
