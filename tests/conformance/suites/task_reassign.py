"""Error recovery level 2 (RFC 7143 7.1.4.4, 7.2.2, 6.3.4, 11.5, 11.14): tasks that outlive their connection."""

import random
import time

from rawiscsi.login import Refused
from rawiscsi.pdu import Op, serial_add
from rawiscsi.session import ABORT_TASK

from .case import NoAnswer, scsi
from .login_case import NO_SESSION
from .recovery_case import ALLEGIANT, CLOSE, DONE, NO_TASK, RECOVER, Level2Case

ANNOUNCED = ("refused with status 020a", "header digest")


class Reassign(Level2Case):
    # --- UNH-IOL 11.2

    def test_ffp_11_2_3_a_write_goes_on_after_logout_at_level_2(self):
        """7.2.2: after a Logout for recovery another connection takes the WRITE over and brings it to its end."""
        second = self.join(self.first, 1)
        task, r2t = self.held(second, 1000, 32)
        second.send(second.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, 0, final=False))
        second.ping()
        second.close(reset=True)
        self.assertEqual(self.first.logout(RECOVER, cid=1), DONE)
        task.automatic = True
        self.reassign(self.first, task, old=second)
        self.assertEqual(str(self.first.finish(task)), "good")
        self.assertEqual(task.r2ts[1].buffer_offset, 1024, "what has come is not asked for again")
        self.assertEqual(self.read(self.first, 1000, 32), task.data_out)

    def test_ffp_11_2_1_task_reassign_of_an_allegiant_task_at_level_2(self):
        """7.2.2, 11.6.1: 3, task still allegiant, as long as its connection lives or was not logged out."""
        second = self.join(self.first, 1)
        task, _ = self.held(second, 1100, 32)
        self.refused(self.first, task.itt, ALLEGIANT)
        second.close(reset=True)
        self.works(self.first)
        self.refused(self.first, task.itt, ALLEGIANT)
        self.assertEqual(self.first.logout(RECOVER, cid=1), DONE)
        task.automatic = True
        self.reassign(self.first, task, old=second)
        self.assertEqual(str(self.first.finish(task)), "good")

    def test_ffp_11_2_3_a_read_goes_on_after_the_connection_was_replaced_at_level_2(self):
        """6.3.4: a login with the CID of the lost connection logs that one out; data goes on at ExpDataSN."""
        second = self.join(self.first, 1)
        data = self.pattern(64 * self.block, 3)
        self.write(self.first, 1200, data)
        before = second.model.next_stat_sn
        task = second.do(scsi.read10(1200, 64), self.lun, read=64 * self.block)
        self.assertEqual(task.answer.stat_sn, before)
        second.close(reset=True)
        fresh = self.join(self.first, 1)
        self.reassign(fresh, task, exp_data_sn=20)
        self.assertEqual(str(fresh.finish(task)), "good")
        self.assertEqual(bytes(task.data_in), data)
        self.assertEqual(len(task.data_in_pdus), 32)
        self.works(fresh)

    def test_ffp_11_2_2_task_reassign_of_an_unknown_task_at_level_2(self):
        """11.6.1: 1, the task does not exist; also when it is over."""
        self.refused(self.first, 0xBAD, NO_TASK)
        task = self.first.do(scsi.test_unit_ready(), self.lun)
        self.refused(self.first, task.itt, NO_TASK)
        self.works(self.first)

    # --- the rest

    def test_erl_the_only_connection_is_replaced(self):
        """7.1.4.4: the session lives on without a connection; a command that is under way ends on the new one."""
        self.need_delay()
        self.write(self.first, 1300, self.pattern(8 * self.block, 13))
        self.fixture.inject_delay(self.fixture.disk, 0.5, 1300, 1307)
        task = self.first.command(scsi.read10(1300, 8), self.lun, read=8 * self.block)
        self.first.ping()
        self.first.close(reset=True)
        fresh = self.join(self.first, 0)
        self.reassign(fresh, task, old=self.first)
        self.assertEqual(str(fresh.finish(task)), "good")
        self.assertEqual(bytes(task.data_in), self.pattern(8 * self.block, 13))

    def test_erl_connection_is_replaced_while_it_lives(self):
        task, _ = self.held(self.first, 1310)
        fresh = self.join(self.first, 0)
        self.first.closes()
        task.automatic = True
        self.reassign(fresh, task, old=self.first)
        self.assertEqual(str(fresh.finish(task)), "good")

    def test_erl_connection_logs_itself_out_for_recovery(self):
        """11.14: reason 2 may name the connection that it comes by."""
        task, _ = self.held(self.first, 1320)
        self.assertEqual(self.first.logout(RECOVER, cid=0), DONE)
        self.first.closes()
        fresh = self.join(self.first, 0)
        task.automatic = True
        self.reassign(fresh, task, old=self.first)
        self.assertEqual(str(fresh.finish(task)), "good")

    def test_erl_logout_of_a_lost_connection_ends_its_tasks(self):
        second = self.join(self.first, 1)
        task, _ = self.held(second, 1330)
        second.close(reset=True)
        self.assertEqual(self.first.logout(CLOSE, cid=1), DONE)
        self.refused(self.first, task.itt, NO_TASK)
        self.write(self.first, 1330, self.pattern(self.block, 1))

    def test_erl_abort_of_a_task_without_a_connection(self):
        second = self.join(self.first, 1)
        task, _ = self.held(second, 1340)
        second.close(reset=True)
        number = serial_add(self.first.cmd_sn, -1)
        self.assertEqual(self.first.tmf(ABORT_TASK, self.lun, task, ref_cmd_sn=number), DONE)
        self.assertEqual(self.first.logout(RECOVER, cid=1), DONE)
        self.refused(self.first, task.itt, NO_TASK)

    def test_erl_time2retain(self):
        """13.15, 13.16: after Time2Wait and Time2Retain tasks and, without connections, the session are gone."""
        session = self.level2(DefaultTime2Retain="1")
        self.held(session, 1350)
        session.close(reset=True)
        time.sleep(1.5)
        with self.assertRaises(Refused) as refusal:
            self.join(session, 0)
        self.assertEqual(refusal.exception.status, NO_SESSION)
        self.write(self.first, 1350, self.pattern(self.block, 1))

    def test_erl_nothing_is_retained_when_time2retain_is_0(self):
        """13.16: 0: the state of the connection and of its tasks is discarded at once."""
        session = self.level2(DefaultTime2Retain="0", DefaultTime2Wait="2")
        second = self.join(session, 1)
        task, _ = self.held(second, 1360)
        second.close(reset=True)
        self.refused(session, task.itt, NO_TASK)
        self.write(self.first, 1360, self.pattern(self.block, 1))
        session.close(reset=True)
        deadline = time.monotonic() + 1.5  # less than Time2Wait
        while time.monotonic() < deadline:
            with self.assertRaises(Refused) as refusal:
                self.join(session, 0)
            if refusal.exception.status == NO_SESSION:
                return
        self.fail("the session is still there")

    def test_erl_reassignment_right_after_the_logout_response(self):
        """7.2.2: the logout has been answered, and nothing more is asked for."""
        second = self.join(self.first, 1)
        for number in range(8):
            task, _ = self.held(second, 1370 + 8 * number)
            self.assertEqual(second.logout(RECOVER, cid=1), DONE)
            task.automatic = True
            self.reassign(self.first, task, old=second)
            self.assertEqual(str(self.first.finish(task)), "good")
            second = self.join(self.first, 1)

    def test_erl_async_2_says_how_long_tasks_wait(self):
        """11.9.1: Parameter2 is Time2Wait, Parameter3 Time2Retain; the tasks are there for so long."""
        session = self.level2(DefaultTime2Wait="1", DefaultTime2Retain="7")
        second = self.joined(session, 1, keys={"HeaderDigest": "CRC32C", "MaxRecvDataSegmentLength": "1024"})
        task, _ = self.held(second, 1440)
        second.send(second.request(Op.NOP_OUT, immediate=True, ttt=0xFFFFFFFF), spoil_header=True)
        message = session.expect(Op.ASYNC)
        self.assertEqual((message.async_event, message.parameter1, message.parameter2, message.parameter3),
                         (2, 1, 1, 7))
        self.assertEqual(session.logout(RECOVER, cid=1), DONE)
        task.automatic = True
        self.reassign(session, task, old=second)
        self.assertEqual(str(session.finish(task)), "good")

    def test_erl_data_is_right_although_connections_are_lost(self):
        """7.1.4.4: forty commands over connections that are cut at times that a seed gives."""
        dice, session, losses = random.Random(7), self.first, 0
        waiting = []
        for number in range(40):
            lba, blocks = 3000 + 64 * number, 1 + dice.randrange(64)
            waiting.append((lba, session.command(scsi.write10(lba, blocks), self.lun,
                                                 write=self.pattern(blocks * self.block, number))))
            if dice.random() < 0.3:
                session = self.cut(session, dice, [task for _, task in waiting if not task.done])
                losses += 1
        session.finish(*(task for _, task in waiting))
        reads = []
        for number, (lba, task) in enumerate(waiting):
            self.assertEqual(str(task), "good")
            reads.append(session.command(scsi.read10(lba, len(task.data_out) // self.block), self.lun,
                                         read=len(task.data_out)))
            if dice.random() < 0.3:
                session = self.cut(session, dice, [task for task in reads if not task.done])
                losses += 1
        session.finish(*reads)
        for (_, task), back in zip(waiting, reads):
            self.assertEqual(bytes(back.data_in), task.data_out)
        self.assertGreater(losses, 10)
        self.works(session)

    def cut(self, session, dice, tasks):
        """Takes a few PDUs, loses the connection, and takes its tasks over with a new one."""
        try:
            for _ in range(dice.randrange(40)):
                session.receive(limit=0.02)
        except NoAnswer:
            pass
        # A command that has not been acknowledged may not have come: one ping later all have.
        session.ping()
        session.close(reset=True)
        fresh = self.join(session, 0)
        for task in tasks:
            if not task.done:
                self.reassign(fresh, task, exp_data_sn=len(task.data_in_pdus), old=session)
        return fresh
