"""What the login suites share: attempts with any keys and fields, and what a refusal may look like."""

from rawiscsi import keys as text
from rawiscsi.errors import Closed, Violation
from rawiscsi.login import OPERATIONAL, SECURITY, Refused

from .case import CLOSED, Case

INITIATOR_ERROR, AUTHENTICATION, AUTHORIZATION, NOT_FOUND, REMOVED, VERSION, TOO_MANY, MISSING, CANNOT_INCLUDE, \
    SESSION_TYPE, NO_SESSION, INVALID_REQUEST = range(0x0200, 0x020C)


class LoginCase(Case):
    initiator = "iqn.2026-11.org.outboard.test:login"

    def names(self, **changes):
        """The keys of a first Login Request; a value of None leaves the key out."""
        names = {"InitiatorName": self.initiator, "SessionType": "Normal", "TargetName": self.fixture.plain,
                 "AuthMethod": "None", **changes}
        return {key: value for key, value in names.items() if value is not None}

    def attempt(self, pairs=(), limit=None, **options):
        """Sends one Login Request on a new connection and says how it was answered."""
        phase = self.phase()
        try:
            return self.step(phase, pairs, limit=limit, **options)
        finally:
            phase.wire.close()

    def step(self, phase, pairs=(), limit=None, **options):
        """One more Login Request of that connection: "ok", a login status, "reject N" or "closed"."""
        try:
            phase.send(pairs, **options)
        except Closed:
            return CLOSED
        verdict = phase.verdict(limit)
        return "ok" if verdict == 0 else verdict

    def whole(self, phase, pairs):
        """A login from its first request to its end: "ok" in the full feature phase, else how it was refused."""
        try:
            phase.complete(pairs, csg=SECURITY)
        except Refused as refused:
            return refused.status
        except Closed:
            return CLOSED
        return "ok"

    def operational(self, **names):
        """A connection that has reached the operational stage."""
        phase = self.phase()
        phase.exchange(self.names(**names), csg=SECURITY, nsg=OPERATIONAL)
        return phase

    def offer(self, pairs, transit=True, **options):
        """How operational keys were answered: a dict, or the refusal (status or "closed")."""
        phase = self.operational()
        try:
            _, answers = phase.exchange(pairs, csg=OPERATIONAL, transit=transit, **options)
        except Refused as refused:
            return refused.status
        except Closed:
            return CLOSED
        finally:
            phase.wire.close()
        return text.single(answers)

    def refused(self, verdict, *allowed, hint=""):
        """allowed: statuses and "closed"; the default is any initiator error or the end of the connection."""
        if not allowed:
            good = verdict == CLOSED or isinstance(verdict, int) and 0x0200 <= verdict <= 0x020B
        else:
            good = verdict in allowed
        shown = f"0x{verdict:04x}" if isinstance(verdict, int) else verdict
        wanted = [f"0x{a:04x}" if isinstance(a, int) else a for a in allowed] or ["0x02xx", CLOSED]
        self.assertTrue(good, f"{hint} the login ended with {shown}, allowed: {', '.join(wanted)}")

    def rejected(self, answer, key, hint=""):
        """An illegal value has the answer Reject, or the login fails (RFC 7143 6.2)."""
        if isinstance(answer, dict):
            self.assertEqual(answer.get(key), "Reject", f"{hint} {key}")
        else:
            self.refused(answer, hint=f"{hint} {key}")


__all__ = ["LoginCase", "SECURITY", "OPERATIONAL", "Closed", "Refused", "Violation", "CLOSED"]
