"""Access control and discovery: F097, F098, access lists, SendTargets with many targets (tgt 8115bab)."""

import threading

from rawiscsi.chap import Chap
from rawiscsi.login import Refused

import fixture as fixtures

from .login_case import AUTHENTICATION, AUTHORIZATION, NOT_FOUND, OPERATIONAL, SECURITY, LoginCase

ANNOUNCED = ("refused with status 020[12]",)

STRANGER = "iqn.2026-11.org.outboard.test:stranger"


class Access(LoginCase):
    def chap_login(self, target, initiator, user, secret):
        """0 when it worked, else the login status."""
        chap = Chap(user, secret, algorithms=(self.fixture.algorithms[0],))
        try:
            self.session(target=target, initiator=initiator, chap=chap, settle=False)
        except Refused as refused:
            return refused.status
        return 0

    def test_acl_only_listed_initiators(self):
        """RFC 7143 11.13.5: 0x0202, or 0x0203 where the target hides itself."""
        self.need("guarded")
        self.session(target=self.fixture.guarded, initiator=fixtures.INITIATOR, settle=False).ping(b"in")
        for name in (STRANGER, fixtures.INITIATOR + "x", fixtures.INITIATOR[:-1], fixtures.INITIATOR + "\u0131"):
            names = self.names(InitiatorName=name, TargetName=self.fixture.guarded)
            self.refused(self.attempt(names, csg=SECURITY, nsg=OPERATIONAL), AUTHORIZATION, NOT_FOUND, hint=name)
            del names["AuthMethod"]
            self.refused(self.attempt(names, csg=OPERATIONAL), AUTHORIZATION, NOT_FOUND, hint=name)

    def test_f097_a_proved_user_under_another_name(self):
        """F097: authenticated, but InitiatorName is not on the access list: 0x0202; the cells of initiator x secret."""
        self.need("bound")
        for initiator in (fixtures.INITIATOR, fixtures.OTHER_INITIATOR, STRANGER):
            listed = initiator == fixtures.INITIATOR
            status = self.chap_login(self.fixture.bound, initiator, fixtures.USER, fixtures.SECRET)
            self.assertEqual(status, 0 if listed else AUTHORIZATION, initiator)
            status = self.chap_login(self.fixture.bound, initiator, fixtures.USER, "wrong-secret-0077")
            self.assertIn(status, (AUTHENTICATION,) if listed else (AUTHENTICATION, AUTHORIZATION), initiator)
            status = self.chap_login(self.fixture.bound, initiator, fixtures.OTHER_USER, fixtures.OTHER_SECRET)
            self.assertIn(status, (AUTHENTICATION,) if listed else (AUTHENTICATION, AUTHORIZATION), initiator)

    def test_f098_discovery_without_authentication(self):
        """F098: 0x0201 where discovery wants CHAP; the right secret gets the list."""
        self.need("discovery_portal")
        portal = self.fixture.discovery_portal
        for options in ({"csg": SECURITY, "nsg": OPERATIONAL}, {"csg": OPERATIONAL}, {"csg": SECURITY, "nsg": 3}):
            phase = self.phase(portal)
            names = {"InitiatorName": self.initiator, "SessionType": "Discovery"}
            if options["csg"] == SECURITY:
                names["AuthMethod"] = "None"
            self.refused(self.step(phase, names, **options), AUTHENTICATION)
        chap = Chap(fixtures.USER, "wrong-secret-0009", algorithms=(self.fixture.algorithms[0],))
        with self.assertRaises(Refused) as refusal:
            self.discovery(portal=portal, chap=chap)
        self.assertEqual(refusal.exception.status, AUTHENTICATION)
        good = Chap(fixtures.USER, fixtures.SECRET, algorithms=(self.fixture.algorithms[0],))
        names = dict(self.discovery(portal=portal, chap=good).send_targets())
        self.assertIn("TargetName", names)

    def test_cve_2026_99206_settings_change_during_discovery(self):
        """CVE-2026-99206: a login sees the old discovery settings or the new ones, whole."""
        self.need("discovery_portal", "require_discovery_chap")
        self.addCleanup(self.fixture.require_discovery_chap, True)
        done = threading.Event()
        flips = threading.Thread(target=self.flip, args=(done,), daemon=True)
        flips.start()
        seen = set()
        try:
            for _ in range(300):
                try:
                    self.discovery(portal=self.fixture.discovery_portal).close()
                    seen.add("in")
                except Refused as refused:
                    self.assertEqual(refused.status, AUTHENTICATION)
                    seen.add("out")
        finally:
            done.set()
            flips.join(30)
        self.assertEqual(seen, {"in", "out"}, "the settings did not change while logins ran")

    def flip(self, done):
        required = True
        while not done.is_set():
            required = not required
            self.fixture.require_discovery_chap(required)

    def listed(self, initiator):
        return [v for k, v in self.discovery(initiator=initiator).send_targets() if k == "TargetName"]

    def test_f098_send_targets_lists_only_permitted_targets(self):
        """F098: a target whose access list lacks the initiator is not listed, by All or by name."""
        self.need("guarded")
        self.assertIn(self.fixture.guarded, self.listed(fixtures.INITIATOR))
        self.assertNotIn(self.fixture.guarded, self.listed(STRANGER))
        named = self.discovery(initiator=STRANGER).send_targets(self.fixture.guarded)
        self.assertNotIn(("TargetName", self.fixture.guarded), named if isinstance(named, list) else [])

    def test_discovery_needs_no_target_name(self):
        """RFC 7143 4.3, 13.4: a discovery session has no TargetName."""
        session = self.discovery()
        self.assertEqual(session.logout(), 0)
        self.assertEqual(session.closes(), [])

    def test_discovery_lists_are_stable(self):
        self.assertEqual(self.discovery().send_targets(), self.discovery().send_targets())

    def test_tgt_8115bab_many_targets_in_small_segments(self):
        """tgt 8115bab: a long list comes in Text Responses of at most 512 bytes, complete, without repeats."""
        self.need("many_targets")
        with self.fixture.many_targets(10000) as portal:
            session = self.discovery(portal=portal, keys={"MaxRecvDataSegmentLength": "512"})
            names = [v for k, v in session.send_targets() if k == "TargetName"]
        self.assertGreaterEqual(len(names), 2000)
        self.assertEqual(len(names), len(set(names)))
