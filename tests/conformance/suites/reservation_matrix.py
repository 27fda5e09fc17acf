"""F036: every type of persistent reservation x role x command, cell by cell (SPC-4 table 66, SBC-3 table 13)."""

from .case import scsi
from .reservations import CONFLICT, KEY_A, TYPES, ReservationCase

# Which nexuses that do not hold the reservation may execute a command, by kind of command:
#   A always; R reads: not under exclusive access for a nexus that is not registered (any nexus for type 3);
#   M mode data and the like: as R, but SPC-3 lets them conflict with every type; both answers are taken.
#   W writes: only where registrants may write (types 5 to 8) and the nexus is registered.
NAMES = {
    1: "write_exclusive",
    3: "exclusive_access",
    5: "write_exclusive_registrants_only",
    6: "exclusive_access_registrants_only",
    7: "write_exclusive_all_registrants",
     8: "exclusive_access_all_registrants"}


def commands(block, lba, unit):
    """name: (kind, CDB, bytes in, data out). unit is one block of what the medium holds at lba."""
    two = unit + unit
    plain = {
        "INQUIRY": ("A", scsi.inquiry(), 255, b""), "REPORT LUNS": ("A", scsi.report_luns(), 4096, b""),
        "REQUEST SENSE": ("A", scsi.request_sense(), 252, b""),
             "TEST UNIT READY": ("A", scsi.test_unit_ready(), 0, b""),
        "READ CAPACITY(10)": ("A", scsi.read_capacity10(), 8, b""),
             "READ CAPACITY(16)": ("A", scsi.read_capacity16(), 32, b""),
        "READ KEYS": ("A", scsi.pr_in(0), 8192, b""), "READ RESERVATION": ("A", scsi.pr_in(1), 8192, b""),
        "REPORT CAPABILITIES": ("A", scsi.pr_in(2), 8192, b""), "READ FULL STATUS": ("A", scsi.pr_in(3), 8192, b""),
        "START STOP UNIT start": ("A", scsi.start_stop_unit(True), 0, b""),
        "PREVENT ALLOW prevent=0": ("A", scsi.prevent_allow(0), 0, b""),
        "LOG SENSE": ("A", scsi.cdb(0x4D, 10, (2, 1, 0x40), (7, 2, 255)), 255, b""),
        "REPORT TARGET PORT GROUPS": ("A", scsi.cdb(0xA3, 12, (1, 1, 0x0A), (6, 4, 255)), 255, b""),
        "MODE SENSE(6)": ("M", scsi.mode_sense6(0x3F), 255, b""),
             "MODE SENSE(10)": ("M", scsi.mode_sense10(0x3F), 512, b""),
        "REPORT SUPPORTED OPERATION CODES": ("M", scsi.report_opcodes(), 4096, b""),
        "REPORT SUPPORTED TMF": ("M", scsi.report_task_management(), 16, b""),
        "GET LBA STATUS": ("R", scsi.get_lba_status(lba), 512, b""),
        "READ DEFECT DATA(10)": ("R", scsi.read_defect_data10(), 8, b""),
        "READ(6)": ("R", scsi.read6(lba, 1), block, b""), "READ(10)": ("R", scsi.read10(lba, 1), block, b""),
        "READ(12)": ("R", scsi.read12(lba, 1), block, b""), "READ(16)": ("R", scsi.read16(lba, 1), block, b""),
        "VERIFY(10)": ("R", scsi.verify10(lba, 1), 0, b""), "VERIFY(16)": ("R", scsi.verify16(lba, 1), 0, b""),
        "VERIFY(10) BYTCHK": ("R", scsi.verify10(lba, 1, 2), 0, unit),
        "PRE-FETCH(10)": ("R", scsi.pre_fetch10(lba, 1), 0, b""),
             "PRE-FETCH(16)": ("R", scsi.pre_fetch16(lba, 1), 0, b""),
        "WRITE(6)": ("W", scsi.write6(lba, 1), 0, unit), "WRITE(10)": ("W", scsi.write10(lba, 1), 0, unit),
        "WRITE(12)": ("W", scsi.write12(lba, 1), 0, unit), "WRITE(16)": ("W", scsi.write16(lba, 1), 0, unit),
        "WRITE AND VERIFY(10)": ("W", scsi.write_and_verify10(lba, 1), 0, unit),
        "WRITE AND VERIFY(16)": ("W", scsi.write_and_verify16(lba, 1), 0, unit),
        "WRITE SAME(10)": ("W", scsi.write_same10(lba, 1), 0, unit),
             "WRITE SAME(16)": ("W", scsi.write_same16(lba, 1), 0, unit),
        "WRITE ATOMIC(16)": ("W", scsi.write_atomic16(lba, 1), 0, unit),
             "ORWRITE(16)": ("W", scsi.orwrite16(lba, 1), 0, unit),
        "COMPARE AND WRITE": ("W", scsi.compare_and_write(lba, 1), 0, two),
        "UNMAP": ("W", scsi.unmap(8), 0, scsi.unmap_list([])),
        "SYNCHRONIZE CACHE(10)": ("W", scsi.synchronize_cache10(), 0, b""),
        "SYNCHRONIZE CACHE(16)": ("W", scsi.synchronize_cache16(), 0, b""),
        "MODE SELECT(6)": ("W", scsi.mode_select6(0), 0, b""), "MODE SELECT(10)": ("W", scsi.mode_select10(0), 0, b""),
        "PREVENT ALLOW prevent=1": ("W", scsi.prevent_allow(1), 0, b""),
        "START STOP UNIT stop": ("W", scsi.start_stop_unit(False), 0, b""),
    }
    return plain


