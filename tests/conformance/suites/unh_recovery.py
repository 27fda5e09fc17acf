"""UNH-IOL error recovery items for targets, by number, at levels 1 and 2 (RFC 7143 7.1.4, 7.2, 11.16)."""

from rawiscsi.errors import Closed
from rawiscsi.pdu import Op, serial_add

from .case import scsi
from .recovery_case import ALLEGIANT, DONE, RECOVER, Level1Case, Level2Case

ANNOUNCED = ()
DATA, STATUS, DIGEST_ERROR = 0, 1, 0x02


class Retry(Level1Case):
    def test_unh_er_1_1_inadvertent_retry(self):
        """7.2.1: a command whose number has come is dropped in silence when it comes again, in progress or done."""
        session = self.recovering()
        task, r2t = self.held(session, 1500)
        again = session.request(Op.SCSI_COMMAND, itt=task.itt, cmd_sn=serial_add(session.cmd_sn, -1), lun=task.lun)
        again.final, again.bit6, again.bit5, again.attribute = 1, 0, 1, scsi.SIMPLE
        again.expected_length = len(task.data_out)
        again.bhs[32:48] = task.cdb.ljust(16, b"\0")
        session.wire.send(again)
        self.ignored(session)
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")
        session.wire.send(again)
        self.ignored(session)
        self.assertEqual(self.read(session, 1500, 4), task.data_out)

    def test_unh_er_1_2_retry_after_digest_error(self):
        """7.2.1, 7.8: Reject 0x02; the same command with the same CmdSN is then taken, and those behind it wait."""
        session = self.recovering(DataDigest="CRC32C", ImmediateData="Yes")
        data = self.pattern(2 * self.block, 12)
        spoiled = session.command(scsi.write10(1510, 2), self.lun, write=data, encoding={"spoil_data": True})
        number = serial_add(session.cmd_sn, -1)
        behind = session.command(scsi.read10(1510, 2), self.lun, read=2 * self.block)
        self.ends(session.outcome(spoiled), f"reject {DIGEST_ERROR:02x}")
        session.model.tasks.pop(spoiled.itt, None)
        after, session.cmd_sn = session.cmd_sn, number
        retried = session.command(scsi.write10(1510, 2), self.lun, write=data)
        session.cmd_sn = max(after, session.cmd_sn)
        session.finish(retried, behind)
        self.assertEqual((str(retried), str(behind)), ("good", "good"))
        self.assertEqual(bytes(behind.data_in), data)


class Reassignment(Level2Case):
    def logged_out(self, old, cid):
        self.assertEqual(self.first.logout(RECOVER, cid=cid), DONE)
        old.wire.close()

    def test_unh_er_2_1_write_after_valid_logout(self):
        second = self.join(self.first, 1)
        task, r2t = self.held(second, 1600, 32)
        second.answer_r2t(task, r2t)
        second.until(lambda p: p.opcode == Op.R2T and p.r2t_sn == 1, "the second R2T")
        self.logged_out(second, 1)
        task.automatic = True
        self.reassign(self.first, task, old=second)
        self.assertEqual(str(self.first.finish(task)), "good")
        self.assertEqual(self.read(self.first, 1600, 32), task.data_out)

    def test_unh_er_2_2_write_without_logout(self):
        """11.6.1: 3, task still allegiant; it goes on where it is."""
        second = self.join(self.first, 1)
        task, r2t = self.held(second, 1640)
        self.refused(self.first, task.itt, ALLEGIANT)
        second.answer_r2t(task, r2t)
        self.assertEqual(str(second.finish(task)), "good")

    def test_unh_er_2_3_read_after_valid_logout(self):
        """7.2.2: with ExpDataSN what has come is not sent again."""
        self.write(self.first, 1660, self.pattern(32 * self.block, 23))
        second = self.join(self.first, 1)
        task = second.command(scsi.read10(1660, 32), self.lun, read=32 * self.block)
        second.until(lambda _: len(task.data_in_pdus) == 5, "five Data-In")
        self.logged_out(second, 1)
        self.reassign(self.first, task, exp_data_sn=5, old=second)
        self.assertEqual(str(self.first.finish(task)), "good")
        self.assertEqual(bytes(task.data_in), self.pattern(32 * self.block, 23))

    def test_unh_er_2_4_implicit_logout(self):
        """6.3.4: a login with the CID of the lost connection logs it out for recovery."""
        second = self.join(self.first, 1)
        task, _ = self.held(second, 1700, 16)
        second.close(reset=True)
        fresh = self.join(self.first, 1)
        task.automatic = True
        self.reassign(fresh, task, old=second)
        self.assertEqual(str(fresh.finish(task)), "good")
        self.assertEqual(self.read(fresh, 1700, 16), task.data_out)


