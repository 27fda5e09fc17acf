#!/usr/bin/env python3
# Figures 3 and 4: the rows of docs/answers/faults.md and the published bugs of tests/conformance/coverage.py, each with the
# verdict of all tests that it names, from the JUnit files of a run of ctest:
#   ctest --test-dir build/dev --output-junit FILE --test-output-size-passed 100000000
# or, for a part of them, from what test programs and run.py have printed (--log).
import argparse
import collections
import os
import pathlib
import re
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "conformance"), os.path.join(ROOT, "tests", "layout")]

import coverage  # noqa: E402
from answers import rows  # noqa: E402

GOOGLE = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (?:\w+/)?(\w+?)(?:/\d+)?\.(\w+?)(?:/\w+)? \(", re.M)
PYTHON = re.compile(r"^(ok|FAIL|skip) +(?:(?:\w+) +)?(\w+) +\(?\d", re.M)
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
WORDS = {"OK": PASSED, "ok": PASSED, "FAILED": FAILED, "FAIL": FAILED, "SKIPPED": SKIPPED, "skip": SKIPPED}


def verdicts_of(paths, logs):
    """{name of a test: verdict}, and where it was: "in process", "sockets", "guest" or "fuzz"."""
    verdicts, places = {}, {}

    def note(name, verdict, place):
        if verdicts.get(name) != FAILED:
            verdicts[name], places[name] = verdict, place

    def note_output(output, place):
        found = GOOGLE.findall(output)
        for word, suite, test in found:
            note(f"{suite}.{test}", WORDS[word], "in process")
        for word, test in PYTHON.findall(output):
            note(test, WORDS[word], place)
        return bool(found)

    for path in logs:
        note_output(pathlib.Path(path).read_text(encoding="utf-8", errors="replace"), "sockets")
    for path in paths:
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            name, output = case.get("name"), case.findtext("system-out") or ""
            verdict = {"run": PASSED, "fail": FAILED}.get(case.get("status"), SKIPPED)
            place = "guest" if name.startswith(("guest_", "package")) else "sockets"
            note(name, verdict, "in process" if note_output(output, place) else place)
            if output.startswith("fuzz "):  # the last line of tests/fuzz/run.sh
                note("harness:" + name, verdict, "fuzz")
    return verdicts, places


def judged(names, verdicts):
    """(verdict, tests that were run, names of which none was)."""
    ran, missing = [], []
    for name in names:
        found = coverage.matching(name, [each for each in verdicts if verdicts[each] != SKIPPED])
        ran += found
        if not found:
            missing.append(name)
    if any(verdicts[name] == FAILED for name in ran):
        return FAILED, ran, missing
    return ("not run" if not ran else "partly run" if missing else PASSED), ran, missing


def fault_rows():
    for _, cells in rows(pathlib.Path(ROOT) / "docs/answers/faults.md"):
        if re.fullmatch(r"F\d{3}", cells[0]):
            yield cells[0], re.findall(r"`([^`]+)`", cells[-1]), cells[-1]


def bug_rows():
    for table, bug, *tests in coverage.BUGS:
        if tests[0] is not None:
            names = [re.sub("^(unit|ctl|ctest):", "", test) for test in tests if not test.startswith("note:")]
            yield f"{table} {bug}", names, ""


def tell(title, table, verdicts, places):
    counts, by_place = collections.Counter(), collections.Counter()
    for row, names, text in table:
        verdict, ran, missing = judged(names, verdicts) if names else ("no test", [], [])
        counts[verdict] += 1
        for place in {places[name] for name in ran} if verdict in (PASSED, "partly run") else ():
            by_place[place] += 1
        if verdict != PASSED:
            print(f"{row}: {verdict}; {'not run: ' + ', '.join(missing) if missing else text}")
    print(f"{title}: {sum(counts.values())} rows: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    print("  rows with a test, by where it ran: " + ", ".join(f"{count} {place}" for place, count in by_place.items()))
    return counts[FAILED]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", action="append", default=[], help="of a run of ctest; may be given again")
    parser.add_argument("--log", action="append", default=[], help="what a test program printed; may be given again")
    options = parser.parse_args()
    verdicts, places = verdicts_of(options.junit, options.log)
    failed = tell("published bugs", bug_rows(), verdicts, places)
    aside = sum(tests[0] is None for _, _, *tests in coverage.BUGS)
    print(f"  beside these, {aside} rows are not concerned: their reasons are in coverage.py")
    failed += tell("fault cases", fault_rows(), verdicts, places)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
