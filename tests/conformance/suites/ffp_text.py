"""UNH-IOL full feature items 17: Text Requests, SendTargets, negotiation in the full feature phase, C and F bits."""

from rawiscsi import keys as text
from rawiscsi.pdu import RESERVED_TAG

from .case import CLOSED, Case, Op, scsi

PROTOCOL = ("reject 04", "reject 09", CLOSED)
UNKNOWN = {"X-org.outboard.nothing": "1"}


class TextFields(Case):
    def test_ffp_17_1_1_a_single_text_exchange(self):
        """RFC 7143 11.11: same ITT, F=1, TTT 0xffffffff; an unknown key is NotUnderstood."""
        answer = self.answered(self.session().text(UNKNOWN))
        self.assertEqual((answer.final, answer.ttt, text.decode(answer.data)),
                         (1, RESERVED_TAG, [("X-org.outboard.nothing", "NotUnderstood")]))

    def test_ffp_17_1_2_an_empty_text_request(self):
        """CVE-2021-28361: a Text Request without data has an answer without data."""
        answer = self.answered(self.session().text())
        self.assertEqual((answer.final, answer.data), (1, b""))

    def test_ffp_17_2_1_f_0_is_answered_with_f_0_and_a_tag(self):
        """RFC 7143 11.10.1, 11.11.1: an open negotiation has a Target Transfer Tag, which goes on with it."""
        session = self.session()
        first = self.answered(session.text(UNKNOWN, final=False))
        self.assertFalse(first.final)
        self.assertNotEqual(first.ttt, RESERVED_TAG)
        last = self.answered(session.text(ttt=first.ttt, itt=first.itt))
        self.assertEqual((last.final, last.ttt), (1, RESERVED_TAG))

    def test_ffp_17_2_2_f_1_is_answered_with_f_1(self):
        """RFC 7143 11.11.1: nothing is left to say after a short answer."""
        for _ in range(3):
            self.assertEqual(self.answered(self.session().text({"MaxRecvDataSegmentLength": "8192"})).final, 1)


class SendTargets(Case):
    def names(self, pairs):
        return [value for key, value in pairs if key == "TargetName"]

    def test_ffp_17_3_1_all_in_a_discovery_session(self):
        """RFC 7143 appendix C: every target with its addresses, each name followed by TargetAddress keys."""
        pairs = self.discovery().send_targets("All")
        self.assertIn(self.fixture.plain, self.names(pairs))
        self.assertEqual(pairs[0][0], "TargetName")
        for key, value in pairs:
            self.assertIn(key, ("TargetName", "TargetAddress"))
            if key == "TargetAddress":
                self.assertRegex(value, r"^(\[[0-9a-fA-F:]+\]|[^:\[\]]+)(:\d+)?,\d+$")

    def test_ffp_17_3_2_the_own_name_in_a_normal_session(self):
        """RFC 7143 appendix C: information about the target of the session."""
        pairs = self.answered(self.session().send_targets(self.fixture.plain))
        self.assertEqual(set(self.names(pairs)), {self.fixture.plain})

    def test_ffp_17_3_3_an_empty_value_in_a_normal_session(self):
        """RFC 7143 appendix C: an empty value asks for the target of the session."""
        pairs = self.answered(self.session().send_targets(""))
        self.assertEqual(set(self.names(pairs)), {self.fixture.plain})

    def test_ffp_17_3_4_all_in_a_normal_session(self):
        """RFC 7143 appendix C: MUST NOT be supported: Reject, as a PDU or as the value."""
        answer = self.session().send_targets("All")
        if not isinstance(answer, str):
            self.assertEqual(answer, [("SendTargets", "Reject")])
        else:
            self.ends(answer, *PROTOCOL)

    def test_ffp_17_3_5_one_name_in_a_discovery_session(self):
        """RFC 7143 appendix C: only the named target, or nothing for a name that does not exist."""
        pairs = self.discovery().send_targets(self.fixture.plain)
        self.assertEqual(set(self.names(pairs)), {self.fixture.plain})
        self.assertEqual(self.names(self.discovery().send_targets("iqn.2026-11.org.outboard:no-such-target")), [])

    def test_send_targets_of_another_target_in_a_normal_session(self):
        """RFC 7143 appendix C: a normal session speaks of its own target only."""
        self.need("chap")
        answer = self.session().send_targets(self.fixture.chap)
        if not isinstance(answer, str):
            self.assertEqual(self.names(answer), [])


