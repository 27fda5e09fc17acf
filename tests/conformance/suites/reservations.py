"""Reservations: F033, F035 to F044, RESERVE(6), and the rows on PERSISTENT RESERVE OUT parameter lists (SPC-4 5.13)."""

import struct

from rawiscsi.session import LUN_RESET

from .case import Case, scsi

CONFLICT = "reservation conflict"
KEY_A, KEY_B = 0xA0A0A0A0A0A0A0A0, 0xB0B0B0B0B0B0B0B0
TYPES = (1, 3, 5, 6, 7, 8)


class ReservationCase(Case):
    """Sessions of several nexuses; whatever a test leaves behind is cleared."""

    def setUp(self):
        super().setUp()
        self.wipe()

    def tearDown(self):
        try:
            self.wipe()
        finally:
            super().tearDown()

    def wipe(self):
        with_key = self.session()
        self.pr(with_key, scsi.REGISTER_AND_IGNORE, service_key=0xC1EA)
        self.pr(with_key, scsi.CLEAR, key=0xC1EA)
        with_key.close()

    def pr(self, session, action, kind=0, key=0, service_key=0, raw=None, length=None, **flags):
        data = scsi.pr_list(key, service_key, **flags) if raw is None else raw
        cdb = scsi.pr_out(action, kind, len(data) if length is None else length)
        task = session.do(cdb, self.lun, write=data)
        while str(task).startswith("check 06/"):
            task = session.do(cdb, self.lun, write=data)
        return task

    def good(self, session, action, **options):
        self.assertEqual(str(self.pr(session, action, **options)), "good",
                         f"PERSISTENT RESERVE OUT {action}, {options}")

    def steady(self, session, cdb, **options):
        """The outcome of a command once unit attentions are through."""
        for _ in range(6):
            task = session.do(cdb, self.lun, **options)
            if not str(task).startswith("check 06/"):
                return task
        self.fail("a unit attention condition that never ends")

    def keys(self, session):
        """(PRgeneration, registered keys)."""
        data = bytes(self.steady(session, scsi.pr_in(scsi.READ_KEYS), read=8192).data_in)
        generation, length = struct.unpack(">II", data[:8])
        return generation, [struct.unpack(">Q", data[i:i + 8])[0] for i in range(8, 8 + length, 8)]

    def reservation(self, session):
        """(key, type) of the reservation, or None."""
        data = bytes(self.steady(session, scsi.pr_in(scsi.READ_RESERVATION), read=8192).data_in)
        if struct.unpack(">I", data[4:8])[0] == 0:
            return None
        return struct.unpack(">Q", data[8:16])[0], data[21] & 0x0F

    def full_status(self, session):
        """[(key, holder, TransportID bytes)] of every registrant."""
        data = bytes(self.steady(session, scsi.pr_in(scsi.READ_FULL_STATUS, 65535), read=65535).data_in)
        end, place, found = 8 + struct.unpack(">I", data[4:8])[0], 8, []
        self.assertEqual(end, len(data), "ADDITIONAL LENGTH does not fit the data")
        while place < end:
            extra = struct.unpack(">I", data[place + 20:place + 24])[0]
            found.append((struct.unpack(">Q", data[place:place + 8])[0], bool(data[place + 12] & 1),
                          data[place + 24:place + 24 + extra]))
            place += 24 + extra
        return found

    def three(self, kind=None):
        """Holder, registrant, and a nexus that is not registered."""
        holder, registrant, none = self.session(), self.session(initiator="iqn.2026-11.org.outboard.test:second"), \
            self.session(initiator="iqn.2026-11.org.outboard.test:third")
        self.good(holder, scsi.REGISTER, service_key=KEY_A)
        self.good(registrant, scsi.REGISTER, service_key=KEY_B)
        if kind is not None:
            self.good(holder, scsi.RESERVE, kind=kind, key=KEY_A)
        for session in (holder, registrant, none):
            session.settle(self.lun)
        return holder, registrant, none


