"""UNH-IOL login phase items, by the numbers of the suite for initiators: what the other side asks of a target."""

from rawiscsi import keys as text
from rawiscsi.login import FULL_FEATURE
from rawiscsi.pdu import Op, Pdu
from rawiscsi.session import OFFER

from .case import CLOSED, scsi
from .login_case import (INITIATOR_ERROR, INVALID_REQUEST, MISSING, NO_SESSION, NOT_FOUND, OPERATIONAL, SECURITY,
                         SESSION_TYPE, LoginCase)

ANNOUNCED = ("refused with status 02", "something else than a login request before login")


class Requests(LoginCase):
    def test_unh_login_1_1_standard_login(self):
        """RFC 7143 6.3: security stage, operational stage, full feature phase; then commands."""
        session = self.session()
        final = session.phase.final
        self.assertEqual((final.csg, final.nsg, final.transit, final.cont, final.login_status),
                         (OPERATIONAL, FULL_FEATURE, 1, 0, 0))
        self.prelude(session)

    def test_unh_login_2_1_tsih_of_a_new_session(self):
        """11.13.4: 0 until the final response (the client checks each), then the session's own, 0 never."""
        sessions = [self.session() for _ in range(4)]
        handles = {session.tsih for session in sessions}
        self.assertEqual(len(handles), 4)
        self.assertNotIn(0, handles)

    def test_unh_login_2_2_tsih_that_names_no_session(self):
        """6.3.1, 11.13.5: 0x020A, and the session of that ISID is as it was."""
        session = self.session()
        for tsih in (session.tsih ^ 0x4000, session.tsih ^ 0x0001, 0xFFFF):
            verdict = self.whole(self.phase(isid=session.isid, tsih=tsih), self.names(InitiatorName=session.initiator))
            self.refused(verdict, NO_SESSION)
        self.works(session)

    def test_unh_login_2_3_tsih_of_a_second_connection(self):
        """6.3.1: ISID and TSIH of a session with a new CID: the final response repeats the TSIH."""
        first = self.session(keys={"MaxConnections": "4"})
        if first.parameters.number("MaxConnections") < 2:
            self.skipTest("this target has one connection per session")
        second = self.joined(first, 1)
        self.assertEqual(second.phase.final.tsih, first.tsih)
        for session in (first, second):
            self.works(session)

    def test_unh_login_3_1_no_transition_without_t(self):
        """11.12.1, 11.13.2: T of a response answers T of the request."""
        phase = self.phase()
        response, _ = phase.exchange(self.names(), csg=SECURITY, transit=False)
        self.assertFalse(response.transit)
        response, _ = phase.exchange({}, csg=SECURITY, nsg=OPERATIONAL)
        self.assertTrue(response.transit)
        self.assertEqual(response.nsg, OPERATIONAL)

    def test_unh_login_3_2_transition_that_is_long_in_coming(self):
        """The target waits in each stage for as long as the initiator does."""
        phase = self.phase()
        for pairs in (self.names(), *[{}] * 10):
            self.assertFalse(phase.exchange(pairs, csg=SECURITY, transit=False)[0].transit)
        phase.exchange({}, csg=SECURITY, nsg=OPERATIONAL)
        for pairs in (OFFER, *[{}] * 10):
            self.assertFalse(phase.exchange(pairs, csg=OPERATIONAL, transit=False)[0].transit)
        phase.complete()

    def numbers(self, exp_stat_sn):
        """A login whose first request has this ExpStatSN, which is reserved there (11.12.8)."""
        phase = self.phase()
        phase.exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL, exp_stat_sn=exp_stat_sn)
        phase.complete(OFFER)  # the client checks that StatSN counts on by one

    def test_unh_login_4_1_stat_sn_after_an_exp_stat_sn_of_0(self):
        self.numbers(0)

    def test_unh_login_4_2_stat_sn_after_another_exp_stat_sn(self):
        for value in (1, 0x7FFFFFFF, 0xFFFFFFFF):
            self.numbers(value)

    def test_unh_login_5_1_stat_sn_goes_on_in_full_feature_phase(self):
        """4.2.2.2: one counter for the login and for what follows."""
        session = self.session(settle=False)
        ping = session.request(Op.NOP_OUT, data=b"x", immediate=True, ttt=0xFFFFFFFF)
        session.send(ping)
        self.assertEqual(session.reply(ping.itt).stat_sn, (session.phase.final.stat_sn + 1) & 0xFFFFFFFF)

    def test_unh_login_8_1_invalid_pdu(self):
        """6.3: anything but a Login Request before the full feature phase: Reject or refusal, and the end."""
        for opcode in (Op.NOP_OUT, Op.SCSI_COMMAND, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.DATA_OUT, Op.LOGOUT_REQUEST,
                       Op.SNACK, Op.LOGIN_RESPONSE, Op.NOP_IN, 0x1C):
            phase = self.operational()
            phase.wire.send(Pdu(opcode, itt=7, ttt=0xFFFFFFFF, final=1, immediate=1))
            for answer in self.raw_end(phase.wire):
                self.assertIn(answer.opcode, (Op.REJECT, Op.LOGIN_RESPONSE))
                self.assertTrue(answer.opcode == Op.REJECT or answer.status_class)
        self.target_works()


