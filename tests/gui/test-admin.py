#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
"""p2pstream-admin as a person uses it, by keyboard and by what a screen reader finds, under Xvfb: first against a
server of the test's own that fails on demand, then against a real p2pstreamd with an agent.

P2P_SCREENSHOTS=FOLDER keeps a picture of every page. TAP; skipped where there is no Xvfb or AT-SPI."""
import os
import pathlib
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("G_TEST_BUILDDIR") or os.getcwd())
ADMIN = str(BUILD / "p2pstream-admin")
PASSWORD = "correct horse battery"

sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]
import desktop  # noqa: E402
import fake_server  # noqa: E402
import p2p  # noqa: E402


def undo(app, view, switch, before, after):
    """Presses the switch of the row that is called before, which is called after then, and undoes that; how many times."""

    def change():
        if app.look("list item", before, view) is None:  # the last time it was too late to undo
            app.press(switch, app.find("list item", after, view), "check box")
            app.find("list item", before, view)
            desktop.until("no Undo", lambda: app.look_button("Undo") is None)
        app.press(switch, app.find("list item", before, view), "check box")
        app.find("list item", after, view)

    return app.press_in_time(change, "Undo", lambda: app.look("list item", before, view))


class Story:
    """One program and one fake server; the steps below run in the order in which they are written."""

    def __init__(self, folder):
        self.folder = folder
        self.stderr = f"{folder}/admin.stderr"
        self.fake = fake_server.FakeServer(folder).start()
        self.fake.lists = fake_server.lists_of_a_small_house()
        self.app = None

    def start(self, *arguments):
        self.app = desktop.App([ADMIN, *arguments], self.stderr)

    def end(self):
        if self.app is not None:
            self.app.close()
        self.app = None
        self.fake.stop()

    def server_view(self):
        return self.app.page("Server –", "P2pServerView")

    def step_a_bad_address_is_told(self):
        self.start()
        page = self.app.page("Connect to a Server", "P2pConnectPage")
        self.app.shoot("connect")
        self.app.enter("http://localhost")
        self.app.find("alert", lambda text: "https only" in text, page)
        self.app.keys("ctrl+a")
        self.app.enter("localhost:1")
        self.app.find("alert", lambda text: "refuses the connection" in text, page)
        self.app.shoot("connect-failed")

    def step_the_certificate_is_shown_and_refused_by_default(self):
        self.app.keys("ctrl+a")
        self.app.enter(f"localhost:{self.fake.port}")
        page = self.app.page("Server Identity", "P2pTrustPage")
        self.app.find_text("Is This Your Server?", page)
        self.app.find("label", fake_server.fingerprint(self.fake.crt), page)
        self.app.find_text("localhost, p2pstream.local, 127.0.0.1", page)
        self.app.shoot("trust")
        self.app.keys("Return")  # the focus is on Cancel
        self.app.page("Connect to a Server", "P2pConnectPage")
        assert self.fake.calls == [], self.fake.calls

    def step_the_first_administrator_is_made(self):
        self.app.keys("Return")
        page = self.app.page("Server Identity", "P2pTrustPage")
        self.app.press("Trust This Certificate", page)
        page = self.app.page("Set Up the Server", "P2pSetupPage")
        self.app.find_text(" left", page)
        self.app.enter(fake_server.SETUP_TOKEN + "x")
        self.app.type("Ada")
        self.app.find_text("small letters", page)
        self.app.shoot("setup")
        self.app.keys("ctrl+a")
        self.app.enter("ada")
        self.app.enter(PASSWORD)
        self.app.enter(PASSWORD)
        self.app.find_text("the setup token is wrong", page)
        self.app.press("Back", page)
        self.app.page("Connect to a Server", "P2pConnectPage")
        self.app.keys("Return")
        page = self.app.page("Set Up the Server", "P2pSetupPage")
        for text in (fake_server.SETUP_TOKEN, "ada", PASSWORD, PASSWORD):
            self.app.enter(text)
        self.server_view()

    def step_lists_show_everything_with_its_state(self):
        view = self.server_view()
        self.app.find_text("stay signed in until you close", self.app.root)  # there is no keyring in the test
        for name in ("web, Running", "plain, Error", "lab, Stopped"):
            self.app.find("list item", name, view)
        self.app.find_text("port 80: permission denied", view)
        self.app.shoot("listeners")
        self.app.keys("alt+2")
        for name in ("photos, Healthy", "git, Degraded", "to https, Redirect"):
            self.app.find("list item", name, view)
        self.app.find_text("photos.example.com on web", view)
        self.app.find_text("through an agent with site=garage", view)
        self.app.shoot("routes")
        self.app.keys("alt+3")
        for name in ("garage, Connected", "<b>cabin</b>, Offline"):
            self.app.find("list item", name, view)
        self.app.shoot("agents")

    def step_a_refresh_comes_by_itself_and_keeps_the_selection(self):
        view = self.server_view()
        self.app.keys("alt+1", "Down")
        rows = self.app.find("list", "Listeners", view)
        selected = self.app.find_selected(rows)
        with self.fake.lock:
            self.fake.lists["listeners"][0]["status"]["state"] = "stopped"
            self.fake.lists["agents"].append({"id": 3, "version": 1, "name": "attic", "enabled": True, "labels": {},
                                              "status": {"state": "degraded"}})
        self.app.find("list item", "web, Stopped", view)
        self.app.find("list item", "attic, Degraded", view)
        assert self.app.find_selected(rows) == selected

    def step_a_failed_call_is_told_and_can_be_tried_again(self):
        view = self.server_view()
        row = self.app.find("list item", "lab, Stopped", view)

        def fail():
            self.fake.faults["POST /listeners/3/start"] = (409, "conflict", "listener 'lab': port 8088 is in use")
            self.app.press("Run This Listener", row, "check box")
            self.app.find_text("listener 'lab': port 8088 is in use", self.app.root)
            self.app.shoot("call-failed")
            desktop.until("the switch shows what is", lambda: not self.app.is_checked(
                self.app.find("check box", "Run This Listener", row)))
            del self.fake.faults["POST /listeners/3/start"]

        self.app.press_in_time(fail, "Retry", lambda: self.app.look("list item", "lab, Running", view))

    def step_a_change_goes_to_the_server_and_can_be_undone(self):
        view = self.server_view()
        self.app.keys("alt+2")
        n_calls = 2 * undo(self.app, view, "Use This Route", "photos, Healthy", "photos, Disabled")
        assert self.fake.calls.count(("PATCH", "/routes/1")) == n_calls

    def step_search_finds_by_host(self):
        view = self.server_view()
        self.app.keys("ctrl+f")
        self.app.type("GIT.example")
        self.app.wait_item_gone("photos, Healthy", view)
        self.app.find("list item", "git, Degraded", view)
        self.app.shoot("search")
        self.app.keys("Escape", "Escape")
        self.app.find("list item", "photos, Healthy", view)

    def step_a_lost_connection_is_told_and_comes_back(self):
        view = self.server_view()
        self.fake.faults["GET /routes"] = (503, "unavailable", "the database is locked")
        self.app.find("alert", lambda text: "the database is locked. Trying again in" in text, view)
        self.app.find_text("Connection Lost", view)
        self.app.shoot("lost")
        self.app.find("list item", "photos, Healthy", view)
        del self.fake.faults["GET /routes"]
        self.app.press("Retry Now", view)
        self.app.find("label", "Connected", self.app.find("filler", "P2pServerView"))
        self.app.wait_gone("Connection Lost", view)

    def step_an_ended_session_asks_to_sign_in(self):
        with self.fake.lock:
            self.fake.sessions.clear()
        page = self.app.page("Sign In", "P2pLoginPage")
        self.app.find("alert", lambda text: "The session has ended" in text, page)
        self.app.enter("wrong password")
        self.app.find("alert", lambda text: "user name or password is wrong" in text, page)
        self.app.shoot("login")
        self.app.keys("ctrl+a")
        self.app.enter(PASSWORD)
        self.app.find("list item", "git, Degraded", self.server_view())

    def step_a_known_server_is_not_asked_about_again(self):
        self.app.close()
        self.start()
        page = self.app.page("Connect to a Server", "P2pConnectPage")
        self.app.find_text("ada", page)
        self.app.shoot("known")
        self.app.keys("Tab", "Tab", "Return")  # past Connect, to the first known server
        self.app.page("Sign In", "P2pLoginPage")
        self.app.enter(PASSWORD)
        self.server_view()
        self.app.keys("ctrl+d")
        self.app.page("Connect to a Server", "P2pConnectPage")

    def step_a_keyring_keeps_the_session(self):
        keyring = {"SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": f"{self.folder}/test.keyring",
                   "SECRET_FILE_TEST_PASSWORD": "of the test"}
        address = f"localhost:{self.fake.port}"
        self.app.close()
        self.app = desktop.App([ADMIN, address], self.stderr, keyring)
        self.app.page("Sign In", "P2pLoginPage")
        self.app.enter(PASSWORD)
        self.server_view()
        desktop.until("the keyring is written", lambda: os.path.exists(keyring["SECRET_FILE_TEST_PATH"]))
        self.app.close()
        self.app = desktop.App([ADMIN, address], self.stderr, keyring)
        self.app.find("list item", "web, Stopped", self.server_view())
        assert not self.app.has_text("stay signed in until you close")
        self.app.keys("alt+2")
        self.app.shoot("signed-in")
        with open(keyring["SECRET_FILE_TEST_PATH"], "rb") as kept:
            assert fake_server.TOKEN.encode() not in kept.read()
        for folder, _dirs, names in os.walk(f"{self.folder}/config"):
            for name in names:
                with open(f"{folder}/{name}", "rb") as text:
                    assert fake_server.TOKEN.encode() not in text.read(), name

    def step_another_certificate_is_not_trusted(self):
        self.app.close()  # its last calls come before they are counted
        self.fake.stop()
        calls = len(self.fake.calls)
        old = fake_server.fingerprint(self.fake.crt)
        self.fake.renew()
        self.fake.start()
        self.start(f"localhost:{self.fake.port}")
        page = self.app.page("Server Identity", "P2pTrustPage")
        self.app.find_text("The Certificate Has Changed", page)
        self.app.find("label", old, page)
        self.app.find("label", fake_server.fingerprint(self.fake.crt), page)
        self.app.shoot("changed")
        assert len(self.fake.calls) == calls, self.fake.calls[calls:]

    def step_a_certificate_for_another_name_cannot_be_trusted(self):
        self.app.keys("Escape")
        self.app.page("Connect to a Server", "P2pConnectPage")
        self.fake.stop()
        self.fake.renew("other.test")
        self.fake.start()
        self.app.keys("ctrl+a")
        self.app.enter(f"localhost:{self.fake.port}")
        page = self.app.page("Server Identity", "P2pTrustPage")
        self.app.find("list item", "The certificate does not name localhost", page)
        self.app.shoot("wrong-name")
        assert not self.app.is_sensitive(self.app.find_button("Trust This Certificate", page))

    def step_nothing_was_complained_about(self):
        text = self.app.close()
        assert text == "", text


