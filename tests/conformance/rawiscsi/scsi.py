"""CDB builders with the field names of SPC and SBC, and parameter data that several suites share."""

import struct

GOOD, CHECK_CONDITION, CONDITION_MET, BUSY = 0x00, 0x02, 0x04, 0x08
RESERVATION_CONFLICT, TASK_SET_FULL, ACA_ACTIVE, TASK_ABORTED = 0x18, 0x28, 0x30, 0x40
STATUS_NAMES = {GOOD: "good", CHECK_CONDITION: "check", CONDITION_MET: "condition met", BUSY: "busy",
                RESERVATION_CONFLICT: "reservation conflict", TASK_SET_FULL: "task set full",
                ACA_ACTIVE: "aca active", TASK_ABORTED: "task aborted"}
UNTAGGED, SIMPLE, ORDERED, HEAD_OF_QUEUE, ACA = range(5)  # RFC 7143 11.3.1 ATTR


def lun_field(lun):
    """The eight-byte LUN of a small unit number: peripheral up to 255, flat space above (SAM-5 4.7)."""
    return (lun << 48) if lun < 256 else ((0x4000 | lun) << 48)


def cdb(opcode, length, *fields):
    """fields: (offset, size in bytes, value); values are added with OR, so bytes may be shared."""
    out = bytearray(length)
    out[0] = opcode
    for offset, size, value in fields:
        for i, byte in enumerate((value % (1 << 8 * size)).to_bytes(size, "big")):
            out[offset + i] |= byte
    return bytes(out)


def test_unit_ready():
    return cdb(0x00, 6)


def request_sense(length=252, descriptor=False):
    return cdb(0x03, 6, (1, 1, descriptor), (4, 1, length))


def inquiry(length=255, page=None):
    return cdb(0x12, 6, (1, 1, page is not None), (2, 1, page or 0), (3, 2, length))


def report_luns(length=4096, select=0):
    return cdb(0xA0, 12, (2, 1, select), (6, 4, length))


def mode_sense6(page, length=255, control=0, subpage=0, dbd=False):
    return cdb(0x1A, 6, (1, 1, dbd << 3), (2, 1, control << 6 | page), (3, 1, subpage), (4, 1, length))


def mode_sense10(page, length=512, control=0, subpage=0, dbd=False, llbaa=False):
    return cdb(0x5A, 10, (1, 1, llbaa << 4 | dbd << 3), (2, 1, control << 6 | page), (3, 1, subpage), (7, 2, length))


def mode_select6(length, sp=False, pf=True):
    return cdb(0x15, 6, (1, 1, pf << 4 | sp), (4, 1, length))


def mode_select10(length, sp=False, pf=True):
    return cdb(0x55, 10, (1, 1, pf << 4 | sp), (7, 2, length))


def read_capacity10():
    return cdb(0x25, 10)


def read_capacity16(length=32):
    return cdb(0x9E, 16, (1, 1, 0x10), (10, 4, length))


def get_lba_status(lba, length=512):
    return cdb(0x9E, 16, (1, 1, 0x12), (2, 8, lba), (10, 4, length))


def _six(opcode, lba, blocks):
    return cdb(opcode, 6, (1, 3, lba & 0x1FFFFF), (4, 1, blocks))


def _ten(opcode, lba, blocks, flags=0):
    return cdb(opcode, 10, (1, 1, flags), (2, 4, lba), (7, 2, blocks))


def _twelve(opcode, lba, blocks, flags=0):
    return cdb(opcode, 12, (1, 1, flags), (2, 4, lba), (6, 4, blocks))


def _sixteen(opcode, lba, blocks, flags=0):
    return cdb(opcode, 16, (1, 1, flags), (2, 8, lba), (10, 4, blocks))


def read6(lba, blocks):
    return _six(0x08, lba, blocks)


def read10(lba, blocks, flags=0):
    return _ten(0x28, lba, blocks, flags)


def read12(lba, blocks, flags=0):
    return _twelve(0xA8, lba, blocks, flags)


def read16(lba, blocks, flags=0):
    return _sixteen(0x88, lba, blocks, flags)


def write6(lba, blocks):
    return _six(0x0A, lba, blocks)


def write10(lba, blocks, flags=0):
    return _ten(0x2A, lba, blocks, flags)


def write12(lba, blocks, flags=0):
    return _twelve(0xAA, lba, blocks, flags)


