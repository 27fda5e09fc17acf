#!/usr/bin/env python3
# Figure 13: how long until every one of many sessions has logged in again and found its data, after the daemon was
# restarted (SIGTERM) or killed (SIGKILL), and after a reinstatement; and how long they wait while it is upgraded in place.
# The initiator is that of endurance.py: it tries again every 10 ms, so what is measured is the target.
import argparse
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "judges"))

import storm  # noqa: E402
from kill9_medium import content  # noqa: E402
from target import JudgeError, make_target  # noqa: E402

AGAIN = 0.01  # seconds
DATA_IN, RESPONSE = 0x25, 0x21


class Verifier:
    """A session with a block of its own."""

    def __init__(self, target, number):
        self.target, self.number, self.data = target, number, content(number, 1)
        self.sock, self.cmd_sn = None, 1

    def log_in(self):
        self.sock, self.cmd_sn = storm.log_in(self.target.port, self.target.iqn, self.number), 1

    def read(self):
        """The block, past unit attention conditions of the new nexus."""
        for _ in range(4):
            self.sock.sendall(storm.command_pdu(self.cmd_sn, self.cmd_sn, False, self.target.first_lun, self.number))
            self.cmd_sn += 1
            found, status = b"", None
            while status is None:
                header = storm.receive(self.sock, 48)
                size = int.from_bytes(header[5:8], "big")
                data = storm.receive(self.sock, size + -size % 4)[:size]
                found += data if header[0] == DATA_IN else b""
                if header[0] == RESPONSE or header[0] == DATA_IN and header[1] & 0x01:
                    status = header[3]
            if status == 0:
                return found
        raise JudgeError(f"session {self.number}: status {status:#x} four times")

    def recover(self, since, times, deadline=60):
        """Until it has its data again: seconds since then."""
        while True:
            try:
                self.log_in()
                if self.read() != self.data:
                    raise JudgeError(f"block {self.number} is not what was written")
                times[self.number] = time.monotonic() - since
                return
            except OSError:
                if self.sock is not None:
                    self.sock.close()
                if time.monotonic() > since + deadline:
                    return
                time.sleep(AGAIN)

    def await_end(self):
        """The daemon has closed the connection, or is gone."""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass
        self.sock.close()


def restart(target, verifiers, how):
    """Returns the seconds that each session took from the signal on."""
    times = [None] * len(verifiers)

    def session(verifier):
        verifier.await_end()
        verifier.recover(since, times)

    threads = [threading.Thread(target=session, args=(verifier,), daemon=True) for verifier in verifiers]
    since = time.monotonic()
    for thread in threads:
        thread.start()
    target.kill() if how == "killed" else target.stop()
    target.start()
    for thread in threads:
        thread.join(70)
    if None in times:
        raise JudgeError(f"{how}: {times.count(None)} sessions did not come back")
    return times


def upgrade(target, verifiers):
    """All sessions read all the time while a new process takes over; the longest that each waited for its data."""
    times, over = [0.0] * len(verifiers), threading.Event()

    def session(verifier):
        while not over.is_set():
            since = time.monotonic()
            if verifier.read() != verifier.data:
                raise JudgeError(f"block {verifier.number} is not what was written")
            times[verifier.number] = max(times[verifier.number], time.monotonic() - since)
            time.sleep(0.05)

    threads = [threading.Thread(target=session, args=(verifier,), daemon=True) for verifier in verifiers]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    target.upgrade()
    time.sleep(0.3)
    over.set()
    for thread in threads:
        thread.join(70)
    return times


def reinstate(target, verifier):
    """Logs in as the same initiator port while a read and a write of the old session are under way."""
    old = verifier.sock
    for at, write in enumerate((False, True)):
        old.sendall(storm.command_pdu(verifier.cmd_sn + at, 0x1000 + at, write, target.first_lun, lba=verifier.number))
    since, times = time.monotonic(), {}
    verifier.recover(since, times)
    old.close()
    return times[verifier.number]


def told(what, times):
    in_order = sorted(times)
    p50, p99 = (in_order[-(-len(times) * part // 100) - 1] for part in (50, 99))  # the nearest rank
    print(f"{what}: {len(times)} times, p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, most {max(times) * 1e3:.1f} ms",
          flush=True)


def judge(target, options):
    target.create_lu("disk", 1 << 20)
    with open(target.path_of("disk"), "r+b") as disk:
        disk.write(b"".join(content(lba, 1) for lba in range(options.sessions)))
    target.add_lun(target.first_lun, "disk")
    verifiers = [Verifier(target, number) for number in range(options.sessions)]
    for verifier in verifiers:
        verifier.log_in()
        if verifier.read() != verifier.data:
            raise JudgeError("the data are not there to begin with")
    for how in ("restarted", "killed"):
        every, last = [], []
        for _ in range(options.restarts):
            times = restart(target, verifiers, how)
            every += times
            last.append(max(times))
        told(f"{options.sessions} sessions, daemon {how}: each session verified", every)
        told(f"{options.sessions} sessions, daemon {how}: the last one verified", last)
    if hasattr(target, "upgrade"):
        every = [each for _ in range(options.restarts) for each in upgrade(target, verifiers)]
        told(f"{options.sessions} sessions, daemon upgraded in place: the longest wait of each for a read", every)
    told("reinstatement under I/O", [reinstate(target, verifiers[at % len(verifiers)])
                                     for at in range(options.reinstatements)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--restarts", type=int, default=20, help="of each kind")
    parser.add_argument("--reinstatements", type=int, default=1000)
    options = parser.parse_args()
    with make_target(options.target, "file", options.bin_dir) as target:
        if options.target == "outboard":
            target.limits = {"max_logins_per_peer": 4096}
        judge(target, options)
        if faults := target.faults():
            raise JudgeError("the target logged:\n" + "\n".join(faults))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JudgeError as error:
        sys.exit(f"recovery: {error}")
