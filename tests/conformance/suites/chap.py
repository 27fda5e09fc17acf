"""CHAP suite: the UNH CHAP v3.1 names, reliability.md 5, F094 to F096 and F099 (RFC 7143 12.1.3, 9.2.1)."""

import time

from rawiscsi import chap as md
from rawiscsi import keys as text

import fixture as fixtures

from .login_case import AUTHENTICATION, CLOSED, INITIATOR_ERROR, OPERATIONAL, SECURITY, Closed, LoginCase, Refused

ANNOUNCED = ("refused with status 020[01]",)

REFUSALS = (AUTHENTICATION, INITIATOR_ERROR, CLOSED)


class ChapCase(LoginCase):
    initiator = fixtures.INITIATOR

    def setUp(self):
        super().setUp()
        self.need("chap")
        self.algorithm = self.fixture.algorithms[0]

    def opened(self, target=None, method="CHAP"):
        """A connection whose AuthMethod is agreed."""
        phase = self.phase()
        _, pairs = phase.exchange(self.names(TargetName=target or self.fixture.chap, AuthMethod=method), csg=SECURITY,
                                  transit=False)
        self.assertIn(("AuthMethod", "CHAP"), pairs)
        return phase

    def challenged(self, target=None, offer=None, **options):
        """A connection that has the target's challenge: (phase, Chap)."""
        phase = self.opened(target)
        chap = fixtures.one_way((self.algorithm,), **options)
        if target is not None and target == self.fixture.mutual:
            chap.user, chap.secret = fixtures.MUTUAL_USER, fixtures.MUTUAL_SECRET
        _, pairs = phase.exchange({"CHAP_A": offer or str(self.algorithm)}, csg=SECURITY, transit=False)
        if offer:
            chap.algorithms = tuple(int(a) for a in offer.split(","))
        chap.take_challenge(text.single(pairs))
        return phase, chap

    def answer(self, pairs, target=None, hint="", allowed=REFUSALS):
        """Answers a fresh challenge with these pairs (a function of the Chap, or a value); expects a refusal."""
        phase, chap = self.challenged(target)
        verdict = self.step(phase, pairs(chap) if callable(pairs) else pairs, csg=SECURITY, nsg=OPERATIONAL)
        phase.wire.close()
        self.refused(verdict, *allowed, hint=hint)
        return verdict

    def mutual_keys(self, chap, **changes):
        keys = {**chap.response(), "CHAP_I": "7", "CHAP_C": md.hex_value(bytes(range(16))), **changes}
        return {key: value for key, value in keys.items() if value is not None}


