"""Sessions with several connections (RFC 7143 4.2.1, 4.2.3.3, 6.3.4, 7.4, 7.5, 11.14)."""

import time

from rawiscsi.errors import Closed
from rawiscsi.login import Refused
from rawiscsi.pdu import RESERVED_TAG, Op, Pdu, serial_add
from rawiscsi.session import ABORT_TASK, LUN_RESET

from .case import CLOSED, Case, scsi
from .login_case import CANNOT_INCLUDE, NO_SESSION, TOO_MANY

ANNOUNCED = ("refused with status 02(06|08|0a)", "more bytes before the last login response",
             "a request before the last login response", "responses not acknowledged in time")
MANY = {"MaxConnections": "4"}
DONE, NO_CID = 0, 1


class Connections(Case):
    def setUp(self):
        super().setUp()
        self.first = self.session(keys=MANY)
        if self.first.parameters.number("MaxConnections") < 2:
            self.skipTest("this target has one connection per session")

    def pair(self):
        return self.first, self.joined(self.first, 1)

    def refusal(self, cid, **options):
        try:
            self.joined(self.first, cid, **options)
        except Refused as refused:
            return refused.status
        except Closed:
            return CLOSED
        return "ok"

    # --- joining

    def test_mcs_data_goes_over_all_connections(self):
        """4.2.1: what one connection wrote, each of the others reads; digests are each connection's own."""
        first, second = self.pair()
        third = self.joined(first, 2, keys={"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"})
        sessions = (first, second, third)
        for number, writer in enumerate(sessions):
            data = self.pattern(16 * self.block, number)
            self.write(writer, 64 * number, data)
            for reader in sessions:
                self.assertEqual(self.read(reader, 64 * number, 16), data)

    def test_mcs_more_than_agreed(self):
        """11.13.5: 0x0206 above MaxConnections; the session is as it was."""
        sessions = [self.first] + [self.joined(self.first, cid) for cid in (1, 2, 3)]
        self.assertEqual(self.refusal(4), TOO_MANY)
        for session in sessions:
            self.works(session)

    def test_mcs_connection_from_another_portal_group(self):
        """4.2.2.1, 11.13.5: a session is to one portal group: 0x0208."""
        self.need("second_portal")
        self.first.portal = self.fixture.second_portal
        self.assertEqual(self.refusal(1), CANNOT_INCLUDE)
        self.works(self.first)

    def test_mcs_connection_for_a_session_that_is_over(self):
        """11.13.5: 0x020A."""
        self.first.logout()
        self.assertEqual(self.refusal(1), NO_SESSION)

    def test_mcs_keys_of_the_leading_login(self):
        """13: what only the leading connection may negotiate is not settled anew by another one."""
        second = self.joined(self.first, 1, login=False)
        second.offer.update({"MaxBurstLength": "512", "MaxConnections": "1", "ErrorRecoveryLevel": "2"})
        try:
            second.login()
        except Refused as refused:
            return self.assertEqual(refused.status >> 8, 2)
        for key in ("MaxBurstLength", "MaxConnections", "ErrorRecoveryLevel"):
            self.assertIn(second.answers.get(key), ("Irrelevant", "Reject", "NotUnderstood"), key)
        return self.works(self.joined(self.first, 2))

    def test_mcs_request_before_the_last_login_response(self):
        """6.3: no PDU but Login Requests until the login is over. Whatever the target does, the session lives on."""
        names = {"InitiatorName": self.first.initiator, "SessionType": "Normal", "TargetName": self.first.target}
        for cid in range(1, 9):
            wire = self.joined(self.first, cid, login=False)
            wire.phase.send(names, csg=1)
            wire.wire.send(Pdu(Op.NOP_OUT, immediate=1, final=1, itt=1, ttt=RESERVED_TAG, cmd_sn=self.first.cmd_sn))
            wire.close(reset=cid % 2 == 0)
        self.works(self.first)

    # --- order

    def test_mcs_order_of_commands_over_two_connections(self):
        """4.2.2.1: CmdSN counts over the session: a later command that comes first by another connection waits."""
        first, second = self.pair()
        self.write(first, 0, self.pattern(self.block, 1))
        late = first.request(Op.NOP_OUT, data=b"late", ttt=RESERVED_TAG)  # takes the number, is not sent yet
        task = second.command(scsi.test_unit_ready(), self.lun)
        self.quiet(second, 0.3)
        first.send(late)
        self.assertEqual(str(second.finish(task)), "good")
        first.until(lambda p: p.opcode == Op.NOP_IN and p.itt == late.itt, "the NOP-In")

    def test_mcs_many_commands_in_turn(self):
        """4.2.2.1: 400 commands dealt to four connections are all served, each answered where it came."""
        sessions = [self.first] + [self.joined(self.first, cid) for cid in (1, 2, 3)]
        for _ in range(25):
            tasks = [(session, session.command(scsi.read10(8 * n, 4), self.lun, read=4 * self.block))
                     for n, session in enumerate(sessions * 4)]
            for session, task in tasks:
                self.assertEqual(str(session.finish(task)), "good")

    def test_mcs_tag_in_use_on_another_connection(self):
        """4.2.2.1, 11.2.1.8: an Initiator Task Tag is the session's: Reject 0x07."""
        first, second = self.pair()
        held, r2t = self.held(first)
        second.next_itt = held.itt - 1
        task = second.command(scsi.test_unit_ready(), self.lun)
        self.assertEqual(task.itt, held.itt)
        self.ends(second.outcome(task), "reject 07")
        second.next_itt = held.itt + 10
        first.answer_r2t(held, r2t)
        self.assertEqual(str(first.finish(held)), "good")
        self.works(second)

    # --- task management

    def test_mcs_abort_of_a_task_of_another_connection(self):
        """11.5.1: the task is gone, and its connection serves."""
        first, second = self.pair()
        held, _ = self.held(first)
        self.assertEqual(second.tmf(ABORT_TASK, self.lun, held, ref_cmd_sn=serial_add(first.cmd_sn, -1)), 0)
        first.model.forbid(held)
        self.works(first)
        self.works(second)

    def test_mcs_reset_waits_for_acknowledgement_on_the_other_connection(self):
        """4.2.3.3: the response comes after StatSN was acknowledged on every connection."""
        first, second = self.pair()
        held, _ = self.held(first)
        first.auto_nop = False
        reset = second.send_tmf(LUN_RESET, self.lun)
        ping = first.until(lambda p: p.opcode == Op.NOP_IN and p.ttt != RESERVED_TAG, "a ping that asks for ExpStatSN")
        self.quiet(second, 0.3)
        first.model.forbid(held)
        first.answer_ping(ping)
        first.auto_nop = True
        answer = second.until(lambda p: p.opcode == Op.TMF_RESPONSE and p.itt == reset.itt, "the reset's response")
        self.assertEqual(answer.response, 0)
        first.settle(self.lun)
        self.works(second)

    # --- ends

    def test_f084_loss_of_one_of_four(self):
        """F084; 7.5: the tasks of the lost connection end, the others go on, and its CID may be used again."""
        sessions = [self.first] + [self.joined(self.first, cid) for cid in (1, 2, 3)]
        held, _ = self.held(sessions[2], lba=900)
        kept, r2t = self.held(sessions[3], lba=950)
        sessions[2].close(reset=True)
        self.assertIsNotNone(held)
        sessions[3].answer_r2t(kept, r2t)
        self.assertEqual(str(sessions[3].finish(kept)), "good")
        for session in (sessions[0], sessions[1], sessions[3]):
            self.works(session)
        again = self.joined(self.first, 2)
        self.works(again)

    def test_mcs_loss_of_the_leading_connection(self):
        """4.2.1: no connection is more than another once the session is there."""
        first, second = self.pair()
        first.close()
        self.works(second)
        self.works(self.joined(first, 0))

    def test_mcs_logout_of_one_connection(self):
        """11.14: reason 1 closes the connection that its CID names, this one or another."""
        first, second = self.pair()
        third = self.joined(first, 2)
        self.assertEqual(third.logout(1, cid=2), DONE)
        third.closes()
        held, _ = self.held(second)
        self.assertEqual(first.logout(1, cid=1), DONE)
        second.model.forbid(held)
        second.closes()
        self.assertEqual(first.logout(1, cid=1), NO_CID)
        self.works(first)
        self.assertEqual(first.logout(1, cid=0), DONE)
        self.assertEqual(self.refusal(1), NO_SESSION)

    def test_mcs_logout_of_the_session(self):
        """11.14: reason 0 closes every connection."""
        first, second = self.pair()
        self.assertEqual(first.logout(0), DONE)
        first.closes()
        second.closes()

    def test_mcs_connection_reinstatement(self):
        """6.3.4: a login with the CID of a live connection takes its place; the old one's tasks end."""
        first, second = self.pair()
        held, _ = self.held(second, lba=700)
        fresh = self.joined(first, 1)
        second.model.forbid(held)
        second.closes()
        self.works(fresh)
        self.works(first)
        self.write(fresh, 700, self.pattern(self.block, 7))

    def test_mcs_session_reinstatement(self):
        """6.3.5: TSIH 0 with the same ISID ends the session with all its connections."""
        first, second = self.pair()
        fresh = self.session(isid=first.isid)
        for old in (first, second):
            old.closes()
        self.works(fresh)

    def test_mcs_session_that_is_listed(self):
        """tgtctl shows each connection with its CID and digests."""
        self.need("tgtctl")
        second = self.joined(self.first, 7, keys={"DataDigest": "CRC32C"})
        listed = [s for s in self.fixture.tgtctl("session", "list") if s["tsih"] == self.first.tsih]
        self.assertEqual(len(listed), 1)
        self.assertEqual([c["cid"] for c in listed[0]["connections"]], [0, 7])
        self.assertEqual([c["data_digest"] for c in listed[0]["connections"]], [False, True])
        self.works(second)

    def test_mcs_storm_of_connections(self):
        """Connections that come and go for two seconds leave the session and the target as they were."""
        until, cid = time.monotonic() + 2, 0
        while time.monotonic() < until:
            cid += 1
            session = self.joined(self.first, 1 + cid % 3)
            # Immediate: a command that is lost with its connection leaves no gap in CmdSN.
            session.command(scsi.read10(0, 8), self.lun, read=8 * self.block, immediate=True)
            session.close(reset=cid % 2 == 0)
        self.works(self.first)
        self.works(self.joined(self.first, 1))
