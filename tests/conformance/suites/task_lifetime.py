"""Lifetime of tasks under task management and lost connections: F016, F017, F034, F045 to F052 and the LIO rows."""

import contextlib
import threading
import time

from rawiscsi.errors import Closed
from rawiscsi.login import Refused
from rawiscsi.pdu import serial_add
from rawiscsi.session import (ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, I_T_NEXUS_RESET, LUN_RESET, QUERY_ASYNC_EVENT,
                              QUERY_TASK, QUERY_TASK_SET)

from .case import CLOSED, Case, Op, scsi
from .reservations import KEY_A, KEY_B, ReservationCase

ANNOUNCED = ("refused with status 0203",)

COMPLETE, NO_TASK, NOT_SUPPORTED, SUCCEEDED = 0, 1, 5, 7
DELAY = 1.5  # seconds that the medium takes in the delayed range
LBA = 2000   # the delayed range starts here
RESET_ATTENTION = "check 06/29/*"


class Slow(Case):
    """A logical unit whose blocks LBA to LBA+99 take DELAY seconds."""

    def slow(self):
        self.need_delay()
        self.old = self.pattern(100 * self.block, 70)
        self.write(self.session(), LBA, self.old)
        self.fixture.inject_delay(self.fixture.disk, DELAY, LBA, LBA + 99)

    def slow_write(self, session, place=0, seed=71, blocks=1, **options):
        return session.command(scsi.write10(LBA + place, blocks), self.lun,
                               write=self.pattern(blocks * self.block, seed), **options)

    def slow_read(self, session, place=0, **options):
        return session.command(scsi.read10(LBA + place, 1), self.lun, read=self.block, **options)

    def overwrite(self, place=0, blocks=1):
        """Newer data, written with the delay gone; it must survive whatever was aborted."""
        self.fixture.clear_faults()
        newer = self.pattern(blocks * self.block, 79)
        self.write(self.session(), LBA + place, newer)
        return newer

    def stays(self, newer, place=0):
        """The newer data is still there when the delayed command would have landed."""
        time.sleep(DELAY + 0.5)
        self.assertEqual(self.read(self.session(), LBA + place, len(newer) // self.block), newer,
                         "an aborted write reached the medium after the function was complete")


class AbortTask(Slow):
    def test_f045_1_before_the_command_arrives(self):
        """RFC 7143 11.6.1, F046: RefCmdSN in the window and older than the function: complete; the hole is plugged."""
        session = self.session()
        hole = session.cmd_sn
        session.cmd_sn = serial_add(hole, 1)
        answer = session.tmf(ABORT_TASK, self.lun, referenced_task_tag=0x9999, ref_cmd_sn=hole)
        self.assertEqual(answer, COMPLETE)
        self.works(session)
        self.assertEqual(session.model.exp_cmd_sn, serial_add(hole, 2))
        self.write(session, 620, self.pattern(self.block, 1))
        late = session.command(scsi.write10(620, 1), self.lun, write=self.pattern(self.block, 2), cmd_sn=hole,
                               itt=0x9999)
        self.ignored(session)
        session.model.forbid(late)
        self.assertEqual(self.read(session, 620, 1), self.pattern(self.block, 1), "the aborted command was executed")

    def test_f045_2_while_it_waits_behind_another(self):
        """An ORDERED command that has not started is aborted at once and never runs."""
        self.slow()
        session = self.session()
        first = self.slow_read(session)
        second = session.command(scsi.write10(LBA + 50, 1), self.lun, write=self.pattern(self.block, 72),
                                 attribute=scsi.ORDERED)
        self.assertEqual(session.tmf(ABORT_TASK, self.lun, second), COMPLETE)
        session.model.forbid(second)
        self.assertEqual(str(session.finish(first)), "good")
        self.fixture.clear_faults()
        self.assertEqual(self.read(session, LBA + 50, 1), self.old[50 * self.block:51 * self.block])

    def test_f045_3_while_it_waits_for_data(self):
        """CVE-2026-97951: an open R2T; the data is sent after the abort, or never: both end."""
        for send in (True, False):
            session = self.session(keys={"ImmediateData": "No"})
            task = session.command(scsi.write10(630, 4), self.lun, write=self.pattern(4 * self.block, 73),
                                   automatic=False)
            r2t = session.expect(Op.R2T)
            self.assertEqual(session.tmf(ABORT_TASK, self.lun, task), COMPLETE)
            session.model.forbid(task)
            if send:
                session.answer_r2t(task, r2t)
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT)
            self.works(session)

    def test_f045_4_while_the_medium_works_on_it(self):
        """F045: the answer comes when the write can no longer reach the medium."""
        self.slow()
        session = self.session()
        task = self.slow_write(session)
        time.sleep(0.2)
        answer = session.tmf(ABORT_TASK, self.lun, task)
        self.assertIn(answer, (COMPLETE, NO_TASK))
        if answer == NO_TASK:
            self.assertTrue(task.done, "1 was answered for a task that had no status yet")
        session.model.forbid(task)
        self.stays(self.overwrite())
        self.works(session)

    def test_f045_8_while_its_status_waits_for_the_final_data_out(self):
        """RFC 7143 11.4.2, 4.2.3.3: an error is known, its status waits for F; after ABORT TASK, ABORT TASK SET and
        LOGICAL UNIT RESET that status must not come."""
        for function in (ABORT_TASK, ABORT_TASK_SET, LUN_RESET):
            session = self.session(keys={"ImmediateData": "No", "InitialR2T": "No", "FirstBurstLength": "4096"})
            if session.parameters.yes("InitialR2T"):
                self.skipTest("the target negotiated InitialR2T=Yes")
            task = session.command(scsi.write10(self.blocks, 8), self.lun, write=bytes(4096), unsolicited=0, final=0,
                                   automatic=False)
            task.sent = 4096
            session.send(session.data_out_pdu(task, 0, bytes(1024), data_sn=0, final=False))
            self.ignored(session)
            number = serial_add(session.cmd_sn, -1)
            self.assertEqual(session.tmf(function, self.lun, task, ref_cmd_sn=number), COMPLETE, f"function {function}")
            session.model.forbid(task)
            session.send(session.data_out_pdu(task, 1024, bytes(3072), data_sn=1, final=True))
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT, f"only a Reject of the late Data-Out may come: {pdu}")
            self.works(session)

    def test_f045_5_after_the_response(self):
        """RFC 7143 11.6.1: the task is gone and its CmdSN below the window: 1."""
        session = self.session()
        task = session.do(scsi.test_unit_ready(), self.lun)
        self.assertEqual(session.tmf(ABORT_TASK, self.lun, task, ref_cmd_sn=serial_add(session.cmd_sn, -1)), NO_TASK)

    def test_f045_6_twice(self):
        session = self.session(keys={"ImmediateData": "No"})
        task = session.command(scsi.write10(640, 1), self.lun, write=bytes(self.block), automatic=False)
        session.expect(Op.R2T)
        first = session.send_tmf(ABORT_TASK, self.lun, task)
        second = session.send_tmf(ABORT_TASK, self.lun, task, ref_cmd_sn=serial_add(session.cmd_sn, -1))
        answers = {}
        while len(answers) < 2:
            pdu = session.expect(Op.TMF_RESPONSE)
            answers[pdu.itt] = pdu.response
        session.model.forbid(task)
        self.assertEqual(answers[first.itt], COMPLETE)
        self.assertIn(answers[second.itt], (COMPLETE, NO_TASK))
        self.works(session)

    def test_cve_2024_26845_unknown_task_then_lun_reset(self):
        """CVE-2024-26845: ABORT TASK of an unknown task and LOGICAL UNIT RESET back to back: both answered in 10 s."""
        session = self.session()
        abort = session.send_tmf(ABORT_TASK, self.lun, referenced_task_tag=0x8888,
                                 ref_cmd_sn=serial_add(session.cmd_sn, -500))
        reset = session.send_tmf(LUN_RESET, self.lun)
        answers = {}
        while len(answers) < 2:
            pdu = session.expect(Op.TMF_RESPONSE, limit=10)
            answers[pdu.itt] = pdu.response
        self.assertEqual(answers, {abort.itt: NO_TASK, reset.itt: COMPLETE})

    def test_f045_7_abort_of_many_in_flight(self):
        """Thirty slow writes, each aborted: no PDU after its response, nothing lands later."""
        self.slow()
        session = self.session()
        tasks = [self.slow_write(session, place=i) for i in range(30)]
        for task in tasks:
            answer = session.tmf(ABORT_TASK, self.lun, task, limit=DELAY * 4)
            self.assertIn(answer, (COMPLETE, NO_TASK))
            self.assertTrue(answer == COMPLETE or task.done)
            session.model.forbid(task)
        self.stays(self.overwrite(blocks=30))


