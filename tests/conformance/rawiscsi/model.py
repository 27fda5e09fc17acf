"""The initiator's model of a full feature phase connection; every PDU received is held against it. From error recovery
level 1 on it knows what was asked for by SNACK, and holds the replicas against the originals.

Clauses are those of RFC 7143. A disagreement raises Violation with the rule and the PDU.
"""

from collections import deque

from .errors import Violation
from .pdu import RESERVED_TAG, TARGET_OPCODES, Op, Pdu, serial_add, serial_less
from .sense import Sense

REJECT_REASONS = {0x02: "data digest error", 0x03: "SNACK reject", 0x04: "protocol error", 0x05: "not supported",
                  0x06: "too many immediate commands", 0x07: "task in progress", 0x08: "invalid data ACK",
                  0x09: "invalid PDU field", 0x0A: "out of resources", 0x0C: "waiting for logout"}
CHECK_CONDITION = 0x02
GOOD_STATUSES = (0x00, 0x04, 0x10, 0x14)


class Numbers:
    """What all connections of a session count together."""

    def __init__(self, cmd_sn):
        self.cmd_sn, self.next_itt = cmd_sn, 0x1000
        self.sent_limit = cmd_sn  # one more than the greatest CmdSN that was used


class Model:
    def __init__(self, parameters, cmd_sn, stat_sn, exp_cmd_sn, max_cmd_sn, numbers=None):
        self.parameters = parameters
        self.next_stat_sn = serial_add(stat_sn, 1)
        self.exp_cmd_sn, self.max_cmd_sn = exp_cmd_sn, max_cmd_sn
        self.numbers = numbers or Numbers(cmd_sn)
        self.tasks, self.requests = {}, {}  # live SCSI tasks; other live requests by ITT
        self.ended = set()                  # ITTs on which nothing more may come
        self.pings = {}                     # TTT of each NOP-In that asked for an answer: its data
        self.headers = deque(maxlen=8192)   # of everything sent, for Reject
        self.rejects, self.events = [], []  # (reason, rejected header), Async Messages
        self.text_f = {}
        self.level = parameters.number("ErrorRecoveryLevel")
        self.history, self.asked_again, self.replicas = {}, set(), []  # level 1: all that is numbered; SNACKs; replies

    @property
    def sent_limit(self):
        return self.numbers.sent_limit

    @sent_limit.setter
    def sent_limit(self, value):
        self.numbers.sent_limit = value

    # --- what we send

    def sent(self, pdu):
        self.headers.append(bytes(pdu.bhs))
        numbered = pdu.opcode in (Op.NOP_OUT, Op.SCSI_COMMAND, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.LOGOUT_REQUEST)
        if numbered and not pdu.immediate and not serial_less(pdu.cmd_sn, self.sent_limit):
            self.sent_limit = serial_add(pdu.cmd_sn, 1)
        if pdu.opcode == Op.TMF_REQUEST and pdu.function == 1 and serial_less(pdu.ref_cmd_sn, pdu.cmd_sn) \
                and not serial_less(pdu.ref_cmd_sn, self.sent_limit):
            self.sent_limit = serial_add(pdu.ref_cmd_sn, 1)  # ABORT TASK counts that CmdSN as received (11.6.1)
        if numbered and pdu.opcode != Op.SCSI_COMMAND and pdu.itt != RESERVED_TAG:
            self.requests[pdu.itt] = pdu
            self.ended.discard(pdu.itt)

    def add_task(self, task):
        self.tasks[task.itt] = task
        self.ended.discard(task.itt)

    def forbid(self, *tasks):
        """From now on no PDU may carry these tasks' tags."""
        for task in tasks:
            self.tasks.pop(task.itt, None)
            self.ended.add(task.itt)

    # --- what we receive

    def received(self, pdu):
        if pdu.opcode not in TARGET_OPCODES or pdu.bhs[0] & 0xC0:
            raise Violation(f"byte 0 is not that of a target's PDU (11.2.1): {pdu}")
        if pdu.total_ahs_length:
            raise Violation(f"a target sends no additional header segments: {pdu}")
        if pdu.data_segment_length > self.parameters.mrdsl:
            raise Violation(f"data is longer than our MaxRecvDataSegmentLength {self.parameters.mrdsl}: {pdu}")
        self._window(pdu)
        if self.level and self._replica(pdu):
            return
        handler = getattr(self, "_" + Op(pdu.opcode).name.lower(), None)
        if handler is None:
            raise Violation(f"not a PDU of the full feature phase: {pdu}")
        handler(pdu)

    def _ask(self, condition, rule, pdu):
        if not condition:
            raise Violation(f"{rule}: {pdu}")

    @staticmethod
    def number_of(pdu):
        """What a SNACK calls this PDU; None when it has no number of its own."""
        if pdu.opcode == Op.DATA_IN:
            return "data", pdu.itt, pdu.data_sn
        if pdu.opcode == Op.R2T:
            return "r2t", pdu.itt, pdu.r2t_sn
        return None if pdu.opcode == Op.NOP_IN and pdu.itt == RESERVED_TAG else ("status", pdu.stat_sn)

    def ask_again(self, *numbers):
        self.asked_again.update(numbers)

    def _replica(self, pdu):
        """11.16: as it was but for ExpCmdSN, MaxCmdSN and, in an R2T, StatSN."""
        number = self.number_of(pdu)
        if number not in self.asked_again:
            if number is not None:
                self.history[number] = pdu
            return False
        self.asked_again.discard(number)
        first, again = self.history[number], Pdu(bhs=pdu.bhs)
        again.exp_cmd_sn, again.max_cmd_sn = first.exp_cmd_sn, first.max_cmd_sn
        if pdu.opcode == Op.R2T:
            self._ask(pdu.stat_sn == self.next_stat_sn, "StatSN of an R2T that is sent again (11.16)", pdu)
            again.stat_sn = first.stat_sn
        self._ask(bytes(again.bhs) == bytes(first.bhs) and pdu.data == first.data, f"no replica of {first}", pdu)
        self.replicas.append(pdu)
        return True

    def _window(self, pdu):
        """ExpCmdSN and MaxCmdSN never go back, and ExpCmdSN acknowledges nothing that was not sent (4.2.2.1)."""
        self._ask(not serial_less(pdu.exp_cmd_sn, self.exp_cmd_sn),
                  f"ExpCmdSN went back from {self.exp_cmd_sn:#x}", pdu)
        self._ask(not serial_less(pdu.max_cmd_sn, self.max_cmd_sn),
                  f"MaxCmdSN went back from {self.max_cmd_sn:#x}", pdu)
        self._ask(not serial_less(self.sent_limit, pdu.exp_cmd_sn),
                  f"ExpCmdSN acknowledges more than was sent ({self.sent_limit:#x})", pdu)
        self._ask(not serial_less(pdu.max_cmd_sn, serial_add(pdu.exp_cmd_sn, -1)), "MaxCmdSN < ExpCmdSN - 1", pdu)
        self.exp_cmd_sn, self.max_cmd_sn = pdu.exp_cmd_sn, pdu.max_cmd_sn

    def _status_number(self, pdu):
        self._ask(pdu.stat_sn == self.next_stat_sn, f"StatSN is not {self.next_stat_sn:#x} (4.2.2.2)", pdu)
        self.next_stat_sn = serial_add(self.next_stat_sn, 1)

    def _task(self, pdu):
        self._ask(pdu.itt not in self.ended, "a PDU for a task that has ended", pdu)
        self._ask(pdu.itt in self.tasks, "Initiator Task Tag of no task", pdu)
        return self.tasks[pdu.itt]

    def _request(self, pdu, opcode):
        request = self.requests.pop(pdu.itt, None)
        self._ask(request is not None and request.opcode == opcode, f"no {Op(opcode).name} waits for this", pdu)
        return request

    def _data_in(self, pdu):
        task, limit = self._task(pdu), self.parameters.number("MaxBurstLength")
        final, ack, with_status = pdu.flags & 0x80, pdu.flags & 0x40, pdu.flags & 0x01
        self._ask(not pdu.flags & 0x38, "reserved bits (11.7)", pdu)
        self._ask(pdu.data_sn == len(task.data_in_pdus), f"DataSN is not {len(task.data_in_pdus)} (11.7.5)", pdu)
        self._ask(pdu.buffer_offset == len(task.data_in), f"Buffer Offset is not {len(task.data_in)} (11.7.6)", pdu)
        self._ask(len(task.data_in) + len(pdu.data) <= task.read_length,
                  f"more data than the expected {task.read_length} bytes (11.7)", pdu)
        self._ask(not ack or self.level, "A bit at error recovery level 0 (11.7.2)", pdu)
        if ack:
            self._ask(pdu.ttt != RESERVED_TAG and pdu.lun == task.lun, "TTT and LUN come with the A bit (11.7.4)", pdu)
            self._ask((len(task.data_in) + len(pdu.data)) % limit == 0, "A bit within MaxBurstLength (11.7.2)", pdu)
        else:
            self._ask(pdu.ttt == RESERVED_TAG and pdu.lun == 0, "TTT and LUN are reserved without A (11.7.4)", pdu)
        task.data_in += pdu.data
        task.data_in_pdus.append(pdu)
        task.burst += len(pdu.data)
        self._ask(task.burst <= limit, f"a sequence of {task.burst} bytes is above MaxBurstLength {limit}", pdu)
        if final:
            task.burst = 0
        if not with_status:
            self._ask(not pdu.flags & 0x06, "residual bits without S (11.7.3)", pdu)
            return
        self._ask(final, "S without F (11.7.3)", pdu)
        self._ask(pdu.status in GOOD_STATUSES, "status that needs its own SCSI Response (11.7.3)", pdu)
        self._status_number(pdu)
        self._end(task, pdu)

    def _scsi_response(self, pdu):
        task = self._task(pdu)
        self._ask(pdu.flags & 0x80 and not pdu.flags & 0x61, "fixed bits of byte 1 (11.4)", pdu)
        self._status_number(pdu)
        moved = len(task.data_in_pdus)
        if pdu.response == 0:
            self._ask(pdu.exp_data_sn in (moved, moved + len(task.r2ts)), f"ExpDataSN is not {moved} (11.4.8)", pdu)
        self._ask(task.burst == 0, "status before the F bit of the last Data-In sequence (11.7.1)", pdu)
        task.response = pdu.response
        if pdu.response == 0 and pdu.status == CHECK_CONDITION:
            length = int.from_bytes(pdu.data[:2], "big")
            self._ask(length >= 8 and length <= len(pdu.data) - 2, "CHECK CONDITION without sense data (11.4.7.2)", pdu)
            task.sense = Sense(pdu.data[2:2 + length])
            self._ask(task.sense.valid and not task.sense.deferred, "undecodable or deferred sense data", pdu)
        elif pdu.data:
            self._ask(int.from_bytes(pdu.data[:2], "big") == 0, "sense data without CHECK CONDITION", pdu)
        self._end(task, pdu)

    def _end(self, task, pdu):
        """Residuals (11.4.5) and the end of the task."""
        over, under = pdu.flags & 0x04, pdu.flags & 0x02
        self._ask(not (over and under), "both residual bits (11.4.1)", pdu)
        self._ask(over or under or pdu.residual_count == 0, "residual count without a bit (11.4.5.1)", pdu)
        both_ways = task.read_length and task.data_out
        self._ask(both_ways or not pdu.flags & 0x18 or pdu.opcode == Op.DATA_IN, "bidirectional residual bits", pdu)
        task.overflow, task.underflow = (pdu.residual_count if over else 0), (pdu.residual_count if under else 0)
        self._ask(task.underflow <= task.expected_length, "underflow above the expected length", pdu)
        if task.read_length and task.read_length == task.expected_length:
            exact = len(task.data_in) + task.underflow == task.expected_length
            self._ask(exact or (not under and not over and pdu.status not in GOOD_STATUSES),
                      f"residual does not fit {len(task.data_in)} of {task.expected_length} bytes (11.4.5.1)", pdu)
        task.status, task.answer = pdu.status, pdu
        self.tasks.pop(task.itt)
        self.ended.add(task.itt)

    def _r2t(self, pdu):
        task = self._task(pdu)
        self._ask(pdu.flags == 0x80 and not pdu.data, "fixed bits of an R2T (11.8)", pdu)
        self._ask(pdu.stat_sn == self.next_stat_sn, f"StatSN of an R2T is the next one, {self.next_stat_sn:#x}", pdu)
        if task.reassigned and pdu.r2t_sn > task.r2ts_lost + len(task.r2ts):  # what the lost connection had under way
            task.r2ts_lost = pdu.r2t_sn - len(task.r2ts)
        task.reassigned = False
        wanted = task.r2ts_lost + len(task.r2ts)
        self._ask(pdu.r2t_sn == wanted, f"R2TSN is not {wanted} (11.8.2)", pdu)
        asked = max([task.sent] + [r2t.buffer_offset + r2t.desired_length for r2t in task.r2ts])
        if self.level and pdu.buffer_offset < asked:  # a recovery R2T
            asked = pdu.buffer_offset
        self._ask(pdu.buffer_offset == asked, f"Buffer Offset is not {asked} (11.8.4, DataSequenceInOrder)", pdu)
        limit = min(self.parameters.number("MaxBurstLength"), task.expected_length - asked)
        self._ask(1 <= pdu.desired_length <= limit, f"Desired Data Transfer Length is not in 1..{limit}", pdu)
        self._ask(pdu.ttt != RESERVED_TAG and pdu.ttt not in task.open_r2ts, "Target Transfer Tag (11.8.5)", pdu)
        self._ask(pdu.lun == task.lun, "LUN is not that of the command (11.8)", pdu)
        task.r2ts.append(pdu)
        task.open_r2ts[pdu.ttt] = pdu.desired_length
        most = self.parameters.number("MaxOutstandingR2T")
        self._ask(len(task.open_r2ts) <= most, f"more than {most} outstanding R2Ts (13.17)", pdu)

    def _nop_in(self, pdu):
        self._ask(pdu.flags == 0x80, "fixed bits of a NOP-In (11.19)", pdu)
        if pdu.itt == RESERVED_TAG:
            self._ask(pdu.stat_sn == self.next_stat_sn, f"StatSN is not {self.next_stat_sn:#x}; it does not advance",
                      pdu)
            if pdu.ttt != RESERVED_TAG:
                self.pings[pdu.ttt] = pdu
            else:
                self._ask(not pdu.data, "data without a tag (11.19)", pdu)
            return
        request = self._request(pdu, Op.NOP_OUT)
        self._ask(pdu.ttt == RESERVED_TAG, "TTT of a ping response (11.19.2)", pdu)
        self._status_number(pdu)
        self._ask(pdu.data == request.data[:self.parameters.mrdsl], "ping data differs (11.18)", pdu)

    def _tmf_response(self, pdu):
        self._request(pdu, Op.TMF_REQUEST)
        self._ask(pdu.flags == 0x80 and not pdu.data, "fixed bits of a TMF response (11.6)", pdu)
        self._ask(pdu.response <= 7 or pdu.response == 255, "unassigned TMF response (11.6.1)", pdu)
        self._status_number(pdu)

    def _text_response(self, pdu):
        request = self._request(pdu, Op.TEXT_REQUEST)
        self._ask(not pdu.flags & 0x3F, "reserved bits (11.11)", pdu)
        self._ask((pdu.ttt == RESERVED_TAG) == bool(pdu.final),
                  "F=1 goes with TTT 0xffffffff only (11.11.1, 11.11.4)", pdu)
        self._ask(not (pdu.final and pdu.cont), "F and C are both set (11.11.2)", pdu)
        self._ask(not (pdu.final and not request.final), "F=1 in answer to F=0 (11.11.1)", pdu)
        self._status_number(pdu)

    def _logout_response(self, pdu):
        self._request(pdu, Op.LOGOUT_REQUEST)
        self._ask(pdu.flags == 0x80 and not pdu.data and pdu.response <= 3, "Logout Response (11.15)", pdu)
        self._status_number(pdu)

    def _async(self, pdu):
        self._ask(pdu.flags == 0x80 and pdu.itt == RESERVED_TAG, "fixed bits of an Async Message (11.9)", pdu)
        self._ask(pdu.async_event in (0, 1, 2, 3, 4, 5, 255), "unassigned AsyncEvent (11.9.1)", pdu)
        self._status_number(pdu)
        self.events.append(pdu)

    def _reject(self, pdu):
        self._ask(pdu.flags == 0x80 and pdu.itt == RESERVED_TAG, "fixed bits of a Reject (11.17)", pdu)
        self._ask(pdu.reason in REJECT_REASONS, "unassigned reject reason (11.17.1)", pdu)
        self._ask(bytes(pdu.data[:48]) in self.headers, "data does not start with a header that we sent (11.17.4)", pdu)
        self._status_number(pdu)
        header = Pdu(bhs=pdu.data[:48])
        self.rejects.append((pdu.reason, header))
        if header.opcode == Op.SCSI_COMMAND and header.itt in self.tasks:
            self.tasks[header.itt].rejected = pdu.reason
        elif header.itt in self.requests and self.requests[header.itt].opcode == header.opcode:
            del self.requests[header.itt]
