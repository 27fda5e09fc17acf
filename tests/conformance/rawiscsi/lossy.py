"""An initiator of error recovery level 1 on a path that loses PDUs: drops some of what comes, spoils or holds back some of
the data that it sends, and recovers all of it by SNACK, DataACK and recovery R2Ts (RFC 7143 7.1.4, 7.8, 7.9)."""

import random
from collections import Counter

from . import scsi
from .errors import NoAnswer, Violation
from .pdu import RESERVED_TAG, Op, Pdu, serial_add, serial_less

DATA, STATUS, DATA_ACK = 0, 1, 2
DIGEST_ERROR = 0x02


class LossyTask:
    def __init__(self, itt, length, data=b""):
        self.itt, self.length, self.data = itt, length, data
        self.got, self.r2ts, self.acknowledged, self.acks = {}, {}, 0, []
        self.response, self.done = None, False

    def missing(self, end):
        """Runs of Data-In numbers below end that have not come: (first, count)."""
        runs = []
        for number in range(self.acknowledged, end):
            if number in self.got:
                continue
            if runs and sum(runs[-1]) == number:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((number, 1))
        return runs

    def read(self):
        data = bytearray()
        for number in sorted(self.got):
            offset, part = self.got[number]
            if offset != len(data):
                raise Violation(f"Data-In {number} of task {self.itt:#x} begins at {offset} and not at {len(data)}")
            data += part
        return bytes(data)


