"""Sense data in both formats (SPC-4 4.5): decoded into one shape, and printable as key/asc/ascq."""

import struct

NO_SENSE, RECOVERED, NOT_READY, MEDIUM, HARDWARE, ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT = range(8)
ABORTED_COMMAND, VOLUME_OVERFLOW, MISCOMPARE = 0x0B, 0x0D, 0x0E


class Sense:
    """Fields are None where the data does not carry them."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        self.key = self.asc = self.ascq = self.information = self.command_specific = None
        self.field = None  # (True for the CDB / False for parameter data, byte, bit or None)
        self.deferred = False
        code = self.raw[0] & 0x7F if self.raw else 0
        self.descriptor_format = code in (0x72, 0x73)
        self.deferred = code in (0x71, 0x73)
        self.valid = code in (0x70, 0x71, 0x72, 0x73)
        if self.descriptor_format:
            self._descriptor()
        elif self.valid:
            self._fixed()

    def _fixed(self):
        raw = self.raw.ljust(18, b"\0")
        self.key, self.asc, self.ascq = raw[2] & 0x0F, raw[12], raw[13]
        if raw[0] & 0x80:
            self.information = struct.unpack(">I", raw[3:7])[0]
        self.command_specific = struct.unpack(">I", raw[8:12])[0]
        self._key_specific(raw[15:18])

    def _descriptor(self):
        raw = self.raw.ljust(8, b"\0")
        self.key, self.asc, self.ascq = raw[1] & 0x0F, raw[2], raw[3]
        rest = raw[8:8 + raw[7]]
        while len(rest) >= 2:
            kind, length = rest[0], rest[1]
            body, rest = rest[2:2 + length], rest[2 + length:]
            if kind == 0 and len(body) >= 10 and body[0] & 0x80:
                self.information = struct.unpack(">Q", body[2:10])[0]
            elif kind == 1 and len(body) >= 10:
                self.command_specific = struct.unpack(">Q", body[2:10])[0]
            elif kind == 2 and len(body) >= 5:
                self._key_specific(body[2:5])

    def _key_specific(self, three):
        if three[0] & 0x80 and self.key == ILLEGAL_REQUEST:
            bit = three[0] & 7 if three[0] & 8 else None
            self.field = (bool(three[0] & 0x40), struct.unpack(">H", three[1:3])[0], bit)

    @property
    def triple(self):
        return (self.key, self.asc, self.ascq)

    def __str__(self):
        if not self.valid:
            return f"undecodable sense {self.raw.hex()}"
        return f"{self.key:02x}/{self.asc:02x}/{self.ascq:02x}"
