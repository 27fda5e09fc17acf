"""What every conformance test stands on: sessions that are closed, outcomes in words, patterns, and fences."""

import fnmatch
import random
import time
import unittest

from rawiscsi import scsi
from rawiscsi.errors import Closed, NoAnswer
from rawiscsi.login import LoginPhase
from rawiscsi.pdu import Op, Pdu
from rawiscsi.session import new_isid
from rawiscsi.wire import Wire

# Ways to end a command whose sender broke a rule: the connection may always go (RFC 7143 7.13).
CLOSED = "closed"
PROTOCOL_ERROR = ("reject 04", "reject 09", CLOSED)
NOT_PERMITTED_DATA = ("check 0b/0c/0c", "check 0b/0c/0d", *PROTOCOL_ERROR)


class Case(unittest.TestCase):
    fixture = None  # set by run.py
    longMessage = True

    def setUp(self):
        self.wires = []

    def tearDown(self):
        for wire in self.wires:
            wire.close()

    # --- connections

    def session(self, *args, **options):
        session = self.fixture.session(*args, **options)
        self.wires.append(session.wire)
        return session

    def joined(self, leading, cid, **options):
        """A further connection of a session."""
        session = leading.join(cid, **options)
        self.wires.append(session.wire)
        return session

    def fast(self, **keys):
        """A session without immediate data and with small bursts, so that R2Ts and sequences are seen."""
        return self.session(keys={"ImmediateData": "No", "MaxBurstLength": "8192", "FirstBurstLength": "4096",
                                  "MaxRecvDataSegmentLength": "1024", **keys})

    def r2t_mode(self, **keys):
        """The session most UNH-IOL items ask for: every byte solicited, segments of 1024 bytes; INQUIRY, TEST UNIT
        READY and READ CAPACITY passed."""
        session = self.session(keys={"ImmediateData": "No", "InitialR2T": "Yes", "MaxRecvDataSegmentLength": "1024",
                                     **keys})
        self.prelude(session)
        return session

    def prelude(self, session):
        self.assertEqual(str(session.do(scsi.inquiry(96), self.lun, read=96)), "good")
        self.assertEqual(str(session.do(scsi.test_unit_ready(), self.lun)), "good")
        self.assertEqual(str(session.do(scsi.read_capacity10(), self.lun, read=8)), "good")

    def held(self, session, lba=300, blocks=4, **options):
        """A WRITE that waits for the data of its first R2T, and that R2T."""
        task = session.command(scsi.write10(lba, blocks), self.lun, write=self.pattern(blocks * self.block, lba),
                               immediate_data=0, unsolicited=0, automatic=False, **options)
        return task, session.until(lambda p: p.opcode == Op.R2T and p.itt == task.itt, "the R2T of a held WRITE")

    def discovery(self, **options):
        session = self.fixture.discovery(**options)
        self.wires.append(session.wire)
        return session

    def wire(self, portal=None, **options):
        wire = Wire(*(portal or self.fixture.portal), **options)
        self.wires.append(wire)
        return wire

    def phase(self, portal=None, isid=None, **options):
        """A fresh connection on which nothing was sent yet."""
        return LoginPhase(self.wire(portal), new_isid() if isid is None else isid, **options)

    def need(self, *names):
        for name in names:
            if not getattr(self.fixture, name, None):
                self.skipTest(f"this target has no {name}")

    def need_delay(self):
        self.need("inject_delay")
        self.addCleanup(self.fixture.clear_faults)

    # --- data

    @property
    def lun(self):
        return self.fixture.disk.lun

    @property
    def block(self):
        return self.fixture.disk.block

    @property
    def blocks(self):
        return self.fixture.disk.blocks

    @staticmethod
    def pattern(length, seed=1):
        return random.Random(seed).randbytes(length)

    def write(self, session, lba, data, lun=None, **options):
        lun = self.lun if lun is None else lun
        task = session.do(scsi.write10(lba, len(data) // self.block), lun, write=data, **options)
        self.assertEqual(str(task), "good", f"WRITE of {len(data)} bytes at {lba}")
        return task

    def read(self, session, lba, blocks, lun=None, **options):
        lun = self.lun if lun is None else lun
        task = session.do(scsi.read10(lba, blocks), lun, read=blocks * self.block, **options)
        self.assertEqual(str(task), "good", f"READ of {blocks} blocks at {lba}")
        return bytes(task.data_in)

    # --- judgements

    def answered(self, reply):
        """The PDU that answers a request; fails when it was rejected or the connection closed."""
        if isinstance(reply, str):
            self.fail(f"no answer but '{reply}'")
        return reply

    def ends(self, how, *allowed, hint=""):
        """how is one of the allowed outcomes (patterns as of fnmatch)."""
        how = str(how)
        if not any(fnmatch.fnmatchcase(how, pattern) for pattern in allowed):
            self.fail(f"ended with '{how}', allowed: {', '.join(allowed)}{'; ' + hint if hint else ''}")

    def fence(self, session):
        """Pings, and returns every other PDU that came before the answer: what was sent before has been seen."""
        between = []
        ping = session.request(Op.NOP_OUT, data=b"fence", immediate=True, ttt=0xFFFFFFFF)
        session.send(ping)
        while True:
            pdu = session.receive("the answer to a fence ping")
            if pdu.opcode == Op.NOP_IN and pdu.itt == ping.itt:
                return between
            between.append(pdu)

    def ignored(self, session):
        """What was just sent has no answer: two pings pass with nothing between."""
        self.assertEqual([str(p) for p in self.fence(session) + self.fence(session)], [], "an answer where none is due")

    def quiet(self, session, seconds):
        """Nothing but pings of the target comes for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                pdu = session.receive("silence", left)
            except NoAnswer:
                return
            if pdu.opcode != Op.NOP_IN or pdu.itt != 0xFFFFFFFF:
                self.fail(f"expected silence for {seconds} s, got {pdu}")

    def works(self, session, lun=None):
        """The session still serves."""
        task = session.do(scsi.test_unit_ready(), self.lun if lun is None else lun)
        self.ends(task, "good", "check 06/*", hint="TEST UNIT READY after the test")

    def target_works(self):
        """A new session still serves."""
        self.works(self.session())

    def closed_or(self, session, *allowed, limit=None):
        """The target closes the connection, or sends a Reject with one of the allowed reasons and goes on."""
        rejects = len(session.model.rejects)
        try:
            session.until(lambda _: len(session.model.rejects) > rejects,
                          "a Reject or the end of the connection", limit)
        except Closed:
            return CLOSED
        reason = session.model.rejects[-1][0]
        self.assertIn(reason, allowed, f"Reject reason 0x{reason:02x}, allowed: {[hex(a) for a in allowed]} or close")
        return f"reject {reason:02x}"

    def raw_end(self, wire, limit=None):
        """Drains a connection that never logged in: every PDU until the target closes it."""
        pdus = []
        while True:
            try:
                pdus.append(wire.receive("the end of the connection", limit))
            except Closed:
                return pdus


__all__ = ["Case", "CLOSED", "PROTOCOL_ERROR", "NOT_PERMITTED_DATA", "Closed", "NoAnswer", "Op", "Pdu", "scsi"]
