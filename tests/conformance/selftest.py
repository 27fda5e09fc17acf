"""The client against scripted answers: each rule of the model, the wire and the key tables holds and can fail."""

import os
import pathlib
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "layout"))

import answers  # noqa: E402
import coverage  # noqa: E402
import unh_lists  # noqa: E402
import run  # noqa: E402
from rawiscsi import chap, keys, scsi  # noqa: E402
from rawiscsi.crc32c import digest  # noqa: E402
from rawiscsi.errors import Closed, NoAnswer, Violation  # noqa: E402
from rawiscsi.login import LoginPhase, Refused  # noqa: E402
from rawiscsi.model import Model  # noqa: E402
from rawiscsi.pdu import RESERVED_TAG, Op, Pdu, serial_less  # noqa: E402
from rawiscsi.sense import Sense  # noqa: E402
from rawiscsi.task import Task  # noqa: E402
from rawiscsi.wire import Wire  # noqa: E402

SENSE = bytes.fromhex("0012" "700005000000000a00000000210000000000")


class Bytes(unittest.TestCase):
    def test_crc32c_vectors_of_rfc_7143(self):
        for data, expected in ((bytes(32), "aa36918a"), (b"\xff" * 32, "43aba862"), (bytes(range(32)), "4e79dd46"),
                               (bytes(range(31, -1, -1)), "5cdb3f11")):
            self.assertEqual(digest(data).hex(), expected)

    def test_pdu_fields_and_lengths(self):
        pdu = Pdu(Op.SCSI_COMMAND, data=b"abcde", ahs=b"123", immediate=1, itt=0x01020304, lun=scsi.lun_field(3))
        wire = pdu.encode(header_digest=True, data_digest=True)
        self.assertEqual(wire[:8].hex(), "4100000001000005")
        self.assertEqual(len(wire), 48 + 4 + 4 + 8 + 4)
        self.assertEqual(wire[8:20].hex(), "000300000000000001020304")
        self.assertEqual(wire[56:64], b"abcde\0\0\0")
        self.assertNotEqual(pdu.encode(data_digest=True, spoil_data=True)[-4:], pdu.encode(data_digest=True)[-4:])
        self.assertEqual(pdu.encode(declared_data=7, declared_ahs=9)[4:8].hex(), "09000007")

    def test_serial_numbers_wrap(self):
        self.assertTrue(serial_less(0xFFFFFFFF, 0) and serial_less(1, 2) and not serial_less(2, 1))
        self.assertFalse(serial_less(5, 5))

    def test_sense_in_both_formats(self):
        fixed = Sense(bytes.fromhex("f0000500000010" "0a00000000" "2100" "00" "cf0002"))
        self.assertEqual((str(fixed), fixed.information, fixed.field), ("05/21/00", 16, (True, 2, 7)))
        descriptor = Sense(bytes.fromhex("720e1d000000000c" "000a8000" "0000000000000123"))
        self.assertEqual((str(descriptor), descriptor.information), ("0e/1d/00", 0x123))
        self.assertFalse(Sense(b"\x12\x34").valid)

    def test_chap_known_answers(self):
        """Digests made with another implementation (openssl dgst over 07 || secret || challenge)."""
        wanted = {5: "md5", 6: "sha1", 7: "sha256", 8: "sha3-256"}
        for number, expected in KNOWN_ANSWERS.items():
            proof = chap.digest(number, 7, "secret-secret", bytes(range(16)))
            self.assertEqual(proof.hex(), expected, wanted[number])

    def test_binary_values(self):
        self.assertEqual(chap.binary_value("0x0aF"), b"\x00\xaf")
        self.assertEqual(chap.binary_value(chap.base64_value(b"xyz")), b"xyz")
        for bad in ("", "0y12", "0xgg", "0b!!", "12"):
            self.assertRaises(Violation, chap.binary_value, bad)


