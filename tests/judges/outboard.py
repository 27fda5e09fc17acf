# Outboard as a target: configured as a whole by `tgtctl apply`, changed live by tgtctl's single commands.
import json
import os
import re

from heir import Heir, adopt_orphans
from target import JudgeError, Target, accepts, end_process, run_tool, wait_for


class Outboard(Target):
    """outboardd with a control socket and a state folder of its own; --config counts at the first start only."""

    def __init__(self, bin_dir=None, backend="ram", daemon_options=("--reactors", "1")):
        super().__init__(backend)
        self.bin_dir = bin_dir
        self.daemon_options = daemon_options
        self.socket = os.path.join(self.folder, "control")
        self.units = {}  # name -> TOML lines of [[lu]]
        self.luns = {}  # lun -> name
        self.loops = {}  # name -> loop device
        self.chap = None
        self.max_connections = 1
        self.limits = {}

    def program(self, name):
        """The program in the folder given, or wherever PATH has it; a build tree has a folder for each."""
        if self.bin_dir is None:
            return name
        for folder in (self.bin_dir, os.path.join(os.path.dirname(self.bin_dir), name)):
            if os.access(os.path.join(folder, name), os.X_OK):
                return os.path.join(folder, name)
        return name

    def start(self):
        self.spawn([self.program("outboardd"), "--socket", self.socket, "--config", self.write_configuration(),
                    "--state-dir", os.path.join(self.folder, "state"), "--seccomp", "kill", *self.daemon_options])
        wait_for("outboardd to take commands", 20, self.answers, self.process)
        wait_for("outboardd's portal", 20, lambda: accepts(self.port), self.process)

    def answers(self):
        try:
            return bool(self.ctl("status"))
        except JudgeError:
            return False

    def upgrade(self):
        """Another process goes on; returns what it says of that."""
        adopt_orphans()
        report = json.loads(self.ctl("--json", "upgrade"))
        if end_process(self.process) != 0:
            raise JudgeError("the old outboardd did not end well")
        self.process = Heir(report["pid"])
        return report

    def ctl(self, *arguments, seconds=20):
        return run_tool([self.program("tgtctl"), "--socket", self.socket, *arguments], seconds=seconds)

    def toml(self):
        """The configuration in whole."""
        text = f'[[portal]]\naddress = "127.0.0.1:{self.port}"\n\n[[target]]\nname = "{self.iqn}"\n'
        text += f"max_connections = {self.max_connections}\n"
        if self.chap is not None:
            text += f'authentication = "chap"\nusers = ["{self.chap[0]}"]\n'
            text += f'\n[[user]]\nname = "{self.chap[0]}"\nmutual_user = "{self.chap[2]}"\n'
        if self.limits:
            text += "\n[limits]\n" + "".join(f"{name} = {value}\n" for name, value in self.limits.items())
        for name, lines in self.units.items():
            text += f'\n[[lu]]\nname = "{name}"\n{lines}'
        for lun, name in self.luns.items():
            text += f'\n[[view]]\nlu = "{name}"\nlun = {lun}\n'
        return text

    def write_configuration(self):
        path = os.path.join(self.folder, "config.toml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(self.toml())
        return path

    def apply(self, seconds=20):
        path, secrets = self.write_configuration(), os.path.join(self.folder, "secrets.toml")
        if self.chap is None:
            return self.ctl("apply", path, seconds=seconds)
        with open(os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(f'["{self.chap[0]}"]\nsecret = "{self.chap[1]}"\nmutual_secret = "{self.chap[3]}"\n')
        return self.ctl("apply", path, "--secrets-file", secrets)

    def faults(self, announced=()):
        quiet = re.compile(r"\S+ (info|debug|trace) ")  # what has no level at all is no log line: a sanitizer's, libc's
        lines = [line for line in self.log().splitlines() if line and not quiet.match(line)]
        return [line for line in lines if not any(re.search(text, line) for text in announced)]

    def create_lu(self, name, size, removable=False, write_protected=False, physical_block=512, protection_type=0):
        lines = f'size = "{size // (1 << 20)} MiB"\nphysical_block_size = {physical_block}\n'
        if self.backend in ("file", "block"):
            lines += f'backstore = "{self.backend}"\npath = "{self.make_medium(name, size)}"\n'
        else:
            lines += 'backstore = "ram"\n'
        lines += f"removable = {str(removable).lower()}\nwrite_protected = {str(write_protected).lower()}\n"
        lines += f"protection_type = {protection_type}\n"
        self.units[name] = lines
        self.apply()

    def make_medium(self, name, size):
        """A file, or a loop device on one."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as image:
            image.truncate(size)
        if self.backend == "block":
            self.loops[name] = run_tool(["losetup", "--find", "--show", path]).strip()
        return self.path_of(name)

    def path_of(self, name):
        return self.loops.get(name, super().path_of(name))

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            for device in self.loops.values():
                run_tool(["losetup", "--detach", device])

    def apply_units(self, count, size):
        """That many more RAM disks, mapped at the LUNs behind those in use, in one transaction."""
        first = max(self.luns, default=-1) + 1
        for lun in range(first, first + count):
            self.units[f"unit{lun}"] = f'size = "{size // (1 << 20)} MiB"\nbackstore = "ram"\n'
            self.luns[lun] = f"unit{lun}"
        self.apply(seconds=120)

    def sessions(self):
        return len(json.loads(self.ctl("session", "list", "--json")))

    def resize_lu(self, name, size):
        self.ctl("lu", "resize", name, f"{size // (1 << 20)}MiB")

    def set_segment_length(self, size):
        self.ctl("target", "modify", self.iqn, "--max-recv-data-segment-length", str(size))

    def negotiate(self):
        """Asks every session to negotiate anew."""
        for session in json.loads(self.ctl("session", "list", "--json")):
            self.ctl("session", "negotiate", str(session["id"]))

    def add_lun(self, lun, name):
        self.luns[lun] = name
        self.ctl("view", "add", name, "--lun", str(lun))

    def remove_lun(self, lun):
        self.ctl("view", "remove", self.luns.pop(lun), "--lun", str(lun))

    def set_chap(self, user, secret, mutual_user, mutual_secret):
        self.chap = (user, secret, mutual_user, mutual_secret)
        self.apply()
