"""UNH-IOL full feature items 1 to 6: command window, StatSN, DataSN, R2TSN, retry, connection allegiance."""

from rawiscsi.pdu import RESERVED_TAG, serial_add

from .case import CLOSED, Case, Op, scsi


class Numbering(Case):
    def window(self, session):
        return ((session.model.max_cmd_sn - session.model.exp_cmd_sn) & 0xFFFFFFFF) + 1

    def test_ffp_1_1_max_cmd_sn_is_never_less_than_exp_cmd_sn_minus_one(self):
        """RFC 7143 4.2.2.1: the model holds it against every PDU, here of ten WRITEs by R2T and of a full window."""
        session = self.r2t_mode()
        for i in range(10):
            self.write(session, i * 2, self.pattern(2 * self.block, i))
        count = self.window(session)
        self.assertGreaterEqual(count, 1)
        tasks = [session.command(scsi.test_unit_ready(), self.lun) for _ in range(count)]
        session.finish(*tasks)
        self.assertEqual({str(t) for t in tasks}, {"good"})

    def test_ffp_1_2_commands_outside_the_window_are_ignored(self):
        """RFC 7143 4.2.2.1: a non-immediate command above MaxCmdSN or below ExpCmdSN is silently ignored."""
        session = self.session()
        self.write(session, 8, self.pattern(self.block, 1))
        for number in (serial_add(session.model.max_cmd_sn, 1), serial_add(session.model.max_cmd_sn, 1000),
                       serial_add(session.model.exp_cmd_sn, -1), serial_add(session.model.exp_cmd_sn, -100)):
            limit = session.model.sent_limit
            task = session.command(scsi.write10(8, 1), self.lun, write=self.pattern(self.block, 2), cmd_sn=number)
            session.model.sent_limit = limit
            self.ignored(session)
            session.model.forbid(task)
        self.assertEqual(self.read(session, 8, 1), self.pattern(self.block, 1), "an ignored WRITE reached the medium")

    def test_ffp_1_3_a_duplicate_inside_the_window_is_ignored(self):
        """RFC 7143 4.2.2.1: of two commands with one CmdSN the first is executed, the second is ignored."""
        session = self.session()
        self.write(session, 9, self.pattern(2 * self.block, 1))
        gap = session.cmd_sn
        later = serial_add(gap, 1)
        first = session.command(scsi.write10(9, 1), self.lun, write=self.pattern(self.block, 2), cmd_sn=later)
        second = session.command(scsi.write10(10, 1), self.lun, write=self.pattern(self.block, 3), cmd_sn=later)
        self.ignored(session)
        filler = session.command(scsi.test_unit_ready(), self.lun, cmd_sn=gap)
        session.cmd_sn = serial_add(gap, 2)
        session.finish(filler, first)
        session.model.forbid(second)
        self.assertEqual(str(first), "good")
        self.assertEqual(self.read(session, 9, 2), self.pattern(
            self.block, 2) + self.pattern(2 * self.block, 1)[self.block:])

    def test_ffp_2_1_stat_sn_advances_by_one_per_response(self):
        """RFC 7143 4.2.2.2: from the last Login Response on, each numbered response takes the next StatSN."""
        session = self.session(settle=False)
        start = session.model.next_stat_sn
        for _ in range(3):
            session.do(scsi.test_unit_ready(), self.lun)
            session.ping(b"x" * 5)
            session.tmf(1, self.lun, task=None, referenced_task_tag=0xABCD, ref_cmd_sn=session.cmd_sn - 1000)
            session.do(scsi.inquiry(96), self.lun, read=96)
            self.answered(session.text({"X-org.outboard.nothing": "1"}))
        self.assertEqual(session.model.next_stat_sn, serial_add(start, 15))

    def test_ffp_3_1_data_sn_counts_from_zero(self):
        """RFC 7143 11.7.5: DataSN starts at 0 for each command and grows by one per Data-In."""
        session = self.fast()
        for blocks in (1, 2, 3, 40):
            task = session.do(scsi.read10(0, blocks), self.lun, read=blocks * self.block)
            self.assertEqual([p.data_sn for p in task.data_in_pdus], list(range(len(task.data_in_pdus))))
            self.assertGreaterEqual(len(task.data_in_pdus), blocks * self.block // 1024)

    def test_ffp_4_1_r2t_sn_counts_from_zero(self):
        """RFC 7143 11.8.2: R2TSN starts at 0 for each command and grows by one per R2T."""
        session = self.fast()
        for _ in range(2):
            task = self.write(session, 0, self.pattern(64 * self.block))
            self.assertEqual([r.r2t_sn for r in task.r2ts], list(range(len(task.r2ts))))
            self.assertGreaterEqual(len(task.r2ts), 64 * self.block // 8192)

    def test_ffp_5_1_a_command_with_a_bad_data_digest_is_retried(self):
        """RFC 7143 7.8: Reject 0x02 for immediate data with a bad digest; the same CmdSN may then be sent again."""
        session = self.session(keys={"DataDigest": "CRC32C"})
        data = self.pattern(self.block, 5)
        task = session.command(scsi.write10(11, 1), self.lun, write=data, encoding={"spoil_data": True})
        how = session.outcome(task)
        self.ends(how, "reject 02", CLOSED)
        if how == CLOSED:
            return
        self.assertEqual(session.model.exp_cmd_sn, session.cmd_sn, "the rejected command counts as received")
        retry = session.do(scsi.write10(11, 1), self.lun, write=data, itt=task.itt)  # the same PDU, undamaged
        self.assertEqual((retry.itt, str(retry)), (task.itt, "good"))
        self.assertEqual(self.read(session, 11, 1), data)

    def test_ffp_6_1_a_response_comes_on_the_connection_of_its_command(self):
        """RFC 7143 4.2.5.1: connection allegiance, here of two sessions with equal tags."""
        one, two = self.session(), self.session()
        data = self.pattern(self.block, 6), self.pattern(self.block, 7)
        one.next_itt = two.next_itt = 0x5000
        tasks = [s.command(scsi.write10(12 + i, 1), self.lun, write=data[i], immediate_data=0, automatic=False)
                 for i, s in enumerate((one, two))]
        for session, task in zip((two, one), reversed(tasks)):
            r2t = session.expect(Op.R2T)
            session.answer_r2t(task, r2t)
            self.assertEqual(str(session.finish(task)), "good")
        one.next_itt = two.next_itt = 0x6000
        reads = [s.command(scsi.read10(12 + i, 1), self.lun, read=self.block) for i, s in enumerate((one, two))]
        for i, session in ((1, two), (0, one)):
            self.assertEqual(bytes(session.finish(reads[i]).data_in), data[i])

    def test_nop_of_the_reserved_tag_is_not_answered(self):
        """RFC 7143 11.18.1: ITT 0xffffffff asks for no answer; CmdSN of an immediate request does not advance."""
        session = self.session()
        before = session.model.exp_cmd_sn
        session.send(session.request(Op.NOP_OUT, immediate=True, itt=RESERVED_TAG, ttt=RESERVED_TAG))
        self.ignored(session)
        self.assertEqual(session.model.exp_cmd_sn, before)