class Accepted(ChapCase):
    def test_chap_each_algorithm(self):
        """IANA 5 MD5, 6 SHA1, 7 SHA-256, 8 SHA3-256, one way, hexadecimal and base64."""
        for algorithm in self.fixture.algorithms:
            for encode in (md.hex_value, md.base64_value):
                session = self.session(target=self.fixture.chap, settle=False,
                                       chap=fixtures.one_way((algorithm,), encode=encode))
                session.ping(b"in")
                session.close()

    def test_chap_mutual_each_algorithm(self):
        """The target proves itself with the same algorithm; the client checks the digest."""
        self.need("mutual")
        for algorithm in self.fixture.algorithms:
            for encode in (md.hex_value, md.base64_value):
                session = self.session(target=self.fixture.mutual, settle=False,
                                       chap=fixtures.mutual((algorithm,), encode=encode))
                session.ping(b"in")
                session.close()

    def test_chap_several_users(self):
        chap = md.Chap(fixtures.OTHER_USER, fixtures.OTHER_SECRET, algorithms=(self.algorithm,))
        self.session(target=self.fixture.chap, settle=False, chap=chap, initiator=fixtures.OTHER_INITIATOR).ping(b"in")

    def test_chap_upper_case_hexadecimal(self):
        """RFC 7143 6.1: hex digits in either case, 0x or 0X."""
        for encode in (lambda d: "0x" + d.hex().upper(), lambda d: "0X" + d.hex()):
            self.session(target=self.fixture.chap, settle=False,
                         chap=fixtures.one_way((self.algorithm,), encode=encode))

    def test_chap_i_of_every_value(self):
        """RFC 7143 12.1.3, LIO 7e161211: CHAP_I from 0 to 255, decimal or hexadecimal."""
        self.need("mutual")
        for identifier in (0, 1, 127, 128, 255):
            for form in ("%d", "0x%x", "0x%02X"):
                phase, chap = self.challenged(self.fixture.mutual)
                chap.target_secret, chap.identifier = fixtures.TARGET_SECRET, identifier
                keys = {**chap.response(), "CHAP_I": form % identifier}
                _, pairs = phase.exchange(keys, csg=SECURITY, nsg=OPERATIONAL)
                chap.check_proof(text.single(pairs))
                phase.wire.close()

    def test_chap_c_of_many_lengths(self):
        """RFC 7143 12.1.3: challenges of 1 to 1024 bytes are answered."""
        self.need("mutual")
        for length in (1, 2, 15, 16, 17, 64, 255, 256, 1023, 1024):
            for encode in (md.hex_value, md.base64_value):
                self.session(target=self.fixture.mutual, settle=False, chap=fixtures.mutual(
                    (self.algorithm,), encode=encode, challenge=self.pattern(length))).close()

    def test_chap_response_without_t(self):
        """The proof may come with T=0; the stage then ends with an empty request."""
        phase, chap = self.challenged()
        response, _ = phase.exchange(chap.response(), csg=SECURITY, transit=False)
        self.assertFalse(response.transit)
        response, _ = phase.exchange({}, csg=SECURITY, nsg=OPERATIONAL)
        self.assertTrue(response.transit)

    def test_chap_auth_method_lists(self):
        """RFC 7143 12.1: a target that wants CHAP takes it from any list that has it."""
        for method in ("CHAP", "None,CHAP", "CHAP,None", "KRB5,SRP,CHAP", "X-org.outboard.auth,CHAP"):
            self.opened(method=method).wire.close()


class Challenge(ChapCase):
    def test_cve_2024_45751_challenges_never_repeat(self):
        """CVE-2024-45751: 200 logins, 200 challenges of at least 16 bytes; the identifier varies too."""
        seen, identifiers = set(), set()
        for _ in range(200):
            phase, chap = self.challenged()
            self.assertGreaterEqual(len(chap.target_challenge), 16)
            seen.add(chap.target_challenge)
            identifiers.add(chap.target_identifier)
            phase.wire.close()
            self.wires.pop()
        self.assertEqual(len(seen), 200)
        self.assertGreater(len(identifiers), 1)

    def test_cve_2024_45751_first_challenges_after_restart(self):
        """CVE-2024-45751: the first challenges after each start differ."""
        self.need("restart")
        seen = set()
        for _ in range(5):
            self.fixture.restart()
            for _ in range(3):
                seen.add(self.challenged()[1].target_challenge)
        self.assertEqual(len(seen), 15)

    def test_f096_the_strongest_common_algorithm_is_chosen(self):
        """Reliability 5: the target's order counts, not the initiator's."""
        if len(self.fixture.algorithms) < 2:
            self.skipTest("this target has one algorithm")
        for offer in ("5,6,7,8", "8,7,6,5", "5,7", "7,5", "6,5", "5,6", "99,5,100,8"):
            _, chap = self.challenged(offer=offer)
            self.assertEqual(chap.algorithm, max(int(a) for a in offer.split(",") if int(a) in self.fixture.algorithms))

    def test_f096_unknown_algorithms_only(self):
        for offer in ("0", "4", "9", "99", "255", "256", "4,9,99", "65541", "4294967301"):
            self.refused(self.step(self.opened(), {"CHAP_A": offer},
                         csg=SECURITY, transit=False), *REFUSALS, hint=offer)

    def test_chap_a_that_is_not_a_list_of_numbers(self):
        for offer in ("", "MD5", "five", ",", ",,", "-5", "5x", "0x", "5 ", " 5", "5;7", "Reject", "None"):
            verdict = self.step(self.opened(), {"CHAP_A": offer}, csg=SECURITY, transit=False)
            self.refused(verdict, *REFUSALS, hint=f"CHAP_A={offer!r}")

    def test_chap_a_with_many_numbers(self):
        offer = ",".join(str(n) for n in range(1000, 2500)) + f",{self.algorithm}"
        verdict = self.step(self.opened(), {"CHAP_A": offer}, csg=SECURITY, transit=False)
        if verdict != "ok":
            self.refused(verdict, *REFUSALS)
        self.target_works()