class Once(LoginCase):
    """6.2: no key is negotiated twice in a login."""

    def again(self, key, first, second):
        phase = self.operational()
        self.assertEqual(self.step(phase, {key: first}, csg=OPERATIONAL, transit=False), "ok")
        self.refused(self.step(phase, {key: second}, csg=OPERATIONAL))

    def test_unh_login_6_1_negotiate_once(self):
        for key, value in OFFER.items():
            if key != "MaxRecvDataSegmentLength":  # declared, and not negotiated
                self.again(key, value, value)

    def test_unh_login_6_2_immediate_data_twice_in_two_requests(self):
        self.again("ImmediateData", "Yes", "No")
        self.again("ImmediateData", "No", "Yes")

    def test_unh_login_6_3_immediate_data_twice_in_one_request(self):
        for pairs in ((("ImmediateData", "Yes"), ("ImmediateData", "No")), (("ImmediateData", "No"),) * 2):
            self.refused(self.offer(list(pairs)))


class Keys(LoginCase):
    def outcome(self, key, value, **others):
        """The result of an offer; it has to be a legal one."""
        answers = self.offer({**others, key: value})
        self.assertIsInstance(answers, dict, f"{key}={value} ended the login")
        return text.outcome(key, value, answers)

    def test_unh_login_7_1_every_key_of_a_request_is_answered(self):
        answers = self.offer(OFFER)
        for key, value in OFFER.items():
            if key not in text.DECLARED:
                text.outcome(key, value, answers)

    def test_unh_login_7_2_list_negotiation(self):
        """6.2.1: the first value of the list that is known."""
        for offer, result in (("None,CRC32C", "None"), ("CRC32C,None", "CRC32C"), ("X-sum,CRC32C,None", "CRC32C")):
            self.assertEqual(self.outcome("HeaderDigest", offer), result)

    def test_unh_login_7_3_auth_method_that_nobody_knows(self):
        for offer in ("X-org.outboard.key", "none", "Nonesuch,KRB6", ""):
            self.refused(self.attempt(self.names(AuthMethod=offer), csg=SECURITY, nsg=OPERATIONAL))

    def test_unh_login_7_4_first_burst_length_too_high(self):
        """13.14: out of range it is rejected, above MaxBurstLength it is brought down."""
        self.rejected(self.offer({"FirstBurstLength": str(1 << 24)}), "FirstBurstLength")
        result = self.outcome("FirstBurstLength", "16384", MaxBurstLength="8192")
        self.assertLessEqual(int(result), 8192)

    def test_unh_login_7_5_immediate_data_that_is_no_boolean(self):
        for value in ("Maybe", "yes", "0", "Yes,No", ""):
            self.rejected(self.offer({"ImmediateData": value}), "ImmediateData", value)

    def test_unh_login_7_6_key_that_nobody_knows(self):
        """6.2: NotUnderstood; what stands beside it is negotiated."""
        answers = self.offer({"X-org.outboard.unheard-of": "1", "MaxBurstLength": "4096", "Unheard": "2"})
        self.assertEqual((answers["X-org.outboard.unheard-of"], answers["Unheard"]), ("NotUnderstood",) * 2)
        text.outcome("MaxBurstLength", "4096", answers)

    def test_unh_login_9_1_digests_offered_in_either_order(self):
        for header in ("None,CRC32C", "CRC32C,None"):
            for data in ("None,CRC32C", "CRC32C,None"):
                session = self.session(keys={"HeaderDigest": header, "DataDigest": data})
                self.assertEqual((session.parameters["HeaderDigest"], session.parameters["DataDigest"]),
                                 (header.split(",")[0], data.split(",")[0]))
                self.prelude(session)

    def test_unh_login_9_2_answer_to_an_offer_of_digests(self):
        """The answer is one value, of the list."""
        answers = self.offer({"HeaderDigest": "CRC32C,None", "DataDigest": "None"})
        self.assertIn(answers["HeaderDigest"], ("CRC32C", "None"))
        self.assertEqual(answers["DataDigest"], "None")

    def test_unh_login_9_3_crc32c_is_supported(self):
        """13.1: it has to be."""
        session = self.session(keys={"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"})
        data = self.pattern(4 * self.block, 93)
        self.write(session, 93, data)
        self.assertEqual(self.read(session, 93, 4), data)

    def test_unh_login_10_1_max_connections(self):
        for value in ("1", "2", "65535"):
            self.assertLessEqual(int(self.outcome("MaxConnections", value)), int(value))

    def test_unh_login_11_1_initiator_name_and_target_name(self):
        """6.3.1, 13.4, 13.5: both are in the first request of a normal session."""
        login = {"csg": SECURITY, "nsg": OPERATIONAL}
        self.assertEqual(self.attempt(self.names(), **login), "ok")
        self.refused(self.attempt(self.names(InitiatorName=None), **login), MISSING)
        self.refused(self.attempt(self.names(TargetName=None), **login), MISSING)
        self.refused(self.attempt(self.names(TargetName=self.fixture.plain + "0"), **login), NOT_FOUND)

    def test_unh_login_12_1_markers(self):
        """13.25: obsolete: No, or Reject, or not understood; the interval is never agreed to."""
        for key in ("IFMarker", "OFMarker"):
            for value in ("Yes", "No"):
                self.assertIn(self.offer({key: value}).get(key, "No"), ("No", "Reject", "NotUnderstood"))
        for key in ("IFMarkInt", "OFMarkInt"):
            self.assertIn(self.offer({key: "2048~8192"}).get(key), ("Reject", "Irrelevant", "NotUnderstood"))

    def test_unh_login_13_1_booleans(self):
        """6.2.2: AND and OR."""
        for key in text.AND + text.OR:
            self.outcome(key, text.DEFAULTS[key])

    def test_unh_login_13_2_legal_booleans(self):
        for key in text.AND + text.OR:
            for value in ("Yes", "No"):
                self.outcome(key, value)

    def test_unh_login_13_3_illegal_booleans(self):
        for key in text.AND + text.OR:
            for value in ("YES", "True", "NotUnderstood"):
                answer = self.offer({key: value})
                if value != "NotUnderstood" or isinstance(answer, dict) and key in answer:
                    self.rejected(answer, key, value)

    def test_unh_login_21_1_session_type(self):
        """13.21: Normal and Discovery; another word is refused."""
        login = {"csg": SECURITY, "nsg": OPERATIONAL}
        self.assertEqual(self.attempt(self.names(SessionType="Discovery", TargetName=None), **login), "ok")
        self.assertEqual(self.attempt(self.names(SessionType="Normal"), **login), "ok")
        self.refused(self.attempt(self.names(SessionType="normal"), **login), SESSION_TYPE, INITIATOR_ERROR,
                     INVALID_REQUEST, CLOSED)

    def test_unh_login_22_1_auth_method(self):
        """12.1: a value of the list; None is one for a target that asks for nothing."""
        for offer in ("None", "None,CHAP", "KRB5,SRP,None"):
            _, pairs = self.phase().exchange(self.names(AuthMethod=offer), csg=SECURITY, transit=False)
            self.assertIn(text.single(pairs)["AuthMethod"], offer.split(","))

    def test_unh_login_23_1_target_portal_group_tag_and_alias(self):
        """13.9: in the first response; an alias, if any, is text of at most 255 bytes (13.6)."""
        _, pairs = self.phase().exchange(self.names(), csg=SECURITY, nsg=OPERATIONAL)
        answers = text.single(pairs)
        self.assertTrue(0 <= int(answers["TargetPortalGroupTag"]) <= 65535)
        self.assertLessEqual(len(answers.get("TargetAlias", "").encode()), 255)


