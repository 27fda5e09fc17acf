#!/usr/bin/env python3
# Runs a judge again and again, each time with another --seed, for as long as may be; adds up what it counted (--json)
# and how often it failed. A failure is kept and told, and does not end the run.
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time


def once(judge, seed, counts, keep):
    """Returns whether the judge was content; what it counted before a failure does not count."""
    with tempfile.NamedTemporaryFile(prefix="counts-") as told:
        done = subprocess.run([sys.executable, *judge, "--seed", str(seed), "--json", told.name], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 0:
            counts.update(json.load(told))
            return True
    os.makedirs(keep, exist_ok=True)
    path = os.path.join(keep, f"seed-{seed}")
    with open(path, "w", encoding="utf-8") as out:
        out.write(done.stdout)
    print(f"seed {seed}: exit {done.returncode}; the whole output is in {path}\n{done.stdout[-1500:]}", flush=True)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="no run is begun after them")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--keep", default="failures", help="the folder for the output of failed runs")
    parser.add_argument("judge", nargs=argparse.REMAINDER, help="the judge and its arguments, without --seed and --json")
    options = parser.parse_args()
    started, counts, runs, failed = time.monotonic(), collections.Counter(), 0, 0
    while time.monotonic() < started + 60 * options.minutes:
        failed += not once(options.judge, options.first_seed + runs, counts, options.keep)
        runs += 1
        told = ", ".join(f"{number} {what}" for what, number in counts.items())
        print(f"{runs} runs in {time.monotonic() - started:.0f} s, {failed} failed; {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
