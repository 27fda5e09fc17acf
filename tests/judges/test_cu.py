#!/usr/bin/env python3
# Runs every suite of libiscsi's iscsi-test-cu, one process per suite, and holds the outcome against the list of skips.
import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time

import cu_output
from cu_output import FAILED, PASSED, SKIPPED, UNFINISHED
from target import KINDS, JudgeError, make_target, run_tool, with_us

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 64 << 20  # under 1 GiB, or the READ(6) tests pass without looking
MOST_SKIPS = 20
MOST_OUTPUT = 64 << 20

# The unit that a suite asks for. 'coarse' has 4096-byte physical blocks: a few tests of these suites skip without.
UNIT_OF = {"NoMedia": "removable", "StartStopUnit": "removable", "PreventAllow": "removable", "ReadOnly": "protected",
           "CompareAndWrite": "coarse", "WriteSame10": "coarse", "WriteSame16": "coarse"}
UNITS = {"plain": {}, "removable": {"removable": True}, "protected": {"write_protected": True},
         "coarse": {"physical_block": 4096}}
# These say that they skip only when asked to be verbose.
VERBOSE = {"NoMedia", "StartStopUnit"}
# A suite is one process, except where a test leaves a unit attention on the second path that a later one does not
# expect (LOGICAL UNIT RESET must leave it): patterns of test names, one process each.
PROCESSES = {"PreventAllow": ("[!2]*", "2ITNexuses")}
# What a suite needs more than one URL for; over one it has nothing to run.
NEEDS_TWO_URLS = {"MultipathIO"}


def read_skips(path):
    """The expected skips: `Suite.Test: reason` a line; # begins a comment."""
    skips = {}
    with open(path, encoding="utf-8") as text:
        for line in text:
            line = line.split("#")[0].strip()
            if line:
                name, reason = line.split(":", 1)
                skips[name.strip()] = reason.strip()
    return skips


