"""Login suite, stages: transitions, C bit, TSIH, versions, fixed fields, reinstatement (RFC 7143 6.3)."""

from rawiscsi import keys as text
from rawiscsi.errors import Closed
from rawiscsi.login import FULL_FEATURE, LoginPhase, Refused
from rawiscsi.pdu import RESERVED_TAG, Op, Pdu
from rawiscsi.session import OFFER

from .case import scsi
from .login_case import (CANNOT_INCLUDE, CLOSED, INITIATOR_ERROR, INVALID_REQUEST, NO_SESSION, OPERATIONAL, SECURITY,
                         TOO_MANY, VERSION, LoginCase)

ANNOUNCED = ("refused with status 02",)


class Stages(LoginCase):
    def ffp(self, phase):
        """The connection serves: a ping without help of a Session."""
        phase.wire.send(Pdu(Op.NOP_OUT, data=b"ffp", immediate=1, final=1, itt=5, ttt=RESERVED_TAG,
                            cmd_sn=phase.cmd_sn, exp_stat_sn=phase.stat_sn + 1))
        self.assertEqual(phase.wire.receive("a NOP-In").data, b"ffp")

    def test_login_security_then_operational(self):
        phase = self.operational()
        phase.complete(OFFER)
        self.ffp(phase)

    def test_login_security_to_full_feature(self):
        """RFC 7143 11.12.3: 0 to 3 is a legal transition; defaults hold."""
        phase = self.phase()
        response, _ = phase.exchange(self.names(), csg=SECURITY, nsg=FULL_FEATURE)
        if response.nsg != FULL_FEATURE:  # the target may want the operational stage first
            phase.complete(csg=response.nsg if response.transit else SECURITY)
        self.ffp(phase)

    def test_login_operational_at_once(self):
        """RFC 7143 6.3: without security the first request may be in the operational stage."""
        phase = self.phase()
        phase.complete(self.names(AuthMethod=None))
        self.ffp(phase)

    def test_login_slowly_with_t_0(self):
        """RFC 7143 11.13.2: the target changes stage only when asked; empty requests are answered."""
        phase = self.phase()
        for pairs in (self.names(), {}, {}):
            response, _ = phase.exchange(pairs, csg=SECURITY, transit=False)
            self.assertFalse(response.transit)
        phase.exchange({}, csg=SECURITY, nsg=OPERATIONAL)
        seen = set()
        for key, value in OFFER.items():
            response, pairs = phase.exchange({key: value}, csg=OPERATIONAL, transit=False)
            self.assertFalse(response.transit)
            if key not in text.DECLARED and key not in seen:
                text.outcome(key, value, dict(pairs))
            seen.update(dict(pairs))
        phase.complete()
        self.ffp(phase)

    def test_f086_illegal_transitions_in_the_first_request(self):
        """RFC 7143 11.12.3: only 0-1, 0-3 and 1-3 are legal."""
        legal = {(0, 1), (0, 3), (1, 3)}
        for csg in range(4):
            for nsg in range(4):
                if (csg, nsg) not in legal:
                    verdict = self.attempt(self.names(), csg=csg, nsg=nsg)
                    self.refused(verdict, INITIATOR_ERROR, INVALID_REQUEST, CLOSED, hint=f"CSG {csg} NSG {nsg}:")
        for csg in (2, 3):
            verdict = self.attempt(self.names(), csg=csg, transit=False)
            self.refused(verdict, INITIATOR_ERROR, INVALID_REQUEST, CLOSED, hint=f"CSG {csg} T 0:")

    def test_f086_back_to_the_security_stage(self):
        phase = self.operational()
        self.refused(self.step(phase, csg=SECURITY, nsg=OPERATIONAL), INITIATOR_ERROR, INVALID_REQUEST, CLOSED)

    def test_f086_t_with_c(self):
        """RFC 7143 11.12.2: C and T together are a protocol error."""
        self.refused(self.attempt(self.names(), csg=SECURITY, nsg=OPERATIONAL, cont=True))
        phase = self.operational()
        self.refused(self.step(phase, raw=b"MaxBurstLength=40", csg=OPERATIONAL, cont=True))

    def test_login_security_keys_in_the_operational_stage(self):
        """RFC 7143 12.1: AuthMethod is a key of the security stage."""
        answer = self.offer({"AuthMethod": "CHAP"})
        if isinstance(answer, dict):
            self.assertIn(answer.get("AuthMethod"), ("Reject", "NotUnderstood", "Irrelevant"))
        else:
            self.refused(answer)