class Order(ChapCase):
    def test_chap_r_before_chap_a(self):
        keys = {"CHAP_N": fixtures.USER, "CHAP_R": md.hex_value(b"\1" * 16)}
        self.refused(self.step(self.opened(), keys, csg=SECURITY, nsg=OPERATIONAL), *REFUSALS)

    def test_chap_a_twice(self):
        phase, _ = self.challenged()
        self.refused(self.step(phase, {"CHAP_A": str(self.algorithm)}, csg=SECURITY, transit=False), *REFUSALS)

    def test_chap_keys_that_only_a_target_sends(self):
        """CHAP_I and CHAP_C instead of CHAP_A."""
        keys = {"CHAP_I": "1", "CHAP_C": md.hex_value(b"\2" * 16)}
        self.refused(self.step(self.opened(), keys, csg=SECURITY, transit=False), *REFUSALS)

    def test_chap_missing_keys(self):
        """RFC 7143 12.1.3: CHAP_N and CHAP_R come together, CHAP_I and CHAP_C too."""
        for missing in ("CHAP_N", "CHAP_R"):
            self.answer(lambda c, m=missing: {k: v for k, v in c.response().items() if k != m}, hint=f"no {missing}:",
                        allowed=(*REFUSALS, 0x0207))
        for missing in ("CHAP_I", "CHAP_C"):
            self.answer(lambda c, m=missing: self.mutual_keys(c, **{m: None}), self.fixture.mutual or self.fixture.chap,
                        hint=f"no {missing}:", allowed=(*REFUSALS, 0x0207))

    def test_chap_transition_before_the_proof(self):
        """F099: T at any step before CHAP_R leads nowhere."""
        for nsg in (1, 3):
            phase = self.phase()
            phase.send(self.names(TargetName=self.fixture.chap, AuthMethod="CHAP"), csg=SECURITY, nsg=nsg)
            try:
                pdu = phase.wire.receive("an answer to T in the first request")
            except Closed:
                continue
            self.assertFalse(pdu.transit and not pdu.status_class, f"left the security stage without a proof: {pdu}")
            phase = self.opened()
            phase.send({"CHAP_A": str(self.algorithm)}, csg=SECURITY, nsg=nsg)
            try:
                pdu = phase.wire.receive("an answer to T with CHAP_A")
            except Closed:
                continue
            self.assertFalse(pdu.transit and not pdu.status_class, f"left the security stage without a proof: {pdu}")

    def test_chap_no_answer_to_the_challenge(self):
        """Empty requests with T instead of the proof."""
        phase, _ = self.challenged()
        for _ in range(5):
            phase.send({}, csg=SECURITY, nsg=OPERATIONAL)
            try:
                pdu = phase.wire.receive("an answer to an empty request")
            except Closed:
                return
            if pdu.status_class:
                return
            self.assertFalse(pdu.transit, f"left the security stage without a proof: {pdu}")

    def test_f099_skipping_the_security_stage(self):
        """F099: first request in the operational stage, or AuthMethod=None: 0x0201."""
        names = self.names(TargetName=self.fixture.chap)
        self.refused(self.attempt({**names, "AuthMethod": "None"}, csg=SECURITY, nsg=OPERATIONAL), AUTHENTICATION)
        self.refused(self.attempt({**names, "AuthMethod": "None"}, csg=SECURITY, nsg=3), AUTHENTICATION)
        del names["AuthMethod"]
        self.refused(self.attempt(names, csg=OPERATIONAL), AUTHENTICATION)
        phase, _ = self.challenged()
        self.refused(self.step(phase, csg=OPERATIONAL), *REFUSALS, 0x020B)

    def test_f099_security_stage_without_auth_method(self):
        """No AuthMethod key and T: no transition without a proof."""
        phase = self.phase()
        phase.send(self.names(TargetName=self.fixture.chap, AuthMethod=None), csg=SECURITY, nsg=OPERATIONAL)
        try:
            pdu = phase.wire.receive("an answer to a request without AuthMethod")
        except Closed:
            return
        self.assertFalse(pdu.transit and not pdu.status_class, f"left the security stage without a proof: {pdu}")

    def test_chap_other_methods_only(self):
        for method in ("KRB5", "SRP", "KRB5,SRP", "SPKM1", "X-org.outboard.auth", "chap", "CHAPX", ""):
            names = self.names(TargetName=self.fixture.chap, AuthMethod=method)
            verdict = self.attempt(names, csg=SECURITY, transit=False)
            self.refused(verdict, *REFUSALS, hint=f"AuthMethod={method}:")

    def test_chap_offered_to_a_target_without_it(self):
        """A target that wants no authentication and is offered only CHAP: it refuses, or runs CHAP honestly."""
        phase = self.phase()
        phase.send(self.names(AuthMethod="CHAP"), csg=SECURITY, transit=False)
        verdict = phase.verdict()
        if verdict != 0:
            self.refused(verdict, *REFUSALS)


