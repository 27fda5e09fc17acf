"""What the tests answer for: the 82 UNH-IOL full feature items, their other lists (unh_lists.py), and the published
bugs of LIO (A), of tgt, IET and SCST (D), of SPDK (E), and of vhost-user and vfio-user servers (G). run.py --table
prints it with the verdicts of the run; selftest.py holds the names against the suites."""

import re

import unh_lists

UNH_ITEMS = ("1.1 1.2 1.3 2.1 3.1 4.1 5.1 6.1 7.1 7.2 8.1 8.2 9.1 9.2 9.3.1 9.3.2 9.3.3 9.4 9.5 10.1 11.1 11.2.1 "
             "11.2.2 11.2.3 11.3.1 11.3.2 11.3.3 11.4 11.5 12.1 12.2 12.3 12.4 13.1 13.2 13.3 14.1 14.2 14.3 "
             "15.1.1 15.1.2 15.1.3 15.1.4 15.1.5 15.1.6 15.2 15.3 16.1 16.2 16.3.1 16.3.2 16.3.3 16.3.4 16.3.5 "
             "16.3.6 16.3.7 16.4.1 16.4.2 16.5 17.1.1 17.1.2 17.2.1 17.2.2 17.3.1 17.3.2 17.3.3 17.3.4 17.3.5 "
             "17.4.1 17.4.2 17.5 17.6 17.7.1 17.7.2 17.7.3 17.8.1 17.8.2 17.8.3 18.1.1 18.2.1 18.2.2 19.1").split()

# Judged at this level, and at level 0 on what the target must answer there.
HIGHER_LEVEL = {**dict.fromkeys(("11.2.1", "11.2.2", "11.2.3"), "level 2"),
                **dict.fromkeys(("12.1", "12.2", "12.3", "12.4", "14.2", "14.3", "18.2.1", "18.2.2"), "level 1")}
ADAPTED = {"5.1": "at level 0, where the target may retry or close",
           "6.1": "two sessions; two connections: suite connections",
           "11.3.2": "one connection; two: mcs_reset_waits_*", "13.1": "two sessions; two connections: mcs_logout_*",
           "13.2": "two sessions; two connections: mcs_logout_*",
           "13.3": "two sessions; two connections: mcs_logout_*"}