class Continuation(LoginCase):
    def chain(self, phase, data, sizes, csg, nsg):
        start = 0
        for size in sizes[:-1]:
            phase.exchange(raw=data[start:start + size], csg=csg, transit=False, cont=True)
            start += size
        return phase.exchange(raw=data[start:], csg=csg, nsg=nsg)

    def test_login_c_bit_collects_text(self):
        """RFC 7143 6.2: parts are answered by empty responses; the whole text is answered at the end."""
        data = text.encode(OFFER)
        for sizes in ((1, len(data) - 1), (len(data) - 1, 1),
                      (100, 100, len(data) - 200), (7,) * 12 + (len(data) - 84,)):
            phase = self.operational()
            _, pairs = self.chain(phase, data, sizes, OPERATIONAL, FULL_FEATURE)
            answers = text.single(pairs)
            for key, value in OFFER.items():
                if key not in text.DECLARED:
                    text.outcome(key, value, answers)

    def test_login_c_bit_in_the_first_request(self):
        data = text.encode(self.names())
        for cut in range(1, len(data), 9):
            phase = self.phase()
            response, _ = self.chain(phase, data, (cut, len(data) - cut), SECURITY, OPERATIONAL)
            self.assertTrue(response.transit)

    def test_login_c_bit_with_nothing_after(self):
        """A chain whose last part is empty."""
        phase = self.operational()
        response, _ = self.chain(phase, text.encode({"MaxBurstLength": "4096"}), (20, 0), OPERATIONAL, FULL_FEATURE)
        self.assertTrue(response.transit)

    def test_f075_a_login_chain_without_end(self):
        """F075: collected text is bounded, 64 KiB are too much."""
        phase = self.operational()
        for _ in range(40):
            verdict = self.step(phase, raw=b"v" * 4000, csg=OPERATIONAL, transit=False, cont=True)
            if verdict != "ok":
                return self.refused(verdict, INITIATOR_ERROR, 0x0302, CLOSED)
        return self.fail("160 KiB of login text were collected")


class Numbers(LoginCase):
    def test_f086_unknown_tsih(self):
        """RFC 7143 6.3.1, 11.13.5: 0x020A."""
        for tsih in (1, 0x7777, 0xFFFF):
            self.refused(self.whole(self.phase(tsih=tsih), self.names()), NO_SESSION)

    def test_f086_tsih_of_another_isid(self):
        """RFC 7143 6.3.1: ISID and TSIH name the session together."""
        session = self.session()
        verdict = self.whole(self.phase(tsih=session.tsih), self.names(InitiatorName=session.initiator))
        self.refused(verdict, NO_SESSION)
        self.works(session)

    def test_login_a_second_connection_above_max_connections(self):
        """RFC 7143 6.3.1: same ISID and TSIH, new CID: 0x0206 when MaxConnections is 1 (or 0x0208)."""
        session = self.session()
        phase = self.phase(isid=session.isid, tsih=session.tsih, cid=1)
        verdict = self.whole(phase, self.names(InitiatorName=session.initiator))
        if session.parameters.number("MaxConnections") == 1:
            self.refused(verdict, TOO_MANY, CANNOT_INCLUDE)
        self.works(session)

    def test_f086_versions(self):
        """RFC 7143 11.13.5: 0x0205 when 0 is not between Version-min and Version-max."""
        for highest, lowest in ((1, 1), (255, 255), (2, 1)):
            verdict = self.attempt(self.names(), csg=SECURITY, nsg=OPERATIONAL, version_max=highest, version_min=lowest)
            self.refused(verdict, VERSION, hint=f"versions {lowest}..{highest}:")
        self.assertEqual(self.attempt(self.names(), csg=SECURITY, nsg=OPERATIONAL, version_max=255, version_min=0),
                         "ok")

    def test_login_any_cmd_sn_any_tag(self):
        """RFC 7143 11.12.7: the first CmdSN of a session is free, wrap included."""
        for cmd_sn in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            session = self.session(cmd_sn=cmd_sn)
            for _ in range(4):
                self.works(session)
        phase = self.phase(itt=0)
        phase.exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL)

    def test_login_any_cid(self):
        for cid in (0, 1, 0xFFFF):
            phase = self.phase(cid=cid)
            phase.exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL)

    def changed(self, **fields):
        """A second request with another identity is refused, or has no effect on the identity."""
        phase = self.phase(cid=3)
        phase.exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL)
        phase.wire.send(phase.request(OFFER, csg=OPERATIONAL, **fields))
        try:
            pdu = phase.wire.receive("an answer to the changed request")
        except Closed:
            return
        self.assertEqual(pdu.opcode, Op.LOGIN_RESPONSE)
        if pdu.status_class == 0:
            self.assertEqual(pdu.isid, phase.isid, f"the identity changed in the middle of a login: {pdu}")
            self.assertNotEqual(pdu.tsih, fields.get("tsih"), f"the identity changed in the middle of a login: {pdu}")
        else:
            self.refused(pdu.login_status)

    def test_login_identity_must_not_change(self):
        """RFC 7143 6.3: one login has one ISID and one TSIH."""
        self.changed(isid=0x800000ABCDEF)
        self.changed(tsih=0x99)

    def test_login_cid_must_not_change(self):
        """RFC 7143 11.12.6: one login is about one connection ID."""
        phase = self.phase(cid=3)
        phase.exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL)
        phase.cid = 99
        self.refused(self.step(phase, OFFER, csg=OPERATIONAL))

    def test_login_a_refusal_echoes_the_tag(self):
        """RFC 7143 11.13: a refused login has ITT and ISID of the request, T and C clear, and the connection closes."""
        phase = self.phase(itt=0xABCDEF)
        phase.send(self.names(TargetName="iqn.2026-11.org.outboard.test:nobody"), csg=SECURITY, nsg=OPERATIONAL)
        pdu = phase.wire.receive("a refusal")
        self.assertEqual((pdu.opcode, pdu.itt, pdu.isid, pdu.status_class),
                         (Op.LOGIN_RESPONSE, 0xABCDEF, phase.isid, 2))
        self.assertEqual((pdu.transit, pdu.cont), (0, 0))
        self.assertEqual(self.raw_end(phase.wire), [])