class Proof(ChapCase):
    def test_chap_wrong_secret(self):
        self.answer(lambda c: md.Chap.response(self.copy(c, secret="not-the-secret-1")), allowed=(AUTHENTICATION,))

    @staticmethod
    def copy(chap, **changes):
        other = md.Chap(chap.user, chap.secret, algorithms=chap.algorithms)
        other.__dict__.update(chap.__dict__)
        other.__dict__.update(changes)
        return other

    def test_chap_unknown_user_has_the_same_answer(self):
        """Reliability 5: unknown user, wrong secret, user of another target: the same bytes come back."""
        answers = []
        for user, secret in ((fixtures.USER, "wrong-secret-0001"), ("nobody", fixtures.SECRET), ("", "x" * 12),
                             (fixtures.USER.upper(), fixtures.SECRET), (fixtures.TARGET_USER, fixtures.TARGET_SECRET)):
            phase, chap = self.challenged()
            phase.send(self.copy(chap, user=user, secret=secret).response(), csg=SECURITY, nsg=OPERATIONAL)
            try:
                pdu = phase.wire.receive("a refusal")
            except Closed:
                self.fail(f"user {user!r}: closed without a Login Response")
            pdu.isid = 0
            answers.append((user, bytes(pdu.bhs), pdu.data))
        for user, header, data in answers:
            self.assertEqual((header, data), answers[0][1:], f"user {user!r} is answered otherwise")
        self.assertEqual(answers[0][1][36:38], b"\x02\x01")

    def test_chap_n_is_text_not_a_binary_value(self):
        """test-cu 1.20 HexName and Base64Name, RFC 7143 12.1.3: 0x616c696365 is a name of its own, not "alice"."""
        for name in ("0x" + fixtures.USER.encode().hex(), "0bYWxpY2U="):
            self.answer(lambda c, n=name: self.copy(c, user=n).response(), hint=name, allowed=(AUTHENTICATION,))

    def test_chap_n_of_odd_lengths(self):
        for name in ("", "a" * 255, "a" * 256, "a" * 1023, "a" * 4096, "alice\u00e9", "alice ", " alice", "alice=",
                     "a\x01"):
            self.answer(lambda c, n=name: self.copy(c, user=n).response(), hint=f"CHAP_N of {len(name)}:")

    def test_cve_2018_14633_chap_r_of_every_length(self):
        """CVE-2018-14633: CHAP_R of 0 to 4096 bytes in hex: 0x0201, never a crash; 0x0200 for text that is too long."""
        for length in (*range(0, 140), 255, 256, 257, 511, 1024, 2048, 4000, 4080, 4096):
            for encode in (md.hex_value, md.base64_value):
                value = encode(b"\xA5" * length)
                if len(value) > 8100:
                    value = value[:8100]
                self.answer({"CHAP_N": fixtures.USER, "CHAP_R": value}, hint=f"{length} bytes as {value[:2]}:")
        self.target_works()

    def test_cve_2026_63886_base64_of_up_to_127_characters(self):
        """CVE-2026-63886: longer than the digest after decoding."""
        for count in (*range(1, 128, 3), 124, 127):
            self.answer({"CHAP_N": fixtures.USER, "CHAP_R": "0b" + ("QUJD" * 40)[:count]}, hint=f"{count} characters:")
        self.target_works()

    def test_chap_r_in_bad_encodings(self):
        """Odd digit counts, foreign characters, no prefix, padding in the middle."""
        for value in ("", "0x", "0b", "0", "0x1", "0x" + "1" * 31, "0x" + "g" * 32, "0x" + " " * 32, "1" * 32,
                      "0b====", "0bQQ=A", "0bQ", "0b" + "A" * 21, "0b!!!!", "0y" + "1" * 32, "-1", "0x0x" + "1" * 30):
            self.answer({"CHAP_N": fixtures.USER, "CHAP_R": value}, hint=f"CHAP_R={value!r}:")

    def test_chap_right_digest_with_more_or_less_bytes(self):
        """A right digest cut by one byte, or with a byte after or before it, is wrong."""
        for change in (lambda d: d[:-1], lambda d: d + b"\0", lambda d: b"\0" + d, lambda d: d * 2):
            def spoil(chap, change=change):
                digest = md.digest(chap.algorithm, chap.target_identifier, chap.secret, chap.target_challenge)
                return {"CHAP_N": chap.user, "CHAP_R": md.hex_value(change(digest))}
            self.answer(spoil)

    def test_chap_each_bit_of_the_digest_counts(self):
        for bit in range(0, 128, 5):
            def spoil(chap, bit=bit):
                digest = bytearray(md.digest(chap.algorithm, chap.target_identifier, chap.secret,
                                             chap.target_challenge))
                digest[bit // 8] ^= 1 << bit % 8
                return {"CHAP_N": chap.user, "CHAP_R": md.hex_value(bytes(digest))}
            self.answer(spoil, allowed=(AUTHENTICATION,))

    def test_chap_digest_of_another_algorithm(self):
        for other in (5, 6, 7, 8):
            if other != self.algorithm:
                self.answer(lambda c, o=other: self.copy(c, algorithm=o).response(), hint=f"algorithm {other}:")

    def test_chap_replayed_response(self):
        """A proof for an old challenge is worthless."""
        _, old = self.challenged()
        self.answer(old.response(), allowed=(AUTHENTICATION,))

    def test_chap_one_failure_ends_the_connection(self):
        phase, chap = self.challenged()
        verdict = self.step(phase, self.copy(chap, secret="wrong-secret-9999").response(), csg=SECURITY,
                            nsg=OPERATIONAL)
        self.refused(verdict, AUTHENTICATION)
        self.assertEqual(self.step(phase, chap.response(), csg=SECURITY, nsg=OPERATIONAL), CLOSED)

    def test_f094_failures_leave_nothing_and_lock_nobody_out(self):
        """F094: 1000 failed logins: memory and descriptors flat, and the right secret still works."""
        self.need("pid")
        for _ in range(100):
            self.answer(lambda c: self.copy(c, secret="wrong-secret-0002").response())
            self.wires.pop().close()
        time.sleep(0.3)
        memory, descriptors = self.fixture.usage()
        for _ in range(1000):
            self.answer(lambda c: self.copy(c, secret="wrong-secret-0003").response())
            self.wires.pop().close()
        time.sleep(0.3)
        after, open_now = self.fixture.usage()
        self.assertLessEqual(open_now, descriptors + 2)
        if not self.fixture.sanitized():
            self.assertLess(after - memory, 1 << 20, "resident memory grew by more than 1 MiB")
        self.session(target=self.fixture.chap, settle=False, chap=fixtures.one_way((self.algorithm,)))


class Mutual(ChapCase):
    def setUp(self):
        super().setUp()
        self.need("mutual")

    def test_f095_reflected_challenge(self):
        """RFC 7143 9.2.1: the initiator sends the target's own challenge back: the connection closes."""
        for same_identifier in (True, False):
            def reflect(chap, same=same_identifier):
                identifier = chap.target_identifier if same else chap.target_identifier ^ 1
                return self.mutual_keys(chap, CHAP_C=md.hex_value(chap.target_challenge), CHAP_I=str(identifier))
            self.answer(reflect, self.fixture.mutual)

    def test_f095_reflected_challenge_in_another_encoding(self):
        self.answer(lambda c: self.mutual_keys(c, CHAP_C=md.base64_value(c.target_challenge)), self.fixture.mutual)

    def test_f095_reflected_challenge_of_another_connection(self):
        """RFC 7143 9.2.1: a second connection is no oracle for the first: what it answers proves nothing there."""
        first, victim = self.challenged(self.fixture.mutual)
        phase, chap = self.challenged(self.fixture.mutual)
        phase.send(self.mutual_keys(chap, CHAP_C=md.hex_value(victim.target_challenge),
                                    CHAP_I=str(victim.target_identifier)), csg=SECURITY, nsg=OPERATIONAL)
        try:
            pdu = phase.receive()
        except Closed:
            return
        if pdu.status_class:
            return self.refused(pdu.login_status, *REFUSALS)
        answer = dict(text.decode(pdu.data))
        for user in (fixtures.MUTUAL_USER, fixtures.TARGET_USER):
            verdict = self.step(first, {"CHAP_N": user, "CHAP_R": answer["CHAP_R"]}, csg=SECURITY, nsg=OPERATIONAL)
            self.refused(verdict, *REFUSALS)

    def test_f095_reflected_response(self):
        """The digest that the target would compute is not taken as the initiator's."""
        def reflect(chap):
            proof = md.digest(chap.algorithm, chap.target_identifier, fixtures.TARGET_SECRET, chap.target_challenge)
            return {"CHAP_N": fixtures.TARGET_USER, "CHAP_R": md.hex_value(proof)}
        self.answer(reflect, self.fixture.mutual)

    def test_chap_i_out_of_range(self):
        """LIO 7e161211: anything but one byte is refused."""
        for value in ("", "256", "-1", "0x100", "0x", "abc", "1.5", "1e2", " 1", "4294967297", "0b01",
                      "99999999999999999999"):
            self.answer(lambda c, v=value: self.mutual_keys(c, CHAP_I=v),
                        self.fixture.mutual, hint=f"CHAP_I={value!r}:")

    def test_chap_c_of_no_bytes_or_too_many(self):
        """RFC 7143 12.1.3: 1 to 1024 bytes; a longer challenge is refused."""
        for value in ("", "0x", "0b", md.hex_value(bytes(1025)), md.base64_value(bytes(1025)),
                      md.hex_value(bytes(4000)), "0xzz", "0b%%%%", "plain", "0x" + "1" * 7000):
            self.answer(lambda c, v=value: self.mutual_keys(c, CHAP_C=v), self.fixture.mutual,
                        hint=f"CHAP_C={value[:12]!r} of {len(value)} characters:")

    def test_chap_same_challenge_in_parallel_and_serial(self):
        """Our challenge may repeat: the target cannot know; it answers each time."""
        for _ in range(3):
            chap = fixtures.mutual((self.algorithm,), challenge=b"\x5A" * 16, identifier=9)
            self.session(target=self.fixture.mutual, settle=False, chap=chap)

    def test_chap_proof_wrong_in_a_mutual_login(self):
        """The target does not answer our challenge before we have proved ourselves."""
        phase, chap = self.challenged(self.fixture.mutual)
        keys = self.mutual_keys(chap, CHAP_R=md.hex_value(bytes(len(md.ALGORITHMS[chap.algorithm]().digest()))))
        phase.send(keys, csg=SECURITY, nsg=OPERATIONAL)
        try:
            pdu = phase.wire.receive("a refusal")
        except Closed:
            return
        self.assertEqual(pdu.status_class, 2)
        self.assertNotIn(b"CHAP_R", pdu.data)

    def test_chap_mutual_asked_of_a_one_way_target(self):
        """RFC 7143 12.1.3: without a secret of its own the target cannot answer: it must not pretend."""
        phase, chap = self.challenged(self.fixture.chap)
        phase.send(self.mutual_keys(chap), csg=SECURITY, nsg=OPERATIONAL)
        try:
            pdu = phase.wire.receive("an answer to a challenge that cannot be met")
        except Closed:
            return
        if not pdu.status_class:
            self.assertNotIn("CHAP_R", dict(text.decode(pdu.data)))
            self.assertFalse(pdu.transit, f"went on without a proof that was asked for: {pdu}")

    def test_chap_unanswered_target_proof_is_seen(self):
        """The client's own check: a wrong target secret on our side must be noticed by us."""
        chap = fixtures.mutual((self.algorithm,))
        chap.target_secret = "another-secret-77"
        with self.assertRaises(AssertionError):
            self.session(target=self.fixture.mutual, settle=False, chap=chap)


__all__ = ["Accepted", "Challenge", "Order", "Proof", "Mutual", "Refused"]