def run_process(suite, tests, urls, seconds):
    """Runs the suite's tests that match the pattern in one process; returns what it printed and why it was ended."""
    argv = ["stdbuf", "-oL", "iscsi-test-cu", "--dataloss", *(["--Verbose-scsi"] if suite in VERBOSE else []),
            "-t", f"ALL.{suite}.{tests}", *urls]
    why = ""
    with tempfile.TemporaryFile() as output:  # a file, since a test that loops prints without end
        process = subprocess.Popen(with_us(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            if time.monotonic() > deadline or os.fstat(output.fileno()).st_size > MOST_OUTPUT:
                why = f"\nended by the judge after {seconds - deadline + time.monotonic():.0f} s of {seconds}"
                process.kill()
                process.wait()
            time.sleep(0.01)
        if process.returncode < 0 and not why:
            why = f"\nended by signal {-process.returncode}"
        output.seek(0)
        return output.read(2 * MOST_OUTPUT).decode(errors="replace") + why


def run_suite(suite, tests, urls, seconds):
    """Runs one suite; returns its outcomes by test name and everything it printed."""
    outcomes, text = {}, ""
    for pattern in PROCESSES.get(suite, ("*",)):
        output = run_process(suite, pattern, urls, seconds)
        outcomes.update(cu_output.read_output(output, fnmatch.filter(tests, pattern)))
        text += output
    return outcomes, text


def prepare(target):
    """Creates and maps one unit of each kind; returns kind -> LUN."""
    luns = {}
    for lun, (kind, options) in enumerate(UNITS.items(), start=target.first_lun):
        target.create_lu(kind, SIZE, **options)
        target.add_lun(lun, kind)
        luns[kind] = lun
    return luns


def run_all(target, luns, suites, paths, options):
    """Runs the suites over the given number of paths; returns 'Suite.Test' -> Outcome and prints a line a suite."""
    outcomes = {}
    for suite, tests in suites.items():
        if paths == 1 and suite in NEEDS_TWO_URLS:
            continue
        url = target.url(luns[UNIT_OF.get(suite, "plain")])
        result, output = run_suite(suite, tests, [url] * paths, options.seconds)
        counts = collections.Counter(outcome.result for outcome in result.values())
        print(f"{suite:24} {paths} URL  " + "  ".join(f"{counts[word]:3} {word}" for word in
                                                      (PASSED, FAILED, SKIPPED, UNFINISHED)), flush=True)
        for test, outcome in result.items():
            outcomes[f"{suite}.{test}"] = outcome
            if outcome.result in (FAILED, UNFINISHED):
                print(f"    {suite}.{test}: {outcome.result}: " + " | ".join(outcome.notes[:4]))
        if options.keep and (counts[FAILED] or counts[UNFINISHED]):
            os.makedirs(options.keep, exist_ok=True)
            with open(os.path.join(options.keep, f"{suite}.{paths}"), "w", encoding="utf-8") as kept:
                kept.write(output)
        if target.process.poll() is not None:
            raise JudgeError(f"the target ended with {target.process.returncode} during {suite}")
    return outcomes


def verdict(outcomes, expected, whole):
    """The complaints about one run: failures, unfinished, unlisted or too many skips, listed ones that ran."""
    skipped = {name: outcome for name, outcome in outcomes.items() if outcome.result == SKIPPED}
    complaints = [f"{name}: {outcome.result}" for name, outcome in outcomes.items()
                  if outcome.result in (FAILED, UNFINISHED)]
    complaints += [f"{name}: skipped ({' '.join(outcome.notes)}) but not in the list"
                   for name, outcome in skipped.items() if name not in expected]
    complaints += [f"{name}: in the list of skips ({reason}), but it was {outcomes[name].result}"
                   for name, reason in expected.items() if name in outcomes and name not in skipped]
    complaints += [f"{name}: in the list of skips, but there is no such test"
                   for name in expected if whole and name not in outcomes and name.split(".")[0] not in NEEDS_TWO_URLS]
    if len(skipped) > MOST_SKIPS:
        complaints.append(f"{len(skipped)} skips; at most {MOST_SKIPS} are allowed")
    return complaints


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=KINDS, default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--backend", choices=("ram", "file"), default="ram")
    parser.add_argument("--urls", type=int, choices=(1, 2), action="append", help="paths (default: 1 and then 2)")
    parser.add_argument("--suite", action="append", help="only these suites")
    parser.add_argument("--seconds", type=int, default=120, help="limit of one suite")
    parser.add_argument("--skips", default=os.path.join(HERE, "test_cu_skips.txt"))
    parser.add_argument("--measure", action="store_true", help="only count (a peer): exit 0 whatever the counts")
    parser.add_argument("--keep", help="a folder for the whole output of suites with failures")
    parser.add_argument("--json", help="a file for the counts")
    return parser.parse_args()


def main():
    options = parse_arguments()
    suites = cu_output.read_list(run_tool(["iscsi-test-cu", "-l"]))
    if options.suite:
        suites = {name: suites[name] for name in options.suite}
    expected, complaints, table = read_skips(options.skips), [], {}
    with make_target(options.target, options.backend, options.bin_dir) as target:
        luns = prepare(target)
        for paths in options.urls or (1, 2):
            outcomes = run_all(target, luns, suites, paths, options)
            table[paths] = collections.Counter(outcome.result for outcome in outcomes.values())
            complaints += [f"over {paths} URL: {line}" for line in verdict(outcomes, expected, not options.suite)]
        complaints += [f"logged: {line}" for line in target.faults()]
    print(f"\niscsi-test-cu against {options.target} ({options.backend})")
    for paths, counts in table.items():
        print(f"  over {paths} URL: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped, "
              f"{counts[UNFINISHED]} unfinished, of {sum(counts.values())}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(table, out, indent=1)
    if options.measure:
        return 0
    for line in complaints:
        print("complaint:", line)
    return 1 if complaints else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"test_cu: {error}")
