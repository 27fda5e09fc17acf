"""UNH-IOL CHAP items by number (RFC 7143 9.2.1, 12.1.3): those of the suite for initiators, as the other side of them
asks it of a target, and those of the suites for targets that are known."""

from rawiscsi import chap as md
from rawiscsi import keys as text
from rawiscsi.errors import Violation

import fixture as fixtures

from .chap import REFUSALS, ChapCase
from .login_case import AUTHENTICATION, OPERATIONAL, SECURITY, Closed

ANNOUNCED = ("refused with status 020[01]",)


class ChapItems(ChapCase):
    def proved(self, phase, keys):
        """A login that goes on after these keys; what the target answers to them."""
        response, pairs = phase.exchange(keys, csg=SECURITY, nsg=OPERATIONAL)
        self.assertTrue(response.transit)
        return text.single(pairs)

    def mutual(self, **changes):
        """A mutual login with some keys changed; the target's proof is checked."""
        phase, chap = self.challenged(self.fixture.mutual)
        chap.target_secret, chap.target_user = fixtures.TARGET_SECRET, fixtures.TARGET_USER
        chap.identifier, chap.challenge = changes.pop("identifier", 7), changes.pop("challenge", bytes(range(16)))
        answers = self.proved(phase, {**chap.response(), **changes})
        chap.check_proof(answers)
        return chap, answers

    def out_of_order(self, keys, wanted="a key before its turn"):
        """Instead of CHAP_A."""
        self.refused(self.step(self.opened(), keys, csg=SECURITY, transit=False), *REFUSALS, hint=wanted)


class OfTheAlgorithm(ChapItems):
    def test_unh_chap_1_1_valid_chap_a(self):
        for algorithm in self.fixture.algorithms:
            _, chap = self.challenged(offer=f"{algorithm}")
            self.assertEqual(chap.algorithm, algorithm)
        _, chap = self.challenged(offer=",".join(str(each) for each in self.fixture.algorithms))
        self.assertIn(chap.algorithm, self.fixture.algorithms)

    def test_unh_chap_1_2_1_numbers_of_no_algorithm(self):
        for offer in ("0", "1", "255", "4294967295", "99,100"):
            self.refused(self.step(self.opened(), {"CHAP_A": offer}, csg=SECURITY, transit=False), *REFUSALS,
                         hint=offer)

    def test_unh_chap_1_2_2_chap_a_that_is_no_number(self):
        for offer in ("md5", "five", "5five", "-5", "", "0x"):
            self.refused(self.step(self.opened(), {"CHAP_A": offer}, csg=SECURITY, transit=False), *REFUSALS,
                         hint=offer)

    def test_unh_chap_1_3_chap_a_out_of_order(self):
        """With the proof, when its time is over; and again after the challenge."""
        self.answer(lambda chap: {**chap.response(), "CHAP_A": str(chap.algorithm)})
        phase, _ = self.challenged()
        self.refused(self.step(phase, {"CHAP_A": str(self.algorithm)}, csg=SECURITY, transit=False), *REFUSALS)


class OfTheIdentifier(ChapItems):
    def setUp(self):
        super().setUp()
        self.need("mutual")

    def test_unh_chap_2_1_valid_chap_i(self):
        """One byte, of either side; the client checks the target's."""
        for identifier in (0, 1, 255):
            self.mutual(identifier=identifier)

    def test_unh_chap_2_2_invalid_chap_i(self):
        for value in ("256", "-1", "0x1ff", "one", ""):
            self.answer(lambda chap, v=value: self.mutual_keys(chap, CHAP_I=v), self.fixture.mutual, hint=value)

    def test_unh_chap_2_3_chap_i_out_of_order(self):
        self.out_of_order({"CHAP_I": "7"})
        self.out_of_order({"CHAP_A": str(self.algorithm), "CHAP_I": "7"})

    def test_unh_chap_2_4_same_chap_i_again(self):
        """Informative: nothing forbids an initiator the identifier of its last login."""
        for _ in range(3):
            self.mutual(identifier=42)

    def test_unh_chap_2_5_chap_i_of_the_target_sent_back(self):
        """The identifier alone is no reflection: with a challenge of our own it is answered."""
        phase, chap = self.challenged(self.fixture.mutual)
        chap.target_secret, chap.identifier = fixtures.TARGET_SECRET, chap.target_identifier
        chap.check_proof(self.proved(phase, chap.response()))

    def test_unh_chap_2_6_different_chap_i(self):
        identifiers = {self.challenged()[1].target_identifier for _ in range(40)}
        self.assertGreater(len(identifiers), 8, "the target's own identifiers hardly vary")
        for identifier in (3, 200):
            self.mutual(identifier=identifier)


