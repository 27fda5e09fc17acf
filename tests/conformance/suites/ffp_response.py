"""UNH-IOL full feature items 16: residuals, unsolicited data, retries, and when the SCSI Response comes."""

from rawiscsi.pdu import RESERVED_TAG, serial_add

from .case import CLOSED, NOT_PERMITTED_DATA, Case, Op, scsi

BURST = {"MaxBurstLength": "8192", "FirstBurstLength": "1024", "MaxRecvDataSegmentLength": "1024"}


class Residuals(Case):
    def test_ffp_16_1_residual_underflow(self):
        """RFC 7143 11.4.5.1: U and the exact count when the command moves less than expected."""
        session = self.session()
        task = session.do(scsi.inquiry(4096), self.lun, read=4096)
        self.assertEqual((str(task), task.underflow, task.overflow), ("good", 4096 - len(task.data_in), 0))
        self.assertGreaterEqual(len(task.data_in), 36)
        task = session.do(scsi.read10(0, 2), self.lun, read=5 * self.block)
        self.assertEqual((str(task), task.underflow, task.overflow), ("good", 3 * self.block, 0))
        task = session.do(scsi.write10(0, 2), self.lun, write=self.pattern(5 * self.block))
        self.ends(task, "good", "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d")
        self.assertEqual((task.underflow, task.overflow), (3 * self.block if task.status == 0 else task.underflow, 0))

    def test_ffp_16_2_residual_overflow(self):
        """RFC 7143 11.4.5.1: O and the exact count when the command would move more than expected."""
        session = self.session()
        whole = len(session.do(scsi.inquiry(255), self.lun, read=255).data_in)
        for expected in (4, 36):
            task = session.do(scsi.inquiry(255), self.lun, read=expected)
            self.assertEqual((str(task), len(task.data_in), task.overflow, task.underflow),
                             ("good", expected, whole - expected, 0))
        task = session.do(scsi.read10(0, 5), self.lun, read=2 * self.block)
        self.assertEqual((str(task), task.overflow, len(task.data_in)), ("good", 3 * self.block, 2 * self.block))


