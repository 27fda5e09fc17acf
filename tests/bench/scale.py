#!/usr/bin/env python3
"""What idle things cost: memory of 10,000 logical units and 1,000 sessions, CPU of an idle daemon, system calls per
command under load, and whether the fast path stays fast beside them."""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "judges"), str(HERE.parent / "conformance")]
from outboard import Outboard  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

UNITS, SESSIONS, SIZE = 10000, 1000, 64 << 20


def memory(pid):
    """Bytes resident that are the process' own (the RAM disks' pages are shared memory and counted apart)."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(options, target, seconds=1.0):
    argv = [str(options.bin_dir / "tests/bench/loadgen"), "--port", str(target.port), "--target", target.iqn, "--lun", "1",
            "--core", "1", "--span", str(SIZE), "--seconds", str(seconds), "--warm-up", "0.2", "--depth", "32"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"load generator failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def speed(options, target):
    return statistics.median(load(options, target)["iops"] for _ in range(5))


def idle_cpu(pid, seconds=5):
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


def system_calls(options, target):
    """Counted by strace, which slows everything but changes neither side's count by much."""
    with tempfile.NamedTemporaryFile("r") as summary:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-qq", "-o", summary.name, "-p", str(target.process.pid)])
        time.sleep(0.5)
        commands = load(options, target, 2.0)["commands"]
        tracer.terminate()
        tracer.wait(10)
        table = summary.read()
    total = sum(int(m.group(1)) for m in re.finditer(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*(?<!total)$", table, re.M))
    return total / commands


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True)
    options = parser.parse_args()
    failed = []

    def report(what, value, limit, unit):
        print(f"{what:44} {value:12.3f} {unit:8} limit {limit}", flush=True)
        if value > limit:
            failed.append(what)

    with Outboard(options.bin_dir, "ram", daemon_options=["--cores", "0"]) as target:
        pid = target.process.pid
        target.create_lu("disk", SIZE)
        target.add_lun(1, "disk")
        report("idle daemon", 100 * idle_cpu(pid), 1.0, "% CPU")
        report("system calls per command, depth 32", system_calls(options, target), 0.3, "")
        fast = speed(options, target)
        before = memory(pid)
        target.apply_units(UNITS, 1 << 30)
        report(f"{UNITS} logical units, each", (memory(pid) - before) / UNITS / 1024, 4, "KiB")
        before = memory(pid)
        sessions = []
        for i in range(SESSIONS):
            session = Session(("127.0.0.1", target.port), target.iqn, f"iqn.2026-01.test.scale:{i}")
            session.login()
            sessions.append(session)
        report(f"{SESSIONS} idle sessions, each", (memory(pid) - before) / SESSIONS / 1024, 64, "KiB")
        report("slower fast path beside them", 100 * (1 - speed(options, target) / fast), 5, "%")
        report("idle daemon with them", 100 * idle_cpu(pid), 1.0, "% CPU")
        for session in sessions:
            session.close(reset=True)
    if failed:
        print("out of bounds: " + "; ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