class OfTheChallenge(ChapItems):
    def setUp(self):
        super().setUp()
        self.need("mutual")

    def refused_challenge(self, value):
        self.answer(lambda chap: self.mutual_keys(chap, CHAP_C=value), self.fixture.mutual, hint=f"{len(value)} long")

    def test_unh_chap_3_1_big_chap_c(self):
        self.mutual(challenge=self.pattern(1024))

    def test_unh_chap_3_2_small_chap_c(self):
        self.mutual(challenge=b"\x01")

    def test_unh_chap_3_3_too_big_chap_c(self):
        for encode in (md.hex_value, md.base64_value):
            self.refused_challenge(encode(self.pattern(1025)))

    def test_unh_chap_3_4_too_small_chap_c(self):
        for value in ("", "0x", "0b"):
            self.refused_challenge(value)

    def test_unh_chap_3_5_chap_c_out_of_order(self):
        self.out_of_order({"CHAP_C": "0x" + "5a" * 16})
        self.out_of_order({"CHAP_A": str(self.algorithm), "CHAP_I": "1", "CHAP_C": "0x" + "5a" * 16})

    def test_unh_chap_3_6_1_challenges_of_logins_at_the_same_time(self):
        logins = [self.challenged() for _ in range(20)]
        self.assertEqual(len({chap.target_challenge for _, chap in logins}), 20)

    def test_unh_chap_3_6_2_challenges_of_logins_one_after_another(self):
        seen = set()
        for _ in range(20):
            phase, chap = self.challenged()
            seen.add(chap.target_challenge)
            phase.wire.close()
        self.assertEqual(len(seen), 20)

    def test_unh_chap_3_6_3_same_challenge_to_the_target_at_the_same_time(self):
        """The target may answer or refuse the second; it proves itself rightly where it answers."""
        logins = [self.challenged(self.fixture.mutual) for _ in range(2)]
        for phase, chap in logins:
            chap.target_secret, chap.identifier, chap.challenge = fixtures.TARGET_SECRET, 5, b"\x5a" * 16
            chap.check_proof(self.proved(phase, chap.response()))

    def test_unh_chap_3_6_4_same_challenge_to_the_target_again(self):
        for _ in range(3):
            self.mutual(identifier=5, challenge=b"\xa5" * 16)

    def test_unh_chap_3_7_reflected_chap_c(self):
        """9.2.1: the target's own challenge is not answered, whatever its encoding."""
        for encode in (md.hex_value, md.base64_value, lambda value: "0X" + value.hex().upper()):
            self.answer(lambda chap, e=encode: self.mutual_keys(chap, CHAP_C=e(chap.target_challenge)),
                        self.fixture.mutual)

    def test_unh_chap_3_8_target_reflects_nothing(self):
        """What we have sent as a challenge does not come back as one of the target's."""
        ours = set()
        for number in range(8):
            chap, _ = self.mutual(challenge=self.pattern(16, number))
            ours.add(chap.challenge)
            self.assertNotIn(chap.target_challenge, ours)


class OfTheName(ChapItems):
    def test_unh_chap_4_1_valid_chap_n(self):
        phase, chap = self.challenged()
        self.proved(phase, chap.response())

    def unknown(self, name, *allowed):
        self.answer(lambda chap: {**chap.response(), "CHAP_N": name}, hint=f"CHAP_N of {len(name)}:",
                    allowed=allowed or (AUTHENTICATION,))

    def test_unh_chap_4_2_big_chap_n(self):
        """255 bytes are a name; of nobody here."""
        self.unknown("n" * 255)

    def test_unh_chap_4_3_small_chap_n(self):
        self.unknown("n")

    def test_unh_chap_4_4_too_big_chap_n(self):
        for length in (256, 1024, 8000):
            self.unknown("n" * length, *REFUSALS)

    def test_unh_chap_4_5_chap_n_out_of_order(self):
        self.out_of_order({"CHAP_N": fixtures.USER})
        self.out_of_order({"CHAP_A": str(self.algorithm), "CHAP_N": fixtures.USER})

    def test_unh_chap_4_6_name_of_the_target_sent_back(self):
        """An initiator that calls itself as the target does, with the target's secret: not the right one."""
        self.need("mutual")

        def reflect(chap):
            proof = md.digest(chap.algorithm, chap.target_identifier, fixtures.TARGET_SECRET, chap.target_challenge)
            return {"CHAP_N": fixtures.TARGET_USER, "CHAP_R": md.hex_value(proof)}
        self.answer(reflect, self.fixture.mutual, allowed=(AUTHENTICATION,))

    def test_unh_chap_4_7_same_chap_n_in_every_login(self):
        self.need("mutual")
        names = {self.mutual()[1]["CHAP_N"] for _ in range(3)}
        self.assertEqual(names, {fixtures.TARGET_USER})

    def test_unh_chap_4_8_different_chap_n(self):
        """Two users of one target, each with a secret of his own and not with the other's."""
        for user, secret in ((fixtures.USER, fixtures.SECRET), (fixtures.OTHER_USER, fixtures.OTHER_SECRET)):
            phase, chap = self.challenged()
            chap.user, chap.secret = user, secret
            self.proved(phase, chap.response())

            def wrong(chap, user=user, secret=secret):
                other = fixtures.OTHER_SECRET if secret == fixtures.SECRET else fixtures.SECRET
                chap.user, chap.secret = user, other
                return chap.response()
            self.answer(wrong, allowed=(AUTHENTICATION,))


