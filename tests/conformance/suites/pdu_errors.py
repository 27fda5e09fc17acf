"""Bad PDUs in the full feature phase: F057 to F067, F074, F077, F078 and the rows on PDU lengths and segments."""

import time

from rawiscsi.errors import Closed
from rawiscsi.pdu import RESERVED_TAG, serial_add

from .case import CLOSED, PROTOCOL_ERROR, Case, Op, Pdu, scsi

ANNOUNCED = ("NOP-In not answered in time",)

BAD_DATA = ("check 0b/0c/0d", "check 0b/0c/0c", "check 0b/4b/*", *PROTOCOL_ERROR)


class Numbering(Case):
    def test_f057_commands_out_of_order_are_executed_in_order(self):
        """RFC 7143 4.2.2.1: CmdSN decides, not arrival; a gap holds what follows."""
        session = self.session()
        first = session.cmd_sn
        order = (3, 1, 4, 2, 0)
        tasks = {}
        for place in order:
            data = bytes([place]) * self.block
            tasks[place] = session.command(scsi.write10(500, 1), self.lun, write=data, cmd_sn=serial_add(first, place),
                                           attribute=scsi.ORDERED)
            if place:
                self.ignored(session)
        session.cmd_sn = serial_add(first, 5)
        session.finish(*tasks.values())
        self.assertEqual({str(t) for t in tasks.values()}, {"good"})
        self.assertEqual(self.read(session, 500, 1), bytes([4]) * self.block)

    def test_f057_1_numbers_wrap(self):
        """RFC 7143 4.2.2.1: serial arithmetic over 2**32."""
        session = self.session(cmd_sn=0xFFFFFFF0)
        for _ in range(40):
            self.works(session)
        self.assertLess(session.model.exp_cmd_sn, 0x100)

    def test_f058_a_gap_that_is_never_filled(self):
        """F058: the commands behind it wait; logout, a new session and the rest of the target are not held up."""
        session = self.session()
        task = session.command(scsi.test_unit_ready(), self.lun, cmd_sn=serial_add(session.cmd_sn, 3))
        self.ignored(session)
        self.target_works()
        self.assertEqual(session.logout(), 0)
        session.model.forbid(task)
        session.closes()

    def test_f059_immediate_commands_while_the_window_is_closed(self):
        """RFC 7143 4.2.2.1, F059: taken up to a limit, then Reject 0x06; commands of the window still run."""
        session = self.session(keys={"ImmediateData": "No"})
        room = ((session.model.max_cmd_sn - session.cmd_sn) & 0xFFFFFFFF) + 1
        held = [session.command(scsi.write10(0, 1), self.lun, write=bytes(self.block), automatic=False)
                for _ in range(min(room, 64))]
        pings = []
        for _ in range(200):
            pings.append(session.request(Op.NOP_OUT, data=b"x", immediate=True, ttt=RESERVED_TAG))
            session.send(pings[-1])
        waiting = {p.itt for p in pings}
        while waiting:
            pdu = session.receive("an answer to each immediate ping")
            if pdu.opcode == Op.NOP_IN:
                waiting.discard(pdu.itt)
            elif pdu.opcode == Op.REJECT:
                self.assertEqual(pdu.reason, 0x06)
                waiting.discard(session.model.rejects[-1][1].itt)
        for task in held:
            while not task.r2ts:
                session.expect(Op.R2T)
            session.answer_r2t(task, task.r2ts[0])
        session.finish(*held)
        self.assertEqual({str(t) for t in held}, {"good"})

    def test_f054_a_flood_of_task_management(self):
        """F054: 3000 immediate functions: each is answered or rejected with 0x06."""
        session = self.session()
        waiting = set()
        for _ in range(30):
            for _ in range(100):
                waiting.add(session.send_tmf(1, self.lun, referenced_task_tag=0xBAD0,
                                             ref_cmd_sn=session.cmd_sn - 999).itt)
            while len(waiting) > 20:
                pdu = session.receive("answers to task management")
                if pdu.opcode == Op.REJECT:
                    self.assertEqual(pdu.reason, 0x06)
                    waiting.discard(session.model.rejects[-1][1].itt)
                waiting.discard(pdu.itt)
        self.works(session)