def write16(lba, blocks, flags=0):
    return _sixteen(0x8A, lba, blocks, flags)


def write_and_verify10(lba, blocks, flags=0):
    return _ten(0x2E, lba, blocks, flags)


def write_and_verify16(lba, blocks, flags=0):
    return _sixteen(0x8E, lba, blocks, flags)


def verify10(lba, blocks, flags=0):
    return _ten(0x2F, lba, blocks, flags)


def verify16(lba, blocks, flags=0):
    return _sixteen(0x8F, lba, blocks, flags)


def synchronize_cache10(lba=0, blocks=0, flags=0):
    return _ten(0x35, lba, blocks, flags)


def synchronize_cache16(lba=0, blocks=0, flags=0):
    return _sixteen(0x91, lba, blocks, flags)


def pre_fetch10(lba, blocks, flags=0):
    return _ten(0x34, lba, blocks, flags)


def pre_fetch16(lba, blocks, flags=0):
    return _sixteen(0x90, lba, blocks, flags)


def write_same10(lba, blocks, flags=0):
    return _ten(0x41, lba, blocks, flags)


def write_same16(lba, blocks, flags=0):
    return _sixteen(0x93, lba, blocks, flags)


def orwrite16(lba, blocks, flags=0):
    return _sixteen(0x8B, lba, blocks, flags)


def compare_and_write(lba, blocks):
    return cdb(0x89, 16, (2, 8, lba), (13, 1, blocks))


def write_atomic16(lba, blocks):
    return cdb(0x9C, 16, (2, 8, lba), (12, 2, blocks))


def unmap(length):
    return cdb(0x42, 10, (7, 2, length))


def unmap_list(descriptors):
    body = b"".join(struct.pack(">QII", lba, count, 0) for lba, count in descriptors)
    return struct.pack(">HHI", 6 + len(body), len(body), 0) + body


def start_stop_unit(start=True, load=False, power=0, immed=False):
    return cdb(0x1B, 6, (1, 1, immed), (4, 1, power << 4 | load << 1 | start))


def prevent_allow(prevent):
    return cdb(0x1E, 6, (4, 1, prevent))


def reserve6():
    return cdb(0x16, 6)


def release6():
    return cdb(0x17, 6)


def reserve10():
    return cdb(0x56, 10)


def release10():
    return cdb(0x57, 10)


def report_opcodes(option=0, opcode=0, service=0, length=4096, rctd=False):
    return cdb(0xA3, 12, (1, 1, 0x0C), (2, 1, rctd << 7 | option), (3, 1, opcode), (4, 2, service), (6, 4, length))


def report_task_management(length=16, repd=False):
    return cdb(0xA3, 12, (1, 1, 0x0D), (2, 1, repd << 7), (6, 4, length))


def read_defect_data10(length=8):
    return cdb(0x37, 10, (2, 1, 0x18), (7, 2, length))


# Persistent reservations: service actions and types of SPC-4 5.13, 6.15, 6.16.
READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS = range(4)
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER_AND_IGNORE, REGISTER_AND_MOVE = range(8)
WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS = 1, 3
WRITE_EXCLUSIVE_RO, EXCLUSIVE_ACCESS_RO, WRITE_EXCLUSIVE_AR, EXCLUSIVE_ACCESS_AR = 5, 6, 7, 8


def pr_in(action, length=8192):
    return cdb(0x5E, 10, (1, 1, action), (7, 2, length))


def pr_out(action, kind=0, length=24):
    return cdb(0x5F, 10, (1, 1, action), (2, 1, kind), (5, 4, length))


def pr_list(key=0, service_key=0, aptpl=False, all_tg_pt=False, spec_i_pt=False, extra=b""):
    flags = spec_i_pt << 3 | all_tg_pt << 2 | aptpl
    return struct.pack(">QQIBBH", key, service_key, 0, flags, 0, 0) + extra


def iscsi_transport_id(name, isid=None):
    """SPC-4 7.6.4.6: format 00b (name only) or 01b (name,i,0xISID), NUL-terminated and padded to four bytes."""
    text = name.encode() if isid is None else f"{name},i,0x{isid:012x}".encode()
    text += b"\0"
    text += b"\0" * (-len(text) % 4)
    text = text.ljust(20, b"\0")
    return struct.pack(">BBH", 0x05 if isid is None else 0x45, 0, len(text)) + text
