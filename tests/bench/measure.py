# Driving the load generator against a target, and what the target's process costs meanwhile.
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "judges"), str(HERE.parent / "conformance")]
from process import cpu_seconds  # noqa: E402

TARGET_CORE, LOAD_CORE = 0, 1


def load(bin_dir, target, lun, arguments, seconds, span):
    """One run of the load generator: its figures, and the share of a core that the target used ("cpu")."""
    argv = [str(bin_dir / "tests/bench/loadgen"), "--port", str(target.port), "--target", target.iqn, "--lun", str(lun),
            "--core", str(LOAD_CORE), "--span", str(span), "--seconds", str(seconds), "--warm-up", "0.3", *arguments]
    before, start = cpu_seconds(target.process.pid), time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"load generator failed: {done.stdout}{done.stderr}")
    figures = json.loads(done.stdout)
    figures["cpu"] = (cpu_seconds(target.process.pid) - before) / (time.monotonic() - start)
    return figures


def fill(bin_dir, target, lun, size):
    """Every block written once, so that nothing serves holes."""
    load(bin_dir, target, lun, ["--block", "262144", "--depth", "8", "--sequential", "--write", "--commands",
                                str(size // 262144)], 0, size)


def system_calls(pid, seconds):
    """How many a process makes in so long: by perf's tracepoint, which slows nothing, or else by strace."""
    if shutil.which("perf"):
        argv = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", str(pid), "--", "sleep", str(seconds)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 20, check=False)
        found = re.search(r"^(\d+),,raw_syscalls", done.stderr, re.M)
        if found:
            return int(found.group(1))
    with tempfile.NamedTemporaryFile("r") as summary:
        argv = ["timeout", "-s", "INT", str(seconds), "strace", "-f", "-c", "-qq", "-o", summary.name, "-p", str(pid)]
        subprocess.run(argv, timeout=seconds + 20, check=False)
        table = summary.read()
    return sum(int(m.group(1)) for m in re.finditer(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*(?<!total)$", table, re.M))
