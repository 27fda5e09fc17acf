"""The targets that the suites run against: names, secrets and controls, and how each kind of target is started."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "judges"))

from rawiscsi.chap import Chap
from rawiscsi.session import Session
from process import descriptors, memory, sanitized
from target import JudgeError, accepts, end_process, free_port, run_tool, wait_for  # of tests/judges

IQN = "iqn.2026-11.org.outboard.test"
INITIATOR = f"{IQN}:initiator-a"
OTHER_INITIATOR = f"{IQN}:initiator-b"
USER, SECRET = "alice", "alice-secret-0001"
OTHER_USER, OTHER_SECRET = "bob", "bob-secret-000002"
MUTUAL_USER, MUTUAL_SECRET = "carol", "carol-secret-0004"
TARGET_USER, TARGET_SECRET = "the-target", "target-secret-003"
MIB = 1 << 20


@dataclass
class Disk:
    lun: int
    name: str
    size: int
    block: int = 512

    @property
    def blocks(self):
        return self.size // self.block


@dataclass
class Fixture:
    """What the suites may rely on. Anything None is missing, and tests that need it are skipped with that reason."""

    portal: tuple
    plain: str                        # no authentication, any initiator
    disks: list = field(default_factory=list)
    chap: str = None                  # one-way CHAP: USER, and OTHER_USER
    mutual: str = None                # CHAP both ways: MUTUAL_USER, TARGET_USER
    guarded: str = None               # only INITIATOR is on the access list, no authentication
    bound: str = None                 # only INITIATOR is on the access list, and it must prove that it is USER
    recovery: str = None              # agrees to ErrorRecoveryLevel 2; the disks of `plain`
    discovery_portal: tuple = None    # wants CHAP in discovery sessions: USER, SECRET
    second_portal: tuple = None       # another target portal group of `plain`
    algorithms: tuple = (5, 6, 7, 8)  # CHAP algorithms the target is configured to accept
    login_limit: float = 15.0         # seconds within which a login must be over
    nop_portal: tuple = None          # another process, with `plain`, that pings idle connections often:
    nop_interval: float = None        # seconds of idleness before such a ping
    nop_timeout: float = 10.0          # seconds until such a ping must be answered
    pid: int = None

    @property
    def disk(self):
        return self.disks[0]

    def session(self, target=None, initiator=INITIATOR, settle=True, portal=None, **options):
        """A logged-in normal session; unit attentions of a new nexus are taken from every disk."""
        session = Session(portal or self.portal, target or self.plain, initiator, **options)
        if settle and options.get("login", True):
            session.settle(*(disk.lun for disk in self.disks))
        return session

    def discovery(self, initiator=INITIATOR, portal=None, **options):
        return Session(portal or self.portal, None, initiator, discovery=True, **options)

    # Controls; a fixture that has one overrides it.
    inject_delay = None   # (disk, seconds, first_lba=0, last_lba=None)
    clear_faults = None   # ()
    restart = None        # ()
    kill = None           # (): SIGKILL, without restart
    resize = None         # (disk, bytes)
    map_lun = None        # (disk, lun): a further view of the disk in `plain`
    unmap_lun = None      # (disk, lun)
    spare_target = None   # (disk): contextmanager of a further target that serves the disk; delete_target ends it early
    delete_target = None  # (name)
    create_unit = None    # (lun): a further logical unit of `plain`, as a Disk
    delete_unit = None    # (disk)
    require_discovery_chap = None  # (bool), of discovery_portal
    many_targets = None   # (count): contextmanager of a portal that serves so many targets

    def usage(self):
        """(resident bytes, open descriptors) of the target process."""
        return memory(self.pid), descriptors(self.pid)

    def sanitized(self):
        return sanitized(self.pid)

    def alive(self):
        """Whether the target process is there; an external one is taken to be."""
        return self.pid is None or os.path.exists(f"/proc/{self.pid}/statm") and _state(self.pid) not in "ZX"

    def faults(self, announced):
        """Warnings and errors that the target logged since the last call and that no announced expression matches."""
        return []

    def stop(self, announced=()):
        pass


def _state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def one_way(algorithms=(5,), **options):
    return Chap(USER, SECRET, algorithms=algorithms, **options)


def mutual(algorithms=(5,), **options):
    return Chap(MUTUAL_USER, MUTUAL_SECRET, TARGET_USER, TARGET_SECRET, algorithms=algorithms, **options)


class External(Fixture):
    """A target that somebody else runs: --target HOST:PORT --iqn NAME [--lun N]."""

    def __init__(self, portal, iqn, lun, mib):
        super().__init__(portal=portal, plain=iqn, disks=[Disk(lun, "external", mib * MIB)])


class Started(Fixture):
    """Keeps the process and its scratch folder."""

    def __init__(self, **fields):
        super().__init__(**fields)
        self.folder = tempfile.mkdtemp(prefix="conformance-")
        self.process, self.read = None, 0  # bytes of the log that faults() has seen

    def launch(self, arguments, port, environment=None):
        with open(os.path.join(self.folder, "daemon.log"), "ab") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        wait_for(f"{arguments[0]} to listen on port {port}", 20, lambda: accepts(port), self.process)

    def stop(self, announced=()):
        try:
            end_process(self.process)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Tgt(Started):
    """Debian's tgtd, to prove the client against a peer; the daemon itself answers at LUN 0, so disks start at 1."""

    def __init__(self):
        port, self.control = free_port(), 10000 + os.getpid() % 20000
        super().__init__(portal=("127.0.0.1", port), plain=f"{IQN}:plain", chap=f"{IQN}:chap", mutual=f"{IQN}:mutual",
                         guarded=f"{IQN}:guarded", bound=f"{IQN}:bound", algorithms=(5,))
        preload = os.environ.get("CONFORMANCE_TGT_PRELOAD")
        self.launch(["tgtd", "-f", "-C", str(self.control), "--iscsi", f"portal=127.0.0.1:{port}"], port,
                    {"LD_PRELOAD": preload} if preload else None)
        for tid, name in enumerate((self.plain, self.chap, self.mutual, self.guarded, self.bound), 1):
            self._admin("new", "target", tid, "-T", name)
            for key, value in (("HeaderDigest", "None,CRC32C"), ("DataDigest", "None,CRC32C"), ("InitialR2T", "No"),
                               ("MaxOutstandingR2T", "8")):
                self._admin("update", "target", tid, "--name", key, "--value", value)
            sizes = (64, 16) if tid == 1 else (1,)
            for lun, mib in enumerate(sizes, 1):
                path = os.path.join(self.folder, f"disk-{tid}-{lun}")
                with open(path, "wb") as disk:
                    disk.truncate(mib * MIB)
                self._admin("new", "logicalunit", tid, "--lun", str(lun), "-b", path)
            listed = ("-Q", INITIATOR) if name in (self.guarded, self.bound) else ("-I", "ALL")
            self._admin("bind", "target", tid, *listed)
        self.disks = [Disk(1, "disk-1-1", 64 * MIB), Disk(2, "disk-1-2", 16 * MIB)]
        for user, secret in ((USER, SECRET), (OTHER_USER, OTHER_SECRET), (MUTUAL_USER, MUTUAL_SECRET),
                             (TARGET_USER, TARGET_SECRET)):
            self._admin("new", "account", None, "--user", user, "--password", secret)
        for tid, user, way in ((2, USER, ()), (2, OTHER_USER, ()), (3, MUTUAL_USER, ()),
                               (5, USER, ()), (3, TARGET_USER, ("--outgoing",))):
            self._admin("bind", "account", tid, "--user", user, *way)
        if preload:
            self.inject_delay, self.clear_faults = self._delay, self._no_delay

    def stop(self, announced=()):
        self.process.kill()  # on SIGTERM it waits for its connections, without limit
        super().stop()

    def _admin(self, operation, mode, tid, *arguments):
        command = ["tgtadm", "-C", str(self.control), "--lld", "iscsi", "--op", operation, "--mode", mode]
        if tid is not None:
            command += ["--tid", str(tid)]
        run_tool(command + list(arguments))

    def _delay(self, disk, seconds, first_lba=0, last_lba=None):
        with open(os.environ["CONFORMANCE_TGT_DELAY"], "w", encoding="ascii") as rule:
            rule.write(f"{disk.name} {seconds} {first_lba} {disk.blocks if last_lba is None else last_lba}\n")

    def _no_delay(self):
        with open(os.environ["CONFORMANCE_TGT_DELAY"], "w", encoding="ascii"):
            pass