class DiscoverySession(Case):
    def test_ffp_17_4_1_session_keys_are_irrelevant(self):
        """RFC 7143 13: keys that are Irrelevant when SessionType=Discovery get that answer or a legal value."""
        session = self.fixture.discovery(login=False)
        self.wires.append(session.wire)
        session.login()
        for key in ("InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength", "MaxOutstandingR2T"):
            if session.answers.get(key) != "Irrelevant":
                text.outcome(key, session.offer[key], session.answers)

    def test_ffp_17_4_2_logout_for_recovery_in_a_discovery_session(self):
        """RFC 7143 7.4, 11.15.1: no recovery there: 2, or Reject, or the end of the connection."""
        session = self.discovery()
        pdu = session.send_logout(reason=2)
        how = session.reply(pdu.itt)
        if not isinstance(how, str):
            self.assertIn(how.response, (1, 2))
        else:
            self.ends(how, *PROTOCOL)

    def test_discovery_a_scsi_command_in_a_discovery_session(self):
        """RFC 7143 4.3: only Text and Logout (and NOP) are allowed; Reject or the end of the connection."""
        session = self.discovery()
        task = session.command(scsi.inquiry(36), 0, read=36)
        self.ends(session.outcome(task), "reject 04", "reject 05", "reject 09", CLOSED)
        self.assertEqual(bytes(task.data_in), b"")


