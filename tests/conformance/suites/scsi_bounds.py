"""SCSI bounds: boundary tables of LBA and length, lists that lie, residual canaries (rows A, D, F and H; SBC-3)."""

from rawiscsi.sense import Sense

from .case import Case, scsi

OUT_OF_RANGE = "check 05/21/00"


class Bounds(Case):
    def setUp(self):
        super().setUp()
        self.s = self.session()

    def known(self, cdb, **options):
        """Skips when the target does not have the command at all."""
        if str(self.s.do(cdb, self.lun, **options)) == "check 05/20/00":
            self.skipTest(f"operation code {cdb[0]:02x} is not supported")

    def table(self, width):
        """(LBA, count, in range) around every edge that fits the width of the CDB fields."""
        lba_bits, count_bits = width
        size, top, most = self.blocks, (1 << lba_bits) - 1, (1 << count_bits) - 1
        places = {0, 1, size - 2, size - 1, size, size + 1, size * 2, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32,
                  (1 << 63) - 1, 1 << 63, top - 1, top}
        for lba in sorted(p for p in places if p <= top):
            for count in sorted(c for c in {0, 1, 2, 3, most - 1, most, size, size + 1, most // self.block}
                                if c <= most):
                if lba + count <= size and count > 3 or lba == size and count == 0:
                    continue  # large and legal: the transfer suites; the end itself: either answer
                yield lba, count, lba + count <= size and lba < size

    def canaries(self):
        edge = 4
        self.marks = {lba: self.pattern(edge * self.block, lba) for lba in (0, self.blocks - edge)}
        for lba, data in self.marks.items():
            self.write(self.s, lba, data)

    def untouched(self, hint):
        for lba, data in self.marks.items():
            self.assertEqual(self.read(self.s, lba, len(data) // self.block), data, hint)

    def sweep(self, build, width, write=None, read=None, ok=("good", "condition met")):
        """Every row: in range is GOOD, out of range 05/21/00 (or 05/24/00 for a length above the limits)."""
        self.known(build(0, 1), **({"write": write(1)} if write else {"read": self.block if read else 0}))
        self.canaries()
        for lba, count, legal in self.table(width):
            hint = f"LBA {lba:#x} count {count:#x}"
            options = {}
            if write:
                data = write(min(count, 4))
                options = {"write": data} if data else {"expected": 0, "bit5": 1}
            elif read:
                options = {"read": max(1, min(count, 4) * self.block)}
            task = self.s.do(build(lba, count), self.lun, **options)
            if legal:
                self.ends(task, *ok, hint=hint)
                if write:
                    self.canaries()
            else:
                self.ends(task, OUT_OF_RANGE, "check 05/24/00", hint=hint)
                self.assertEqual(bytes(task.data_in), b"", hint)
        self.untouched("a command out of range changed the medium")

    def filler(self, per_block=1):
        return lambda count: bytes(count * per_block * self.block)


class Reads(Bounds):
    def test_cve_2024_30212_read_10(self):
        """CVE-2024-30212: LBA 0xFFFFFFFF x block size must not wrap."""
        self.sweep(scsi.read10, (32, 16), read=True)

    def test_bounds_read_6(self):
        """SBC-3: TRANSFER LENGTH 0 of READ(6) means 256 blocks."""
        task = self.s.do(scsi.read6(0, 0), self.lun, read=256 * self.block)
        self.assertEqual((str(task), len(task.data_in)), ("good", 256 * self.block))
        task = self.s.do(scsi.read6(self.blocks - 1 & 0x1FFFFF, 0), self.lun, read=256 * self.block)
        self.ends(task, OUT_OF_RANGE)

    def test_bounds_read_12(self):
        self.sweep(scsi.read12, (32, 32), read=True)

    def test_bounds_read_16(self):
        self.sweep(scsi.read16, (64, 32), read=True)

    def test_bounds_verify_10(self):
        self.sweep(scsi.verify10, (32, 16))

    def test_bounds_verify_16(self):
        self.sweep(scsi.verify16, (64, 32))

    def test_bounds_verify_16_with_data(self):
        self.known(scsi.verify16(0, 0, 2))
        for lba, count, legal in self.table((64, 32)):
            if not legal and count:
                task = self.s.do(scsi.verify16(lba, count, 2), self.lun, write=bytes(min(count, 4) * self.block))
                self.ends(task, OUT_OF_RANGE, "check 05/24/00", hint=f"LBA {lba:#x} count {count:#x}")

    def test_bounds_pre_fetch_10(self):
        self.sweep(scsi.pre_fetch10, (32, 16))

    def test_bounds_pre_fetch_16(self):
        self.sweep(scsi.pre_fetch16, (64, 32))

    def test_bounds_synchronize_cache_10(self):
        self.sweep(scsi.synchronize_cache10, (32, 16))

    def test_bounds_synchronize_cache_16(self):
        self.sweep(scsi.synchronize_cache16, (64, 32))

    def test_bounds_get_lba_status(self):
        """SBC-3 5.4: a starting LBA at or beyond the capacity: 05/21/00."""
        self.known(scsi.get_lba_status(0), read=512)
        for lba in (0, self.blocks - 1, self.blocks, self.blocks + 1, 1 << 32, 1 << 63, (1 << 64) - 1):
            task = self.s.do(scsi.get_lba_status(lba), self.lun, read=512)
            self.assertEqual(str(task), "good" if lba < self.blocks else OUT_OF_RANGE, f"LBA {lba:#x}")

    def test_cve_2014_4027_unwritten_blocks_are_zero(self):
        """CVE-2014-4027: what was never written reads as zeros."""
        disk = self.fixture.disks[-1]
        for lba in (disk.blocks - 256, disk.blocks // 2):
            self.assertEqual(self.read(self.s, lba, 256, disk.lun).strip(b"\0"), b"")


class Writes(Bounds):
    def test_bounds_write_10(self):
        self.sweep(scsi.write10, (32, 16), write=self.filler())

    def test_bounds_write_12(self):
        self.sweep(scsi.write12, (32, 32), write=self.filler())

    def test_bounds_write_16(self):
        self.sweep(scsi.write16, (64, 32), write=self.filler())

    def test_bounds_write_and_verify_16(self):
        self.sweep(scsi.write_and_verify16, (64, 32), write=self.filler())

    def test_bounds_orwrite_16(self):
        self.sweep(scsi.orwrite16, (64, 32), write=self.filler())

    def test_bounds_write_atomic_16(self):
        self.sweep(scsi.write_atomic16, (64, 16), write=self.filler())

    def test_bounds_compare_and_write(self):
        """SBC-3: 05/21/00 out of range; a count above MAXIMUM COMPARE AND WRITE LENGTH: 05/24/00."""
        self.known(scsi.compare_and_write(0, 0))
        self.canaries()
        for lba, count, legal in self.table((64, 8)):
            if not legal:
                task = self.s.do(scsi.compare_and_write(lba, count), self.lun,
                                 write=bytes(max(1, 2 * count) * self.block))
                self.ends(task, OUT_OF_RANGE, "check 05/24/00", hint=f"LBA {lba:#x} count {count}")
        self.untouched("COMPARE AND WRITE out of range")

    def test_bounds_write_same_16(self):
        """SBC-3: one block of data whatever the count; 0 is the rest of the medium, or 05/24/00 with WSNZ."""
        self.known(scsi.write_same16(0, 1), write=bytes(self.block))
        self.canaries()
        for lba, count, legal in self.table((64, 32)):
            hint = f"LBA {lba:#x} count {count:#x}"
            if legal and count == 0 and lba < self.blocks - 4:
                continue
            task = self.s.do(scsi.write_same16(lba, count), self.lun, write=bytes(self.block))
            if legal:
                self.ends(task, "good", *(("check 05/24/00",) if count == 0 else ()), hint=hint)
                self.canaries()
            else:
                self.ends(task, OUT_OF_RANGE, "check 05/24/00", hint=hint)
        self.untouched("WRITE SAME out of range")

    def test_cve_2022_21546_write_same_without_data(self):
        """CVE-2022-21546: NDOB=1: no data-out; zeros are written, or 05/24/00."""
        self.known(scsi.write_same16(0, 1), write=bytes(self.block))
        self.write(self.s, 50, self.pattern(4 * self.block, 3))
        task = self.s.do(scsi.write_same16(51, 2, 0x01), self.lun)
        self.ends(task, "good", "check 05/24/00")
        now = self.read(self.s, 50, 4)
        old = self.pattern(4 * self.block, 3)
        middle = bytes(2 * self.block) if str(task) == "good" else old[self.block:-self.block]
        self.assertEqual(now, old[:self.block] + middle + old[-self.block:])
        task = self.s.do(scsi.write_same16(51, 2, 0x01), self.lun, write=self.pattern(self.block))
        self.ends(task, "good", "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d", hint="NDOB with data")

    def unmap(self, descriptors, length=None, raw=None):
        data = scsi.unmap_list(descriptors) if raw is None else raw
        return self.s.do(scsi.unmap(len(data) if length is None else length), self.lun, write=data)

    def test_cve_2026_53021_unmap_that_wraps(self):
        """CVE-2026-53021: LBA plus count above 2**64 or the capacity: 05/21/00 and no block is touched."""
        self.known(scsi.unmap(0))
        self.canaries()
        top = (1 << 64) - 1
        for lba, count in ((self.blocks, 1), (self.blocks - 1, 2), (0, self.blocks + 1), (0, 0xFFFFFFFF),
                           (1, 0xFFFFFFFF), (top, 1), (top, 2), (top, 0xFFFFFFFF), (top - 0xFFFFFFFE, 0xFFFFFFFF),
                           (1 << 63, 1), (1 << 63, 0xFFFFFFFF), (1 << 32, 1), (top - 7, 8), (top - 7, 9),
                           (self.blocks + 1, 1)):
            for rows in ([(lba, count)], [(0, 1), (lba, count)], [(lba, count), (self.blocks - 1, 1)]):
                self.ends(self.unmap(rows), OUT_OF_RANGE, "check 05/26/00",
                          hint=f"{lba:#x} + {count:#x}, {len(rows)} descriptors")
                self.untouched(f"UNMAP {lba:#x} + {count:#x}")

    def test_bounds_unmap_lists(self):
        """SBC-3 5.28: lists cut, lying or empty; nothing is unmapped by a refused one."""
        self.known(scsi.unmap(0))
        self.canaries()
        self.assertEqual(str(self.unmap([], length=0, raw=b"")), "good")
        self.assertEqual(str(self.unmap([(0, 0)])), "good", "a count of zero unmaps nothing")
        self.assertEqual(str(self.unmap([])), "good", "no descriptors (SPDK ea97fbd2aa)")
        good = scsi.unmap_list([(0, 1)])
        for raw in (good[:1], good[:7], good[:12], good[:23]):
            self.ends(self.unmap([], raw=raw), "check 05/1a/00", "good", hint=f"{len(raw)} bytes")
            self.untouched(f"a list of {len(raw)} bytes")
        for data, block in ((0, 0), (22, 9), (0xFFFF, 0xFFFF), (22, 0xFFFF), (2, 16), (22, 15)):
            raw = data.to_bytes(2, "big") + block.to_bytes(2, "big") + good[4:]
            task = self.unmap([], raw=raw)
            self.ends(task, "check 05/26/00", "check 05/1a/00", "good", hint=f"lengths {data}, {block}")
            if str(task) == "good":
                self.canaries()
            self.untouched(f"lengths {data}, {block}")

    def test_bounds_unmap_many_descriptors(self):
        """illumos SUP-782: above MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT: 05/26/00; below it the list is done whole."""
        self.known(scsi.unmap(0))
        page = bytes(self.s.do(scsi.inquiry(64, 0xB0), self.lun, read=64).data_in)
        most = int.from_bytes(page[24:28], "big")
        for count in (1, most, most + 1, 4000):
            if not 0 < count < 4095:
                continue
            self.write(self.s, 200, self.pattern(self.block, 9))
            task = self.unmap([(200, 1)] * count)
            self.ends(task, *(("good",) if count <= most else ("check 05/26/00",
                      "check 05/1a/00")), hint=f"{count} descriptors")


class Residuals(Bounds):
    """tgt fails test-cu here: a CDB longer than the data overwrites the second block."""

    def canary_write(self, build, blocks, data, hint):
        before = self.pattern(6 * self.block, 60)
        self.write(self.s, 300, before)
        task = self.s.do(build(302, blocks), self.lun, write=data)
        self.ends(task, "good", "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d", "check 05/1a/00", hint=hint)
        after = self.read(self.s, 300, 6)
        whole = min(len(data) // self.block, blocks) * self.block
        start = 2 * self.block
        self.assertEqual(after[:start], before[:start], hint)
        self.assertEqual(after[start + whole:], before[start + whole:], f"{hint}: a block without data was written")
        if str(task) == "good":
            self.assertEqual(after[start:start + whole], data[:whole], hint)
            wanted = blocks * self.block - len(data)
            self.assertEqual((task.overflow, task.underflow), (max(0, wanted), max(0, -wanted)), hint)
        else:
            self.assertIn(after[start:start + whole], (before[start:start + whole], data[:whole]), hint)

    def writes(self, build):
        self.known(build(0, 1), write=bytes(self.block))
        for blocks in (1, 2, 3):
            for length in (self.block, 2 * self.block, 3 * self.block, self.block // 2, self.block + 4,
                           2 * self.block - 1):
                self.canary_write(build, blocks, self.pattern(length, length), f"{blocks} blocks, {length} bytes")

    def test_tgt_residual_canaries_write_10(self):
        self.writes(scsi.write10)

    def test_tgt_residual_canaries_write_12(self):
        self.writes(scsi.write12)

    def test_tgt_residual_canaries_write_16(self):
        self.writes(scsi.write16)

    def test_tgt_residual_canaries_write_and_verify_10(self):
        self.writes(scsi.write_and_verify10)

    def test_tgt_residual_canaries_write_and_verify_16(self):
        self.writes(scsi.write_and_verify16)

    def test_tgt_residual_canaries_orwrite(self):
        """OR into the second block is a write too."""
        self.known(scsi.orwrite16(0, 1), write=bytes(self.block))
        self.write(self.s, 310, bytes(2 * self.block))
        task = self.s.do(scsi.orwrite16(310, 2), self.lun, write=b"\xFF" * self.block)
        self.ends(task, "good", "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d")
        self.assertEqual(self.read(self.s, 311, 1), bytes(self.block))

    def test_tgt_residual_canaries_write_same(self):
        """WRITE SAME with less than a block of data writes nothing beyond what came."""
        self.known(scsi.write_same10(0, 1), write=bytes(self.block))
        before = self.pattern(2 * self.block, 61)
        self.write(self.s, 320, before)
        task = self.s.do(scsi.write_same10(320, 2), self.lun, write=b"\xEE" * (self.block // 2))
        self.ends(task, "check 05/24/00", "check 05/0e/03", "check 05/1a/00", "check 0b/0c/0d", "good")
        self.assertEqual(self.read(self.s, 320, 2), before)

    def test_tgt_residual_canaries_compare_and_write(self):
        """Half of the data (the verify part only) must not write."""
        self.known(scsi.compare_and_write(0, 0))
        before = self.pattern(self.block, 62)
        self.write(self.s, 330, before)
        task = self.s.do(scsi.compare_and_write(330, 1), self.lun, write=before)
        self.ends(task, "check 05/24/00", "check 05/0e/03", "check 0b/0c/0d", "check 05/1a/00", "good")
        self.assertEqual(self.read(self.s, 330, 1), before)

    def test_spdk_3203_reads_of_1_to_16_bytes(self):
        """SPDK 3203: EDTL 1 to 16: padding zero (the wire checks), exact data and overflow."""
        data = self.pattern(self.block, 63)
        self.write(self.s, 340, data)
        for expected in range(1, 17):
            task = self.s.do(scsi.read10(340, 1), self.lun, read=expected)
            self.assertEqual((str(task), bytes(task.data_in), task.overflow),
                             ("good", data[:expected], self.block - expected))

    def test_residual_of_a_failed_read_and_write(self):
        """Reliability 3.1: residuals are exact with sense data too, or not claimed."""
        task = self.s.do(scsi.read10(self.blocks, 1), self.lun, read=self.block)
        self.assertEqual(str(task), OUT_OF_RANGE)
        self.assertIn((task.underflow, task.overflow), ((self.block, 0), (0, 0)))
        task = self.s.do(scsi.write10(self.blocks, 1), self.lun, write=bytes(self.block))
        self.assertEqual(str(task), OUT_OF_RANGE)
        self.assertIn((task.underflow, task.overflow), ((self.block, 0), (0, 0)))


class Compare(Bounds):
    def test_compare_and_write_miscompare_sense(self):
        """test-cu 1.20 MiscompareSense, SBC-3 5.3: 0E/1D/00, INFORMATION is the offset of the difference."""
        self.known(scsi.compare_and_write(0, 0))
        data = self.pattern(self.block, 64)
        self.write(self.s, 350, data)
        for place in (0, 1, 7, 255, 256, self.block - 1):
            wrong = bytearray(data)
            wrong[place] ^= 1
            task = self.s.do(scsi.compare_and_write(350, 1), self.lun, write=bytes(wrong) + bytes(self.block))
            self.assertEqual((str(task), task.sense.information), ("check 0e/1d/00", place))
            self.assertEqual(self.read(self.s, 350, 1), data)
        task = self.s.do(scsi.compare_and_write(350, 1), self.lun, write=data + bytes(self.block))
        self.assertEqual(str(task), "good")
        self.assertEqual(self.read(self.s, 350, 1), bytes(self.block))

    def test_verify_really_compares(self):
        """SBC-3 5.31: BYTCHK=1 with other data: 0E/1D/00."""
        self.known(scsi.verify10(0, 1))
        data = self.pattern(2 * self.block, 65)
        self.write(self.s, 360, data)
        self.assertEqual(str(self.s.do(scsi.verify10(360, 2, 2), self.lun, write=data)), "good")
        for place in (0, self.block - 1, self.block, 2 * self.block - 1):
            wrong = bytearray(data)
            wrong[place] ^= 0x80
            self.ends(self.s.do(scsi.verify10(360, 2, 2), self.lun, write=bytes(wrong)), "check 0e/1d/00",
                      hint=f"byte {place}")

    def test_sense_field_pointers(self):
        """SPC-4 4.5.2.4.2: where a field pointer is given it names the wrong field of the CDB."""
        for cdb, byte in ((scsi.read10(0, 1, 0xE0), 1), (scsi.inquiry(255, 0xEE), 2), (scsi.mode_sense6(0x3B), 2)):
            task = self.s.do(cdb, self.lun, read=self.block)
            if str(task) == "good":
                continue
            self.assertEqual(str(task), "check 05/24/00", cdb.hex())
            if task.sense.field is not None:
                self.assertEqual(task.sense.field[:2], (True, byte), cdb.hex())

    def test_descriptor_sense_is_descriptor_sense(self):
        """SPC-4 4.5: D_SENSE chooses the format of autosense; both are decoded to the same triple."""
        data = bytearray(self.s.do(scsi.mode_sense6(0x0A, dbd=True), self.lun, read=255).data_in)
        start = 4 + data[3]
        data[0], data[start] = 0, data[start] & 0x7F
        old = bytes(data)
        data[start + 2] |= 0x04
        if str(self.s.do(scsi.mode_select6(len(data)), self.lun, write=bytes(data))) != "good":
            self.skipTest("D_SENSE cannot be changed")
        try:
            task = self.s.do(scsi.read10(self.blocks, 1), self.lun, read=self.block)
            self.assertTrue(task.sense.descriptor_format)
            self.assertEqual(str(task), OUT_OF_RANGE)
        finally:
            self.s.do(scsi.mode_select6(len(old)), self.lun, write=old)
        task = self.s.do(scsi.read10(self.blocks, 1), self.lun, read=self.block)
        self.assertFalse(Sense(task.sense.raw).descriptor_format)
