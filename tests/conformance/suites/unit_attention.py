"""Unit attention conditions: who gets which, once, in which order; what does not clear them (SAM-5 5.14, F021-F026)."""

from rawiscsi.session import LUN_RESET

from .case import Case, scsi

NEW_NEXUS = ("check 06/29/00", "check 06/29/01", "check 06/29/02", "check 06/29/03", "check 06/29/07")
RESET = ("check 06/29/03", "check 06/29/00", "check 06/29/02")


class Attention(Case):
    def fresh(self):
        return self.session(settle=False)

    def ready(self, session):
        return str(session.do(scsi.test_unit_ready(), self.lun))

    def drain(self, session, most=8):
        """Every unit attention that waits, in order."""
        seen = []
        for _ in range(most):
            how = self.ready(session)
            if how == "good":
                return seen
            self.ends(how, "check 06/*")
            seen.append(how)
        return self.fail(f"unit attentions without end: {seen}")

    def test_ua_of_a_new_nexus_comes_once(self):
        """SAM-5 5.14: power on, reset or nexus loss for the first command of a new nexus, then nothing."""
        seen = self.drain(self.fresh())
        self.assertEqual(len(seen), 1, seen)
        self.ends(seen[0], *NEW_NEXUS)

    def test_ua_comes_on_each_logical_unit(self):
        """SAM-5 5.14: per I_T_L nexus: clearing it on one LUN leaves the others."""
        if len(self.fixture.disks) < 2:
            self.skipTest("this target has one disk")
        session = self.fresh()
        self.drain(session)
        self.ends(session.do(scsi.test_unit_ready(), self.fixture.disks[1].lun), *NEW_NEXUS)

    def test_f024_inquiry_and_report_luns_do_not_clear(self):
        """SPC-4 5.x: INQUIRY and REPORT LUNS are executed; the condition stays."""
        session = self.fresh()
        for _ in range(2):
            self.assertEqual(str(session.do(scsi.inquiry(), self.lun, read=255)), "good")
            self.assertEqual(str(session.do(scsi.report_luns(), self.lun, read=4096)), "good")
        self.ends(self.ready(session), *NEW_NEXUS)

    def test_f026_request_sense_reports_and_clears(self):
        """SPC-4 6.39: the condition in the parameter data with GOOD, then it is gone."""
        from rawiscsi.sense import Sense
        for descriptor in (False, True):
            session = self.fresh()
            task = session.do(scsi.request_sense(descriptor=descriptor), self.lun, read=252)
            self.assertEqual(str(task), "good")
            sense = Sense(bytes(task.data_in))
            self.assertEqual((sense.key, sense.asc), (6, 0x29))
            self.assertEqual(self.ready(session), "good")
            sense = Sense(bytes(session.do(scsi.request_sense(), self.lun, read=252).data_in))
            self.assertEqual(sense.triple, (0, 0, 0))

    def test_ua_moves_no_data(self):
        """A READ and a WRITE that meet a unit attention transfer nothing; the residual is the whole length."""
        writer = self.session()
        before = self.pattern(2 * self.block, 1)
        self.write(writer, 900, before)
        session = self.fresh()
        task = session.do(scsi.read10(900, 2), self.lun, read=2 * self.block)
        self.ends(task, *NEW_NEXUS)
        self.assertEqual((bytes(task.data_in), task.underflow), (b"", 2 * self.block))
        session = self.fresh()
        task = session.do(scsi.write10(900, 2), self.lun, write=self.pattern(2 * self.block, 2))
        self.ends(task, *NEW_NEXUS)
        self.assertEqual(self.read(writer, 900, 2), before)

    def test_ua_of_a_lun_reset_comes_to_every_nexus(self):
        """SAM-5 6.3.3: every nexus, that of the sender too."""
        one, two = self.session(), self.session()
        self.assertEqual(one.tmf(LUN_RESET, self.lun), 0)
        for session in (one, two):
            seen = self.drain(session)
            self.assertEqual(len(seen), 1, seen)
            self.ends(seen[0], *RESET)

    def test_ua_of_a_lun_reset_stays_on_its_unit(self):
        if len(self.fixture.disks) < 2:
            self.skipTest("this target has one disk")
        session = self.session()
        session.tmf(LUN_RESET, self.lun)
        self.assertEqual(str(session.do(scsi.test_unit_ready(), self.fixture.disks[1].lun)), "good")

    def select(self, session, change):
        """MODE SELECT of the caching page with one change; the old page for the way back."""
        data = bytearray(session.do(scsi.mode_sense6(0x08, dbd=True), self.lun, read=255).data_in)
        start = 4 + data[3]
        data[0], old = 0, None
        data[start] &= 0x7F
        old = bytes(data)
        change(data, start)
        return session.do(scsi.mode_select6(len(data)), self.lun, write=bytes(data)), old

    def test_ua_of_changed_mode_parameters(self):
        """SPC-4 6.11: MODE SELECT that changes something: 2A/01 at the others, nothing at its own nexus."""
        one, two = self.session(), self.session()
        task, old = self.select(one, lambda data, start: data.__setitem__(start + 2, data[start + 2] ^ 0x04))
        if str(task) != "good":
            self.skipTest(f"WCE cannot be changed: {task}")
        self.addCleanup(lambda: self.session().do(scsi.mode_select6(len(old)), self.lun, write=old))
        self.assertEqual(self.ready(one), "good")
        self.assertEqual(self.drain(two), ["check 06/2a/01"])

    def test_ua_two_conditions_in_order_of_precedence(self):
        """SAM-5 5.14, F024: a reset (29h) before changed mode parameters (2Ah); 29h clears what is older."""
        one, two = self.session(), self.session()
        one.tmf(LUN_RESET, self.lun)
        one.settle(self.lun)
        task, old = self.select(one, lambda data, start: data.__setitem__(start + 2, data[start + 2] ^ 0x04))
        if str(task) != "good":
            self.skipTest(f"WCE cannot be changed: {task}")
        self.addCleanup(lambda: self.session().do(scsi.mode_select6(len(old)), self.lun, write=old))
        self.assertEqual(str(two.do(scsi.inquiry(), self.lun, read=255)), "good")
        seen = self.drain(two)
        self.ends(seen[0], *RESET)
        self.assertEqual(seen[1:], ["check 06/2a/01"])

    def test_f021_a_resize(self):
        """F021: 2A/09 once per nexus; READ CAPACITY shows the new size; beyond it 05/21/00."""
        self.need("resize")
        disk = self.fixture.disks[-1]
        one, two = self.session(), self.session()
        self.addCleanup(self.fixture.resize, disk, disk.size)
        for size in (disk.size * 2, disk.size // 2):
            self.fixture.resize(disk, size)
            for session in (one, two):
                self.assertEqual(str(session.do(scsi.test_unit_ready(), disk.lun)), "check 06/2a/09")
                self.assertEqual(str(session.do(scsi.test_unit_ready(), disk.lun)), "good")
                data = session.do(scsi.read_capacity16(), disk.lun, read=32).data_in
                self.assertEqual(int.from_bytes(data[:8], "big") + 1, size // disk.block)
                task = session.do(scsi.read10(size // disk.block, 1), disk.lun, read=disk.block)
                self.assertEqual(str(task), "check 05/21/00")

    def test_f022_a_logical_unit_comes_and_goes(self):
        """F022: REPORTED LUNS DATA HAS CHANGED on the others; REPORT LUNS clears it; the removed one is 05/25/00."""
        self.need("map_lun", "unmap_lun")
        disk, lun = self.fixture.disks[-1], 9
        session = self.session()
        for change, there in ((self.fixture.map_lun, True), (self.fixture.unmap_lun, False)):
            change(disk, lun)
            self.assertEqual(str(session.do(scsi.inquiry(), self.lun, read=255)), "good")
            self.assertEqual(self.ready(session), "check 06/3f/0e")
            self.assertEqual(self.ready(session), "good")
            data = bytes(session.do(scsi.report_luns(), self.lun, read=4096).data_in)
            luns = [data[i + 1] for i in range(8, len(data), 8)]
            self.assertEqual(lun in luns, there)
            session.settle(*(d.lun for d in self.fixture.disks))
            how = session.do(scsi.test_unit_ready(), lun)
            self.ends(how, *(("good", "check 06/*") if there else ("check 05/25/00",)))
        self.fixture.map_lun(disk, lun)
        session.do(scsi.report_luns(), self.lun, read=4096)
        self.assertEqual(self.ready(session), "good", "REPORT LUNS clears the condition (SPC-4 6.33)")
        self.fixture.unmap_lun(disk, lun)
