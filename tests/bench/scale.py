#!/usr/bin/env python3
"""What idle things cost: memory of 10,000 logical units and 1,000 sessions, CPU of an idle daemon, system calls per
command under load, and whether the fast path stays fast beside them. --smoke: a tenth of the sessions, slack for the
speed."""
import sys
import threading
import time

import measure
from options import Options
from outboard import Outboard
from process import cpu_seconds, memory
from rawiscsi.session import Session

SIZE = 64 << 20


class Scale:
    def __init__(self, options, target, bare):
        self.options, self.target, self.bare = options, target, bare
        self.pid = target.process.pid
        self.failed = []

    def report(self, what, value, limit, unit):
        print(f"{what:44} {value:12.3f} {unit:8} limit {limit}", flush=True)
        if value > limit:
            self.failed.append(what)

    def report_least(self, what, measured, limit, unit):
        """Of up to five measurements: what else runs here only adds to a figure of time, and a load generator that is
        held up leaves fewer commands to be taken together."""
        values = [measured()]
        while values[-1] > limit and len(values) < 5:
            values.append(measured())
        if len(values) > 1:
            print(f"{what}: {len(values)} times: " + ", ".join(f"{value:.3f}" for value in values), flush=True)
        self.report(what, min(values), limit, unit)

    def idle_cpu(self):
        before = cpu_seconds(self.pid)
        time.sleep(self.options.idle)
        return 100 * (cpu_seconds(self.pid) - before) / self.options.idle

    def load(self, target, seconds, *arguments):
        return measure.load(self.options.bin_dir, target, 1, ["--depth", "32", *arguments], seconds, SIZE)

    def system_calls(self, *arguments):
        """Per command, in the middle of a run."""
        figures = {}
        runner = threading.Thread(target=lambda: figures.update(self.load(self.target, 3, *arguments)))
        runner.start()
        time.sleep(1)
        calls = measure.system_calls(self.pid, 1)
        runner.join()
        return calls / figures["iops"]

    def slower(self):
        """Per cent, against a daemon without the crowd, in turns; the best of each, which other programs hurt least."""
        speeds = {self.bare: [], self.target: []}
        for _ in range(self.options.runs):
            for target, figures in speeds.items():
                figures.append(self.load(target, self.options.seconds)["iops"])
        bare, crowded = (max(figures) for figures in speeds.values())
        return 100 * (1 - crowded / bare)

    def log_in(self, count):
        return [Session(("127.0.0.1", self.target.port), self.target.iqn, f"iqn.2026-01.test.scale:{i}")
                for i in range(count)]

    def idle(self):
        self.report_least("idle daemon", self.idle_cpu, 1.0, "% CPU")
        # Where the load generator is the slower end, as it is with large writes, its commands come one by one.
        for what, arguments in (("4k read, 1 x 32", []), ("4k read, 4 x 32", ["--connections", "4"]),
                                ("512 byte write, 4 x 32", ["--connections", "4", "--write", "--block", "512"])):
            self.report_least("system calls per " + what, lambda: self.system_calls(*arguments), 0.3, "")

    def crowd(self):
        units, count = self.options.units, self.options.sessions
        before = memory(self.pid, "RssAnon")
        self.target.apply_units(units, 1 << 30)
        time.sleep(0.5)  # for what the change itself took to be given back
        self.report(f"{units} logical units, each", (memory(self.pid, "RssAnon") - before) / units / 1024, 4, "KiB")
        before = memory(self.pid, "RssAnon")
        sessions = self.log_in(count)
        self.report(f"{count} idle sessions, each", (memory(self.pid, "RssAnon") - before) / count / 1024, 64, "KiB")
        self.report_least("fast path slower beside them", self.slower, self.options.slower, "%")
        self.report_least("idle daemon with them", self.idle_cpu, 1.0, "% CPU")
        for session in sessions:
            session.close(reset=True)


def make(options):
    target = Outboard(options.bin_dir / "ctl", "ram", ["--cores", str(measure.TARGET_CORE)])
    target.core = measure.TARGET_CORE
    return target


def prepare(options, target):
    target.create_lu("disk", SIZE)
    target.add_lun(1, "disk")
    measure.fill(options.bin_dir, target, 1, SIZE)


def main():
    known = Options(__doc__, runs=9, seconds=1.0, smoke=(5, 0.4))
    known.add("--units", type=int, default=10000)
    known.add("--sessions", type=int, default=1000)
    options = known.read()
    options.idle, options.slower = 5, 5
    if options.smoke:
        options.sessions //= 10  # all units, though: of a tenth, what the change itself took would be a tenth of each
        options.idle, options.slower = 3, 25
    target, bare = make(options), make(options)
    with target, bare:
        prepare(options, target)
        prepare(options, bare)
        scale = Scale(options, target, bare)
        scale.idle()
        scale.crowd()
    if scale.failed:
        print("out of bounds: " + "; ".join(scale.failed))
    return 1 if scale.failed else 0


if __name__ == "__main__":
    sys.exit(main())
