"""What the suites of error recovery share: sessions of level 1 and 2, SNACKs that are rejected, reassignments."""

from rawiscsi.pdu import Op
from rawiscsi.session import TASK_REASSIGN

from .case import Case, scsi

DONE, NO_TASK, ALLEGIANT = 0, 1, 3  # answers to TASK REASSIGN
CLOSE, RECOVER = 1, 2  # reasons of a logout


class Level1Case(Case):
    LEVEL = "1"

    def setUp(self):
        super().setUp()
        self.need("recovery")

    def recovering(self, **keys):
        """A session of level 1 with short PDUs and bursts, every byte of a write solicited."""
        return self.session(target=self.fixture.recovery, keys={
            "ErrorRecoveryLevel": self.LEVEL, "ImmediateData": "No", "MaxBurstLength": "8192",
            "FirstBurstLength": "4096", "MaxRecvDataSegmentLength": "1024", **keys})

    def read_task(self, session, lba=0, blocks=16):
        """A READ that is done; its status is not acknowledged yet."""
        before = session.model.next_stat_sn
        task = session.do(scsi.read10(lba, blocks), self.lun, read=blocks * self.block)
        self.assertEqual(str(task), "good")
        session.model.next_stat_sn = before
        return task

    def rejected(self, session, reason, *snack, **fields):
        ahead = session.model.next_stat_sn
        session.snack(*snack, **fields)
        session.model.next_stat_sn = self.last
        answer = session.expect(Op.REJECT)
        self.assertEqual(answer.reason, reason, f"Reject reason of SNACK {snack} {fields}")
        self.last = session.model.next_stat_sn
        session.model.next_stat_sn = ahead
        return answer


class Level2Case(Case):
    def setUp(self):
        super().setUp()
        self.need("recovery")
        self.first = self.level2()
        if self.first.answers["ErrorRecoveryLevel"] != "2":
            self.skipTest("this target has no error recovery level 2")

    def level2(self, **keys):
        return self.session(target=self.fixture.recovery, keys={
            "ErrorRecoveryLevel": "2", "MaxConnections": "4", "ImmediateData": "No", "MaxBurstLength": "8192",
            "FirstBurstLength": "4096", "MaxRecvDataSegmentLength": "1024", "DefaultTime2Wait": "0",
            "DefaultTime2Retain": "20", **keys})

    def join(self, leading, cid):
        session = self.joined(leading, cid, keys={"MaxRecvDataSegmentLength": "1024"})
        return session

    def reassign(self, session, task, exp_data_sn=0, old=None):
        """TASK REASSIGN; when it is done, the model of this connection knows the task."""
        if old is not None:
            old.model.tasks.pop(task.itt, None)
        if task.read_length:
            del task.data_in_pdus[exp_data_sn:]
            task.data_in = bytearray(b"".join(pdu.data for pdu in task.data_in_pdus))
            task.burst = 0
        task.answer = task.status = None
        task.reassigned = True
        task.open_r2ts.clear()
        self.assertEqual(self.granted(session, task, exp_data_sn), DONE)

    @staticmethod
    def granted(session, task, exp_data_sn):
        request = session.send_tmf(TASK_REASSIGN, 0, task, exp_data_sn=exp_data_sn)
        # The data may come right behind the answer.
        session.model.add_task(task)
        return session.until(lambda p: p.opcode == Op.TMF_RESPONSE and p.itt == request.itt, "the answer").response

    def refused(self, session, itt, answer):
        self.assertEqual(session.tmf(TASK_REASSIGN, 0, referenced_task_tag=itt), answer)
