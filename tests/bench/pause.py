#!/usr/bin/env python3
"""How long initiators wait in an upgrade in place: with many logical units and sessions, while some of them work.
--smoke: a tenth of both."""
import argparse
import pathlib
import struct
import sys
import threading
import time

import measure
from outboard import Outboard
from rawiscsi import scsi
from rawiscsi.session import Session

UNIT = 4 << 20
SIZE = 64 << 20
DEPTH = 16
BOUND = 2.0  # seconds


class Worker(threading.Thread):
    """Writes and reads one place at some depth; the longest time for a batch, and what went wrong."""

    def __init__(self, session, number):
        super().__init__()
        self.session, self.place = session, number * DEPTH * 8
        self.longest, self.batches, self.fault, self.over = 0.0, 0, None, False

    def run(self):
        try:
            while not self.over:
                began = time.monotonic()
                data = struct.pack(">Q", self.batches) * 512
                writes = [self.session.command(scsi.write10(self.place + 8 * i, 8), write=data) for i in range(DEPTH)]
                self.session.finish(*writes, limit=30)
                reads = [self.session.command(scsi.read10(self.place + 8 * i, 8), read=4096) for i in range(DEPTH)]
                self.session.finish(*reads, limit=30)
                if any(task.status for task in writes) or any(bytes(task.data_in) != data for task in reads):
                    raise ValueError("a command failed, or other data came back")
                self.longest = max(self.longest, time.monotonic() - began)
                self.batches += 1
        except Exception as error:  # told to main, which fails
            self.fault = error


def log_in(target, count):
    sessions = []
    for number in range(count):
        sessions.append(Session(("127.0.0.1", target.port), target.iqn, f"iqn.2026-01.test.pause:{number}"))
        sessions[-1].settle()
    return sessions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True)
    parser.add_argument("--units", type=int, default=10000)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--upgrades", type=int, default=3)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.smoke:
        options.units, options.sessions, options.upgrades = options.units // 10, options.sessions // 10, 2
    target = Outboard(options.bin_dir / "ctl", "ram", ["--cores", str(measure.TARGET_CORE)])
    target.limits = {"max_logins_per_peer": 4096}
    failed = False
    with target:
        target.create_lu("disk", SIZE)
        target.add_lun(0, "disk")
        target.apply_units(options.units, UNIT)
        sessions = log_in(target, options.sessions)
        workers = [Worker(session, number) for number, session in enumerate(sessions[:options.workers])]
        for worker in workers:
            worker.start()
        for _ in range(options.upgrades):
            time.sleep(0.5)
            report = target.upgrade()
            print(f"{report['logical_units']} logical units, {report['sessions']} sessions: "
                  f"{report['pause_ms']:.0f} ms until the new daemon hears them", flush=True)
            failed |= report["sessions"] != options.sessions
        time.sleep(0.5)
        for worker in workers:
            worker.over = True
        for worker in workers:
            worker.join(60)
        for session in sessions:
            if session.do(scsi.read10(0, 1), read=512).status:
                print(f"{session.initiator}: a read failed")
                failed = True
        longest = max(worker.longest for worker in workers)
        print(f"longest time for {2 * DEPTH} commands at a working initiator: {longest:.2f} s (bound {BOUND} s)")
        faults = [worker.fault for worker in workers if worker.fault is not None]
        print("".join(f"a worker: {fault}\n" for fault in faults), end="")
    faults += target.faults()
    print("".join(f"the target logged: {line}\n" for line in target.faults()), end="")
    return 1 if failed or faults or longest > BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
