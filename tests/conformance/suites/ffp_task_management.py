"""UNH-IOL full feature items 11: task management, with the answers of error recovery level 0."""

from rawiscsi.pdu import serial_add
from rawiscsi.session import (ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, COLD_RESET, LUN_RESET, TASK_REASSIGN,
                              WARM_RESET)

from .case import Case, Op, scsi

COMPLETE, NO_TASK, NO_LUN, STILL_ALLEGIANT, NO_REASSIGN, NOT_SUPPORTED = range(6)


class TaskManagement(Case):
    def held(self, session, lba=300, blocks=4):
        """A WRITE that waits for the data of its first R2T."""
        task = session.command(scsi.write10(lba, blocks), self.lun, write=self.pattern(blocks * self.block, lba),
                               immediate_data=0, unsolicited=0, automatic=False)
        return task, session.expect(Op.R2T)

    def test_ffp_11_1_immediate_and_non_immediate_functions(self):
        """RFC 7143 4.2.2.1: one immediate TMF and one other immediate request are accepted at any time."""
        session = self.session()
        tmf = session.send_tmf(ABORT_TASK_SET, self.lun)
        ping = session.request(Op.NOP_OUT, data=b"beside", immediate=True, ttt=0xFFFFFFFF)
        session.send(ping)
        answers = {}
        while len(answers) < 2:
            pdu = session.receive("both answers")
            answers[pdu.itt] = pdu
        self.assertEqual((answers[tmf.itt].response, answers[ping.itt].data), (COMPLETE, b"beside"))
        self.assertEqual(session.tmf(ABORT_TASK_SET, self.lun, immediate=False), COMPLETE)
        self.works(session)

    def test_ffp_11_2_1_task_reassign_of_an_allegiant_task(self):
        """RFC 7143 11.6.1: at level 0 the answer is 4, reassignment not supported; the task goes on."""
        session = self.session(keys={"ImmediateData": "No"})
        task, r2t = self.held(session)
        self.assertEqual(session.tmf(TASK_REASSIGN, self.lun, task), NO_REASSIGN)
        session.answer_r2t(task, r2t)
        self.assertEqual(str(session.finish(task)), "good")

    def test_ffp_11_2_2_task_reassign_of_an_unknown_task(self):
        """RFC 7143 11.6.1: at level 0 no task can be reassigned."""
        session = self.session()
        self.assertEqual(session.tmf(TASK_REASSIGN, self.lun, referenced_task_tag=0xBAD), NO_REASSIGN)
        self.works(session)

    def test_ffp_11_2_3_task_reassign_after_the_connection_was_replaced(self):
        """RFC 7143 7.2.2: level 0 keeps no task for reassignment; the answer is 4 on the new session."""
        first = self.session(keys={"ImmediateData": "No"})
        task, _ = self.held(first)
        second = self.session(isid=first.isid)
        self.assertEqual(second.tmf(TASK_REASSIGN, self.lun, task), NO_REASSIGN)
        self.works(second)

    def test_ffp_11_3_1_nothing_follows_the_response_to_abort_task(self):
        """RFC 7143 4.2.3.3: after Function complete no PDU may come for the aborted WRITE."""
        session = self.session(keys={"ImmediateData": "No"})
        before = self.pattern(4 * self.block, 1)
        self.write(session, 300, before)
        task, r2t = self.held(session)
        self.assertEqual(session.tmf(ABORT_TASK, self.lun, task), COMPLETE)
        session.model.forbid(task)
        session.answer_r2t(task, r2t)  # crossing data is dropped
        for pdu in self.fence(session):
            self.assertEqual(pdu.opcode, Op.REJECT, f"only a Reject of the late Data-Out may come: {pdu}")
        self.assertEqual(self.read(session, 300, 4), before)

    def test_ffp_11_3_2_nothing_follows_the_response_to_a_multi_task_abort(self):
        """RFC 7143 4.2.3.3: ABORT TASK SET, CLEAR TASK SET and LOGICAL UNIT RESET silence all affected tasks.

        The target may (and by the letter must) wait for the data of its open R2Ts, which therefore follows.
        """
        for function in (ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET):
            session = self.session(keys={"ImmediateData": "No"})
            held = [self.held(session, 310 + 8 * i) for i in range(4)]
            request = session.send_tmf(function, self.lun)
            for task, r2t in held:
                session.answer_r2t(task, r2t)
            answer = session.until(lambda p, itt=request.itt: p.itt == itt, f"the response to function {function}")
            self.assertEqual(answer.response, COMPLETE, f"function {function}")
            session.model.forbid(*(task for task, _ in held))
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT, f"only Rejects of the late Data-Outs may come: {pdu}")
            self.works(session)

    def test_ffp_11_3_3_abort_of_an_unknown_task(self):
        """RFC 7143 11.6.1: unknown tag and RefCmdSN outside the window: 1, task does not exist."""
        session = self.session()
        for reference in (-1000, 0x40000000):
            answer = session.tmf(ABORT_TASK, self.lun, referenced_task_tag=0xBAD0,
                                 ref_cmd_sn=serial_add(session.cmd_sn, reference))
            self.assertEqual(answer, NO_TASK)
        self.works(session)

    def reset(self, function, name):
        session, other = self.session(keys={"ImmediateData": "No"}), self.session()
        task, _ = self.held(session)
        answer = session.tmf(function, self.lun)
        self.assertIn(answer, (COMPLETE, NOT_SUPPORTED), name)
        if answer == COMPLETE:
            session.model.forbid(task)
        return answer, session, other

    def test_ffp_11_4_target_warm_reset(self):
        """RFC 7143 11.5.1: every task ends, sessions stay, unit attention 29h for all; or not supported."""
        answer, session, other = self.reset(WARM_RESET, "TARGET WARM RESET")
        for one in (session, other):
            task = one.do(scsi.test_unit_ready(), self.lun)
            self.ends(task, *(("check 06/29/*",) if answer == COMPLETE else ("good",)))

    def test_ffp_11_5_target_cold_reset(self):
        """RFC 7143 11.5.1: as warm reset, and every TCP connection to the target is closed; or not supported."""
        answer, session, other = self.reset(COLD_RESET, "TARGET COLD RESET")
        if answer == COMPLETE:
            session.closes()
            other.closes()
            fresh = self.session(settle=False)
            self.ends(fresh.do(scsi.test_unit_ready(), self.lun), "check 06/29/*")
        self.target_works()
