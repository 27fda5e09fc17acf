# The Linux kernel's target (LIO) in a guest, as a peer to compare with. Its disks are in the guest's memory. Under
# software emulation it is slow: what it answers counts, not how soon.
import os
import queue
import threading

from run_guest import Guest
from target import JudgeError, Target, Unsupported, accepts, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 3600


class Booted:
    """The guest as a daemon's process is seen by a judge."""

    pid = None  # nothing of it is in this machine's /proc

    def __init__(self, guest):
        self.guest, self.returncode = guest, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.returncode = self.guest.run(SECONDS)[0]
        except Exception as error:  # pylint: disable=broad-except  # told by whoever waits
            self.returncode = str(error)

    def poll(self):
        return self.returncode


class Lio(Target):
    def __init__(self, backend="ram"):
        super().__init__(backend)
        self.asked, self.words = queue.Queue(), queue.Queue()
        self.luns = {}  # lun -> name

    def start(self):
        files = {"env": f"IQN='{self.iqn}'\nLACKS=''\n".encode()}
        with open(os.path.join(HERE, "lib.sh"), "rb") as library, \
                open(os.path.join(HERE, "lio_target.sh"), encoding="utf-8") as script:
            files["lib.sh"], text = library.read(), script.read()
        self.process = Booted(Guest(text, files, self.next, forward=self.port))
        wait_for("the guest to be ready", 120, lambda: not self.asked.empty(), self.process)
        self.asked.get()
        wait_for("LIO's portal", 20, lambda: accepts(self.port), self.process)

    def next(self, words):
        """In the guest's thread: tells how the last one ended, and waits for the next."""
        self.asked.put(words)
        return self.words.get()

    def do(self, *words):
        self.words.put(" ".join(map(str, words)))
        if (said := self.asked.get(timeout=60)) != "next 0":
            raise JudgeError(f"{words} in the guest: {said}")

    def stop(self):
        process, self.process = self.process, None
        if process is not None:
            self.words.put("exit")
            process.thread.join(60)
            if process.returncode != 0:
                raise JudgeError(f"the guest: {process.returncode}")

    def create_lu(self, name, size, removable=False, write_protected=False, physical_block=512):
        """One disk is like the other: LIO has neither removable ones nor a choice of physical blocks."""
        self.do("make", name, size >> 20)

    def add_lun(self, lun, name):
        self.do("map", lun, name)
        self.luns[lun] = name

    def remove_lun(self, lun):
        self.do("unmap", lun)
        del self.luns[lun]

    def resize_lu(self, name, size):
        raise Unsupported("not set up for this judge")

    def set_chap(self, user, secret, mutual_user, mutual_secret):
        raise Unsupported("not set up for this judge")