def allowed(kind, role, command):
    """Whether SPC-4 and SBC-3 let this nexus execute such a command; None where editions differ."""
    if command == "A" or role == "holder" or kind >= 7 and role == "registrant":
        return True
    if role == "registrant" and kind in (5, 6):
        return True
    if command == "M":
        return None if kind in (1, 5, 7) else False
    return command == "R" and kind in (1, 5, 7)


class Matrix(ReservationCase):
    def cells(self, kind, role):
        sessions = dict(zip(("holder", "registrant", "none"), self.three(kind)))
        lba, unit = 600, self.pattern(self.block, 66)
        self.write(sessions["holder"], lba, unit)
        wrong, count = [], 0
        for name, (command, cdb, read, write) in commands(self.block, lba, unit).items():
            task = self.steady(sessions[role], cdb, read=read, write=write)
            if str(task) in ("check 05/20/00", "check 05/24/00"):
                continue  # the target does not have the command; nothing can be said about the cell
            count += 1
            wanted = allowed(kind, role, command)
            if wanted is None:
                self.ends(task, "good", CONFLICT, hint=name)
            elif (str(task) == CONFLICT) == wanted or wanted and str(task) not in ("good", "condition met"):
                wrong.append(f"{name}: {task}, expected {'good' if wanted else CONFLICT}")
            if name == "PREVENT ALLOW prevent=1":
                self.steady(sessions["holder"], scsi.prevent_allow(0))
                self.steady(sessions[role], scsi.prevent_allow(0))
            if name == "START STOP UNIT stop":
                self.steady(sessions["holder"], scsi.start_stop_unit(True))
        if wrong:
            self.fail(f"{len(wrong)} of {count} cells are wrong: {'; '.join(wrong)}")
        self.assertGreater(count, 20, "too few commands were known to the target")
        self.assertEqual(self.reservation(sessions["none"]), (0 if kind >= 7 else KEY_A, kind),
                         "the reservation changed")


def _cell_test(kind, role):
    def test(self):
        self.cells(kind, role)
    test.__doc__ = f"Type {kind}, commands of the {role}."
    return test


for _kind in TYPES:
    for _role in ("holder", "registrant", "none"):
        setattr(Matrix, f"test_f036_{NAMES[_kind]}_by_{_role}", _cell_test(_kind, _role))