class RealStory:
    """The whole way with a real daemon, agent and route."""

    def __init__(self, folder):
        self.stderr = f"{folder}/admin-real.stderr"
        self.daemon = p2p.Daemon(directory=tempfile.mkdtemp(dir=folder)).start()
        self.app = None

    def end(self):
        if self.app is not None:
            self.app.close()
        self.daemon.__exit__()

    def step_a_real_daemon_is_set_up(self):
        self.app = desktop.App([ADMIN, f"localhost:{self.daemon.management_port}"], self.stderr)
        page = self.app.page("Server Identity", "P2pTrustPage")
        self.app.find_text("localhost", page)
        self.app.find_text("p2pstream.local", page)
        self.app.shoot("real-trust")
        self.app.press("Trust This Certificate", page)
        self.app.page("Set Up the Server", "P2pSetupPage")
        for text in (self.daemon.setup_token(), self.daemon.USERNAME, PASSWORD, PASSWORD):
            self.app.enter(text)
        self.app.find_text("No Listeners", self.app.page("Server –", "P2pServerView"))
        self.app.shoot("real-empty")

    def step_what_the_api_makes_appears(self):
        self.daemon.bearer = self.daemon.log_in(password=PASSWORD)
        listener = self.daemon.create_listener("web", "http")
        agent = self.daemon.start_agent("garage")
        self.daemon.create_route(listener, "photos", host="photos.test", url="http://127.0.0.1:1", agent=agent)
        view = self.app.page("Server –", "P2pServerView")
        self.app.find("list item", "web, Running", view)
        self.app.find_text(f"port {listener['status']['bound_port']}", view)
        self.app.find("list item", "garage, Connected", view)
        self.app.find("list item", lambda name: name.startswith("photos, "), view)
        self.app.find_text("http://127.0.0.1:1 through garage", view)
        self.app.shoot("real-listeners")
        self.app.keys("alt+2")
        self.app.shoot("real-routes")
        self.app.keys("alt+3")
        self.app.shoot("real-agents")

    def step_stop_and_start_reach_the_real_daemon(self):
        view = self.app.page("Server –", "P2pServerView")
        undo(self.app, view, "Run This Listener", "web, Running", "web, Stopped")

    def step_a_disabled_agent_goes_offline(self):
        view = self.app.page("Server –", "P2pServerView")
        self.app.press("Admit This Agent", self.app.find("list item", "garage, Connected", view), "check box")
        self.app.find("list item", "garage, Disabled", view)

    def step_signing_out_ends_the_session(self):
        view = self.app.page("Server –", "P2pServerView")
        self.app.keys("F10")
        self.app.find("menu item", "Sign Out")
        self.app.keys("Down", "Down", "Return")
        self.app.page("Sign In", "P2pLoginPage")
        desktop.until("one session is left", lambda: len(self.daemon.call("GET", "/sessions")["items"]) == 1)

    def step_nothing_was_complained_about(self):
        text = self.app.close()
        assert text == "", text


