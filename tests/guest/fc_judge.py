#!/usr/bin/env python3
# Unmodified Linux drivers in guests as judges of the Fibre Channel models, of drivers/qla and of fabrics/fcp.
import argparse
import sys
import time

from fc_runs import INTERRUPTS, PORT_TYPES, SIZE, SPEEDS  # first: it makes the judges' folder known
from fc_scenarios import MODEL_WARNINGS, SCENARIOS
from run_guest import GuestError
from san import San
from target import JudgeError


def options_of_the_command_line():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--bin-dir", required=True, help="the folder of outboardd and tgtctl")
    parser.add_argument("--kernel", choices=("6.1", "6.12"), default="6.1")
    parser.add_argument("--interrupts", choices=INTERRUPTS, default="msix")
    parser.add_argument("--topology", choices=PORT_TYPES, default="fabric")
    parser.add_argument("--chip", choices=SPEEDS, default="2532")
    parser.add_argument("--module-options", default="", help="more options of qla2xxx")
    parser.add_argument("--cpus", type=int, default=1, help="of each guest: as many queue pairs of chips that have them")
    parser.add_argument("--reactors", type=int, default=1, help="of outboardd: as many queue pairs of chips that have them")
    parser.add_argument("--script", help="what the initiator's guest runs, instead of fc_disk")
    parser.add_argument("--wwpn", action="append", default=[], help="port names in order, as outboard-emu takes them")
    parser.add_argument("--capture", help="pcapng file of all frames")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--minutes", type=int, default=30, help="of soak")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the trouble in soak")
    parser.add_argument("--verbose", action="store_true", help="print consoles even when all is well")
    return parser.parse_args()


def main():
    options = options_of_the_command_line()
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
        faults = san.faults(MODEL_WARNINGS.get(options.scenario, ()))
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
