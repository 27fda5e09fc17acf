"""UNH-IOL full feature items 17.5 to 17.8: negotiation in the full feature phase, its failures, C and F bits."""

from rawiscsi import keys as text
from rawiscsi.pdu import RESERVED_TAG

from .case import CLOSED, Case, Op, scsi

PROTOCOL = ("reject 04", "reject 09", CLOSED)
UNKNOWN = {"X-org.outboard.nothing": "1"}


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
        """RFC 7143 6.2: the second offer in one sequence is Reject 0x04; a new sequence with TTT 0xffffffff resets."""
        session = self.session()
        offer = {"MaxRecvDataSegmentLength": "512"}
        first = self.answered(session.text(offer, final=False))
        answer = session.text(offer, final=False, ttt=first.ttt, itt=first.itt)
        self.assertIsInstance(answer, str, f"the second offer was taken: {answer}")
        self.ends(answer, "reject 04", CLOSED)
        if answer == CLOSED:
            return
        self.assertEqual(self.longest(session), 64 * self.block)
        self.completes(session, offer, first.itt)

    def completes(self, session, offer, itt):
        """A new sequence: declared with F=0, ended with F=1; then it holds."""
        third = self.answered(session.text(offer, final=False, itt=itt))
        self.assertEqual((third.final, third.ttt == RESERVED_TAG), (0, False))
        last = self.answered(session.text(ttt=third.ttt, itt=itt))
        self.assertEqual((last.final, last.ttt), (1, RESERVED_TAG))
        self.prelude(session)
        self.assertEqual(self.longest(session), int(offer["MaxRecvDataSegmentLength"]))

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

    def test_ffp_17_7_1_a_negotiation_is_reset(self):
        """RFC 7143 7.12: a request of a foreign ITT is rejected; a new one with TTT 0xffffffff begins anew, with the
        key that the abandoned one had already."""
        session = self.session(keys={"MaxRecvDataSegmentLength": None})
        first = self.answered(session.text({"MaxRecvDataSegmentLength": "512"}, final=False))
        answer = session.text({"InitiatorAlias": "station"}, ttt=first.ttt)
        self.assertIsInstance(answer, str, f"answered as if it belonged to the exchange: {answer}")
        self.ends(answer, *PROTOCOL)
        if answer != CLOSED:
            self.assertEqual(self.longest(session), 8192)
            self.completes(session, {"MaxRecvDataSegmentLength": "512"}, first.itt)

    def test_text_an_abandoned_negotiation_changes_nothing(self):
        """RFC 7143 7.12: a new Text Request with TTT 0xffffffff abandons the open one; old values stay."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "8192"})
        self.answered(session.text({"MaxRecvDataSegmentLength": "1024"}, final=False))
        self.answered(session.text(UNKNOWN))
        self.assertEqual(self.longest(session), 8192)

    def test_ffp_17_7_2_an_unfinished_negotiation_changes_nothing(self):
        """RFC 7143 7.12: MaxRecvDataSegmentLength=512 with F=0 and nothing after it: 1024, of the login, stays."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "1024"})
        self.answered(session.text({"MaxRecvDataSegmentLength": "512"}, final=False))
        self.assertEqual(self.longest(session), 1024)

    def test_ffp_17_7_3_a_refused_value_changes_nothing(self):
        """RFC 7143 6.2, 13.12: 511 is below 512: Reject, old values stay; the next legal value is taken."""
        session = self.session(keys={"MaxRecvDataSegmentLength": None})
        answer = session.text({"MaxRecvDataSegmentLength": "511"})
        if isinstance(answer, str):
            self.ends(answer, *PROTOCOL)
            if answer == CLOSED:
                return
        else:
            self.assertIn(("MaxRecvDataSegmentLength", "Reject"), text.decode(answer.data))
        self.assertEqual(self.longest(session), 8192)
        self.assertEqual(self.answered(session.text({"MaxRecvDataSegmentLength": "1024"})).final, 1)
        self.assertEqual(self.longest(session), 1024)

    def test_text_a_protocol_error_discards_the_whole_negotiation(self):
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
        """RFC 7143 11.10.2: text before the C bit is clear is only collected; its cuts may be anywhere."""
        keys = {"InitiatorAlias": "a" * 240, "X-cbit.org.outboard.test1": "b" * 250, "X-cbit.org.outboard.test2": "c"}
        data = text.encode(keys)
        for sizes in ((len(data) - 2, 2), (1, 1, len(data) - 2), (len(data) // 2, len(data) - len(data) // 2)):
            answer = self.answered(self.chain(self.session(keys={"MaxRecvDataSegmentLength": "512"}), data, sizes))
            self.assertEqual([pair for pair in text.decode(answer.data) if pair[0] != "InitiatorAlias"],
                             [(key, "NotUnderstood") for key in keys if key != "InitiatorAlias"])

    def test_ffp_17_8_2_c_and_f_together(self):
        """RFC 7143 11.10.2: F must be 0 when C is 1; the errored request changes nothing."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "1024"})
        self.assertEqual(self.longest(session), 1024)
        answer = session.text({"MaxRecvDataSegmentLength": "512"}, cont=1)
        self.ends(answer, *PROTOCOL)
        if answer != CLOSED:
            self.assertEqual(self.longest(session), 1024)

    def test_ffp_17_8_3_a_key_that_is_cut_in_two_takes_effect(self):
        """RFC 7143 6.1, 11.10.2: "MaxRecvDataSegment" with C, "Length=512" without it."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "1024"})
        data = text.encode({"InitiatorAlias": "a" * 240, "X-cbit.org.outboard.test1": "b" * 250,
                            "MaxRecvDataSegmentLength": "512"})
        cut = data.index(b"Length=512")
        answer = self.answered(self.chain(session, data, (cut, len(data) - cut)))
        self.assertIn(("X-cbit.org.outboard.test1", "NotUnderstood"), text.decode(answer.data))
        self.assertEqual(self.longest(session), 512)

    def test_text_an_error_in_a_chain_discards_all_of_it(self):
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