class Lossy:
    def __init__(self, session, seed, chance):
        self.session, self.wire, self.chance = session, session.wire, chance
        self.random, self.lost = random.Random(seed), Counter()
        self.expected, self.ahead, self.tasks = session.model.next_stat_sn, {}, {}

    # --- requests

    def read_blocks(self, lba, blocks, block, lun):
        return self._begin(scsi.read10(lba, blocks), lun, blocks * block, b"")

    def write_blocks(self, lba, data, block, lun):
        return self._begin(scsi.write10(lba, len(data) // block), lun, len(data), data)

    def _begin(self, cdb, lun, length, data):
        self.session.model.next_stat_sn = self.expected
        pdu = self.session.request(Op.SCSI_COMMAND)
        unsolicited = 0
        if data and not self.session.parameters.yes("InitialR2T"):
            unsolicited = min(len(data), self.session.parameters.number("FirstBurstLength"))
        pdu.final, pdu.bit6, pdu.bit5, pdu.attribute = not unsolicited, not data, bool(data), scsi.SIMPLE
        pdu.lun, pdu.expected_length = scsi.lun_field(lun), length
        pdu.bhs[32:48] = cdb.ljust(16, b"\0")
        task = self.tasks[pdu.itt] = LossyTask(pdu.itt, length, data)
        self.wire.send(pdu)
        if unsolicited:
            self._data_out(task, 0, unsolicited, RESERVED_TAG)
        return task

    def _data_out(self, task, offset, length, ttt, size=1024):
        for number, start in enumerate(range(0, length, size)):
            part = task.data[offset + start:offset + min(start + size, length)]
            final = start + size >= length
            pdu = Pdu(Op.DATA_OUT, data=part, itt=task.itt, ttt=ttt, data_sn=number, buffer_offset=offset + start,
                      final=final, exp_stat_sn=self.expected)
            bad = self.random.random() < self.chance
            if bad and not final and self.random.random() < 0.5:
                self.lost["Data-Out"] += 1
            else:
                self.lost["Data-Out digest"] += bad
                self.wire.send(pdu, spoil_data=bad)

    def _snack(self, kind, itt=RESERVED_TAG, begin=0, run=0, tag=RESERVED_TAG, lun=0):
        self.lost["SNACK"] += 1
        self.wire.send(Pdu(Op.SNACK, flags=0x80 | kind, itt=itt, snack_tag=tag, lun=lun, exp_stat_sn=self.expected,
                           beg_run=begin, run_length=run))

    # --- the loop

    def finish(self):
        """Until every task is done."""
        silent = 0
        while any(not task.done for task in self.tasks.values()):
            try:
                pdu = self.wire.receive("anything", 0.1)
            except NoAnswer:
                silent += 1
                if silent > 200:
                    raise
                self._nudge()
                continue
            silent = 0
            if self.random.random() < self.chance:
                self.lost[Op(pdu.opcode).name] += 1
            else:
                self._take(pdu)
        self._clear()
        self._clear()  # replicas that the first one has asked for
        self.tasks.clear()
        self.session.model.next_stat_sn, self.session.model.sent_limit = self.expected, self.session.cmd_sn

    def _clear(self):
        """Nothing is lost any more until a ping has been answered: what was sent before has come by then."""
        self.session.model.next_stat_sn = self.expected
        ping = self.session.request(Op.NOP_OUT, immediate=True, ttt=RESERVED_TAG)
        self.wire.send(ping)
        self.last = None
        while self.last != ping.itt:
            self._take(self.wire.receive("the answer to the last ping"))

    def _nudge(self):
        """Nothing comes: a ping shows what StatSN is at; data and R2Ts that may be lost are asked for."""
        self.session.model.next_stat_sn = self.expected
        self.wire.send(self.session.request(Op.NOP_OUT, immediate=True, ttt=RESERVED_TAG))
        for task in self.tasks.values():
            if not task.done and task.data:
                self._snack(DATA, task.itt)
            if task.response is not None:
                self._ask_for_data(task)

    def _take(self, pdu):
        if pdu.opcode == Op.DATA_IN:
            self._take_data(self.tasks.get(pdu.itt), pdu)
        elif pdu.opcode == Op.R2T:
            task = self.tasks.get(pdu.itt)
            if task is not None and not task.done and task.r2ts.setdefault(pdu.r2t_sn, pdu) is pdu:
                self._data_out(task, pdu.buffer_offset, pdu.desired_length, pdu.ttt)
        elif pdu.opcode == Op.NOP_IN and pdu.itt == RESERVED_TAG:
            self._fill_gap(pdu.stat_sn)
            if pdu.ttt != RESERVED_TAG:
                self.wire.send(Pdu(Op.NOP_OUT, immediate=1, final=1, itt=RESERVED_TAG, ttt=pdu.ttt,
                                   cmd_sn=self.session.cmd_sn, exp_stat_sn=self.expected))
        else:
            self._take_status(pdu)

    def _take_data(self, task, pdu):
        if task is None or task.done or pdu.data_sn < task.acknowledged:
            return
        known = task.got.setdefault(pdu.data_sn, (pdu.buffer_offset, pdu.data))
        if known != (pdu.buffer_offset, pdu.data):
            raise Violation(f"not what this DataSN was before: {pdu}")
        if pdu.flags & 0x40:
            task.acks.append((pdu.data_sn + 1, pdu.ttt, pdu.lun))
        if pdu.data_sn == max(task.got):
            for first, count in task.missing(pdu.data_sn)[-1:]:
                if first + count == pdu.data_sn:
                    self._snack(DATA, task.itt, first, count)
        for ack in [ack for ack in task.acks if not task.missing(ack[0])]:
            task.acks.remove(ack)
            if ack[0] > task.acknowledged:
                task.acknowledged = ack[0]
                self._snack(DATA_ACK, begin=ack[0], tag=ack[1], lun=ack[2])
        self._advance()

    def _fill_gap(self, end):
        number = self.expected
        while serial_less(number, end):
            if number not in self.ahead:
                self._snack(STATUS, begin=number, run=1)
            number = serial_add(number, 1)

    def _take_status(self, pdu):
        if serial_less(pdu.stat_sn, self.expected) or pdu.stat_sn in self.ahead:
            return
        self.ahead[pdu.stat_sn] = pdu
        if pdu.opcode == Op.REJECT and pdu.reason != DIGEST_ERROR:
            raise Violation(f"a Reject where none is due: {pdu}")
        if pdu.opcode == Op.SCSI_RESPONSE:
            task = self.tasks[pdu.itt]
            task.response = pdu
            self._ask_for_data(task)
        self._fill_gap(pdu.stat_sn)
        self._advance()

    def _ask_for_data(self, task):
        if not task.done and not task.data:
            for first, count in task.missing(task.response.exp_data_sn):
                self._snack(DATA, task.itt, first, count)

    def _advance(self):
        """Acknowledges in order, and no response before all of its data has come (7.9)."""
        while self.expected in self.ahead:
            pdu = self.ahead[self.expected]
            if pdu.opcode == Op.SCSI_RESPONSE:
                task = self.tasks[pdu.itt]
                if not task.data and task.missing(pdu.exp_data_sn):
                    return
                task.done = True
            del self.ahead[self.expected]
            self.last = pdu.itt
            self.expected = serial_add(self.expected, 1)
