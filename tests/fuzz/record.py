#!/usr/bin/env python3
"""Makes seeds of what real initiators send: record.py --bin-dir BUILD/ctl/outboardd --out FOLDER

Starts outboardd behind a relay, lets libiscsi's tools, iscsi-test-cu and QEMU's initiator work with it, and writes what
they sent as inputs of the harnesses login, text, receiver, session and cdb below FOLDER. With --listen it waits so many
seconds for whoever logs in at that port instead (open-iscsi in a guest, say). keep.sh takes over what is new."""
import argparse
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "judges"))
import seeds  # noqa: E402
from outboard import Outboard  # noqa: E402
from target import free_port, with_us  # noqa: E402

SIZE = 1 << 20  # as large as the harnesses' disks
# Suites whose commands differ; each test is a session of its own.
SUITES = ["CompareAndWrite", "ExtendedCopy", "GetLBAStatus", "Inquiry", "Mandatory", "ModeSense6", "NoMedia", "OrWrite",
          "Prefetch10", "Prefetch16", "PreventAllow", "PrinReadKeys", "PrinReportCapabilities",
          "PrinServiceactionRange", "ProutClear", "ProutPreempt", "ProutRegister", "ProutReserve", "Read10", "Read12",
          "Read16", "Read6", "ReadCapacity10", "ReadCapacity16", "ReadDefectData10", "ReadDefectData12", "ReadOnly",
          "ReceiveCopyResults", "ReportSupportedOpcodes", "Reserve6", "Sanitize", "StartStopUnit", "TestUnitReady",
          "Unmap", "Verify10", "Verify12", "Verify16", "Write10", "Write12", "Write16", "WriteAtomic16",
          "WriteSame10", "WriteSame16", "WriteVerify10", "WriteVerify12", "WriteVerify16", "iSCSIResiduals",
          "iSCSITMF", "iSCSIcmdsn", "iSCSIdatasn"]


class Relay:
    """Passes connections on and keeps what the initiators sent, one bytes object a connection."""

    def __init__(self, to):
        self.to, self.sent, self.port = to, [], free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                ours = socket.create_connection(("127.0.0.1", self.to))
                kept = bytearray()
                self.sent.append(kept)
                threading.Thread(target=self.pump, args=(peer, ours, kept), daemon=True).start()
                threading.Thread(target=self.pump, args=(ours, peer, None), daemon=True).start()

    @staticmethod
    def pump(source, sink, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if kept is not None and len(kept) < 1 << 20:
                    kept += data
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def run(*argv, seconds=20):
    """Whatever it says and however it ends: what it sent is of interest."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(with_us(list(argv)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=seconds, check=False)


def use_tools(relay, url, user=""):
    portal = f"127.0.0.1:{relay.port}"
    run("iscsi-ls", "-s", f"iscsi://{user}{portal}")
    for page in ("", "0x00", "0x80", "0x83", "0xb0", "0xb2"):
        run("iscsi-inq", *(["-e", "1", "-c", page] if page else []), url)
    run("iscsi-readcapacity16", url)
    run("iscsi-swp", url)
    with tempfile.NamedTemporaryFile() as image:
        image.write(os.urandom(SIZE // 2))
        image.flush()
        run("qemu-img", "info", url)
        run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image.name, url)
        run("qemu-img", "compare", "-f", "raw", "-F", "raw", image.name, url)
        work = ("write -z 0 64k", "discard 64k 64k", "read 0 128k", "flush")
        run("qemu-io", "-f", "raw", *(word for each in work for word in ("-c", each)), url)


def record(options):
    """All that the tools sent."""
    sent = []
    account = ("alice", "correct horse battery", "target", "staple of the target")
    for name, chap in (("open", None), ("guarded", account)):
        target = Outboard(options.bin_dir)
        target.iqn = f"iqn.2026-01.test:{name}"
        with target:
            target.create_lu("fixed", SIZE)
            target.create_lu("removable", SIZE, removable=True)
            target.add_lun(0, "fixed")
            target.add_lun(1, "removable")
            if chap is not None:
                target.set_chap(*chap)
            relay = Relay(target.port)
            user = f"{chap[0]}%{chap[1].replace(' ', '%20')}@" if chap else ""
            url = f"iscsi://{user}127.0.0.1:{relay.port}/{target.iqn}/"
            use_tools(relay, url + "0", user)
            if chap is None:
                portal = f"127.0.0.1:{relay.port}"
                image = {"driver": "iscsi", "transport": "tcp", "portal": portal, "target": target.iqn, "lun": 0,
                         "header-digest": "crc32c"}
                run("qemu-io", "-c", "read 0 64k", "-c", "write 0 4k", "json:" + json.dumps(image))
                for suite in SUITES:
                    lun = "1" if suite in ("NoMedia", "StartStopUnit", "PreventAllow") else "0"
                    run("iscsi-test-cu", "--dataloss", "-t", f"ALL.{suite}.*", url + lun, seconds=30)
            sent += relay.sent
    return sent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", required=True, help="the folder of outboardd")
    parser.add_argument("--out", required=True, help="where to: a folder for each harness")
    options = parser.parse_args()
    made = {}
    streams = record(options)
    for stream in streams:
        for harness, content in seeds.of_stream(bytes(stream)):
            made[harness, hashlib.sha1(content).hexdigest()] = content
    for (harness, name), content in made.items():
        os.makedirs(os.path.join(options.out, harness), exist_ok=True)
        with open(os.path.join(options.out, harness, name), "wb") as out:
            out.write(content)
    for harness in sorted({key[0] for key in made}):
        print(f"{harness}: {sum(key[0] == harness for key in made)} seeds")
    print(f"of {len(streams)} connections")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
