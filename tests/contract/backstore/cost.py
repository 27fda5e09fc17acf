#!/usr/bin/env python3
"""Instructions per request in the backstore channels, counted by callgrind; fails above the limits.

The difference of two runs leaves out what is done once. Files are on a memory file system, whose answers are there when
the call returns, so that the count does not depend on time; the kernel is not counted.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

LIMITS = {"lend-read": 60, "lend-write": 60, "file-read": 700, "file-write": 800}
TOGGLES = ["scsi::FileChannel::submit*", "scsi::Uring::poll*"]
SMALL, LARGE = 3200, 9600


def instructions(binary, what, count, folder):
    out = os.path.join(folder, "callgrind")
    argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--error-exitcode=9"]
    if what.startswith("file"):
        argv += [f"--toggle-collect={name}" for name in TOGGLES]
    argv += [binary, what, str(count), os.path.join(folder, "disk")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr[-2000:]}")
    with open(out, encoding="ascii") as text:
        return int(re.search(r"^summary: (\d+)", text.read(), re.M).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    binary = parser.parse_args().binary
    wrong = 0
    for what, limit in LIMITS.items():
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            counts = [instructions(binary, what, count, folder) for count in (SMALL, LARGE)]
        each = (counts[1] - counts[0]) / (LARGE - SMALL)
        verdict = "ok" if each <= limit else "TOO MANY"
        wrong += each > limit
        print(f"{what:12} {each:8.1f} instructions, at most {limit}: {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
