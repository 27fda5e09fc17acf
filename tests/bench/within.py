#!/usr/bin/env python3
"""What a feature costs or gains: Outboard with it beside Outboard without, medians of alternating runs of one daemon.

The target is pinned to core 0, the load generator to core 1. --smoke: short runs, with slack for a machine that does
other things.
"""
import statistics
import sys

import measure
from options import Options
from outboard import Outboard

DIGESTS = ["--digests"]
FOUR = ["--connections", "4", "--one-session"]
# Initiators sleep until an answer comes, here as in a kernel.
SLEEP = ["--sleep"]
# 50 us is two hosts at one switch.
LINK = ["--round-trip-us", "50"]
# name, what both runs have, what only the second has, least ratio of the second's commands per second to the first's
CASES = [
    ("digests, 4k read 1x32", ["--depth", "32"], DIGESTS, 0.85),
    ("digests, 4k write 1x32", ["--depth", "32", "--write"], DIGESTS, 0.85),
    ("4 connections, depth 1 read", ["--depth", "1", *SLEEP], FOUR, 2.0),
    ("4 connections, depth 1 write", ["--depth", "1", "--write", *SLEEP], FOUR, 2.0),
    ("the same read on a link", ["--depth", "1", *LINK], FOUR, 2.0),
    ("the same write on a link", ["--depth", "1", "--write", *LINK], FOUR, 2.0),
    # An initiator that polls on the other core, without a link: with one command under way either core works while the
    # other waits, so four can at most double what one does, less what they cost.
    ("the same read, polled", ["--depth", "1"], FOUR, 1.25),
    ("the same write, polled", ["--depth", "1", "--write"], FOUR, 1.25),
]
SIZE = 256 << 20
SMOKE_SLACK = 0.55  # finds what broke, not what slowed by a tenth


def measured(options, target, case):
    name, both, second, least = case
    runs = ([], [])
    for _ in range(options.runs):
        for figures, extra in zip(runs, ([], second)):
            figures.append(measure.load(options.bin_dir, target, 1, both + extra, options.seconds, SIZE)["iops"])
    without, with_it = (statistics.median(figures) for figures in runs)
    good = with_it / without >= least
    print(f"{name:30} {without:10.0f} {with_it:10.0f} {with_it / without:6.2f} {least:6.2f} {'' if good else 'BELOW'}",
          flush=True)
    return good


def main():
    options = Options(__doc__, smoke=(3, 0.4)).read()
    cases = CASES
    if options.smoke:
        cases = [(*case[:3], case[3] * SMOKE_SLACK) for case in CASES]
    print(f"{'':30} {'without':>10} {'with':>10}  ratio wanted")
    target = Outboard(options.bin_dir / "ctl", "ram", ["--cores", str(measure.TARGET_CORE), "--never-sleep"])
    target.max_connections = 4
    with target:
        target.create_lu("disk", SIZE)
        target.add_lun(1, "disk")
        measure.fill(options.bin_dir, target, 1, SIZE)
        good = [measured(options, target, case) for case in cases]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