class Tags(Case):
    def test_f061_a_command_with_the_reserved_tag(self):
        """RFC 7143 11.2.1.8: ITT 0xffffffff is no tag of a command: Reject or close, never executed."""
        session = self.session()
        self.write(session, 510, self.pattern(self.block, 1))
        pdu = session.request(Op.SCSI_COMMAND, data=self.pattern(self.block, 2), itt=RESERVED_TAG, bit5=1,
                              lun=scsi.lun_field(self.lun), expected_length=self.block, attribute=scsi.SIMPLE)
        pdu.bhs[32:48] = scsi.write10(510, 1).ljust(16, b"\0")
        session.send(pdu)
        self.closed_or(session, 0x04, 0x09)
        self.assertEqual(self.read(self.session(), 510, 1), self.pattern(self.block, 1))

    def test_f061_1_a_tag_that_is_in_use(self):
        """F061: a second command with a live tag: Reject 0x07, 0x04 or 0x09, or close; never two tasks of one tag."""
        session = self.session(keys={"ImmediateData": "No"})
        task = session.command(scsi.write10(511, 1), self.lun, write=self.pattern(self.block, 3), automatic=False)
        r2t = session.expect(Op.R2T)
        pdu = session.request(Op.SCSI_COMMAND, itt=task.itt, lun=task.lun, attribute=scsi.SIMPLE)
        session.send(pdu)
        how = self.closed_or(session, 0x07, 0x04, 0x09)
        if how != CLOSED:
            task.rejected = None
            session.answer_r2t(task, r2t)
            self.assertEqual(str(session.finish(task)), "good")
        self.target_works()


