"""Task attributes and queueing: SIMPLE, ORDERED, HEAD OF QUEUE with a delayed command (SAM-5 8), overlapping writes."""

import time

from .case import CLOSED, Case, scsi
from .task_lifetime import DELAY, LBA


class Order(Case):
    def slow_read(self, session, **options):
        return session.command(scsi.read10(LBA, 1), self.lun, read=self.block, **options)

    def slow(self):
        self.need_delay()
        self.fixture.inject_delay(self.fixture.disk, DELAY, LBA, LBA + 99)
        return self.session()

    def order(self, session, tasks, limit=DELAY * 6):
        """The names of the tasks in the order of their responses."""
        session.finish(*tasks.values(), limit=limit)
        for name, task in tasks.items():
            self.assertEqual(str(task), "good", name)
        return sorted(tasks, key=lambda name: (tasks[name].answer.stat_sn - session.phase.stat_sn) & 0xFFFFFFFF)

    def test_order_simple_commands_run_beside_a_slow_one(self):
        """SAM-5 8.3: SIMPLE tasks do not wait for each other."""
        session = self.slow()
        tasks = {"slow": self.slow_read(session),
                 "quick": session.command(scsi.read10(0, 1), self.lun, read=self.block)}
        self.assertEqual(self.order(session, tasks), ["quick", "slow"])

    def test_order_ordered_waits_for_older_and_holds_younger(self):
        """SAM-5 8.4: ORDERED is a barrier."""
        session = self.slow()
        tasks = {"slow": self.slow_read(session),
                 "ordered": session.command(scsi.read10(0, 1), self.lun, read=self.block, attribute=scsi.ORDERED),
                 "younger": session.command(scsi.read10(1, 1), self.lun, read=self.block)}
        self.assertEqual(self.order(session, tasks), ["slow", "ordered", "younger"])

    def test_order_ordered_commands_one_after_another(self):
        session = self.slow()
        tasks = {str(i): session.command(scsi.read10(LBA if i == 0 else i, 1), self.lun, read=self.block,
                                         attribute=scsi.ORDERED) for i in range(6)}
        self.assertEqual(self.order(session, tasks), [str(i) for i in range(6)])

    def test_order_head_of_queue_goes_first(self):
        """SAM-5 8.5: HEAD OF QUEUE passes a blocked ORDERED command and what waits behind it."""
        session = self.slow()
        tasks = {"slow": self.slow_read(session),
                 "ordered": session.command(scsi.read10(0, 1), self.lun, read=self.block, attribute=scsi.ORDERED),
                 "younger": session.command(scsi.read10(1, 1), self.lun, read=self.block),
                 "head": session.command(scsi.read10(2, 1), self.lun, read=self.block, attribute=scsi.HEAD_OF_QUEUE)}
        self.assertEqual(self.order(session, tasks), ["head", "slow", "ordered", "younger"])

    def test_order_ordered_is_per_logical_unit(self):
        """SAM-5 8: a barrier on one logical unit does not hold another."""
        session = self.slow()
        if len(self.fixture.disks) < 2:
            self.skipTest("this target has one disk")
        other = self.fixture.disks[1].lun
        tasks = {"slow": self.slow_read(session),
                 "ordered": session.command(scsi.read10(0, 1), self.lun, read=self.block, attribute=scsi.ORDERED),
                 "elsewhere": session.command(scsi.read10(0, 1), other, read=self.block)}
        self.assertEqual(self.order(session, tasks), ["elsewhere", "slow", "ordered"])

    def test_order_ordered_holds_other_nexuses(self):
        """SAM-5 8.4: the task set is that of the logical unit, over all nexuses."""
        session, other = self.slow(), self.session()
        slow = self.slow_read(session)
        ordered = session.command(scsi.read10(0, 1), self.lun, read=self.block, attribute=scsi.ORDERED)
        self.fence(session)
        time.sleep(0.1)  # the other nexus may live on another core: the barrier has to have reached it
        begin = time.monotonic()
        self.read(other, 1, 1)
        self.assertGreater(time.monotonic() - begin, DELAY / 3, "a younger command of another nexus passed the barrier")
        session.finish(slow, ordered)

    def test_order_writes_behind_an_ordered_write(self):
        """Data follows the order: slow write, ordered read of the same block, younger write."""
        session = self.slow()
        first, second = self.pattern(self.block, 1), self.pattern(self.block, 2)
        tasks = {"write": session.command(scsi.write10(LBA, 1), self.lun, write=first),
                 "read": session.command(scsi.read10(LBA, 1), self.lun, read=self.block, attribute=scsi.ORDERED),
                 "rewrite": session.command(scsi.write10(LBA, 1), self.lun, write=second)}
        self.assertEqual(self.order(session, tasks), ["write", "read", "rewrite"])
        self.assertEqual(bytes(tasks["read"].data_in), first)
        self.fixture.clear_faults()
        self.assertEqual(self.read(session, LBA, 1), second)

    def test_order_overlapping_simple_writes_are_serial(self):
        """Reliability 3.1: the result of overlapping SIMPLE writes is that of one of them, per block."""
        session = self.session()
        for turn in range(10):
            datas = [bytes([16 * turn + i & 0xFF]) * (8 * self.block) for i in range(8)]
            tasks = [session.command(scsi.write10(800, 8), self.lun, write=data) for data in datas]
            session.finish(*tasks)
            self.assertEqual({str(t) for t in tasks}, {"good"})
            now = self.read(session, 800, 8)
            for block in range(8):
                part = now[block * self.block:(block + 1) * self.block]
                self.assertIn(part, [data[:self.block] for data in datas])

    def test_order_reserved_attributes(self):
        """RFC 7143 11.3.1: ATTR 5 to 7 are reserved: Reject, CHECK CONDITION or close; ACA may run."""
        for attribute in (4, 5, 6, 7):
            session = self.session()
            task = session.command(scsi.test_unit_ready(), self.lun, attribute=attribute)
            self.ends(session.outcome(task), "check 0b/49/00", "check 05/*", "reject 09", "reject 04", CLOSED, "good",
                      hint=f"attribute {attribute}")
        self.target_works()

    def test_order_immediate_commands_pass(self):
        """RFC 7143 4.2.2.1: an immediate command does not wait for a gap in CmdSN."""
        session = self.session()
        gap = session.cmd_sn
        waiting = session.command(scsi.test_unit_ready(), self.lun, cmd_sn=gap + 1)
        task = session.do(scsi.inquiry(36), self.lun, read=36, immediate=True, cmd_sn=gap)
        self.assertEqual(str(task), "good")
        self.assertFalse(waiting.done)
        filler = session.command(scsi.test_unit_ready(), self.lun, cmd_sn=gap)
        session.cmd_sn = gap + 2
        session.finish(filler, waiting)
