#!/usr/bin/env python3
"""Outboard beside Debian's tgt in one run: medians of alternating runs, as ratios, with raw figures and CPU use.

The target is pinned to core 0, the load generator to core 1; both sides are driven over loopback by the same load
generator. tgt serves a file on tmpfs, Outboard a RAM disk. --smoke: short runs and only the ratios that do not shake.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "judges"))
from outboard import Outboard  # noqa: E402
from tgt import Tgt  # noqa: E402

# name, load generator's arguments, what is compared, least ratio (most, for latency), in the smoke run
CASES = [
    ("4k read 1x32", ["--depth", "32"], "iops", 9.0, True),
    ("4k write 1x32", ["--depth", "32", "--write"], "iops", 7.0, True),
    ("4k read 4x32", ["--depth", "32", "--connections", "4"], "iops", 9.0, False),
    ("4k write 4x32", ["--depth", "32", "--connections", "4", "--write"], "iops", 7.0, False),
    ("4k read depth 1", ["--depth", "1"], "p50_us", 0.26, True),
    ("256k read x8", ["--block", "262144", "--depth", "8", "--sequential"], "iops", 4.0, True),
    ("256k write x8", ["--block", "262144", "--depth", "8", "--sequential", "--write"], "iops", 4.0, False),
]
SLEEPING = ("4k read depth 1, sleeping", ["--depth", "1"], "p50_us", 0.6, False)
SIZE = 256 << 20


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(options, target, lun, arguments, seconds):
    argv = [str(options.bin_dir / "tests/bench/loadgen"), "--port", str(target.port), "--target", target.iqn, "--lun",
            str(lun), "--core", "1", "--span", str(SIZE), "--seconds", str(seconds), "--warm-up", "0.3"] + arguments
    before, start = cpu_seconds(target.process.pid), time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"load generator failed: {done.stdout}{done.stderr}")
    figures = json.loads(done.stdout)
    figures["cpu"] = (cpu_seconds(target.process.pid) - before) / (time.monotonic() - start)
    return figures


def fill(options, target, lun):
    """Every block written once, so that neither side serves holes."""
    load(options, target, lun, ["--block", "262144", "--depth", "8", "--sequential", "--write", "--commands",
                                str(SIZE // 262144)], 0)


def start(target):
    """Pinned to core 0 before it has threads, which inherit it."""
    target.start()
    os.sched_setaffinity(target.process.pid, {0})
    target.create_lu("disk", SIZE)
    target.add_lun(1, "disk")
    return target


def compare(options, ours, peer, cases):
    failed = []
    print(f"{'case':28} {'outboard':>12} {'tgt':>12} {'ratio':>7} {'wanted':>7}   cpu  p99 us (outboard, tgt)")
    for name, arguments, figure, wanted, _ in cases:
        runs = {"ours": [], "peer": []}
        for _ in range(options.runs):
            runs["ours"].append(load(options, ours, 1, arguments, options.seconds))
            runs["peer"].append(load(options, peer, 1, arguments, options.seconds))
        middle = {side: statistics.median(run[figure] for run in all_runs) for side, all_runs in runs.items()}
        ratio = middle["ours"] / middle["peer"]
        good = ratio <= wanted if figure.endswith("_us") else ratio >= wanted
        cpu = statistics.median(run["cpu"] for run in runs["ours"])
        p99 = [statistics.median(run["p99_us"] for run in all_runs) for all_runs in runs.values()]
        print(f"{name:28} {middle['ours']:12.1f} {middle['peer']:12.1f} {ratio:7.2f} {wanted:7.2f}   {cpu:.2f} "
              f"{p99[0]:8.1f} {p99[1]:8.1f} {'' if good else '  BELOW' if not figure.endswith('_us') else '  ABOVE'}",
              flush=True)
        if options.raw:
            for side, all_runs in runs.items():
                print(f"    {side}: " + ", ".join(f"{run[figure]:.1f}" for run in all_runs))
        if not good:
            failed.append(name)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--report-only", action="store_true", help="print, never fail")
    options = parser.parse_args()
    cases = CASES
    slack = 1.0
    if options.smoke:
        options.runs, options.seconds = 3, 0.7
        slack = 0.6  # a shared machine during a build: this run finds what broke, not what slowed by a tenth
        cases = [c for c in CASES if c[4]]
    cases = [(n, a, f, w / slack if f.endswith("_us") else w * slack, s) for n, a, f, w, s in cases]
    peer = Tgt("ram")
    ours = Outboard(options.bin_dir, "ram", daemon_options=["--cores", "0", "--never-sleep"])
    with start(peer), start(ours):
        fill(options, peer, 1)
        fill(options, ours, 1)
        failed = compare(options, ours, peer, cases)
    if not options.smoke:
        ours = Outboard(options.bin_dir, "ram", daemon_options=["--cores", "0"])
        peer = Tgt("ram")
            with start(peer), start(ours):
            fill(options, peer, 1)
            fill(options, ours, 1)
            failed += compare(options, ours, peer, [SLEEPING])
    if failed and not options.report_only:
        print("out of bounds: " + "; ".join(failed))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
