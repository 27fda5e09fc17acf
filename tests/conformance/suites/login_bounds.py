"""Login suite, bounds: what an unauthenticated peer may send (reliability rows of class 1 and 2; F079, F080, F086)."""

import contextlib
import string
import time

from rawiscsi import keys as text
from rawiscsi.errors import Closed, NoAnswer
from rawiscsi.login import LOGIN_MRDSL, LoginPhase, Refused
from rawiscsi.pdu import BHS_LENGTH, Op, Pdu
from rawiscsi.session import OFFER, new_isid

from .login_case import CLOSED, INITIATOR_ERROR, OPERATIONAL, SECURITY, LoginCase

ANNOUNCED = ("refused with status 0[23]",
             "connection refused: too many logins from there",
             "something else than a login request before login",
             "login took too long")

OUT_OF_RESOURCES = 0x0302
KEYS = string.ascii_letters + string.digits


class Lengths(LoginCase):
    def test_cve_2011_0001_first_pdu_longer_than_8192(self):
        """CVE-2011-0001, RFC 7143 13.12: a DataSegmentLength above 8192 in a login ends the connection unread."""
        for length in (8193, 8196, 9000, 16384, 65536, 1 << 20, (1 << 24) - 1):
            phase = self.phase()
            pdu = phase.request(self.names(), csg=SECURITY, nsg=OPERATIONAL)
            pdu.data += b"\0" * (min(length, 20000) - len(pdu.data))
            phase.last = pdu
            try:
                phase.wire.send_bytes(pdu.encode(declared_data=length))
            except Closed:
                continue
            self.refused(phase.verdict(), INITIATOR_ERROR, OUT_OF_RESOURCES, CLOSED, "reject 4", "reject 9",
                         hint=f"DataSegmentLength {length}:")
        self.target_works()

    def test_cve_2026_90011_payloads_around_8192(self):
        """CVE-2026-90011: 8185 to 8200 bytes with and without NUL: no NUL is no end of text."""
        for length in range(8185, 8201):
            for end in (b"\0", b"x"):
                phase = self.phase()
                names = text.encode(self.names())
                raw = names + b"X-a=" + b"v" * (length - len(names) - 5) + end
                self.assertEqual(len(raw), length)
                verdict = self.step(phase, raw=raw, csg=SECURITY, nsg=OPERATIONAL)
                if verdict != "ok" or length > LOGIN_MRDSL or end != b"\0":
                    self.refused(verdict, INITIATOR_ERROR, OUT_OF_RESOURCES, CLOSED, "reject 4", "reject 9",
                                 hint=f"{length} bytes ending in {end!r}:")
        self.target_works()

    def test_cve_2026_90011_in_the_chap_stage(self):
        """CVE-2026-90011: the same lengths where CHAP text is expected."""
        self.need("chap")
        for length in range(8185, 8193):
            for end in (b"\0", b"x"):
                phase = self.phase()
                phase.exchange(self.names(TargetName=self.fixture.chap, AuthMethod="CHAP"), csg=SECURITY, transit=False)
                phase.exchange({"CHAP_A": "5"}, csg=SECURITY, transit=False)
                raw = b"CHAP_N=alice\0CHAP_R=0x"
                raw += b"a" * (length - len(raw) - 1) + end
                self.refused(self.step(phase, raw=raw, csg=SECURITY, nsg=OPERATIONAL), hint=f"{length} bytes, {end!r}:")
        self.target_works()

    def test_cve_2013_2850_keys_of_many_lengths(self):
        """CVE-2013-2850: unknown keys of 1, 63, 64, 255 and 8191 bytes before authentication."""
        for length in (1, 63, 64, 255, 4096, 8191):
            for raw in (b"k" * length, b"k" * (length - 1) + b"=", b"k" * length + b"\0", b"=" * length):
                verdict = self.step(self.phase(), raw=raw[:LOGIN_MRDSL], csg=SECURITY, nsg=OPERATIONAL)
                self.refused(verdict, hint=f"{length} bytes:")
        self.target_works()

    def test_cve_2026_63887_two_thousand_keys(self):
        """CVE-2026-63887: 2048 pairs a=b in one PDU: refused, or every one answered in PDUs of at most 8192 bytes."""
        for count in (1, 16, 100, 500, 1000, 2047, 2048):
            phase = self.operational()
            try:
                _, pairs = phase.exchange(raw=b"".join(f"{KEYS[i // 62]}{KEYS[i % 62]}=\0".encode()
                                                       for i in range(count)), csg=OPERATIONAL)
            except Refused as refused:
                self.refused(refused.status, INITIATOR_ERROR, OUT_OF_RESOURCES, hint=f"{count} keys:")
            except Closed:
                pass
            else:
                self.assertEqual([v for _, v in pairs].count("NotUnderstood"), count)
        self.target_works()

    def test_cve_2026_63887_the_same_key_two_thousand_times(self):
        verdict = self.step(self.operational(), raw=b"a=b\0" * 2048, csg=OPERATIONAL)
        self.refused(verdict, INITIATOR_ERROR, OUT_OF_RESOURCES, CLOSED)
        self.target_works()

    def test_cve_2026_63887_keys_over_many_requests(self):
        """A ceiling on keys per login holds over many requests, or every key is answered."""
        phase, total = self.operational(), 0
        for request in range(200):
            raw = b"".join(b"K%d-%d=1\0" % (request, i) for i in range(100))
            verdict = self.step(phase, raw=raw, csg=OPERATIONAL, transit=False)
            total += 100
            if verdict != "ok":
                return self.refused(verdict, INITIATOR_ERROR, OUT_OF_RESOURCES, CLOSED, hint=f"after {total} keys:")
        return self.fail(f"{total} keys were taken in one login")

    def test_spdk_9d660f_login_with_additional_segments(self):
        """SPDK 9d660f187a, NEX-3672: TotalAHSLength 1 to 255 in a login: refused or closed."""
        for words in (1, 4, 5, 12, 17, 49, 128, 255):
            phase = self.phase()
            phase.last = phase.request(self.names(), csg=SECURITY, nsg=OPERATIONAL)
            phase.last.ahs = b"\0\x02\1\0" * words
            try:
                phase.wire.send(phase.last)
            except Closed:
                continue
            verdict = phase.verdict()
            if verdict != 0:
                self.refused(verdict, INITIATOR_ERROR, CLOSED, "reject 4", "reject 9", hint=f"{words} words of AHS:")
        self.target_works()