class Keys(unittest.TestCase):
    def test_legal_and_illegal_answers(self):
        good = (("ImmediateData", "Yes", "No"), ("ImmediateData", "No", "No"), ("InitialR2T", "No", "Yes"),
                ("MaxBurstLength", "4096", "512"), ("DefaultTime2Wait", "2", "3"),
                ("HeaderDigest", "CRC32C,None", "None"))
        bad = (("ImmediateData", "No", "Yes"), ("InitialR2T", "Yes", "No"), ("MaxBurstLength", "4096", "8192"),
               ("DefaultTime2Wait", "5", "3"), ("HeaderDigest", "CRC32C", "None"), ("MaxConnections", "1", "0"),
               ("MaxBurstLength", "4096", "Reject"), ("InitialR2T", "Yes", "Maybe"),
               ("MaxConnections", "1", "NotUnderstood"))
        for case in good:
            keys.agreed(*case)
        for case in bad:
            with self.assertRaises(Violation, msg=str(case)):
                keys.agreed(*case)

    def test_text_is_checked(self):
        self.assertEqual(keys.decode(b"a=1\0b=\0"), [("a", "1"), ("b", "")])
        for bad in (b"a=1", b"a\0", b"=1\0", b"k" * 64 + b"=1\0", b"a=\xff\0"):
            self.assertRaises(Violation, keys.decode, bad)
        self.assertRaises(Violation, keys.single, [("a", "1"), ("a", "2")])

    def test_an_unanswered_offer_is_seen(self):
        parameters = keys.Parameters()
        self.assertRaises(Violation, parameters.settle, {"InitialR2T": "No"}, {})
        parameters.settle({"InitialR2T": "Yes", "ImmediateData": "No"}, {})  # the answer is optional here
        self.assertEqual((parameters["InitialR2T"], parameters["ImmediateData"]), ("Yes", "No"))
        parameters.settle({"InitialR2T": "No", "MaxRecvDataSegmentLength": "512"}, {"InitialR2T": "No"})
        self.assertEqual((parameters.yes("InitialR2T"), parameters.mrdsl), (False, 512))


class ModelCase(unittest.TestCase):
    """A connection whose next StatSN is 100, next CmdSN 10, window 10 to 20."""

    def setUp(self):
        self.parameters = keys.Parameters()
        self.parameters.mrdsl = 4096
        self.parameters.values["MaxBurstLength"] = "8192"
        self.model = Model(self.parameters, 10, 99, 10, 20)

    def task(self, read=0, write=b"", expected=None, **fields):
        expected = (len(write) or read) if expected is None else expected
        task = Task(0x50, scsi.lun_field(1), b"\x28" + bytes(9), expected, expected if read else 0, write, **fields)
        self.model.add_task(task)
        return task

    def pdu(self, opcode, data=b"", **fields):
        base = {"flags": 0x80, "stat_sn": self.model.next_stat_sn, "exp_cmd_sn": 10, "max_cmd_sn": 20, "itt": 0x50}
        if opcode == Op.DATA_IN:
            base["ttt"] = RESERVED_TAG
        return Pdu(opcode, data=data, **{**base, **fields}), data

    def feed(self, opcode, data=b"", **fields):
        pdu, data = self.pdu(opcode, data, **fields)
        pdu.data_segment_length = len(data)
        self.model.received(pdu)

    def refuses(self, rule, opcode, data=b"", **fields):
        with self.assertRaisesRegex(Violation, rule):
            self.feed(opcode, data, **fields)

    def request(self, opcode, **fields):
        self.model.sent(Pdu(opcode, itt=0x50, **{"cmd_sn": 10, "immediate": 1, **fields}))


class Window(ModelCase):
    def test_numbers(self):
        self.request(Op.NOP_OUT)
        self.refuses("StatSN", Op.NOP_IN, stat_sn=101, ttt=RESERVED_TAG)
        self.request(Op.NOP_OUT)
        self.refuses("ExpCmdSN went back", Op.NOP_IN, exp_cmd_sn=9, ttt=RESERVED_TAG)
        self.refuses("MaxCmdSN went back", Op.NOP_IN, max_cmd_sn=19, ttt=RESERVED_TAG)
        self.refuses("acknowledges more", Op.NOP_IN, exp_cmd_sn=11, ttt=RESERVED_TAG)
        self.feed(Op.NOP_IN, ttt=RESERVED_TAG)
        self.assertEqual(self.model.next_stat_sn, 101)

    def test_max_below_exp(self):
        self.model.sent_limit = 40
        self.refuses("MaxCmdSN < ExpCmdSN - 1", Op.NOP_IN, exp_cmd_sn=30, ttt=RESERVED_TAG)

    def test_opcode_and_segments(self):
        self.refuses("byte 0", Op.NOP_OUT)
        self.refuses("byte 0", 0x30)
        self.refuses("additional header", Op.NOP_IN, total_ahs_length=1)
        self.refuses("MaxRecvDataSegmentLength", Op.NOP_IN, data=bytes(4097))
        self.refuses("not a PDU of the full feature", Op.LOGIN_RESPONSE)


