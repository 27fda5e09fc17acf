#!/usr/bin/env python3
# Holds the reader of iscsi-test-cu's output against the forms that the program prints.
import unittest

from cu_output import FAILED, PASSED, SKIPPED, UNFINISHED, read_list, read_output
from test_cu import verdict

HEAD = "\n     CUnit - A unit testing framework for C\n\nSuite: S\n"


def summary(ran, failed):
    return ("\nRun Summary:    Type  Total    Ran Passed Failed Inactive\n"
            f"    tests      {ran}      {ran}      {ran - failed}      {failed}        0\n")


def results(text, tests):
    return {name: outcome.result for name, outcome in read_output(HEAD + text, tests).items()}


class CuOutput(unittest.TestCase):
    def test_words_of_cunit_become_results(self):
        text = ("  Test: A ...passed\n  Test: B ...    [SKIPPED] X is not implemented.\n    [SKIPPED] again\npassed\n"
                "  Test: C ...    [FAILED] WRITE10 failed\nFAILED\n    1. c.c:1  - CU_ASSERT(x)\n") + summary(3, 1)
        self.assertEqual(results(text, ["A", "B", "C"]), {"A": PASSED, "B": SKIPPED, "C": FAILED})

    def test_a_failure_with_a_skip_line_is_a_failure(self):
        text = "  Test: A ...    [SKIPPED] X\n    [FAILED] Y\nFAILED\n    1. a.c:1  - CU_ASSERT(x)\n" + summary(1, 1)
        self.assertEqual(results(text, ["A"]), {"A": FAILED})

    def test_what_the_clean_up_says_is_no_part_of_the_last_test(self):
        text = "  Test: A ...    said\npassed    Send PRIN\n    [SKIPPED] PERSISTENT RESERVE IN is not implemented.\n"
        text += summary(1, 0)
        self.assertEqual(results(text, ["A"]), {"A": PASSED})

    def test_a_run_that_was_cut_off_leaves_tests_unfinished(self):
        text = "  Test: A ...passed\n  Test: B ...    waiting\nended by signal 9"
        self.assertEqual(results(text, ["A", "B", "C"]), {"A": PASSED, "B": UNFINISHED, "C": UNFINISHED})

    def test_a_summary_that_disagrees_is_not_believed(self):
        self.assertEqual(results("  Test: A ...passed\n" + summary(1, 1), ["A"]), {"A": UNFINISHED})

    def test_no_output_is_unfinished(self):
        self.assertEqual(results("Failed to connect to SCSI device 0\n", ["A"]), {"A": UNFINISHED})

    def test_only_family_all_is_listed(self):
        self.assertEqual(read_list("ALL\nALL.S\nALL.S.A\nSCSI.S\nSCSI.S.A\n"), {"S": ["A"]})

    def test_verdict_names_each_breach(self):
        outcomes = {f"S.{name}": outcome for name, outcome in read_output(
            HEAD + "  Test: A ...passed\n  Test: B ...    [SKIPPED] X\npassed\n" + summary(2, 0), ["A", "B"]).items()}
        self.assertEqual(verdict(outcomes, {"S.B": "later"}, True), [])
        self.assertEqual(len(verdict(outcomes, {}, True)), 1)  # a skip that is not listed
        self.assertEqual(len(verdict(outcomes, {"S.A": "x", "S.B": "x"}, True)), 1)  # a listed one that ran
        self.assertEqual(len(verdict(outcomes, {"S.B": "x", "S.C": "x"}, True)), 1)  # a listed one that does not exist


if __name__ == "__main__":
    unittest.main()