# (table, bug, what tests it; or the reason why it does not concern us). Tests of this client, or "unit:" one of
# GoogleTest, "ctl:" a function of tests/ctl, "ctest:" an entry, "harness:" one of tests/fuzz; "note:" says what is
# not tested.
BUGS = (
    ("A", "CVE-2013-2850 long unknown keys", "cve_2013_2850_*", "unit:LoginTest.LongKeyNamesAreRefused"),
    ("A", "CVE-2018-14633 CHAP_R overflow", "cve_2018_14633_*", "chap_r_in_bad_encodings",
     "unit:DecodeBinary.HexOfEveryLengthIsTakenOrRefusedOnLength"),
    ("A", "CVE-2026-63886 CHAP_R in base64", "cve_2026_63886_*",
     "unit:DecodeBinary.Base64OfEveryLengthIsTakenOrRefusedOnLength"),
    ("A", "CVE-2026-63887 2048 keys", "cve_2026_63887_*", "unit:LoginTest.ManyKeysAreRefusedBeforeTheAnswerGrows"),
    ("A", "CVE-2026-90011 text without NUL", "cve_2026_90011_*",
     "unit:LoginTest.TextWithoutItsNulIsRefusedAtEveryLength"),
    ("A", "text request with a bad data digest", "f069_1_*"),
    ("A", "CVE-2026-99206 discovery settings flip", "cve_2026_99206_*"),
    ("A", "CVE-2022-50350 login in pieces", "cve_2022_50350_*"),
    ("A", "CVE-2025-38075 NOP-In timer", "cve_2025_38075_*", "f074_1_*"),
    ("A", "CVE-2026-23193 session lifetime", "cve_2026_23193_*"),
    ("A", "CVE-2023-54184 connection lost with writes open", "cve_2023_54184_*"),
    ("A", "CVE-2023-53586 two LUN RESETs", "f048_*", "f047_*"),
    ("A", "CVE-2024-26845 ABORT TASK, then LUN RESET", "cve_2024_26845_*"),
    ("A", "CVE-2026-97951 LUN RESET while data is awaited", "cve_2026_97951_*"),
    ("A", "tcm_loop target reset before commands stopped", "ffp_11_4_*", "ffp_11_5_*", "f047_lun_reset_*", "f050_*"),
    ("A", "CVE-2020-28374, CVE-2021-3139 XCOPY to a stranger", "cve_2020_28374_*"),
    ("A", "CVE-2021-47290 XCOPY completion", None, "there is no EXTENDED COPY yet"),
    ("A", "CVE-2022-21546 WRITE SAME with NDOB", "cve_2022_21546_*"),
    ("A", "CVE-2026-53021 UNMAP that wraps", "cve_2026_53021_*", "bounds_unmap_*"),
    ("A", "CVE-2025-68782 long CDB without memory", "f067_2_extended_cdbs_of_17_to_260_bytes", "f067_1_*",
     "note:no allocation is made to fail"),
    ("A", "CVE-2024-50153 and others, admin interface", "ctl:garbage_and_silence_do_not_disturb", "harness:rpc",
     "harness:config", "harness:import", "unit:Json.DepthIsLimitedBeforeParsing"),
    ("A", "CVE-2011-5327 tcm_loop index", None, "there is no loop-back port"),
    ("A", "CVE-2014-4027 RAM disk tells old memory", "cve_2014_4027_*"),
    ("A", "CVE-2024-26760 pass-through frees wrongly", None, "there is no pass-through backstore"),
    ("A", "CVE-2022-49053 tcmu ring", None, "there is no backstore in another process"),
    ("A", "CVE-2025-38399 SPEC_I_PT", "cve_2025_38399_*", "f038_*", "f037_register_and_move_malformed"),
    ("A", "CVE-2026-72084 TransportID without separator", "cve_2026_72084_*",
     "unit:ReserveParameters.MalformedTransportIdIsRefusedAtItsByte"),
    ("A", "ISID use after free in REGISTER AND MOVE", "f037_register_and_move"),
    ("A", "wrong identifiers in READ FULL STATUS", "pr_full_status_names_what_was_registered"),
    ("A", "hexadecimal CHAP_I, comparison in constant time", "chap_i_*", "chap_each_bit_of_the_digest_counts",
     "note:the time itself is not measured"),
    ("A", "reflected CHAP_C", "f095_*", "unit:ChapTest.OurOwnChallengeSentBackFailsOnThisAndOnAnyOtherLogin"),
    ("D", "CVE-2024-45751 challenges repeat", "cve_2024_45751_*", "unit:ChapTest.ChallengesNeverRepeat",
     "note:over 5 restarts, not 1000"),
    ("D", "CVE-2011-0001 first PDU too long", "cve_2011_0001_*"),
    ("D", "CVE-2010-2221, CVE-2010-0743 iSNS", "unit:IsnsMessage.AttributesThatDoNotFitAreSeen",
     "unit:IsnsMessage.StreamsThatBreakTheRulesEnd", "unit:IsnsClient.QuestionsThatBreakTheRulesAreNotAnswered",
     "harness:isns"),
    ("D", "tgt 8115bab many targets", "tgt_8115bab_*"),
    ("D", "tgt 7bb239b, 71f3bc9, 01461ee, faa3bcb, 45ae7f2 lifetime", "f049_*", "f074_1_*", "cve_2007_20001_*",
     "f022_1_*"),
    ("D", "tgt 1.0.85 residuals", "tgt_residual_canaries_*"),
    ("D", "SCST f9de3f416 vendor opcodes", "scst_vendor_opcodes", "every_opcode_of_zeros_and_ones"),
    ("D", "SCST 6c6e7251b SHA-256 and SHA3-256", "chap_each_algorithm", "chap_mutual_each_algorithm",
     "unit:ChapTest.EveryAlgorithmWorksInBothDirections"),
    ("D", "SCST 6138af919 tid_secure, and others", "cve_2026_72084_*", "f037_*", "f022_1_*",
     "note:there is no copy manager yet"),
    ("E", "SPDK #3927 a PDU before the login is over", "f079_*"),
    ("E", "CVE-2021-28361 no data where data is expected", "cve_2021_28361_*"),
    ("E", "SPDK 19.07 prepared I/O requests", "every_opcode_of_zeros_and_ones", "bounds_*",
     "harness:cdb"),
    ("E", "CVE-2019-9547 descriptor chain in a circle", None, "there is no vhost-user"),
    ("E", "CVE-2025-57275 many registrants with APTPL", "f044_*",
     "unit:ReserveCommands.ThousandRegistrantsAreReportedInFull", "unit:RecordTest.AsManyRegistrantsAsThereMayBe"),
    ("E", "9d660f187a TotalAHSLength of a rejected PDU", "spdk_9d660f_*", "f067_4_*"),
    ("E", "565a44628d R2T while immediate data is held", "unsolicited_immediate_data_and_data_out_together",
     "unit:ConnectionTest.ImmediateDataThatNobodyFetchedYetIsKept"),
    ("E", "245394ca0e, 6f0ff37bbd removal while a session is open", "f022_1_*",
     "cve_2026_23193_the_target_goes_as_well"),
    ("E", "3ad3bb5e01, 3c1a776bf4, f25f84b796, ea97fbd2aa, bc6e91d14f boundaries", "bounds_compare_and_write",
     "tmf_of_every_function_code", "bounds_unmap_lists", "pr_full_status_names_what_was_registered"),
    ("E", "#3203 Data-In that is no multiple of four", "spdk_3203_*"),
    ("E", "#2074 memory unmapped under I/O", "unit:VfioUserServer.UnmapsAreAnsweredKindly"),
    ("E", "CHAP: weak challenges, memcmp, reflection", "cve_2024_45751_*", "f095_*", "chap_each_algorithm"),
    ("E", "test-cu: suites that do not finish", "ctest:judge_test_cu_ram", "ctest:judge_test_cu_file"),
    ("G", "vhost and vhost-user rows", None, "there is no vhost-user"),
    ("G", "libvfio-user 3602ad8, 75a0ac2, b646559, b1a156d, c174ca8: lengths that wrap",
     "unit:VfioUserServer.AccessesBeyondARegionAreRefused", "unit:VfioUserServer.WrongMapsAreRefused",
     "unit:VfioUserServer.WrongInterruptRequestsAreRefused", "harness:vfio_user_server", "harness:vfio_user_client"),
    ("G", "libvfio-user 4953810: checks in debug builds only", None,
     "our checks are the same in all builds: unit tests and fuzzers run the code that is installed"),
)