class DataIn(ModelCase):
    def test_a_good_read_in_two_sequences(self):
        task = self.task(read=12288)
        self.feed(Op.DATA_IN, bytes(4096), flags=0)
        self.feed(Op.DATA_IN, bytes(4096), flags=0x80, data_sn=1, buffer_offset=4096)
        self.feed(Op.DATA_IN, bytes(4096), flags=0x81, data_sn=2, buffer_offset=8192)
        self.assertEqual((str(task), len(task.data_in)), ("good", 12288))
        self.refuses("task that has ended", Op.SCSI_RESPONSE)

    def test_rules(self):
        self.task(read=8192)
        self.refuses("no task", Op.DATA_IN, bytes(4), itt=0x99)
        self.refuses("DataSN", Op.DATA_IN, bytes(4), data_sn=1)
        self.refuses("Buffer Offset", Op.DATA_IN, bytes(4), buffer_offset=4)
        self.refuses("A bit", Op.DATA_IN, bytes(4), flags=0xC0)
        self.refuses("TTT", Op.DATA_IN, bytes(4), ttt=5)
        self.refuses("reserved bits", Op.DATA_IN, bytes(4), flags=0xA0)

    def test_length_rules(self):
        self.task(read=100)
        self.refuses("more data", Op.DATA_IN, bytes(101))

    def test_burst_rule(self):
        self.task(read=12288)
        for i in range(2):
            self.feed(Op.DATA_IN, bytes(4096), flags=0, data_sn=i, buffer_offset=4096 * i)
        self.refuses("MaxBurstLength", Op.DATA_IN, bytes(4096), flags=0x80, data_sn=2, buffer_offset=8192)

    def test_status_rules(self):
        self.task(read=8)
        self.refuses("S without F", Op.DATA_IN, bytes(8), flags=0x01)
        self.task(read=8)
        self.refuses("own SCSI Response", Op.DATA_IN, bytes(8), flags=0x81, status=2)
        self.task(read=8)
        self.refuses("residual does not fit", Op.DATA_IN, bytes(4), flags=0x81)
        self.task(read=8)
        self.refuses("residual count without", Op.DATA_IN, bytes(8), flags=0x81, residual_count=3)
        task = self.task(read=8)
        self.feed(Op.DATA_IN, bytes(4), flags=0x83, residual_count=4)
        self.assertEqual(task.underflow, 4)


class Response(ModelCase):
    def test_check_condition(self):
        task = self.task(read=8)
        self.feed(Op.SCSI_RESPONSE, SENSE, status=2, flags=0x82, residual_count=8)
        self.assertEqual(str(task), "check 05/21/00")

    def test_rules(self):
        self.task(read=8)
        self.refuses("without sense", Op.SCSI_RESPONSE, status=2)
        self.task(read=8)
        self.refuses("sense data without CHECK", Op.SCSI_RESPONSE, SENSE, flags=0x82, residual_count=8)
        self.task(read=8)
        self.refuses("ExpDataSN", Op.SCSI_RESPONSE, exp_data_sn=2)
        self.task(read=8)
        self.refuses("both residual", Op.SCSI_RESPONSE, flags=0x86, residual_count=1)
        self.task(read=8)
        self.refuses("underflow above", Op.SCSI_RESPONSE, flags=0x82, residual_count=9)
        self.task(read=8)
        self.refuses("fixed bits", Op.SCSI_RESPONSE, flags=0x02, residual_count=8)

    def test_status_before_the_end_of_a_sequence(self):
        self.task(read=8)
        self.feed(Op.DATA_IN, bytes(4), flags=0)
        self.refuses("F bit", Op.SCSI_RESPONSE, flags=0x82, residual_count=4, exp_data_sn=1)

    def test_an_aborted_task_stays_silent(self):
        self.model.forbid(self.task(read=8))
        self.refuses("has ended", Op.SCSI_RESPONSE, flags=0x82, residual_count=8)


