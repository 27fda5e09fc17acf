"""Login suite, keys: names, booleans, numbers, lists, unknown and repeated keys (RFC 7143 6.2, 13; F086, F087)."""

from rawiscsi import keys as text
from rawiscsi.session import OFFER

from .case import Op, scsi
from .login_case import (AUTHORIZATION, CLOSED, INITIATOR_ERROR, MISSING, NOT_FOUND, OPERATIONAL, SECURITY,
                         SESSION_TYPE, LoginCase)

ANNOUNCED = ("refused with status 02",)


class Names(LoginCase):
    def test_login_missing_initiator_name(self):
        """RFC 7143 13.5, 11.13.5: 0x0207."""
        self.refused(self.attempt(self.names(InitiatorName=None), csg=SECURITY, nsg=OPERATIONAL), MISSING)
        self.refused(self.attempt(self.names(InitiatorName=None, AuthMethod=None)), MISSING)

    def test_login_missing_target_name(self):
        """RFC 7143 13.4: 0x0207 in a normal session."""
        self.refused(self.attempt(self.names(TargetName=None), csg=SECURITY, nsg=OPERATIONAL), MISSING)

    def test_login_no_keys_at_all(self):
        self.refused(self.attempt((), csg=SECURITY, nsg=OPERATIONAL), MISSING, INITIATOR_ERROR)
        self.refused(self.attempt((), csg=OPERATIONAL), MISSING, INITIATOR_ERROR)

    def test_login_session_type_defaults_to_normal(self):
        """RFC 7143 13.21."""
        self.assertEqual(self.attempt(self.names(SessionType=None), csg=SECURITY, nsg=OPERATIONAL), "ok")

    def test_login_unknown_session_type(self):
        """RFC 7143 11.13.5: 0x0209, or another initiator error."""
        self.refused(self.attempt(self.names(SessionType="Party"), csg=SECURITY, nsg=OPERATIONAL), SESSION_TYPE,
                     INITIATOR_ERROR)

    def test_login_unknown_target(self):
        """RFC 7143 11.13.5: 0x0203; never a distinction that an ACL would make (0x0202 is allowed by policy)."""
        for name in ("iqn.2026-11.org.outboard.test:nobody", self.fixture.plain + "x", self.fixture.plain[:-1]):
            self.refused(self.attempt(self.names(TargetName=name), csg=SECURITY, nsg=OPERATIONAL), NOT_FOUND)

    def test_login_malformed_names(self):
        """RFC 7143 4.2.7: at most 223 bytes; an empty name is no name."""
        for name in ("", "i" * 224, "iqn." + "x" * 250, "iqn." + "x" * 4000):
            self.refused(self.attempt(self.names(InitiatorName=name), csg=SECURITY, nsg=OPERATIONAL), INITIATOR_ERROR,
                         MISSING, AUTHORIZATION, CLOSED, hint=f"InitiatorName of {len(name)} bytes:")
            self.refused(self.attempt(self.names(TargetName=name), csg=SECURITY, nsg=OPERATIONAL), INITIATOR_ERROR,
                         MISSING, NOT_FOUND, CLOSED, hint=f"TargetName of {len(name)} bytes:")

    def test_login_a_name_of_223_bytes(self):
        """RFC 7143 4.2.7.1: legal."""
        name = ("iqn.2026-11.org.outboard.test:" + "n" * 223)[:223]
        self.assertEqual(self.attempt(self.names(InitiatorName=name), csg=SECURITY, nsg=OPERATIONAL), "ok")

    def test_login_target_portal_group_tag_comes_first(self):
        """RFC 7143 13.9: in the first Login Response of a normal session, 0 to 65535."""
        for options in ({"csg": SECURITY, "nsg": OPERATIONAL}, {"csg": SECURITY, "transit": False}):
            _, pairs = self.phase().exchange(self.names(), **options)
            tag = text.single(pairs).get("TargetPortalGroupTag", "absent")
            self.assertTrue(tag.isdigit() and int(tag) <= 65535, f"TargetPortalGroupTag={tag}")

    def test_login_an_alias_is_not_answered(self):
        """RFC 7143 13.7: declarative; and 255 bytes are legal."""
        answer = self.offer({"InitiatorAlias": "a" * 255})
        self.assertIsInstance(answer, dict)
        self.assertNotIn("InitiatorAlias", answer)


