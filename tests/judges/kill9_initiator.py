# The raw-PDU client of tests/conformance as this judge uses it: sessions, commands that must be GOOD, mode page 08.
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))

from rawiscsi import scsi  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

from target import JudgeError  # noqa: E402

NAMES = {role: f"iqn.2026-01.org.example:kill9-{role}" for role in ("writer", "registrant", "stranger")}
ISIDS = {role: 0x80 << 40 | 0x9900 + at for at, role in enumerate(NAMES)}


class Lost(JudgeError):
    """The target broke what it had promised."""


def log_in(target, role, luns, chap=None, name=None):
    """The same I_T nexus every time; the unit attentions of a new one are taken."""
    session = Session(("127.0.0.1", target.port), name or target.iqn, NAMES[role], isid=ISIDS[role], chap=chap)
    session.settle(*luns)
    return session


def good(session, cdb, lun, what, **options):
    """Does one command, again after a unit attention; returns its Data-In."""
    for _ in range(4):
        task = session.do(cdb, lun, **options)
        if not str(task).startswith("check 06/"):
            break
    if str(task) != "good":
        raise Lost(f"{what}: {task}")
    return bytes(task.data_in)


def caching_page(session, lun, control):
    """MODE SENSE of page 08: 0 current, 3 saved."""
    data = good(session, scsi.mode_sense10(0x08, control=control, dbd=True), lun, "MODE SENSE of page 08", read=512)
    return bytes(data[8:28])


def write_cache(session, lun):
    """(current, saved) WCE."""
    return tuple(bool(caching_page(session, lun, control)[2] & 0x04) for control in (0, 3))


def set_write_cache(session, lun, enabled, saved=True):
    """MODE SELECT: current and, with SP=1, saved."""
    page = bytearray(caching_page(session, lun, 0))
    page[0] &= 0x3F
    page[2] = page[2] & ~0x04 | enabled << 2
    data = bytes(8) + bytes(page)
    good(session, scsi.mode_select10(len(data), sp=saved), lun, "MODE SELECT of page 08", write=data)


def read_disk(session, lun, blocks, step=512):
    """The whole disk by READ(16)."""
    parts = [session.command(scsi.read16(lba, min(step, blocks - lba)), lun, read=512 * min(step, blocks - lba))
             for lba in range(0, blocks, step)]
    session.finish(*parts)
    for part in parts:
        if str(part) != "good":
            raise Lost(f"READ(16) {part.cdb.hex()}: {part}")
    return b"".join(bytes(part.data_in) for part in parts)


def pr_out(action, kind=0, **parameters):
    """(CDB, parameter list) of a PERSISTENT RESERVE OUT."""
    data = scsi.pr_list(**parameters)
    return scsi.pr_out(action, kind, len(data)), data


def reserve_out(session, lun, action, kind=0, **parameters):
    cdb, data = pr_out(action, kind, **parameters)
    good(session, cdb, lun, f"PERSISTENT RESERVE OUT {action} {parameters}", write=data)


def registered(session, lun):
    """{initiator port name: key} and PRgeneration, by READ FULL STATUS."""
    data = good(session, scsi.pr_in(scsi.READ_FULL_STATUS), lun, "READ FULL STATUS", read=8192)
    generation, length = struct.unpack(">II", data[:8])
    place, found = 8, {}
    while place < 8 + length:
        extra = struct.unpack(">I", data[place + 20:place + 24])[0]
        name = data[place + 28:place + 24 + extra].rstrip(b"\0").decode()
        found[name.split(",")[0]] = struct.unpack(">Q", data[place:place + 8])[0]
        place += 24 + extra
    return found, generation


def reservation(session, lun):
    """(key, type) or None."""
    data = good(session, scsi.pr_in(scsi.READ_RESERVATION), lun, "READ RESERVATION", read=8192)
    if struct.unpack(">I", data[4:8])[0] == 0:
        return None
    return struct.unpack(">Q", data[8:16])[0], data[21] & 0x0F