class R2t(ModelCase):
    def r2t(self, **fields):
        return {"ttt": 7, "desired_length": 100, "lun": scsi.lun_field(1), **fields}

    def test_rules(self):
        self.task(write=bytes(200))
        for rule, change in (("R2TSN", {"r2t_sn": 1}), ("Buffer Offset", {"buffer_offset": 4}),
                             ("Target Transfer", {"ttt": -1}), ("Desired", {"desired_length": 0}),
                             ("Desired", {"desired_length": 201}), ("LUN", {"lun": 0}), ("next one", {"stat_sn": 101}),
                             ("fixed bits", {"flags": 0})):
            self.refuses(rule, Op.R2T, **self.r2t(**change))
        self.feed(Op.R2T, **self.r2t())
        self.refuses("outstanding", Op.R2T, **self.r2t(ttt=8, r2t_sn=1, buffer_offset=100))

    def test_unsolicited_data_comes_first(self):
        self.task(write=bytes(200), sent=50)
        self.refuses("Buffer Offset", Op.R2T, **self.r2t())
        self.feed(Op.R2T, **self.r2t(buffer_offset=50))


class Others(ModelCase):
    def test_nop_in(self):
        self.request(Op.NOP_OUT)
        self.refuses("TTT of a ping", Op.NOP_IN, ttt=3)
        self.model.sent(Pdu(Op.NOP_OUT, itt=0x50, cmd_sn=10, immediate=1, data=b"abc"))
        self.refuses("ping data", Op.NOP_IN, b"abd", ttt=RESERVED_TAG)
        self.refuses("does not advance", Op.NOP_IN, itt=RESERVED_TAG, ttt=4, stat_sn=500)
        before = self.model.next_stat_sn
        self.feed(Op.NOP_IN, itt=RESERVED_TAG, ttt=4)
        self.assertEqual(self.model.next_stat_sn, before)

    def test_text_response(self):
        for rule, sent, fields in (("F=1 goes with", {"final": 1}, {"ttt": 3}),
                                   ("F and C", {"final": 1}, {"flags": 0xC0}),
                                   ("F=1 goes with", {"final": 1}, {"flags": 0}), ("answer to F=0", {"final": 0}, {})):
            self.request(Op.TEXT_REQUEST, **sent)
            self.refuses(rule, Op.TEXT_RESPONSE, **{"ttt": RESERVED_TAG, **fields})

    def test_answers_without_a_request(self):
        for opcode in (Op.NOP_IN, Op.TMF_RESPONSE, Op.TEXT_RESPONSE, Op.LOGOUT_RESPONSE):
            self.refuses("waits for this", opcode, ttt=RESERVED_TAG)

    def test_codes(self):
        self.request(Op.TMF_REQUEST)
        self.refuses("unassigned TMF", Op.TMF_RESPONSE, response=9)
        self.request(Op.LOGOUT_REQUEST)
        self.refuses("Logout", Op.LOGOUT_RESPONSE, response=4)
        self.refuses("AsyncEvent", Op.ASYNC, itt=RESERVED_TAG, async_event=77)

    def test_reject(self):
        self.task(read=8)
        header = Pdu(Op.SCSI_COMMAND, itt=0x50, cmd_sn=10)
        self.refuses("header that we sent", Op.REJECT, bytes(48), itt=RESERVED_TAG, reason=4)
        self.model.sent(header)
        self.refuses("unassigned reject", Op.REJECT, bytes(header.bhs), itt=RESERVED_TAG, reason=0x33)
        self.refuses("fixed bits", Op.REJECT, bytes(header.bhs), itt=5, reason=4)
        self.feed(Op.REJECT, bytes(header.bhs), itt=RESERVED_TAG, reason=4)
        self.assertEqual((self.model.rejects[0][0], self.model.tasks[0x50].rejected), (4, 4))


class Script:
    """A server that sends fixed bytes to its one client, after it has read something, and then closes or holds."""

    def __init__(self, data, hold=False):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.release = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(data, hold), daemon=True)
        self.thread.start()

    def serve(self, data, hold):
        peer, _ = self.listener.accept()
        peer.settimeout(5)
        peer.sendall(data)
        if hold:
            self.release.wait(5)
        peer.close()
        self.listener.close()


