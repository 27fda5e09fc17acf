#!/usr/bin/env python3
# What is left of many sessions, and what peers cost that never log in: memory, descriptors, threads and sessions of the
# daemon before and after, and how long others wait meanwhile.
import argparse
import multiprocessing
import os
import re
import resource
import statistics
import sys
import time

import storm
from process import cpu_seconds, descriptors, memory, sanitized, threads
from target import JudgeError, make_target, wait_for

LOGIN_MEMORY = 64 << 10  # bytes that a peer may cost before it has logged in
LOGIN_TIME = 1e-3        # seconds of CPU
SLOWER = 5               # times, of the others' 99th percentile
NO_DESCRIPTOR = "no connection can be accepted now: Too many open files"
TOO_LONG = "login took too long"  # of strangers, where the machine is slow


def usage(pid):
    """Bytes resident, descriptors, threads."""
    return memory(pid), descriptors(pid), threads(pid)


def too_much(target, text):
    """A bound is broken; a peer is only measured."""
    if target.measured:
        print(f"over the bound: {text}", flush=True)
    else:
        raise JudgeError(text)


def settled(target, most=None):
    """Nothing is left of the sessions, and no more descriptors than there were."""
    wait_for("all sessions to end", 30, lambda: not target.sessions())
    if most is not None:
        wait_for(f"all but {most} descriptors to be closed", 10,
                 lambda: descriptors(target.process.pid) <= most)


def short_sessions(target, count, first):
    for number in range(first, first + count):
        storm.log_out(storm.log_in(target.port, target.iqn, number))


def broken_sessions(target, count, first):
    """Each has a READ and a WRITE under way when its connection is reset."""
    for number in range(first, first + count):
        sock = storm.log_in(target.port, target.iqn, number)
        sock.sendall(b"".join(storm.command_pdu(1 + i, 2 + i, i % 2 == 1, target.first_lun) for i in range(4)))
        if number % 2:
            storm.receive_pdu(sock)
        storm.break_off(sock)


