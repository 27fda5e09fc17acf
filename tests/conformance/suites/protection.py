"""Units with T10 protection information (SBC-4 4.21): what is on the wire, checked, told and generated, per type."""

import struct

from rawiscsi import scsi

from .case import Case

GUARD, APPLICATION, REFERENCE = "check 0b/10/01", "check 0b/10/02", "check 0b/10/03"
NOTHING = struct.pack(">HHI", 0xFFFF, 0xFFFF, 0xFFFFFFFF)
CODES = range(6)
READ, VERIFY, WRITE, WRITE_AND_VERIFY, WRITE_SAME = range(0x09, 0x0E)


def guard(block):
    """CRC of T10: x16 + x15 + x11 + x9 + x8 + x7 + x5 + x4 + x2 + x + 1."""
    crc = 0
    for byte in block:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8BB7) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


def protected(data, reference, application=0, flip=0, size=512):
    """Data with its information behind each block, as the wire has it; `flip` is what is wrong with the guards."""
    out, step = b"", 0
    for at in range(0, len(data), size):
        block = data[at:at + size]
        out += block + struct.pack(">HHI", guard(block) ^ flip, application, (reference + step) & 0xFFFFFFFF)
        step += 1
    return out


def long_cdb(action, lba, blocks, reference, code=1, flags=0, application=0, mask=0):
    return scsi.cdb(0x7F, 32, (7, 1, 0x18), (8, 2, action), (10, 1, code << 5 | flags), (12, 8, lba),
                    (20, 4, reference), (24, 2, application), (26, 2, mask), (28, 4, blocks))