class FirstPdu(LoginCase):
    def test_f079_every_first_opcode(self):
        """SPDK 3927, F079: anything but a Login Request before the login ends the connection, Reject or not."""
        for first in range(256):
            if first & 0x3F == Op.LOGIN_REQUEST:
                continue
            wire = self.wire()
            pdu = Pdu(data=b"12345678" if first & 1 else b"", itt=1, ttt=0xFFFFFFFF)
            pdu.bhs[0], pdu.flags = first, 0x80
            wire.send(pdu)
            for answer in self.raw_end(wire):
                self.assertIn(answer.opcode, (Op.REJECT, Op.LOGIN_RESPONSE), f"first byte {first:02x}: {answer}")
                self.assertTrue(answer.opcode == Op.REJECT or answer.status_class, f"first byte {first:02x}: {answer}")
            wire.close()
            self.wires.clear()
        self.target_works()

    def test_f079_other_protocols(self):
        """Port scanners: text of other protocols, zeros, ones; then silence or a close."""
        for probe in (b"GET / HTTP/1.0\r\n\r\n" + b" " * 40, b"\x16\x03\x01\x02\x00\x01\x00" + b"\x01" * 60, b"\0" * 48,
                      b"\xFF" * 48, b"SSH-2.0-probe\r\n" * 4, b"\x03" + b"\0" * 47):
            wire = self.wire()
            wire.send_bytes(probe)
            with contextlib.suppress(OSError):
                wire.half_close()
            self.raw_end(wire)
        self.target_works()

    def test_f079_opcodes_in_the_middle_of_a_login(self):
        """After the first Login Response nothing but Login Requests is allowed."""
        for opcode in range(64):
            if opcode == Op.LOGIN_REQUEST:
                continue
            phase = self.operational()
            phase.wire.send(Pdu(opcode, itt=7, ttt=0xFFFFFFFF, final=1, immediate=1))
            for answer in self.raw_end(phase.wire):
                self.assertTrue(answer.opcode == Op.REJECT or answer.opcode == Op.LOGIN_RESPONSE
                                and answer.status_class, f"opcode {opcode:02x}: {answer}")
        self.target_works()

    def test_f081_close_after_each_part_of_a_login(self):
        """F081: FIN or RST at each byte of the login request; the target goes on."""
        whole = LoginPhase(None, new_isid()).request(self.names(), csg=SECURITY, nsg=OPERATIONAL).encode()
        for cut in (*range(0, BHS_LENGTH + 2), *range(BHS_LENGTH + 2, len(whole), 13), len(whole)):
            for reset in (False, True):
                wire = self.wire(source="127.0.0.3")  # not the address of the login that must work afterwards
                wire.send_bytes(whole[:cut])
                wire.close(reset)
        self.target_works()