def tell(text):
    """As TAP's comment."""
    for line in text.splitlines():
        print("# " + line, flush=True)


def steps(cls):
    return [name for name in vars(cls) if name.startswith("step_")]


def run_story(cls, folder, number, why_not=None):
    """One TAP line a step; when one fails the rest cannot be told. Returns how many failed."""
    story, broken = None, None
    for name in steps(cls):
        number += 1
        label = f"{number} - {cls.__name__}: {name.removeprefix('step_').replace('_', ' ')}"
        if why_not:
            print(f"ok {label} # SKIP {why_not}", flush=True)
        elif broken:
            print(f"not ok {label}\n# after {broken}", flush=True)
        else:
            try:
                story = story or cls(folder)
                getattr(story, name)()
                print(f"ok {label}", flush=True)
            except Exception:
                broken = name
                print(f"not ok {label}", flush=True)
                tell(traceback.format_exc())
                if story is not None and story.app is not None:
                    story.app.shoot("failed")
                    tell(story.app.read_stderr())
                tell(p2p.Process.last_words())
    if story is not None:
        story.end()
    return 1 if broken else 0


def main():
    why_not = desktop.missing()
    if why_not:
        print(f"1..0 # SKIP {why_not}")
        return 0
    desktop.enter_session(os.environ.get("P2P_TEST_SESSION") or tempfile.mkdtemp(prefix="p2pstream-gui-"))
    folder = os.environ["P2P_TEST_SESSION"]
    print(f"1..{len(steps(Story)) + len(steps(RealStory))}", flush=True)
    failed = run_story(Story, folder, 0)
    built = all((BUILD / name).exists() for name in ("p2pstreamd", "p2pstream-agent"))
    failed += run_story(RealStory, folder, len(steps(Story)), None if built else "p2pstreamd is not built")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
