#!/usr/bin/env python3
"""A thousand connections that never log in: what they cost, and what a session notices of them."""
import pathlib
import socket
import sys
import time

from daemon import IQN, check, configuration, run
from process import memory, sanitized
from target import free_port, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

HOST = "iqn.2026-01.org.example:host"
MANY, COST, SLOWER = 1000, 65536, 5
# The first half of a login request with 8 KiB of text: its header and a part.
HALF = bytes.fromhex("4304000000002000") + bytes([0x80, 0, 0, 0, 0, 1, 0, 0]) + bytes(32) + b"InitiatorName=" + b"x" * 4000


def slowest_of(session, count=400):
    """The 99th percentile of READs, one at a time."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        check(str(session.do(scsi.read10(number % 100, 8), 0, read=4096)) == "good", "a READ failed")
        times.append(time.perf_counter() - started)
    return sorted(times)[count * 99 // 100]


def connect(port, data):
    peers = []
    for _ in range(MANY):
        peer = socket.create_connection(("127.0.0.1", port), timeout=10)
        peer.sendall(data)
        peers.append(peer)
    return peers


def prepared(daemon, limits):
    port = free_port()
    daemon.start()
    daemon.ctl("apply", daemon.write("c.toml", configuration(port) + "[limits]\n" + limits))
    session = Session(("127.0.0.1", port), IQN, HOST)
    session.settle()
    return port, session


def idle_logins_cost_little_and_hold_nobody_up(daemon):
    """1,000 connections with half a login request: at most 64 KiB each; the p99 of a session stays within 5 times; a
    login still gets in; the deadline ends them all."""
    daemon.announce("login took too long")
    port, session = prepared(daemon, f'max_logins_per_peer = {MANY + 10}\nmax_logins = {MANY + 10}\nlogin_timeout = "12s"')
    slowest_of(session)
    before, alone = memory(daemon.process.pid), slowest_of(session)
    peers = connect(port, HALF)
    among = slowest_of(session)
    cost = (memory(daemon.process.pid) - before) // MANY
    Session(("127.0.0.1", port), IQN, HOST).logout()
    print(f"      {cost} bytes each; p99 of a READ {alone * 1e6:.0f} us alone, {among * 1e6:.0f} us among them")
    check(sanitized(daemon.process.pid) or cost <= COST, f"each costs {cost} bytes")
    check(among <= max(SLOWER * alone, 0.02), f"a READ takes {among * 1e3:.2f} ms instead of {alone * 1e3:.2f}")
    wait_for("the deadline", 30, lambda: all(closed(peer) for peer in peers))
    slowest_of(session, 10)


def closed(peer):
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def what_is_too_much_is_turned_away(daemon):
    """With the limits as they are by default one address holds 64 logins; the others are closed at once, and nobody who
    is logged in loses anything."""
    daemon.announce("connection refused: too many logins from there")
    port, session = prepared(daemon, 'login_timeout = "15s"')
    peers = connect_until_refused(port)
    wait_for("the connections to be turned away", 10, lambda: sum(map(closed, peers)) >= MANY - 64)
    check(sum(map(closed, peers)) == MANY - 64, "another number than all but 64 was turned away")
    slowest_of(session, 10)
    session.logout()
    status = daemon.ctl_json("status")
    check("connections_refused" not in status or status["connections_refused"] == MANY - 64, f"not counted: {status}")


def connect_until_refused(port):
    peers = []
    for _ in range(MANY):
        peers.append(socket.create_connection(("127.0.0.1", port), timeout=10))
    return peers


def overload_shrinks_windows_and_drops_nobody(daemon):
    """Sessions beyond the share of a target get smaller windows, those beyond the rate a status that may be tried again."""
    daemon.announce("refused with status 0302")
    port, first = prepared(daemon, "")
    daemon.ctl("target", "modify", IQN, "--max-commands", 16, "--max-logins-per-second", 4)
    sessions, refused = [first], 0
    deadline = time.monotonic() + 20
    while len(sessions) < 9 and time.monotonic() < deadline:
        try:
            sessions.append(Session(("127.0.0.1", port), IQN, HOST))
        except Exception as error:  # Refused, of rawiscsi.login
            check(getattr(error, "status", 0) == 0x0302, f"refused otherwise: {error}")
            refused += 1
            time.sleep(0.1)
    check(refused > 0, "nine logins came in within a second")
    for session in sessions:
        session.settle()
    tasks = [session.command(scsi.read10(0, 8), 0, read=4096) for session in sessions]
    for session, task in zip(sessions, tasks):
        session.finish(task)
        check(str(task) == "good", f"a READ ended with {task}")
    window = (sessions[-1].model.max_cmd_sn - sessions[-1].cmd_sn + 1) & 0xffffffff
    check(window == 1, f"the ninth of nine sessions that share 16 commands has a window of {window}")
    for session in sessions[:-1]:
        session.logout()
    sessions[-1].ping()
    deadline = time.monotonic() + 5
    while (window := (sessions[-1].model.max_cmd_sn - sessions[-1].cmd_sn + 1) & 0xffffffff) != 16:
        check(time.monotonic() < deadline, f"alone again it has a window of {window}")
        sessions[-1].ping()
        time.sleep(0.05)


TESTS = [idle_logins_cost_little_and_hold_nobody_up, what_is_too_much_is_turned_away,
         overload_shrinks_windows_and_drops_nobody]

if __name__ == "__main__":
    run(__doc__, TESTS)
