"""CHAP as RFC 7143 12.1.3 uses it: the initiator's side, one way or mutual, with the four registered algorithms."""

import base64
import hashlib
import hmac
import os

from .errors import Violation

# IANA "PPP authentication algorithms" numbers.
ALGORITHMS = {5: hashlib.md5, 6: hashlib.sha1, 7: hashlib.sha256, 8: hashlib.sha3_256}


def digest(algorithm, identifier, secret, challenge):
    return ALGORITHMS[algorithm](bytes([identifier]) + secret.encode() + challenge).digest()


def hex_value(data):
    return "0x" + data.hex()


def base64_value(data):
    return "0b" + base64.b64encode(data).decode()


def binary_value(text):
    """Decodes a large binary value (RFC 7143 6.1)."""
    try:
        if text[:2] in ("0x", "0X"):
            digits = text[2:]
            return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        if text[:2] in ("0b", "0B"):
            return base64.b64decode(text[2:], validate=True)
    except ValueError:
        pass
    raise Violation(f"{text!r} is not a binary value in hex or base64")


class Chap:
    """Credentials and taste of one initiator. With target_secret set the target must prove itself too."""

    def __init__(self, user, secret, target_user=None, target_secret=None, algorithms=(5,), encode=hex_value,
                 identifier=None, challenge=None):
        self.user, self.secret, self.target_user, self.target_secret = user, secret, target_user, target_secret
        self.algorithms, self.encode = algorithms, encode
        self.identifier = os.urandom(1)[0] if identifier is None else identifier
        self.challenge = os.urandom(16) if challenge is None else challenge
        self.algorithm = self.target_identifier = self.target_challenge = None

    def offer(self):
        return {"CHAP_A": ",".join(str(a) for a in self.algorithms)}

    def take_challenge(self, keys):
        """Checks the target's CHAP_A, CHAP_I and CHAP_C and keeps them."""
        missing = [key for key in ("CHAP_A", "CHAP_I", "CHAP_C") if key not in keys]
        if missing:
            raise Violation(f"the target's challenge lacks {missing}: {keys}")
        if keys["CHAP_A"] not in [str(a) for a in self.algorithms]:
            raise Violation(f"CHAP_A={keys['CHAP_A']} was not offered: {self.algorithms}")
        self.algorithm = int(keys["CHAP_A"])
        self.target_identifier = int(keys["CHAP_I"], 0)
        if not 0 <= self.target_identifier <= 255:
            raise Violation(f"CHAP_I={keys['CHAP_I']} is not one byte")
        self.target_challenge = binary_value(keys["CHAP_C"])
        if not 1 <= len(self.target_challenge) <= 1024:
            raise Violation(f"CHAP_C has {len(self.target_challenge)} bytes")

    def response(self):
        """CHAP_N and CHAP_R, and our own challenge when the target must answer one."""
        proof = digest(self.algorithm, self.target_identifier, self.secret, self.target_challenge)
        keys = {"CHAP_N": self.user, "CHAP_R": self.encode(proof)}
        if self.target_secret is not None:
            keys.update(CHAP_I=str(self.identifier), CHAP_C=self.encode(self.challenge))
        return keys

    def check_proof(self, keys):
        """Checks what the target answered to our challenge; nothing to check when the login is one way."""
        if self.target_secret is None:
            return
        if "CHAP_N" not in keys or "CHAP_R" not in keys:
            raise Violation(f"the target did not prove itself: {keys}")
        if self.target_user is not None and keys["CHAP_N"] != self.target_user:
            raise Violation(f"CHAP_N={keys['CHAP_N']}, expected {self.target_user}")
        proof = digest(self.algorithm, self.identifier, self.target_secret, self.challenge)
        if not hmac.compare_digest(proof, binary_value(keys["CHAP_R"])):
            raise Violation("the target's CHAP_R does not fit its secret")