def leaves_nothing(target, what, work, count):
    """Runs it once to fill pools and caches, then again: nothing may have grown."""
    pid = target.process.pid
    work(target, count // 2, 0)
    settled(target)
    before = usage(pid)
    start = time.monotonic()
    work(target, count, count)
    settled(target, before[1])
    after = usage(pid)
    grown = after[0] - before[0]
    print(f"{count} {what}: {time.monotonic() - start:.1f} s; resident {before[0] >> 10} KiB, then {after[0] >> 10} KiB; "
          f"descriptors {before[1]}, then {after[1]}; threads {before[2]}, then {after[2]}", flush=True)
    if after[2] != before[2]:
        too_much(target, f"{what}: {before[2]} threads have become {after[2]}")
    if not sanitized(pid) and grown > max(before[0] // 100, 64 << 10):
        too_much(target, f"{what}: {grown} bytes more are resident")


class Reader:
    """A session that reads one block at a time."""

    def __init__(self, target):
        self.sock = storm.log_in(target.port, target.iqn, 0xFFFF00)
        self.lun, self.number = target.first_lun, 1
        self.read()  # meets the unit attention condition of the new nexus

    def read(self):
        """Returns how long it took."""
        start = time.monotonic()
        self.sock.sendall(storm.command_pdu(self.number, self.number, False, self.lun))
        while storm.receive_pdu(self.sock)[0] not in (0x21, 0x25):
            pass
        self.number += 1
        return time.monotonic() - start

    def log_out(self):
        storm.log_out(self.sock, self.number)


def watch(target, pipe):
    """In a process of its own, so that it waits for nothing but the target: answers each word with the 99th percentile
    of the time that reads have taken since the last."""
    reader, times = Reader(target), []
    while True:
        times.append(reader.read())
        time.sleep(0.0005)
        if not pipe.poll():
            continue
        if pipe.recv() == "stop":
            return reader.log_out()
        pipe.send(statistics.quantiles(times, n=100)[98] if len(times) >= 100 else None)
        times = []


class Watched:
    def __init__(self, target):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=watch, args=(target, other), daemon=True)
        self.process.start()

    def percentile(self):
        self.pipe.send("tell")
        if not self.pipe.poll(20):
            raise JudgeError("waited 20 s for a session that reads")
        if (value := self.pipe.recv()) is None:
            raise JudgeError("hardly any read was answered")
        return value

    def stop(self):
        self.pipe.send("stop")
        self.process.join(20)
        if self.process.exitcode != 0:
            raise JudgeError(f"the session that reads ended with {self.process.exitcode}")


def flood(target, count, pipe):
    """In a process that takes no time from the others: tells when all are connected, and lets go when told to."""
    os.nice(19)
    held = []
    for number in range(count):
        sock = storm.connect(target.port)
        sock.sendall(storm.login_pdu(target.iqn, number)[: (0, 40, 48, 90)[number % 4]])
        held.append(sock)
    for number in range(count):  # and as many that come to the end of a login which is refused
        sock = storm.connect(target.port)
        sock.sendall(storm.login_pdu("iqn.2026-01.test:nobody", number))
        storm.receive_pdu(sock)
        sock.close()
    pipe.send("done")
    pipe.poll(60)


def strangers_cost_little(target, count):
    """F080, F094: connections that say nothing, or begin a login and stop, are bounded in memory, CPU and effect."""
    pid, watched = target.process.pid, Watched(target)
    time.sleep(1.5)
    alone = watched.percentile()
    before, cpu, start = usage(pid), cpu_seconds(pid), time.monotonic()
    pipe, other = multiprocessing.Pipe()
    strangers = multiprocessing.Process(target=flood, args=(target, count, other), daemon=True)
    strangers.start()
    if not pipe.poll(60):
        raise JudgeError(f"waited 60 s for {2 * count} connections")
    beside, elapsed = watched.percentile(), time.monotonic() - start
    cost, spent = (memory(pid) - before[0]) / count, (cpu_seconds(pid) - cpu) / (2 * count)
    pipe.send("let go")
    strangers.join(20)
    watched.stop()
    settled(target, before[1])
    print(f"{2 * count} strangers in {elapsed:.1f} s: {cost / 1024:.1f} KiB each, at most {spent * 1e3:.3f} ms of CPU "
          f"each; a read beside them takes {beside * 1e6:.0f} us (99th percentile), alone {alone * 1e6:.0f} us", flush=True)
    if sanitized(pid):
        return
    if cost > LOGIN_MEMORY:
        too_much(target, f"a connection in login costs {cost:.0f} bytes")
    if spent > LOGIN_TIME:
        too_much(target, f"a connection in login costs {spent * 1e3:.3f} ms of CPU")
    if beside > SLOWER * max(alone, 1e-3):
        too_much(target, f"reads take {beside * 1e6:.0f} us beside strangers, {alone * 1e6:.0f} us alone")


def descriptors_run_out(target):
    """F091: with no descriptor left, who is logged in goes on, and there are logins again when others have gone."""
    pid = target.process.pid
    used = descriptors(pid)
    reader = Reader(target)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 8, hard))
    held = []
    try:
        for _ in range(64):  # the kernel completes these, outboardd cannot accept all of them
            held.append(storm.connect(target.port))
        for _ in range(200):
            reader.read()
    finally:
        for sock in held:
            sock.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))

    def serves_again():
        try:
            storm.log_out(storm.log_in(target.port, target.iqn, 0xFFFE00))
            return True
        except OSError:
            return False

    wait_for("a login after descriptors came back", 15, serves_again, target.process)
    reader.log_out()
    settled(target)
    if not re.search(NO_DESCRIPTOR, target.log()):
        raise JudgeError("the target had descriptors left")
    print("no descriptor left: sessions went on, and logins came again", flush=True)


def judge(target, options):
    if options.target == "outboard":
        target.limits = {"max_connections": 4096, "max_logins_per_peer": 4096}
    target.create_lu("disk", 1 << 20)
    target.add_lun(target.first_lun, "disk")
    if options.logins:
        leaves_nothing(target, "logins", short_sessions, options.logins)
    if options.broken:
        leaves_nothing(target, "broken sessions", broken_sessions, options.broken)
    if options.strangers:
        strangers_cost_little(target, options.strangers)
    if options.target == "outboard":
        descriptors_run_out(target)
    target.stop()
    if faults := target.faults((r"refused with status 0203", NO_DESCRIPTOR, TOO_LONG)):
        raise JudgeError("the target logged:\n" + "\n".join(faults))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard", help="tgt: bounds are only told")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--logins", type=int, default=2000)
    parser.add_argument("--broken", type=int, default=1000)
    parser.add_argument("--strangers", type=int, default=1000)
    options = parser.parse_args()
    with make_target(options.target, "ram", options.bin_dir) as target:
        target.measured = options.target != "outboard"
        judge(target, options)
    print("endurance: " + ("measured" if target.measured else "passed"))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (JudgeError, OSError) as error:
        sys.exit(f"endurance: {error}")
