#!/usr/bin/env python3
# Unmodified Linux drivers in guests as judges of the Fibre Channel models, of drivers/qla and of fabrics/fcp.
import argparse
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "judges"))

from outboard import Outboard  # noqa: E402
from run_guest import Guest, GuestError  # noqa: E402
from san import San  # noqa: E402
from target import JudgeError  # noqa: E402

SIZE = 96 << 20
# What qla2xxx says about an adapter without transceiver, option ROM, and firmware in a file; each is harmless.
EXPECTED_WARNINGS = "No matching ROM signature|SFP|ql2500_fw.bin"
PORT_TYPES = {"fabric": "NPort (fabric via point-to-point)", "point-to-point": "Point-To-Point (direct nport connection)",
              "loop": "LPort (private loop)"}
# What the target may say when cables are pulled and firmware crashes.
DRIVER_WARNINGS = (r"firmware", r"mailbox", r"link", r"login ended", r"recover")
SPEEDS = {"2532": "8 Gbit", "2031": "16 Gbit", "2071": "32 Gbit"}
INTERRUPTS = {"intx": 0, "msix": 1, "msi": 2}


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        return file.read()


class Run:
    """One script in one guest with some of the SAN's adapters."""

    def __init__(self, script, san, adapters, options, answers=None, **environment):
        values = {"LACKS": "", "LUN": 0, "PORTS": len(adapters), "EXPECTED_WARNINGS": EXPECTED_WARNINGS,
                  "PORT_TYPE": PORT_TYPES[options.topology], "SPEED": SPEEDS[options.chip], "MODULE_OPTIONS":
                  f"ql2xenablemsix={INTERRUPTS[options.interrupts]} {options.module_options}".strip(),
                  "SECONDS_OF_LOAD": 40, "CPUS": options.cpus, **environment}
        env = "".join(f"{name}='{value}'\n" for name, value in values.items()).encode()
        files = {"lib.sh": read("lib.sh"), "fc_lib.sh": read("fc_lib.sh"), "env": env}
        self.guest = Guest(read(f"{script}.sh").decode(), files, answers, kernel=options.kernel,
                           qemu=["-smp", str(options.cpus)],
                           adapters=[san.socket(number) for number in adapters])
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


def probe(san, options):
    run = Run("fc_probe", san, [0], options)
    run()
    return run.told(options.verbose)


def tcm(san, options):
    """The Linux target on one model, the Linux initiator on the other."""
    serving, over = threading.Event(), threading.Event()

    def hold(_words):
        serving.set()
        over.wait(options.seconds)
        return "done"

    target = Run("fc_tcm_target", san, [1], options, hold)
    initiator = Run(options.script if options.script != "tcm" else "fc_disk", san, [0], options)
    thread = threading.Thread(target=target)
    thread.start()
    try:
        if not serving.wait(120):
            print("the Linux target does not serve")
            return target.told(True) and False
        initiator()
    finally:
        over.set()
        thread.join()
    good = initiator.told(options.verbose)
    return target.told(options.verbose or not good) and good


class Daemon(Outboard):
    """outboardd with ports on the SAN's adapters."""

    def __init__(self, bin_dir, san, ports):
        super().__init__(bin_dir, "file")  # what is there after a restart
        self.ports = [san.socket(number) for number in ports]

    def toml(self):
        text = super().toml()
        for number, path in enumerate(self.ports):
            text += f'\n[[fc_port]]\nname = "fc{number}"\ndevice = "unix:{path}"\n'
        return text


def serve(san, options, script, initiators, ports, announced=(), **environment):
    """outboardd drives some adapters through drivers/qla; a guest has the others."""
    with Daemon(options.bin_dir, san, ports) as target:
        target.create_lu("disk", SIZE)
        target.add_lun(0, "disk")

        def act(words):
            verb, *rest = words.split()
            try:
                if verb == "restart":
                    target.restart()
                elif verb == "crash":  # of the target's own adapter
                    san.ask("crash", f"hba{ports[0]}")
                elif verb == "bounce":  # of the initiator's cable
                    san.ask("link", f"hba{initiators[0]}", "500")
                elif verb == "san":
                    san.ask(*rest)
                else:
                    return f"nobody knows {verb}"
            except JudgeError as error:
                print(f"fc_judge: {words}: {error}", flush=True)
                return "failed"
            return "done"

        run = Run(script, san, initiators, options, act, **environment)
        run()
        good = run.told(options.verbose)
        target.stop()
        faults = target.faults(announced)
        print("".join(f"the target logged: {line}\n" for line in faults), end="")
        if not good:
            print(f"target's log:\n{target.log()[-4000:]}")
        return good and not faults


def ram(san, options):
    """One model with a Linux initiator, and a disk that outboard-emu itself has on the network."""
    run = Run(options.script if options.script != "tcm" else "fc_disk", san, [0], options)
    run()
    return run.told(options.verbose)


def disk(san, options):
    return serve(san, options, "fc_disk", [0], [1])


def errors(san, options):
    """Resets by the initiator; then, under I/O, what an operator or a cable does."""
    return serve(san, options, "fc_errors", [0], [1], announced=DRIVER_WARNINGS, SECONDS_OF_LOAD=60)


def multipath(san, options):
    """Two adapters in the guest, two ports of the target; one cable is pulled under I/O, then the other."""
    return serve(san, options, "fc_multipath", [0, 1], [2, 3], announced=DRIVER_WARNINGS, PATHS=4,
                 ADAPTERS="hba0 hba1")


SCENARIOS = {"probe": (probe, 1), "tcm": (tcm, 2), "ram": (ram, 1), "disk": (disk, 2), "errors": (errors, 2),
             "multipath": (multipath, 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--bin-dir", required=True, help="the folder of outboardd and tgtctl")
    parser.add_argument("--kernel", choices=("6.1", "6.12"), default="6.1")
    parser.add_argument("--interrupts", choices=INTERRUPTS, default="msix")
    parser.add_argument("--topology", choices=PORT_TYPES, default="fabric")
    parser.add_argument("--chip", choices=SPEEDS, default="2532")
    parser.add_argument("--module-options", default="", help="more options of qla2xxx")
    parser.add_argument("--script", default="tcm", help="tcm, ram: what the initiator's guest runs")
    parser.add_argument("--cpus", type=int, default=1, help="of each guest: as many queue pairs of chips that have them")
    parser.add_argument("--wwpn", action="append", default=[], help="port names in order, as outboard-emu takes them")
    parser.add_argument("--capture", help="pcapng file of all frames")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--verbose", action="store_true", help="print consoles even when all is well")
    options = parser.parse_args()
    run, adapters = SCENARIOS[options.scenario]
    more = ["--chip", options.chip] + (["--capture", options.capture] if options.capture else [])
    for name in options.wwpn:
        more += ["--wwpn", name]
    if options.scenario == "ram":
        more += ["--ram-target", str(SIZE >> 20)]
    elif options.topology == "point-to-point":
        adapters = 2
    with San(options.bin_dir, adapters, options.topology, more) as san:
        good = run(san, options)
        faults = san.faults()
        print("".join(f"a model complains: {line}\n" for line in faults), end="")
        if not good:
            print(f"outboard-emu's log:\n{san.log()[-3000:]}")
    good = good and not faults
    print(f"fc_{options.scenario}: {'passed' if good else 'failed'}")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (JudgeError, GuestError) as error:
        sys.exit(f"fc_judge: {error}")