class UnsolicitedData(Case):
    def negotiated(self, **keys):
        """A session of these keys, or a skip when the target chose otherwise (it may)."""
        session = self.session(keys={**BURST, **keys})
        for key, value in keys.items():
            if session.parameters[key] != value:
                self.skipTest(f"the target negotiated {key}={session.parameters[key]}")
        self.prelude(session)
        return session

    def good(self, session, lba, blocks, seed, **options):
        data = self.pattern(blocks * self.block, seed)
        task = self.write(session, lba, data, **options)
        self.assertEqual(self.read(session, lba, blocks), data)
        return task

    def refused(self, session, lba, blocks, *outcomes, kept=0, **options):
        """The command ends in one of these ways, and from the byte `kept` on nothing was written."""
        before = self.pattern(blocks * self.block, 70)
        self.write(self.session(), lba, before)
        task = session.command(scsi.write10(lba, blocks), self.lun, write=self.pattern(blocks * self.block, 71),
                               automatic=False, **options)
        self.ends(session.outcome(task), *outcomes)
        self.assertEqual(self.read(self.session(), lba, blocks)[kept:], before[kept:], "refused data was written")

    def test_ffp_16_3_1_immediate_data_and_the_rest_by_r2t(self):
        """RFC 7143 13.11, 13.14: 512 bytes come with the command, 512 after an R2T."""
        session = self.negotiated(ImmediateData="Yes", InitialR2T="Yes", FirstBurstLength="512")
        task = self.good(session, 60, 2, 1, immediate_data=512)
        self.assertEqual([(r.buffer_offset, r.desired_length) for r in task.r2ts], [(512, 512)])

    def test_ffp_16_3_2_more_immediate_data_than_first_burst_length(self):
        """RFC 7143 13.14: refused; nothing beyond the burst is written."""
        session = self.negotiated(ImmediateData="Yes", InitialR2T="Yes", FirstBurstLength="512")
        self.refused(session, 80, 2, *NOT_PERMITTED_DATA, kept=512, immediate_data=1024, unsolicited=0)

    def test_ffp_16_3_3_solicited_data_only(self):
        """RFC 7143 13.10: InitialR2T=Yes and ImmediateData=No: 1024 bytes after their R2T."""
        session = self.negotiated(ImmediateData="No", InitialR2T="Yes")
        task = self.good(session, 110, 2, 3)
        self.assertEqual([(r.buffer_offset, r.desired_length) for r in task.r2ts], [(0, 1024)])

    def test_ffp_16_3_4_immediate_data_while_immediate_data_is_no(self):
        """RFC 7143 13.11: refused, never written."""
        session = self.negotiated(ImmediateData="No", InitialR2T="Yes")
        self.refused(session, 140, 2, *NOT_PERMITTED_DATA, immediate_data=1024, unsolicited=0)

    def test_ffp_16_3_5_unsolicited_data_out(self):
        """RFC 7143 13.10: InitialR2T=No: the first burst comes in a Data-Out PDU that no R2T asked for."""
        session = self.negotiated(ImmediateData="No", InitialR2T="No", FirstBurstLength="1024")
        self.assertEqual(self.good(session, 150, 2, 5).r2ts, [])

    def test_ffp_16_3_6_less_unsolicited_data_than_must_come(self):
        """RFC 7143 11.4.7.2: unsolicited Data-Out of another amount than FirstBurstLength is an incorrect amount."""
        session = self.negotiated(ImmediateData="No", InitialR2T="No", FirstBurstLength="1024")
        for blocks in (2, 24):  # all of the data, and more than the burst
            self.write(self.session(), 170, bytes(blocks * self.block))
            task = session.command(scsi.write10(170, blocks), self.lun, write=self.pattern(blocks * self.block, 95),
                                   unsolicited=512, automatic=False)
            how = session.outcome(task)
            if how in ("reject 04", "reject 09"):  # the PDU first, then the task
                how = session.outcome(task)
            self.ends(how, "check 0b/0c/0d", CLOSED)
            if how == CLOSED:
                session = self.negotiated(ImmediateData="No", InitialR2T="No", FirstBurstLength="1024")

    def test_ffp_16_3_7_an_unknown_operation_code(self):
        """SPC-4 4.3: INVALID COMMAND OPERATION CODE."""
        session = self.negotiated(InitialR2T="No")
        for opcode in (0x02, 0x1F, 0x5C, 0x70, 0xC1, 0xFF):
            self.assertEqual(str(session.do(scsi.cdb(opcode, 16), self.lun)), "check 05/20/00", f"opcode {opcode:02x}")

    def test_unsolicited_immediate_data_of_every_length(self):
        """RFC 7143 13.11, 13.14: up to FirstBurstLength every length is GOOD."""
        session = self.negotiated(ImmediateData="Yes", InitialR2T="Yes", FirstBurstLength="4096")
        for blocks in range(1, 9):
            self.good(session, 60, 16, blocks, unsolicited=0,
                      immediate_data=min(blocks * self.block, session.parameters.target_mrdsl))

    def test_unsolicited_immediate_data_and_data_out_together(self):
        """RFC 7143 13.10, 13.14: together they make FirstBurstLength, the rest is solicited."""
        session = self.negotiated(InitialR2T="No", ImmediateData="Yes", FirstBurstLength="4096")
        for now in (0, 512, 1024, 2048, 4096):
            self.good(session, 80, 20, now, immediate_data=now, unsolicited=4096 - now)


