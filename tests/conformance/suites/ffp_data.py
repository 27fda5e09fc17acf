"""UNH-IOL full feature items 7 to 10, 16 and 19: Data-In, Data-Out, R2T, residuals, unsolicited data."""

from rawiscsi.pdu import RESERVED_TAG, serial_add

from .case import CLOSED, NOT_PERMITTED_DATA, Case, Op, scsi

SHORT = {"MaxBurstLength": "8192", "FirstBurstLength": "4096", "MaxRecvDataSegmentLength": "1024"}


class DataTransfer(Case):
    def canary(self, session, lba, blocks, seed=90):
        data = self.pattern(blocks * self.block, seed)
        self.write(session, lba, data)
        return data

    def unsolicited(self, keys):
        """A session of these keys, or a skip when the target chose otherwise (it may)."""
        session = self.session(keys={**SHORT, **keys})
        for key in ("InitialR2T", "ImmediateData"):
            if key in keys and session.parameters[key] != keys[key]:
                self.skipTest(f"the target negotiated {key}={session.parameters[key]}")
        return session

    def test_ffp_7_1_unsolicited_data_while_initial_r2t_is_yes(self):
        """RFC 7143 13.10, 11.4.7.2: data that nobody asked for is refused and never written."""
        session = self.unsolicited({"InitialR2T": "Yes", "ImmediateData": "No"})
        before = self.canary(self.session(), 20, 8)
        data = self.pattern(8 * self.block, 91)
        task = session.command(scsi.write10(20, 8), self.lun, write=data, unsolicited=4096, automatic=False)
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        self.assertEqual(self.read(self.session(), 20, 8), before)

    def test_ffp_7_2_more_unsolicited_data_than_first_burst_length(self):
        """RFC 7143 13.14: more than FirstBurstLength is refused; nothing beyond it is written."""
        session = self.unsolicited({"InitialR2T": "No", "ImmediateData": "Yes"})
        before = self.canary(self.session(), 40, 32)
        data = self.pattern(32 * self.block, 92)
        task = session.command(scsi.write10(40, 32), self.lun, write=data, immediate_data=1024, unsolicited=8192,
                               automatic=False)
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        after = self.read(self.session(), 40, 32)
        self.assertEqual(after[4096:], before[4096:], "data beyond FirstBurstLength was written")

    def test_ffp_8_1_r2t_has_a_tag_and_the_lun(self):
        """RFC 7143 11.8: an R2T carries a valid Target Transfer Tag and the LUN of the command."""
        session = self.fast()
        task = self.write(session, 0, self.pattern(64 * self.block))
        self.assertTrue(task.r2ts)
        self.assertNotIn(RESERVED_TAG, [r.ttt for r in task.r2ts])
        self.assertEqual({r.lun for r in task.r2ts}, {scsi.lun_field(self.lun)})

    def test_ffp_8_2_data_in_without_a_bit_has_the_reserved_tag(self):
        """RFC 7143 11.7.4: TTT is 0xffffffff and LUN reserved when the A bit is clear."""
        session = self.fast()
        task = session.do(scsi.read10(0, 16), self.lun, read=16 * self.block)
        self.assertEqual({(p.ttt, p.lun) for p in task.data_in_pdus}, {(RESERVED_TAG, 0)})

    def test_ffp_9_1_status_in_data_in_implies_f_and_good(self):
        """RFC 7143 11.7.3: S only with F; a status that needs sense data comes in a SCSI Response."""
        session = self.fast()
        task = session.do(scsi.read10(0, 16), self.lun, read=16 * self.block)
        self.assertTrue(all(p.final for p in task.data_in_pdus if p.flags & 1))
        task = session.do(scsi.read10(self.blocks, 1), self.lun, read=self.block)
        self.assertEqual((str(task), task.answer.opcode), ("check 05/21/00", Op.SCSI_RESPONSE))

    def test_ffp_9_2_f_ends_each_data_in_sequence(self):
        """RFC 7143 11.7.1, 13.13: F closes each sequence of at most MaxBurstLength bytes and the whole transfer."""
        session = self.fast()
        task = session.do(scsi.read10(0, 64), self.lun, read=64 * self.block)
        self.assertTrue(task.data_in_pdus[-1].final)
        burst = 0
        for pdu in task.data_in_pdus:
            burst = burst + len(pdu.data)
            self.assertLessEqual(burst, 8192)
            burst = 0 if pdu.final else burst
        self.assertEqual(burst, 0)

    def test_ffp_9_3_1_data_in_obeys_our_segment_length(self):
        """RFC 7143 13.12: no Data-In is longer than the MaxRecvDataSegmentLength that we declared."""
        for length in (512, 1024, 4096, 8192, 65536):
            session = self.session(keys={"MaxRecvDataSegmentLength": str(length)})
            task = session.do(scsi.read10(0, 256), self.lun, read=256 * self.block)
            self.assertLessEqual(max(len(p.data) for p in task.data_in_pdus), length)
            self.assertEqual(len(task.data_in), 256 * self.block)

    def test_ffp_9_3_2_a_data_segment_of_no_bytes_is_no_error(self):
        """RFC 7143 11.7.7: a transfer of no blocks is GOOD without data."""
        session = self.session()
        task = session.do(scsi.read10(0, 0), self.lun, read=1, expected=0, bit6=1)
        self.assertEqual((str(task), bytes(task.data_in)), ("good", b""))
        task = session.do(scsi.write10(0, 0), self.lun, bit5=1, expected=0)
        self.assertEqual(str(task), "good")

    def test_ffp_9_3_3_only_the_last_data_in_is_not_a_multiple_of_four(self):
        """RFC 7143 11.7.7: DataSegmentLength is a multiple of four but for the last PDU; padding is zero."""
        session = self.session(keys={"MaxRecvDataSegmentLength": "1024"})
        for expected in (1, 2, 3, 5, 511, 1021, 1023, 1025, 2047):
            task = session.do(scsi.read10(0, 4), self.lun, read=expected)
            self.assertEqual([len(p.data) % 4 for p in task.data_in_pdus[:-1]], [0] * (len(task.data_in_pdus) - 1))
            self.assertEqual((len(task.data_in), task.overflow), (expected, 4 * self.block - expected))

    def test_ffp_9_4_data_sn_is_exact(self):
        """RFC 7143 11.7.5: over several sequences DataSN goes on counting."""
        session = self.fast()
        task = session.do(scsi.read10(0, 128), self.lun, read=128 * self.block)
        self.assertEqual([p.data_sn for p in task.data_in_pdus], list(range(len(task.data_in_pdus))))

    def test_ffp_9_5_buffer_offset_is_exact(self):
        """RFC 7143 11.7.6, 13.18, 13.19: offsets increase without gap or overlap."""
        session = self.fast()
        task = session.do(scsi.read10(0, 128), self.lun, read=128 * self.block)
        place = 0
        for pdu in task.data_in_pdus:
            self.assertEqual(pdu.buffer_offset, place)
            place += len(pdu.data)

    def test_ffp_10_1_r2ts_are_contiguous_and_bounded(self):
        """RFC 7143 11.8.4, 13.13, 13.17: R2Ts cover the data once, in order, at most MaxBurstLength each."""
        for outstanding in ("1", "4"):
            session = self.fast(MaxOutstandingR2T=outstanding)
            data = self.pattern(128 * self.block, int(outstanding))
            task = self.write(session, 100, data)
            self.assertEqual(sum(r.desired_length for r in task.r2ts), len(data))
            self.assertEqual(self.read(session, 100, 128), data)

    def test_ffp_16_1_residual_underflow(self):
        """RFC 7143 11.4.5.1: U and the exact count when the command moves less than expected."""
        session = self.session()
        task = session.do(scsi.read10(0, 2), self.lun, read=5 * self.block)
        self.assertEqual((str(task), task.underflow, task.overflow), ("good", 3 * self.block, 0))
        task = session.do(scsi.write10(0, 2), self.lun, write=self.pattern(5 * self.block))
        self.ends(task, "good", "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d")
        self.assertEqual((task.underflow, task.overflow), (3 * self.block if task.status == 0 else task.underflow, 0))
        task = session.do(scsi.inquiry(255), self.lun, read=255)
        self.assertEqual(task.underflow, 255 - len(task.data_in))

    def test_ffp_16_2_residual_overflow(self):
        """RFC 7143 11.4.5.1: O and the exact count when the command would move more than expected."""
        session = self.session()
        task = session.do(scsi.read10(0, 5), self.lun, read=2 * self.block)
        self.assertEqual((str(task), task.overflow, len(task.data_in)), ("good", 3 * self.block, 2 * self.block))
        task = session.do(scsi.inquiry(96), self.lun, read=36)
        self.assertEqual(len(task.data_in), 36)
        self.assertGreater(task.overflow, 0)

    def test_ffp_16_3_1_immediate_data_up_to_first_burst_length(self):
        """RFC 7143 13.11, 13.14: immediate data of every legal length is GOOD."""
        session = self.unsolicited({"ImmediateData": "Yes"})
        for blocks in range(1, 9):
            data = self.pattern(16 * self.block, blocks)
            size = min(blocks * self.block, session.parameters.target_mrdsl)
            task = session.do(scsi.write10(60, 16), self.lun, write=data, immediate_data=size, unsolicited=0)
            self.assertEqual(str(task), "good")
            self.assertEqual(self.read(session, 60, 16), data)

    def test_ffp_16_3_2_immediate_and_unsolicited_data_together(self):
        """RFC 7143 13.10, 13.14: together they make FirstBurstLength, the rest is solicited."""
        session = self.unsolicited({"InitialR2T": "No", "ImmediateData": "Yes"})
        for now in (0, 512, 1024, 2048, 4096):
            data = self.pattern(20 * self.block, now)
            task = session.do(scsi.write10(80, 20), self.lun, write=data, immediate_data=now, unsolicited=4096 - now)
            self.assertEqual(str(task), "good")
            self.assertEqual(self.read(session, 80, 20), data)

    def test_ffp_16_3_3_unsolicited_data_only(self):
        """RFC 7143 13.10: InitialR2T=No and ImmediateData=No: the first burst comes in Data-Out PDUs."""
        session = self.unsolicited({"InitialR2T": "No", "ImmediateData": "No"})
        for blocks in (1, 8, 24):
            data = self.pattern(blocks * self.block, blocks)
            task = session.do(scsi.write10(110, blocks), self.lun, write=data)
            self.assertEqual(str(task), "good")
            self.assertEqual(self.read(session, 110, blocks), data)

    def test_ffp_16_3_4_immediate_data_while_immediate_data_is_no(self):
        """RFC 7143 13.11: refused, never written."""
        session = self.unsolicited({"ImmediateData": "No"})
        before = self.canary(self.session(), 140, 2)
        task = session.command(scsi.write10(140, 2), self.lun, write=self.pattern(2 * self.block, 93),
                               immediate_data=2 * self.block, unsolicited=0, automatic=False)
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        self.assertEqual(self.read(self.session(), 140, 2), before)

    def test_ffp_16_3_5_more_immediate_data_than_first_burst_length(self):
        """RFC 7143 13.14: refused; nothing beyond the burst is written."""
        session = self.unsolicited({"ImmediateData": "Yes", "InitialR2T": "Yes"})
        before = self.canary(self.session(), 150, 16)
        task = session.command(scsi.write10(150, 16), self.lun, write=self.pattern(16 * self.block, 94),
                               immediate_data=min(8192, session.parameters.target_mrdsl), unsolicited=0,
                               automatic=False)
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        self.assertEqual(self.read(self.session(), 150, 16)[4096:], before[4096:])

    def test_ffp_16_3_6_less_unsolicited_data_than_must_come(self):
        """RFC 7143 11.4.7.2: unsolicited Data-Out of another amount than FirstBurstLength is an incorrect amount."""
        session = self.unsolicited({"InitialR2T": "No", "ImmediateData": "No"})
        self.canary(self.session(), 170, 24)
        task = session.command(scsi.write10(170, 24), self.lun, write=self.pattern(24 * self.block, 95),
                               unsolicited=2048, automatic=False)
        how = session.outcome(task)
        if how in ("reject 04", "reject 09"):  # the PDU first, then the task
            how = session.outcome(task)
        self.ends(how, "check 0b/0c/0d", CLOSED)

    def test_ffp_16_3_7_an_unknown_operation_code(self):
        """SPC-4 4.3: INVALID COMMAND OPERATION CODE."""
        session = self.session()
        for opcode in (0x02, 0x1F, 0x5C, 0x70, 0xC1, 0xFF):
            self.assertEqual(str(session.do(scsi.cdb(opcode, 16), self.lun)), "check 05/20/00", f"opcode {opcode:02x}")

    def held_write(self, session, lba, blocks=4, seed=96):
        task = session.command(scsi.write10(lba, blocks), self.lun, write=self.pattern(blocks * self.block, seed),
                               immediate_data=0, unsolicited=0, automatic=False)
        return task, session.expect(Op.R2T)

    def test_ffp_16_4_1_a_retry_of_a_command_in_progress_is_dropped(self):
        """RFC 7143 7.2.1: the target received it; the second copy lies below ExpCmdSN and is ignored."""
        session = self.session(keys={"ImmediateData": "No"})
        task, r2t = self.held_write(session, 200)
        again = session.request(Op.SCSI_COMMAND, cmd_sn=serial_add(session.cmd_sn, -1), itt=task.itt, final=1, bit5=1,
                                lun=task.lun, expected_length=task.expected_length, attribute=scsi.SIMPLE)
        again.bhs[32:48] = task.cdb.ljust(16, b"\0")
        session.send(again)
        self.ignored(session)
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(len(task.r2ts), 1)
        self.assertEqual(self.read(session, 200, 4), task.data_out)

    def test_ffp_16_4_2_a_retry_of_a_finished_command_is_dropped(self):
        """RFC 7143 4.2.2.1: its CmdSN is below ExpCmdSN."""
        session = self.session()
        first = self.write(session, 210, self.pattern(self.block, 97))
        self.write(session, 210, self.pattern(self.block, 98))
        again = session.request(Op.SCSI_COMMAND, data=first.data_out, cmd_sn=serial_add(session.cmd_sn, -2), bit5=1,
                                itt=first.itt, lun=first.lun, expected_length=self.block, attribute=scsi.SIMPLE)
        again.bhs[32:48] = first.cdb.ljust(16, b"\0")
        session.send(again)
        self.ignored(session)
        self.assertEqual(self.read(session, 210, 1), self.pattern(self.block, 98), "the old write landed again")

    def test_ffp_16_5_the_response_waits_for_the_final_data_out(self):
        """RFC 7143 11.4.2: an error found early is reported after the Data-Out PDU with F."""
        session = self.unsolicited({"InitialR2T": "No", "ImmediateData": "No"})
        task = session.command(scsi.write10(self.blocks, 8), self.lun, write=self.pattern(4096), immediate_data=0,
                               unsolicited=0, final=0, automatic=False)
        task.sent = 4096
        session.send(session.data_out_pdu(task, 0, bytes(1024), data_sn=0, final=False))
        self.ignored(session)
        session.send(session.data_out_pdu(task, 1024, bytes(3072), data_sn=1, final=True))
        self.assertEqual(str(session.finish(task)), "check 05/21/00")

    def test_ffp_19_1_never_more_data_than_expected(self):
        """RFC 7143 11.7, 11.3.5: whatever the CDB says, Data-In and R2T stay inside the expected length."""
        session = self.session(keys={"ImmediateData": "No"})
        for expected in (0, 1, 511, 512, 513, 1024):
            task = session.do(scsi.read10(0, 8), self.lun, read=1, expected=expected)
            self.assertEqual((len(task.data_in), task.overflow), (expected, 8 * self.block - expected))
        for expected in (512, 1024):
            task = session.do(scsi.write10(0, 8), self.lun, write=self.pattern(expected), expected=expected)
            self.assertLessEqual(sum(r.desired_length for r in task.r2ts), expected)