class ServiceActions(ReservationCase):
    def test_f036_service_actions_by_role(self):
        """SPC-4 table 67: REGISTER always; RELEASE, CLEAR and PREEMPT for registrants."""
        wrong = []
        for kind in TYPES:
            for role, place in (("holder", 0), ("registrant", 1), ("none", 2)):
                for name, action in (("REGISTER", 0), ("RESERVE", 1), ("RELEASE", 2), ("CLEAR", 3), ("PREEMPT", 4),
                                     ("PREEMPT AND ABORT", 5), ("REGISTER AND IGNORE", 6)):
                    self.wipe()
                    sessions = self.three(kind)
                    key = (KEY_A, KEY_B, 0)[place]
                    new = {"service_key": key or 0xD1} if action in (0, 6) else {}
                    if action in (4, 5):
                        new = {"service_key": KEY_A}
                    task = self.pr(sessions[place], action, kind=kind, key=key, **new)
                    holds = place == 0 or place == 1 and kind >= 7
                    allowed = action in (0, 6) or place != 2 and action in (2, 3, 4, 5) or action == 1 and holds
                    if str(task) != ("good" if allowed else CONFLICT):
                        wrong.append(f"type {kind} {role} {name}: {task}")
                    for session in sessions:
                        session.close()
        if wrong:
            self.fail("; ".join(wrong))

    def test_f036_reserve_6_by_a_nexus_that_is_not_registered(self):
        """SPC-4 5.13.3: RESERVE and RELEASE conflict with a persistent reservation."""
        _, _, none = self.three(scsi.EXCLUSIVE_ACCESS)
        self.assertEqual(str(none.do(scsi.reserve6(), self.lun)), CONFLICT)
        self.ends(none.do(scsi.reserve10(), self.lun), CONFLICT, "check 05/20/00")

    def test_pr_a_wrong_key_conflicts(self):
        """SPC-4 6.16.3: RESERVATION KEY that is not that of the nexus."""
        holder, registrant, _ = self.three()
        for action in (scsi.REGISTER, scsi.RESERVE, scsi.RELEASE, scsi.CLEAR, scsi.PREEMPT):
            task = self.pr(registrant, action, kind=1, key=KEY_A if action !=
                           scsi.REGISTER else 0x77, service_key=KEY_A)
            self.assertEqual(str(task), CONFLICT, f"service action {action}")
        self.assertEqual(sorted(self.keys(holder)[1]), [KEY_A, KEY_B])

    def test_pr_a_second_type_conflicts(self):
        """SPC-4 5.13.9: RESERVE by the holder with another type or scope."""
        holder, *_ = self.three(scsi.WRITE_EXCLUSIVE)
        self.good(holder, scsi.RESERVE, kind=scsi.WRITE_EXCLUSIVE, key=KEY_A)
        self.assertEqual(str(self.pr(holder, scsi.RESERVE, kind=scsi.EXCLUSIVE_ACCESS, key=KEY_A)), CONFLICT)
        self.assertEqual(str(self.pr(holder, scsi.RELEASE, kind=scsi.EXCLUSIVE_ACCESS, key=KEY_A)), "check 05/26/04")

    def test_pr_types_and_scopes_that_do_not_exist(self):
        """SPC-4 6.16.2: type 0, 2, 4, 9 to 15 and scope other than 0 are invalid fields of the CDB."""
        holder, *_ = self.three()
        for kind in (0, 2, 4, 9, 15, 0x11, 0x21, 0xF1):
            self.ends(self.pr(holder, scsi.RESERVE, kind=kind, key=KEY_A),
                      "check 05/24/00", hint=f"scope and type {kind:02x}")
        self.assertIsNone(self.reservation(holder))

    def test_pr_service_actions_that_do_not_exist(self):
        session = self.session()
        for action in range(9, 32):
            self.ends(self.pr(session, action), "check 05/24/00", "check 05/20/00", hint=f"OUT {action}")
        for action in range(4, 32):
            self.ends(self.steady(session, scsi.pr_in(action), read=8192), "check 05/24/00", "check 05/20/00",
                      hint=f"IN {action}")


