"""Allocation lengths, parameter lists and inventories: every data-in command cut at every length (rows A, F, H)."""

import struct

from rawiscsi.sense import Sense
from rawiscsi.task import Task

from .case import Case, Op, scsi


class Lists(Case):
    def setUp(self):
        super().setUp()
        self.s = self.session()

    def data(self, cdb, length=4096, lun=None):
        return self.s.do(cdb, self.lun if lun is None else lun, read=length)


class AllocationLength(Lists):
    def sweep(self, build, largest=None, least=0, extra=()):
        """data(n) is the first n bytes of data(largest); residuals are exact; nothing beyond n comes."""
        largest = largest or 255
        whole = self.data(build(largest), largest)
        if str(whole) in ("check 05/20/00", "check 05/24/00"):
            self.skipTest(f"not supported: CDB {build(largest).hex()}")
        self.assertEqual(str(whole), "good")
        full = bytes(whole.data_in)
        lengths = sorted({*range(least, min(len(full) + 9, 80)), len(full) - 1,
                         len(full), len(full) + 1, largest // 2, largest - 1, *extra})
        for length in (n for n in lengths if least <= n <= largest):
            for edge in (0, 3):  # expected length as large as the allocation length, and a little larger
                task = self.s.do(build(length), self.lun, read=1, expected=length + edge)
                hint = f"allocation length {length}, expected {length + edge}"
                self.assertEqual(str(task), "good", hint)
                self.assertEqual(bytes(task.data_in), full[:length], hint)
                self.assertEqual(task.underflow, length + edge - min(length, len(full)), hint)
        return full

    def test_alloc_inquiry(self):
        """CVE-2021-47191 and the like: one truncation routine."""
        full = self.sweep(scsi.inquiry, 65535)
        self.assertGreaterEqual(full[4] + 5, 36)

    def test_alloc_vpd_pages(self):
        pages = bytes(self.data(scsi.inquiry(255, 0)).data_in)
        for page in pages[4:4 + pages[3]]:
            full = self.sweep(lambda n, p=page: scsi.inquiry(n, p), 1024)
            self.assertEqual((full[1], struct.unpack(">H", full[2:4])[0] + 4), (page, len(full)))

    def test_alloc_mode_sense_6(self):
        full = self.sweep(lambda n: scsi.mode_sense6(0x3F, n), 255)
        self.assertEqual(full[0] + 1, len(full))

    def test_alloc_mode_sense_10(self):
        full = self.sweep(lambda n: scsi.mode_sense10(0x3F, n), 4096)
        self.assertEqual(struct.unpack(">H", full[:2])[0] + 2, len(full))

    def test_alloc_read_capacity_16(self):
        """CVE-2021-47576: READ CAPACITY(16) with any allocation length."""
        self.assertEqual(len(self.sweep(scsi.read_capacity16, 4096, extra=(8, 12, 31, 32, 33))), 32)

    def test_alloc_report_luns(self):
        """SPC-4 6.33: below 16 bytes either cut or 05/24/00."""
        full = self.sweep(scsi.report_luns, 4096, least=16)
        self.assertEqual(struct.unpack(">I", full[:4])[0] + 8, len(full))
        for length in range(16):
            self.ends(self.data(scsi.report_luns(length), max(1, length)), "good", "check 05/24/00")

    def test_alloc_report_opcodes(self):
        """CVE-2024-42416: lists cut at any place."""
        self.sweep(lambda n: scsi.report_opcodes(length=n), 65535)

    def test_alloc_report_task_management(self):
        self.sweep(lambda n: scsi.report_task_management(n), 255, least=4)

    def test_alloc_persistent_reserve_in(self):
        for action in range(4):
            self.sweep(lambda n, a=action: scsi.pr_in(a, n), 8192)

    def test_alloc_get_lba_status(self):
        """SBC-3 5.4: at least one descriptor; how many more are made may follow the allocation length."""
        full = bytes(self.data(scsi.get_lba_status(0, 512), 512).data_in)
        for length in (*range(0, 64), 100, 511):
            task = self.s.do(scsi.get_lba_status(0, length), self.lun, read=1, expected=length)
            data = bytes(task.data_in)
            self.assertEqual((str(task), data[8:]), ("good", full[8:len(data)]), f"allocation length {length}")
            self.assertEqual(len(data) + task.underflow, length)
            if length >= 24:
                told = struct.unpack(">I", data[:4])[0]
                self.assertTrue(told % 16 == 4 and told >= 20, f"PARAMETER DATA LENGTH {told}")

    def test_alloc_read_defect_data(self):
        self.sweep(scsi.read_defect_data10, 255)

    def test_alloc_log_sense(self):
        self.sweep(lambda n: scsi.cdb(0x4D, 10, (2, 1, 0x40), (7, 2, n)), 255)

    def test_alloc_report_target_port_groups(self):
        """test-cu 1.20 ReportTargetPortGroups: cut at any length; the length field is that of the whole."""
        full = self.sweep(lambda n: scsi.cdb(0xA3, 12, (1, 1, 0x0A), (6, 4, n)), 4096)
        self.assertEqual(struct.unpack(">I", full[:4])[0] + 4, len(full))

    def test_cve_2024_43110_request_sense(self):
        """CVE-2024-43110: no byte beyond what the sense data says, in both formats, at every length."""
        for descriptor in (False, True):
            full = bytes(self.data(scsi.request_sense(252, descriptor), 252).data_in)
            sense = Sense(full)
            self.assertTrue(sense.valid)
            self.assertEqual(sense.descriptor_format, descriptor)
            self.assertEqual(len(full), 8 + full[7], "ADDITIONAL SENSE LENGTH does not fit")
            for length in range(0, 256):
                task = self.s.do(scsi.request_sense(length, descriptor), self.lun, read=1, expected=length)
                self.assertEqual((str(task), bytes(task.data_in)), ("good", full[:length]), f"length {length}")

    def test_alloc_lengths_of_four_gigabytes(self):
        """CVE-2021-47191: 2**31 and 2**32-1 in 4-byte fields; the expected length bounds what moves."""
        for build in (lambda n: scsi.report_luns(n), lambda n: scsi.read_capacity16(n),
                      lambda n: scsi.report_opcodes(length=n), lambda n: scsi.get_lba_status(0, n),
                      lambda n: scsi.report_task_management(n)):
            for length in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
                task = self.data(build(length), 4096)
                self.ends(task, "good", "check 05/24/00", "check 05/20/00", hint=f"{build(0)[0]:02x} {length:#x}")


class Inventory(Lists):
    def test_inquiry_vpd_pages_are_sorted(self):
        """test-cu 1.20 Inquiry.VPDPageCodesSorted, SPC-4 7.8.15: ascending, page 00h first, each page answers."""
        pages = bytes(self.data(scsi.inquiry(255, 0)).data_in)
        codes = list(pages[4:4 + pages[3]])
        self.assertEqual(codes, sorted(set(codes)))
        self.assertEqual(codes[0], 0)
        for page in range(256):
            task = self.data(scsi.inquiry(1024, page), 1024)
            self.assertEqual(str(task), "good" if page in codes else "check 05/24/00", f"page {page:02x}")

    def test_inquiry_page_code_without_evpd(self):
        """SPC-4 6.6.1: PAGE CODE other than 0 without EVPD: 05/24/00."""
        for page in (1, 0x80, 0x83, 0xFF):
            self.assertEqual(str(self.data(scsi.cdb(0x12, 6, (2, 1, page), (4, 1, 255)), 255)), "check 05/24/00")

    def test_luns_that_do_not_exist(self):
        """SPC-4 6.6, SAM-5 4.7: INQUIRY says 7Fh, REPORT LUNS works, the rest is 05/25/00."""
        for lun in (77, 255):
            task = self.data(scsi.inquiry(), 255, lun)
            self.assertEqual((str(task), task.data_in[0]), ("good", 0x7F))
            self.assertEqual(str(self.data(scsi.test_unit_ready(), 0, lun)), "check 05/25/00")
            self.assertEqual(str(self.data(scsi.read10(0, 1), self.block, lun)), "check 05/25/00")
            sense = Sense(bytes(self.data(scsi.request_sense(), 252, lun).data_in))
            self.assertEqual(sense.triple, (5, 0x25, 0))

    def test_lun_fields_of_odd_formats(self):
        """SAM-5 4.7: flat space names the same unit; unknown formats and second levels are no unit of ours."""
        self.ends(self.raw_lun(self.lun << 48), "good")
        self.ends(self.raw_lun((0x4000 | self.lun) << 48), "good")
        for field in (0xFFFFFFFFFFFFFFFF, 0x0001000100000000 | self.lun << 48, 0x8001000000000000, 0xC0FF000000000000,
                      0x00FF000000000001, 0xD200000000010000, 0x3FFF000000000000):
            self.ends(self.raw_lun(field), "check 05/25/00", hint=f"LUN field {field:016x}")

    def raw_lun(self, field):
        """TEST UNIT READY with these eight bytes of LUN."""
        pdu = self.s.request(Op.SCSI_COMMAND, attribute=scsi.SIMPLE, lun=field)
        task = Task(pdu.itt, field, scsi.test_unit_ready(), 0, 0, b"")
        self.s.model.add_task(task)
        self.s.send(pdu)
        return self.s.finish(task)

    def test_cve_2024_42416_report_supported_opcodes(self):
        """CVE-2024-42416: 256 operation codes x reporting options x service actions: an answer or 05/24/00."""
        whole = self.data(scsi.report_opcodes(), 4096)
        if str(whole) == "check 05/20/00":
            self.skipTest("not supported")
        listed = {}
        body = bytes(whole.data_in)
        place, end = 4, 4 + struct.unpack(">I", body[:4])[0]
        while place < end:
            opcode, flags, length = body[place], body[place + 5], struct.unpack(">H", body[place + 6:place + 8])[0]
            listed.setdefault(opcode, []).append(
                (struct.unpack(">H", body[place + 2:place + 4])[0] if flags & 1 else None, length))
            place += 20 if flags & 2 else 8
        self.assertIn(0x12, listed)
        for opcode in range(256):
            for option in (1, 2, 3, 4, 7):
                for service in (0, 1, 0x10, 0x1F, 0x20, 255, 65535):
                    task = self.data(scsi.report_opcodes(option, opcode, service), 64)
                    hint = f"option {option} opcode {opcode:02x} service action {service:x}"
                    self.ends(task, "good", "check 05/24/00", hint=hint)
                    if str(task) == "good" and option < 3:
                        support = task.data_in[1] & 7
                        has = opcode in listed and (option == 1 or service in [s for s, _ in listed[opcode]])
                        self.assertEqual(support in (3, 5), has, hint)
                        if has:
                            self.assertEqual(task.data_in[4], opcode, f"{hint}: CDB usage data")

    def test_cve_2021_3930_mode_sense_of_every_page(self):
        """CVE-2021-3930: pages 00h to 3Fh x four page controls x subpages 00h and FFh: exact lengths or 05/24/00."""
        for page in range(0x40):
            for control in range(4):
                for subpage in (0, 1, 0xFF):
                    hint = f"page {page:02x} control {control} subpage {subpage:02x}"
                    six = self.data(scsi.mode_sense6(page, 255, control, subpage), 255)
                    ten = self.data(scsi.mode_sense10(page, 4096, control, subpage), 4096)
                    self.ends(six, "good", "check 05/24/00", "check 05/39/00", hint=hint)
                    self.assertEqual(str(six), str(ten), hint)
                    if str(six) == "good":
                        self.assertEqual((six.data_in[0] + 1, struct.unpack(">H", ten.data_in[:2])[0] + 2),
                                         (len(six.data_in), len(ten.data_in)), hint)
                        self.assertEqual(bytes(six.data_in[4:]), bytes(ten.data_in[8:]), hint)


class Selecting(Lists):
    def page(self, code):
        data = bytearray(self.data(scsi.mode_sense6(code, 255), 255).data_in)
        data[0], start = 0, 4 + data[3]
        data[1] = data[2] = 0
        if len(data) > start:
            data[start] &= 0x7F
        return bytes(data), start

    def select(self, data, length=None):
        return self.s.do(scsi.mode_select6(len(data) if length is None else length), self.lun, write=data)

    def refused(self, data, hint, length=None):
        self.ends(self.select(data, length), "check 05/26/00", "check 05/1a/00", "check 05/24/00", hint=hint)

    def test_cve_2023_42467_mode_select_block_sizes(self):
        """CVE-2023-42467: block descriptors with other block lengths: 05/26/00, READ CAPACITY as before."""
        before = bytes(self.data(scsi.read_capacity16(), 32).data_in)
        for size in (0, 1, 256, 511, 513, 4096 if self.block != 4096 else 512, 0xFFFFFF):
            task = self.select(b"\0\0\0\x08" + bytes(5) + size.to_bytes(3, "big"))
            self.ends(task, "check 05/26/00", "check 05/1a/00", * (("good",) if size == 0 else ()),
                      hint=f"block length {size}")
        for length in (1, 7, 9, 16, 255):
            self.refused(b"\0\0\0" + bytes([length]) + bytes(8), f"block descriptor length {length}")
        self.assertEqual(bytes(self.data(scsi.read_capacity16(), 32).data_in), before)
        self.works(self.s)

    def test_mode_select_lists_that_lie(self):
        """CVE-2021-47219, SPC-4 6.11: cut pages, wrong page lengths, unknown pages: nothing changes."""
        data, start = self.page(0x0A)
        before = bytes(self.data(scsi.mode_sense6(0x3F), 255).data_in)
        self.assertEqual(str(self.select(b"", 0)), "good", "a list of no bytes")
        for cut in (1, 2, 3, start + 1, start + 2, len(data) - 1):
            self.refused(data[:cut], f"cut at {cut}")
        for wrong in (0, 1, data[start + 1] - 1, data[start + 1] + 1, 255):
            spoiled = bytearray(data)
            spoiled[start + 1] = wrong
            self.refused(bytes(spoiled), f"page length {wrong}")
        for code in (0x00, 0x20, 0x3E, 0x3F, 0x4A):
            spoiled = bytearray(data)
            spoiled[start] = code
            self.refused(bytes(spoiled), f"page code {code:02x}")
        self.refused(bytes([0, 0, 0, 255]) + data[4:], "block descriptor length 255")
        self.assertEqual(bytes(self.data(scsi.mode_sense6(0x3F), 255).data_in), before)

    def test_mode_select_of_what_cannot_change(self):
        """SPC-4 6.11: a bit that is not changeable: 05/26/00, and the page stays."""
        for code in (0x01, 0x08, 0x0A, 0x1C):
            if str(self.data(scsi.mode_sense6(code), 255)) != "good":
                continue
            data, start = self.page(code)
            mask = bytes(self.data(scsi.mode_sense6(code, control=1), 255).data_in)
            for place in range(start + 2, len(data)):
                if mask[place] == 0xFF or place >= len(mask):
                    continue
                spoiled = bytearray(data)
                spoiled[place] ^= ~mask[place] & 0xFF
                self.ends(self.select(bytes(spoiled)), "check 05/26/00", hint=f"page {code:02x} byte {place - start}")
            self.assertEqual(self.page(code)[0], data, f"page {code:02x} changed")

    def test_cve_2024_8178_buffers(self):
        """CVE-2024-8178, CVE-2024-45063: READ and WRITE BUFFER modes x offsets: refused, or zeros."""
        for mode in range(32):
            for offset in (0, 1, 512, 0xFFFFFE):
                cdb = scsi.cdb(0x3C, 10, (1, 1, mode), (3, 3, offset), (6, 3, 1024))
                task = self.data(cdb, 1024)
                self.ends(task, "good", "check 05/20/00", "check 05/24/00",
                          hint=f"READ BUFFER mode {mode} offset {offset}")
                if str(task) == "good" and mode not in (3, 0x0B, 0x1C):
                    self.assertEqual(bytes(task.data_in).strip(b"\0"), b"", f"READ BUFFER mode {mode} shows memory")
                task = self.s.do(scsi.cdb(0x3B, 10, (1, 1, mode), (3, 3, offset),
                                 (6, 3, 64)), self.lun, write=bytes(64))
                allowed = ("check 05/20/00", "check 05/24/00", "check 05/26/00", "check 05/1a/00")
                if not 4 <= mode <= 7 and not 0x0D <= mode <= 0x0F:
                    allowed += ("good",)  # the download modes never work
                self.ends(task, *allowed, hint=f"WRITE BUFFER mode {mode} offset {offset}")

    def test_cve_2020_28374_extended_copy_to_a_stranger(self):
        """CVE-2020-28374: EXTENDED COPY that names a device outside the nexus: never GOOD."""
        designator = struct.pack(">BBBB", 0xE4, 0x20, 0, 0) + b"\1\3\0\x10" + \
                                 bytes.fromhex("60014051234567890123456789012345") + bytes(8)
        segment = struct.pack(">BBHHHHHQQ", 2, 0, 24, 0, 1, 0, 1, 0, 0)
        data = struct.pack(">BBHIII", 1, 0, 64, 0, len(segment), 0) + designator + designator + segment
        task = self.s.do(scsi.cdb(0x83, 16, (10, 4, len(data))), self.lun, write=data)
        self.ends(task, "check 05/*", "check 0a/*")

    def test_scst_vendor_opcodes(self):
        """SCST f9de3f416: CDBs of unknown length, every vendor and reserved opcode: 05/20/00."""
        for opcode in (*range(0xC0, 0x100), 0x02, 0x05, 0x06, 0x0C, 0x1F, 0x60, 0x7E, 0x7F):
            task = self.s.do(scsi.cdb(opcode, 16), self.lun)
            self.ends(task, "check 05/20/00", *(("check 05/24/00",)
                      if opcode in (0x7E, 0x7F) else ()), hint=f"opcode {opcode:02x}")

    def test_every_opcode_of_zeros_and_ones(self):
        """Each opcode with a CDB of zeros and of ones, no data: an answer within the limit and the unit goes on."""
        for opcode in range(256):
            if opcode in (0x04, 0x48, 0x16, 0x56, 0x17, 0x57, 0x5F, 0x1B, 0x1E, 0x41, 0x93, 0x42):
                continue  # they change what other tests stand on when they work
            for fill in (0, 0xFF):
                cdb = bytes([opcode]) + bytes([fill]) * 15
                task = self.s.do(cdb, self.lun)
                self.assertTrue(task.done)
        self.s.settle(self.lun)
        self.works(self.s)
