"""iSCSI text keys (RFC 7143 6.1, 13): encoding, decoding, and what a legal answer to an offer is."""

from .errors import Violation

DEFAULTS = {
    "HeaderDigest": "None", "DataDigest": "None", "MaxConnections": "1", "InitialR2T": "Yes", "ImmediateData": "Yes",
    "MaxRecvDataSegmentLength": "8192", "MaxBurstLength": "262144", "FirstBurstLength": "65536",
    "DefaultTime2Wait": "2", "DefaultTime2Retain": "20", "MaxOutstandingR2T": "1", "DataPDUInOrder": "Yes",
    "DataSequenceInOrder": "Yes", "ErrorRecoveryLevel": "0", "iSCSIProtocolLevel": "1", "TaskReporting": "RFC3720",
}
LISTS = ("HeaderDigest", "DataDigest", "AuthMethod", "TaskReporting")
AND, OR = ("ImmediateData",), ("InitialR2T", "DataPDUInOrder", "DataSequenceInOrder")
RANGES = {  # key: (lowest, highest, the function that picks the result)
    "MaxConnections": (1, 65535, min), "MaxBurstLength": (512, 16777215, min), "FirstBurstLength": (512, 16777215, min),
    "DefaultTime2Wait": (0, 3600, max), "DefaultTime2Retain": (0, 3600, min), "MaxOutstandingR2T": (1, 65535, min),
    "ErrorRecoveryLevel": (0, 2, min), "iSCSIProtocolLevel": (0, 31, min),
}
DECLARED = ("InitiatorName", "TargetName", "InitiatorAlias", "TargetAlias", "TargetAddress", "TargetPortalGroupTag",
            "SessionType", "MaxRecvDataSegmentLength", "SendTargets")
NEWER = ("iSCSIProtocolLevel", "TaskReporting")  # a target of RFC 3720 may answer NotUnderstood to these
CONSTANTS = ("NotUnderstood", "Irrelevant", "Reject")


def encode(pairs):
    pairs = pairs.items() if isinstance(pairs, dict) else pairs
    out = b""
    for key, value in pairs:
        out += (key.encode() if isinstance(key, str) else key) + b"="
        out += (value if isinstance(value, bytes) else str(value).encode()) + b"\0"
    return out


def decode(data):
    """A list of (key, value). Violation when the text is not made of NUL-terminated key=value pairs."""
    if not data:
        return []
    if data[-1] != 0:
        raise Violation(f"text does not end with NUL (RFC 7143 6.1): {data[-40:]!r}")
    pairs = []
    for item in data[:-1].split(b"\0"):
        key, equals, value = item.partition(b"=")
        if not equals or not 1 <= len(key) <= 63:
            raise Violation(f"not a key=value pair with a key of 1 to 63 bytes: {item!r}")
        try:
            pairs.append((key.decode("ascii"), value.decode("utf-8")))
        except UnicodeDecodeError:
            raise Violation(f"text that is not UTF-8: {item!r}") from None
    return pairs


def single(pairs):
    """The pairs as a dict; Violation when a key comes twice."""
    found = {}
    for key, value in pairs:
        if key in found:
            raise Violation(f"key {key} was sent twice: {found[key]!r}, {value!r}")
        found[key] = value
    return found


def agreed(key, offer, answer):
    """The value both sides now use, given our offer and the target's answer; Violation when it may not answer so."""
    if answer in CONSTANTS:
        if key in NEWER and answer == "NotUnderstood" or answer == "Irrelevant":
            return "0" if key == "iSCSIProtocolLevel" else DEFAULTS.get(key)
        raise Violation(f"{key}={offer} was answered {answer}")
    if key in LISTS:
        if answer not in offer.split(","):
            raise Violation(f"{key}={offer} was answered {answer}, which is not in the list (RFC 7143 6.2.1)")
    elif key in AND or key in OR:
        forced = "No" if key in AND else "Yes"
        if answer not in ("Yes", "No") or (offer == forced and answer != forced):
            raise Violation(f"{key}={offer} was answered {answer} (RFC 7143 6.2.2)")
    elif key in RANGES:
        low, high, pick = RANGES[key]
        if not answer.isdigit() or not low <= int(answer) <= high or pick(int(offer, 0), int(answer)) != int(answer):
            raise Violation(
                f"{key}={offer} was answered {answer}; the result is the {pick.__name__}imum in {low}..{high}")
    return answer


def outcome(key, offer, answers):
    """The value both sides use after this offer; an answer may be missing only where the offer decides alone."""
    if key in answers:
        return agreed(key, str(offer), answers[key])
    if key in AND and offer == "No" or key in OR and offer == "Yes":
        return offer  # the two cases in which RFC 7143 6.2.2 makes the answer optional
    raise Violation(f"the target did not answer {key}={offer}")


class Parameters:
    """What a session has negotiated: defaults, then each agreed key."""

    def __init__(self):
        self.values = dict(DEFAULTS)
        self.target_mrdsl = 8192  # what the target declared: the most we may send in one PDU
        self.mrdsl = 8192         # what we declared: the most the target may send

    def __getitem__(self, key):
        return self.values[key]

    def number(self, key):
        return int(self.values[key])

    def yes(self, key):
        return self.values[key] == "Yes"

    def settle(self, offers, answers):
        """Applies the target's answers; every negotiated offer must have one (RFC 7143 6.2)."""
        for key, value in answers.items():
            if key == "MaxRecvDataSegmentLength":
                if not value.isdigit() or not 512 <= int(value) <= 16777215:
                    raise Violation(f"the target declared MaxRecvDataSegmentLength={value}")
                self.target_mrdsl = int(value)
            elif key not in DECLARED and key not in offers:
                self.values[key] = value  # the target's own offer; the caller answers it
        for key in offers:
            if key not in DECLARED:
                self.values[key] = outcome(key, offers[key], answers)
        if "MaxRecvDataSegmentLength" in offers:
            self.mrdsl = int(offers["MaxRecvDataSegmentLength"])
