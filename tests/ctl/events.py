#!/usr/bin/env python3
"""Events of a target: followers hear of logins, refusals and changes, in order, and of what they missed."""
import json
import pathlib
import socket
import subprocess
import sys
import threading

from daemon import IQN, check, run
from operation import HOST, log_in, served
from target import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi.chap import Chap  # noqa: E402
from rawiscsi.login import Refused  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

AUTHENTICATION_FAILURE = 0x0201


class Follower:
    """tgtctl events --follow; its lines are read as they come."""

    def __init__(self, daemon):
        self.events = []
        self.process = subprocess.Popen(daemon.argv("--json", "events", "--follow"), stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def heard(self, event):
        return [one for one in self.events if one["event"] == event]

    def wait(self, *names):
        for name in names:
            wait_for(f"\"{name}\" to be heard of", 10, lambda name=name: self.heard(name), self.process)


def listed(daemon):
    return [json.loads(line) for line in daemon.ctl("--json", "events").splitlines()]


def numbered(events):
    first = events[0]["number"]
    check([one["number"] for one in events] == list(range(first, first + len(events))), f"the numbers: {events}")


def following(daemon):
    """A follower who has begun: the first thing it hears is a change made again and again until it is heard."""
    follower = Follower(daemon)

    def begun():
        daemon.ctl("target", "modify", IQN, "--alias", f"alias {len(listed(daemon))}")
        return follower.heard("changed")

    wait_for("the follower to begin", 10, begun, follower.process)
    return follower


def a_follower_hears_what_happens(daemon):
    """Logins, refusals, changes of the configuration and ends of sessions: each once, in order."""
    port = served(daemon)
    log_in(port).close()
    wait_for("the first session to be over", 10, lambda: daemon.ctl_json("session", "list") == [])
    with following(daemon) as follower:
        check(not follower.heard("logged in"), f"what was before it began: {follower.events}")
        session = log_in(port)
        follower.wait("logged in")
        daemon.ctl("lu", "create", "second", "--backstore", "ram", "--size", "1MiB")
        check(session.logout() == 0, "the logout is refused")
        session.close()
        follower.wait("connected", "logout", "session ended", "connection over")
    check([one["event"] for one in follower.events if one["source"] == "iscsi/0"] ==
          ["connected", "logged in", "logout", "session ended", "connection over"], f"{follower.events}")
    change, = [one for one in follower.events if "second" in one["subject"]]
    check(change["source"] == "configuration" and change["event"] == "changed", f"{change}")
    numbered(follower.events)
    text = daemon.ctl("events")
    check(text.count("logged in") == 2 and "session ended" in text, f"for people: {text}")
    check(listed(daemon)[-1]["number"] == follower.events[-1]["number"], "the list ends elsewhere")
    daemon.refused("event", "list", "--wait", "2min")


def refused_logins_are_told(daemon):
    """A wrong CHAP secret, with the peer's address and the login status, and no secret."""
    port = served(daemon)
    daemon.ctl("user", "add", "alice", "--secret-file", daemon.write("secret", "a-secret-of-this-test"))
    daemon.ctl("target", "modify", IQN, "--authentication", "chap", "--users", "alice")
    daemon.announce("login")
    with following(daemon) as follower:
        try:
            Session(("127.0.0.1", port), IQN, HOST, chap=Chap("alice", "not-the-secret-at-all", algorithms=(7,)))
            check(False, "a wrong secret is taken")
        except Refused as refused:
            check(refused.status == AUTHENTICATION_FAILURE, f"{refused}")
        follower.wait("login refused")
        Session(("127.0.0.1", port), IQN, HOST, chap=Chap("alice", "a-secret-of-this-test", algorithms=(7,))).close()
        follower.wait("logged in")
    refusal, = follower.heard("login refused")
    check(refusal["subject"].startswith("127.0.0.1:"), f"{refusal}")
    check(int(refusal["detail"]) == AUTHENTICATION_FAILURE, f"{refusal}")
    check("a-secret" not in json.dumps(follower.events), "a secret is told")
    numbered(follower.events)


def who_looks_too_late_is_told_how_many_he_missed(daemon):
    """A ring keeps the last 256: of more connections than that, the number of those that are gone is an event."""
    port = served(daemon)
    daemon.ctl("limits", "modify", "--max-logins-per-peer", 1000)
    for _ in range(200):  # two events each
        socket.create_connection(("127.0.0.1", port)).close()
    over = '"connection over"'
    wait_for("the last connection to be over", 20, lambda: daemon.ctl("--json", "debug", "events").count(over) >= 127)
    lost = [int(one["detail"]) for one in listed(daemon) if one["event"] == "events lost"]
    check(len(lost) == 1, f"{lost}")

    def told():
        return [one for one in listed(daemon) if one["source"] == "iscsi/0" and one["event"] != "events lost"]

    wait_for("every event to be told or counted", 20, lambda: lost[0] + len(told()) == 400)
    check(told()[-1]["event"] == "connection over" and listed(daemon)[0]["number"] == 1, f"{told()[-2:]}")
    numbered(listed(daemon))


TESTS = [a_follower_hears_what_happens, refused_logins_are_told, who_looks_too_late_is_told_how_many_he_missed]

if __name__ == "__main__":
    run(__doc__, TESTS)
