#!/usr/bin/env python3
"""A target in operation: every noun of tgtctl, commands in flight, sessions, and faults on request."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

from daemon import IQN, check, configuration, run
from target import free_port, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

HOST = "iqn.2026-01.org.example:host"
OTHER = "iqn.2026-01.org.example:other"

# noun, what makes one, where it shows in the list, what changes it and to which value, what takes it away
NOUNS = [
    ("lu", ["create", "disk", "--backstore", "ram", "--size", "1MiB"], ("name", "disk"),
     ["modify", "disk", "--write-protected"], None, ["delete", "disk"]),
    ("portal", ["add", "127.0.0.1:{port}", "--group", "2"], ("address", "127.0.0.1:{port}"),
     None, None, ["remove", "127.0.0.1:{port}"]),
    ("target", ["create", IQN], ("name", IQN),
     ["modify", IQN, "--initiators", HOST], ("initiators", [HOST]), ["delete", IQN]),
    ("host-group", ["create", "hosts", "--initiators", HOST], ("name", "hosts"),
     ["modify", "hosts", "--initiators", OTHER], ("initiators", [OTHER]), ["delete", "hosts"]),
    ("target-group", ["create", "front"], ("name", "front"),
     ["modify", "front", "--targets", IQN], ("targets", [IQN]), ["delete", "front"]),
    ("view", ["add", "disk", "--lun", "7"], ("lun", 7), None, None, ["remove", "disk", "--lun", "7"]),
    ("user", ["add", "alice", "--secret-file", "{secret}"], ("name", "alice"),
     ["modify", "alice", "--secret-file", "{other}"], None, ["remove", "alice"]),
]


def served(daemon):
    """The daemon with one RAM disk; the port."""
    port = free_port()
    daemon.start()
    daemon.ctl("apply", daemon.write("c.toml", configuration(port)))
    return port


def log_in(port):
    session = Session(("127.0.0.1", port), IQN, HOST)
    session.settle()
    return session


def every_noun_can_be_made_shown_changed_and_removed(daemon):
    """Each step is in force at once, for people and as JSON; a second of the same kind is refused by name."""
    daemon.start()
    places = {"port": free_port(), "secret": daemon.write("secret", "a-secret-of-this-test"),
              "other": daemon.write("other", "another-of-this-test")}

    def fill(value):
        return value.format(**places) if isinstance(value, str) else value

    def entry(noun, where):
        key, value = where
        return next((one for one in daemon.ctl_json(noun, "list") if one[key] == fill(value)), None)

    for noun, create, where, modify, after, _ in NOUNS:
        check(entry(noun, where) is None, f"{noun}: there before it was made")
        daemon.ctl(noun, *map(fill, create))
        check(entry(noun, where) is not None, f"{noun}: not in the list")
        check(str(fill(where[1])) in daemon.ctl(noun, "list"), f"{noun}: not in the list for people")
        check(fill(create[1]) in daemon.refused(noun, *map(fill, create)), f"{noun}: made twice")
        if modify is not None:
            daemon.ctl(noun, *map(fill, modify))
        if after is not None:
            check(entry(noun, where)[after[0]] == after[1], f"{noun}: {entry(noun, where)}")
    check(daemon.ctl_json("lu", "show", "disk")["write_protected"] is True, "the change of the lu is not in force")
    for noun, _, where, _, _, remove in reversed(NOUNS):
        daemon.ctl(noun, *map(fill, remove))
        check(entry(noun, where) is None, f"{noun}: there after it was removed")
        daemon.refused(noun, *map(fill, remove))


def every_command_speaks_json(daemon):
    """--json before or behind the words; each answer is JSON, a refusal a message on standard error."""
    served(daemon)
    for words in (["status"], ["lu", "list"], ["lu", "show", "ram"], ["target", "list"], ["portal", "list"],
                  ["host-group", "list"], ["target-group", "list"], ["view", "list"], ["user", "list"],
                  ["session", "list"], ["stats"], ["event", "list"], ["command", "list"], ["discovery", "show"], ["limits", "show"], ["export"],
                  ["describe"], ["debug", "events"], ["debug", "inject-list"], ["lu", "resize", "ram", "96MiB"],
                  ["host-group", "create", "h"], ["debug", "inject", "delay", "ram", "--delay", "1s"],
                  ["debug", "inject-remove", "1"]):
        json.loads(daemon.ctl("--json", *words))
    check(json.loads(daemon.ctl("lu", "list", "--json")) == daemon.ctl_json("lu", "list"), "--json behind the words")
    done = subprocess.run(daemon.argv("--json", "lu", "show", "none"), capture_output=True, text=True, timeout=20,
                          check=False)
    check(done.returncode == 1 and not done.stdout and "none" in done.stderr, f"a refusal: {done}")


def a_command_in_flight_can_be_seen(daemon):
    """Its age, its state, and what happened to it so far; afterwards it is gone."""
    port = served(daemon)
    session = log_in(port)
    check(daemon.ctl_json("command", "list") == [], "commands in flight that nobody sent")
    rule = daemon.ctl_json("debug", "inject", "delay", "ram", "--first-lba", "8", "--last-lba", "15", "--delay", "30s")
    session.do(scsi.read10(0, 8), read=4096)  # outside of the range: not held up
    held = session.command(scsi.read10(12, 8), read=4096)
    wait_for("the command to be listed", 10, lambda: daemon.ctl_json("command", "list"))
    one, = daemon.ctl_json("command", "list")
    check(one["lu"] == "ram" and one["lba"] == 12 and one["blocks"] == 8 and one["command"] == "READ(10)", f"{one}")
    check(one["initiator"].startswith(HOST) and one["target"].startswith(IQN) and one["tag"] == held.itt, f"{one}")
    check(one["state"].startswith("delayed") and 0 < one["age_ms"] < 30000, f"state and age: {one}")
    what = [event["what"] for event in one["audit"]]
    check(what[0] == "received" and len(what) >= 2, f"audit ring: {one['audit']}")
    text = daemon.ctl("command", "list")
    check("READ(10)" in text and "received" in text and "delayed" in text, f"for people: {text}")
    check(daemon.ctl_json("command", "list", "--lu", "ram") and not daemon.ctl_json("command", "list", "--lu", "none"),
          "the choice by logical unit")
    listed, = daemon.ctl_json("session", "list")
    check(listed["in_flight"] == 1 and listed["initiator"] == HOST, f"the session: {listed}")
    check(session.tmf(1, task=held) == 0, "a delayed command cannot be aborted")
    wait_for("the command to be gone", 10, lambda: daemon.ctl_json("command", "list") == [])
    daemon.ctl("debug", "inject-remove", rule["id"])
    check(str(session.do(scsi.read10(12, 8), read=4096)) == "good", "the rule outlives its removal")
    session.close()


def faults_come_where_they_are_asked_for(daemon):
    """Medium error, abort and unit attention, by logical unit, range of blocks and operation code, so many times."""
    port = served(daemon)
    session = log_in(port)

    def read(lba):
        return str(session.do(scsi.read10(lba, 1), read=512))

    def write(lba):
        return str(session.do(scsi.write10(lba, 1), write=bytes(512)))

    daemon.ctl("debug", "inject", "medium-error", "ram", "--first-lba", "100", "--last-lba", "109", "--count", "2")
    check(read(99) == "good" and read(110) == "good", "a fault outside of its range")
    check(read(100).endswith("03/11/00") and write(109).endswith("03/0c/00"), "no medium error")
    check(read(100) == "good", "more faults than asked for")
    used, = daemon.ctl_json("debug", "inject-list")
    check(used["count"] == 2 and used["left"] == 0, f"a rule that is used up: {used}")
    daemon.ctl("debug", "inject-remove", used["id"])
    rule = daemon.ctl_json("debug", "inject", "abort", "ram", "--opcode", "40")
    check(write(0) == "good" and read(0).split()[-1].startswith("0b/"), "abort by operation code")
    daemon.ctl("debug", "inject-remove", rule["id"])
    daemon.ctl("debug", "inject", "unit-attention", "ram", "--any-command", "--sense", "2a/01", "--count", "1")
    check(str(session.do(scsi.test_unit_ready())).endswith("06/2a/01"), "no unit attention")
    check(str(session.do(scsi.test_unit_ready())) == "good" and read(0) == "good", "a second unit attention")
    check("none" in daemon.refused("debug", "inject", "abort", "none"), "a rule for a logical unit that is not there")
    session.close()


def a_session_is_listed_and_can_be_asked_to_go(daemon):
    """Names, address, what was negotiated; logout by an Async Message, then the end of the connection."""
    port = served(daemon)
    session = log_in(port)
    listed, = daemon.ctl_json("session", "list")
    check(listed["target"] == IQN and listed["initiator"] == HOST and listed["authentication"] == "none", f"{listed}")
    check(listed["connections"][0]["peer"].startswith("127.0.0.1:"), f"{listed}")
    with subprocess.Popen(daemon.argv("session", "logout", listed["id"], "--grace", "20s")) as asking:
        message = session.receive("an Async Message")
        check(message.opcode == 0x32, f"not an Async Message: {message}")
        check(session.logout() == 0, "the logout is refused")
        check(asking.wait(10) == 0, "tgtctl does not hear of the end")
    check(daemon.ctl_json("session", "list") == [], "the session is still there")
    daemon.refused("session", "logout", listed["id"])


def ports_keep_what_happened(daemon):
    """Connections, logins, what was refused and what was rejected, in their order."""
    port = served(daemon)
    session = log_in(port)
    check(session.tmf(5) == 0, "LOGICAL UNIT RESET")
    check(session.logout() == 0, "the logout is refused")
    wait_for("the connection to be over", 10,
             lambda: daemon.ctl_json("debug", "events")[-1]["event"] == "connection over")
    events = daemon.ctl_json("debug", "events")
    check([one["event"] for one in events if one["event"] != "session ended"] ==
          ["connected", "logged in", "task management", "logout", "connection over"], f"{events}")
    check(events[0]["subject"].startswith("127.0.0.1:") and events[2]["detail"] == 5 << 8, f"{events}")
    check("logged in" in daemon.ctl("debug", "events"), "for people")


def a_portal_may_have_an_ipv6_address(daemon):
    """Discovery tells the address with its brackets (RFC 7143 appendix C); a session over it reads."""
    if not socket.has_ipv6 or not pathlib.Path("/proc/net/if_inet6").exists():
        return print("   this machine has no IPv6")
    port = served(daemon)
    daemon.ctl("portal", "add", f"[::1]:{port}")
    listed = daemon.ctl_json("portal", "list")
    check([one["address"] for one in listed] == [f"127.0.0.1:{port}", f"[::1]:{port}"], f"{listed}")
    shown = subprocess.run(["iscsi-ls", f"iscsi://[::1]:{port}"], capture_output=True, text=True, timeout=20, check=True)
    check(f"Portal:[::1]:{port},1" in shown.stdout, f"discovery: {shown.stdout}")
    session = Session(("::1", port), IQN, HOST)
    session.settle()
    check(str(session.do(scsi.read10(0, 8), read=4096)) == "good", "READ over IPv6")
    session.close()
    return None


def logins_are_sent_to_another_portal(daemon):
    """libiscsi follows a temporary redirection (RFC 7143 11.13.5) to the portal that serves; of permanent ones it knows
    nothing. An address that may not log in is refused there."""
    port, other = served(daemon), free_port()

    def found(at):
        return subprocess.run(["iscsi-inq", f"iscsi://127.0.0.1:{at}/{IQN}/0"], capture_output=True, timeout=20,
                              check=False).returncode == 0
    daemon.ctl("portal", "add", f"127.0.0.1:{other}", "--redirect", f"127.0.0.1:{port}")
    check(found(other), "INQUIRY through a portal that sends elsewhere")
    daemon.ctl("portal", "remove", f"127.0.0.1:{other}")
    check(not found(other), "a portal that is closed still serves")
    daemon.ctl("portal", "add", f"127.0.0.1:{other}", "--redirect", f"127.0.0.1:{port}", "--redirect-permanent")
    check(not found(other), "libiscsi follows permanent redirections: judge them here")
    sent = [one["detail"] for one in daemon.ctl_json("debug", "events") if one["event"] == "redirected"]
    check(sent == [0x0101, 0x0102], f"redirections: {sent}")
    daemon.ctl("target", "modify", IQN, "--initiator-addresses", "192.0.2.0/24")
    daemon.announce("refused with status 0202")
    check(not found(port), "an address that may not log in was let in")


def log_lines_for_programs(daemon):
    """--log-format: a JSON object a line, or text with the priority that journald reads."""
    daemon.announce('"time":')
    daemon.options = ("--log-format", "json")
    port = served(daemon)
    daemon.ctl("target", "modify", IQN, "--initiator-addresses", "192.0.2.0/24")
    subprocess.run(["iscsi-inq", f"iscsi://127.0.0.1:{port}/{IQN}/0"], capture_output=True, timeout=20, check=False)
    lines = [json.loads(line) for line in daemon.log().splitlines()]
    refused = [line for line in lines if line["level"] == "warning"]
    check(len(refused) == 1 and refused[0]["logger"] == "iscsi", f"warnings: {refused}")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", refused[0]["time"]), f"time of {refused[0]}")
    check("{}" in refused[0]["event"] and any(IQN in text for text in refused[0]["arguments"]), f"parts of {refused[0]}")
    daemon.stop()
    os.truncate(os.path.join(daemon.folder, "log"), 0)
    daemon.announce("<6>")
    daemon.options = ("--log-format", "journal")
    daemon.start()
    check(re.search(r"^<6>outboardd: \S+ serves ", daemon.log(), re.M), f"log for journald: {daemon.log()}")


TESTS = [every_noun_can_be_made_shown_changed_and_removed, every_command_speaks_json, a_command_in_flight_can_be_seen,
         faults_come_where_they_are_asked_for, a_session_is_listed_and_can_be_asked_to_go,
         ports_keep_what_happened, a_portal_may_have_an_ipv6_address, logins_are_sent_to_another_portal,
         log_lines_for_programs]

if __name__ == "__main__":
    run(__doc__, TESTS)
