"""An iSCSI session over one connection: login, numbering, and the requests an initiator can make."""

import itertools
import struct
import time

from . import keys as text
from . import scsi
from .chap import Chap
from .errors import Closed, NoAnswer, Violation
from .login import OPERATIONAL, SECURITY, LoginPhase
from .model import Model, Numbers
from .pdu import RESERVED_TAG, Op, Pdu, serial_add
from .task import Task
from .wire import DEFAULT_LIMIT, Wire

OFFER = {
    "HeaderDigest": "None", "DataDigest": "None", "MaxConnections": "1", "InitialR2T": "Yes", "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": "262144", "MaxBurstLength": "262144", "FirstBurstLength": "65536",
    "DefaultTime2Wait": "2", "DefaultTime2Retain": "0", "MaxOutstandingR2T": "1", "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes", "ErrorRecoveryLevel": "0",
}
ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET, LUN_RESET, WARM_RESET, COLD_RESET, TASK_REASSIGN, QUERY_TASK, \
    QUERY_TASK_SET, I_T_NEXUS_RESET, QUERY_ASYNC_EVENT = range(1, 13)
_isids = itertools.count(1)


def new_isid():
    """A fresh ISID of the random format (RFC 7143 11.12.5)."""
    return 0x80 << 40 | next(_isids)


LEADING_ONLY = ("MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
                "DefaultTime2Wait", "DefaultTime2Retain", "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder",
                "ErrorRecoveryLevel", "iSCSIProtocolLevel", "TaskReporting")