class Reinstatement(LoginCase):
    def test_login_session_reinstatement(self):
        """RFC 7143 6.3.5: same name, ISID and portal group with TSIH 0: the old session ends first."""
        old = self.session()
        task = old.command(scsi.write10(0, 4), self.lun, write=self.pattern(2048), immediate_data=0, automatic=False)
        old.expect(Op.R2T)
        new = self.session(isid=old.isid)
        old.model.forbid(task)
        self.assertEqual(old.closes(), [])
        self.assertNotEqual(new.tsih, 0)
        self.works(new)

    def test_login_reinstatement_is_a_nexus_loss(self):
        """SAM-5, RFC 7143 6.3.5.1: the new session of the nexus starts with a unit attention condition."""
        old = self.session()
        new = self.session(isid=old.isid, settle=False)
        self.ends(new.do(scsi.test_unit_ready(), self.lun), "check 06/29/*")

    def test_login_connection_reinstatement(self):
        """RFC 7143 6.3.4: same ISID, TSIH and CID: the old connection ends; or the login is refused."""
        old = self.session()
        phase = LoginPhase(self.wire(), old.isid, tsih=old.tsih, cid=0, cmd_sn=old.cmd_sn)
        try:
            phase.exchange(self.names(InitiatorName=old.initiator), csg=SECURITY, nsg=OPERATIONAL)
            phase.complete({"MaxRecvDataSegmentLength": "8192"})
        except (Refused, Closed) as refused:
            if isinstance(refused, Refused):
                self.refused(refused.status)
            return
        self.assertEqual(phase.final.tsih, old.tsih)
        self.assertEqual(old.closes(), [])

    def test_f083_one_isid_of_two_initiators(self):
        """RFC 7143 4.4.3: other InitiatorName, other nexus: separate sessions."""
        one = self.session()
        two = self.session(isid=one.isid, initiator="iqn.2026-11.org.outboard.test:other-name")
        self.works(one)
        self.works(two)

    def test_f083_two_isids_of_one_initiator(self):
        one, two = self.session(), self.session()
        self.works(one)
        self.works(two)

    def test_f083_one_isid_to_two_portal_groups(self):
        """RFC 7143 4.4.3: the portal group is part of the nexus."""
        self.need("second_portal")
        one = self.session()
        two = self.session(isid=one.isid, portal=self.fixture.second_portal)
        self.assertNotEqual(one.answers["TargetPortalGroupTag"], two.answers["TargetPortalGroupTag"])
        self.works(one)
        self.works(two)

    def test_f082_reinstatement_storm(self):
        """F082: 300 reinstatements with a command in flight; one session is left and serves."""
        old = self.session()
        for i in range(300):
            old.command(scsi.read10(0, 8), self.lun, read=8 * self.block)
            new = self.session(isid=old.isid, settle=False)
            old.close()
            old = new
            self.wires = self.wires[-2:]
        old.settle(self.lun)
        self.works(old)

    def test_login_in_the_full_feature_phase(self):
        """RFC 7143 11.12, 7.13: a Login Request after the login is a protocol error."""
        session = self.session()
        pdu = session.phase.request(self.names(), csg=SECURITY, nsg=OPERATIONAL)
        session.wire.send(pdu, header_digest=False, data_digest=False)
        session.model.sent(pdu)
        self.closed_or(session, 0x04, 0x05, 0x09)
        self.target_works()

    def test_login_two_requests_at_once(self):
        """RFC 7143 6.3: one outstanding request; a second one sent too early is served in order or ends the login."""
        phase = self.phase()
        first = phase.request(self.names(), csg=SECURITY, nsg=OPERATIONAL)
        second = phase.request(OFFER, csg=OPERATIONAL, exp_stat_sn=1)
        phase.wire.send_bytes(first.encode() + second.encode())
        phase.last = first
        verdict = phase.verdict()
        if verdict == 0:
            phase.last = second
            verdict = phase.verdict()
        if verdict != 0:
            self.refused(verdict, hint="two requests at once:")
        self.target_works()
