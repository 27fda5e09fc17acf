#!/usr/bin/env python3
# kill -9 of outboardd under write load, and under tgtctl changes: what it had promised is there after the restart.
#
# The death of a process does not lose the page cache, so this judges what outboardd itself holds back or mixes up, not
# the order of write and fsync: that is judged by tests/contract/backstore (flush_property_test.cc, flush_state_test.cc
# on a fake kernel that does lose what was not flushed; crash_test.cc for the backstore alone).
import argparse
import collections
import contextlib
import json
import os
import random
import sys
import threading
import time

from kill9_initiator import (NAMES, Lost, good, log_in, read_disk, registered, reservation, reserve_out,
                             set_write_cache, write_cache)
from kill9_load import Load, Registrant
from kill9_medium import BLOCK, Medium, content
from kill9_store import StoreLoad
from rawiscsi import scsi
from rawiscsi.errors import Closed, NoAnswer, Violation
from target import JudgeError, make_target

BLOCKS = 16384
WRITTEN = range(BLOCKS // 8, BLOCKS * 7 // 8)  # below: written before the first round only; above: never
# What a peer lacks: commands, and (as "KEPT") reservations, WCE and a configuration that survive the daemon.
LACKS = {"outboard": (), "tgt": ("UNMAP", "NDOB", "COMPARE", "ATOMIC", "KEPT")}
TYPES = (scsi.WRITE_EXCLUSIVE, scsi.EXCLUSIVE_ACCESS, scsi.WRITE_EXCLUSIVE_RO, scsi.EXCLUSIVE_ACCESS_RO,
         scsi.WRITE_EXCLUSIVE_AR, scsi.EXCLUSIVE_ACCESS_AR)
STORE_EVERY = 5  # each so many rounds the kill meets tgtctl instead of writes


class Judge:
    def __init__(self, target, seed, lacks=()):
        self.target, self.random, self.keeps = target, random.Random(seed), "KEPT" not in lacks
        self.disk, self.spare = target.first_lun, target.first_lun + 1  # registrations of spare are without APTPL
        self.medium = Medium(BLOCKS)
        self.load = Load(self.medium, self.disk, WRITTEN, self.random, without=lacks)
        self.store = StoreLoad(target)
        self.cached = True     # WCE, current and saved
        self.expected = None   # ({port name: possible keys}, (key, type)) that must survive
        self.kills = collections.Counter()  # by what was going on
        self.killing = False   # SIGKILL is sent, or about to be

    def prepare(self):
        self.target.create_lu("disk", BLOCKS * BLOCK)
        self.target.create_lu("spare", 1 << 20)
        for lun, name in ((self.disk, "disk"), (self.spare, "spare")):
            self.target.add_lun(lun, name)
        with contextlib.closing(log_in(self.target, "writer", (self.disk, self.spare))) as session:
            for lba in range(0, WRITTEN.start, 512):
                data = b"".join(content(at, 1) for at in range(lba, lba + 512))
                good(session, scsi.write16(lba, 512, 0x08), self.disk, "the first WRITE", write=data)
        for lba in range(WRITTEN.start):
            self.medium.kept[lba] = 1
        return self.target.path_of("disk")

    def crash_after(self, seconds):
        """SIGKILL from another thread, at any point of what goes on here."""
        process = self.target.process

        def kill():
            self.killing = True
            process.kill()
        timer = threading.Timer(seconds, kill)
        timer.start()
        return timer

    def crashed(self, timer, what):
        """The load has met the end of the daemon, which must be ours."""
        if not self.killing:
            timer.cancel()
            raise Lost("the target ended a connection that nobody had asked it to end")
        timer.join()
        self.target.kill()
        self.kills[what] += 1

    def write_round(self, number):
        session = log_in(self.target, "writer", (self.disk, self.spare))
        self.cached = number % 3 != 1
        set_write_cache(session, self.disk, self.cached, self.keeps)
        registrant = self.reserve(session, number) if self.keeps else None
        timer = self.crash_after(self.random.uniform(0.01, 0.4))
        self.load.run(session, self.cached, registrant)
        self.crashed(timer, "write cache on" if self.cached else "write cache off")
        if registrant is not None:
            self.expected[0][NAMES["registrant"]] = registrant.allowed()
            registrant.session.close()

    def reserve(self, session, number):
        """New registrations and a new reservation; in some rounds the last REGISTER takes APTPL back."""
        key, kind = self.random.getrandbits(63) | 1, TYPES[number % len(TYPES)]
        for lun, aptpl in ((self.disk, True), (self.spare, False)):
            reserve_out(session, lun, scsi.REGISTER_AND_IGNORE, service_key=key, aptpl=aptpl)
            reserve_out(session, lun, scsi.CLEAR, key=key)
            reserve_out(session, lun, scsi.REGISTER, service_key=key, aptpl=aptpl)
        other = log_in(self.target, "registrant", (self.disk, self.spare))
        reserve_out(other, self.disk, scsi.REGISTER, service_key=key + 1, aptpl=True)
        for lun in (self.disk, self.spare):
            reserve_out(session, lun, scsi.RESERVE, kind, key=key)
        if number % 7 == 3:
            reserve_out(session, self.disk, scsi.REGISTER, key=key, service_key=key, aptpl=False)
            other.close()
            self.expected = ({}, None)
            return None
        self.expected = ({NAMES["writer"]: {key}}, (0 if kind >= scsi.WRITE_EXCLUSIVE_AR else key, kind))
        return Registrant(other, self.disk, key + 1)

    def store_round(self):
        timers = []
        self.store.run(self.random.randrange(1, 8), killed=lambda: self.killing,
                       arm=lambda took: timers.append(self.crash_after(self.random.uniform(0, 1.2 * took))))
        self.crashed(*timers, "tgtctl")

    def check(self):
        """After a restart."""
        with contextlib.closing(log_in(self.target, "writer", (self.disk, self.spare))) as session:
            if self.expected is not None:
                self.check_reservations(session)
            if self.keeps and write_cache(session, self.disk) != (self.cached, self.cached):
                raise Lost(f"(current, saved) WCE is {write_cache(session, self.disk)}, MODE SELECT said {self.cached}")
            complaints = self.medium.after_crash(read_disk(session, self.disk, BLOCKS))
            if complaints:
                raise Lost(f"{len(complaints)} blocks are wrong:\n" + "\n".join(complaints[:20]))

    def check_reservations(self, session):
        keys, held = self.expected
        found, generation = registered(session, self.disk)
        if set(found) != set(keys) or any(found[name] not in keys[name] for name in keys):
            raise Lost(f"registered: {found}; acknowledged with APTPL=1: {keys}")
        if keys and generation != 0:
            raise Lost(f"PRgeneration is {generation} after a restart")
        if reservation(session, self.disk) != held:
            raise Lost(f"reserved: {reservation(session, self.disk)}; acknowledged with APTPL=1: {held}")
        if registered(session, self.spare)[0] or reservation(session, self.spare):
            raise Lost(f"survived without APTPL: {registered(session, self.spare)}, {reservation(session, self.spare)}")
        with contextlib.closing(log_in(self.target, "stranger", (self.spare,))) as stranger:
            task = stranger.do(scsi.write10(WRITTEN.stop, 1), self.disk, write=bytes(BLOCK))
            while str(task).startswith("check 06/"):
                task = stranger.do(scsi.write10(WRITTEN.stop, 1), self.disk, write=bytes(BLOCK))
            if (str(task) == "reservation conflict") != (held is not None):
                raise Lost(f"a WRITE of an unregistered port: {task}; reserved: {held}")
        self.expected = ({name: {key} for name, key in found.items()}, held)

    def faults(self):
        faults = self.target.faults()
        if faults:
            raise Lost("the target logged:\n" + "\n".join(faults))


def judge(target, options):
    this = Judge(target, options.seed, LACKS[options.target])
    path = this.prepare()
    for number in range(options.rounds):
        started = time.monotonic()
        this.killing, stores = False, this.keeps and number % STORE_EVERY == STORE_EVERY - 1
        try:
            this.store_round() if stores else this.write_round(number)
            target.start()
            if this.keeps:
                this.store.check()
            this.check()
            this.faults()
        except (Lost, JudgeError, Violation, NoAnswer, Closed) as error:
            raise JudgeError(f"round {number} ({'tgtctl' if stores else 'writes'}), seed {options.seed}: "
                             f"{type(error).__name__}: {error}\ntarget's log:\n{target.log()[-3000:]}") from error
        if options.verbose:
            print(f"round {number}: {time.monotonic() - started:.2f} s, {this.load.counts}, "
                  f"{this.store.changes} changes", flush=True)
    if this.keeps:
        this.store.check_files()
    target.stop()
    this.faults()
    with open(path, "rb") as image:
        whole = image.read()
    complaints = this.medium.after_crash(whole)
    if complaints or len(whole) != BLOCKS * BLOCK:
        raise JudgeError("the file itself is wrong:\n" + "\n".join(complaints[:20]))
    return this


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=LACKS, default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--backend", choices=("file", "block"), default="file", help="block: a loop device, as root")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--json", help="a file for the counts")
    options = parser.parse_args()
    options.seed = random.randrange(1 << 32) if options.seed is None else options.seed
    started = time.monotonic()
    with make_target(options.target, options.backend, options.bin_dir) as target:
        this = judge(target, options)
    counts = ", ".join(f"{number} {what}" for what, number in this.load.counts.items())
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({f"kills, {what}": number for what, number in this.kills.items()} | this.load.counts, out)
    print(f"kill9: passed: {this.kills.total()} kills in {time.monotonic() - started:.0f} s; commands: {counts}; "
          f"{this.store.changes} configuration changes; seed {options.seed}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"kill9: {error}")