class Session:
    """One connection; `leading` is the Session of the first connection when this one joins it (MC/S)."""

    def __init__(self, portal, target, initiator, isid=None, keys=None, chap=None, discovery=False, cmd_sn=1, tsih=0,
                 cid=0, limit=DEFAULT_LIMIT, login=True, receive_buffer=None, leading=None):
        self.portal, self.leading = portal, leading
        self.target, self.initiator, self.chap, self.discovery = target, initiator, chap, discovery
        self.isid = new_isid() if isid is None else isid
        self.offer = {key: value for key, value in {**OFFER, **(keys or {})}.items() if value is not None}
        self.parameters, self.answers = text.Parameters(), {}
        self.numbers = leading.numbers if leading else Numbers(cmd_sn)
        if leading:
            self.offer = {key: value for key, value in self.offer.items() if key not in LEADING_ONLY}
            isid, tsih, cmd_sn = leading.isid, leading.tsih, leading.cmd_sn
            self.isid = isid
        self.limit, self.auto_nop = limit, True
        self.wire = Wire(*portal, limit=limit, receive_buffer=receive_buffer)
        self.phase = LoginPhase(self.wire, self.isid, tsih=tsih, cid=cid, cmd_sn=cmd_sn)
        self.model = None
        if login:
            self.login()

    def join(self, cid, **options):
        """A further connection of this session."""
        return Session(self.portal, self.target, self.initiator, leading=self, cid=cid, **options)

    @property
    def cmd_sn(self):
        return self.numbers.cmd_sn

    @cmd_sn.setter
    def cmd_sn(self, value):
        self.numbers.cmd_sn = value

    @property
    def next_itt(self):
        return self.numbers.next_itt

    @next_itt.setter
    def next_itt(self, value):
        self.numbers.next_itt = value

    # --- login

    def login(self):
        names = {"InitiatorName": self.initiator, "SessionType": "Discovery" if self.discovery else "Normal"}
        if not self.discovery:
            names["TargetName"] = self.target
        names["AuthMethod"] = "CHAP" if self.chap else "None"
        response, pairs = self.phase.exchange(names, csg=SECURITY, nsg=OPERATIONAL, transit=not self.chap)
        self._first_answer(text.single(pairs))
        if self.chap:
            response = self._prove(self.chap)
        while not response.transit:
            response, pairs = self.phase.exchange(csg=SECURITY, nsg=OPERATIONAL)
        self._operate()

    def _first_answer(self, answers):
        self.answers.update(answers)
        wanted = "CHAP" if self.chap else "None"
        if answers.get("AuthMethod") != wanted:
            raise Violation(f"AuthMethod={wanted} was answered {answers.get('AuthMethod')}")
        if not self.discovery and not answers.get("TargetPortalGroupTag", "").isdigit():
            raise Violation("TargetPortalGroupTag is not in the first Login Response (RFC 7143 13.9)")

    def _prove(self, chap: Chap):
        _, pairs = self.phase.exchange(chap.offer(), csg=SECURITY, transit=False)
        chap.take_challenge(text.single(pairs))
        response, pairs = self.phase.exchange(chap.response(), csg=SECURITY, nsg=OPERATIONAL)
        chap.check_proof(text.single(pairs))
        return response

    def _operate(self):
        response, pairs = self.phase.exchange(self.offer, csg=OPERATIONAL)
        answers = text.single(pairs)
        for _ in range(8):
            if response.transit:
                break
            ours = {k: text.DEFAULTS[k] for k in answers if k not in self.offer and k not in text.DECLARED}
            response, pairs = self.phase.exchange(ours, csg=OPERATIONAL)
            answers.update(text.single(pairs))
        self.answers.update(answers)
        self.parameters.settle({key: value for key, value in self.offer.items()
                                if not (self.leading and key in LEADING_ONLY)}, answers)
        if self.leading:
            self.parameters.values.update({key: self.leading.parameters[key] for key in LEADING_ONLY})
        if not response.transit:
            raise NoAnswer("the target did not leave the operational stage in 8 exchanges")
        self.start(response)

    def start(self, final):
        """The full feature phase begins with the final Login Response."""
        self.model = Model(self.parameters, self.cmd_sn, final.stat_sn, final.exp_cmd_sn, final.max_cmd_sn,
                           self.numbers)
        self.wire.header_digest = self.parameters["HeaderDigest"] == "CRC32C"
        self.wire.data_digest = self.parameters["DataDigest"] == "CRC32C"

    @property
    def tsih(self):
        return self.phase.tsih

    # --- sending

    def itt(self):
        self.next_itt += 1
        return self.next_itt

    def send(self, pdu, **encoding):
        self.wire.send(pdu, **encoding)  # fills in the lengths, which a Reject shows us again
        self.model.sent(pdu)

    def request(self, opcode, data=b"", immediate=False, **fields):
        """A PDU with our numbers filled in; a non-immediate one takes the next CmdSN unless cmd_sn is given."""
        pdu = Pdu(opcode, data=data, immediate=immediate, itt=self.itt(), cmd_sn=self.cmd_sn, final=1,
                  exp_stat_sn=self.model.next_stat_sn)
        if not immediate and "cmd_sn" not in fields:
            self.cmd_sn = serial_add(self.cmd_sn, 1)
        for name, value in fields.items():
            setattr(pdu, name, value)
        return pdu

    def command(self, cdb, lun=0, read=0, write=b"", expected=None, attribute=scsi.SIMPLE, immediate=False,
                immediate_data=None, unsolicited=None, automatic=True, ahs=b"", encoding=None, **fields):
        """Sends a SCSI Command and its unsolicited data; returns the Task without waiting.

        write is what we have to give, expected the Expected Data Transfer Length (len(write) or read by default).
        immediate_data (bytes) is how much goes in the command PDU, unsolicited how much follows it in Data-Out PDUs.
        """
        expected = (len(write) or read) if expected is None else expected
        writes = bool(write) or bool(fields.get("bit5"))
        now, later = self._unsolicited(write, expected, immediate_data, unsolicited)
        number = {"cmd_sn": fields.pop("cmd_sn")} if "cmd_sn" in fields else {}
        pdu = self.request(Op.SCSI_COMMAND, data=write[:now], immediate=immediate, **number)
        pdu.ahs = ahs or (struct.pack(">HBx", len(cdb) - 15, 1) + cdb[16:] if len(cdb) > 16 else b"")
        pdu.final, pdu.bit6, pdu.bit5 = not later, read > 0, writes
        pdu.attribute, pdu.lun, pdu.expected_length = attribute, scsi.lun_field(lun), expected
        pdu.bhs[32:48] = cdb[:16].ljust(16, b"\0")
        for name, value in fields.items():
            setattr(pdu, name, value)
        readable = (read if writes else expected) if read else 0
        task = Task(pdu.itt, pdu.lun, cdb, expected, readable, write, sent=now + later, automatic=automatic)
        self.model.add_task(task)
        self.send(pdu, **(encoding or {}))
        if later:
            self.data_out(task, now, later)
        return task

    def _unsolicited(self, write, expected, immediate_data, unsolicited):
        first = min(self.parameters.number("FirstBurstLength"), len(write), expected)
        now = later = 0
        if self.parameters.yes("ImmediateData"):
            now = min(first, self.parameters.target_mrdsl)
        if not self.parameters.yes("InitialR2T"):
            later = first - now
        now = now if immediate_data is None else immediate_data
        if unsolicited is not None:
            later = unsolicited
        elif immediate_data is not None and later:
            later = max(0, first - now)
        return now, later

    def data_out_pdu(self, task, offset, data, ttt=RESERVED_TAG, data_sn=0, final=True, **fields):
        pdu = Pdu(Op.DATA_OUT, data=data, itt=task.itt, ttt=ttt, data_sn=data_sn, buffer_offset=offset, final=final,
                  exp_stat_sn=self.model.next_stat_sn, lun=task.lun if ttt != RESERVED_TAG else 0)
        for name, value in fields.items():
            setattr(pdu, name, value)
        return pdu

    def data_out(self, task, offset, length, ttt=RESERVED_TAG, data=None, **encoding):
        """One sequence of Data-Out PDUs, cut to what the target takes."""
        data = task.data_out[offset:offset + length].ljust(length, b"\0") if data is None else data
        size = self.parameters.target_mrdsl
        for data_sn, start in enumerate(range(0, length, size)):
            part = data[start:start + size]
            self.send(self.data_out_pdu(task, offset + start, part, ttt, data_sn, start + size >= length), **encoding)
        task.open_r2ts.pop(ttt, None)

    def answer_r2t(self, task, r2t):
        self.data_out(task, r2t.buffer_offset, r2t.desired_length, r2t.ttt)

    # --- receiving

    def receive(self, what="a PDU", limit=None):
        """One PDU, checked; pings and R2Ts of automatic tasks are answered."""
        pdu = self.wire.receive(what, limit)
        self.model.received(pdu)
        if pdu.opcode == Op.R2T:
            task = self.model.tasks[pdu.itt]
            if task.automatic:
                self.answer_r2t(task, pdu)
        elif pdu.opcode == Op.REJECT:
            self.plug(self.model.rejects[-1][1])
        elif pdu.opcode == Op.NOP_IN and pdu.itt == RESERVED_TAG and pdu.ttt != RESERVED_TAG and self.auto_nop:
            self.answer_ping(pdu)
        return pdu

    def plug(self, header):
        """The CmdSN of a rejected request counts as not received (RFC 7143 7.3): the next request takes it."""
        numbered = header.opcode in (Op.NOP_OUT, Op.SCSI_COMMAND, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.LOGOUT_REQUEST)
        if numbered and not header.immediate and serial_add(header.cmd_sn, 1) == self.cmd_sn:
            self.cmd_sn = header.cmd_sn

    def answer_ping(self, ping):
        self.model.pings.pop(ping.ttt, None)
        self.send(Pdu(Op.NOP_OUT, data=ping.data, immediate=1, final=1, itt=RESERVED_TAG, ttt=ping.ttt, lun=ping.lun,
                      cmd_sn=self.cmd_sn, exp_stat_sn=self.model.next_stat_sn))

    def until(self, done, what, limit=None):
        """Receives until done(pdu) is true; returns that PDU."""
        limit = self.limit if limit is None else limit
        deadline = time.monotonic() + limit
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer(f"waited {limit} s for {what}")
            pdu = self.receive(what, left)
            if done(pdu):
                return pdu

    def expect(self, opcode, what=None, limit=None):
        return self.until(lambda pdu: pdu.opcode == opcode, what or Op(opcode).name, limit)

    def finish(self, *tasks, limit=None):
        """Waits until every task has its status or a Reject; returns the last one."""
        waiting = [t for t in tasks if not t.done and t.rejected is None]
        if waiting:
            names = ", ".join(f"0x{t.itt:x} (CDB {t.cdb.hex()})" for t in waiting)
            self.until(lambda _: all(t.done or t.rejected is not None for t in waiting), f"status of task {names}",
                       limit)
        return tasks[-1]

    def outcome(self, task, limit=None):
        """How the target ended a task, in words: as str(Task), "closed", or "reject NN" of one of its Data-Outs.

        "r2t" when the target asks for more data of a task that does not answer R2Ts by itself."""
        seen, asked = len(self.model.rejects), len(task.r2ts)

        def over(_):
            return task.done or not task.automatic and len(task.r2ts) > asked or any(
                h.itt == task.itt for _, h in self.model.rejects[seen:])
        if task.done or task.rejected is not None:
            return str(task)
        try:
            self.until(over, f"the outcome of task 0x{task.itt:x} (CDB {task.cdb.hex()})", limit)
        except Closed:
            return "closed"
        if task.done:
            return str(task)
        return f"reject {self.model.rejects[-1][0]:02x}" if len(self.model.rejects) > seen else "r2t"

    def reply(self, itt, limit=None):
        """How a request that is not a SCSI command was answered: the response PDU, "reject NN" or "closed"."""
        seen = len(self.model.rejects)

        def over(pdu):
            return pdu.itt == itt or any(header.itt == itt for _, header in self.model.rejects[seen:])
        try:
            pdu = self.until(over, f"an answer to request 0x{itt:x}", limit)
        except Closed:
            return "closed"
        return f"reject {pdu.reason:02x}" if pdu.opcode == Op.REJECT else pdu

    def closes(self, limit=None):
        """Waits for the end of the connection; returns the PDUs that came before it."""
        limit = self.limit if limit is None else limit
        before, deadline = [], time.monotonic() + limit
        while time.monotonic() < deadline:
            try:
                before.append(self.receive("the end of the connection", deadline - time.monotonic()))
            except Closed:
                return before
            except NoAnswer:
                break
        raise NoAnswer(f"waited {limit} s for the target to close the connection")

    # --- whole exchanges

    def do(self, cdb, lun=0, limit=None, **options):
        return self.finish(self.command(cdb, lun, **options), limit=limit)

    def ping(self, data=b"", immediate=True, limit=None, **fields):
        pdu = self.request(Op.NOP_OUT, data=data, immediate=immediate, ttt=RESERVED_TAG, **fields)
        self.send(pdu)
        return self.until(lambda p: p.opcode == Op.NOP_IN and p.itt == pdu.itt, "a NOP-In for our ping", limit)

    def send_tmf(self, function, lun=0, task=None, immediate=True, **fields):
        fields.setdefault("referenced_task_tag", RESERVED_TAG if task is None else task.itt)
        pdu = self.request(Op.TMF_REQUEST, immediate=immediate, function=function, lun=scsi.lun_field(lun), **fields)
        self.send(pdu)
        return pdu

    def tmf(self, function, lun=0, task=None, limit=None, **fields):
        """Sends a task management request and returns the response code."""
        pdu = self.send_tmf(function, lun, task, **fields)
        return self.until(lambda p: p.opcode == Op.TMF_RESPONSE and p.itt == pdu.itt,
                          f"the response to task management function {function}", limit).response

    def text(self, pairs=(), final=True, raw=None, ttt=RESERVED_TAG, immediate=False, **fields):
        """One Text Request; returns what reply() returns."""
        pdu = self.request(Op.TEXT_REQUEST, data=text.encode(pairs) if raw is None else raw, final=final, ttt=ttt,
                           immediate=immediate, **fields)
        self.send(pdu)
        return self.reply(pdu.itt)

    def send_targets(self, value="All"):
        """SendTargets with its continuations: a list of (key, value)."""
        answer, data = self.text({"SendTargets": value}), b""
        while True:
            if isinstance(answer, str):
                return answer
            data += answer.data
            if answer.final:
                return text.decode(data)
            answer = self.text(ttt=answer.ttt, itt=answer.itt)

    def snack(self, kind, itt=RESERVED_TAG, begin=0, run=0, tag=RESERVED_TAG, lun=0):
        """Sends a SNACK; kind is Data/R2T 0, Status 1, DataACK 2, R-Data 3."""
        pdu = Pdu(Op.SNACK, flags=0x80 | kind, itt=itt, snack_tag=tag, lun=lun, exp_stat_sn=self.model.next_stat_sn,
                  beg_run=begin, run_length=run)
        self.send(pdu)
        return pdu

    def again(self, *numbers, limit=None):
        """Waits for replicas of what a SNACK has asked for; numbers as of Model.number_of."""
        self.model.ask_again(*numbers)
        seen = len(self.model.replicas)
        self.until(lambda _: len(self.model.replicas) == seen + len(numbers), f"replicas of {numbers}", limit)
        return self.model.replicas[seen:]

    def send_logout(self, reason=0, cid=0, immediate=True, **fields):
        pdu = self.request(Op.LOGOUT_REQUEST, immediate=immediate, cid=cid, function=reason, **fields)
        pdu.final = 1
        self.send(pdu)
        return pdu

    def logout(self, reason=0, cid=0, limit=None, **fields):
        """Logs out and returns the response code."""
        pdu = self.send_logout(reason, cid, **fields)
        return self.until(lambda p: p.opcode == Op.LOGOUT_RESPONSE and p.itt == pdu.itt, "a Logout Response",
                          limit).response

    def settle(self, *luns):
        """Takes the unit attention conditions of a new nexus: TEST UNIT READY until it is GOOD."""
        for lun in luns or (0,):
            for _ in range(8):
                if self.do(scsi.test_unit_ready(), lun).status == scsi.GOOD:
                    break

    def close(self, reset=False):
        self.wire.close(reset)
