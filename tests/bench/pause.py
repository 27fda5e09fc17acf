#!/usr/bin/env python3
"""How long initiators wait in an upgrade in place: with many logical units and sessions, while some of them work.
--smoke: a tenth of both."""
import argparse
import pathlib
import sys
import time

import measure
from outboard import Outboard
from rawiscsi import scsi
from rawiscsi.session import Session
from steady_load import DEPTH, SteadyLoad, stop

UNIT = 4 << 20
SIZE = 64 << 20
BOUND = 2.0  # seconds


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
        workers = [SteadyLoad(session, number) for number, session in enumerate(sessions[:options.workers])]
        for worker in workers:
            worker.start()
        for _ in range(options.upgrades):
            time.sleep(0.5)
            report = target.upgrade()
            print(f"{report['logical_units']} logical units, {report['sessions']} sessions: "
                  f"{report['pause_ms']:.0f} ms until the new daemon hears them", flush=True)
            failed |= report["sessions"] != options.sessions
        time.sleep(0.5)
        stop(workers)
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
