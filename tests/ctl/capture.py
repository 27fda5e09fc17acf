#!/usr/bin/env python3
"""`tgtctl capture`: what it writes is what was sent and received, and Wireshark's dissectors have nothing to complain of."""
import collections
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time

from daemon import IQN, check, configuration, run
from target import free_port, run_tool

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

HOST = "iqn.2026-01.org.example:host"
COMMAND, LOGIN, DATA_OUT, RESPONSE, DATA_IN, R2T, LOGOUT = 0x01, 0x03, 0x05, 0x21, 0x25, 0x31, 0x06
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
FIELDS = ["iscsi.opcode", "iscsi.scsidata.S", "ipv6.src"]


class Capture:
    """tgtctl capture, running."""

    def __init__(self, daemon, *options):
        self.path = os.path.join(daemon.folder, f"capture-{time.monotonic_ns()}.pcapng")
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(daemon.argv("capture", "-w", self.path, *options), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        check("capturing" in self.process.stderr.readline(), "tgtctl capture does not begin")

    def end(self):
        """What it said; its packets are in the file."""
        self.process.send_signal(signal.SIGINT)
        said, wrong = self.process.communicate(timeout=60)
        check(self.process.returncode == 0, f"tgtctl capture: {said}{wrong}")
        return said


def dissect(path, port):
    """The packets as tshark takes them apart, after it has been asked what is wrong with them."""
    options = ["-r", path, "-d", f"tcp.port=={port},iscsi", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    said = run_tool(["tshark", *options, "-q", "-z", "expert,warn"], 60)
    check("Warns" not in said and "Errors" not in said, f"tshark: {said}")
    # An INQUIRY page that is cut by its allocation length is malformed to Wireshark.
    wrong = run_tool(["tshark", *options, "-Y",
                      "_ws.malformed && !(scsi_sbc.opcode == 0x12) || tcp.analysis.lost_segment"], 60)
    check(not wrong, f"malformed packets: {wrong}")
    text = run_tool(["tshark", *options, "-T", "fields", "-E", "occurrence=a", *(w for f in FIELDS for w in ("-e", f))], 60)
    return [dict(zip(FIELDS, line.split("\t"))) for line in text.splitlines()]


def opcodes(packets):
    """How many PDUs there are of each opcode."""
    return collections.Counter(int(word, 16) for packet in packets for word in packet["iscsi.opcode"].split(",") if word)


def served(daemon):
    port = free_port()
    daemon.config = daemon.write("c.toml", configuration(port, "64 MiB") + f'[[portal]]\naddress = "[::1]:{port}"\n')
    daemon.reactors = 2
    daemon.start()
    return port


def libiscsi_as_wireshark_sees_it(daemon):
    """QEMU's initiator: login, immediate data, R2T, big reads. Each command is there, once, and so is its status."""
    port = served(daemon)
    capture = Capture(daemon, f"127.0.0.1:{port}")
    url = f"iscsi://127.0.0.1:{port}/{IQN}/0"
    data = daemon.write("data", "0123456789abcdef" * (1 << 16))
    run_tool(["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", data, url], 60)
    run_tool(["qemu-img", "dd", "-f", "raw", "-O", "raw", "bs=1M", "count=1", f"if={url}", "of=" + data + ".back"], 60)
    said = capture.end()
    check(" 0 lost" in said, said)
    check(stat.S_IMODE(os.stat(capture.path).st_mode) == 0o600, "others may read the capture")
    packets = dissect(capture.path, port)
    check(f"{len(packets)} packets captured" in said, f"{len(packets)} packets in the file: {said}")
    found = opcodes(packets)
    check(all(found[opcode] for opcode in (LOGIN, COMMAND, R2T, DATA_OUT, DATA_IN, LOGOUT)), f"PDUs: {found}")
    with_status = sum(packet["iscsi.scsidata.S"].count("1") + packet["iscsi.scsidata.S"].count("True") for packet in packets)
    check(found[COMMAND] == found[RESPONSE] + with_status, f"{found}, {with_status} Data-In with status")


def sessions_that_are_there_and_that_come(daemon):
    """A capture begins at the next PDU of a session that is logged in; with digests; over IPv6; on two reactors."""
    port = served(daemon)
    before = Session(("127.0.0.1", port), IQN, HOST, keys=DIGESTS)
    before.settle()
    capture = Capture(daemon)
    later = Session(("::1", port), IQN, HOST)
    later.settle()
    for session in (before, later):
        for lba in range(40):
            check(str(session.do(scsi.write10(lba * 256, 256), write=bytes([lba]) * 131072)) == "good", "WRITE")
            check(str(session.do(scsi.read10(lba * 256, 256), read=131072)) == "good", "READ")
    before.close()
    later.close()
    capture.end()
    packets = dissect(capture.path, port)
    old = opcodes(packet for packet in packets if not packet["ipv6.src"])
    new = opcodes(packet for packet in packets if packet["ipv6.src"])
    check(old[COMMAND] == 80 and old[LOGIN] == 0, f"the session that was there: {old}")
    check(80 <= new[COMMAND] <= 84 and new[LOGIN] > 0, f"the session that came: {new}")  # it asks for unit attentions first


def chosen_ports_and_initiators_only(daemon):
    """Who is not meant is not in it; what cannot be captured is said; one capture at a time, and one nobody reads ends."""
    port = served(daemon)
    capture = Capture(daemon, f"127.0.0.1:{port}", "--initiator", "127.0.0.9")
    check("another capture" in daemon.refused("debug", "capture-start"), "two captures")
    run_tool(["iscsi-inq", f"iscsi://127.0.0.1:{port}/{IQN}/0"])
    check("0 packets" in capture.end(), "another initiator was captured")
    capture = Capture(daemon, f"[::1]:{port}")
    run_tool(["iscsi-inq", f"iscsi://127.0.0.1:{port}/{IQN}/0"])
    check("0 packets" in capture.end(), "another portal was captured")
    check("no portal" in daemon.refused("capture", "127.0.0.1:1", "-w", "/dev/null"), "a portal that is not there")
    check("IP address" in daemon.refused("capture", "-w", "/dev/null", "--initiator", "me"), "a name as an address")
    check(len(daemon.refused("capture", "-w", "/nowhere/x")) > 0, "a folder that is not there")
    timed = run_tool(daemon.argv("capture", "-w", os.path.join(daemon.folder, "timed"), "--seconds", "1"))
    check("0 packets captured, 0 lost" in timed, timed)


def what_finds_no_room_is_counted(daemon):
    """A buffer too small for the load: packets are lost, the file says so, and I/O is not held up."""
    port = served(daemon)
    capture = Capture(daemon, "--buffer", "256KiB")
    capture.process.send_signal(signal.SIGSTOP)
    session = Session(("127.0.0.1", port), IQN, HOST)
    session.settle()
    for lba in range(20):
        check(str(session.do(scsi.read10(lba * 256, 256), read=131072)) == "good", "READ")
    capture.process.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    check(str(session.do(scsi.read10(0, 256), read=131072)) == "good", "READ")
    session.close()
    said = capture.end()
    lost = int(said.split(" captured, ")[1].split()[0])
    check(lost > 0, said)
    shown = run_tool(["capinfos", capture.path])
    check("Number of stat entries = 1" in shown, f"capinfos: {shown}")


def one_session_and_only_the_heads(daemon):
    """--session: what another session does is not in it; --snap: every PDU is there, cut, and nothing is amiss."""
    port = served(daemon)
    first, second = (Session(("127.0.0.1", port), IQN, f"{HOST}:{name}") for name in ("first", "second"))
    for session in (first, second):
        session.settle()
    known = {one["initiator"]: one["id"] for one in daemon.ctl_json("session", "list")}
    check("no iSCSI session" in daemon.refused("capture", "-w", "/dev/null", "--session", "999999"), "a session that is not there")
    capture = Capture(daemon, "--session", str(known[HOST + ":second"]), "--snap", "64")
    for session, count in ((first, 30), (second, 7)):
        for lba in range(count):
            check(str(session.do(scsi.write10(lba * 256, 256), write=bytes([lba]) * 131072)) == "good", "WRITE")
            check(str(session.do(scsi.read10(lba * 256, 256), read=131072)) == "good", "READ")
    said = capture.end()
    for session in (first, second):
        session.close()
    check(" 0 lost" in said, said)
    options = ["-r", capture.path, "-d", f"tcp.port=={port},iscsi"]
    text = run_tool(["tshark", *options, "-T", "fields", "-e", "tcp.len", "-e", "frame.len", "-e", "frame.cap_len"], 60)
    rows = [[int(word) for word in line.split("\t")] for line in text.splitlines()]
    check(sum(row[0] for row in rows) > 14 * 131072, "lengths are not told")
    check(all(cut <= whole and cut <= 40 + 64 for _, whole, cut in rows), f"{rows[:20]}")
    check(os.path.getsize(capture.path) < 200_000, f"{os.path.getsize(capture.path)} bytes")
    wrong = run_tool(["tshark", *options, "-Y", "tcp.analysis.lost_segment || _ws.malformed"], 60)
    check(not wrong, f"{wrong[:2000]}")
    heads = run_tool(["tshark", *options, "-o", "iscsi.desegment_iscsi_messages:FALSE", "-T", "fields", "-e", "iscsi.opcode"], 60)
    found = collections.Counter(int(word, 16) for word in heads.replace(",", "\n").split())
    check(found[COMMAND] == 14, f"PDUs: {found}")


TESTS = [libiscsi_as_wireshark_sees_it, sessions_that_are_there_and_that_come, chosen_ports_and_initiators_only,
         what_finds_no_room_is_counted, one_session_and_only_the_heads]

if __name__ == "__main__":
    run(__doc__, TESTS)