class DataOut(Case):
    """Each test has canaries around the written blocks."""

    def held(self, blocks=8, lba=520, **keys):
        session = self.session(keys={"ImmediateData": "No", "MaxBurstLength": "4096", "FirstBurstLength": "4096",
                                     **keys})
        self.before = self.pattern((blocks + 8) * self.block, 4)
        self.lba = lba
        self.write(session, lba - 4, self.before)
        task = session.command(scsi.write10(lba, blocks), self.lun, write=self.pattern(blocks * self.block, 5),
                               automatic=False)
        return session, task, session.expect(Op.R2T)

    def canaries(self, blocks=8):
        after = self.read(self.session(), self.lba - 4, blocks + 8)
        edge = 4 * self.block
        self.assertEqual(after[:edge], self.before[:edge], "blocks before the write changed")
        self.assertEqual(after[-edge:], self.before[-edge:], "blocks after the write changed")
        return after[edge:-edge]

    def spoiled(self, hint="", allowed=BAD_DATA, **fields):
        """One Data-Out with these fields changed, F as given (1 by default)."""
        session, task, r2t = self.held()
        data = fields.pop("data", task.data_out[:r2t.desired_length])
        pdu = session.data_out_pdu(task, 0, data, r2t.ttt)
        for name, value in fields.items():
            setattr(pdu, name, value)
        session.send(pdu)
        self.ends(session.outcome(task), *allowed, hint=hint)
        self.assertEqual(self.canaries(), self.before[4 * self.block:-4 * self.block], hint)

    def test_f063_data_out_beyond_the_r2t(self):
        """RFC 7143 11.7, 11.8: more than the Desired Data Transfer Length."""
        self.spoiled("longer", data=self.pattern(4096 + self.block, 6))

    def test_f063_1_data_out_at_a_wrong_offset(self):
        for offset in (self.block, 4, 4096, 0x7FFFFFFF, 0xFFFFFFFC, 0xFFFFF000):
            self.spoiled(f"offset {offset:#x}", buffer_offset=offset)

    def test_f063_2_data_out_with_a_wrong_transfer_tag(self):
        """RFC 7143 11.7.4: the TTT of the R2T must come back: Reject or close, or the task ends."""
        session, task, r2t = self.held()
        session.send(session.data_out_pdu(task, 0, task.data_out[:4096], serial_add(r2t.ttt, 77)))
        how = session.outcome(task)
        self.ends(how, *BAD_DATA)
        self.assertEqual(self.canaries(), self.before[4 * self.block:-4 * self.block])

    def test_f063_3_data_out_with_a_wrong_data_sn(self):
        """RFC 7143 7.9: a sequence error: at level 0 the task ends or the connection."""
        self.spoiled("DataSN 5", data_sn=5)

    def test_f063_4_data_out_with_f_too_early(self):
        """RFC 7143 11.4.7.2: an R2T answered with less: incorrect amount of data."""
        self.spoiled("short", data=self.pattern(1024, 6))

    def test_f063_5_data_out_without_f_at_the_end(self):
        """All of the R2T is there but F is missing: an error, or silence until more comes; never beyond the R2T."""
        session, task, r2t = self.held()
        session.send(session.data_out_pdu(task, 0, task.data_out[:4096], r2t.ttt, final=False))
        session.send(session.data_out_pdu(task, 4096, b"\xEE" * self.block, r2t.ttt, data_sn=1, final=True))
        self.ends(session.outcome(task), *BAD_DATA)
        self.canaries()

    def test_f063_6_data_out_with_a_gap_and_an_overlap(self):
        for second in (2048, 512):
            session, task, r2t = self.held()
            session.send(session.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, 0, final=False))
            session.send(session.data_out_pdu(task, second, task.data_out[second:4096], r2t.ttt, 1, final=True))
            self.ends(session.outcome(task), *BAD_DATA, hint=f"second part at {second}")
            self.canaries()

    def test_f064_data_out_for_a_task_that_does_not_exist(self):
        """F064: dropped, with a Reject or not, or the connection ends; the target goes on."""
        for ttt in (RESERVED_TAG, 0, 1, 0x12345678):
            session = self.session()
            session.send(Pdu(Op.DATA_OUT, data=bytes(512), itt=0x7777, ttt=ttt, final=1,
                             exp_stat_sn=session.model.next_stat_sn))
            try:
                for pdu in self.fence(session):
                    self.assertEqual(pdu.opcode, Op.REJECT)
            except Closed:
                pass
        self.target_works()

    def test_f064_1_data_out_for_a_finished_task(self):
        """F064: the tag and TTT of a WRITE that ended."""
        session, task, r2t = self.held(blocks=8)
        session.answer_r2t(task, r2t)
        session.finish(task)
        session.send(session.data_out_pdu(task, 0, b"\xDD" * 4096, r2t.ttt))
        try:
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT)
        except Closed:
            pass
        self.assertEqual(self.canaries(), task.data_out)

    def test_f064_2_data_out_for_a_read(self):
        session = self.session()
        task = session.do(scsi.read10(0, 1), self.lun, read=self.block)
        session.send(Pdu(Op.DATA_OUT, data=bytes(512), itt=task.itt, ttt=RESERVED_TAG, final=1,
                         exp_stat_sn=session.model.next_stat_sn))
        try:
            for pdu in self.fence(session):
                self.assertEqual(pdu.opcode, Op.REJECT)
        except Closed:
            pass
        self.target_works()

    def test_f065_data_segment_longer_than_the_target_takes(self):
        """F065, RFC 7143 13.12: a Data-Out, a command and a ping above the target's limit end the connection."""
        for opcode in (Op.DATA_OUT, Op.SCSI_COMMAND, Op.NOP_OUT, Op.TEXT_REQUEST):
            for over in (1, 4, 1 << 20):
                session, task, r2t = self.held()
                length = min(session.parameters.target_mrdsl + over, (1 << 24) - 1)
                if opcode == Op.DATA_OUT:
                    pdu = session.data_out_pdu(task, 0, bytes(512), r2t.ttt)
                else:
                    pdu = session.request(opcode, data=bytes(512), immediate=True, ttt=RESERVED_TAG)
                try:
                    session.send(pdu, declared_data=length)
                    session.closes()
                except Closed:
                    pass
                self.assertLessEqual({r for r, _ in session.model.rejects}, {0x04, 0x09})
        self.target_works()

    def test_f062_immediate_data_beyond_the_expected_length(self):
        """F062: more immediate data than EDTL or CDB: error or ignored; canaries stand."""
        session = self.session()
        before = self.pattern(4 * self.block, 8)
        self.write(session, 540, before)
        task = session.command(scsi.write10(540, 1), self.lun, write=self.pattern(3 * self.block, 9),
                               expected=self.block, immediate_data=3 * self.block, unsolicited=0)
        self.ends(session.outcome(task), *BAD_DATA)
        self.assertEqual(self.read(self.session(), 540, 4)[self.block:], before[self.block:])