class Protection(Case):
    def unit(self, kind):
        self.need("create_unit", "delete_unit")
        disk = self.fixture.create_unit(8, "--protection-type", kind)
        self.addCleanup(self.fixture.delete_unit, disk)
        self.at = disk.lun
        self.use(self.session())

    def use(self, session):
        self.s = session
        while str(session.do(scsi.test_unit_ready(), self.at)).startswith("check 06"):
            pass

    def put(self, cdb, data):
        return self.s.do(cdb, self.at, write=data)

    def get(self, cdb, length):
        return self.s.do(cdb, self.at, read=length)

    def good(self, task, hint=""):
        self.assertEqual(str(task), "good", hint)
        return bytes(task.data_in)

    def fails(self, task, how, lba, hint=""):
        self.assertEqual(str(task), how, hint)
        self.assertEqual(task.sense.information, lba, "INFORMATION is the LBA")

    def test_protection_is_told(self):
        """SPC-5 6.7.2 PROTECT, 7.7.7 SPT; SBC-4 5.21 PROT_EN and P_TYPE."""
        for kind, spt, told in ((1, 0, 0x01), (2, 2, 0x03), (3, 4, 0x05)):
            with self.subTest(type=kind):
                self.unit(kind)
                self.assertEqual(self.good(self.get(scsi.inquiry(96), 96))[5] & 1, 1)
                extended = self.good(self.get(scsi.inquiry(64, page=0x86), 64))
                self.assertEqual((extended[4] >> 3 & 7, extended[4] >> 2 & 1), (spt, 1))
                self.assertEqual(self.good(self.get(scsi.read_capacity16(), 32))[12], told)
                self.doCleanups()
        self.s = self.session()
        self.at = self.lun
        self.assertEqual(self.good(self.get(scsi.inquiry(96), 96))[5] & 1, 0)

    def test_protection_of_unwritten_blocks_is_all_ones(self):
        """SBC-4 4.21.2: not checked."""
        self.unit(1)
        self.assertEqual(self.good(self.get(scsi.read10(7, 2, 0x20), 1040)), (bytes(512) + NOTHING) * 2)

    def test_protection_written_is_read_back(self):
        """520 bytes a block on the wire, in all ways that iSCSI moves data."""
        self.unit(1)
        data = protected(self.pattern(300 * 512), 40, 0xBEEF)
        for session in (self.s, self.fast(), self.r2t_mode()):
            self.use(session)
            self.good(self.put(scsi.write16(40, 300, 0x20), data))
            self.assertEqual(self.good(self.get(scsi.read16(40, 300, 0x20), len(data))), data)
            self.assertEqual(self.good(self.get(scsi.read10(40, 300), 300 * 512)), self.pattern(300 * 512))

    def test_protection_residuals_count_it(self):
        """RFC 7143 11.4.5: the expected length is of what is on the wire."""
        self.unit(1)
        self.good(self.put(scsi.write10(0, 4, 0x20), protected(self.pattern(2048), 0)))
        task = self.get(scsi.read10(0, 4, 0x20), 2048)
        self.assertEqual((len(task.data_in), task.overflow), (2048, 32))
        task = self.get(scsi.read10(0, 4, 0x20), 4096)
        self.assertEqual((len(task.data_in), task.underflow), (2080, 4096 - 2080))

    def test_protection_generated(self):
        """SBC-4 5.38 table WRPROTECT 000b: the device server makes it."""
        for kind, references in ((1, (5, 6)), (3, (0xFFFFFFFF, 0xFFFFFFFF))):
            with self.subTest(type=kind):
                self.unit(kind)
                data = self.pattern(1024)
                self.good(self.put(scsi.write10(5, 2), data))
                told = self.good(self.get(scsi.read10(5, 2, 0x20), 1040))
                for block, reference in enumerate(references):
                    at = block * 520
                    self.assertEqual(told[at:at + 512], data[block * 512:][:512])
                    self.assertEqual(struct.unpack(">HHI", told[at + 512:at + 520]),
                                     (guard(told[at:at + 512]), 0, reference))
                self.doCleanups()

    def test_protection_table_of_wrprotect(self):
        """SBC-4 5.38: each code against a wrong guard and a wrong reference tag."""
        self.unit(1)
        block = self.pattern(512)
        for code in CODES[1:]:
            for data, how, codes in ((protected(block, 9, flip=1), GUARD, (1, 4, 5)),
                                     (protected(block, 10), REFERENCE, (1, 2, 5))):
                task = self.put(scsi.write10(9, 1, code << 5), data)
                if code in codes:
                    self.fails(task, how, 9, f"code {code}")
                else:
                    self.good(task, f"code {code}")

    def test_protection_table_of_rdprotect_and_vrprotect(self):
        """SBC-4 5.11, 5.34: each code against a wrong guard and a wrong reference tag on the medium."""
        self.unit(1)
        block = self.pattern(512)
        for data, how, codes in ((protected(block, 9, flip=0x8000), GUARD, (0, 1, 4, 5)),
                                 (protected(block, 8), REFERENCE, (0, 1, 2, 5))):
            self.good(self.put(scsi.write10(9, 1, 0x60), data))
            for code in CODES:
                for task in (self.get(scsi.read10(8, 2, code << 5), 1040 if code else 1024),
                             self.s.do(scsi.verify10(8, 2, code << 5), self.at)):
                    if code in codes:
                        self.fails(task, how, 9, f"code {code}")
                        self.assertEqual(bytes(task.data_in), b"")
                    else:
                        self.good(task, f"code {code}")

    def test_protection_escapes(self):
        """SBC-4 4.21.2.2: application tag FFFFh; of type 3 with the reference tag FFFFFFFFh."""
        for kind, reference, how in ((1, 77, "good"), (3, 77, GUARD), (3, 0xFFFFFFFF, "good")):
            with self.subTest(type=kind, reference=reference):
                self.unit(kind)
                self.good(self.put(scsi.write10(3, 1, 0x60), protected(self.pattern(512), reference, 0xFFFF, flip=5)))
                self.assertEqual(str(self.get(scsi.read10(3, 1, 0x20), 520)), how)
                self.doCleanups()

    def test_protection_of_unmapped_blocks_is_all_ones(self):
        """SBC-4 4.7.4.5: UNMAP, and WRITE SAME with UNMAP."""
        self.unit(1)
        for unmap in (lambda: self.put(scsi.unmap(24), scsi.unmap_list([(8, 4)])),
                      lambda: self.put(scsi.write_same16(8, 4, 0x28), protected(bytes(512), 8))):
            self.good(self.put(scsi.write10(0, 16), self.pattern(16 * 512)))
            self.good(unmap())
            self.assertEqual(self.good(self.get(scsi.read10(8, 4, 0x20), 4 * 520)), (bytes(512) + NOTHING) * 4)
            self.assertNotEqual(self.good(self.get(scsi.read10(7, 1, 0x20), 520))[512:], NOTHING)

    def test_protection_write_same_counts_reference_tags(self):
        """SBC-4 5.52: each block's reference tag is one more."""
        self.unit(1)
        block = self.pattern(512)
        self.good(self.put(scsi.write_same10(20, 50, 0x20), protected(block, 20)))
        self.assertEqual(self.good(self.get(scsi.read10(20, 50, 0x20), 50 * 520)), protected(block * 50, 20))

    def test_protection_codes_that_are_reserved(self):
        self.unit(1)
        for code in (6, 7):
            self.assertEqual(str(self.get(scsi.read16(0, 1, code << 5), 520)), "check 05/24/00")
            self.assertEqual(str(self.put(scsi.write10(0, 1, code << 5), bytes(520))), "check 05/24/00")

    def test_protection_codes_need_a_protected_unit(self):
        """SBC-4 5.11 note a: INVALID FIELD IN CDB."""
        session = self.session()
        for code in range(1, 8):
            self.assertEqual(str(session.do(scsi.read10(0, 1, code << 5), self.lun, read=520)), "check 05/24/00")
            self.assertEqual(str(session.do(scsi.write10(0, 1, code << 5), self.lun, write=bytes(520))),
                             "check 05/24/00")

    def test_protection_type_2_by_32_byte_cdbs(self):
        """SBC-4 4.21.2.4; the CDB is in an extended CDB AHS (RFC 7143 11.2.2.3)."""
        self.unit(2)
        data = protected(self.pattern(4 * 512), 0x1000)
        self.good(self.put(long_cdb(WRITE, 20, 4, 0x1000), data))
        self.assertEqual(self.good(self.get(long_cdb(READ, 20, 4, 0x1000), len(data))), data)
        self.fails(self.get(long_cdb(READ, 20, 4, 0x1001), len(data)), REFERENCE, 20)
        self.fails(self.put(long_cdb(WRITE, 20, 4, 0x1001), data), REFERENCE, 20)
        self.good(self.s.do(long_cdb(VERIFY, 20, 4, 0x1000), self.at))
        self.good(self.put(long_cdb(VERIFY, 20, 4, 0x1000, flags=2), data))
        self.good(self.put(long_cdb(WRITE_AND_VERIFY, 30, 4, 0x1000, flags=2), data))
        self.good(self.put(long_cdb(WRITE_SAME, 40, 9, 0x1000), data[:520]))
        self.good(self.get(long_cdb(READ, 40, 9, 0x1000), 9 * 520))
        for code in CODES[1:]:
            self.assertEqual(str(self.get(scsi.read10(20, 1, code << 5), 520)), "check 05/20/00")

    def test_protection_application_tag_of_type_2(self):
        """SBC-4 5.14: EXPECTED LOGICAL BLOCK APPLICATION TAG under its mask, if ATO is one."""
        self.unit(2)
        data = protected(self.pattern(512), 0, 0x5A0F)
        self.good(self.put(long_cdb(WRITE, 3, 1, 0), data))
        wrong = {"application": 0x5B00, "mask": 0xFF00}
        self.good(self.get(long_cdb(READ, 3, 1, 0, **wrong), 520), "ATO is zero")
        page = bytearray(self.good(self.get(scsi.mode_sense6(0x0A, dbd=True), 255)))
        page[0] = page[2] = 0
        page[4] &= 0x7F
        page[9] |= 0x80
        self.good(self.put(scsi.mode_select6(len(page)), bytes(page)))
        self.fails(self.get(long_cdb(READ, 3, 1, 0, **wrong), 520), APPLICATION, 3)
        self.good(self.get(long_cdb(READ, 3, 1, 0, application=0x5AFF, mask=0xFF00), 520))
