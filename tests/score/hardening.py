#!/usr/bin/env python3
# Figure 15: what a running daemon may still do, and who else may read its files. The rights of every thread, whether a
# crash leaves a core (which would hold secrets), modes of its files and sockets, and the exposure of its unit file.
import argparse
import os
import re
import resource
import signal
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "judges"))

import storm  # noqa: E402
from target import JudgeError, make_target  # noqa: E402

UNIT = {"outboard": os.path.join(HERE, "..", "..", "packaging", "systemd", "outboard.service"),
        "tgt": "/lib/systemd/system/tgt.service"}
# What exists only where the package is installed: (path, what may be in it).
INSTALLED = {"outboard": (), "tgt": (("/etc/tgt/targets.conf", "CHAP secrets"),)}
BOUND = {"CapEff": 0, "CapPrm": 0, "CapBnd": 0, "NoNewPrivs": 1, "Seccomp": 2}
SECRET = ("initiator", "initiator-secret", "target", "target-secret-16")


def rights(pid):
    """{field: the values that threads have}, and how many threads there are."""
    found, threads = {name: set() for name in BOUND}, os.listdir(f"/proc/{pid}/task")
    for thread in threads:
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii", errors="replace") as text:
            for name, value in (line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line):
                if name in BOUND:
                    found[name].add(int(value, 16))
    return found, len(threads)


def modes(folder):
    """(path, mode, what others may not do with it) of all below a folder: who may not write a socket cannot connect."""
    found = []
    for path, _, files in os.walk(folder):
        for name in [path, *(os.path.join(path, file) for file in files)]:
            mode = os.lstat(name).st_mode
            if not stat.S_ISLNK(mode):
                found.append((name, stat.S_IMODE(mode), 0o022 if stat.S_ISSOCK(mode) else 0o066))
    return found


def open_to_others(target):
    """The target's own folder is the judge's, and so are configurations and disks that it put there."""
    ours = {"daemon.log", "config.toml", "disk", "secrets.toml"}
    return [f"{os.path.relpath(path, target.folder)} {mode:04o}" for path, mode, bits in modes(target.folder)
            if path != target.folder and os.path.basename(path) not in ours and mode & bits]


def leaves_core(target):
    """Ends the daemon as a fault in it would, with cores allowed; whether the kernel wrote one."""
    pid = target.process.pid
    if resource.prlimit(pid, resource.RLIMIT_CORE)[1] != 0:  # a hard limit of 0 is the daemon's own
        resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    target.process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(pid, 0)
    target.process.returncode = -signal.SIGSEGV
    target.process = None
    return os.WCOREDUMP(status)


def exposure(unit):
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True,
                          text=True, timeout=60, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    if found is None:
        raise JudgeError(f"systemd-analyze says nothing of {unit}")
    return float(found.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=tuple(UNIT), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    options = parser.parse_args()
    options.bin_dir = options.bin_dir and os.path.abspath(options.bin_dir)
    os.umask(0o022)  # a service's; what is private is so by the daemon's own doing
    target = make_target(options.target, "ram", options.bin_dir)
    os.chdir(target.folder)  # where a core would be written
    with target:
        target.create_lu("disk", 1 << 20)
        target.add_lun(target.first_lun, "disk")
        sock = storm.log_in(target.port, target.iqn, 1)
        found, threads = rights(target.process.pid)
        storm.log_out(sock)
        target.set_chap(*SECRET)
        complaints = [f"{name} is not {bound} in all {threads} threads" for name, bound in BOUND.items()
                      if found[name] != {bound}]
        for name, values in found.items():
            print(f"{name}: {' '.join(sorted(f'{value:x}' for value in values))} ({threads} threads)")
        wide = open_to_others(target)
        for path, what in INSTALLED[options.target]:
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & 0o077:
                wide.append(f"{path} {mode:04o} ({what})")
        print(f"open to others than the owner: {', '.join(wide) or 'nothing'}")
        core = leaves_core(target)
        print(f"a crash leaves a core: {'yes' if core else 'no'}")
    score = exposure(UNIT[options.target])
    print(f"systemd-analyze security: {score}")
    complaints += ["files are open to others"] * bool(wide) + ["a crash leaves a core"] * bool(core)
    complaints += [f"exposure {score} is above 2.0"] * (score > 2.0)
    print("\n".join(f"finding: {line}" for line in complaints) or "no finding")
    return 1 if complaints else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"hardening: {error}")
