"""UNH-IOL full feature items 7 to 10 and 19: Data-In, Data-Out, R2T, and never more than was expected."""

from rawiscsi.pdu import RESERVED_TAG

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

    def test_ffp_7_1_more_data_than_the_r2t_asked_for(self):
        """RFC 7143 13.10, 11.7.7: in R2T mode data that nobody asked for is refused and never written."""
        session = self.r2t_mode()
        before = self.canary(self.session(), 20, 8)
        task, r2t = self.held(session, 20, 4)
        session.send(session.data_out_pdu(task, 0, self.pattern(8 * self.block, 91), r2t.ttt))
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        self.assertEqual(self.read(self.session(), 20, 8)[4 * self.block:], before[4 * self.block:])

    def test_ffp_7_1_unsolicited_data_while_initial_r2t_is_yes(self):
        """RFC 7143 13.10, 11.4.7.2: without any R2T."""
        session = self.unsolicited({"InitialR2T": "Yes", "ImmediateData": "No"})
        before = self.canary(self.session(), 20, 8)
        data = self.pattern(8 * self.block, 91)
        task = session.command(scsi.write10(20, 8), self.lun, write=data, unsolicited=4096, automatic=False)
        self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
        self.assertEqual(self.read(self.session(), 20, 8), before)

    def test_ffp_7_2_more_unsolicited_data_than_first_burst_length(self):
        """RFC 7143 13.14: more than FirstBurstLength is refused; nothing beyond it is written."""
        for keys, now, later in (({"ImmediateData": "No", "FirstBurstLength": "512"}, 0, 1024),
                                 ({"ImmediateData": "Yes"}, 1024, 8192)):
            session = self.unsolicited({"InitialR2T": "No", **keys})
            self.prelude(session)
            burst = session.parameters.number("FirstBurstLength")
            before = self.canary(self.session(), 40, 32)
            task = session.command(scsi.write10(40, 32), self.lun, write=self.pattern(32 * self.block, 92),
                                   immediate_data=now, unsolicited=later, automatic=False)
            self.ends(session.outcome(task), *NOT_PERMITTED_DATA)
            after = self.read(self.session(), 40, 32)
            self.assertEqual(after[burst:], before[burst:], "data beyond FirstBurstLength was written")

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

    def test_ffp_9_3_2_a_data_out_of_no_bytes_is_no_error(self):
        """RFC 7143 11.7.7: targets MUST be able to receive data segments of length 0."""
        session = self.r2t_mode()
        task, r2t = self.held(session, 160)
        session.send(session.data_out_pdu(task, 0, b"", r2t.ttt, data_sn=0, final=False))
        half = 2 * self.block
        session.send(session.data_out_pdu(task, 0, task.data_out[:half], r2t.ttt, data_sn=1, final=False))
        session.send(session.data_out_pdu(task, half, b"", r2t.ttt, data_sn=2, final=False))
        session.send(session.data_out_pdu(task, half, task.data_out[half:], r2t.ttt, data_sn=3))
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual((self.read(session, 160, 4), session.model.rejects), (task.data_out, []))

    def test_data_transfers_of_no_blocks(self):
        """SBC-3 5.7, 5.33: a transfer of no blocks is GOOD without data."""
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
        """RFC 7143 11.8.4, 13.13, 13.17: R2Ts cover the data once, in order, at most MaxBurstLength each; the model
        holds ITT, TTT, R2TSN, StatSN and length against each of them."""
        for outstanding in ("1", "4"):
            session = self.r2t_mode(MaxOutstandingR2T=outstanding, MaxBurstLength="512", FirstBurstLength="512")
            data = self.pattern(128 * self.block, int(outstanding))
            task = self.write(session, 100, data, itt=0xA2A2A2A2)
            self.assertEqual({r.itt for r in task.r2ts}, {0xA2A2A2A2})
            self.assertEqual([r.buffer_offset for r in task.r2ts], list(range(0, len(data), 512)))
            self.assertEqual(sum(r.desired_length for r in task.r2ts), len(data))
            self.assertEqual(self.read(session, 100, 128), data)

    def test_ffp_19_1_never_more_data_than_expected(self):
        """RFC 7143 11.7, 11.3.5: whatever the CDB says, Data-In and R2T stay inside the expected length."""
        session = self.r2t_mode()
        for cdb, whole in ((scsi.read_capacity10(), 8), (scsi.read_capacity16(), 32), (scsi.inquiry(36), 36)):
            task = session.do(cdb, self.lun, read=1, expected=0)
            self.assertEqual((str(task), bytes(task.data_in), task.overflow), ("good", b"", whole))
        for expected in (0, 1, 511, 512, 513, 1024):
            task = session.do(scsi.read10(0, 8), self.lun, read=1, expected=expected)
            self.assertEqual((len(task.data_in), task.overflow), (expected, 8 * self.block - expected))
        for expected in (512, 1024):
            task = session.do(scsi.write10(0, 8), self.lun, write=self.pattern(expected), expected=expected)
            self.assertLessEqual(sum(r.desired_length for r in task.r2ts), expected)

    def unordered(self, **keys):
        """Keys of order whose answer is No too, or a skip when the target wants order (it may)."""
        session = self.session(keys={"ImmediateData": "No", "MaxOutstandingR2T": "4", "MaxBurstLength": "4096",
                                     "FirstBurstLength": "4096", **keys})
        for key in keys:
            if session.parameters[key] != "No":
                self.skipTest(f"the target negotiated {key}={session.parameters[key]}")
        return session

    def pieces(self, session, task, r2t, order):
        """One PDU for each number in order: the part of the sequence that it is."""
        size = r2t.desired_length // len(order)
        for data_sn, number in enumerate(order):
            at = r2t.buffer_offset + number * size
            yield session.data_out_pdu(task, at, task.data_out[at:at + size], r2t.ttt, data_sn, data_sn + 1 == len(order))

    def test_data_pdus_in_any_order(self):
        """RFC 7143 13.18: DataPDUInOrder=No."""
        session = self.unordered(DataPDUInOrder="No")
        for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (0, 2, 1, 3)):
            task, r2t = self.held(session, 300, 8)
            for pdu in self.pieces(session, task, r2t, order):
                session.send(pdu)
            task.open_r2ts.clear()
            self.assertEqual(str(session.finish(task)), "good")
            self.assertEqual(self.read(session, 300, 8), task.data_out)

    def test_data_sequences_in_any_order(self):
        """RFC 7143 13.19: DataSequenceInOrder=No: R2Ts are answered as the initiator likes, their PDUs mingled."""
        for keys in ({"DataSequenceInOrder": "No"}, {"DataSequenceInOrder": "No", "DataPDUInOrder": "No"}):
            session = self.unordered(**keys)
            task, _ = self.held(session, 300, 32)
            while len(task.r2ts) < 4 and not task.done:
                session.receive("the R2Ts of a WRITE")
            order = (3, 1, 0, 2) if "DataPDUInOrder" in keys else (0, 1, 2, 3)
            sequences = [self.pieces(session, task, r2t, order) for r2t in reversed(task.r2ts)]
            for step in zip(*sequences):
                for pdu in step:
                    session.send(pdu)
            task.open_r2ts.clear()
            self.assertEqual(str(session.finish(task)), "good")
            self.assertEqual(self.read(session, 300, 32), task.data_out)

    def test_data_out_of_order_with_a_gap_or_an_overlap(self):
        """RFC 7143 13.18: any order, but each byte of the sequence, and nothing beside it."""
        for hint, places in (("gap", (2, 0, 3)), ("overlap", (2, 0, 2, 3)), ("beyond", (2, 0, 1, 4))):
            session = self.unordered(DataPDUInOrder="No")
            before = self.canary(self.session(), 296, 24)
            task, r2t = self.held(session, 300, 8)
            for data_sn, place in enumerate(places):
                session.send(session.data_out_pdu(task, place * 1024, self.pattern(1024, 93), r2t.ttt, data_sn,
                                                  data_sn + 1 == len(places)))
            self.ends(session.outcome(task), *NOT_PERMITTED_DATA, hint=hint)
            after = self.read(self.session(), 296, 24)
            self.assertEqual((after[:4 * self.block], after[12 * self.block:]),
                             (before[:4 * self.block], before[12 * self.block:]), hint)
