"""Async Messages that the target sends when it ends something (RFC 7143 11.9): events 1, 2 and 3."""

import threading
import time

from rawiscsi.errors import Closed
from rawiscsi.pdu import Op, Pdu

import fixture as fixtures

from .case import Case

ANNOUNCED = ("PDU with a bad header digest", "header digest", "refused with status 02")

REQUEST_LOGOUT, CONNECTION_DROPPED, SESSION_DROPPED = 1, 2, 3
ALL_OF_IT, ONE_OF_IT = 0, 1


class AsyncMessages(Case):
    def in_background(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 20)
        return thread

    def spare(self):
        """A further target, and a session with two connections to it; the target is deleted in the background."""
        self.need("spare_target", "delete_target")
        disk = self.fixture.create_unit(40)
        self.addCleanup(self.fixture.delete_unit, disk)
        spare = self.fixture.spare_target(disk)
        name = spare.__enter__()
        self.addCleanup(spare.__exit__, None, None, None)
        return name

    def expect_event(self, session, event, limit=5):
        message = session.until(lambda p: p.opcode == Op.ASYNC and p.async_event != 0, f"Async Message {event}", limit)
        self.assertEqual(message.async_event, event)
        self.assertEqual(bytes(message.data), b"")
        return message

    def test_async_1_target_goes_away_and_the_initiator_logs_out(self):
        """Event 1 with a time; who logs out within it ends with a Logout Response, and nobody waits longer."""
        name = self.spare()
        session = self.session(target=name, settle=False)
        started = time.monotonic()
        deleting = self.in_background(self.fixture.delete_target, name)
        message = self.expect_event(session, REQUEST_LOGOUT)
        self.assertGreaterEqual(message.parameter3, 1)
        self.assertEqual(session.logout(), 0)
        self.assertEqual([p for p in session.closes() if p.opcode == Op.ASYNC], [])
        deleting.join(20)
        self.assertLess(time.monotonic() - started, message.parameter3)

    def test_async_1_and_2_target_goes_away_and_the_initiator_stays(self):
        """Parameter3 seconds after event 1 the connection is dropped: event 2 with its CID, then its end."""
        name = self.spare()
        session = self.session(target=name, settle=False)
        self.in_background(self.fixture.delete_target, name)
        message = self.expect_event(session, REQUEST_LOGOUT)
        asked = time.monotonic()
        session.ping(b"it may finish what it has to do")
        dropped = self.expect_event(session, CONNECTION_DROPPED, message.parameter3 + 5)
        self.assertGreater(time.monotonic() - asked, message.parameter3 - 0.5)
        self.assertEqual((dropped.parameter1, dropped.parameter3), (session.phase.cid, 0))
        self.assertEqual(session.closes(), [])

    def test_async_1_by_the_operator(self):
        """`session logout` asks on every connection of the session."""
        self.need("tgtctl")
        first = self.session(keys={"MaxConnections": "4"})
        second = self.joined(first, 1)
        mine = [s["id"] for s in self.fixture.tgtctl("session", "list") if s["isid"] == f"0x{first.isid:012x}"]
        self.in_background(self.fixture.tgtctl, "session", "logout", mine[0], "--grace", "3s")
        for session in (first, second):
            self.assertEqual(self.expect_event(session, REQUEST_LOGOUT).parameter3, 3)
        self.assertEqual(second.logout(), 0)
        first.closes()
        self.assertEqual([event.async_event for event in first.model.events], [REQUEST_LOGOUT])

    def test_async_2_lost_connection_is_told_by_another(self):
        """A header digest error ends one connection; the other one says which, and goes on."""
        first = self.session(keys={"MaxConnections": "4", "HeaderDigest": "CRC32C"})
        second = self.joined(first, 1, keys={"HeaderDigest": "None"})
        bad = Pdu(Op.NOP_OUT, immediate=1, final=1, itt=0xFFFFFFFF, ttt=0xFFFFFFFF, cmd_sn=first.cmd_sn)
        first.wire.header_digest = False
        first.wire.send(bad)
        first.wire.send(bad)  # what follows the header is taken for its digest
        first.wire.header_digest = True
        with self.assertRaises(Closed):
            while True:
                first.receive("the end of the connection", 5)
        self.assertEqual(self.expect_event(second, CONNECTION_DROPPED).parameter1, first.phase.cid)
        self.works(second)

    def test_async_3_access_is_taken_away(self):
        """An initiator that may no longer log in is dropped at once: event 3."""
        self.need("tgtctl")
        name = self.spare()
        session = self.session(target=name, settle=False)
        self.fixture.tgtctl("target", "modify", name, "--initiators", fixtures.OTHER_INITIATOR)
        self.expect_event(session, SESSION_DROPPED)
        self.assertEqual(session.closes(), [])
