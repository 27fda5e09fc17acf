#!/usr/bin/env python3
"""Outboard beside Debian's tgt in one run: medians of alternating runs, as ratios, with raw figures and CPU use.

The target is pinned to core 0, the load generator to core 1; both sides are driven over loopback by the same load
generator, and the side whose turn it is not is stopped. tgt serves a file on tmpfs, Outboard a RAM disk.
--smoke: short runs of a part of the cases, with slack for a machine that does other things. Large reads that fall short
are held against what plain sockets carry in turns with them, as the machine may have no more to give.
"""
import contextlib
import signal
import statistics
import sys

import measure
import plain
from options import Options
from outboard import Outboard
from tgt import Tgt

LARGE, LARGE_DEPTH = 262144, 8
LARGE_BLOCKS = ["--block", str(LARGE), "--depth", str(LARGE_DEPTH), "--sequential"]

# name, load generator's arguments, what is compared, least ratio (most, for latency), in the smoke run
CASES = [
    ("4k read 1x32", ["--depth", "32"], "iops", 9.0, True),
    ("4k write 1x32", ["--depth", "32", "--write"], "iops", 7.0, True),
    ("4k read 4x32", ["--depth", "32", "--connections", "4"], "iops", 9.0, False),
    ("4k write 4x32", ["--depth", "32", "--connections", "4", "--write"], "iops", 7.0, False),
    ("4k read depth 1", ["--depth", "1"], "p50_us", 0.26, True),
    ("4k write depth 1", ["--depth", "1", "--write"], "p50_us", 0.26, False),
    ("256k read x8", LARGE_BLOCKS, "iops", 4.0, True),
    ("256k write x8", [*LARGE_BLOCKS, "--write"], "iops", 4.0, False),
]
SLEEPING = [
    ("4k read depth 1, sleeping", ["--depth", "1"], "p50_us", 0.6, True),
    ("4k read 1x32, sleeping", ["--depth", "32"], "iops", 9.0, False),
]
SIZE = 256 << 20
OF_PLAIN_SOCKETS = 0.8
SMOKE_SLACK = 0.6  # finds what broke, not what slowed by a tenth


def prepare(options, target):
    target.create_lu("disk", SIZE)
    target.add_lun(1, "disk")
    measure.fill(options.bin_dir, target, 1, SIZE)


@contextlib.contextmanager
def stopped(others):
    """The core is the target's alone: a peer that polls for ever would take half of it."""
    for other in others:
        other.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            other.process.send_signal(signal.SIGCONT)


def alternate(options, ours, peer, arguments):
    runs = {ours: [], peer: []}
    for _ in range(options.runs):
        for target, other in ((ours, peer), (peer, ours)):
            with stopped([other]):
                runs[target].append(measure.load(options.bin_dir, target, 1, arguments, options.seconds, SIZE))
    return runs[ours], runs[peer]


def is_all_that_sockets_carry(options, ours, peer, arguments):
    """Whether large reads go as fast as the machine brings data from core to core at this time."""
    if arguments != LARGE_BLOCKS:
        return False
    mine, sockets = [], []
    for _ in range(2 * options.runs):
        with stopped([peer]):
            mine.append(measure.load(options.bin_dir, ours, 1, arguments, options.seconds, SIZE)["iops"])
        with stopped([ours, peer]):
            sockets.append(plain.blocks_per_second(LARGE, LARGE_DEPTH, options.seconds, SIZE))
    share = statistics.median(mine) / statistics.median(sockets)
    print(f"    of plain sockets: {share:.2f}, wanted {OF_PLAIN_SOCKETS}")
    return share >= OF_PLAIN_SOCKETS


def compare(options, ours, peer, cases):
    failed = []
    for name, arguments, figure, wanted, _ in cases:
        latency = figure.endswith("_us")
        our_runs, peer_runs = alternate(options, ours, peer, arguments)

        def middle(key):
            return [statistics.median(run[key] for run in runs) for runs in (our_runs, peer_runs)]

        (mine, theirs), cpu, p50, p99 = middle(figure), middle("cpu"), middle("p50_us"), middle("p99_us")
        ratio = mine / theirs
        good = ratio <= wanted if latency else ratio >= wanted
        verdict = "" if good else "ABOVE" if latency else "BELOW"
        print(f"{name:26} {mine:10.1f} {theirs:10.1f} {ratio:6.2f} {wanted:6.2f}  {cpu[0]:4.2f} {cpu[1]:4.2f} "
              f"{p50[0]:8.1f} {p50[1]:8.1f} {p99[0]:8.1f} {p99[1]:8.1f} {verdict}", flush=True)
        if options.raw:
            for side, runs in (("outboard", our_runs), ("tgt", peer_runs)):
                print(f"    {side}: " + ", ".join(f"{run[figure]:.1f}" for run in runs))
        if not good and not is_all_that_sockets_carry(options, ours, peer, arguments):
            failed.append(name)
    return failed


def run(options, daemon_options, cases):
    ours, peer = Outboard(options.bin_dir / "ctl", "ram", daemon_options), Tgt("ram")
    ours.core = peer.core = measure.TARGET_CORE
    with peer, ours:
        prepare(options, peer)
        prepare(options, ours)
        return compare(options, ours, peer, cases)


def main():
    known = Options(__doc__)
    known.add("--raw", action="store_true", help="print the figure of every run")
    known.add("--report-only", action="store_true", help="print, never fail")
    known.add("--case", action="append", metavar="NAME", help="only this case; may be given more than once")
    options = known.read()
    unknown = set(options.case or []) - {case[0] for case in CASES + SLEEPING}
    if unknown:
        known.parser.error("no such case: " + ", ".join(sorted(unknown)))

    def chosen(cases):
        if options.case:
            cases = [case for case in cases if case[0] in options.case]
        if not options.smoke:
            return cases
        slack = {"iops": SMOKE_SLACK, "p50_us": 1 / SMOKE_SLACK}
        return [(name, arguments, figure, wanted * slack[figure], smoke)
                for name, arguments, figure, wanted, smoke in cases if smoke]

    print(f"{'':26} {'outboard':>10} {'tgt':>10}  ratio wanted  cpu: ours, tgt   p50 us: ours, tgt  p99 us: ours, tgt")
    failed = run(options, ["--cores", "0", "--never-sleep"], chosen(CASES))
    failed += run(options, ["--cores", "0"], chosen(SLEEPING))
    if failed and not options.report_only:
        print("out of bounds: " + "; ".join(failed))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
