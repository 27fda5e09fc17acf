#!/usr/bin/env python3
# Loss of power: a target in a guest serves a block device under dm-log-writes; afterwards the disk is made again as it
# was at each point where something became stable, and held against what had been promised until then.
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "judges"))

from kill9_initiator import Lost, log_in  # noqa: E402
from kill9_load import Load  # noqa: E402
from kill9_medium import BLOCK, Medium, generation_of  # noqa: E402
from programs import with_libraries  # noqa: E402
from run_guest import Guest, GuestError  # noqa: E402
from target import JudgeError, free_port  # noqa: E402
from write_log import FLUSH, FUA, MARK, LogError, Replay, entries  # noqa: E402

IQN = "iqn.2026-01.test:power"
# The targets that can be served in the guest: (LUN, what they lack, their programs).
TARGETS = {"outboard": (0, (), ()), "tgt": (1, ("NDOB", "COMPARE"), ("/usr/sbin/tgtd", "/usr/sbin/tgtadm")),
           "lio": (0, ("NDOB", "COMPARE"), ())}
SIZE = 32 << 20
WRITTEN = 8192  # blocks that the host writes, from 0
COMMANDS = 150  # in a round


class Recorded(Medium):
    """Remembers which generations each block may have got since the last call of over()."""

    def __init__(self, blocks):
        super().__init__(blocks)
        self.written = {}

    def sent(self, write):
        super().sent(write)
        for lba in write.blocks():
            self.written.setdefault(lba, set()).add(write.generation)

    def over(self):
        written, self.written = self.written, {}
        return written


class Writer:
    """Writes through the guest's portal in rounds; remembers what each block may hold at the end of each."""

    def __init__(self, port, seed, lun, without):
        self.port, self.iqn, self.lun = port, IQN, lun
        self.medium = Recorded(WRITTEN)
        self.load = Load(self.medium, lun, range(WRITTEN), random.Random(seed), logged=True, without=without)
        self.promised = [[{0}] * WRITTEN]  # after round 0, 1, ...
        self.written = []                  # in round 1, 2, ...

    def __call__(self, words):
        try:
            session = log_in(self, "writer", (self.lun,))
            self.load.run_some(session, True, COMMANDS)
            session.close()
        except (JudgeError, OSError) as error:
            print(f"power_judge: {words}: {error!r}", flush=True)
            return f"failed: {type(error).__name__}"
        self.promised.append([self.medium.allowed(lba) for lba in range(WRITTEN)])
        self.written.append(self.medium.over())
        return "done"


class Judge:
    def __init__(self, writer, scratch, most):
        self.writer, self.scratch, self.most = writer, scratch, most
        self.replay = Replay(SIZE)
        self.generations = [0] * WRITTEN
        self.round, self.files = 0, None  # rounds that are over; files that are promised, once there is a file system
        self.points, self.checks = 0, {"raw": 0, "marks": 0, "points": 0}

    def run(self, path):
        for entry in entries(path):
            for sector in self.replay.apply(entry):
                if sector < WRITTEN and self.files is None:
                    block = bytes(self.replay.image[sector * BLOCK:(sector + 1) * BLOCK])
                    self.generations[sector] = generation_of(sector, block)
            if entry.flags & MARK:
                self.marked(entry.text)
            elif entry.flags & (FLUSH | FUA):
                self.stable()

    def marked(self, text):
        what, _, number = text.rpartition("-")
        if what == "raw":
            self.round = int(number)
            self.check_raw({})
            self.checks["marks"] += 1
            if self.round + 1 == len(self.writer.promised):
                self.round = None  # what comes next is the making of a file system
        elif text == "filesystem":
            self.files = 0
        elif what == "file":
            self.files = int(number)
            self.check_files()
            self.checks["marks"] += 1

    def stable(self):
        """Between two marks: at least what was promised at the first, at most what was written until the second."""
        if self.files is not None:
            self.points += 1
            if self.points <= self.most:
                self.check_file_system()
        elif self.round is not None:
            self.check_raw(self.writer.written[self.round])
            self.checks["raw"] += 1

    def check_raw(self, since):
        """`since`: lba -> generations that the block may have got after the last mark."""
        promised = self.writer.promised[self.round]
        for lba, generation in enumerate(self.generations):
            if generation not in promised[lba] and generation not in since.get(lba, ()):
                raise Lost(f"after round {self.round}, block {lba} is of generation {generation}; "
                           f"promised: {sorted(promised[lba])}, written since: {sorted(since.get(lba, ()))}")

    def image(self):
        path = os.path.join(self.scratch, "image")
        with open(path, "wb") as out:
            out.write(self.replay.image)
        self.tool("e2fsck", "-E", "journal_only", "-y", path)
        return path

    def tool(self, *argv):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode not in (0, 1) or argv[1] == "-fn" and done.returncode != 0:
            raise Lost(f"{' '.join(argv)} after file {self.files}, point {self.points}: exit {done.returncode}\n"
                       f"{done.stdout}{done.stderr}")
        return done.stdout

    def check_file_system(self):
        self.tool("e2fsck", "-fn", self.image())
        self.checks["points"] += 1

    def check_files(self):
        path = self.image()
        self.tool("e2fsck", "-fn", path)
        for number in range(max(1, self.files - 2), self.files + 1):
            found = self.tool("debugfs", "-R", f"cat /folder{number}/file", path)
            if found.split() != [str(line) for line in range(number, number + 2001)]:
                raise Lost(f"file {number} is not what was synchronized before mark {self.files}")


def sparse(folder, name, size):
    path = os.path.join(folder, name)
    with open(path, "wb") as image:
        image.truncate(size)
    return path, ["-drive", f"file={path},format=raw,if=virtio,cache=unsafe"]


def run(options, folder):
    port = free_port()
    disk, log = sparse(folder, "disk", SIZE), sparse(folder, "log", 2 << 30)
    lun, lacks, programs = TARGETS[options.target]
    programs = programs or ((os.path.join(options.bin_dir, "outboardd"),) if options.target == "outboard" else ())
    files = with_libraries({os.path.basename(path): path for path in programs})
    for name in ("lib.sh", "power_peers.sh"):
        with open(os.path.join(HERE, name), "rb") as library:
            files[name] = library.read()
    with open(os.path.join(HERE, "power_loss.sh"), encoding="utf-8") as script:
        text = script.read()
    files["env"] = (f"IQN='{IQN}'\nTARGET={options.target}\nLUN={lun}\nROUNDS={options.rounds}\n"
                    f"FILES={options.files}\nLACKS=''\n").encode()
    writer = Writer(port, options.seed, lun, lacks)
    status, transcript = Guest(text, files, writer, qemu=disk[1] + log[1], forward=port).run(options.seconds)
    if status != 0 or options.verbose:
        print(transcript)
    if status != 0:
        return status
    judge = Judge(writer, folder, options.points)
    judge.run(log[0])
    print(f"power_judge: {judge.checks['raw']} points where writes became stable, {judge.checks['points']} of "
          f"{judge.points} of a file system, {judge.checks['marks']} marks: everything promised was there")
    if judge.checks["raw"] < options.rounds or judge.checks["marks"] != options.rounds + options.files:
        raise Lost(f"too little was checked: {judge.checks}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(judge.checks, out)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=TARGETS, default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--points", type=int, default=60, help="of the file system that are checked, from the first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--json", help="a file for the counts")
    parser.add_argument("--verbose", action="store_true", help="print the console even when all is well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        return run(options, folder)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (JudgeError, GuestError, LogError, OSError) as error:
        sys.exit(f"power_judge: {error}")