class Reset(Slow):
    def test_f047_lun_reset_over_several_nexuses(self):
        """F047, CVE-2023-53586: no response while a write of any nexus can land; others get 29h or TASK ABORTED."""
        self.slow()
        sessions = [self.session(initiator=f"iqn.2026-11.org.outboard.test:reset-{i}") for i in range(4)]
        tasks = [[self.slow_write(s, place=8 * i + n) for n in range(8)] for i, s in enumerate(sessions)]
        time.sleep(0.2)
        self.assertEqual(sessions[0].tmf(LUN_RESET, self.lun, limit=DELAY * 6), COMPLETE)
        sessions[0].model.forbid(*tasks[0])
        self.ignored(sessions[0])
        newer = self.overwrite(blocks=32)
        for session, own in zip(sessions[1:], tasks[1:]):
            for pdu in self.fence(session):
                self.assertIn(pdu.opcode, (Op.SCSI_RESPONSE, Op.ASYNC))
            self.assertTrue(all(not t.done or str(t) in ("task aborted", "good") for t in own), [str(t) for t in own])
            session.model.forbid(*own)
            self.ends(session.do(scsi.test_unit_ready(), self.lun), RESET_ATTENTION)
            self.works(session)
        self.stays(newer)

    def test_f047_1_other_logical_units_are_not_held_up(self):
        """F047: while the reset waits, another LUN answers in a fraction of the delay."""
        self.slow()
        if len(self.fixture.disks) < 2:
            self.skipTest("this target has one disk")
        session, other = self.session(), self.session()
        task = self.slow_write(session)
        session.send_tmf(LUN_RESET, self.lun)
        begin = time.monotonic()
        for _ in range(10):
            self.works(other, self.fixture.disks[1].lun)
        self.assertLess(time.monotonic() - begin, DELAY / 2)
        self.assertEqual(session.expect(Op.TMF_RESPONSE, limit=DELAY * 4).response, COMPLETE)
        session.model.forbid(task)

    def test_f048_two_resets_from_two_sessions(self):
        """CVE-2023-53586, F048: both answers are true: no PDU of an old task after them, nothing lands."""
        self.slow()
        pair = self.session(), self.session()
        tasks = [[self.slow_write(s, place=8 * i + n) for n in range(8)] for i, s in enumerate(pair)]
        time.sleep(0.2)
        resets = [s.send_tmf(LUN_RESET, self.lun) for s in pair]
        for session, reset, own in zip(pair, resets, tasks):
            answer = session.until(lambda p, itt=reset.itt: p.itt == itt, "the response to a reset", DELAY * 6)
            self.assertEqual(answer.response, COMPLETE)
            session.model.forbid(*own)
        newer = self.overwrite(blocks=16)
        for session in pair:
            self.ignored(session)
        self.stays(newer)
        for session in pair:
            session.settle(self.lun)
            self.works(session)

    def test_cve_2026_97951_reset_while_data_is_awaited(self):
        """CVE-2026-97951: LOGICAL UNIT RESET with an open R2T; the data is sent, or never; both finish."""
        for send in (True, False):
            session = self.session(keys={"ImmediateData": "No"})
            before = self.pattern(4 * self.block, 74)
            self.write(session, 650, before)
            task = session.command(scsi.write10(650, 4), self.lun, write=self.pattern(4 * self.block, 75),
                                   automatic=False)
            r2t = session.expect(Op.R2T)
            reset = session.send_tmf(LUN_RESET, self.lun)
            if send:
                session.answer_r2t(task, r2t)
            answer = session.until(lambda p, itt=reset.itt: p.itt == itt, "the response to the reset", 40)
            self.assertEqual(answer.response, COMPLETE)
            session.model.forbid(task)
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT)
            session.settle(self.lun)
            self.assertEqual(self.read(session, 650, 4), before)

    def test_f049_reset_and_a_lost_connection(self):
        """F049: the sender disappears; others see the reset, and what it aborted is over when they do."""
        self.slow()
        session, other = self.session(), self.session()
        self.slow_write(session)
        session.send_tmf(LUN_RESET, self.lun)
        self.fence(session)
        session.close(reset=True)
        deadline = time.monotonic() + DELAY * 6
        while not str(other.do(scsi.test_unit_ready(), self.lun)).startswith("check 06/29/"):
            self.assertLess(time.monotonic(), deadline, "the reset never reached another nexus")
            time.sleep(0.05)
        self.stays(self.overwrite())

    def test_f050_cold_reset_keeps_persistent_reservations(self):
        """F050: see ffp_11_5 for the rest; registrations survive a reset."""
        session = self.session()
        answer = session.tmf(7, self.lun)
        self.assertIn(answer, (COMPLETE, NOT_SUPPORTED))
        if answer == COMPLETE:
            session.closes()
            self.ends(self.session(settle=False).do(scsi.test_unit_ready(), self.lun), RESET_ATTENTION)

    def control_page(self, session):
        data = bytearray(session.do(scsi.mode_sense6(0x0A, dbd=True), self.lun, read=255).data_in)
        data[0] = 0
        data[4 + data[3]] &= 0x7F
        return data

    def set_tas(self, on):
        session = self.session()
        data = self.control_page(session)
        place = 4 + data[3] + 5
        wanted = data[place] & ~0x40 | (0x40 if on else 0)
        if wanted != data[place]:
            data[place] = wanted
            task = session.do(scsi.mode_select6(len(data)), self.lun, write=bytes(data))
            if str(task) != "good":
                self.skipTest(f"TAS cannot be set to {int(on)}: {task}")

    def cleared(self, tas):
        """A WRITE of a victim waits for data when another nexus clears the task set."""
        self.set_tas(tas)
        self.addCleanup(self.set_tas, False)
        victim, other = self.session(keys={"ImmediateData": "No"}), self.session()
        task = victim.command(scsi.write10(660, 1), self.lun, write=bytes(self.block), automatic=False)
        r2t = victim.expect(Op.R2T)
        self.assertEqual(other.tmf(CLEAR_TASK_SET, self.lun), COMPLETE)
        return victim, task, r2t

    def test_f051_clear_task_set_without_tas(self):
        """SAM-5 5.6: TAS=0: the victim's task vanishes, then 2F/00 COMMANDS CLEARED BY ANOTHER INITIATOR."""
        victim, task, _ = self.cleared(False)
        victim.model.forbid(task)
        self.ends(victim.do(scsi.test_unit_ready(), self.lun), "check 06/2f/00")
        self.works(victim)

    def test_f051_clear_task_set_with_tas(self):
        """SAM-5 5.6: TAS=1: the victim's task ends with TASK ABORTED, no unit attention.

        The status may wait for the data of the open R2T (RFC 7143 11.4.2).
        """
        victim, task, r2t = self.cleared(True)
        for pdu in self.fence(victim):
            self.assertEqual(pdu.opcode, Op.SCSI_RESPONSE)
        if not task.done:
            victim.answer_r2t(task, r2t)
        self.assertEqual(str(victim.finish(task)), "task aborted")
        self.assertEqual(str(victim.do(scsi.test_unit_ready(), self.lun)), "good")

    def test_f051_abort_task_set_leaves_other_nexuses_alone(self):
        victim, other = self.session(keys={"ImmediateData": "No"}), self.session()
        task = victim.command(scsi.write10(661, 1), self.lun, write=bytes(self.block), automatic=False)
        r2t = victim.expect(Op.R2T)
        self.assertEqual(other.tmf(ABORT_TASK_SET, self.lun), COMPLETE)
        victim.answer_r2t(task, r2t)
        self.assertEqual(str(victim.finish(task)), "good")