class OnTheWire(unittest.TestCase):
    def receive(self, data, hold=False, **settings):
        script = Script(data, hold)
        wire = Wire("127.0.0.1", script.port, limit=0.3)
        for name, value in settings.items():
            setattr(wire, name, value)
        try:
            return wire.receive("a scripted PDU")
        finally:
            script.release.set()
            wire.close()
            script.thread.join(5)

    def test_digests_and_padding(self):
        pdu = Pdu(Op.NOP_IN, data=b"abcde", flags=0x80)
        both = {"header_digest": True, "data_digest": True}
        self.assertEqual(self.receive(pdu.encode(**both), **both).data, b"abcde")
        for rule, options in (("header digest", {"spoil_header": True}), ("data digest", {"spoil_data": True}),
                              ("padding", {"fill": b"x"})):
            with self.assertRaisesRegex(Violation, rule):
                self.receive(pdu.encode(**both, **options), **both)

    def test_close_and_silence(self):
        self.assertRaisesRegex(Closed, "while waiting for a scripted", self.receive, b"")
        self.assertRaisesRegex(Closed, "inside a PDU", self.receive, bytes(20))
        self.assertRaisesRegex(NoAnswer, "waited 0.3 s for a scripted", self.receive, b"", hold=True)

    def login(self, *responses):
        """Runs one login request of an unknown target against scripted Login Responses."""
        script = Script(b"".join(r.encode() for r in responses), hold=True)
        phase = LoginPhase(Wire("127.0.0.1", script.port, limit=1), isid=0x800000000001)
        try:
            return phase.exchange({"InitiatorName": "i"}, csg=0, nsg=1)
        finally:
            script.release.set()
            phase.wire.close()
            script.thread.join(5)

    def answer(self, **fields):
        base = {"flags": 0x81, "isid": 0x800000000001, "itt": 0x10, "exp_cmd_sn": 1, "stat_sn": 5}
        return Pdu(Op.LOGIN_RESPONSE, **{**base, **fields})

    def test_login_rules(self):
        response, pairs = self.login(self.answer())
        self.assertEqual((response.nsg, pairs), (1, []))
        for rule, fields in (("Task Tag", {"itt": 9}), ("ISID", {"isid": 1}), ("ExpCmdSN", {"exp_cmd_sn": 2}),
                             ("CSG", {"csg": 1}), ("C and T", {"cont": 1}), ("TSIH", {"tsih": 4}),
                             ("version", {"version_active": 1}), ("transition", {"nsg": 3}),
                             ("reserved", {"flags": 0xA1})):
            with self.assertRaisesRegex(Violation, rule):
                self.login(self.answer(**fields))
        self.assertRaises(Refused, self.login, self.answer(status_class=2, status_detail=3))

    def test_login_continuation(self):
        first, second = self.answer(flags=0x40), self.answer(stat_sn=6)
        first.data, second.data = b"Targ", b"etAlias=x\0"
        self.assertEqual(self.login(first, second)[1], [("TargetAlias", "x")])
        second.bhs[24:28] = bytes((0, 0, 0, 7))
        self.assertRaisesRegex(Violation, "StatSN", self.login, first, second)


class Coverage(unittest.TestCase):
    names = [run.name_of(test) for suite in run.SUITES for test in run.tests_of(suite)]

    def test_each_item_has_a_test_and_each_ffp_test_an_item(self):
        named = [name for item in coverage.UNH_ITEMS for name in coverage.of_item(item, self.names)]
        self.assertEqual(len(set(coverage.UNH_ITEMS)), 82)
        self.assertEqual([item for item in coverage.UNH_ITEMS if not coverage.of_item(item, self.names)], [])
        self.assertEqual(sorted(named), sorted(name for name in self.names if name.startswith("ffp_")))

    def test_each_further_item_has_a_test_and_each_unh_test_with_a_number_an_item(self):
        named = []
        for title, prefix, items in unh_lists.LISTS:
            found = {item: coverage.of_item(item, self.names, prefix) for item in items}
            self.assertEqual([item for item in items if not found[item]], [], title)
            named += [name for tests in found.values() for name in tests]
        numbered = [name for name in self.names if re.match(r"unh_[a-z_]+_\d", name)]
        self.assertEqual(sorted(named), sorted(numbered))

    def test_each_bug_names_tests_that_exist(self):
        known = {*self.names, *answers.google_tests(), *answers.python_tests(), *answers.ctest_entries()}
        for _, bug, *tests in (*coverage.BUGS, *unh_lists.RULES):
            for pattern in tests if tests[0] else ():
                kind, _, name = pattern.rpartition(":")
                name = pattern if kind == "harness" else name
                self.assertTrue(kind == "note" or coverage.matching(name, known), f"{bug}: {pattern}")


KNOWN_ANSWERS = {
    5: "54a3be57b9f1659c9a82d46edca091b8", 6: "ed2b5861d708a460845af21a693cca2f6fc5641e",
    7: "3bc23c68fdaba819025b2651f6b33e8fed5ec863ec653dfdc40a394c9332ad14",
    8: "e0ac6098b1352335e45fc82d09c973fe0cfba8ad30af79d1911cab1ca7909a6b",
}

if __name__ == "__main__":
    unittest.main()
