# What the Fibre Channel scenarios are made of: a script in a guest that has adapters of the SAN, outboardd on others.
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "judges"))

from outboard import Outboard  # noqa: E402
from run_guest import Guest, GuestError  # noqa: E402
from target import JudgeError  # noqa: E402

SIZE = 96 << 20
# What qla2xxx says about an adapter without transceiver, option ROM, and firmware in a file; each is harmless.
EXPECTED_WARNINGS = "No matching ROM signature|SFP|ql2500_fw.bin"
PORT_TYPES = {"fabric": "NPort (fabric via point-to-point)", "point-to-point": "Point-To-Point (direct nport connection)",
              "loop": "LPort (private loop)"}
SPEEDS = {"2532": "8 Gbit", "2031": "16 Gbit", "2071": "32 Gbit", "2261": "16 Gbit", "2271": "32 Gbit"}
INTERRUPTS = {"intx": 0, "msix": 1, "msi": 2}


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        return file.read()


class Run:
    """One script in one guest with some of the SAN's adapters; files, kernel, memory and IOMMU as of Guest."""

    def __init__(self, script, san, adapters, options, answers=None, files=None, guest=None, **environment):
        values = {"LACKS": "", "LUN": 0, "PORTS": len(adapters), "EXPECTED_WARNINGS": EXPECTED_WARNINGS,
                  "PORT_TYPE": PORT_TYPES[options.topology], "SPEED": SPEEDS[options.chip], "MODULE_OPTIONS":
                  f"ql2xenablemsix={INTERRUPTS[options.interrupts]} {options.module_options}".strip(),
                  "SECONDS_OF_LOAD": 40, "CPUS": options.cpus,
                  "PROTECTION": int(options.script == "fc_protected"), "OURS": 0, **environment}
        env = "".join(f"{name}='{value}'\n" for name, value in values.items()).encode()
        libraries = {name: read(name) for name in ("lib.sh", "fc_lib.sh", "sg_lib.sh")}
        files = {**libraries, "env": env, **(files or {})}
        self.guest = Guest(read(f"{script}.sh").decode(), files, answers,
                           adapters=[san.socket(number) for number in adapters],
                           qemu=["-smp", str(options.cpus)], **{"kernel": options.kernel, **(guest or {})})
        self.script, self.seconds = script, options.seconds
        self.status, self.problem, self.transcript = None, None, ""

    def __call__(self):
        try:
            self.status, self.transcript = self.guest.run(self.seconds)
        except GuestError as error:
            self.problem = str(error)
        except Exception as error:  # of a thread: told to whoever joins it
            self.problem = repr(error)

    def told(self, verbose):
        if self.problem or self.status != 0 or verbose:
            print(f"--- {self.script}: {self.problem or f'exit {self.status}'}\n{self.transcript}", flush=True)
        return self.problem is None and self.status == 0


class Pair:
    """A guest that is the target, and then, when it says that it serves, what the initiator does."""

    def __init__(self, options):
        self.options = options
        self.serving, self.over = threading.Event(), threading.Event()

    def hold(self, _words):
        """The answer to the target's `ask serving`: comes when the initiator has finished."""
        self.serving.set()
        self.over.wait(self.options.seconds)
        return "done"

    def run(self, target, initiator):
        thread = threading.Thread(target=target)
        thread.start()
        try:
            end = time.monotonic() + 120
            while not self.serving.wait(0.2):
                if not thread.is_alive() or time.monotonic() > end:
                    print("the target's guest does not serve")
                    return False
            initiator()
        finally:
            self.over.set()
            thread.join()
            good = initiator.status is not None and initiator.told(self.options.verbose)
            good = target.told(self.options.verbose or not good) and good
        return good


class Daemon(Outboard):
    """outboardd with ports on the SAN's adapters."""

    def __init__(self, options, san, ports):
        super().__init__(options.bin_dir, "file",  # what is there after a restart
                         ("--reactors", str(options.reactors)))
        self.ports = [san.socket(number) for number in ports]
        self.more = "loop = true\n" if options.topology == "loop" else ""
        self.virtual = {}  # name -> WWPN, all on the link of fc0

    def toml(self):
        text = super().toml()
        for number, path in enumerate(self.ports):
            text += f'\n[[fc_port]]\nname = "fc{number}"\ndevice = "unix:{path}"\n{self.more}'
        for name, wwpn in self.virtual.items():
            text += f'\n[[fc_port]]\nname = "{name}"\nparent = "fc0"\nwwpn = "{wwpn}"\n'
        return text


class Operator:
    """What the guest's `ask WORDS` has done to target and SAN; more verbs: name -> function of the other words."""

    def __init__(self, target, san, initiators, ports, verbs=None):
        self.verbs = {"restart": target.restart,
                      "crash": lambda: san.ask("crash", f"hba{ports[0]}"),  # of the target's own adapter
                      "bounce": lambda: san.ask("link", f"hba{initiators[0]}", "500"),  # of the initiator's cable
                      "san": san.ask, "tgtctl": target.ctl, **(verbs or {})}

    def __call__(self, words):
        verb, *rest = words.split()
        if verb not in self.verbs:
            return f"nobody knows {verb}"
        try:
            self.verbs[verb](*rest)
        except JudgeError as error:
            print(f"fc_judge: {words}: {error}", flush=True)
            return "failed"
        return "done"


def one_disk(target):
    """What is served: LUN 0, to everybody. Returns more of the guest's environment, and verbs for the Operator."""
    target.create_lu("disk", SIZE)
    target.add_lun(0, "disk")
    return {}, {}


def serve(san, options, script, initiators, ports, announced=(), prepare=one_disk, **environment):
    """outboardd drives some adapters through drivers/qla; a guest has the others."""
    with Daemon(options, san, ports) as target:
        more, verbs = prepare(target)
        act = Operator(target, san, initiators, ports, verbs)
        run = Run(script, san, initiators, options, act, **more, **environment)
        run()
        good = run.told(options.verbose)
        target.stop()
        faults = target.faults(announced)
        print("".join(f"the target logged: {line}\n" for line in faults), end="")
        if not good:
            print(f"target's log:\n{target.log()[-4000:]}")
        return good and not faults
