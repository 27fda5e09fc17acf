"""The iSCSI PDU of RFC 7143 11.2: typed fields over 48 raw bytes, every length of which a test may falsify."""

from enum import IntEnum

from .crc32c import digest

BHS_LENGTH = 48
RESERVED_TAG = 0xFFFFFFFF


class Op(IntEnum):
    NOP_OUT = 0x00
    SCSI_COMMAND = 0x01
    TMF_REQUEST = 0x02
    LOGIN_REQUEST = 0x03
    TEXT_REQUEST = 0x04
    DATA_OUT = 0x05
    LOGOUT_REQUEST = 0x06
    SNACK = 0x10
    NOP_IN = 0x20
    SCSI_RESPONSE = 0x21
    TMF_RESPONSE = 0x22
    LOGIN_RESPONSE = 0x23
    TEXT_RESPONSE = 0x24
    DATA_IN = 0x25
    LOGOUT_RESPONSE = 0x26
    R2T = 0x31
    ASYNC = 0x32
    REJECT = 0x3F


TARGET_OPCODES = frozenset(int(op) for op in Op if op >= 0x20)
INITIATOR_OPCODES = frozenset(int(op) for op in Op if op < 0x20)


def opcode_name(opcode):
    try:
        return Op(opcode).name
    except ValueError:
        return f"opcode 0x{opcode:02x}"


class Word:
    """A big-endian unsigned field of the basic header segment."""

    def __init__(self, offset, size=4):
        self.offset, self.size = offset, size

    def __get__(self, pdu, owner):
        if pdu is None:
            return self
        return int.from_bytes(pdu.bhs[self.offset:self.offset + self.size], "big")

    def __set__(self, pdu, value):
        pdu.bhs[self.offset:self.offset + self.size] = (value % (1 << 8 * self.size)).to_bytes(self.size, "big")


class Bits:
    """Bits high..low of one byte of the basic header segment."""

    def __init__(self, byte, high, low):
        self.byte, self.low, self.mask = byte, low, ((1 << (high - low + 1)) - 1) << low

    def __get__(self, pdu, owner):
        if pdu is None:
            return self
        return (pdu.bhs[self.byte] & self.mask) >> self.low

    def __set__(self, pdu, value):
        pdu.bhs[self.byte] = (pdu.bhs[self.byte] & ~self.mask & 0xFF) | ((value << self.low) & self.mask)


class Pdu:
    """Header, additional header segments and data; lengths and padding are added by encode()."""

    opcode, immediate = Bits(0, 5, 0), Bits(0, 6, 6)
    flags, byte2, byte3 = Word(1, 1), Word(2, 1), Word(3, 1)
    final, bit6, bit5 = Bits(1, 7, 7), Bits(1, 6, 6), Bits(1, 5, 5)
    total_ahs_length, data_segment_length = Word(4, 1), Word(5, 3)
    lun, itt = Word(8, 8), Word(16)
    # Names by direction and type; several share a place (RFC 7143 11.3 to 11.19).
    attribute, expected_length, cmd_sn, exp_stat_sn = Bits(1, 2, 0), Word(20), Word(24), Word(28)
    ttt, stat_sn, exp_cmd_sn, max_cmd_sn = Word(20), Word(24), Word(28), Word(32)
    function, referenced_task_tag, ref_cmd_sn, exp_data_sn = Bits(1, 6, 0), Word(20), Word(32), Word(36)
    response, status, reason = Word(2, 1), Word(3, 1), Word(2, 1)
    data_sn, r2t_sn, buffer_offset, residual_count, desired_length = Word(36), Word(36), Word(40), Word(44), Word(44)
    snack_tag, snack_exp_data_sn, beg_run, run_length = Word(20), Word(36), Word(40), Word(44)
    transit, cont, csg, nsg = Bits(1, 7, 7), Bits(1, 6, 6), Bits(1, 3, 2), Bits(1, 1, 0)
    version_max, version_min, isid, tsih, cid = Word(2, 1), Word(3, 1), Word(8, 6), Word(14, 2), Word(20, 2)
    version_active, status_class, status_detail, login_status = Word(3, 1), Word(36, 1), Word(37, 1), Word(36, 2)
    time2wait, time2retain = Word(40, 2), Word(42, 2)
    async_event, parameter1, parameter2, parameter3 = Word(36, 1), Word(38, 2), Word(40, 2), Word(42, 2)

    def __init__(self, opcode=0, data=b"", ahs=b"", bhs=None, **fields):
        self.bhs = bytearray(BHS_LENGTH if bhs is None else bhs)
        self.data, self.ahs = bytes(data), bytes(ahs)
        self.padding = b""
        if bhs is None:
            self.opcode = opcode
        for name, value in fields.items():
            if not hasattr(type(self), name):
                raise AttributeError(f"a PDU has no field {name}")
            setattr(self, name, value)

    def encode(self, header_digest=False, data_digest=False, fill=b"\0", spoil_header=False, spoil_data=False,
               declared_ahs=None, declared_data=None):
        """The bytes to send. declared_* falsify the length fields, spoil_* the digests, fill the padding."""
        ahs = self.ahs + b"\0" * (-len(self.ahs) % 4)
        self.total_ahs_length = len(ahs) // 4 if declared_ahs is None else declared_ahs
        self.data_segment_length = len(self.data) if declared_data is None else declared_data
        head = bytes(self.bhs) + ahs
        wire = head
        if header_digest:
            wire += _spoiled(digest(head)) if spoil_header else digest(head)
        if self.data:
            body = self.data + fill * (-len(self.data) % 4)
            wire += body
            if data_digest:
                wire += _spoiled(digest(body)) if spoil_data else digest(body)
        return wire

    def __str__(self):
        text = f"{opcode_name(self.opcode)}{' I' if self.immediate else ''} {bytes(self.bhs).hex(' ', 4)}"
        if self.ahs:
            text += f" ahs[{len(self.ahs)}]"
        if self.data:
            text += f" data[{len(self.data)}] {self.data[:48].hex()}{'...' if len(self.data) > 48 else ''}"
        return text


def _spoiled(four):
    return bytes([four[0] ^ 0x5A]) + four[1:]


def serial_less(a, b):
    """RFC 1982 comparison of 32-bit serial numbers: a < b."""
    return a != b and ((b - a) & 0xFFFFFFFF) < 0x80000000


def serial_add(a, n):
    return (a + n) & 0xFFFFFFFF
