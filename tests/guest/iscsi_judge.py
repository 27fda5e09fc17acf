#!/usr/bin/env python3
# The unmodified Linux initiator in a guest as judge: starts a target, runs an iscsi_*.sh script, acts when it asks.
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "judges"))

from run_guest import Guest, GuestError  # noqa: E402
from target import JudgeError, make_target  # noqa: E402

SIZE = 96 << 20
CHAP = ("initiator", "initiator-secret", "target", "target-secret-16")
# What tgt cannot do, so that the scripts can be proved on it.
LACKS = {"outboard": "", "tgt": "key_check resize compare_and_write opcodes ndob full_status lba_status "
                                "removal_attention change_report negotiate target_reset identity preempt_attention aptpl"}


# Warnings that a script provokes; any other warning or error in the target's log fails the judge.
ANNOUNCED = {"filesystem": ("refused with status 0201",)}


class Answers:
    """Acts on the target as the script in the guest asks."""

    def __init__(self, target):
        self.target = target

    def __call__(self, words):
        verb, *rest = words.split()
        actions = {"resize": lambda: self.target.resize_lu(rest[0], int(rest[1])),
                   "add": lambda: self.target.add_lun(int(rest[0]), "extra"),
                   "remove": lambda: self.target.remove_lun(int(rest[0])),
                   "restart": self.target.restart,
                   "crash": self.crash,
                   "segment": lambda: self.target.set_segment_length(int(rest[0])),
                   "negotiate": lambda: self.target.negotiate(),
                   "upgrade": self.upgrade}
        try:
            actions[verb]()
        except (JudgeError, KeyError) as error:
            print(f"iscsi_judge: {words}: {error!r}", flush=True)
            return f"failed: {type(error).__name__}"
        return "done"

    def upgrade(self):
        print(f"iscsi_judge: {self.target.upgrade()}", flush=True)

    def crash(self):
        self.target.kill()
        self.target.start()


def environment(target, kind):
    values = {"IQN": target.iqn, "PORTAL": f"10.0.2.2:{target.port}",
              "BLOCKS": SIZE // 512, "LUN": target.first_lun, "EXTRA_LUN": target.first_lun + 4,
              "CHAP_USER": CHAP[0], "CHAP_SECRET": CHAP[1], "MUTUAL_USER": CHAP[2], "MUTUAL_SECRET": CHAP[3],
              "CHAP_ALGORITHMS": "SHA1,MD5" if kind == "tgt" else "SHA3-256,SHA256,SHA1,MD5", "LACKS": LACKS[kind]}
    return "".join(f"{name}='{value}'\n" for name, value in values.items()).encode()


def judge(options):
    with open(os.path.join(HERE, f"iscsi_{options.script}.sh"), encoding="utf-8") as script, \
            open(os.path.join(HERE, "lib.sh"), "rb") as library, \
            open(os.path.join(HERE, "sg_lib.sh"), "rb") as sg_library, \
            make_target(options.target, options.backend, options.bin_dir) as target:
        target.create_lu("disk", SIZE)
        target.create_lu("extra", SIZE)
        target.add_lun(target.first_lun, "disk")
        target.set_chap(*CHAP)
        files = {"lib.sh": library.read(), "sg_lib.sh": sg_library.read(), "env": environment(target, options.target)}
        guest = Guest(script.read(), files, Answers(target))
        try:
            status, transcript = guest.run(options.seconds)
        except GuestError as error:
            raise GuestError(f"{error}\ntarget's log:\n{target.log()[-4000:]}") from error
        if status != 0 or options.verbose:
            print(transcript, end="")
        if status != 0:
            print(f"target's log:\n{target.log()[-4000:]}")
        target.stop()
        faults = target.faults(ANNOUNCED.get(options.script, ()))
        print("".join(f"the target logged: {line}\n" for line in faults), end="")
        return status or int(bool(faults))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", choices=("filesystem", "sg", "changes", "restart", "upgrade"))
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--backend", choices=("ram", "file"), default="file")
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--verbose", action="store_true", help="print the console even when all is well")
    options = parser.parse_args()
    status = judge(options)
    print(f"iscsi_{options.script}: {'passed' if status == 0 else f'failed with {status}'}")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (JudgeError, GuestError) as error:
        sys.exit(f"iscsi_judge: {error}")
