#!/usr/bin/env python3
"""Fails when an include crosses a wall of the design, a file leaves the house style, or a folder has no README."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folder -> what its files may include, beside themselves. The order is the way of the arrows.
ALLOWED = {
    "base": [],
    "hal": ["base"],
    "scsi_core": ["base", "hal"],
    "drivers": ["base", "hal"],
    "fabrics": ["base", "hal", "scsi_core"],
    "emu": ["base", "hal", "drivers"],  # register maps only, see EMU_MAY
    "ctl": ["base", "hal", "scsi_core", "drivers", "fabrics", "emu"],
}
EMU_MAY = re.compile(r"drivers/\w+/(regs|wire)\.h$")
ONLY_ENDIAN = re.compile(r"\b(hton[sl]|ntoh[sl]|htobe\d+|be\d+toh|__builtin_bswap\d+)\b")
SOCKETS = {"drivers/soft/tcp/tcp.cc"}  # socket addresses are the kernel's network order
MAX_LINES = 500

# F093: a wall clock that jumps must not matter. This tells people and Prometheus the time; nothing is decided by it.
TELL_THE_TIME = {"ctl/wall_clock.h"}
WALL_CLOCK = re.compile(r"\b(system_clock|CLOCK_REALTIME|gettimeofday\(|std::time\()")


def tracked():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True,
                           text=True).stdout.split("\n")
    return [n for n in names if n and (ROOT / n).is_file()]


def wall_errors(name, text):
    top = name.split("/")[0]
    if top not in ALLOWED:
        return
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not found:
            continue
        path = found.group(1)
        other = path.split("/")[0]
        if "/" not in path:
            yield f"{name}:{number}: include from the root: {path}"
        elif other != top and other not in ALLOWED[top]:
            yield f"{name}:{number}: {top} must not know {other}: {path}"
        elif top == "emu" and other == "drivers" and not EMU_MAY.match(path):
            yield f"{name}:{number}: a model may read a driver's regs.h and wire.h only: {path}"
        elif top in ("fabrics", "drivers") and other == top:
            mine, theirs = name.split("/")[1:-1], path.split("/")[1:-1]
            if mine[: len(theirs)] != theirs and theirs[: len(mine)] != mine:
                yield f"{name}:{number}: {'/'.join(mine)} must not know {'/'.join(theirs)}: {path}"


def style_errors(name, text):
    lines = text.split("\n")
    if not lines[0].startswith("//"):
        yield f"{name}:1: the first line says in one sentence what the file is"
    if name.endswith(".h") and "#pragma once" not in text:
        yield f"{name}: no #pragma once"
    if len(lines) > MAX_LINES and "SIZE:" not in text:
        yield f"{name}: {len(lines)} lines; above {MAX_LINES} the head of the file gives the reason (SIZE: ...)"
    if name not in TELL_THE_TIME and not name.startswith("tests/"):
        for number, line in enumerate(lines, 1):
            if WALL_CLOCK.search(line):
                yield f"{name}:{number}: reads the wall clock"
    if name != "base/endian.h" and name not in SOCKETS and not name.startswith("tests/"):
        for number, line in enumerate(lines, 1):
            if ONLY_ENDIAN.search(line):
                yield f"{name}:{number}: bytes are swapped in base/endian.h only"


def main():
    names = tracked()
    errors = []
    folders = set()
    for name in names:
        folder = str(pathlib.PurePosixPath(name).parent)
        if name.endswith((".cc", ".h")):
            text = (ROOT / name).read_text()
            errors += wall_errors(name, text)
            errors += style_errors(name, text)
        if "/corpus/" not in name and not folder.startswith("."):
            folders.add(folder)
    for folder in sorted(folders):
        if f"{folder}/README.md" not in names:
            errors.append(f"{folder}: no README.md")
    for error in errors:
        print(error)
    print(f"== walls: {len(names)} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