class Negotiation(Case):
    def test_ffp_17_5_a_continuation_with_another_task_tag(self):
        """RFC 7143 11.10.3: all requests of one exchange have the same ITT."""
        session = self.session()
        first = self.answered(session.text(UNKNOWN, final=False))
        answer = session.text(ttt=first.ttt)
        self.assertIsInstance(answer, str, f"answered as if it belonged to the exchange: {answer}")
        self.ends(answer, *PROTOCOL)

    def test_text_a_continuation_with_an_unknown_tag(self):
        """RFC 7143 11.10.4: a TTT that the target did not give."""
        session = self.session()
        answer = session.text(UNKNOWN, ttt=0x4242)
        self.assertIsInstance(answer, str, f"answered as if the tag were good: {answer}")
        self.ends(answer, *PROTOCOL)

    def test_ffp_17_6_a_key_is_negotiated_once(self):
        """RFC 7143 6.2: the second offer in one sequence is a protocol error: Reject 0x04."""
        session = self.session()
        first = self.answered(session.text({"MaxRecvDataSegmentLength": "1024"}, final=False))
        answer = session.text({"MaxRecvDataSegmentLength": "2048"}, ttt=first.ttt, itt=first.itt)
        self.assertIsInstance(answer, str, f"the second offer was taken: {answer}")
        self.ends(answer, "reject 04", CLOSED)

    def test_text_a_key_of_the_login_phase_only(self):
        """RFC 7143 13: use LO: HeaderDigest cannot change in the full feature phase."""
        session = self.session()
        answer = session.text({"HeaderDigest": "CRC32C"})
        if isinstance(answer, str):
            self.ends(answer, *PROTOCOL)
        else:
            self.assertIn(text.decode(answer.data), ([("HeaderDigest", "Reject")], [("HeaderDigest", "NotUnderstood")],
                                                     [("HeaderDigest", "Irrelevant")]))
            self.works(session)

    def longest(self, session):
        """The longest Data-In of a read of 64 blocks."""
        task = session.do(scsi.read10(0, 64), self.lun, read=64 * self.block)
        return max(len(p.data) for p in task.data_in_pdus)

    def test_text_an_agreed_change_takes_effect(self):
        """RFC 7143 6.4, 13.12: a shorter MaxRecvDataSegmentLength holds from the end of the exchange."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        self.answered(session.text({"MaxRecvDataSegmentLength": "1024"}))
        self.assertEqual(self.longest(session), 1024)

    def test_ffp_17_7_1_an_abandoned_negotiation_changes_nothing(self):
        """RFC 7143 7.12: a new Text Request with TTT 0xffffffff abandons the open one; old values stay."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        self.answered(session.text({"MaxRecvDataSegmentLength": "1024"}, final=False))
        answer = session.text(UNKNOWN)
        if not isinstance(answer, str):
            self.assertEqual(self.longest(session), 8192)
        else:
            self.ends(answer, *PROTOCOL)

    def test_ffp_17_7_2_a_refused_value_changes_nothing(self):
        """RFC 7143 6.2, 13.12: 100 is below 512: Reject; old values stay."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        answer = session.text({"MaxRecvDataSegmentLength": "100"})
        if isinstance(answer, str):
            self.ends(answer, *PROTOCOL)
            if answer == CLOSED:
                return
        else:
            self.assertIn(("MaxRecvDataSegmentLength", "Reject"), text.decode(answer.data))
        self.assertEqual(self.longest(session), 8192)

    def test_ffp_17_7_3_a_protocol_error_discards_the_whole_negotiation(self):
        """RFC 7143 7.12: a good key beside a broken pair does not survive."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        answer = session.text(raw=b"MaxRecvDataSegmentLength=1024\0no-equals-sign\0")
        self.assertIsInstance(answer, str, f"text without '=' was taken: {answer}")
        self.ends(answer, *PROTOCOL)
        if answer != CLOSED:
            self.assertEqual(self.longest(session), 8192)

    def chain(self, session, data, sizes):
        """Sends data in parts with the C bit; returns the answer to the last part."""
        answer, start = None, 0
        for i, size in enumerate(sizes):
            last = i == len(sizes) - 1
            follow = {} if answer is None else {"ttt": answer.ttt, "itt": answer.itt}
            answer = session.text(raw=data[start:start + size], final=last, cont=not last, **follow)
            start += size
            if isinstance(answer, str):
                return answer
            if not last:
                self.assertEqual((answer.final, answer.cont, answer.data), (0, 0, b""), "the answer inside a chain")
        return answer

    def test_ffp_17_8_1_parts_with_the_c_bit_are_put_together(self):
        """RFC 7143 11.10.2: text before the C bit is clear is only collected."""
        data = text.encode({f"X-org.outboard.key{i}": "v" * i for i in range(20)})
        for sizes in ((1, 1, len(data) - 2), (20, len(data) - 20), (len(data) // 2, len(data) - len(data) // 2)):
            answer = self.answered(self.chain(self.session(), data, sizes))
            self.assertEqual(text.decode(answer.data), [(f"X-org.outboard.key{i}", "NotUnderstood") for i in range(20)])

    def test_ffp_17_8_2_c_and_f_together(self):
        """RFC 7143 11.10.2: F must be 0 when C is 1."""
        session = self.session()
        self.ends(session.text(UNKNOWN, cont=1), *PROTOCOL)

    def test_ffp_17_8_3_an_error_in_a_chain_discards_all_of_it(self):
        """RFC 7143 7.12: nothing of the collected text takes effect."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        data = b"MaxRecvDataSegmentLength=1024\0=novalue\0"
        answer = self.chain(session, data, (10, len(data) - 10))
        self.assertIsInstance(answer, str, f"a pair without a key was taken: {answer}")
        self.ends(answer, *PROTOCOL)
        if answer != CLOSED:
            self.assertEqual(self.longest(session), 8192)

    def test_f075_a_chain_without_end_is_bounded(self):
        """F075: more than 64 KiB of collected text ends with a Reject or the connection."""
        session = self.session()
        answer, part = None, b"X-org.outboard.long=" + b"v" * 4000
        for _ in range(40):
            follow = {} if answer is None else {"ttt": answer.ttt, "itt": answer.itt}
            answer = session.text(raw=part, final=False, cont=1, **follow)
            if isinstance(answer, str):
                self.ends(answer, "reject 0a", *PROTOCOL)
                break
        else:
            self.fail("160 KiB of text were collected")
        self.target_works()

    def test_f075_1_commands_pass_inside_a_chain(self):
        """F075: other requests between the parts are served."""
        session = self.session()
        first = self.answered(session.text(raw=b"X-org.outboard.a=", final=False, cont=1))
        self.works(session)
        session.ping(b"between")
        last = self.answered(session.text(raw=b"1\0", ttt=first.ttt, itt=first.itt))
        self.assertEqual(text.decode(last.data), [("X-org.outboard.a", "NotUnderstood")])

    def test_f069_1_a_text_request_with_a_bad_digest(self):
        """LIO June 2026: Text good, bad, good on one tag: Reject 0x02 for the bad one, nothing kept from it."""
        session = self.session(keys={"DataDigest": "CRC32C"})
        self.answered(session.text(UNKNOWN))
        for _ in range(3):
            pdu = session.request(Op.TEXT_REQUEST, data=text.encode(UNKNOWN), itt=0x77, ttt=RESERVED_TAG)
            session.send(pdu, spoil_data=True)
            how = session.reply(0x77)
            self.ends(how, "reject 02", CLOSED)
            if how == CLOSED:
                return
        answer = self.answered(session.text(UNKNOWN, itt=0x77))
        self.assertEqual(text.decode(answer.data), [("X-org.outboard.nothing", "NotUnderstood")])