class Lists(ReservationCase):
    def test_f039_parameter_list_lengths(self):
        """CVE-2024-39281, SPC-4 6.16.1: other lengths than 24 without SPEC_I_PT: 05/1A/00, nothing is registered."""
        session = self.session()
        for length in (0, 1, 8, 23, 25, 28, 48, 255, 4096, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF):
            data = scsi.pr_list(0, KEY_A).ljust(min(length, 4096), b"\0")[:min(length, 4096)]
            task = session.do(scsi.pr_out(scsi.REGISTER, length=length), self.lun, write=data)
            self.assertEqual(str(task), "check 05/1a/00", f"length {length:#x}")
        self.assertEqual(self.keys(session)[1], [])
        self.good(session, scsi.REGISTER, service_key=KEY_A)

    def spec_i_pt(self, session, body, length=None):
        extra = struct.pack(">I", len(body) if length is None else length) + body
        return self.pr(session, scsi.REGISTER, raw=scsi.pr_list(0, KEY_A, spec_i_pt=True, extra=extra))

    def test_f038_spec_i_pt_registers_named_nexuses(self):
        """SPC-4 5.13.7.3: a nexus named by its TransportID is registered before it logs in."""
        session, isid, name = self.session(), 0x800000ABCD01, "iqn.2026-11.org.outboard.test:named"
        task = self.spec_i_pt(session, scsi.iscsi_transport_id(name, isid))
        self.ends(task, "good", "check 05/26/00", "check 05/24/00")
        if str(task) != "good":
            self.skipTest("the target has no SPEC_I_PT (SIP_C=0)")
        self.assertEqual(self.keys(session)[1], [KEY_A, KEY_A])
        named = self.session(initiator=name, isid=isid)
        self.good(named, scsi.RESERVE, kind=scsi.WRITE_EXCLUSIVE, key=KEY_A)
        other = self.session(initiator=name, isid=isid + 1)
        self.assertEqual(str(self.pr(other, scsi.RELEASE, kind=scsi.WRITE_EXCLUSIVE, key=KEY_A)), CONFLICT)

    def test_cve_2026_72084_malformed_transport_ids(self):
        """CVE-2025-38399, CVE-2026-72084: 05/26/00, or 05/1A/00 for lengths; nothing is registered."""
        session = self.session()
        good = scsi.iscsi_transport_id("iqn.2026-11.org.outboard.test:x", 0x800000000099)

        def with_text(text, kind=0x45, length=None):
            return struct.pack(">BBH", kind, 0, len(text) if length is None else length) + text
        filler = b"iqn.2026-11.org.outboard.test:"
        cases = {"empty list": b"", "short header": b"\x45\0", "no separator": with_text(filler + b"yy\0\0"),
                 "no NUL": with_text(filler + b"yy,i,0x8000000000"), "no NUL, no separator": with_text(b"i" * 64),
                 "separator at the end": with_text(filler + b",i,0x\0"),
                 "bad ISID": with_text(filler + b"y,i,0xZZZZZZZZZZZZ\0\0"),
                 "long ISID": with_text(filler + b"yyyy,i,0x" + b"8" * 24 + b"\0"),
                 "empty name": with_text(b",i,0x800000000001" + b"\0" * 7), "length 0": with_text(b"", length=0),
                 "length 1": with_text(b"\0" * 4, length=1), "length beyond": good[:2] + b"\xFF\xFF" + good[4:],
                 "odd length": good[:2] + struct.pack(">H", len(good) - 5) + good[4:],
                 "name of 300 bytes": with_text(b"i" * 300 + b",i,0x800000000001\0\0\0"),
                 "protocol F": b"\x4F" + good[1:], "format 10b": b"\x85" + good[1:], "fibre channel": b"\0" * 24,
                 "duplicate": good + good, "own nexus": scsi.iscsi_transport_id(session.initiator, session.isid),
                 "trailing byte": good + b"\0", "second one cut": good + good[:9]}
        for name, body in cases.items():
            task = self.spec_i_pt(session, body)
            allowed = ("check 05/26/00", "check 05/1a/00", "check 05/24/00")
            if name in ("empty list", "fibre channel", "own nexus", "duplicate"):
                allowed += ("good",)
            self.ends(task, *allowed, hint=name)
            if str(task) == "good":
                self.wipe()
            self.assertEqual(self.keys(session)[1], [], f"{name}: something was registered")

    def test_cve_2025_38399_transport_id_lengths_that_lie(self):
        """The length of the additional data against what was sent."""
        session = self.session()
        good = scsi.iscsi_transport_id("iqn.2026-11.org.outboard.test:x", 0x800000000098)
        for length in (0, 1, 3, len(good) - 1, len(good) + 1, len(good) + 4, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF):
            task = self.spec_i_pt(session, good, length)
            self.ends(task, "check 05/26/00", "check 05/1a/00", "check 05/24/00", *(("good",) if length == 0 else ()),
                      hint=f"length {length:#x}")
            if str(task) == "good":
                self.wipe()
            self.assertEqual(self.keys(session)[1], [], f"length {length:#x}: something was registered")

    def test_f037_register_and_move(self):
        """SPC-4 5.13.8: the reservation moves to the named nexus; the model of READ FULL STATUS follows."""
        holder, isid, name = self.session(), 0x800000ABCD02, "iqn.2026-11.org.outboard.test:moved"
        self.good(holder, scsi.REGISTER, service_key=KEY_A)
        self.good(holder, scsi.RESERVE, kind=scsi.EXCLUSIVE_ACCESS, key=KEY_A)
        identity = scsi.iscsi_transport_id(name, isid)
        for unreg in (0, 1):
            raw = struct.pack(">QQBBHI", KEY_A, KEY_B, 0, unreg << 1, 1, len(identity)) + identity
            task = self.pr(holder, scsi.REGISTER_AND_MOVE, raw=raw)
            self.ends(task, "good", "check 05/24/00", "check 05/20/00")
            if str(task) != "good":
                self.skipTest("the target has no REGISTER AND MOVE")
            status = {(key, held) for key, held, _ in self.full_status(holder)}
            self.assertEqual(status, {(KEY_B, True), (KEY_A, False)} if not unreg else {(KEY_B, True)})
            moved = self.session(initiator=name, isid=isid)
            self.write(moved, 0, self.pattern(self.block))
            self.assertEqual(str(self.steady(holder, scsi.read10(0, 1), read=self.block)), CONFLICT)
            self.wipe()
            moved.close()
            self.good(holder, scsi.REGISTER, service_key=KEY_A)
            self.good(holder, scsi.RESERVE, kind=scsi.EXCLUSIVE_ACCESS, key=KEY_A)

    def test_f037_register_and_move_malformed(self):
        """LIO ISID use after free, F037: bad lists are 05/26/00 or 05/1A/00, and nothing changes."""
        holder = self.session()
        self.good(holder, scsi.REGISTER, service_key=KEY_A)
        self.good(holder, scsi.RESERVE, kind=scsi.EXCLUSIVE_ACCESS, key=KEY_A)
        good = scsi.iscsi_transport_id("iqn.2026-11.org.outboard.test:m", 0x800000ABCD03)

        def raw(identity, length=None, key=KEY_B, port=1):
            return struct.pack(">QQBBHI", KEY_A, key, 0, 0, port, len(
                identity) if length is None else length) + identity
        cases = {"no TransportID": raw(b""), "key 0": raw(good, key=0), "length beyond": raw(good, 9999),
                 "length short": raw(good, 9), "no separator": raw(b"\x45\0\0\x18" + b"iqn.2026-11.org.outboard"),
                 "unknown port": raw(good, port=0x7777),
                 "to itself": raw(scsi.iscsi_transport_id(holder.initiator, holder.isid)),
                 "cut at 20 bytes": raw(good)[:20], "cut inside": raw(good)[:30], "protocol 7": raw(b"\x47" + good[1:])}
        for name, data in cases.items():
            self.ends(self.pr(holder, scsi.REGISTER_AND_MOVE, raw=data), "check 05/26/*", "check 05/1a/00",
                      "check 05/24/00", "check 05/20/00", hint=name)
            self.assertEqual((self.keys(holder)[1], self.reservation(holder)),
                             ([KEY_A], (KEY_A, scsi.EXCLUSIVE_ACCESS)), name)

    def test_pr_full_status_names_what_was_registered(self):
        """"Generate correct identifiers", SPDK bc6e91d14f: keys, holder and TransportIDs in READ FULL STATUS."""
        holder, registrant, _ = self.three(scsi.WRITE_EXCLUSIVE_RO)
        wanted = {(KEY_A, True, scsi.iscsi_transport_id(holder.initiator, holder.isid)),
                  (KEY_B, False, scsi.iscsi_transport_id(registrant.initiator, registrant.isid))}
        self.assertEqual(set(self.full_status(holder)), wanted)

    def test_f044_many_registrants(self):
        """CVE-2025-57275, F044: 40 registrants, kept over power loss or refused with 05/55/04; never lost."""
        session, registered = self.session(), 0
        for i in range(40):
            one = self.session(initiator=f"iqn.2026-11.org.outboard.test:many-{i}", settle=False)
            task = self.pr(one, scsi.REGISTER, service_key=0x1000 + i, aptpl=True)
            self.ends(task, "good", "check 05/55/04")
            registered += str(task) == "good"
            one.close()
        self.assertEqual(sorted(self.keys(session)[1]), [0x1000 + i for i in range(registered)])
        self.assertEqual(len(self.full_status(session)), registered)


