#!/usr/bin/env python3
"""Instructions per command by layer: runs `path` under callgrind and adds up what its poll loop executed.

Counted: everything from the PDU's bytes in the receive area to the response handed to the socket, that is, all of
soft::tcp::TcpPoller::poll with what it calls (or of another function, --inside); not counted: the kernel. The same
binary and arguments give the same count.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

LAYERS = ["drivers/soft/tcp", "drivers/qla", "fabrics/iscsi", "fabrics/fcp", "scsi_core/engine", "scsi_core/disk",
          "scsi_core/backstores", "scsi_core", "hal", "base"]
SMALL, LARGE = 4000, 24000  # commands; the difference of the two runs leaves login and start out


def layer_of(path):
    for layer in LAYERS:
        if path.startswith(layer + "/"):
            return layer
    if "libc" in path or "memmove" in path or "ld-linux" in path or "sysdeps" in path:
        return "libc"
    if "isal" in path:
        return "isa-l"
    return "c++ library and others"


def run(binary, inside, commands, extra, work):
    out = work / f"callgrind.{commands}"
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
         f"--toggle-collect={inside}", "--error-exitcode=9", str(binary),
         "--commands", str(commands)] + extra, capture_output=True, text=True, timeout=570)
    if result.returncode != 0:
        sys.exit(f"path under callgrind failed:\n{result.stdout}\n{result.stderr[-2000:]}")
    done = json.loads(result.stdout.strip().split("\n")[-1])
    if done["errors"]:
        sys.exit(f"{done['errors']} commands failed")
    annotate = ["callgrind_annotate", "--threshold=100", "--auto=no", "--show=Ir", str(out)]
    listing = subprocess.run(annotate, capture_output=True, text=True, check=True, timeout=120).stdout
    layers, functions = {}, {}
    for line in listing.split("\n"):
        found = re.match(r"\s*([\d,]+)\s*\([^)]*\)\s+(\S+?):(.*?)(?: \[|$)", line)
        if not found:
            continue
        count = int(found.group(1).replace(",", ""))
        path = re.sub(r"^(\./|.*/(?=(base|hal|scsi_core|drivers|fabrics)/))", "", found.group(2))
        layers[layer_of(path)] = layers.get(layer_of(path), 0) + count
        functions[found.group(3)[:110]] = functions.get(found.group(3)[:110], 0) + count
    return done["commands"], layers, functions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--inside", default="soft::tcp::TcpPoller::poll()", help="the function that is counted")
    parser.add_argument("--layer", help="the limits are for this layer and what it uses of hal and base")
    parser.add_argument("--limit-read", type=int, default=0)
    parser.add_argument("--limit-write", type=int, default=0)
    parser.add_argument("--functions", type=int, default=0, help="also list so many functions")
    options = parser.parse_args()
    failed = False
    for name, extra, limit in (("read", [], options.limit_read), ("write", ["--write"], options.limit_write)):
        with tempfile.TemporaryDirectory() as folder:
            low = run(options.binary, options.inside, SMALL, extra, pathlib.Path(folder))
            high = run(options.binary, options.inside, LARGE, extra, pathlib.Path(folder))
        commands = high[0] - low[0]
        print(f"4 KiB {name}, RAM, depth 32: instructions per command by layer")
        total = own = 0.0
        for layer in sorted(high[1], key=high[1].get, reverse=True):
            each = (high[1][layer] - low[1].get(layer, 0)) / commands
            total += each
            counted = layer in (options.layer, "hal", "base") if options.layer else layer not in ("libc", "isa-l")
            own += each if counted else 0
            print(f"  {layer:24} {each:8.1f}")
        print(f"  {'our code':24} {own:8.1f}\n  {'all':24} {total:8.1f}")
        if options.functions:
            costs = {f: (c - low[2].get(f, 0)) / commands for f, c in high[2].items()}
            for function in sorted(costs, key=costs.get, reverse=True)[: options.functions]:
                print(f"    {costs[function]:8.1f}  {function}")
        if limit and own > limit:
            print(f"  above the limit of {limit}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