class Opcodes(Case):
    def test_f078_opcodes_of_a_target(self):
        """NEX-3746, F078: 0x20 to 0x3f from the initiator: Reject 0x05, 0x04 or 0x09, or close."""
        for opcode in range(0x20, 0x40):
            session = self.session(settle=False)
            session.send(Pdu(opcode, itt=0x99, ttt=RESERVED_TAG, final=1, immediate=1, cmd_sn=session.cmd_sn))
            if self.closed_or(session, 0x04, 0x05, 0x09) != CLOSED:
                session.ping(b"still here")
            session.close()
        self.target_works()

    def test_f078_1_opcodes_that_are_reserved(self):
        """F078: 0x07 to 0x0f, 0x11 to 0x1f."""
        for opcode in (*range(0x07, 0x10), *range(0x11, 0x20)):
            session = self.session(settle=False)
            session.send(Pdu(opcode, data=b"xyz", itt=0x99, final=1, immediate=1, cmd_sn=session.cmd_sn))
            if self.closed_or(session, 0x04, 0x05) != CLOSED:
                session.ping(b"still here")
            session.close()

    def test_cve_2021_28361_no_data_in_every_pdu_type(self):
        """CVE-2021-28361: zero length where data is expected, with F, C, and nothing set."""
        for opcode in (Op.NOP_OUT, Op.SCSI_COMMAND, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.DATA_OUT, Op.LOGOUT_REQUEST,
                       Op.SNACK, Op.LOGIN_REQUEST):
            for flags in (0x00, 0x40, 0x80, 0xC0, 0xFF):
                session = self.session(settle=False)
                session.send(Pdu(opcode, flags=flags, itt=0x99, ttt=RESERVED_TAG, immediate=1, cmd_sn=session.cmd_sn,
                                 exp_stat_sn=session.model.next_stat_sn))
                session.model.requests.clear()
                session.close()
        self.target_works()

    def test_tmf_of_every_function_code(self):
        """RFC 7143 11.5.1: 0 and 13 to 127 are answered 5 or rejected."""
        session = self.session()
        for function in (0, *range(13, 128)):
            pdu = session.send_tmf(function, self.lun)
            how = session.reply(pdu.itt)
            if isinstance(how, str):
                self.ends(how, "reject 04", "reject 05", "reject 09", CLOSED)
                if how == CLOSED:
                    session = self.session()
            else:
                self.assertIn(how.response, (5, 255), f"function {function}")

    def test_f053_task_management_for_a_lun_that_does_not_exist(self):
        """F053, RFC 7143 11.6.1: response 2."""
        session = self.session()
        for function in (2, 4, 5):
            self.assertEqual(session.tmf(function, 200), 2, f"function {function}")