class Retries(Case):
    def again(self, session, task, cmd_sn, data=b""):
        """The command PDU of the task once more."""
        again = session.request(Op.SCSI_COMMAND, data=data, cmd_sn=cmd_sn, itt=task.itt, final=1, bit5=1, lun=task.lun,
                                expected_length=task.expected_length, attribute=scsi.SIMPLE)
        again.bhs[32:48] = task.cdb.ljust(16, b"\0")
        session.send(again)

    def retried(self, lba, before_the_copy):
        """A WRITE of 4 blocks whose command comes twice, after so many bytes of its data."""
        session = self.r2t_mode()
        task, r2t = self.held(session, lba)
        if before_the_copy:
            session.send(session.data_out_pdu(task, 0, task.data_out[:before_the_copy], r2t.ttt, final=False))
        self.again(session, task, serial_add(session.cmd_sn, -1))
        self.ignored(session)
        session.send(session.data_out_pdu(task, before_the_copy, task.data_out[before_the_copy:], r2t.ttt,
                                          data_sn=1 if before_the_copy else 0))
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(len(task.r2ts), 1)
        self.assertEqual(self.read(session, lba, 4), task.data_out)

    def test_ffp_16_4_1_a_retry_of_a_command_whose_data_has_begun_to_come(self):
        """RFC 7143 7.2.1: the copy lies below ExpCmdSN and is ignored."""
        self.retried(200, 512)

    def test_ffp_16_4_2_a_retry_of_a_command_that_waits_for_data(self):
        """RFC 7143 7.2.1: the copy lies below ExpCmdSN and is ignored."""
        self.retried(210, 0)

    def test_retry_of_a_finished_command(self):
        """RFC 7143 4.2.2.1: its CmdSN is below ExpCmdSN; the old write does not land again."""
        session = self.session()
        first = self.write(session, 210, self.pattern(self.block, 97))
        self.write(session, 210, self.pattern(self.block, 98))
        self.again(session, first, serial_add(session.cmd_sn, -2), first.data_out)
        self.ignored(session)
        self.assertEqual(self.read(session, 210, 1), self.pattern(self.block, 98), "the old write landed again")


class ErrorDetection(Case):
    def test_ffp_16_5_the_response_waits_for_the_final_data_out(self):
        """RFC 7143 7.7, 11.4.2: a Data-Out of a foreign tag is rejected; the response comes after F, not before."""
        session = self.r2t_mode()
        task, r2t = self.held(session, 220)
        part = task.data_out[:512]
        session.send(session.data_out_pdu(task, 0, part, r2t.ttt, final=False, itt=task.itt + 1))
        for number in range(2):
            session.send(session.data_out_pdu(task, 512 * number, part, r2t.ttt, data_sn=number, final=False))
        between = self.fence(session)
        self.assertEqual([p for p in between if p.opcode != Op.REJECT], [], "an answer before the F bit")
        session.send(session.data_out_pdu(task, 1024, part, r2t.ttt, data_sn=2))  # 512 bytes are missing
        how = session.outcome(task)
        if how.startswith("reject"):
            how = session.outcome(task)
        self.ends(how, "check 0b/0c/0d", "check 0b/4b/*", CLOSED)

    def test_response_to_a_write_beyond_the_end_waits_for_f(self):
        """RFC 7143 11.4.2: an error found early is reported after the Data-Out PDU with F."""
        session = self.session(keys={**BURST, "FirstBurstLength": "4096", "InitialR2T": "No", "ImmediateData": "No"})
        if session.parameters.yes("InitialR2T"):
            self.skipTest("the target negotiated InitialR2T=Yes")
        task = session.command(scsi.write10(self.blocks, 8), self.lun, write=self.pattern(4096), immediate_data=0,
                               unsolicited=0, final=0, automatic=False)
        task.sent = 4096
        session.send(session.data_out_pdu(task, 0, bytes(1024), RESERVED_TAG, data_sn=0, final=False))
        self.ignored(session)
        session.send(session.data_out_pdu(task, 1024, bytes(3072), RESERVED_TAG, data_sn=1, final=True))
        self.assertEqual(str(session.finish(task)), "check 05/21/00")
