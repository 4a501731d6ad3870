# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""A desktop for one program: Xvfb, a session bus with accessibility, and verbs to look at and press things.

Widgets are found by role and name through AT-SPI, as a screen reader finds them. Every wait has a deadline."""
import os
import shutil
import subprocess
import sys
import time

DEADLINE_S = 60
TRIES = 5  # for what goes by itself: see press_in_time ()
NEEDED = ["Xvfb", "dbus-run-session", "xdotool", "openssl"]


def missing():
    """Why this machine cannot run a desktop test; None when it can."""
    for program in NEEDED:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        import pyatspi  # noqa: F401
    except ImportError:
        return "python3-pyatspi is not installed"
    return None


def enter_session(folder):
    """Runs this script again inside a session bus of its own and a display of its own; returns in the inner one."""
    if os.environ.get("P2P_TEST_SESSION"):
        return
    read_fd, write_fd = os.pipe()
    xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(write_fd), "-screen", "0", "1100x800x24", "-nolisten", "tcp",
                             "-noreset"], pass_fds=[write_fd], stderr=subprocess.DEVNULL)
    os.close(write_fd)
    with os.fdopen(read_fd) as pipe:
        number = pipe.readline().strip()
    env = {**os.environ, "P2P_TEST_SESSION": folder, "DISPLAY": f":{number}", "GDK_BACKEND": "x11",
           "GSK_RENDERER": "cairo", "GTK_A11Y": "atspi", "NO_AT_BRIDGE": "0", "HOME": folder, "LC_ALL": "C.UTF-8",
           "LANGUAGE": "", "TZ": "UTC", "XDG_CONFIG_HOME": f"{folder}/config", "XDG_DATA_HOME": f"{folder}/data",
           "XDG_CACHE_HOME": f"{folder}/cache", "XDG_RUNTIME_DIR": f"{folder}/run", "GSETTINGS_BACKEND": "memory",
           "GIO_USE_PROXY_RESOLVER": "dummy", "GIO_USE_VFS": "local", "GTK_USE_PORTAL": "0",
           "ADW_DISABLE_PORTAL": "1", "G_DEBUG": "fatal-criticals"}
    for name in ("config/gtk-4.0", "data", "cache", "run"):
        os.makedirs(f"{folder}/{name}", mode=0o700, exist_ok=True)
    with open(f"{folder}/config/gtk-4.0/settings.ini", "w") as settings:
        settings.write("[Settings]\ngtk-enable-animations=false\ngtk-font-name=Cantarell 11\n")
    try:
        done = subprocess.run(["dbus-run-session", "--", sys.executable, *sys.argv], env=env)
    finally:
        xvfb.terminate()
        xvfb.wait()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(done.returncode)


def until(what, condition, seconds=DEADLINE_S):
    """Waits for condition () to be true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class App:
    """The program under test."""

    def __init__(self, argv, stderr_path, env=None):
        self.stderr_path = stderr_path
        self.stderr = open(stderr_path, "ab")
        self.process = subprocess.Popen(argv, stderr=self.stderr, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.root = until("the program on the accessibility bus", self._find_root)

    def _find_root(self):
        import pyatspi
        assert self.process.poll() is None, f"the program ended with {self.process.returncode}"
        desktop = pyatspi.Registry.getDesktop(0)
        for i in range(desktop.childCount):
            app = desktop.getChildAtIndex(i)
            try:
                if app is not None and app.get_process_id() == self.pid and app.childCount > 0:
                    return app
            except Exception:  # an application that is just going away
                continue
        return None

    def close(self):
        """Ends the program; the messages it wrote to standard error."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(DEADLINE_S)
        self.stderr.close()
        return self.read_stderr()

    def read_stderr(self):
        with open(self.stderr_path) as text:
            return text.read()

    # -- looking

    # GTK 4.8 marks widgets as showing only at the top level, and pages behind the shown one as visible: a page is
    # told by the window's title, and looked at below the widget of its type.

    def _walk(self, node):
        """Last children first: toasts and dialogs come after a page of hundreds of widgets, and go by themselves."""
        import pyatspi
        try:
            if node.getRoleName() not in ("application", "frame") and \
                    not node.getState().contains(pyatspi.STATE_VISIBLE):
                return
            yield node
            for i in reversed(range(node.childCount)):
                child = node.getChildAtIndex(i)
                if child is not None:
                    yield from self._walk(child)
        except Exception:  # gone while we looked at it
            return

    def look(self, role, name, below=None):
        """The first widget of that role whose name is, or matches, name; None when there is none."""
        for node in self._walk(below or self.root):
            try:
                if role in (None, node.getRoleName()) and (name(node.name) if callable(name) else node.name == name):
                    return node
            except Exception:
                continue
        return None

    def find(self, role, name, below=None):
        return until(f"{role} {name!r}", lambda: self.look(role, name, below))

    def page(self, title, widget):
        """Waits for the window to be called title; the widget of that type in it."""
        self.find("frame", lambda name: name.startswith(title))
        return self.find(None, widget)

    def has_text(self, part, below=None):
        return self.look("label", lambda text: part in text, below) is not None

    def find_text(self, part, below=None):
        """A label that contains part."""
        return self.find("label", lambda text: part in text, below)

    def wait_gone(self, part, below=None):
        until(f"no text {part!r}", lambda: not self.has_text(part, below))

    def wait_item_gone(self, name, below):
        until(f"no list item {name!r}", lambda: self.look("list item", name, below) is None)

    def find_selected(self, below):
        """The name of the list item that is selected."""
        import pyatspi

        def look():
            for node in self._walk(below):
                if node.getRoleName() == "list item" and node.getState().contains(pyatspi.STATE_SELECTED):
                    return node.name.split(",")[0]
            return None
        return until("a selected list item", look)

    def is_checked(self, node):
        import pyatspi
        return node.getState().contains(pyatspi.STATE_CHECKED)

    def is_sensitive(self, node):
        import pyatspi
        return node.getState().contains(pyatspi.STATE_SENSITIVE)

    def dump(self, below=None, out=sys.stderr):
        for node in self._walk(below or self.root):
            print(node.getRoleName(), repr(node.name), file=out)

    # -- doing

    def look_button(self, name, below=None, role="push button"):
        """Names of buttons with an underlined letter come twice, once with the underscore."""
        return self.look(role, lambda text: text == name or text.endswith(f" {name}"), below)

    def find_button(self, name, below=None, role="push button"):
        return until(f"{role} {name!r}", lambda: self.look_button(name, below, role))

    def press_in_time(self, offer, name, done):
        """Presses a button that a toast offers for some seconds. On a busy machine it may have gone before it is found or pressed:
        then offer () has to bring a new one. done () tells whether it had its effect. Returns how many times it was offered."""
        for n in range(1, TRIES + 1):
            offer()
            try:
                button = until(name, lambda: self.look_button(name), 2)
                if button.queryAction().doAction(0):
                    until(f"what {name} does", done)
                    return n
            except Exception:  # gone meanwhile, in one way or another
                until(f"no {name} of before", lambda: self.look_button(name) is None)
        raise AssertionError(f"{name} was not there in time {TRIES} times")

    def press(self, name, below=None, role="push button"):
        node = self.find_button(name, below, role)
        until(f"{name} can be pressed", lambda: self.is_sensitive(node))
        assert node.queryAction().doAction(0), f"{name} has no action"

    def keys(self, *names):
        """To whatever has the focus; without a window manager that is our window from its first moment."""
        subprocess.run(["xdotool", "key", "--delay", "30", *names], check=True, timeout=DEADLINE_S)

    def type(self, text):
        """GTK 4.8 lets nobody set a text or the focus over AT-SPI: a person's keys do both."""
        subprocess.run(["xdotool", "type", "--delay", "5", "--", text], check=True, timeout=DEADLINE_S)

    def enter(self, text):
        """Types and presses Return."""
        self.type(text)
        self.keys("Return")

    def shoot(self, name):
        """A picture of the whole display, when the caller wants pictures."""
        folder = os.environ.get("P2P_SCREENSHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            time.sleep(0.6)  # for the eye: lets a transition end; no assertion depends on it
            subprocess.run(["import", "-window", "root", f"{folder}/{name}.png"], check=False)
