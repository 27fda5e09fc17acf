"""Error recovery level 1 (RFC 7143 7.1.4, 7.8, 7.9, 11.16): SNACK, DataACK, lost data and lost responses."""

from rawiscsi.lossy import Lossy
from rawiscsi.pdu import RESERVED_TAG, Op, serial_add

from .case import scsi
from .recovery_case import Level1Case

ANNOUNCED = ()
DATA, STATUS, DATA_ACK, R_DATA = range(4)
PROTOCOL_ERROR, INVALID_ACK, INVALID_FIELD, DIGEST_ERROR = 0x04, 0x08, 0x09, 0x02


class Level1(Level1Case):
    # --- negotiation

    def test_erl_level_is_negotiated(self):
        """13.20: the smaller of both; 13.17: with DataSequenceInOrder=Yes, MaxOutstandingR2T is 1 then."""
        for offer, result in (("0", "0"), ("1", "1"), ("2", None)):
            session = self.session(target=self.fixture.recovery,
                                   keys={"ErrorRecoveryLevel": offer, "MaxOutstandingR2T": "8"})
            level = session.answers["ErrorRecoveryLevel"]
            self.assertIn(level, (result,) if result else ("1", "2"))
            self.assertEqual(session.answers["MaxOutstandingR2T"] == "1", level != "0")
            self.works(session)

    def test_erl_targets_are_of_level_0_unless_told(self):
        session = self.session(keys={"ErrorRecoveryLevel": "2"})
        self.assertEqual(session.answers["ErrorRecoveryLevel"], "0")

    def test_erl_order_of_data_is_always_kept(self):
        """13.18, 13.19: Yes of either side is the result."""
        session = self.recovering(DataPDUInOrder="No", DataSequenceInOrder="No")
        self.assertEqual([session.answers[key] for key in ("DataPDUInOrder", "DataSequenceInOrder")], ["Yes", "Yes"])

    # --- SNACK

    def test_ffp_12_1_r2t_snack_at_level_1(self):
        """11.16: the R2T is sent again, with the StatSN of now."""
        session = self.recovering()
        task, r2t = self.held(session, 400, 32)
        session.ping()
        for begin, run in ((0, 1), (0, 0)):
            session.snack(DATA, task.itt, begin, run)
            self.assertEqual(session.again(("r2t", task.itt, 0))[0].ttt, r2t.ttt)
        task.automatic = True
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(self.read(session, 400, 32), task.data_out)

    def test_ffp_12_2_data_snack_at_level_1(self):
        session = self.recovering()
        self.write(session, 0, self.pattern(16 * self.block, 12))
        task = self.read_task(session)
        session.snack(DATA, task.itt, 2, 1)
        session.again(("data", task.itt, 2))
        session.model.next_stat_sn = serial_add(task.answer.stat_sn, 1)
        self.works(session)

    def test_erl_replicas_are_what_was_read_not_what_is_there_now(self):
        """11.16: exact replicas; the blocks are written by somebody else meanwhile."""
        session, other = self.recovering(), self.session()
        task = self.read_task(session, 600)
        self.write(other, 600, self.pattern(16 * self.block, 99))
        session.snack(DATA, task.itt, 0, 0)
        session.again(*(("data", task.itt, number) for number in range(8)))

    def test_ffp_12_3_run_snack_at_level_1(self):
        """11.16.6, 11.16.7: a run; RunLength 0 is all from BegRun on; both 0 is all that is not acknowledged."""
        session = self.recovering()
        task = self.read_task(session)
        for begin, run, numbers in ((1, 3, (1, 2, 3)), (5, 0, (5, 6, 7)), (0, 0, range(8))):
            session.snack(DATA, task.itt, begin, run)
            session.again(*(("data", task.itt, number) for number in numbers))
        sn = task.answer.stat_sn
        for begin, run in ((sn, 1), (sn, 0), (0, 0)):
            session.snack(STATUS, begin=begin, run=run)
            session.again(("status", sn))

    def test_erl_status_snack_of_every_response(self):
        """11.16: NOP-In, task management, text and Reject are numbered responses, too."""
        session = self.recovering()
        first = session.model.next_stat_sn
        session.ping(b"abc", exp_stat_sn=first)
        session.tmf(9, self.lun, referenced_task_tag=0x99, exp_stat_sn=first)
        session.text({"X-nothing": "1"}, exp_stat_sn=first)
        session.do(scsi.test_unit_ready(), self.lun, exp_stat_sn=first)
        last, session.model.next_stat_sn = session.model.next_stat_sn, first
        session.snack(STATUS, begin=first, run=(last - first) & 0xFFFFFFFF)
        session.again(*(("status", serial_add(first, n)) for n in range((last - first) & 0xFFFFFFFF)))
        session.model.next_stat_sn = last
        self.works(session)

    def test_ffp_12_4_invalid_snack_at_level_1(self):
        """11.16: what was not sent, or is acknowledged, is a protocol error; the connection goes on."""
        session = self.recovering()
        task = self.read_task(session)
        self.last = serial_add(task.answer.stat_sn, 1)
        for fields in ({"begin": 8, "run": 1}, {"begin": 7, "run": 2}, {"begin": 0, "run": 0xFFFFFFFF}):
            self.rejected(session, PROTOCOL_ERROR, DATA, task.itt, **fields)
        self.rejected(session, PROTOCOL_ERROR, DATA, 0xBAD, begin=7, run=9)
        self.rejected(session, PROTOCOL_ERROR, STATUS, begin=serial_add(self.last, 50), run=1)
        self.rejected(session, INVALID_ACK, DATA_ACK, begin=1, tag=0x77)
        self.rejected(session, INVALID_FIELD, 9)
        self.rejected(session, INVALID_FIELD, R_DATA, task.itt, tag=0)
        session.model.next_stat_sn = self.last
        self.rejected(session, PROTOCOL_ERROR, DATA, task.itt, begin=0, run=1)  # acknowledged by this very PDU
        session.model.next_stat_sn = self.last
        self.works(session)

    def test_ffp_14_2_a_data_ack_in_the_middle_of_a_read_at_level_1(self):
        """11.7.2, 11.16.2: A at MaxBurstLength and not at the end; what is acknowledged is not sent again."""
        session = self.recovering()
        before = session.model.next_stat_sn
        task = session.command(scsi.read10(0, 64), self.lun, read=64 * self.block)
        asks = []
        while not task.done:
            pdu = session.receive()
            if pdu.opcode == Op.DATA_IN and pdu.flags & 0x40:
                asks.append(pdu.data_sn)
                session.model.next_stat_sn, after = before, session.model.next_stat_sn
                session.snack(DATA_ACK, begin=pdu.data_sn + 1, tag=pdu.ttt, lun=pdu.lun)
                session.model.next_stat_sn = after
        self.assertEqual(asks, [7, 15, 23])
        self.last, session.model.next_stat_sn = session.model.next_stat_sn, before
        self.rejected(session, PROTOCOL_ERROR, DATA, task.itt, begin=23, run=1)
        session.snack(DATA, task.itt, 0, 0)
        session.again(*(("data", task.itt, number) for number in range(24, 32)))

    def test_ffp_14_3_an_r2t_snack_of_data_that_has_come(self):
        """11.16: data for an R2T says that it has come: asking for it again is a protocol error; the WRITE goes on."""
        session = self.recovering()
        task, r2t = self.held(session, 350)
        session.send(session.data_out_pdu(task, 0, task.data_out[:512], r2t.ttt, 0, final=False))
        self.last = session.model.next_stat_sn
        self.rejected(session, PROTOCOL_ERROR, DATA, task.itt, begin=0, run=1)
        session.model.next_stat_sn = self.last
        session.send(session.data_out_pdu(task, 512, task.data_out[512:], r2t.ttt, 1))
        self.assertEqual(str(session.finish(task)), "good")

    def test_erl_r_data_snack(self):
        """11.16.3: after MaxRecvDataSegmentLength has changed: all data anew, and a response with the SNACK Tag."""
        session = self.recovering(MaxRecvDataSegmentLength="2048")
        data = self.pattern(16 * self.block, 33)
        self.write(session, 640, data)
        task = self.read_task(session, 640)
        before, session.model.next_stat_sn = session.model.next_stat_sn, serial_add(task.answer.stat_sn, 1)
        session.text({"MaxRecvDataSegmentLength": "512"}, exp_stat_sn=before)
        self.last, session.model.next_stat_sn = session.model.next_stat_sn, before
        self.rejected(session, PROTOCOL_ERROR, DATA, task.itt, begin=0, run=0)
        session.snack(R_DATA, task.itt, tag=0x4711)
        again = bytearray()
        for number in range(16):
            pdu = session.wire.receive("data that is cut anew")
            self.assertEqual((pdu.opcode, pdu.itt, pdu.data_sn, pdu.buffer_offset, len(pdu.data)),
                             (Op.DATA_IN, task.itt, number, 512 * number, 512))
            again += pdu.data
        self.assertEqual(again, data)
        answer = session.wire.receive("the response to it")
        self.assertEqual((answer.opcode, answer.snack_tag, answer.stat_sn, answer.exp_data_sn),
                         (Op.SCSI_RESPONSE, 0x4711, task.answer.stat_sn, 16))

    # --- lost data

    def test_ffp_18_2_1_a_command_whose_data_digest_is_wrong_is_sent_again(self):
        """7.8, 7.2.1: Reject 0x02; immediate data is recovered with the command, which is retried with its CmdSN."""
        session = self.recovering(DataDigest="CRC32C", ImmediateData="Yes")
        data = self.pattern(2 * self.block, 5)
        task = session.command(scsi.write10(660, 2), self.lun, write=data, encoding={"spoil_data": True})
        self.assertEqual(session.expect(Op.REJECT).reason, DIGEST_ERROR)
        self.ends(session.outcome(task), "reject 02")
        self.write(session, 660, data)
        self.assertEqual(self.read(session, 660, 2), data)

    def test_ffp_18_2_2_a_data_out_whose_digest_is_wrong_is_asked_for_again(self):
        """7.8: Reject 0x02, then, once the sequence is through, a recovery R2T; the WRITE ends well."""
        session = self.recovering(DataDigest="CRC32C")
        task, r2t = self.held(session, 680)
        half = 2 * self.block
        session.send(session.data_out_pdu(task, 0, task.data_out[:half], r2t.ttt, 0, final=False), spoil_data=True)
        self.assertEqual(session.expect(Op.REJECT).reason, DIGEST_ERROR)
        self.ignored(session)
        session.send(session.data_out_pdu(task, half, task.data_out[half:], r2t.ttt, 1))
        task.open_r2ts.pop(r2t.ttt)
        again = session.expect(Op.R2T)
        self.assertEqual((again.r2t_sn, again.buffer_offset, again.desired_length), (1, 0, 4 * self.block))
        session.answer_r2t(task, again)
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(self.read(session, 680, 4), task.data_out)

    def test_erl_unsolicited_data_with_a_gap(self):
        """7.9: a DataSN that is out of order: the lost data is asked for."""
        session = self.recovering(InitialR2T="No")
        data = self.pattern(8 * self.block, 8)
        task = session.command(scsi.write10(690, 8), self.lun, write=data, immediate_data=0, unsolicited=0, final=0)
        session.send(session.data_out_pdu(task, 1024, data[1024:], data_sn=1))
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(self.read(session, 690, 8), data)
        self.assertEqual(task.r2ts[0].buffer_offset, 0)

    def test_erl_sequence_that_stops(self):
        """7.1.4.2: a sequence reception timeout is an implicit sequence error."""
        session = self.recovering()
        task, r2t = self.held(session, 700)
        session.send(session.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, 0, final=False))
        task.open_r2ts.pop(r2t.ttt)
        again = session.expect(Op.R2T)
        self.assertEqual((again.buffer_offset, again.desired_length), (1024, 1024))
        session.answer_r2t(task, again)
        self.assertEqual(str(session.finish(task)), "good")
        self.assertEqual(self.read(session, 700, 4), task.data_out)

    def test_erl_header_digest_error_ends_the_connection(self):
        """7.8: without a way to find the next header the connection is closed, at any level."""
        session = self.recovering(HeaderDigest="CRC32C")
        session.send(session.request(Op.NOP_OUT, immediate=True, ttt=RESERVED_TAG), spoil_header=True)
        session.closes()
        self.target_works()

    # --- all of it

    def lose(self, seed, chance, **keys):
        session = self.recovering(DataDigest="CRC32C", **keys)
        lossy = Lossy(session, seed, chance)
        blocks = [1 + lossy.random.randrange(64) for _ in range(8)]
        data = [self.pattern(count * self.block, seed * 100 + count) for count in blocks]
        for number, part in enumerate(data):
            lossy.write_blocks(2000 + 64 * number, part, self.block, self.lun)
        lossy.finish()
        clean = self.session()
        for number, part in enumerate(data):
            self.assertEqual(self.read(clean, 2000 + 64 * number, blocks[number]), part, f"seed {seed}")
        reads = [lossy.read_blocks(2000 + 64 * number, blocks[number], self.block, self.lun) for number in range(8)]
        lossy.finish()
        for task, part in zip(reads, data):
            self.assertEqual(task.read(), part, f"seed {seed}")
        for kind in ("Data-Out digest", "DATA_IN", "SCSI_RESPONSE"):
            self.lost_kinds[kind] = self.lost_kinds.get(kind, 0) + lossy.lost[kind]
        self.works(session)
        session.close()  # nobody would answer its pings

    def test_erl_data_is_right_although_every_fifth_pdu_is_lost(self):
        """7.1.4: lost and damaged Data-In, Data-Out, R2Ts and responses, in an order that a seed gives."""
        self.lost_kinds = {}
        for seed in range(6):
            self.lose(seed, 0.2, InitialR2T="No" if seed % 2 else "Yes")
        for kind, count in self.lost_kinds.items():
            self.assertGreater(count, 5, f"hardly any {kind} was lost")
