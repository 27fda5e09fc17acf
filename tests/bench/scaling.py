#!/usr/bin/env python3
"""How throughput grows with reactors: N reactors on cores of their own, N load generators on as many others.

Every load generator has one session of depth 32 to one RAM disk, 4 KiB reads and then writes, all running at the same
time. Prints commands per second of all, and how many times one reactor's that is. Needs 2 N cores; by hand, not in CI.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import measure
from outboard import Outboard

SIZE = 256 << 20


def load_all(options, target, count, extra):
    """All load generators at once: the sum of their rates, and the worst p99 in microseconds."""
    span = SIZE // count // 4096 * 4096
    runs = [subprocess.Popen([str(options.bin_dir / "tests/bench/loadgen"), "--port", str(target.port), "--target",
                              target.iqn, "--lun", "1", "--core", str(options.load_cores[i]), "--span", str(span),
                              "--depth", "32", "--seconds", str(options.seconds), "--warm-up", "0.5", *extra],
                             stdout=subprocess.PIPE, text=True) for i in range(count)]
    figures = []
    for run in runs:
        out, _ = run.communicate(timeout=options.seconds + 60)
        if run.returncode != 0:
            sys.exit(f"a load generator failed: {out}")
        figures.append(json.loads(out))
    return sum(each["iops"] for each in figures), max(each["p99_us"] for each in figures)


def measure_with(options, reactors):
    cores = ",".join(str(core) for core in options.target_cores[:reactors])
    with Outboard(options.bin_dir / "ctl", "ram", ["--cores", cores, "--never-sleep"]) as target:
        target.create_lu("disk", SIZE)
        target.add_lun(1, "disk")
        return [load_all(options, target, reactors, extra) for extra in ([], ["--write"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=pathlib.Path, required=True)
    parser.add_argument("--reactors", default="1,2,4,8", help="how many, one run for each")
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    options.target_cores, options.load_cores = cores[: len(cores) // 2], cores[len(cores) // 2:]
    counts = [int(count) for count in options.reactors.split(",")]
    if max(counts) > len(options.load_cores):
        parser.error(f"{max(counts)} reactors need {2 * max(counts)} cores, of which there are {len(cores)}")
    print(f"{'reactors':>8} {'read/s':>12} {'times':>6} {'p99 us':>8} {'write/s':>12} {'times':>6} {'p99 us':>8}")
    one = None
    for count in counts:
        (reads, read_p99), (writes, write_p99) = measure_with(options, count)
        one = one or (reads / count, writes / count)
        print(f"{count:8} {reads:12.0f} {reads / one[0]:6.2f} {read_p99:8.1f} {writes:12.0f} {writes / one[1]:6.2f} "
              f"{write_p99:8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
