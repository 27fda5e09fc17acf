#!/usr/bin/env python3
"""Measuring a target: statistics of ports, sessions and logical units, tgtctl top, sessions in full and their end."""
import json
import pathlib
import subprocess
import sys
import time

from daemon import IQN, check, run
from operation import HOST, log_in, served
from target import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402

BLOCK = 4096


def rows(daemon, *words):
    return {row["kind"]: row for row in daemon.ctl_json("stats", *words)}


def load(session, reads, writes):
    for i in range(reads):
        session.do(scsi.read10(8 * i, 8), read=BLOCK)
    for i in range(writes):
        session.do(scsi.write10(8 * i, 8), write=bytes(BLOCK))


def what_is_done_is_counted_everywhere(daemon):
    """Port, session and logical unit agree; what a session did stays counted when it is gone."""
    port = served(daemon)
    session = log_in(port)
    load(session, 7, 3)
    of = rows(daemon, "--latency")
    check(set(of) == {"port", "session", "lu"}, f"{of}")
    for kind, row in of.items():
        counted = (row["reads"], row["writes"], row["read_bytes"], row["write_bytes"], row["in_flight"], row["aborted"])
        check(counted == (7, 3, 7 * BLOCK, 3 * BLOCK, 0, 0), f"{kind}: {row}")
        for way, count in (("read", 7), ("write", 3)):
            latency = row[way + "_latency"]
            check(sum(number for _, number in latency["buckets"]) == count, f"{kind}: {latency}")
            check(0 < latency["p50_ns"] <= latency["p99_ns"] <= latency["p999_ns"] < 5e9, f"{kind}: {latency}")
    check(of["port"]["name"].startswith(IQN) and of["lu"]["name"] == "ram" and of["session"]["name"] == HOST, f"{of}")
    text = daemon.ctl("stats")
    check("P99.9" in text and IQN in text and HOST in text, f"for people: {text}")
    check(list(rows(daemon, "--of", "lu")) == ["lu"], "the choice by kind")
    daemon.refused("stats", "--of", "disk")
    session.close()
    wait_for("the session to be gone", 10, lambda: "session" not in rows(daemon))
    for kind, row in rows(daemon).items():
        check(row["reads"] == 7 and row["writes"] == 3, f"{kind} forgot: {row}")


def latency_is_that_of_the_medium(daemon):
    """A command that is held up for a while is counted as that long."""
    port = served(daemon)
    session = log_in(port)
    daemon.ctl("debug", "inject", "delay", "ram", "--first-lba", "8", "--last-lba", "15", "--delay", "200ms")
    for _ in range(3):
        session.do(scsi.read10(8, 8), read=BLOCK)
    for row in rows(daemon).values():
        check(200e6 * 0.85 < row["read_latency"]["p50_ns"] < 2e9, f"{row}")
    session.close()


def top_shows_rates(daemon):
    """Batch mode for scripts, as text and as JSON; nothing is shown of what happened before."""
    port = served(daemon)
    session = log_in(port)
    load(session, 5, 5)
    with subprocess.Popen(daemon.argv("--json", "top", "-n", "2", "-i", "500ms"), stdout=subprocess.PIPE,
                          text=True) as top:
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            load(session, 10, 0)
        out, _ = top.communicate(timeout=20)
    check(top.returncode == 0, "top fails")
    samples = [json.loads(line) for line in out.splitlines()]
    check(len(samples) == 2, f"{len(samples)} samples")
    busy = [sample for sample in samples if all(row["read_iops"] > 0 for row in sample)]
    check(busy, f"no sample shows the load: {samples}")
    for row in busy[0]:
        check(row["write_iops"] == 0 and abs(row["read_bytes_per_s"] - row["read_iops"] * BLOCK) < 1, f"{row}")
        check(0 < row["p50_ns"] <= row["p999_ns"] and row["write_p50_ns"] == 0, f"{row}")
    text = daemon.ctl("top", "-b", "-n", "1", "-i", "100ms", "--sort", "name")
    lines = text.splitlines()
    check("IOPS" in lines[0] and [line.split()[0] for line in lines[1:]] == ["port", "session", "lu"], f"{text}")
    session.close()


def a_session_is_shown_in_full_and_ended_by_force(daemon):
    """Negotiated keys, addresses, authentication; --force asks nobody."""
    port = served(daemon)
    session = log_in(port)
    listed, = daemon.ctl_json("session", "list")
    shown = daemon.ctl_json("session", "show", listed["id"])
    check(shown["keys"]["HeaderDigest"] and "MaxBurstLength" in shown["keys"], f"{shown}")
    check(shown["connections"][0]["peer"].startswith("127.0.0.1:") and shown["authentication"] == "none", f"{shown}")
    check("MaxBurstLength" in daemon.ctl("session", "show", listed["id"]), "for people")
    daemon.refused("session", "show", listed["id"] + 1000)
    daemon.refused("session", "logout", listed["id"], "--force", "--grace", "1s")
    began = time.monotonic()
    daemon.ctl("session", "logout", listed["id"], "--force")
    check(time.monotonic() - began < 5, "it took its time")
    check(daemon.ctl_json("session", "list") == [], "the session is still there")
    session.close()


TESTS = [what_is_done_is_counted_everywhere, latency_is_that_of_the_medium, top_shows_rates,
         a_session_is_shown_in_full_and_ended_by_force]

if __name__ == "__main__":
    run(__doc__, TESTS)
