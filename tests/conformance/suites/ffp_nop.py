"""UNH-IOL full feature items 15: NOP-In, as an answer, as a ping of the target, and as news of the window."""

from rawiscsi.pdu import RESERVED_TAG

from .case import Case, Op, Pdu, scsi


class Ping(Case):
    def pinged(self, session, length, immediate, cut=None):
        """A ping, held against item 15.1; the command after it has the next StatSN (the model asks for that)."""
        data = self.pattern(length)
        before = session.model.exp_cmd_sn
        answer = session.ping(data, immediate=immediate)
        self.assertEqual((answer.ttt, answer.data), (RESERVED_TAG, data[:cut]))
        self.assertEqual(answer.exp_cmd_sn, before + (0 if immediate else 1))
        task = session.do(scsi.test_unit_ready(), self.lun)
        self.assertEqual((str(task), task.answer.stat_sn), ("good", answer.stat_sn + 1))

    def lengths(self, session):
        return 1, 2, 3, 4, 5, 63, 64, 65, 1000, min(session.parameters.target_mrdsl, 65536)

    def test_ffp_15_1_1_an_immediate_ping_without_data(self):
        """RFC 7143 11.18, 11.19: same ITT, TTT 0xffffffff, no data."""
        self.pinged(self.session(), 0, True)

    def test_ffp_15_1_2_a_numbered_ping_without_data(self):
        """RFC 7143 11.18: numbered like a command."""
        self.pinged(self.session(), 0, False)

    def test_ffp_15_1_3_a_numbered_ping_with_data(self):
        """RFC 7143 11.18.3: the data comes back."""
        session = self.session()
        for length in self.lengths(session):
            self.pinged(session, length, False)

    def test_ffp_15_1_4_an_immediate_ping_with_data(self):
        """RFC 7143 11.18.3: the data comes back."""
        session = self.session()
        for length in self.lengths(session):
            self.pinged(session, length, True)

    def cut(self, immediate):
        session = self.session(keys={"MaxRecvDataSegmentLength": "512"})
        self.pinged(session, min(session.parameters.target_mrdsl, 65536), immediate, cut=512)

    def test_ffp_15_1_5_an_immediate_ping_longer_than_we_take_is_cut(self):
        """RFC 7143 11.18.3: ping data is limited by the initiator's MaxRecvDataSegmentLength."""
        self.cut(True)

    def test_ffp_15_1_6_a_numbered_ping_longer_than_we_take_is_cut(self):
        """RFC 7143 11.18.3: ping data is limited by the initiator's MaxRecvDataSegmentLength."""
        self.cut(False)

    def test_ping_many_are_each_answered(self):
        session = self.session()
        pings = []
        for i in range(16):
            pings.append(session.request(Op.NOP_OUT, data=bytes([i]) * i, immediate=False, ttt=RESERVED_TAG))
            session.send(pings[-1])
        for ping in pings:
            session.until(lambda p, ping=ping: p.opcode == Op.NOP_IN and p.itt == ping.itt, "a NOP-In")

    def test_f074_an_answer_to_a_ping_that_was_not_sent(self):
        """RFC 7143 11.18, F074: a NOP-Out with an unknown TTT is rejected, or the connection closed."""
        session = self.session()
        session.send(Pdu(Op.NOP_OUT, immediate=1, final=1, itt=RESERVED_TAG, ttt=0x1234, cmd_sn=session.cmd_sn,
                         exp_stat_sn=session.model.next_stat_sn))
        self.closed_or(session, 0x04, 0x09)


class PingOfTheTarget(Case):
    def ping(self, session):
        session.auto_nop = False
        return session.expect(Op.NOP_IN, "a ping of the target", self.fixture.nop_interval + 5)

    def test_ffp_15_2_a_ping_of_the_target(self):
        """RFC 7143 11.19: ITT 0xffffffff, a valid TTT, no data; it does not advance StatSN, nor does our answer."""
        self.need("nop_portal")
        session = self.session(portal=self.fixture.nop_portal, settle=False)
        ping = self.ping(session)
        self.assertEqual((ping.itt, ping.data), (RESERVED_TAG, b""))
        self.assertNotEqual(ping.ttt, RESERVED_TAG)
        session.answer_ping(ping)
        self.ignored(session)
        self.assertEqual(ping.stat_sn + 2, session.model.next_stat_sn, "only our two pings are numbered")
        self.assertEqual(session.do(scsi.inquiry(36), self.lun, read=36).answer.stat_sn, ping.stat_sn + 2)

    def test_ffp_15_3_news_of_the_window_does_not_advance_stat_sn(self):
        """RFC 7143 11.19: after a shut window the target may tell by a NOP-In with TTT 0xffffffff, LUN 0 and no data.

        The reads wait behind a held WRITE of an older number, so that the window is shut for sure.
        """
        session = self.session()
        window = (session.model.max_cmd_sn - session.model.exp_cmd_sn) % (1 << 32) + 1
        gap, first = session.cmd_sn, session.cmd_sn + 1
        reads = [session.command(scsi.read10(0, 1), self.lun, read=self.block, cmd_sn=first + i)
                 for i in range(window - 1)]
        news = self.fence(session)
        reads.append(session.command(scsi.read10(0, 1), self.lun, read=self.block, cmd_sn=gap))
        session.cmd_sn = gap + window
        while not all(task.done for task in reads):
            news.append(session.receive("the reads"))
        news += self.fence(session)
        for pdu in news:
            if pdu.opcode == Op.NOP_IN:
                self.assertEqual((pdu.itt, pdu.ttt, pdu.lun, pdu.data), (RESERVED_TAG, RESERVED_TAG, 0, b""))
        self.assertEqual((session.model.exp_cmd_sn, session.model.max_cmd_sn - gap), (gap + window, 2 * window - 1))
        self.works(session)
