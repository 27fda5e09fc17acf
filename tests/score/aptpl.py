#!/usr/bin/env python3
# Figure 7, first part: reservations with APTPL=1 over restarts of the daemon, by SIGTERM and by SIGKILL in turn. What is
# registered and reserved after the restart must be what it was before.
import argparse
import contextlib
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "judges"))

from kill9_initiator import NAMES, Lost, log_in, registered, reservation, reserve_out  # noqa: E402
from rawiscsi import scsi  # noqa: E402
from rawiscsi.errors import Closed, NoAnswer, Violation  # noqa: E402
from target import JudgeError, make_target  # noqa: E402

TYPES = (scsi.WRITE_EXCLUSIVE, scsi.EXCLUSIVE_ACCESS, scsi.WRITE_EXCLUSIVE_RO, scsi.EXCLUSIVE_ACCESS_RO,
         scsi.WRITE_EXCLUSIVE_AR, scsi.EXCLUSIVE_ACCESS_AR)


def state(session, lun):
    return registered(session, lun)[0], reservation(session, lun)


def change(target, lun, chance):
    """Other keys, other registrants, another reservation or none; returns what must be there from now on."""
    with contextlib.ExitStack() as stack:
        roles = chance.sample(sorted(NAMES), chance.randrange(1, 4))
        sessions = [stack.enter_context(contextlib.closing(log_in(target, role, (lun,)))) for role in roles]
        keys = [chance.getrandbits(63) | 1 for _ in roles]
        reserve_out(sessions[0], lun, scsi.REGISTER_AND_IGNORE, service_key=keys[0], aptpl=True)
        reserve_out(sessions[0], lun, scsi.CLEAR, key=keys[0])
        for session, key in zip(sessions, keys):
            reserve_out(session, lun, scsi.REGISTER, service_key=key, aptpl=True)
        if chance.random() < 0.8:
            reserve_out(sessions[-1], lun, scsi.RESERVE, chance.choice(TYPES), key=keys[-1])
        found = state(sessions[0], lun)
        if found[0] != {NAMES[role]: key for role, key in zip(roles, keys)}:
            raise Lost(f"registered: {found[0]}, after GOOD for {keys} of {roles}")
        return found


def judge(target, options):
    lun, equal, chance = target.first_lun, 0, random.Random(options.seed)
    target.create_lu("disk", 1 << 20)
    target.add_lun(lun, "disk")
    for number in range(options.restarts):
        try:
            before = change(target, lun, chance)
            target.kill() if number % 2 else target.stop()
            target.start()
            with contextlib.closing(log_in(target, "writer", (lun,))) as session:
                after = state(session, lun)
            if after != before:
                raise Lost(f"before {before}, after {after}")
            equal += 1
        except (JudgeError, Violation, NoAnswer, Closed) as error:
            print(f"restart {number}: {type(error).__name__}: {error}"[:300], flush=True)
            if target.process is None:
                target.start()
    if faults := target.faults():
        raise JudgeError("the target logged:\n" + "\n".join(faults))
    return equal


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--restarts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    with make_target(options.target, "file", options.bin_dir) as target:
        equal = judge(target, options)
    print(f"aptpl: {equal} of {options.restarts} restarts with equal state, in {time.monotonic() - started:.0f} s")
    return 0 if equal == options.restarts else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"aptpl: {error}")
