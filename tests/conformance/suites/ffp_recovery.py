"""UNH-IOL full feature items 12 to 14: SNACK at level 0, logout, Reject."""

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
    def two(self):
        """Two sessions, each with a WRITE that waits for its data: [(session, task, r2t)]."""
        found = []
        for i in range(2):
            session = self.r2t_mode()
            found.append((session, *self.held(session, 330 + 8 * i)))
        return found

    def completes(self, session, task, r2t):
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")
        self.works(session)

    def closed(self, reason):
        """One of two sessions logs out: its task ends without a word, it gets 0 and the end; the other goes on."""
        (session, task, _), other = self.two()
        self.assertEqual(session.logout(reason=reason, cid=0), 0)
        session.model.forbid(task)
        self.assertEqual(session.closes(), [])
        self.completes(*other)

    def test_ffp_13_1_closing_the_connection(self):
        """RFC 7143 11.15.1, 7.6: 0, then the target closes; the tasks of the connection end."""
        self.closed(1)

    def test_ffp_13_2_closing_the_session(self):
        """RFC 7143 11.14.1: reason 0 closes the session."""
        self.closed(0)

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
        """RFC 7143 11.15.1: 1, CID not found; session and tasks stay."""
        one, other = self.two()
        self.assertEqual(one[0].logout(reason=1, cid=77), 1)
        self.completes(*one)
        self.completes(*other)

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
    def rejected(self, session, bad, *reasons):
        """Sends it; the Reject of it, held against item 14: reason, the whole header, ExpCmdSN not moved."""
        before = session.model.exp_cmd_sn
        session.send(bad)
        answer = session.expect(Op.REJECT)
        self.assertIn(answer.reason, reasons)
        self.assertEqual(bytes(session.model.rejects[-1][1].bhs), bytes(bad.bhs))
        self.assertEqual((answer.exp_cmd_sn, len(answer.data)), (before, 48))
        return answer

    def test_ffp_14_1_a_data_out_of_no_task(self):
        """RFC 7143 11.17, 7.7: Reject 0x09 of the stray PDU; the WRITE goes on, its status has the StatSN after it."""
        session = self.r2t_mode()
        task, r2t = self.held(session, 340)
        stray = session.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, final=False, itt=task.itt + 0x100)
        answer = self.rejected(session, stray, 0x09, 0x04)
        self.ignored(session)
        session.send(session.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, 0, final=False))
        session.send(session.data_out_pdu(task, 1024, task.data_out[1024:], r2t.ttt, 1))
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(task.answer.stat_sn, answer.stat_sn + 3, "the Reject, two fences, the status")
        self.assertEqual(self.read(session, 340, 4), task.data_out)

    def test_ffp_14_2_a_data_ack_in_the_middle_of_a_read(self):
        """RFC 7143 11.16: at level 0 no SNACK is taken; the READ is not disturbed."""
        session = self.fast()
        task = session.command(scsi.read10(0, 64), self.lun, read=64 * self.block)
        session.expect(Op.DATA_IN)
        self.rejected(session, Pdu(Op.SNACK, flags=0x80 | DATA_ACK, itt=task.itt, snack_tag=7, beg_run=1,
                                   exp_stat_sn=session.model.next_stat_sn), 0x03)
        self.assertEqual(str(session.finish(task)), "good")
        self.works(session)

    def test_ffp_14_3_an_r2t_snack_of_a_write(self):
        """RFC 7143 11.16, 11.17: Reject 0x03 advances StatSN; the WRITE goes on."""
        session = self.r2t_mode()
        task, r2t = self.held(session, 350)
        answer = self.rejected(session, Pdu(Op.SNACK, flags=0x80 | R_DATA, itt=task.itt, snack_tag=RESERVED_TAG,
                                            lun=task.lun, exp_stat_sn=session.model.next_stat_sn, run_length=1), 0x03)
        self.assertEqual(answer.stat_sn, r2t.stat_sn)
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(task.answer.stat_sn, answer.stat_sn + 1)

    def test_reject_of_an_unknown_opcode(self):
        """RFC 7143 11.17.1: not supported is 0x05."""
        session = self.session()
        self.rejected(session, Pdu(0x1B, itt=0x1234, final=1, immediate=1, cmd_sn=session.cmd_sn), 0x05, 0x04)
        self.works(session)

    def test_reject_of_a_data_out_and_no_response_before_f(self):
        """RFC 7143 7.8, 11.4.2: after a Reject of a Data-Out the status waits for the last one of the sequence."""
        session = self.r2t_mode(DataDigest="CRC32C")
        task, r2t = self.held(session, 360)
        half = 2 * self.block
        session.send(session.data_out_pdu(task, 0, task.data_out[:half], r2t.ttt, 0, final=False), spoil_data=True)
        how = self.closed_or(session, 0x02)
        if how == CLOSED:
            return
        self.ignored(session)
        session.send(session.data_out_pdu(task, half, task.data_out[half:], r2t.ttt, 1, final=True))
        self.ends(session.outcome(task), "check 0b/47/05", CLOSED)
