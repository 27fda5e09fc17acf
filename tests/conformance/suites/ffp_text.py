"""UNH-IOL full feature items 17.1 to 17.4: Text Requests, SendTargets, discovery sessions."""

from rawiscsi import keys as text
from rawiscsi.pdu import RESERVED_TAG

from .case import CLOSED, Case, Op, scsi

PROTOCOL = ("reject 04", "reject 09", CLOSED)
UNKNOWN = {"X-org.outboard.nothing": "1"}


class TextFields(Case):
    def open_answer(self, session, pairs):
        """The answer to a Text Request with F=0: same ITT, F=0, a tag, no longer than we take."""
        pdu = session.request(Op.TEXT_REQUEST, data=text.encode(pairs), final=0, ttt=RESERVED_TAG)
        session.send(pdu)
        answer = self.answered(session.reply(pdu.itt))
        self.assertEqual((answer.itt, answer.final), (pdu.itt, 0))
        self.assertNotEqual(answer.ttt, RESERVED_TAG)
        self.assertLessEqual(len(answer.data), session.parameters.mrdsl)
        return answer

    def ends_with(self, session, first):
        """An empty request with F=1 ends the exchange."""
        last = self.answered(session.text(ttt=first.ttt, itt=first.itt))
        self.assertEqual((last.final, last.ttt), (1, RESERVED_TAG))

    def test_ffp_17_1_1_send_targets_with_f_0(self):
        """RFC 7143 11.11: same ITT, F=0, a tag, no more data than we take."""
        session = self.discovery(keys={"MaxRecvDataSegmentLength": "512"})
        self.ends_with(session, self.open_answer(session, {"SendTargets": "All"}))

    def test_ffp_17_1_2_a_declaration_in_two_requests(self):
        """RFC 7143 11.11, 6.4: MaxRecvDataSegmentLength with F=0, an empty request with F=1; then it holds."""
        session = self.session(keys={"MaxRecvDataSegmentLength": None})
        self.ends_with(session, self.open_answer(session, {"MaxRecvDataSegmentLength": "512"}))
        session.parameters.mrdsl = 512
        self.prelude(session)
        self.read(session, 0, 16)

    def test_ffp_17_2_1_f_0_in_a_discovery_session(self):
        """RFC 7143 11.11.1: F=1 in answer to F=0 is a protocol error."""
        self.open_answer(self.discovery(), {"SendTargets": "All"})

    def test_ffp_17_2_2_f_0_in_a_normal_session(self):
        """RFC 7143 11.11.1: F=1 in answer to F=0 is a protocol error."""
        session = self.session(keys={"MaxRecvDataSegmentLength": None})
        self.open_answer(session, {"MaxRecvDataSegmentLength": "1024"})

    def test_text_a_single_exchange(self):
        """RFC 7143 11.11: same ITT, F=1, TTT 0xffffffff; an unknown key is NotUnderstood."""
        answer = self.answered(self.session().text(UNKNOWN))
        self.assertEqual((answer.final, answer.ttt, text.decode(answer.data)),
                         (1, RESERVED_TAG, [("X-org.outboard.nothing", "NotUnderstood")]))

    def test_text_an_empty_request(self):
        """CVE-2021-28361: a Text Request without data has an answer without data."""
        answer = self.answered(self.session().text())
        self.assertEqual((answer.final, answer.data), (1, b""))

    def test_text_f_1_is_answered_with_f_1(self):
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

    def test_ffp_17_3_2_an_empty_value_in_a_discovery_session(self):
        """RFC 7143 appendix C: it asks for the target of the session, and a discovery session has none: no other
        target may be told of; Reject, as a PDU or as the value, or an empty list."""
        answer = self.discovery().send_targets("")
        if isinstance(answer, str):
            self.ends(answer, *PROTOCOL)
        else:
            self.assertIn(answer, ([], [("SendTargets", "Reject")]))

    def test_ffp_17_3_3_all_in_a_normal_session(self):
        """RFC 7143 appendix C: MUST NOT be supported: Reject, as a PDU or as the value."""
        answer = self.session().send_targets("All")
        if not isinstance(answer, str):
            self.assertEqual(answer, [("SendTargets", "Reject")])
        else:
            self.ends(answer, *PROTOCOL)

    def test_ffp_17_3_4_an_empty_value_in_a_normal_session(self):
        """RFC 7143 appendix C: an empty value asks for the target of the session, and MUST be supported."""
        pairs = self.answered(self.session().send_targets(""))
        self.assertEqual(set(self.names(pairs)), {self.fixture.plain})
        self.assertIn("TargetAddress", [key for key, _ in pairs])

    def test_send_targets_of_the_own_name_in_a_normal_session(self):
        """RFC 7143 appendix C: information about the target of the session."""
        pairs = self.answered(self.session().send_targets(self.fixture.plain))
        self.assertEqual(set(self.names(pairs)), {self.fixture.plain})

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
    def test_ffp_17_4_1_other_keys_in_a_discovery_session(self):
        """RFC 7143 4.3: a discovery session takes SendTargets and a logout only: Reject of the PDU, or Irrelevant or
        Reject as the value; a declared MaxRecvDataSegmentLength is never answered as if it were negotiated."""
        session = self.discovery()
        answer = session.text({"MaxRecvDataSegmentLength": "1024"})
        if isinstance(answer, str):
            self.ends(answer, *PROTOCOL)
        else:
            self.assertIn(text.decode(answer.data), ([("MaxRecvDataSegmentLength", "Irrelevant")],
                                                     [("MaxRecvDataSegmentLength", "Reject")]))

    def test_discovery_session_keys_are_irrelevant(self):
        """RFC 7143 13: keys that are Irrelevant when SessionType=Discovery get that answer or a legal value."""
        session = self.fixture.discovery(login=False)
        self.wires.append(session.wire)
        session.login()
        for key in ("InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength", "MaxOutstandingR2T"):
            if session.answers.get(key) != "Irrelevant":
                text.outcome(key, session.offer[key], session.answers)

    def test_ffp_17_4_2_logout_for_recovery_in_a_discovery_session(self):
        """RFC 7143 4.3, 11.15.1: after SendTargets; 2 (recovery is not supported), or Reject, or the end."""
        session = self.discovery()
        self.assertIn(("TargetName", self.fixture.plain), session.send_targets())
        pdu = session.send_logout(reason=2)
        how = session.reply(pdu.itt)
        if not isinstance(how, str):
            self.assertEqual(how.response, 2)
        else:
            self.ends(how, *PROTOCOL)

    def test_discovery_a_scsi_command_in_a_discovery_session(self):
        """RFC 7143 4.3: only Text and Logout (and NOP) are allowed; Reject or the end of the connection."""
        session = self.discovery()
        task = session.command(scsi.inquiry(36), 0, read=36)
        self.ends(session.outcome(task), "reject 04", "reject 05", "reject 09", CLOSED)
        self.assertEqual(bytes(task.data_in), b"")
