# Changes the configuration by tgtctl until the daemon is killed; what is stored is the state before or after a change.
import contextlib
import os
import stat
import time
import tomllib

from kill9_initiator import Lost, good, log_in
from kill9_medium import content
from rawiscsi import scsi
from rawiscsi.chap import Chap
from rawiscsi.errors import Closed
from target import JudgeError

USER = "keeper"


def secret_of(generation):
    return f"secret-number-{generation:06d}"


class Configuration:
    """What the changes are about, as the judge believes it and as `tgtctl export` shows it."""

    def __init__(self, generation=0, made=(), size=1, view=False):
        self.generation, self.made, self.size, self.view = generation, made, size, view
        self.tail = b""  # what the last block holds, if something was written there

    def marks(self):
        """What must be together in one exported configuration; nothing of it is there before the first change."""
        if self.generation == 0:
            return {"alias": "", "group": [], "units": {}, "views": set()}
        units = {f"ram-{self.generation}": 1 << 20, **{name: self.size << 20 for name in self.made}}
        views = {(f"ram-{self.generation}", 7)} | {(name, 9) for name in self.made if self.view}
        return {"alias": f"gen-{self.generation}", "group": [f"hosts-{self.generation}"], "units": units,
                "views": views}

    def toml(self, keeper):
        number = self.generation
        return (f'\n[[target]]\nname = "{keeper}"\nalias = "gen-{number}"\nauthentication = "chap"\n'
                f'users = ["{USER}"]\n[[user]]\nname = "{USER}"\n'
                f'[[host_group]]\nname = "hosts-{number}"\ninitiators = ["iqn.2026-01.org.example:h{number}"]\n'
                f'[[lu]]\nname = "ram-{number}"\nbackstore = "ram"\nsize = "1 MiB"\n'
                f'[[view]]\nlu = "ram-{number}"\nlun = 7\ntarget_group = "{keeper}"\n')


def marks_of(export, keeper, kept):
    """The marks of what `tgtctl export` printed; `kept` names the units that are no part of this."""
    whole = tomllib.loads(export)
    size = {unit["name"]: size_of(unit["size"]) for unit in whole["lu"] if unit["name"] not in kept}
    return {"alias": next((entry["alias"] for entry in whole["target"] if entry["name"] == keeper), ""),
            "group": [group["name"] for group in whole.get("host_group", ())], "units": size,
            "views": {(view["lu"], view["lun"]) for view in whole["view"] if view["lu"] not in kept}}


def size_of(value):
    if isinstance(value, int):
        return value
    number, unit = value.split()
    return int(number) << {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[unit]


class StoreLoad:
    """One change after the other, from where the daemon is."""

    def __init__(self, target):
        self.target, self.keeper = target, target.iqn + "-kept"
        self.now, self.next = Configuration(), None  # in force; asked for and not answered
        self.changes = 0
        self.took = 0.05  # seconds, the last change
        self.countdown, self.arm = -1, None

    def apply(self, config):
        def change():
            path, secrets = (os.path.join(self.target.folder, name) for name in ("changed.toml", "changed.secrets"))
            with open(path, "w", encoding="utf-8") as out:
                out.write(self.target.toml() + config.toml(self.keeper))
            with open(os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
                out.write(f'[{USER}]\nsecret = "{secret_of(config.generation)}"\n')
            self.target.ctl("apply", path, "--secrets-file", secrets)
        self.change(config, change)

    def change(self, config, do):
        self.next, started = config, time.monotonic()
        if self.countdown == 0:
            self.arm(self.took)
        self.countdown -= 1
        do()
        self.took = time.monotonic() - started
        self.now, self.next = config, None
        self.changes += 1

    def run(self, changes, arm, killed):
        """Until a command fails, which only the kill may cause: arm(seconds that a change takes) after so many."""
        self.countdown, self.arm = changes, arm
        try:
            while True:
                number = self.now.generation + 1
                self.apply(Configuration(number))
                made, ctl = f"made-{number}", self.target.ctl
                path = os.path.join(self.target.folder, made)
                steps = ((1, False, ("lu", "create", made, "--backstore", "file", "--path", path, "--size", "1MiB")),
                         (1, True, ("view", "add", made, "--lun", "9", "--target-group", self.keeper)),
                         (2, True, ("lu", "resize", made, "2MiB")),
                         (1, True, ("lu", "resize", made, "1MiB", "--shrink")))
                for size, view, words in steps:
                    if "--shrink" in words:
                        self.write_last_block()
                    self.change(Configuration(number, (made,), size, view), lambda words=words: ctl(*words))
                self.change(Configuration(number), lambda made=made: ctl("lu", "delete", made))
        except (JudgeError, Closed, OSError) as error:
            if not killed():
                raise Lost(f"a change failed while the daemon ran: {error}") from error

    def check(self):
        """After the restart: one of the two states, whole, with the secret that belongs to it."""
        found = marks_of(self.target.ctl("export"), self.keeper, self.target.units)
        possible = [config for config in (self.now, self.next) if config is not None]
        held = [config for config in possible if config.marks() == found]
        if not held:
            raise Lost(f"the configuration {found} is none of {[config.marks() for config in possible]}")
        self.now, self.next = held[0], None
        if self.now.generation:
            with contextlib.closing(self.log_in()) as session:
                if self.now.view:
                    self.check_unit(session)

    def log_in(self):
        """To the target that belongs to all this, with the secret of the generation."""
        luns = (7, 9) if self.now.view else (7,)
        return log_in(self.target, "stranger", luns, Chap(USER, secret_of(self.now.generation)), self.keeper)

    def write_last_block(self):
        """Something that is lost when the unit becomes smaller."""
        with contextlib.closing(self.log_in()) as session:
            last = (self.now.size << 11) - 1
            data = content(last, self.now.generation)
            good(session, scsi.write10(last, 1, 0x08), 9, "WRITE of the last block", write=data)
        self.now.tail = data

    def check_unit(self, session):
        """As large as configured; a unit that did not become smaller still has all it had."""
        capacity = good(session, scsi.read_capacity16(), 9, "READ CAPACITY", read=32)
        last = int.from_bytes(capacity[:8], "big")
        if last != (self.now.size << 11) - 1:
            raise Lost(f"the last block is {last}, the configured size {self.now.size} MiB")
        if self.now.tail and good(session, scsi.read10(last, 1), 9, "READ", read=512) != self.now.tail:
            raise Lost("the unit has its old size, but its end was given up")

    def check_files(self):
        """After one more change nothing is left of the killed ones, and only the owner may read."""
        folder = os.path.join(self.target.folder, "state")
        self.apply(Configuration(self.now.generation + 1))
        files = [name for name in os.listdir(folder) if name.endswith(".toml") or ".new" in name]
        if len(files) != 2 or "config.toml" not in files:
            raise Lost(f"the state folder holds {files}")
        open_to_all = [name for name in os.listdir(folder)
                       if stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode) & 0o077]
        if open_to_all:
            raise Lost(f"others may read {open_to_all}")