class Segments(Case):
    def ahs(self, kind, body, length=None):
        return (len(body) if length is None else length).to_bytes(2, "big") + bytes([kind]) + body

    def finished(self, session, task, *allowed, hint=""):
        self.ends(session.outcome(task), *allowed, hint=hint)

    def test_f067_an_extended_cdb(self):
        """RFC 7143 11.2.2.3: a 32-byte CDB by AHS type 1; an unknown service action is an invalid field or opcode."""
        session = self.session()
        cdb = scsi.cdb(0x7F, 32, (7, 1, 24), (8, 2, 0xFFFE))
        task = session.do(cdb, self.lun, ahs=self.ahs(1, b"\0" + cdb[16:]))
        self.ends(task, "check 05/20/00", "check 05/24/00")
        self.works(session)

    def test_f067_1_an_extended_read_32(self):
        """SBC-3 READ(32), where the target has it."""
        session = self.session()
        data = self.pattern(2 * self.block, 11)
        self.write(session, 550, data)
        cdb = scsi.cdb(0x7F, 32, (7, 1, 24), (8, 2, 9), (12, 8, 550), (20, 4, 550), (28, 4, 2))
        task = session.do(cdb, self.lun, ahs=self.ahs(1, b"\0" + cdb[16:]), read=2 * self.block)
        if str(task) == "good":
            self.assertEqual(bytes(task.data_in), data)
        else:
            self.ends(task, "check 05/20/00", "check 05/24/00")

    def test_f067_2_extended_cdbs_of_17_to_260_bytes(self):
        """CVE-2025-68782: every length is answered: opcode or field invalid, or Reject."""
        for length in (17, 18, 19, 20, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 259, 260):
            session = self.session(settle=False)
            body = b"\0" + bytes(length - 16)
            task = session.command(scsi.cdb(0x7F, 16, (7, 1, (length - 8) & 0xFF)), self.lun, ahs=self.ahs(1, body))
            self.finished(session, task, "check 05/*", "check 06/*", "reject 09", "reject 04", "reject 0a", CLOSED,
                          hint=f"{length}")
            session.close()
        self.target_works()

    def test_f067_3_bad_segments(self):
        """NEX-3672, SPDK 9d660f187a: AHSLength 0 to 255 against what is there, two segments, unknown types."""
        short = self.ahs(1, b"\0" + bytes(16))
        cases = [self.ahs(1, b"\0" + bytes(16), length=n) for n in (0, 1, 2, 16, 18, 19, 49, 255, 65535)]
        cases += [short + short, self.ahs(2, b"\0\0\0\2\0"), self.ahs(2, b"\0"), self.ahs(0, b"\0" * 5),
                  self.ahs(63, b"\0" * 5), self.ahs(0x81, b"\0" * 17), b"\0", b"\0\0\1", b"\xFF" * 8, b"\0" * 255 * 4]
        for ahs in cases:
            session = self.session(settle=False)
            task = session.command(scsi.test_unit_ready(), self.lun, ahs=ahs)
            self.finished(session, task, "good", "check 05/*", "check 06/*", "reject 09",
                          "reject 04", "reject 05", CLOSED, hint=ahs[:24].hex())
            session.close()
        self.target_works()

    def test_f067_4_segments_on_every_opcode(self):
        """RFC 7143 11.2.1.5: only commands have AHS; with 1, 17, 49 and 255 words on the others: no crash."""
        for opcode in (Op.NOP_OUT, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.DATA_OUT, Op.LOGOUT_REQUEST, Op.SNACK, 0x1C,
                       0x25):
            for words in (1, 5, 17, 49, 255):
                session = self.session(settle=False)
                pdu = Pdu(opcode, ahs=b"\0\2\1\0" * words, itt=0x99, ttt=RESERVED_TAG, final=1, immediate=1,
                          cmd_sn=session.cmd_sn, exp_stat_sn=session.model.next_stat_sn)
                session.send(pdu)
                session.close()
        self.target_works()

    def test_f067_5_bidirectional_commands(self):
        """RFC 7143 11.3.1: R and W both set with a bidirectional AHS: refused or executed, never a hang."""
        session = self.session()
        task = session.command(scsi.read10(0, 1), self.lun, read=self.block, write=bytes(self.block), immediate_data=0,
                               ahs=self.ahs(2, b"\0" + self.block.to_bytes(4, "big")))
        self.finished(session, task, "check 05/*", "good", "reject 09", "reject 04", "reject 05", CLOSED)
        self.target_works()

    def test_f066_directions_that_do_not_fit(self):
        """F066: R and W against the CDB, with and without a length; no canary is touched, no data leaks."""
        session = self.session()
        before = self.pattern(4 * self.block, 12)
        self.write(session, 560, before)
        for flags in ({"bit6": 0, "bit5": 0}, {"bit6": 1, "bit5": 0}, {"bit6": 0, "bit5": 1}):
            for expected in (0, self.block):
                for cdb in (scsi.read10(560, 1), scsi.write10(560, 1)):
                    one = self.session()
                    task = one.command(cdb, self.lun, read=flags["bit6"], expected=expected,
                                       write=bytes(self.block) if flags["bit5"] and expected else b"", **flags)
                    how = one.outcome(task)
                    self.ends(how, "good", "check 05/*", "check 0b/*", *PROTOCOL_ERROR,
                              hint=f"{flags} {expected} {cdb.hex()}")
                    if not flags["bit6"]:
                        self.assertEqual(bytes(task.data_in), b"")
                    if cdb[0] == 0x28 or not (flags["bit5"] and expected):
                        self.assertEqual(self.read(session, 560, 4), before, f"{flags} {expected} {cdb.hex()}")
                    self.write(session, 560, before)
                    one.close()

    def test_f089_pdus_in_single_bytes_and_in_bulk(self):
        """F089: one-byte segments, and 64 PDUs in one segment."""
        session = self.session()
        pdu = session.request(Op.NOP_OUT, data=b"slowly", immediate=True, ttt=RESERVED_TAG)
        whole = pdu.encode()
        session.model.sent(pdu)
        for byte in whole:
            session.wire.send_bytes(bytes([byte]))
            time.sleep(0.0005)
        self.assertEqual(session.reply(pdu.itt).data, b"slowly")
        bulk, pings = b"", []
        for i in range(64):
            ping = session.request(Op.NOP_OUT, data=bytes([i]) * i, immediate=False, ttt=RESERVED_TAG)
            bulk += ping.encode()
            session.model.sent(ping)
            pings.append(ping)
        session.wire.send_bytes(bulk)
        for ping in pings:
            session.until(lambda p, itt=ping.itt: p.itt == itt, "an answer to a ping of the bulk")

    def test_f081_connections_cut_inside_a_write(self):
        """F081: FIN or RST after each part of a command and its data; nothing is written, the target goes on."""
        keeper = self.session()
        before = self.pattern(self.block, 13)
        self.write(keeper, 570, before)
        for cut in (*range(1, 49, 5), 48, 49, 100, 300, 48 + self.block - 1):
            for reset in (False, True):
                session = self.session(settle=False)
                session.settle(self.lun)
                pdu = session.request(Op.SCSI_COMMAND, data=self.pattern(self.block, 14), bit5=1, attribute=scsi.SIMPLE,
                                      lun=scsi.lun_field(self.lun), expected_length=self.block)
                pdu.bhs[32:48] = scsi.write10(570, 1).ljust(16, b"\0")
                session.wire.send_bytes(pdu.encode()[:cut])
                session.close(reset)
        self.assertEqual(self.read(keeper, 570, 1), before)
        self.works(keeper)