class Time(LoginCase):
    def drip(self, phase, pdu, pieces):
        """Sends one PDU in pieces with a scheduling gap between."""
        data = pdu.encode()
        step = max(1, len(data) // pieces)
        phase.last = pdu
        for start in range(0, len(data), step):
            phase.wire.send_bytes(data[start:start + step])
            time.sleep(0.0005)
        return phase.receive()

    def test_cve_2022_50350_login_byte_by_byte(self):
        """CVE-2022-50350: single bytes, each in its own segment."""
        phase = self.phase()
        response = self.drip(phase, phase.request(self.names(), csg=SECURITY, nsg=OPERATIONAL), 1 << 20)
        self.assertTrue(response.transit)
        response = self.drip(phase, phase.request(OFFER, csg=OPERATIONAL), 1 << 20)
        self.assertTrue(response.transit)

    def test_cve_2022_50350_login_cut_at_each_byte(self):
        """Two segments, cut at every place of the header and some of the data."""
        names = self.names()
        for cut in (*range(1, BHS_LENGTH + 4), 60, 70, 90, 100):
            phase = self.phase()
            phase.last = phase.request(names, csg=SECURITY, nsg=OPERATIONAL)
            data = phase.last.encode()
            phase.wire.send_bytes(data[:cut])
            time.sleep(0.002)
            phase.wire.send_bytes(data[cut:])
            self.assertTrue(phase.receive().transit, f"cut at {cut}")
            phase.wire.close()

    def held(self):
        """Connections that stay in different places of a login."""
        silent = self.wire()
        half = self.wire()
        half.send_bytes(b"\x43\x87\0\0")
        body = self.phase()
        body.wire.send_bytes(body.request(self.names(), csg=SECURITY, nsg=OPERATIONAL).encode()[:60])
        security, operational = self.phase(), self.operational()
        security.exchange(self.names(), csg=SECURITY, transit=False)
        return {"silent": silent, "in the header": half, "in the data": body.wire,
                "in the security stage": security.wire, "in the operational stage": operational.wire}

    def test_f080_login_has_a_time_limit(self):
        """F080: a login that does not go on is closed within the limit; others log in meanwhile in under a second."""
        held, start = self.held(), time.monotonic()
        begin = time.monotonic()
        self.target_works()
        self.assertLess(time.monotonic() - begin, 1.0, "another login took longer than a second")
        deadline = start + self.fixture.login_limit + 5
        for name, wire in held.items():
            try:
                wire.limit = max(0.1, deadline - time.monotonic())
                for pdu in self.raw_end(wire, max(0.1, deadline - time.monotonic())):
                    self.assertTrue(pdu.opcode == Op.LOGIN_RESPONSE and pdu.status_class, f"{name}: {pdu}")
            except NoAnswer:
                self.fail(f"a connection {name} was still open after {time.monotonic() - start:.0f} s")

    def test_f080_one_byte_per_second_does_not_extend_the_limit(self):
        """F080: the limit is for the whole login, not for each byte."""
        wire, start = self.wire(), time.monotonic()
        data = LoginPhase(None, new_isid()).request(self.names(), csg=SECURITY, nsg=OPERATIONAL).encode()
        for byte in data:
            if wire.pending(1.0):
                break
            if time.monotonic() - start > self.fixture.login_limit + 5:
                self.fail(f"still open after {time.monotonic() - start:.0f} s")
            try:
                wire.send_bytes(bytes([byte]))
            except Closed:
                return
        self.raw_end(wire)

    def test_cve_2007_20001_attempts_leave_nothing(self):
        """StarWind, SRPT: 2000 refused logins: memory and descriptors as before."""
        self.need("pid")
        nobody = self.names(TargetName="iqn.2026-11.org.outboard.test:nobody")
        for _ in range(200):
            self.attempt(nobody, csg=SECURITY, nsg=OPERATIONAL)
            self.wires.pop().close()
        time.sleep(0.3)
        memory, descriptors = self.fixture.usage()
        for i in range(2000):
            self.attempt(nobody, csg=SECURITY, nsg=OPERATIONAL)
            self.wires.pop().close(reset=i % 2 == 1)
        time.sleep(0.5)
        after, open_now = self.fixture.usage()
        self.assertLessEqual(open_now, descriptors + 2)
        self.flat(memory, after)

    def flat(self, before, after):
        if not self.fixture.sanitized():
            self.assertLess(after - before, 1 << 20, "resident memory grew by more than 1 MiB")

    def test_f080_many_held_connections(self):
        """F080: 300 connections of one address held open; logins of another address still take under a second."""
        for _ in range(300):
            try:
                self.wire(source="127.0.0.2").send_bytes(b"\x43")
            except (Closed, OSError):
                break  # a limit per source is a good answer
        begin = time.monotonic()
        self.target_works()
        self.assertLess(time.monotonic() - begin, 1.0)
