# An iSCSI target as the judges need it: started, changed and ended by the judge, whatever program it is.
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


class JudgeError(Exception):
    """The judge could not do its work; the message says what it waited for or what failed."""


class Unsupported(JudgeError):
    """The target under test has no such operation (a peer measured for comparison, never Outboard)."""


PORTS_PER_PROCESS = 20
_port = 10000 + os.getpid() * PORTS_PER_PROCESS % 20000


def free_port():
    """Returns a TCP port of 127.0.0.1 that nobody uses now, and nobody else will: each process counts through ports
    of its own, below those that the kernel gives to outgoing connections."""
    global _port
    for _ in range(20000):
        _port = 10000 + (_port + 1 - 10000) % 20000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _port))
                return _port
            except OSError:
                continue
    raise JudgeError("no free TCP port from 10000 to 29999")


def wait_for(what, seconds, ready, process=None):
    """Polls ready() until it is true; names what it waited for when time is up or the process has ended."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise JudgeError(f"the process ended with {process.returncode} while waiting for {what}")
        if time.monotonic() > deadline:
            raise JudgeError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def accepts(port):
    """True when something accepts a TCP connection on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_tool(argv, seconds=20, env=None):
    """Runs a control command and returns its output; a failure or a time-out is a JudgeError with the output."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, env=env, check=False)
    except subprocess.TimeoutExpired as late:
        raise JudgeError(f"waited {seconds} s for {' '.join(argv)}") from late
    if done.returncode != 0:
        raise JudgeError(f"{' '.join(argv)}: exit {done.returncode}: {done.stdout}{done.stderr}".rstrip())
    return done.stdout


def end_process(process, how=signal.SIGTERM, seconds=15):
    """Ends a child by its pid: the given signal, then SIGKILL after the time; returns the exit status."""
    if process is None:
        return None
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        raise JudgeError(f"pid {process.pid} did not end within {seconds} s of signal {how}") from None


def with_us(argv):
    """The command so that it ends when the judge is ended, however that happens."""
    return ["setpriv", "--pdeathsig", "KILL", *argv]


class Target:
    """One target with one iSCSI name and one portal on 127.0.0.1. Subclasses: outboard.Outboard; the peers tgt.Tgt and, in tests/guest, lio_target.Lio."""

    first_lun = 0  # the lowest LUN at which a disk can be mapped
    core = None  # the CPU that the daemon is kept on, with all its threads

    def __init__(self, backend="ram"):
        self.backend = backend
        self.iqn = "iqn.2026-01.org.example:judge"
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="outboard-judge-", dir="/dev/shm" if backend == "ram" else None)
        self.process = None

    def start(self):
        raise NotImplementedError

    def create_lu(self, name, size, removable=False, write_protected=False, physical_block=512):
        raise NotImplementedError

    def sessions(self):
        """How many there are."""
        raise Unsupported("nobody counts its sessions")

    def path_of(self, name):
        """Where the bytes of a logical unit are."""
        return os.path.join(self.folder, name)

    def resize_lu(self, name, size):
        raise NotImplementedError

    def add_lun(self, lun, name):
        raise NotImplementedError

    def remove_lun(self, lun):
        raise NotImplementedError

    def set_chap(self, user, secret, mutual_user, mutual_secret):
        raise NotImplementedError

    def stop(self):
        """Ends the daemon in an orderly way; it must say that all was well."""
        process, self.process = self.process, None
        status = end_process(process)
        if status:
            raise JudgeError(f"the daemon ended with {status}; its log ends: {self.log()[-3000:]}")

    def kill(self):
        """Ends the daemon as a crash would."""
        process, self.process = self.process, None
        end_process(process, signal.SIGKILL)

    def restart(self):
        """Ends the daemon and starts it again on the same portal with the same configuration."""
        self.stop()
        self.start()

    def url(self, lun):
        return f"iscsi://127.0.0.1:{self.port}/{self.iqn}/{lun}"

    def log(self):
        """What the daemon has written so far."""
        path = os.path.join(self.folder, "daemon.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def faults(self, announced=()):
        """What the daemon logged as a warning or an error, or said beside its log; not what matches an expression."""
        return []

    def spawn(self, argv, env=None):
        """Starts the daemon with its output in a file of the target's folder."""
        if self.core is not None:
            argv = ["taskset", "--cpu-list", str(self.core), *argv]
        with open(os.path.join(self.folder, "daemon.log"), "ab") as log:
            self.process = subprocess.Popen(with_us(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


KINDS = ("outboard", "tgt", "lio")


def make_target(kind, backend="ram", bin_dir=None):
    """The target named on a judge's command line: one of KINDS."""
    if kind == "tgt":
        from tgt import Tgt
        return Tgt(backend)
    if kind == "lio":
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))
        from lio_target import Lio
        return Lio(backend)
    from outboard import Outboard
    return Outboard(bin_dir, backend)