class Query(Case):
    def querying(self):
        session = self.session(keys={"iSCSIProtocolLevel": "2", "ImmediateData": "No"})
        if session.parameters["iSCSIProtocolLevel"] != "2":
            self.assertIn(session.tmf(QUERY_TASK, self.lun, referenced_task_tag=5), (NOT_SUPPORTED, 255))
            self.skipTest("the target has no iSCSIProtocolLevel 2")
        return session

    def held(self, session):
        task = session.command(scsi.write10(670, 1), self.lun, write=bytes(self.block), automatic=False)
        return task, session.expect(Op.R2T)

    def test_f052_query_task(self):
        """RFC 7144 4: 7 function succeeded for a task that is there, 0 for one that is not."""
        session = self.querying()
        task, r2t = self.held(session)
        self.assertEqual(session.tmf(QUERY_TASK, self.lun, task), SUCCEEDED)
        session.answer_r2t(task, r2t)
        session.finish(task)
        self.assertEqual(session.tmf(QUERY_TASK, self.lun, task), COMPLETE)

    def test_f052_query_task_set(self):
        session = self.querying()
        self.assertEqual(session.tmf(QUERY_TASK_SET, self.lun), COMPLETE)
        task, r2t = self.held(session)
        self.assertEqual(session.tmf(QUERY_TASK_SET, self.lun), SUCCEEDED)
        session.answer_r2t(task, r2t)
        session.finish(task)

    def test_f052_query_asynchronous_event(self):
        """RFC 7144 4: 7 while a unit attention condition waits, else 0."""
        session = self.querying()
        self.assertEqual(session.tmf(QUERY_ASYNC_EVENT, self.lun), COMPLETE)
        self.assertEqual(self.session().tmf(LUN_RESET, self.lun), COMPLETE)
        self.assertEqual(session.tmf(QUERY_ASYNC_EVENT, self.lun), SUCCEEDED)
        session.settle(self.lun)
        self.assertEqual(session.tmf(QUERY_ASYNC_EVENT, self.lun), COMPLETE)

    def test_f052_i_t_nexus_reset(self):
        """RFC 7144 4: the tasks of the nexus end, 29/07 follows, others are left alone."""
        session = self.querying()
        task, _ = self.held(session)
        self.assertEqual(session.tmf(I_T_NEXUS_RESET, self.lun), COMPLETE)
        session.model.forbid(task)
        self.ends(session.do(scsi.test_unit_ready(), self.lun), "check 06/29/07", "check 06/29/00")

    def test_f052_query_without_protocol_level_2(self):
        """RFC 7144 4: below iSCSIProtocolLevel 2 an initiator may not ask: a true answer, 5, 255, or a Reject."""
        for function in (QUERY_TASK, QUERY_TASK_SET, I_T_NEXUS_RESET, QUERY_ASYNC_EVENT):
            session = self.session()
            pdu = session.send_tmf(function, self.lun)
            how = session.reply(pdu.itt)
            if isinstance(how, str):
                self.ends(how, "reject 04", "reject 05", "reject 09", CLOSED)
            else:
                self.assertIn(how.response, (COMPLETE, NOT_SUPPORTED, 255), f"function {function} with no task")
        self.target_works()