def of_item(item, names, prefix="ffp_"):
    """The tests of a UNH-IOL item: ffp_9_3_1_anything is of 9.3.1 and not of 9.3."""
    return [name for name in names if re.match(f"{prefix}{item.replace('.', '_')}_(?!\\d)", name)]


def matching(pattern, names):
    head = pattern.removesuffix("*")
    return [name for name in names if name == head or pattern.endswith("*") and name.startswith(head)]


def verdict(tests, verdicts):
    """passed when every test that was run passed, and there was one."""
    seen = {verdicts.get(name, "not run") for name in tests}
    return next((word for word in ("failed", "not run", "skipped", "passed") if word in seen), "no test")


def unh_table(names, verdicts):
    for item in UNH_ITEMS:
        tests = of_item(item, names)
        kind = HIGHER_LEVEL.get(item, "level 0")
        yield item, kind, verdict(tests, verdicts), ", ".join(tests), ADAPTED.get(item, "")


def list_table(names, verdicts):
    for title, prefix, items in unh_lists.LISTS:
        for item in items:
            tests = of_item(item, names, prefix)
            yield title, item, verdict(tests, verdicts), ", ".join(tests)


def bug_table(names, verdicts, rows=BUGS):
    for table, bug, *tests in rows:
        if tests[0] is None:
            yield table, bug, "not concerned", "", tests[1]
            continue
        others = [pattern for pattern in tests if ":" in pattern]
        ours = [name for pattern in tests if pattern not in others for name in matching(pattern, names)]
        # What other programs run has its verdict there.
        yield table, bug, verdict(ours, verdicts) if ours else "elsewhere", ", ".join(ours), " ".join(others)


def summary(rows, of):
    """Rows counted by the values of the given columns."""
    counts = {}
    for row in rows:
        key = ", ".join(row[i] for i in of)
        counts[key] = counts.get(key, 0) + 1
    return "; ".join(f"{key}: {count}" for key, count in counts.items())


def print_tables(names, verdicts):
    unh, bugs = list(unh_table(names, verdicts)), list(bug_table(names, verdicts))
    lists, rules = list(list_table(names, verdicts)), list(bug_table(names, verdicts, unh_lists.RULES))
    print("\n# UNH-IOL item\tlevel\tverdict\ttests\tnote")
    print("\n".join("\t".join(row) for row in unh))
    print("\n# UNH-IOL list\titem\tverdict\ttests")
    print("\n".join("\t".join(row) for row in lists))
    print("\n# of RFC 7143\tclause\tverdict\ttests\tnote")
    print("\n".join("\t".join(row) for row in rules))
    print("\n# table\tbug\tverdict\ttests\tnote")
    print("\n".join("\t".join(row) for row in bugs))
    print(f"\nUNH-IOL items: {len(unh)} ({summary(unh, (1, 2))})")
    print(f"further UNH-IOL items: {len(lists)} ({summary(lists, (0, 2))})")
    print(f"rules of RFC 7143: {len(rules)} ({summary(rules, (0, 2))})")
    print(f"published bugs: {len(bugs)} ({summary(bugs, (0, 2))})")
