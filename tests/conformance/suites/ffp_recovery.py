"""UNH-IOL full feature items 12 to 15: SNACK at level 0, logout, Reject, NOP."""

from rawiscsi.pdu import RESERVED_TAG

from .case import CLOSED, Case, Op, Pdu, scsi

R_DATA, STATUS, DATA_ACK = 0, 1, 2


class Snack(Case):
    """At error recovery level 0 every SNACK gets Reject 0x03, SNACK Reject (RFC 7143 11.16, 11.17.1)."""

    def snack(self, session, kind, itt=RESERVED_TAG, ttt=RESERVED_TAG, begin=0, run=0):
        session.send(Pdu(Op.SNACK, flags=0x80 | kind, itt=itt, snack_tag=ttt, lun=scsi.lun_field(self.lun),
                         exp_stat_sn=session.model.next_stat_sn, beg_run=begin, run_length=run))
        how = self.closed_or(session, 0x03)
        if how != CLOSED:
            self.works(session)

    def test_ffp_12_1_r2t_snack(self):
        session = self.session(keys={"ImmediateData": "No"})
        task = session.command(scsi.write10(0, 4), self.lun, write=self.pattern(4 * self.block), automatic=False)
        session.expect(Op.R2T)
        self.snack(session, R_DATA, task.itt, begin=0, run=1)

    def test_ffp_12_2_data_snack(self):
        session = self.fast()
        task = session.do(scsi.read10(0, 16), self.lun, read=16 * self.block)
        self.snack(session, R_DATA, task.itt, begin=2, run=1)

    def test_ffp_12_3_run_snack(self):
        session = self.fast()
        task = session.do(scsi.read10(0, 16), self.lun, read=16 * self.block)
        self.snack(session, R_DATA, task.itt, begin=0, run=0)
        session = self.session()
        self.snack(session, STATUS, begin=session.model.next_stat_sn - 2, run=1)

    def test_ffp_12_4_invalid_snack(self):
        self.snack(self.session(), R_DATA, 0xBAD, begin=7, run=9)
        self.snack(self.session(), DATA_ACK, RESERVED_TAG, ttt=0x77)
        self.snack(self.session(), 9)


class Logout(Case):
    def test_ffp_13_1_closing_the_connection(self):
        """RFC 7143 11.15.1: 0, then the target closes."""
        session = self.session()
        self.assertEqual(session.logout(reason=1, cid=0), 0)
        self.assertEqual(session.closes(), [])

    def test_ffp_13_2_closing_the_session(self):
        """RFC 7143 11.14.1: reason 0 closes the session; its TSIH is gone."""
        session = self.session()
        self.assertEqual(session.logout(reason=0), 0)
        self.assertEqual(session.closes(), [])
        self.target_works()

    def test_f077_logout_with_commands_outstanding(self):
        """RFC 7143 7.6, 11.14: they are answered before the Logout Response or end with it; nothing follows it."""
        for immediate in (False, True):
            session = self.session()
            tasks = [session.command(scsi.read10(0, 64), self.lun, read=64 * self.block) for _ in range(8)]
            pdu = session.send_logout(immediate=immediate)
            answer = session.until(lambda p, itt=pdu.itt: p.itt == itt, "a Logout Response")
            self.assertEqual(answer.response, 0)
            session.model.forbid(*tasks)
            self.assertEqual(session.closes(), [])

    def test_ffp_13_3_closing_an_unknown_connection(self):
        """RFC 7143 11.15.1: 1, CID not found; the session stays."""
        session = self.session()
        self.assertEqual(session.logout(reason=1, cid=77), 1)
        self.works(session)

    def test_f077_1_removing_a_connection_for_recovery(self):
        """RFC 7143 11.15.1: at level 0 the answer is 2, connection recovery is not supported."""
        session = self.session()
        self.assertEqual(session.logout(reason=2, cid=0), 2)

    def test_f077_2_logout_for_an_unassigned_reason(self):
        """RFC 7143 11.14.1, 7.7: Reject 0x09 or 0x04, or the end of the connection."""
        session = self.session()
        session.send_logout(reason=0x55)
        self.closed_or(session, 0x04, 0x09)