class LostConnections(Slow):
    def test_f016_a_write_whose_response_is_lost(self):
        """F016: the data is there once; the retry after reinstatement does not harm newer data."""
        self.slow()
        session = self.session()
        task = self.slow_write(session)
        session.close(reset=True)
        again = self.session(isid=session.isid)
        self.fixture.clear_faults()
        self.assertEqual(str(again.do(task.cdb, self.lun, write=task.data_out)), "good")
        self.assertEqual(self.read(again, LBA, 1), task.data_out)

    def test_f017_a_late_write_of_a_lost_session(self):
        """F017: reinstatement is answered when the old write can no longer land; then newer data stays."""
        self.slow()
        session = self.session()
        self.slow_write(session)
        time.sleep(0.2)
        session.close(reset=True)
        again = self.session(isid=session.isid, settle=False, limit=DELAY * 6)
        self.fixture.clear_faults()
        again.settle(self.lun)
        newer = self.pattern(self.block, 78)
        self.write(again, LBA, newer)
        self.stays(newer)

    def test_cve_2023_54184_a_connection_lost_with_writes_open(self):
        """CVE-2023-54184: 30 writes wait for data and 10 for the medium; the session dies; the next ones work."""
        self.slow()
        for reset in (False, True):
            session = self.session(keys={"ImmediateData": "No", "DefaultTime2Retain": "1"})
            for i in range(30):
                session.command(scsi.write10(700 + i, 1), self.lun, write=bytes(self.block), automatic=False)
            for i in range(10):
                self.slow_read(session, place=i)
            self.fence(session)
            session.close(reset)
        time.sleep(DELAY + 1.5)
        self.target_works()

    def test_cve_2026_23193_logout_and_reinstatement_together(self):
        """CVE-2026-23193: 50 times a logout crosses a reinstatement of the same session."""
        for _ in range(50):
            session = self.session(settle=False)
            session.send_logout()
            again = self.session(isid=session.isid, settle=False)
            again.ping(b"in")
            session.close()
            again.close()
            self.wires.clear()
        self.target_works()

    def test_cve_2026_23193_the_target_goes_as_well(self):
        """CVE-2026-23193: logout, reinstatement and the administrator's deletion of the target, all at once."""
        self.need("spare_target", "delete_target")
        for _ in range(3):
            with self.fixture.spare_target(self.fixture.disks[1]) as spare:
                sessions = [self.session(target=spare, settle=False) for _ in range(8)]
                gone = threading.Thread(target=self.fixture.delete_target, args=(spare,), daemon=True)
                gone.start()
                for i, session in enumerate(sessions):
                    with contextlib.suppress(Closed, Refused):
                        session.command(scsi.write10(0, 1), 0, write=bytes(self.block), automatic=False)
                        if i % 2:
                            session.send_logout()
                        self.session(target=spare, isid=session.isid, settle=False)
                gone.join(30)
                self.assertFalse(gone.is_alive(), "the deletion did not end in 30 s")
                with self.assertRaises(Refused) as refused:
                    self.session(target=spare, settle=False)
                self.assertEqual(refused.exception.status, 0x0203)
        self.target_works()

    def crowd(self, session, lun):
        """Commands that wait for the medium, for their data and for the ones before them."""
        tasks = [session.command(scsi.read10(i, 1), lun, read=self.block) for i in range(8)]
        tasks += [session.command(scsi.write10(40 + i, 1), lun, write=bytes(self.block)) for i in range(4)]
        tasks.append(session.command(scsi.test_unit_ready(), lun, attribute=scsi.ORDERED))
        self.fence(session)
        return tasks

    def gone(self, session, lun, tasks):
        session.finish(*tasks, limit=DELAY * 8)
        self.ends(session.do(scsi.test_unit_ready(), lun), "check 05/25/00")
        self.works(session)

    def test_f022_1_a_view_goes_while_commands_are_in_flight(self):
        """F022: they end, one way or the other; the session goes on."""
        self.need("map_lun", "unmap_lun")
        self.need_delay()
        disk, lun = self.fixture.disks[1], 9
        self.fixture.map_lun(disk, lun)
        session = self.session(keys={"ImmediateData": "No"})
        session.settle(self.lun, lun)
        self.fixture.inject_delay(disk, DELAY)
        tasks = self.crowd(session, lun)
        self.fixture.unmap_lun(disk, lun)
        self.gone(session, lun, tasks)

    def test_f022_1_a_unit_goes_while_commands_are_in_flight(self):
        """tgt 45ae7f2: a unit is deleted under commands of two sessions, one of which is late with its data."""
        self.need("create_unit", "delete_unit")
        disk = self.fixture.create_unit(8)
        pair = [self.session(keys={"ImmediateData": "No"}) for _ in range(2)]
        for session in pair:
            session.settle(self.lun, disk.lun)
        held = pair[1].command(scsi.write10(60, 1), disk.lun, write=bytes(self.block), automatic=False)
        r2t = pair[1].expect(Op.R2T)
        self.need_delay()
        self.fixture.inject_delay(disk, DELAY)
        tasks = [self.crowd(session, disk.lun) for session in pair]
        self.fixture.delete_unit(disk)
        self.gone(pair[0], disk.lun, tasks[0])
        self.gone(pair[1], disk.lun, tasks[1])
        pair[1].answer_r2t(held, r2t)  # RFC 7143 11.4.2: its status waits for the F bit
        self.ends(pair[1].finish(held), "check *", "task aborted")

    def test_logout_during_io_async(self):
        """test-cu 1.20 LogoutDuringIOAsync: a logout with slow commands in flight; nothing follows its response."""
        self.slow()
        session = self.session()
        tasks = [self.slow_write(session, place=i) for i in range(10)] + \
                                 [self.slow_read(session, place=20 + i) for i in range(10)]
        pdu = session.send_logout()
        answer = session.until(lambda p: p.itt == pdu.itt, "a Logout Response", DELAY * 6)
        self.assertEqual(answer.response, 0)
        session.model.forbid(*tasks)
        self.assertEqual(session.closes(), [])
        self.fixture.clear_faults()
        now = self.read(self.session(), LBA, 10)
        for i, task in enumerate(tasks[:10]):
            part = slice(i * self.block, (i + 1) * self.block)
            self.assertIn(now[part], [task.data_out] if task.done else [task.data_out, self.old[part]])