class Obeyed(LoginCase):
    """What was negotiated is kept to; the client's model watches over every length and number, too."""

    def test_unh_login_14_1_max_recv_data_segment_length(self):
        session = self.session(keys={"MaxRecvDataSegmentLength": "512"})
        task = session.do(scsi.read10(0, 16), self.lun, read=16 * self.block)
        self.assertEqual({len(pdu.data) for pdu in task.data_in_pdus}, {512})
        self.assertGreaterEqual(session.parameters.target_mrdsl, 512)

    def test_unh_login_15_1_max_burst_length(self):
        session = self.session(keys={"MaxBurstLength": "2048", "FirstBurstLength": "512", "ImmediateData": "No"})
        data = self.pattern(16 * self.block, 15)
        task = self.write(session, 150, data)
        self.assertLessEqual(max(r2t.desired_length for r2t in task.r2ts), 2048)
        self.assertEqual(self.read(session, 150, 16), data)

    def first_burst(self, first, most):
        """A WRITE with as much unsolicited data as was agreed on; the rest by R2T."""
        session = self.session(keys={"FirstBurstLength": first, "MaxBurstLength": most, "InitialR2T": "No"})
        data = self.pattern(64 * self.block, 16)
        task = self.write(session, 160, data)
        self.assertEqual(self.read(session, 160, 64), data)
        return session.parameters.number("FirstBurstLength"), task

    def test_unh_login_16_1_first_burst_length_below_max_burst_length(self):
        agreed, task = self.first_burst("4096", "16384")
        self.assertLessEqual(agreed, 4096)
        self.assertEqual(task.r2ts[0].buffer_offset, task.sent)

    def test_unh_login_16_2_first_burst_length_above_max_burst_length(self):
        agreed, _ = self.first_burst("16384", "4096")
        self.assertLessEqual(agreed, 4096)

    def test_unh_login_16_3_first_burst_length_that_was_not_offered(self):
        """13.14: what the target says of itself, if anything, is no more than MaxBurstLength."""
        answers = self.offer({"MaxBurstLength": "4096"})
        self.assertLessEqual(int(answers.get("FirstBurstLength", "0")), 4096)

    def test_unh_login_17_1_default_time2retain(self):
        for value in ("0", "1", "20", "3600"):
            answer = self.offer({"DefaultTime2Retain": value})["DefaultTime2Retain"]
            self.assertLessEqual(int(answer), int(value))
        self.rejected(self.offer({"DefaultTime2Retain": "3601"}), "DefaultTime2Retain")

    def test_unh_login_18_1_default_time2wait(self):
        for value in ("0", "2", "3600"):
            answer = self.offer({"DefaultTime2Wait": value})["DefaultTime2Wait"]
            self.assertGreaterEqual(int(answer), int(value))
        self.rejected(self.offer({"DefaultTime2Wait": "3601"}), "DefaultTime2Wait")

    def test_unh_login_19_1_max_outstanding_r2t(self):
        for value in ("1", "3"):
            session = self.session(keys={"MaxOutstandingR2T": value, "MaxBurstLength": "512", "ImmediateData": "No",
                                         "FirstBurstLength": "512"})
            self.assertLessEqual(session.parameters.number("MaxOutstandingR2T"), int(value))
            task = session.command(scsi.write10(190, 16), self.lun, write=self.pattern(16 * self.block),
                                   automatic=False)
            session.until(lambda p, t=task: len(t.r2ts) == session.parameters.number("MaxOutstandingR2T"), "the R2Ts")
            self.ignored(session)
            while task.open_r2ts or not task.done:
                for r2t in [r2t for r2t in task.r2ts if r2t.ttt in task.open_r2ts]:
                    session.answer_r2t(task, r2t)
                session.receive("an R2T or the status")
            self.assertEqual(str(task), "good")

    def test_unh_login_20_1_error_recovery_level(self):
        for value in ("0", "1", "2"):
            self.assertLessEqual(int(self.offer({"ErrorRecoveryLevel": value})["ErrorRecoveryLevel"]), int(value))
        self.rejected(self.offer({"ErrorRecoveryLevel": "3"}), "ErrorRecoveryLevel")