class Values(LoginCase):
    def test_login_booleans(self):
        """RFC 7143 6.2.2: AND for ImmediateData, OR for InitialR2T, DataPDUInOrder, DataSequenceInOrder."""
        for key in text.AND + text.OR:
            for value in ("Yes", "No"):
                answer = self.offer({key: value})
                self.assertIsInstance(answer, dict, f"{key}={value}")
                text.outcome(key, value, answer)

    def test_login_bad_booleans(self):
        for key in text.AND + text.OR:
            for value in ("Maybe", "yes", "1", "", "Yes,No", "YesYes", "No "):
                self.rejected(self.offer({key: value}), key, f"value {value!r}:")

    def test_login_numbers_in_range(self):
        """RFC 7143 13: every boundary value has a legal result."""
        for key, (low, high, _) in text.RANGES.items():
            if key in text.NEWER:
                continue
            for value in (low, low + 1, (low + high) // 2, high):
                pairs = {key: str(value)}
                if key == "FirstBurstLength":
                    pairs = {"MaxBurstLength": str(max(value, 512)), **pairs}
                answer = self.offer(pairs)
                self.assertIsInstance(answer, dict, f"{key}={value} ended with {answer}")
                text.outcome(key, value, answer)

    def test_login_numbers_out_of_range(self):
        """RFC 7143 6.2: an illegal value is answered Reject, or the login fails."""
        for key, (low, high, _) in text.RANGES.items():
            if key in text.NEWER:
                continue
            for value in ([low - 1] if low else []) + [high + 1, 1 << 32, 1 << 64]:
                self.rejected(self.offer({key: str(value)}), key, f"value {value}:")

    def test_login_malformed_numbers(self):
        for key in ("MaxConnections", "MaxBurstLength", "MaxOutstandingR2T", "ErrorRecoveryLevel"):
            for value in ("-1", "+1", "1.5", "", " 1", "1 ", "one", "0x", "0xg", "1" * 200, "1,2", "\u0661"):
                self.rejected(self.offer([(key, value)]), key, f"value {value!r}:")

    def test_login_numbers_in_hexadecimal(self):
        """RFC 7143 6.1: numerical values may be decimal or hex constants."""
        for offer in ("0x1000", "0X1000", "0x001000"):
            answer = self.offer({"MaxBurstLength": offer, "FirstBurstLength": "0x200"})
            self.assertIsInstance(answer, dict, f"{offer} ended with {answer}")
            self.assertLessEqual(int(answer["MaxBurstLength"], 0), 0x1000)

    def test_login_a_range_where_a_number_is_asked(self):
        """RFC 7143 6.1: a~b is a range, legal only for keys that say so."""
        self.rejected(self.offer({"MaxBurstLength": "512~4096"}), "MaxBurstLength")

    def test_login_lists_take_the_first_known_value(self):
        """RFC 7143 6.2.1."""
        for offer, chosen in (("None", "None"), ("None,CRC32C", "None"), ("CRC32C,None", "CRC32C"),
                              ("CRC32C", "CRC32C"),
                              ("X-org.outboard.digest,None", "None"), ("SHA9,X-a,CRC32C,None", "CRC32C")):
            for key in ("HeaderDigest", "DataDigest"):
                answer = self.offer({key: offer})
                self.assertIsInstance(answer, dict, f"{key}={offer} ended with {answer}")
                self.assertEqual(answer[key], chosen, f"{key}={offer}")

    def test_login_lists_without_a_known_value(self):
        for offer in ("SHA9", "", ",", "None,", "crc32c", "none", "CRC32C;None", "X-a,X-b"):
            answer = self.offer({"HeaderDigest": offer})
            if offer == "None,":  # the empty second value does not spoil the first
                self.assertTrue(not isinstance(answer, dict) or answer["HeaderDigest"] in ("None", "Reject"))
            else:
                self.rejected(answer, "HeaderDigest", f"value {offer!r}:")

    def test_login_the_initiator_may_not_offer_an_answer(self):
        """RFC 7143 6.2: NotUnderstood, Irrelevant and Reject are answers; as an offer they are an error or ignored."""
        for value in text.CONSTANTS:
            answer = self.offer({"MaxBurstLength": value})
            if isinstance(answer, dict):
                self.assertIn(answer.get("MaxBurstLength"), (None, "Reject"), f"offer {value}")
            else:
                self.refused(answer)

    def test_f087_first_burst_above_max_burst(self):
        """RFC 7143 13.14: FirstBurstLength MUST NOT exceed MaxBurstLength."""
        answer = self.offer({"MaxBurstLength": "4096", "FirstBurstLength": "65536"})
        if isinstance(answer, dict) and answer["FirstBurstLength"] not in text.CONSTANTS:
            self.assertLessEqual(int(answer["FirstBurstLength"]), int(answer["MaxBurstLength"]))
        elif not isinstance(answer, dict):
            self.refused(answer)

    def test_f087_segment_lengths(self):
        """RFC 7143 13.12: 512 to 2**24-1; the target then obeys the length."""
        for value in (512, 513, 8192, 65536, 16777215):
            session = self.session(keys={"MaxRecvDataSegmentLength": str(value)})
            task = session.do(scsi.read10(0, 64), self.lun, read=64 * self.block)
            self.assertLessEqual(max(len(p.data) for p in task.data_in_pdus), value)
        for value in (0, 1, 511, 16777216, 1 << 31, 1 << 32):
            self.rejected(self.offer({"MaxRecvDataSegmentLength": str(value)}), "MaxRecvDataSegmentLength", f"{value}:")

    def test_f087_outstanding_r2ts(self):
        """RFC 7143 13.17: from 1 to 65535, and no more R2Ts than agreed (the model counts)."""
        for value in ("1", "2", "65535"):
            session = self.session(keys={"MaxOutstandingR2T": value, "ImmediateData": "No", "MaxBurstLength": "512",
                                         "FirstBurstLength": "512"})
            data = self.pattern(16 * self.block, int(value))
            self.write(session, 0, data)
            self.assertEqual(self.read(session, 0, 16), data)

    def test_login_error_recovery_levels_have_a_legal_answer(self):
        """RFC 7143 13.20: the minimum; what the target claims, it must do."""
        for value in ("0", "1", "2"):
            answer = self.offer({"ErrorRecoveryLevel": value})
            self.assertLessEqual(int(answer["ErrorRecoveryLevel"]), int(value))

    def test_login_protocol_level(self):
        """RFC 7143 13.24: the minimum, or NotUnderstood from an older target."""
        for value in ("0", "1", "2", "31"):
            answer = self.offer({"iSCSIProtocolLevel": value})
            if answer["iSCSIProtocolLevel"] != "NotUnderstood":
                text.agreed("iSCSIProtocolLevel", value, answer["iSCSIProtocolLevel"])

    def test_login_task_reporting(self):
        """RFC 7143 13.23: a list; RFC3720 is always known."""
        for value in ("RFC3720", "FastAbort,RFC3720", "ResponseFence,RFC3720"):
            answer = self.offer({"TaskReporting": value})
            if answer["TaskReporting"] != "NotUnderstood":
                text.agreed("TaskReporting", value, answer["TaskReporting"])


class UnknownAndRepeated(LoginCase):
    def test_login_unknown_keys_are_not_understood(self):
        """RFC 7143 6.2: every key that is not known gets NotUnderstood, X- and Z keys too."""
        for key in ("X-org.outboard.thing", "X#Node", "Y-digest", "Z-auth", "Nonsense", "maxburstlength", "a"):
            self.assertEqual(self.offer({key: "1"}).get(key), "NotUnderstood", key)

    def test_login_a_key_of_63_bytes_is_legal(self):
        """RFC 7143 6.1: key names have at most 63 bytes."""
        key = "X-" + "k" * 61
        self.assertEqual(self.offer({key: "1"}).get(key), "NotUnderstood")

    def test_cve_2013_2850_long_unknown_keys(self):
        """CVE-2013-2850: 64 bytes and more: refused, or answered inside the bound; the model checks lengths."""
        for length in (64, 65, 127, 128, 255, 256, 1024, 4096, 8180):
            phase = self.operational()
            verdict = self.step(phase, raw=b"k" * length + b"=v\0")
            if verdict != "ok":
                self.refused(verdict, INITIATOR_ERROR, CLOSED, hint=f"key of {length} bytes:")
        self.target_works()

    def test_login_a_key_twice_in_one_request(self):
        """RFC 7143 6.2: a key is negotiated once: protocol error."""
        for key, value in (("MaxBurstLength", "4096"), ("HeaderDigest", "None"), ("InitialR2T", "Yes")):
            self.refused(self.offer([(key, value), (key, value)]), hint=f"{key} twice:")

    def test_login_a_name_twice(self):
        pairs = [*self.names().items(), ("InitiatorName", "iqn.2026-11.org.outboard.test:another")]
        self.refused(self.attempt(pairs, csg=SECURITY, nsg=OPERATIONAL))

    def test_login_a_key_again_in_a_later_request(self):
        phase = self.operational()
        self.assertEqual(self.step(phase, {"MaxBurstLength": "4096"}, csg=OPERATIONAL, transit=False), "ok")
        self.refused(self.step(phase, {"MaxBurstLength": "8192"}, csg=OPERATIONAL))

    def test_login_another_initiator_name_later(self):
        """RFC 7143 13.5: the name is that of the first request."""
        phase = self.operational()
        self.refused(self.step(phase, {"InitiatorName": "iqn.2026-11.org.outboard.test:another"}, csg=OPERATIONAL))

    def test_login_malformed_text(self):
        """RFC 7143 6.1: pairs without '=' or without a key are refused; odd key names may be NotUnderstood instead."""
        for raw in (b"NoEquals\0", b"=value\0", b"=\0", b"MaxBurstLength=4096\0NoEquals\0"):
            self.refused(self.step(self.operational(), raw=raw), hint=f"text {raw!r}:")
        for raw in (b"\x01\x02=\x03\0", b"Key With Space=1\0", b"K\xC3\xA9y=1\0", b"A=\xFF\xFE\0"):
            verdict = self.step(self.operational(), raw=raw)
            if verdict != "ok":
                self.refused(verdict, hint=f"text {raw!r}:")

    def test_login_the_last_pair_without_nul(self):
        verdict = self.step(self.operational(), raw=b"MaxBurstLength=4096")
        self.refused(verdict, hint="no NUL:")

    def test_login_empty_pairs(self):
        """Bytes of zero between and after pairs: refused or ignored, never taken for keys."""
        for raw in (b"\0", b"\0" * 100, b"MaxBurstLength=4096\0\0", b"\0MaxBurstLength=4096\0"):
            verdict = self.step(self.operational(), raw=raw)
            if verdict != "ok":
                self.refused(verdict, hint=f"text {raw[:20]!r}:")

    def test_login_long_values(self):
        """RFC 7143 6.1: values above 255 bytes are illegal unless the key says otherwise: refused, not truncated."""
        for length in (256, 1000, 8000):
            answer = self.offer({"InitiatorAlias": "a" * length})
            if not isinstance(answer, dict):
                self.refused(answer, hint=f"{length} bytes:")
            self.rejected(self.offer({"MaxBurstLength": "9" * length}), "MaxBurstLength", f"{length} digits:")
        self.target_works()

    def test_login_all_keys_in_one_request(self):
        """The names and every operational key in one request that skips the security stage."""
        phase = self.phase()
        response, pairs = phase.exchange({**self.names(AuthMethod=None), **OFFER}, csg=OPERATIONAL)
        answers = text.single(pairs)
        for key, value in OFFER.items():
            if key not in text.DECLARED:
                text.outcome(key, value, answers)
        self.assertIn(response.opcode, (Op.LOGIN_RESPONSE,))
