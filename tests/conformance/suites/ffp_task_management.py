"""UNH-IOL full feature items 11: task management, with the answers of error recovery level 0."""

from rawiscsi.pdu import serial_add
from rawiscsi.session import (ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, COLD_RESET, LUN_RESET, TASK_REASSIGN,
                              WARM_RESET)

from .case import Case, Op, scsi

COMPLETE, NO_TASK, NO_LUN, STILL_ALLEGIANT, NO_REASSIGN, NOT_SUPPORTED = range(6)


class TaskManagement(Case):
    def test_ffp_11_1_immediate_and_non_immediate_functions(self):
        """RFC 7143 4.2.2.1: one immediate TMF and one other immediate request are taken at any time: an immediate
        WRITE, and ABORT TASK of the WRITE before it, whose late data is dropped."""
        session = self.r2t_mode()
        first, r2t = self.held(session, 300)
        second, r2t_of_second = self.held(session, 308, immediate=True)
        number = serial_add(session.cmd_sn, -1)
        self.assertEqual(session.tmf(ABORT_TASK, self.lun, first, ref_cmd_sn=number), COMPLETE)
        session.model.forbid(first)
        session.answer_r2t(first, r2t)
        session.answer_r2t(second, r2t_of_second)
        self.assertEqual(str(session.finish(second)), "good")
        self.assertEqual(self.read(session, 308, 4), second.data_out)

    def test_tmf_beside_an_immediate_ping(self):
        """RFC 7143 4.2.2.1: at the same moment; then a function that is not immediate."""
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

    def numbered_ping(self, session, number):
        """A NOP-Out that is not immediate, with the CmdSN that an immediate function carried and did not use up."""
        ping = session.request(Op.NOP_OUT, data=b"numbered", cmd_sn=number, ttt=0xFFFFFFFF)
        session.cmd_sn = serial_add(number, 1)
        session.send(ping)
        answer = self.answered(session.reply(ping.itt))
        self.assertEqual((answer.opcode, answer.exp_cmd_sn), (Op.NOP_IN, session.cmd_sn))

    def test_ffp_11_3_1_nothing_follows_the_response_to_abort_task_set(self):
        """RFC 7143 4.2.3.3: data and status of a READ come before the response to ABORT TASK SET or not at all."""
        for blocks in (8, 512):
            session = self.fast()
            task = session.command(scsi.read10(0, blocks), self.lun, read=blocks * self.block)
            number = session.cmd_sn
            self.assertEqual(session.tmf(ABORT_TASK_SET, self.lun, cmd_sn=number), COMPLETE)
            session.model.forbid(task)
            self.numbered_ping(session, number)
            self.ignored(session)
            self.works(session)

    def test_ffp_11_3_2_a_set_is_aborted_when_all_of_it_has_come(self):
        """RFC 7143 4.2.3.3 b: an immediate ABORT TASK SET waits for the command before it that is still missing, and
        that command has no answer (here on one connection, which is all that level 0 has)."""
        session = self.fast()
        first = session.command(scsi.read10(0, 256), self.lun, read=256 * self.block)
        missing, number = session.cmd_sn, serial_add(session.cmd_sn, 1)
        request = session.send_tmf(ABORT_TASK_SET, self.lun, cmd_sn=number)
        self.assertNotIn(Op.TMF_RESPONSE, [p.opcode for p in self.fence(session) + self.fence(session)],
                         "the response came before the commands it is about")
        late = session.command(scsi.read10(0, 512), self.lun, read=512 * self.block, cmd_sn=missing)
        answer = session.until(lambda p: p.itt == request.itt, "the response to ABORT TASK SET")
        self.assertEqual(answer.response, COMPLETE)
        session.model.forbid(first, late)
        self.numbered_ping(session, number)
        self.ignored(session)
        self.works(session)

    def test_ffp_11_3_3_abort_of_an_unknown_task(self):
        """RFC 7143 11.6.1: unknown tag and RefCmdSN outside the window: 1, task does not exist; others go on."""
        session = self.session()
        for reference in (-1000, 0x40000000):
            task = session.command(scsi.read10(0, 64), self.lun, read=64 * self.block)
            number = session.cmd_sn
            answer = session.tmf(ABORT_TASK, self.lun, referenced_task_tag=0xBAD0, cmd_sn=number,
                                 ref_cmd_sn=serial_add(session.cmd_sn, reference))
            self.assertEqual(answer, NO_TASK)
            self.assertEqual(str(session.finish(task)), "good")
            self.numbered_ping(session, number)

    def test_tmf_nothing_follows_the_response_to_abort_task(self):
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

    def test_tmf_nothing_follows_the_response_to_a_multi_task_abort(self):
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

    def reset(self, function, name):
        session, other = self.fast(), self.session()
        task, _ = self.held(session)
        reading = session.command(scsi.read10(0, 256), self.lun, read=256 * self.block)
        answer = session.tmf(function, self.lun, immediate=False)
        self.assertIn(answer, (COMPLETE, NOT_SUPPORTED), name)
        if answer == COMPLETE:
            session.model.forbid(task, reading)
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