class Reject(Case):
    def test_ffp_14_1_the_format_of_a_reject(self):
        """RFC 7143 11.17: reason, ITT 0xffffffff, the whole header of the bad PDU; not supported is 0x05."""
        session = self.session()
        bad = Pdu(0x1B, itt=0x1234, final=1, immediate=1, cmd_sn=session.cmd_sn)
        session.send(bad)
        how = self.closed_or(session, 0x05, 0x04)
        if how != CLOSED:
            self.assertEqual(bytes(session.model.rejects[-1][1].bhs), bytes(bad.bhs))
            self.works(session)

    def test_ffp_14_2_no_scsi_response_before_f(self):
        """RFC 7143 7.8, 11.4.2: after a Reject of a Data-Out the status waits for the last one of the sequence."""
        session = self.session(keys={"ImmediateData": "No", "DataDigest": "CRC32C"})
        task = session.command(scsi.write10(0, 4), self.lun, write=self.pattern(4 * self.block), automatic=False)
        r2t = session.expect(Op.R2T)
        half = 2 * self.block
        bad = session.data_out_pdu(task, 0, task.data_out[:half], r2t.ttt, 0, final=False)
        session.send(bad, spoil_data=True)
        how = self.closed_or(session, 0x02)
        if how == CLOSED:
            return
        self.ignored(session)
        session.send(session.data_out_pdu(task, half, task.data_out[half:], r2t.ttt, 1, final=True))
        self.ends(session.outcome(task), "check 0b/47/05", CLOSED)

    def test_ffp_14_3_a_reject_advances_stat_sn(self):
        """RFC 7143 11.17: the model asks the same of every PDU; here of the one after a Reject."""
        session = self.session()
        before = session.model.next_stat_sn
        session.send(Pdu(0x1B, itt=0x1234, final=1, immediate=1, cmd_sn=session.cmd_sn))
        if self.closed_or(session, 0x05, 0x04) != CLOSED:
            session.ping(b"next")
            self.assertEqual(session.model.next_stat_sn, before + 2)


class Nop(Case):
    def test_ffp_15_1_1_ping_without_data(self):
        """RFC 7143 11.19: same ITT, TTT 0xffffffff, no data."""
        self.assertEqual(self.session().ping(b"").data, b"")

    def test_ffp_15_1_2_ping_with_data(self):
        """RFC 7143 11.18.3: the data comes back; the model compares it."""
        session = self.session()
        for length in (1, 2, 3, 4, 5, 63, 64, 65, 1000):
            self.assertEqual(session.ping(self.pattern(length)).data, self.pattern(length))

    def test_ffp_15_1_3_ping_as_long_as_the_target_takes(self):
        session = self.session()
        length = min(session.parameters.target_mrdsl, 65536)
        self.assertEqual(session.ping(self.pattern(length)).data, self.pattern(length))

    def test_ffp_15_1_4_ping_longer_than_we_take_is_cut(self):
        """RFC 7143 11.18.3: ping data is limited by the initiator's MaxRecvDataSegmentLength."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "512"})
        self.assertEqual(session.ping(self.pattern(2048)).data, self.pattern(2048)[:512])

    def test_ffp_15_1_5_a_non_immediate_ping_takes_a_cmd_sn(self):
        """RFC 7143 11.18: numbered like a command."""
        session = self.session()
        before = session.model.exp_cmd_sn
        answer = session.ping(b"numbered", immediate=False)
        self.assertEqual(answer.exp_cmd_sn, before + 1)
        self.works(session)

    def test_ffp_15_1_6_many_pings_are_each_answered(self):
        session = self.session()
        pings = []
        for i in range(16):
            pings.append(session.request(Op.NOP_OUT, data=bytes([i]) * i, immediate=False, ttt=RESERVED_TAG))
            session.send(pings[-1])
        for ping in pings:
            session.until(lambda p, ping=ping: p.opcode == Op.NOP_IN and p.itt == ping.itt, "a NOP-In")

    def test_ffp_15_2_a_ping_of_the_target(self):
        """RFC 7143 11.19: ITT 0xffffffff, a valid TTT and the LUN; answered with it, nothing follows."""
        self.need("nop_portal")
        session = self.session(portal=self.fixture.nop_portal, settle=False)
        session.auto_nop = False
        ping = session.expect(Op.NOP_IN, "a ping of the target", self.fixture.nop_interval + 5)
        self.assertEqual(ping.itt, RESERVED_TAG)
        self.assertNotEqual(ping.ttt, RESERVED_TAG)
        session.answer_ping(ping)
        self.ignored(session)

    def test_ffp_15_3_a_ping_of_the_target_does_not_advance_stat_sn(self):
        """RFC 7143 11.19: it carries the next StatSN, which the following response carries again."""
        self.need("nop_portal")
        session = self.session(portal=self.fixture.nop_portal, settle=False)
        session.auto_nop = False
        ping = session.expect(Op.NOP_IN, "a ping of the target", self.fixture.nop_interval + 5)
        self.assertEqual(session.ping(b"").stat_sn, ping.stat_sn)

    def test_f074_an_answer_to_a_ping_that_was_not_sent(self):
        """RFC 7143 11.18, F074: a NOP-Out with an unknown TTT is rejected, or the connection closed."""
        session = self.session()
        session.send(Pdu(Op.NOP_OUT, immediate=1, final=1, itt=RESERVED_TAG, ttt=0x1234, cmd_sn=session.cmd_sn,
                         exp_stat_sn=session.model.next_stat_sn))
        self.closed_or(session, 0x04, 0x09)