class Snacks(Level1Case):
    def test_unh_er_3_1_r2t_snack(self):
        session = self.recovering()
        task, r2t = self.held(session, 1720, 8)
        session.snack(DATA, task.itt, 0, 1)
        replica = session.again(("r2t", task.itt, 0))[0]
        self.assertEqual((replica.ttt, replica.buffer_offset, replica.desired_length),
                         (r2t.ttt, r2t.buffer_offset, r2t.desired_length))
        session.answer_r2t(task, replica)
        task.automatic = True
        self.assertEqual(str(session.finish(task)), "good")

    def asked_again(self, begin, run, numbers):
        """Data SNACK of a READ of eight Data-In; the client compares each replica with what came first."""
        session = self.recovering()
        self.write(session, 1740, self.pattern(16 * self.block, 33))
        task = self.read_task(session, 1740)
        session.snack(DATA, task.itt, begin, run)
        replicas = session.again(*(("data", task.itt, number) for number in numbers))
        self.assertEqual(b"".join(pdu.data for pdu in replicas),
                         b"".join(task.data_in_pdus[number].data for number in numbers))
        session.model.next_stat_sn = serial_add(task.answer.stat_sn, 1)
        self.works(session)

    def test_unh_er_3_2_data_snack_of_a_single_pdu(self):
        for number in (0, 3, 7):
            self.asked_again(number, 1, [number])

    def test_unh_er_3_3_data_snack_of_a_run(self):
        self.asked_again(2, 4, range(2, 6))

    def test_unh_er_3_4_data_snack_of_a_whole_sequence(self):
        self.asked_again(0, 0, range(8))
        self.asked_again(0, 8, range(8))

    def test_unh_er_3_5_status_snack_of_a_scsi_response(self):
        """11.16: the response again, StatSN and all, until it is acknowledged; then it is a protocol error."""
        session = self.recovering()
        task = self.read_task(session)
        number = task.answer.stat_sn
        for _ in range(2):
            session.snack(STATUS, begin=number, run=1)
            session.again(("status", number))
        self.last = session.model.next_stat_sn = serial_add(number, 1)
        self.rejected(session, 0x04, STATUS, begin=number, run=1)
        session.model.next_stat_sn = self.last
        self.works(session)


class DigestErrors(Level1Case):
    """The first edition of the suite has series of digest errors and of dropped PDUs; here one of each."""

    def test_unh_er_digest_error_of_each_request(self):
        """7.8: data that is spoiled: Reject 0x02, and the request may be sent again; nothing else is harmed."""
        session = self.recovering(DataDigest="CRC32C")
        for opcode, fields in ((Op.NOP_OUT, {"ttt": 0xFFFFFFFF}), (Op.TEXT_REQUEST, {"ttt": 0xFFFFFFFF})):
            pdu = session.request(opcode, data=b"X-k=v\0", immediate=True, **fields)
            session.send(pdu, spoil_data=True)
            self.assertEqual(session.reply(pdu.itt), "reject 02")
            again = session.request(opcode, data=b"X-k=v\0", immediate=True, **fields)
            session.send(again)
            self.answered(session.reply(again.itt))
        self.works(session)

    def test_unh_er_dropped_command(self):
        """4.2.2.1: a command that never came leaves a gap; those behind it wait until it is sent again."""
        session = self.recovering()
        lost = session.request(Op.NOP_OUT, data=b"lost", ttt=0xFFFFFFFF)
        task = session.command(scsi.test_unit_ready(), self.lun)
        self.quiet(session, 0.3)
        session.send(lost)
        self.assertEqual(str(session.finish(task)), "good")

    def test_unh_er_header_digest_error_of_the_response_path(self):
        """7.8: the target ends a connection whose headers it cannot tell apart; the session is served anew."""
        session = self.recovering(HeaderDigest="CRC32C")
        session.send(session.request(Op.NOP_OUT, immediate=True, ttt=0xFFFFFFFF), spoil_header=True)
        try:
            session.closes()
        except Closed:
            pass
        self.target_works()