class Lifetime(ReservationCase):
    def test_f041_what_keeps_a_registration(self):
        """SPC-4 5.13.1: logout, reinstatement and LOGICAL UNIT RESET keep registrations and the reservation."""
        holder, _, none = self.three(scsi.WRITE_EXCLUSIVE)
        self.assertEqual(holder.tmf(LUN_RESET, self.lun), 0)
        self.assertEqual(self.reservation(none), (KEY_A, scsi.WRITE_EXCLUSIVE))
        again = self.session(isid=holder.isid)
        self.assertEqual(self.reservation(again), (KEY_A, scsi.WRITE_EXCLUSIVE))
        self.write(again, 0, self.pattern(self.block))
        self.assertEqual(again.logout(), 0)
        self.assertEqual(self.reservation(none), (KEY_A, scsi.WRITE_EXCLUSIVE))
        self.assertEqual(sorted(self.keys(none)[1]), [KEY_A, KEY_B])

    def test_f033_another_isid_is_another_nexus(self):
        """SPC-4, RFC 7143 4.4.3: the same initiator with another ISID is not registered."""
        holder, *_ = self.three(scsi.EXCLUSIVE_ACCESS_RO)
        other = self.session(initiator=holder.initiator)
        self.assertEqual(str(other.do(scsi.read10(0, 1), self.lun, read=self.block)), CONFLICT)

    def test_f035_generation_counts_changes(self):
        """SPC-4 6.15.2: PRgeneration grows by one for REGISTER, CLEAR, PREEMPT; not for RESERVE, RELEASE, failures."""
        holder, registrant, none = self.three()
        start = self.keys(none)[0]
        self.good(holder, scsi.RESERVE, kind=1, key=KEY_A)
        self.good(holder, scsi.RELEASE, kind=1, key=KEY_A)
        self.pr(none, scsi.CLEAR, key=5)
        self.assertEqual(self.keys(none)[0], start)
        self.good(holder, scsi.REGISTER, key=KEY_A, service_key=KEY_A + 1)
        self.good(registrant, scsi.PREEMPT, kind=1, key=KEY_B, service_key=KEY_A + 1)
        self.good(registrant, scsi.CLEAR, key=KEY_B)
        self.assertEqual(self.keys(none)[0], start + 3)

    def test_f035_two_nodes_race(self):
        """F035: two nexuses preempt each other, commands in flight together; one holder each time."""
        one, two, judge = self.session(), self.session(), self.session()
        for _ in range(100):
            for session, key in ((one, KEY_A), (two, KEY_B)):
                self.pr(session, scsi.REGISTER_AND_IGNORE, service_key=key)
            before = self.keys(judge)[0]
            tasks = []
            for session, key, victim in ((one, KEY_A, KEY_B), (two, KEY_B, KEY_A)):
                session.settle(self.lun)
                data = scsi.pr_list(key, victim)
                tasks.append(session.command(scsi.pr_out(scsi.PREEMPT, 3), self.lun, write=data))
            results = [str(s.finish(t)) for s, t in zip((one, two), tasks)]
            self.assertTrue(set(results) <= {"good", CONFLICT, "check 06/2a/05"}, results)
            self.assertEqual(results.count("good"), 1, f"both preempted: {results}")
            self.assertEqual(self.keys(judge)[0], (before + 1) & 0xFFFFFFFF)
            self.assertEqual(len(self.keys(judge)[1]), 1)

    def test_pr_unregister_of_the_holder_releases(self):
        """SPC-4 5.13.11.1: the holder's REGISTER with key 0 releases; for the RO types others get 2A/04."""
        holder, registrant, none = self.three(scsi.WRITE_EXCLUSIVE_RO)
        self.good(holder, scsi.REGISTER, key=KEY_A, service_key=0)
        self.assertIsNone(self.reservation(none))
        registrant.settle(self.lun)
        self.write(none, 0, self.pattern(self.block))

    def test_pr_all_registrants_hold(self):
        """SPC-4 5.13.10: types 7 and 8 live until the last registrant leaves; READ RESERVATION shows key 0."""
        for kind in (scsi.WRITE_EXCLUSIVE_AR, scsi.EXCLUSIVE_ACCESS_AR):
            self.wipe()
            holder, registrant, none = self.three(kind)
            self.assertEqual(self.reservation(none), (0, kind))
            self.good(holder, scsi.REGISTER, key=KEY_A, service_key=0)
            self.assertEqual(self.reservation(none), (0, kind))
            self.good(registrant, scsi.REGISTER, key=KEY_B, service_key=0)
            self.assertIsNone(self.reservation(none))

    def test_pr_preempt_tells_its_victims(self):
        """SPC-4 5.13.11.2.4: registrations preempted: 2A/05 at the victim, which then conflicts."""
        holder, registrant, _ = self.three(scsi.WRITE_EXCLUSIVE)
        self.good(registrant, scsi.PREEMPT, kind=scsi.WRITE_EXCLUSIVE, key=KEY_B, service_key=KEY_A)
        self.assertEqual(str(holder.do(scsi.test_unit_ready(), self.lun)), "check 06/2a/05")
        self.assertEqual(str(holder.do(scsi.write10(0, 1), self.lun, write=bytes(self.block))), CONFLICT)
        self.assertEqual(self.reservation(registrant), (KEY_B, scsi.WRITE_EXCLUSIVE))

    def test_pr_release_tells_registrants(self):
        """SPC-4 5.13.11.2.2: RELEASE of an RO or AR type: 2A/04 at the other registrants, nothing at others."""
        for kind in (5, 6, 7, 8):
            self.wipe()
            holder, registrant, none = self.three(kind)
            self.good(holder, scsi.RELEASE, kind=kind, key=KEY_A)
            self.assertEqual(str(registrant.do(scsi.test_unit_ready(), self.lun)), "check 06/2a/04", f"type {kind}")
            self.assertEqual(str(holder.do(scsi.test_unit_ready(), self.lun)), "good")
            self.assertEqual(str(none.do(scsi.test_unit_ready(), self.lun)), "good")

    def test_pr_clear_tells_registrants(self):
        """SPC-4 5.13.11.2.6: CLEAR: 2A/03 at every other registrant."""
        holder, registrant, none = self.three(scsi.EXCLUSIVE_ACCESS)
        self.good(holder, scsi.CLEAR, key=KEY_A)
        self.assertEqual(str(registrant.do(scsi.test_unit_ready(), self.lun)), "check 06/2a/03")
        self.assertEqual(str(none.do(scsi.test_unit_ready(), self.lun)), "good")
        self.assertEqual(self.keys(none)[1], [])

    def test_f029_aptpl_survives_a_kill(self):
        """F029: APTPL=1: registrations, holder, type and keys after kill -9; PRgeneration 0."""
        self.need("kill", "restart")
        holder, other = self.session(), self.session()
        self.good(holder, scsi.REGISTER, service_key=KEY_A, aptpl=True)
        self.good(other, scsi.REGISTER, service_key=KEY_B, aptpl=True)
        self.good(holder, scsi.RESERVE, kind=scsi.EXCLUSIVE_ACCESS_RO, key=KEY_A)
        self.fixture.kill()
        self.fixture.restart()
        again = self.session(isid=holder.isid)
        self.assertEqual(self.keys(again), (0, [KEY_A, KEY_B]))
        self.assertEqual(self.reservation(again), (KEY_A, scsi.EXCLUSIVE_ACCESS_RO))
        self.write(again, 0, self.pattern(self.block))
        self.assertEqual(str(self.session().do(scsi.read10(0, 1), self.lun, read=self.block)), CONFLICT)

    def test_f030_without_aptpl_nothing_survives(self):
        """F030, F031: APTPL=0, or set back to 0 by a later REGISTER: nothing after the restart."""
        self.need("kill", "restart")
        for first in (False, True):
            holder = self.session()
            self.good(holder, scsi.REGISTER_AND_IGNORE, service_key=KEY_A, aptpl=first)
            self.good(holder, scsi.RESERVE, kind=scsi.WRITE_EXCLUSIVE, key=KEY_A)
            if first:
                self.good(holder, scsi.REGISTER, key=KEY_A, service_key=KEY_A, aptpl=False)
            self.fixture.kill()
            self.fixture.restart()
            judge = self.session()
            self.assertEqual((self.keys(judge), self.reservation(judge)), ((0, []), None))