class Slow(Case):
    def test_cve_2025_38075_connections_lost_around_a_ping(self):
        """CVE-2025-38075: no timer survives its connection: 60 connections end at every point of the ping cycle."""
        self.need("nop_portal")
        sessions = [self.session(portal=self.fixture.nop_portal, settle=False) for _ in range(60)]
        pause = (self.fixture.nop_interval + self.fixture.nop_timeout) / len(sessions)
        for i, session in enumerate(sessions):
            session.close(reset=i % 2 == 1)
            time.sleep(pause)
        time.sleep(self.fixture.nop_timeout)
        self.session(portal=self.fixture.nop_portal, settle=False).ping(b"in")

    def test_f088_a_peer_that_does_not_read(self):
        """F088: a session with a closed TCP window; others run; the target keeps a bounded backlog."""
        stuck = self.session(receive_buffer=4096, keys={"MaxRecvDataSegmentLength": "65536"})
        room = ((stuck.model.max_cmd_sn - stuck.cmd_sn) & 0xFFFFFFFF) + 1
        for _ in range(min(room, 32)):
            stuck.command(scsi.read10(0, 256), self.lun, read=256 * self.block)
        other = self.session()
        for _ in range(50):
            self.works(other)
        self.assertEqual(len(self.read(other, 0, 256)), 256 * self.block)
        stuck.close(reset=True)
        self.works(other)

    def test_f074_1_a_ping_that_is_not_answered(self):
        """F074: the target closes a connection whose initiator is gone, after its ping timed out."""
        self.need("nop_portal")
        session = self.session(portal=self.fixture.nop_portal, settle=False)
        session.auto_nop = False
        before = session.closes(self.fixture.nop_interval + self.fixture.nop_timeout + 10)
        self.assertTrue(any(p.opcode == Op.NOP_IN and p.itt == RESERVED_TAG for p in before))
        self.target_works()
