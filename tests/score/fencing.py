#!/usr/bin/env python3
# Figure 7, last part: a host that writes all the time is fenced off by PREEMPT AND ABORT; after its GOOD no write of that
# host may land. In every other round the medium is slow, where the target can be told so.
import argparse
import contextlib
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "judges"))

from kill9_initiator import Lost, log_in, pr_out, read_disk, reserve_out  # noqa: E402
from kill9_medium import content  # noqa: E402
from rawiscsi import scsi  # noqa: E402
from rawiscsi.errors import Closed, NoAnswer, Violation  # noqa: E402
from target import JudgeError, make_target  # noqa: E402

BLOCKS, DEPTH = 256, 24
VICTIM, FENCER = 0x1111, 0x2222
SETTLE = 0.25  # seconds in which a late write would land
SLOW = 0.05    # seconds that a write takes then


class Victim(threading.Thread):
    """Holds the reservation and writes to whatever block it likes until it is refused or disconnected."""

    def __init__(self, session, lun, chance, generation):
        super().__init__(daemon=True)
        self.session, self.lun, self.chance, self.generation = session, lun, chance, generation
        self.sent = self.good = 0
        self.refused = threading.Event()

    def run(self):
        tasks = []
        try:
            while not self.refused.is_set():
                while len(tasks) < DEPTH:
                    lba = self.chance.randrange(BLOCKS)
                    self.generation += 1
                    tasks.append(self.session.command(scsi.write10(lba, 1), self.lun, write=content(lba, self.generation)))
                    self.sent += 1
                self.session.receive("the answer to a write")
                done = [task for task in tasks if task.done or task.rejected is not None]
                tasks = [task for task in tasks if task not in done]
                self.good += sum(str(task) == "good" for task in done)
                if any(str(task) != "good" for task in done):
                    self.refused.set()
        except (Closed, NoAnswer, Violation):  # what it is told is judged by tests/conformance; here only what it wrote
            pass
        self.refused.set()


def fence(target, lun, chance, slow, generation):
    """One round; returns (blocks that changed after the GOOD, writes sent by the victim, its last generation)."""
    with contextlib.ExitStack() as stack:
        session, fencer = (stack.enter_context(contextlib.closing(log_in(target, role, (lun,))))
                           for role in ("writer", "registrant"))
        for each, key in ((session, VICTIM), (fencer, FENCER)):
            reserve_out(each, lun, scsi.REGISTER_AND_IGNORE, service_key=key)
        reserve_out(session, lun, scsi.RESERVE, scsi.WRITE_EXCLUSIVE_RO, key=VICTIM)
        if slow:
            target.ctl("debug", "inject", "delay", "disk", "--delay", f"{int(SLOW * 1000)}ms", "--first-lba", "0",
                       "--last-lba", str(BLOCKS))
        victim = Victim(session, lun, chance, generation)
        victim.start()
        time.sleep(chance.uniform(0.01, 0.1))
        cdb, data = pr_out(scsi.PREEMPT_AND_ABORT, scsi.WRITE_EXCLUSIVE_RO, key=FENCER, service_key=VICTIM)
        task = fencer.do(cdb, lun, write=data)
        if str(task) != "good":
            raise Lost(f"PREEMPT AND ABORT: {task}")
        if slow:
            for rule in json.loads(target.ctl("debug", "inject-list", "--json")):
                target.ctl("debug", "inject-remove", str(rule["id"]))
        before = read_disk(fencer, lun, BLOCKS)
        time.sleep(SETTLE)
        after = read_disk(fencer, lun, BLOCKS)
        victim.refused.set()
        reserve_out(fencer, lun, scsi.CLEAR, key=FENCER)
    victim.join(10)
    stray = sum(before[at:at + 512] != after[at:at + 512] for at in range(0, len(after), 512))
    return stray, victim.sent, victim.generation


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, strays, bad, sent, generation = random.Random(options.seed), 0, 0, 0, 1
    with make_target(options.target, "file", options.bin_dir) as target:
        target.create_lu("disk", 1 << 20)
        target.add_lun(target.first_lun, "disk")
        for number in range(options.rounds):
            slow = options.target == "outboard" and number % 2 == 1
            try:
                stray, count, generation = fence(target, target.first_lun, chance, slow, generation)
            except (JudgeError, Violation, NoAnswer, Closed) as error:
                raise JudgeError(f"round {number}: {type(error).__name__}: {error}") from error
            strays, bad, sent = strays + stray, bad + bool(stray), sent + count
        if faults := target.faults():
            raise JudgeError("the target logged:\n" + "\n".join(faults))
    print(f"fencing: {strays} stray writes in {bad} of {options.rounds} rounds; {sent} writes were sent by those fenced off")
    return 1 if strays else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"fencing: {error}")