class Reserve6(Case):
    def test_reserve_6_excludes_and_is_released(self):
        """SPC-2 RESERVE(6): other nexuses conflict but for INQUIRY, REPORT LUNS, REQUEST SENSE, RELEASE."""
        one, two = self.session(), self.session()
        self.assertEqual(str(one.do(scsi.reserve6(), self.lun)), "good")
        for cdb, read in ((scsi.read10(0, 1), self.block), (scsi.test_unit_ready(), 0), (scsi.reserve6(), 0),
                          (scsi.mode_sense6(0x3F), 255)):
            self.assertEqual(str(two.do(cdb, self.lun, read=read)), CONFLICT, cdb.hex())
        for cdb, read in ((scsi.inquiry(), 255), (scsi.report_luns(), 4096),
                          (scsi.request_sense(), 252), (scsi.release6(), 0)):
            self.assertEqual(str(two.do(cdb, self.lun, read=read)), "good", cdb.hex())
        self.assertEqual(str(two.do(scsi.read10(0, 1), self.lun, read=self.block)),
                         CONFLICT, "RELEASE of another nexus freed it")
        self.assertEqual(str(one.do(scsi.release6(), self.lun)), "good")
        self.works(two)

    def freed(self, end):
        one, two = self.session(), self.session()
        self.assertEqual(str(one.do(scsi.reserve6(), self.lun)), "good")
        self.assertEqual(str(two.do(scsi.read10(0, 1), self.lun, read=self.block)), CONFLICT)
        end(one, two)
        for _ in range(50):
            task = two.do(scsi.read10(0, 1), self.lun, read=self.block)
            if str(task) == "good":
                return
        self.fail(f"the reservation is still there: {task}")

    def test_f042_logout_frees_a_reservation(self):
        self.freed(lambda one, _: (one.logout(), one.closes()))

    def test_f042_nexus_loss_frees_a_reservation(self):
        """A lost connection ends the session at level 0 with DefaultTime2Retain=0."""
        self.freed(lambda one, _: (one.close(), self.session(isid=one.isid)))

    def test_f042_reset_frees_a_reservation(self):
        self.freed(lambda _, two: self.assertEqual(two.tmf(LUN_RESET, self.lun), 0))
