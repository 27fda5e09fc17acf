#!/usr/bin/env python3
"""Runs conformance suites, or single tests by name, against a target and prints one line per item."""

import argparse
import fnmatch
import importlib
import os
import re
import signal
import sys
import time
import traceback
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import coverage  # noqa: E402
import fixture as fixtures  # noqa: E402
from suites.case import Case  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SUITES = sorted(name[:-3] for name in os.listdir(os.path.join(HERE, "suites"))
                if name.endswith(".py") and name != "__init__.py" and not name.endswith("case.py"))


class TooLong(Exception):
    """One test took longer than its limit."""


class Result(unittest.TestResult):
    """One line per item, the trace of the connections under a failure, counts per suite."""

    def __init__(self, suite, announced, limit, verbose):
        super().__init__()
        self.suite, self.announced, self.limit, self.verbose = suite, announced, limit, verbose
        self.counts, self.verdicts = {"passed": 0, "failed": 0, "skipped": 0}, {}
        signal.signal(signal.SIGALRM, self._too_long)

    def _too_long(self, *_):
        raise TooLong(f"the test took longer than {self.limit} s")

    def startTest(self, test):
        super().startTest(test)
        self.started, self.verdict, self.reason = time.monotonic(), "passed", ""
        signal.setitimer(signal.ITIMER_REAL, self.limit)

    def addError(self, test, err):
        self._failed(err)

    def addFailure(self, test, err):
        self._failed(err)

    def addSkip(self, test, reason):
        self.verdict, self.reason = "skipped", reason

    def _failed(self, err):
        self.verdict = "failed"
        frames = [f for f in traceback.extract_tb(err[2]) if "/suites/" in f.filename]
        place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
        self.reason = f"{err[0].__name__}: {err[1]}{place}"
        if self.verbose:
            self.reason += "\n" + "".join(traceback.format_exception(*err))

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not Case.fixture.alive():
            self.verdict, self.reason = "failed", f"the target process is gone. {self.reason}"
        elif faults := Case.fixture.faults(self.announced):
            self.verdict, self.reason = "failed", f"{self.reason} the target logged, unannounced: " + "; ".join(faults)
        self.counts[self.verdict] += 1
        self.verdicts[name_of(test)] = self.verdict
        mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[self.verdict]
        seconds = time.monotonic() - self.started
        print(f"{mark} {self.suite:20s} {name_of(test)}  {seconds:.2f}s{'  # ' + self.reason if self.reason else ''}",
              flush=True)
        if self.verdict == "failed":
            for wire in getattr(test, "wires", [])[-2:]:
                print(f"    connection {wire.number}:\n{wire.history(None if self.verbose else 6)}")
        super().stopTest(test)


def name_of(test):
    return test.id().rsplit(".", 1)[1].removeprefix("test_")


def natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def announced_by(suite):
    """What the target may log during a suite: expressions, its module's ANNOUNCED."""
    return getattr(importlib.import_module(f"suites.{suite}"), "ANNOUNCED", ())


def tests_of(suite):
    module = importlib.import_module(f"suites.{suite}")
    found = []
    for case in vars(module).values():
        if isinstance(case, type) and issubclass(case, Case) and case.__module__ == module.__name__:
            found += [case(name) for name in unittest.TestLoader().getTestCaseNames(case)]
    return sorted(found, key=lambda test: natural(name_of(test)))


def chosen(names):
    """{suite: tests}: whole suites by name, tests by name or pattern; everything when no name is given."""
    picked = {}
    for suite in SUITES:
        for test in tests_of(suite):
            name = name_of(test)
            if not names or suite in names or any(fnmatch.fnmatch(name, n) or name.startswith(n + "_") for n in names):
                picked.setdefault(suite, []).append(test)
    return picked


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="suites or tests (patterns allowed); all of them by default")
    parser.add_argument("--bin-dir", help="start outboardd of this folder, and tgtctl beside it")
    parser.add_argument("--tgt", action="store_true", help="start Debian's tgtd instead")
    parser.add_argument("--target", metavar="HOST:PORT", help="use a target that runs already; DATA ON IT IS LOST")
    parser.add_argument("--iqn", help="its target name")
    parser.add_argument("--lun", type=int, default=0)
    parser.add_argument("--mib", type=int, default=64, help="the size of that logical unit")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds a test may take")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--table", action="store_true", help="print the tables of coverage.py with the verdicts")
    parser.add_argument("-v", "--verbose", action="store_true", help="Python tracebacks under failures")
    return parser.parse_args()


def make_fixture(options):
    if options.target:
        host, _, port = options.target.rpartition(":")
        return fixtures.External((host.strip("[]"), int(port)), options.iqn, options.lun, options.mib)
    if options.tgt:
        return fixtures.Tgt()
    if options.bin_dir:
        return fixtures.Outboard(options.bin_dir)
    sys.exit("say which target: --bin-dir FOLDER, --tgt, or --target HOST:PORT --iqn NAME")


def stop(fixture, announced):
    """False when the target did not end as it should."""
    try:
        fixture.stop(announced)
    except (fixtures.JudgeError, OSError) as error:
        print(f"FAIL the end of the target: {error}")
        return False
    return True


def main():
    options = arguments()
    picked = chosen(options.names)
    if not picked:
        sys.exit("no test has such a name")
    if options.list:
        for suite, tests in picked.items():
            for test in tests:
                print(suite, name_of(test))
        return 0
    Case.fixture = make_fixture(options)
    totals, verdicts = {"passed": 0, "failed": 0, "skipped": 0}, {}
    table, announced, before = [], (), ()
    try:
        for suite, tests in picked.items():
            announced, before = announced_by(suite) + before, announced_by(suite)  # a line may come late
            result = Result(suite, announced, options.limit, options.verbose)
            for test in tests:
                test.run(result)
                if not Case.fixture.alive():
                    stop(Case.fixture, announced)
                    Case.fixture = make_fixture(options)
            table.append((suite, result.counts))
            verdicts.update(result.verdicts)
            for verdict in totals:
                totals[verdict] += result.counts[verdict]
    finally:
        totals["failed"] += not stop(Case.fixture, announced)
    print(f"\n{'suite':22s} passed failed skipped")
    for suite, counts in table:
        print(f"{suite:22s} {counts['passed']:6d} {counts['failed']:6d} {counts['skipped']:7d}")
    if options.table:
        coverage.print_tables([name_of(test) for suite in SUITES for test in tests_of(suite)], verdicts)
    print(f"\n{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
