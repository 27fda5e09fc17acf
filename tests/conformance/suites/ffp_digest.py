"""UNH-IOL full feature items 18, and F068 to F070: header and data digests, right and wrong."""

from rawiscsi import keys as text
from rawiscsi.errors import Closed
from rawiscsi.pdu import RESERVED_TAG

from .case import CLOSED, Case, Op, Pdu, scsi


class Digests(Case):
    def digests(self, header="None", data="None", **keys):
        return self.session(keys={"HeaderDigest": header, "DataDigest": data, **keys})

    def dropped_or_closed(self, session):
        """After a bad header digest: the connection ends, or the PDU had no effect and the rest goes on."""
        try:
            for pdu in self.fence(session):
                self.fail(f"an answer to a PDU with a bad header digest: {pdu}")
        except Closed:
            return CLOSED
        return "dropped"

    def test_ffp_18_1_1_a_command_with_a_bad_header_digest(self):
        """RFC 7143 7.8: the PDU is discarded (and at level 0 the connection may go); nothing of it is executed."""
        for encoding in ({"spoil_header": True}, {"header_digest": False}):  # a wrong one, and none at all
            session = self.digests(header="CRC32C", FirstBurstLength="512")
            self.prelude(session)
            before = self.pattern(self.block, 1)
            self.write(self.session(), 30, before)
            session.command(scsi.write10(30, 1), self.lun, write=self.pattern(self.block, 2), encoding=encoding)
            session.wire.half_close()  # the target may still wait for a PDU of the length that it read
            self.dropped_or_closed(session)
            self.assertEqual(self.read(self.session(), 30, 1), before)

    def test_ffp_18_2_1_a_command_with_a_bad_data_digest(self):
        """RFC 7143 7.8: Reject 0x02, no R2T; the data is not written; another WRITE is served."""
        session = self.digests(data="CRC32C", InitialR2T="Yes", FirstBurstLength="512")
        self.prelude(session)
        before = self.pattern(2 * self.block, 1)
        self.write(session, 31, before)
        task = session.command(scsi.write10(31, 2), self.lun, write=self.pattern(2 * self.block, 2),
                               immediate_data=512, encoding={"spoil_data": True})
        how = session.outcome(task)
        self.ends(how, "reject 02", CLOSED)
        self.assertEqual(task.r2ts, [])
        if how != CLOSED:
            second = self.pattern(2 * self.block, 3)
            self.write(session, 33, second, immediate_data=0)
            self.assertEqual(self.read(session, 33, 2), second)
        self.assertEqual(self.read(self.session(), 31, 2), before)

    def test_ffp_18_2_2_a_data_out_with_a_bad_data_digest(self):
        """RFC 7143 7.8: Reject 0x02, and after F CHECK CONDITION 0B/47/05; the spoiled bytes are not written."""
        session = self.digests(data="CRC32C", ImmediateData="No", InitialR2T="Yes")
        before = self.pattern(4 * self.block, 1)
        self.write(self.session(), 32, before)
        task, r2t = self.held(session, 32)
        session.send(session.data_out_pdu(task, 0, task.data_out[:1024], r2t.ttt, final=False), spoil_data=True)
        how = self.closed_or(session, 0x02)
        if how != CLOSED:
            self.ignored(session)
            session.send(session.data_out_pdu(task, 1024, task.data_out[1024:], r2t.ttt, data_sn=1))
            self.ends(session.outcome(task), "check 0b/47/05", CLOSED)
            self.works(session)
        self.assertEqual(self.read(self.session(), 32, 4)[:1024], before[:1024])

    def test_f068_a_bad_header_digest_on_each_pdu_type(self):
        """F068: dropped or closed for every request; a new session works."""
        for opcode in (Op.NOP_OUT, Op.SCSI_COMMAND, Op.TMF_REQUEST, Op.TEXT_REQUEST, Op.DATA_OUT, Op.LOGOUT_REQUEST,
                       Op.SNACK):
            session = self.digests(header="CRC32C", data="CRC32C")
            pdu = session.request(opcode, immediate=opcode != Op.SCSI_COMMAND, ttt=RESERVED_TAG)
            if opcode == Op.SCSI_COMMAND:
                session.cmd_sn -= 1
            session.send(pdu, spoil_header=True)
            session.model.requests.pop(pdu.itt, None)
            self.dropped_or_closed(session)
        self.target_works()

    def test_f069_a_ping_with_a_bad_data_digest(self):
        """RFC 7143 7.8: Reject 0x02, no ping answer."""
        session = self.digests(data="CRC32C")
        pdu = session.request(Op.NOP_OUT, data=b"spoiled", immediate=True, ttt=RESERVED_TAG)
        session.send(pdu, spoil_data=True)
        how = session.reply(pdu.itt)
        self.ends(how, "reject 02", CLOSED)
        if how != CLOSED:
            self.works(session)

    def test_f069_2_login_pdus_have_no_digests(self):
        """RFC 7143 13.1: digests start with the full feature phase, not with the negotiation that agreed on them."""
        session = self.digests(header="CRC32C", data="CRC32C")
        self.works(session)

    def test_f070_every_combination_carries_data(self):
        """F070: None and CRC32C for header and data, lengths with and without padding, no data, both directions."""
        for header in ("None", "CRC32C", "CRC32C,None", "None,CRC32C"):
            for data in ("None", "CRC32C", "CRC32C,None", "None,CRC32C"):
                session = self.digests(header, data)
                for chosen, offer in ((session.parameters["HeaderDigest"], header),
                                      (session.parameters["DataDigest"], data)):
                    self.assertEqual(chosen, offer.split(",")[0], "the first value of the list is supported")
                pattern = self.pattern(20 * self.block, 3)
                self.write(session, 50, pattern)
                self.assertEqual(self.read(session, 50, 20), pattern)
                for length in (0, 1, 2, 3, 4, 5):
                    self.assertEqual(session.ping(pattern[:length]).data, pattern[:length])
                self.works(session)

    def test_f070_1_padding_is_part_of_the_digest(self):
        """RFC 7143 13.1: the data digest covers the padding bytes, whatever their value."""
        session = self.digests(data="CRC32C")
        pdu = session.request(Op.NOP_OUT, data=b"12345", immediate=True, ttt=RESERVED_TAG)
        session.send(pdu, fill=b"\xAA")
        self.assertEqual(session.reply(pdu.itt).data, b"12345")

    def test_f070_2_the_header_digest_covers_additional_segments(self):
        """RFC 7143 11.2.2, 13.1: header and AHS are one digest."""
        session = self.digests(header="CRC32C")
        cdb = scsi.cdb(0x7F, 32, (7, 1, 24), (8, 2, 0xFFFF))
        ahs = b"\x00\x11\x01\x00" + cdb[16:]
        self.ends(session.do(cdb, self.lun, ahs=ahs), "check 05/20/00", "check 05/24/00")
        self.works(session)

    def test_f070_3_no_data_has_no_data_digest(self):
        """RFC 7143 11.2.4: a zero-length data segment has no digest."""
        session = self.digests(data="CRC32C")
        for _ in range(3):
            self.works(session)
            session.ping(b"")

    def test_f070_4_text_under_digests(self):
        session = self.digests(header="CRC32C", data="CRC32C")
        answer = self.answered(session.text({"X-org.outboard.digest": "1"}))
        self.assertEqual(text.decode(answer.data), [("X-org.outboard.digest", "NotUnderstood")])

    def test_f070_5_an_unknown_digest_is_refused(self):
        """RFC 7143 6.2.1: a list without a known value is answered Reject, or the login fails."""
        from rawiscsi.login import OPERATIONAL, SECURITY, Refused
        phase = self.phase()
        names = {"InitiatorName": "iqn.2026-11.org.outboard.test:digest", "TargetName": self.fixture.plain,
                 "SessionType": "Normal", "AuthMethod": "None"}
        phase.exchange(names, csg=SECURITY, nsg=OPERATIONAL)
        try:
            _, pairs = phase.exchange({"HeaderDigest": "SHA-9"}, csg=OPERATIONAL)
        except Refused as refused:
            self.assertEqual(refused.status >> 8, 2)
        except Closed:
            return
        else:
            self.assertIn(("HeaderDigest", "Reject"), pairs)

    def test_f070_6_a_reject_keeps_the_header_under_digests(self):
        session = self.digests(header="CRC32C", data="CRC32C")
        session.send(Pdu(0x1B, itt=9, final=1, immediate=1, cmd_sn=session.cmd_sn))
        if self.closed_or(session, 0x05, 0x04) != CLOSED:
            self.works(session)