class Daemon(Started):
    """One outboardd with a configuration of its own, controlled by tgtctl."""

    def __init__(self, bin_dir, port, config, secrets=None, **fields):
        super().__init__(**fields)
        self.port = port
        self.socket = os.path.join(self.folder, "control")
        self.control = [os.path.join(bin_dir, "tgtctl"), "--socket", self.socket, "--json"]
        self.command = [os.path.join(bin_dir, "outboardd"), "--socket", self.socket, "--reactors", "2", "--grace", "1s",
                        "--seccomp", "kill", "--state-dir", os.path.join(self.folder, "state"),
                        "--config", self.file("config", config)]
        if secrets:
            self.command += ["--secrets", self.file("secrets", secrets)]
        self.start()

    def file(self, name, text):
        path = os.path.join(self.folder, name + ".toml")
        with open(path, "w", encoding="ascii", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(text)
        return path

    def start(self):
        self.launch(self.command, self.port)
        wait_for("outboardd to take commands", 20, self.answers, self.process)

    def answers(self):
        try:
            return bool(self.tgtctl("status"))
        except JudgeError:
            return False

    def tgtctl(self, *arguments):
        out = run_tool(self.control + [str(argument) for argument in arguments])
        return json.loads(out) if out.strip() else None

    def kill(self):
        end_process(self.process, signal.SIGKILL)

    def restart(self):
        end_process(self.process)
        self.start()

    def faults(self, announced):
        with open(os.path.join(self.folder, "daemon.log"), "rb") as log:
            log.seek(self.read)
            whole = log.read().rpartition(b"\n")[0]
        self.read += len(whole)
        lines = re.findall(r"^\S+ (?:warning|error|critical) .*", whole.decode("utf-8", "replace"), re.MULTILINE)
        return [line for line in lines if not any(re.search(text, line) for text in announced)]

    def stop(self, announced=()):
        """Ends the daemon; an exit status other than 0 (a sanitizer's report is one) is an error with its last words,
        and so is a warning of its last moments."""
        status = end_process(self.process)
        faults = self.faults(announced)
        with open(os.path.join(self.folder, "daemon.log"), encoding="utf-8", errors="replace") as log:
            last = "".join(log.readlines()[-60:])
        shutil.rmtree(self.folder, ignore_errors=True)
        if status != 0:
            raise JudgeError(f"outboardd ended with status {status}; its last words:\n{last}")
        if faults:
            raise JudgeError("outboardd logged at its end, unannounced: " + "\n".join(faults))


SECRETS = f"""
[{USER}]
secret = "{SECRET}"
[{OTHER_USER}]
secret = "{OTHER_SECRET}"
[{MUTUAL_USER}]
secret = "{MUTUAL_SECRET}"
mutual_secret = "{TARGET_SECRET}"
"""
USERS = f"""
[[user]]
name = "{USER}"
[[user]]
name = "{OTHER_USER}"
[[user]]
name = "{MUTUAL_USER}"
mutual_user = "{TARGET_USER}"
"""


def lu_and_view(disk, target=None):
    return f"""
[[lu]]
name = "{disk.name}"
backstore = "ram"
size = {disk.size}
[[view]]
lu = "{disk.name}"
lun = {disk.lun}
""" + (f'target_group = "{target}"\n' if target else "")


def view(disk, target):
    return f'[[view]]\nlu = "{disk.name}"\nlun = {disk.lun}\ntarget_group = "{target}"\n'


def target_entry(name, *lines):
    return "\n".join(["", "[[target]]", f'name = "{name}"', *lines, ""])


class Outboard(Daemon):
    """The main daemon; a second one, started when a test asks for it, wants CHAP for discovery and pings often."""

    def __init__(self, bin_dir):
        port, second = free_port(), free_port()
        disks = [Disk(0, "disk-a", 64 * MIB), Disk(1, "disk-b", 16 * MIB)]
        names = {name: f"{IQN}:{name}" for name in ("plain", "chap", "mutual", "guarded", "bound", "recovery")}
        listed, chap = f'initiators = ["{INITIATOR}"]', 'authentication = "chap"'
        config = USERS + "".join(lu_and_view(disk, names["plain"]) for disk in disks)
        config += lu_and_view(Disk(0, "disk-c", MIB), names["chap"])
        config += target_entry(names["plain"], "portal_groups = [1, 2]", "max_connections = 4")
        config += target_entry(names["chap"], chap, f'users = ["{USER}", "{OTHER_USER}"]')
        config += target_entry(names["mutual"], chap, f'users = ["{MUTUAL_USER}"]')
        config += target_entry(names["guarded"], listed)
        config += target_entry(names["recovery"], "error_recovery_level = 2", "max_connections = 4")
        config += "".join(view(disk, names["recovery"]) for disk in disks)
        config += target_entry(names["bound"], listed, chap, f'users = ["{USER}"]')
        for number, group in ((port, 1), (second, 2)):
            config += f'\n[[portal]]\naddress = "127.0.0.1:{number}"\ngroup = {group}\n'
        config += '\n[limits]\nlogin_timeout = "5s"\nnop_interval = "0s"\n'
        self.bin_dir, self.aside = bin_dir, None
        super().__init__(bin_dir, port, config, SECRETS, portal=("127.0.0.1", port), disks=disks, login_limit=5.0,
                         second_portal=("127.0.0.1", second), nop_interval=1.0, nop_timeout=2.0, **names)

    def alive(self):
        return super().alive() and (self.aside is None or self.aside.alive())

    def second(self):
        if self.aside is None:
            port = free_port()
            config = USERS + lu_and_view(Disk(0, "disk-a", MIB)) + target_entry(self.plain)
            config += f'\n[[portal]]\naddress = "127.0.0.1:{port}"\n'
            config += f'\n[discovery]\nauthentication = "chap"\nusers = ["{USER}"]\n'
            config += f'\n[limits]\nnop_interval = "{self.nop_interval:g}s"\nnop_timeout = "{self.nop_timeout:g}s"\n'
            self.aside = Daemon(self.bin_dir, port, config, SECRETS, portal=("127.0.0.1", port), plain=self.plain)
        return self.aside.portal

    nop_portal = discovery_portal = property(lambda self: self.second(), lambda self, _: None)

    def inject_delay(self, disk, seconds, first_lba=0, last_lba=None):
        last = disk.blocks - 1 if last_lba is None else last_lba
        self.tgtctl("debug", "inject", "delay", disk.name, "--delay", f"{int(seconds * 1000)}ms", "--first-lba",
                    first_lba, "--last-lba", last)

    def clear_faults(self):
        for rule in self.tgtctl("debug", "inject-list"):
            self.tgtctl("debug", "inject-remove", rule["id"])

    def resize(self, disk, size):
        self.tgtctl("lu", "resize", disk.name, str(size), "--shrink")

    def map_lun(self, disk, lun):
        self.tgtctl("view", "add", disk.name, "--lun", lun, "--target-group", self.plain)

    def unmap_lun(self, disk, lun):
        self.tgtctl("view", "remove", disk.name, "--lun", lun, "--target-group", self.plain)

    def create_unit(self, lun, *options):
        disk = Disk(lun, f"disk-at-{lun}", MIB)
        self.tgtctl("lu", "create", disk.name, "--backstore", "ram", "--size", disk.size, *options)
        self.map_lun(disk, lun)
        return disk

    def delete_unit(self, disk):
        self.tgtctl("lu", "delete", disk.name)

    @contextlib.contextmanager
    def spare_target(self, disk):
        name = f"{IQN}:spare"
        self.tgtctl("target", "create", name, "--portal-groups", "1")
        self.tgtctl("view", "add", disk.name, "--lun", "0", "--target-group", name)
        try:
            yield name
        finally:
            if any(target["name"] == name for target in self.tgtctl("target", "list")):
                self.delete_target(name)

    def delete_target(self, name):
        """Its views name it, so they go first."""
        for view in self.tgtctl("view", "list"):
            if view.get("target_group") == name:
                self.tgtctl("view", "remove", view["lu"], "--lun", view["lun"], "--target-group", name)
        self.tgtctl("target", "delete", name)

    def require_discovery_chap(self, required):
        self.aside.tgtctl("discovery", "modify", "--authentication", "chap" if required else "none")

    @contextlib.contextmanager
    def many_targets(self, count):
        port = free_port()
        config = f'[[portal]]\naddress = "127.0.0.1:{port}"\n'
        config += "".join(target_entry(f"{IQN}:many-{i}") for i in range(count))
        daemon = Daemon(self.bin_dir, port, config, portal=("127.0.0.1", port), plain=f"{IQN}:many-0")
        try:
            yield daemon.portal
        finally:
            daemon.stop()

    def faults(self, announced):
        beside = self.aside.faults(announced) if self.aside is not None else []
        return super().faults(announced) + beside

    def stop(self, announced=()):
        if self.aside is not None:
            aside, self.aside = self.aside, None
            aside.stop(announced)
        super().stop(announced)
