"""What a target is told to want of the keys that logins negotiate (RFC 7143 6.2, 13), and Async Message 4 (11.9.1)."""

from rawiscsi import keys as text
from rawiscsi import scsi
from rawiscsi.login import Refused
from rawiscsi.pdu import Op

from .login_case import CLOSED, INITIATOR_ERROR, OPERATIONAL, LoginCase

ANNOUNCED = ("refused with status 0200", "longer than", "length")

LARGE = {"InitialR2T": "No", "ImmediateData": "Yes", "MaxBurstLength": "16776192", "FirstBurstLength": "262144",
         "MaxOutstandingR2T": "8", "DefaultTime2Wait": "0", "DefaultTime2Retain": "3600", "ErrorRecoveryLevel": "2"}


class TargetKeys(LoginCase):
    def setUp(self):
        super().setUp()
        self.need("spare_target", "tgtctl")
        self.unit = self.fixture.create_unit(41)
        self.addCleanup(self.fixture.delete_unit, self.unit)
        spare = self.fixture.spare_target(self.unit)
        self.name = spare.__enter__()
        self.addCleanup(spare.__exit__, None, None, None)

    def want(self, *options):
        self.fixture.tgtctl("target", "modify", self.name, *options)

    def answers(self, **offer):
        """How operational keys are answered by this target, or the status of the refusal."""
        phase = self.phase()
        try:
            _, pairs = phase.exchange({**self.names(TargetName=self.name, AuthMethod=None), **offer}, csg=OPERATIONAL)
        except Refused as refused:
            return refused.status
        finally:
            phase.wire.close()
        return text.single(pairs)

    def to_spare(self, **keys):
        session = self.session(target=self.name, settle=False, keys=keys)
        session.settle(0)
        return session

    def test_every_setting_bounds_its_key(self):
        """The result is the smaller, the larger, or both sides' wish, as the key has it."""
        self.want("--initial-r2t", "--no-immediate-data", "--max-recv-data-segment-length", "4096", "--max-burst-length",
                  "65536", "--first-burst-length", "8192", "--max-outstanding-r2t", "2", "--default-time2wait", "7")
        answers = self.answers(**{**LARGE, "ImmediateData": "Yes", "ErrorRecoveryLevel": "0"})
        wanted = {"InitialR2T": "Yes", "ImmediateData": "No", "MaxRecvDataSegmentLength": "4096", "MaxBurstLength": "65536",
                  "MaxOutstandingR2T": "2", "DefaultTime2Wait": "7"}
        self.assertEqual({key: answers.get(key) for key in wanted}, wanted)
        self.want("--no-initial-r2t", "--error-recovery-level", "2", "--default-time2retain", "40")
        answers = self.answers(**LARGE)
        self.assertEqual((answers["InitialR2T"], answers["FirstBurstLength"], answers["DefaultTime2Retain"]),
                         ("No", "8192", "40"))
        small = self.answers(MaxBurstLength="512", FirstBurstLength="512", MaxOutstandingR2T="1", DefaultTime2Wait="9")
        self.assertEqual((small["MaxBurstLength"], small["FirstBurstLength"], small["MaxOutstandingR2T"],
                          small["DefaultTime2Wait"]), ("512", "512", "1", "9"))

    def test_bursts_are_as_the_target_wants(self):
        """R2Ts ask for no more than MaxBurstLength, and not for more at a time than MaxOutstandingR2T."""
        self.want("--max-burst-length", "4096", "--max-outstanding-r2t", "1", "--initial-r2t", "--no-immediate-data")
        session = self.to_spare(MaxBurstLength="262144", MaxOutstandingR2T="4", InitialR2T="No")
        data = self.pattern(32 * 512, 5)
        task = session.do(scsi.write10(0, 32), 0, write=data)
        self.assertEqual(str(task), "good")
        self.assertEqual([r2t.desired_length for r2t in task.r2ts], [4096] * 4)
        self.assertEqual(bytes(session.do(scsi.read10(0, 32), 0, read=len(data)).data_in), data)

    def test_digests_that_are_required(self):
        """CRC32C or no session: an offer of None alone, and no offer at all, end in status 0200."""
        for key, option in (("HeaderDigest", "--header-digest"), ("DataDigest", "--data-digest")):
            with self.subTest(key):
                self.want(option, "required")
                self.assertEqual(self.answers(**{key: "None"}), INITIATOR_ERROR)
                self.assertEqual(self.answers(), INITIATOR_ERROR)
                self.assertEqual(self.answers(**{key: "None,CRC32C"})[key], "CRC32C")
                session = self.to_spare(**{key: "None,CRC32C"})
                self.assertEqual(str(session.do(scsi.read10(0, 8), 0, read=8 * 512)), "good")
                session.wire.close()
                self.want(option, "any")

    def test_digests_that_are_refused(self):
        """None wins whatever the order; where only CRC32C is offered, Reject leaves the default, None."""
        self.want("--header-digest", "none", "--data-digest", "none")
        answers = self.answers(HeaderDigest="CRC32C,None", DataDigest="CRC32C")
        self.assertEqual((answers["HeaderDigest"], answers["DataDigest"]), ("None", "Reject"))

    def test_segments_are_as_long_as_declared(self):
        """RFC 7143 13.12: what is longer than the target declared breaks the protocol."""
        self.want("--max-recv-data-segment-length", "1024")
        session = self.to_spare()
        self.assertEqual(session.answers.get("MaxRecvDataSegmentLength"), "1024")
        data = self.pattern(2048, 6)
        self.assertEqual(str(session.do(scsi.write10(0, 4), 0, write=data)), "good")
        self.assertEqual(bytes(session.do(scsi.read10(0, 4), 0, read=2048).data_in), data)
        long = session.command(scsi.write10(0, 4), 0, write=data, immediate_data=2048, unsolicited=0)
        self.ends(session.outcome(long), "reject 04", "reject 09", CLOSED)

    def ask(self, session, within=4):
        """By the operator; the Async Message."""
        mine = [s["id"] for s in self.fixture.tgtctl("session", "list") if s["isid"] == f"0x{session.isid:012x}"]
        self.fixture.tgtctl("session", "negotiate", mine[0], "--within", f"{within}s")
        message = session.until(lambda p: p.opcode == Op.ASYNC and p.async_event != 0, "Async Message 4", 5)
        self.assertEqual((message.async_event, message.parameter3, bytes(message.data)), (4, within, b""))
        return message

    def test_async_4_a_new_segment_length_is_declared(self):
        """The target's setting changed; asked, the initiator sends an empty Text Request and is told."""
        session = self.to_spare()
        self.want("--max-recv-data-segment-length", "2048")
        self.ask(session)
        answer = session.text()
        self.assertEqual(text.decode(answer.data), [("MaxRecvDataSegmentLength", "2048")])
        session.parameters.target_mrdsl = 2048
        data = self.pattern(16384, 7)
        self.assertEqual(str(session.do(scsi.write10(8, 32), 0, write=data)), "good")
        self.assertEqual(bytes(session.do(scsi.read10(8, 32), 0, read=len(data)).data_in), data)
        shown = [s for s in self.fixture.tgtctl("session", "list") if s["isid"] == f"0x{session.isid:012x}"][0]
        keys = self.fixture.tgtctl("session", "show", shown["id"])["keys"]
        self.assertEqual(keys["TargetMaxRecvDataSegmentLength"], "2048")

    def test_async_4_with_nothing_new(self):
        """Nothing changed, so the answer is empty; and who does not answer at all loses nothing."""
        session = self.to_spare()
        self.ask(session)
        self.assertEqual(bytes(session.text().data), b"")
        self.ask(session, within=1)
        session.ping(b"still here")

    def test_async_4_on_every_connection(self):
        """MaxRecvDataSegmentLength is a connection's, so each of them is asked."""
        self.want("--max-connections", "2")
        first = self.to_spare(MaxConnections="2")
        second = self.joined(first, 1)
        self.ask(first)
        message = second.until(lambda p: p.opcode == Op.ASYNC, "Async Message 4", 5)
        self.assertEqual(message.async_event, 4)
