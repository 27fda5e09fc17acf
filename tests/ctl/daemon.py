"""outboardd in a folder of its own, driven with tgtctl; and the run of a list of tests."""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "judges"))
from target import JudgeError, end_process, run_tool, wait_for  # noqa: E402

IQN = "iqn.2026-01.org.example:managed"


class Daemon:
    """outboardd in a folder of its own."""

    def __init__(self, bin_dir, config="/dev/null", options=()):
        self.bin_dir, self.config, self.options, self.reactors = bin_dir, config, options, 1
        self.folder = tempfile.mkdtemp(prefix="outboard-ctl-")
        self.socket = os.path.join(self.folder, "control")
        self.state = os.path.join(self.folder, "state")
        self.process = None
        self.announced = []
        self.environment = {}

    def spawn(self):
        argv = [os.path.join(self.bin_dir, "outboardd"), "--socket", self.socket, "--state-dir", self.state, "--reactors",
                str(self.reactors), "--seccomp", "kill", "--config", self.config, *self.options]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})

    def start(self):
        self.spawn()
        wait_for("outboardd to take commands", 20, lambda: self.ctl_code("status") == 0, self.process)

    def argv(self, *words):
        return [os.path.join(self.bin_dir, "tgtctl"), "--socket", self.socket, *map(str, words)]

    def ctl(self, *words):
        return run_tool(self.argv(*words))

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def ctl_code(self, *words):
        return subprocess.run(self.argv(*words), capture_output=True, timeout=30, check=False).returncode

    def refused(self, *words):
        """What tgtctl says of a command that must fail with exit code 1."""
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=30, check=False)
        check(done.returncode == 1, f"{words}: exit {done.returncode}, {done.stdout}{done.stderr}")
        return done.stderr

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(text)
        return path

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as text:
            return text.read()

    def announce(self, part):
        """Warnings and errors with this part are not faults."""
        self.announced.append(part)

    def unannounced(self):
        """Warnings, errors and whatever else is no quiet line of the log (sanitizers write there, too)."""
        if not os.path.exists(os.path.join(self.folder, "log")):
            return []
        return [line for line in self.log().splitlines()
                if not re.match(r"\S+ (info|debug) ", line) and not any(part in line for part in self.announced)]

    def stop(self, how=signal.SIGTERM):
        code = end_process(self.process, how)
        self.process = None
        return code

    def close(self):
        try:
            if self.process is not None:
                end_process(self.process, signal.SIGKILL)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def check(holds, text):
    if not holds:
        raise JudgeError(text)


def configuration(port, size="64 MiB"):
    return f"""
[[lu]]
name = "ram"
backstore = "ram"
size = "{size}"
[[portal]]
address = "127.0.0.1:{port}"
[[target]]
name = "{IQN}"
[[view]]
lu = "ram"
lun = 0
"""


def run(description, tests):
    """main() of a file of tests: runs all of them or those named."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bin-dir", required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    failed = 0
    for test in tests:
        if options.names and test.__name__ not in options.names:
            continue
        daemon = Daemon(options.bin_dir)
        started = time.monotonic()
        try:
            test(daemon)
            check(not daemon.unannounced(), f"unannounced: {daemon.unannounced()}")
            print(f"ok    {test.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception as error:  # whatever it is, the others are run, and the daemon's log is shown
            failed += 1
            log = os.path.join(daemon.folder, "log")
            tail = daemon.log()[-2000:] if os.path.exists(log) else ""
            print(f"FAIL  {test.__name__}: {type(error).__name__}: {error}\n{tail}", flush=True)
        finally:
            daemon.close()
    sys.exit(1 if failed else 0)
