# What happens to a SAN over the years, in minutes: cables, firmware, lost frames, restarts; drawn from a seed.
import random
import time


class Trouble:
    """The Operator's verbs `trouble` (one of these, at random) and `calm` (no more frames are lost)."""

    def __init__(self, target, san, seed):
        self.target, self.san = target, san
        self.random = random.Random(seed)
        self.begun = time.monotonic()
        self.kinds = {"cable of the initiator": lambda: self.cable("hba0"),
                      "cable of the target": lambda: self.cable("hba1"),
                      "firmware of the target": lambda: san.ask("crash", "hba1"),
                      "lost frames": self.lose_frames,
                      "late frames": lambda: self.frames("delay=2000", "reorder=500"),
                      "port of the switch": self.switch_port,
                      "restart": target.restart, "kill": self.kill, "port offline": self.port_offline,
                      "lost completions": lambda: san.ask("lose", "hba1", "completions", "1")}

    def verbs(self):
        return {"trouble": self.trouble, "calm": self.calm}

    def trouble(self):
        kind = self.random.choice(list(self.kinds))
        print(f"{time.monotonic() - self.begun:7.1f} s: {kind}", flush=True)
        self.calm()
        self.kinds[kind]()

    def calm(self):
        self.frames()

    def frames(self, *faults):
        for adapter in ("hba0", "hba1"):
            self.san.ask("faults", adapter, *faults)

    def lose_frames(self):
        self.frames(f"drop={self.random.choice((50, 200, 1000))}")

    def cable(self, adapter):
        self.san.ask("link", adapter, str(self.random.choice((20, 200, 2000, 8000))))

    def switch_port(self):
        self.san.ask("port", "0", "off")
        time.sleep(self.random.uniform(0.1, 3))
        self.san.ask("port", "0", "on")

    def port_offline(self):
        self.target.ctl("port", "offline", "fc0")
        time.sleep(self.random.uniform(0.1, 3))
        self.target.ctl("port", "online", "fc0")

    def kill(self):
        self.target.kill()
        self.target.start()