class Preempt(ReservationCase):
    def test_f034_preempt_and_abort_fences(self):
        """F034: no write of the victim lands after the GOOD of PREEMPT AND ABORT; the victim gets 2A/05."""
        self.need_delay()
        holder, registrant, _ = self.three(scsi.WRITE_EXCLUSIVE_RO)
        self.write(holder, LBA, self.pattern(64 * self.block, 70))
        self.fixture.inject_delay(self.fixture.disk, DELAY, LBA, LBA + 99)
        tasks = [holder.command(scsi.write10(LBA + i, 1), self.lun, write=self.pattern(self.block, 80 + i))
                 for i in range(32)]
        time.sleep(0.2)
        data = scsi.pr_list(KEY_B, KEY_A)
        task = registrant.do(scsi.pr_out(scsi.PREEMPT_AND_ABORT, scsi.WRITE_EXCLUSIVE_RO), self.lun, write=data,
                             limit=DELAY * 6)
        self.assertEqual(str(task), "good")
        self.fixture.clear_faults()
        newer = self.pattern(32 * self.block, 81)
        self.write(registrant, LBA, newer)
        time.sleep(DELAY + 0.5)
        self.assertEqual(self.read(registrant, LBA, 32), newer, "a fenced write landed")
        self.fence(holder)
        self.assertTrue(all(not t.done or str(t) in ("good", "task aborted") for t in tasks), [str(t) for t in tasks])
        holder.model.forbid(*tasks)
        self.ends(holder.do(scsi.test_unit_ready(), self.lun), "check 06/2a/05", "check 06/2f/00")
