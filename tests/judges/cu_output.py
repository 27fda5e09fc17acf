# Reads what one process of iscsi-test-cu printed: which tests passed, failed, were skipped or did not finish.
import re

PASSED, FAILED, SKIPPED, UNFINISHED = "passed", "FAILED", "skipped", "UNFINISHED"

TEST_LINE = re.compile(r"^  Test: (\S+) \.\.\.(.*)$")
SKIP_LINE = re.compile(r"\[SKIPPED\]\s*(.*)")
TOTAL_LINE = re.compile(r"^\s+tests\s+\d+\s+(\d+)\s+(\d+)\s+(\d+)")


class Outcome:
    """The result of one test with the lines that explain it."""

    def __init__(self, result, notes):
        self.result = result
        self.notes = notes


def split_by_test(text):
    """Yields (test, lines) for each test that was begun, in order."""
    name, lines = None, []
    for line in text.splitlines():
        begun = TEST_LINE.match(line)
        if begun or line.startswith("Run Summary"):
            if name is not None:
                yield name, lines
            name, lines = (begun.group(1), [begun.group(2)]) if begun else (None, [])
        elif name is not None:
            lines.append(line)
    if name is not None:
        yield name, lines


def judge_test(lines):
    """CUnit's word begins a line; before it stands what the test said, after it what the clean-up of the suite says."""
    end = next((i for i, line in enumerate(lines) if line.startswith(("passed", "FAILED"))), None)
    if end is None:
        return Outcome(UNFINISHED, [line.strip() for line in lines if line.strip()][-3:])
    if lines[end].startswith("FAILED"):
        told = [line.strip() for line in lines if "[FAILED]" in line or re.match(r"^\s+\d+\. ", line)]
        return Outcome(FAILED, told)
    skips = [found.group(1) for found in (SKIP_LINE.search(line) for line in lines[:end]) if found]
    return Outcome(SKIPPED, skips[:1]) if skips else Outcome(PASSED, [])


def read_output(text, tests):
    """Maps each of the suite's tests to its Outcome; what is missing from the output did not finish."""
    outcomes = {name: judge_test(lines) for name, lines in split_by_test(text)}
    missing = Outcome(UNFINISHED, [line.strip() for line in text.splitlines() if line.strip()][-2:])
    result = {test: outcomes.get(test, missing) for test in tests}
    totals = [TOTAL_LINE.match(line) for line in text.splitlines() if TOTAL_LINE.match(line)]
    failed = sum(outcome.result == FAILED for outcome in result.values())
    if totals and (int(totals[-1].group(1)), int(totals[-1].group(3))) != (len(tests), failed):
        for outcome in result.values():  # our reading and CUnit's own summary disagree: trust neither
            outcome.result = UNFINISHED
            outcome.notes = ["the summary says " + " ".join(totals[-1].group(0).split())]
    return result


def read_list(text):
    """The suites of family ALL with their tests, from `iscsi-test-cu -l`."""
    suites = {}
    for line in text.splitlines():
        parts = line.strip().split(".")
        if parts[0] == "ALL" and len(parts) == 2:
            suites[parts[1]] = []
        elif parts[0] == "ALL" and len(parts) == 3:
            suites[parts[1]].append(parts[2])
    return suites