class OfTheResponse(ChapItems):
    def changed(self, change):
        def spoil(chap):
            right = md.digest(chap.algorithm, chap.target_identifier, chap.secret, chap.target_challenge)
            return {"CHAP_N": chap.user, "CHAP_R": md.hex_value(change(right))}
        self.answer(spoil)

    def test_unh_chap_5_1_invalid_chap_r(self):
        for change in (lambda right: right[:-1] + bytes([right[-1] ^ 1]), lambda right: bytes(len(right)),
                       lambda right: right[::-1]):
            self.changed(change)

    def test_unh_chap_5_2_too_big_chap_r(self):
        for more in (1, 16, 1000):
            self.changed(lambda right, more=more: right + bytes(more))

    def test_unh_chap_5_3_too_small_chap_r(self):
        for length in (0, 1, 15):
            self.changed(lambda right, length=length: right[:length])


class OfTargets(ChapItems):
    """Of the suites for targets themselves: 1.1 of the newer, 3.8 and 3.9 of the first one."""

    def test_unh_chap_targets_1_1_premature_transition(self):
        """T before the proof: with AuthMethod, with CHAP_A, and instead of an answer to the challenge."""
        names = self.names(TargetName=self.fixture.chap, AuthMethod="CHAP")
        for nsg in (OPERATIONAL, 3):
            fresh, (waiting, _) = self.phase(), self.challenged()
            for phase, pairs in ((fresh, names), (self.opened(), {"CHAP_A": str(self.algorithm)}), (waiting, {})):
                phase.send(pairs, csg=SECURITY, nsg=nsg)
                try:
                    pdu = phase.wire.receive("an answer to a premature T")
                except Closed:
                    continue
                self.assertTrue(pdu.status_class or not pdu.transit, f"left the security stage unproved: {pdu}")

    def test_unh_chap_targets_3_8_challenge_reflected_on_a_second_connection(self):
        """9.2.1: the challenge of one login is not answered in another while the first is open."""
        self.need("mutual")
        _, victim = self.challenged(self.fixture.mutual)
        self.answer(lambda chap: self.mutual_keys(chap, CHAP_C=md.hex_value(victim.target_challenge),
                                                  CHAP_I=str(victim.target_identifier)), self.fixture.mutual)

    def test_unh_chap_targets_3_9_new_challenge_on_a_second_connection(self):
        """Another connection of a session has challenges of its own, in both directions."""
        self.need("mutual")
        first = self.session(target=self.fixture.mutual, settle=False, keys={"MaxConnections": "4"},
                             chap=fixtures.mutual((self.algorithm,)))
        if first.parameters.number("MaxConnections") < 2:
            return self.assertNotEqual(self.mutual()[0].target_challenge, first.chap.target_challenge)
        chap = fixtures.mutual((self.algorithm,))
        second = self.joined(first, 1, chap=chap)
        second.ping(b"in")
        return self.assertNotEqual(chap.target_challenge, first.chap.target_challenge)

    def test_unh_chap_the_client_sees_a_wrong_proof(self):
        """The checks above can fail."""
        self.need("mutual")
        phase, chap = self.challenged(self.fixture.mutual)
        chap.target_secret = "not-the-secret-of-the-target"
        with self.assertRaises(Violation):
            chap.check_proof(self.proved(phase, chap.response()))
