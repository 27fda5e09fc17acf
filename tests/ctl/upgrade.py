#!/usr/bin/env python3
"""tgtctl upgrade: another process goes on with sessions, RAM disks and files; whatever goes wrong, the old one does."""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from daemon import IQN, check, run
from heir import Heir, adopt_orphans
from steady_load import SteadyLoad, stop
from target import free_port, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402
from rawiscsi.errors import Closed, NoAnswer  # noqa: E402
from rawiscsi.session import LUN_RESET, Session  # noqa: E402

HOST = "iqn.2026-01.org.example:host"
OTHER = "iqn.2026-01.org.example:other"
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
RAM, FILE, PROTECTED, EJECTABLE, EMPTY = range(5)  # LUNs
BLOCK = 512
NO_UPGRADE = "no upgrade, "

UNITS = """
[[lu]]
name = "ram"
backstore = "ram"
size = "64 MiB"
[[lu]]
name = "file"
backstore = "file"
path = "{folder}/disk"
size = "16 MiB"
[[lu]]
name = "protected"
backstore = "ram"
size = "8 MiB"
protection_type = 1
[[lu]]
name = "ejectable"
backstore = "ram"
size = "8 MiB"
removable = true
[[lu]]
name = "empty"
backstore = "ram"
size = "8 MiB"
[[portal]]
address = "127.0.0.1:{port}"
[[target]]
name = "{iqn}"
max_connections = 4
error_recovery_level = 2
"""
VIEWS = "".join(f'[[view]]\nlu = "{name}"\nlun = {lun}\n'
                for lun, name in enumerate(("ram", "file", "protected", "ejectable", "empty")))


def served(daemon):
    """The daemon, from a program file of its own, with all kinds of units; the port."""
    adopt_orphans()
    port = free_port()
    programs = os.path.join(daemon.folder, "bin")
    os.mkdir(programs)
    for name in ("outboardd", "tgtctl"):
        shutil.copy(os.path.join(daemon.bin_dir, name), programs)
    daemon.bin_dir = programs
    daemon.reactors = 2
    daemon.start()
    text = UNITS.format(folder=daemon.folder, port=port, iqn=IQN) + VIEWS
    daemon.ctl("apply", daemon.write("c.toml", text))
    return port


def upgrade(daemon, *words, answering=()):
    """Upgrades and returns the report; the daemon is the new process then. `answering` sessions answer pings meanwhile:
    from error recovery level 1 on a session is at rest when all responses are acknowledged."""
    old = daemon.process
    asked = subprocess.Popen(daemon.argv("--json", "upgrade", *words), stdout=subprocess.PIPE)
    while asked.poll() is None:
        for session in answering:
            try:
                session.receive("a ping", 0.05)
            except NoAnswer:
                pass
        time.sleep(0.01)
    check(asked.returncode == 0, "the upgrade failed")
    report = json.loads(asked.communicate()[0])
    check(old.wait(10) == 0, f"the old daemon ended with {old.returncode}")
    check(report["pid"] != old.pid, f"{report}")
    daemon.process = Heir(report["pid"])
    wait_for("the new daemon to take commands", 10, lambda: daemon.ctl_code("status") == 0, daemon.process)
    check(daemon.ctl_json("status")["pid"] == report["pid"], "another daemon answers")
    return report


def log_in(port, initiator=HOST, settle=True, **options):
    session = Session(("127.0.0.1", port), IQN, initiator, **options)
    if settle:
        session.settle(RAM, FILE, PROTECTED, EJECTABLE)
    return session


def good(session, cdb, lun=RAM, **options):
    task = session.do(cdb, lun, **options)
    check(str(task) == "good", f"CDB {cdb.hex()} of LUN {lun}: {task}")
    return bytes(task.data_in)


def pattern(blocks, seed):
    return b"".join(struct.pack(">QQ", seed, number) * (BLOCK // 16) for number in range(blocks))


def reserve(session, action, kind=0, **keys):
    data = scsi.pr_list(**keys)
    return str(session.do(scsi.pr_out(action, kind, len(data)), RAM, write=data))


def lasting(sessions):
    """What `session list` says, without what only grows."""
    keep = ("id", "initiator", "target", "isid", "tsih", "authentication", "connections")
    return [{key: each[key] for key in keep if key in each} for each in sessions]


def every_session_goes_on_with_all_that_it_knew(daemon):
    """Data, reservations, unit attentions, mode pages, PREVENT, numbers: as before, over the same connections."""
    port = served(daemon)
    first = log_in(port, keys=DIGESTS)
    leading = log_in(port, OTHER, keys={"MaxConnections": "2", "ErrorRecoveryLevel": "2"})
    second = leading.join(1, keys=DIGESTS)
    listing = Session(("127.0.0.1", port), None, HOST, discovery=True)
    written = {lun: pattern(64, lun + 1) for lun in (RAM, FILE, PROTECTED)}
    for lun, data in written.items():
        good(first, scsi.write10(100, 64), lun, write=data)
    good(first, scsi.unmap(24), RAM, write=scsi.unmap_list([(108, 8)]))
    written[RAM] = written[RAM][:8 * BLOCK] + bytes(8 * BLOCK) + written[RAM][16 * BLOCK:]
    check(reserve(first, scsi.REGISTER, service_key=0xA1) == "good", "REGISTER")
    check(reserve(first, scsi.RESERVE, 1, key=0xA1) == "good", "RESERVE")
    keys = good(first, scsi.pr_in(scsi.READ_KEYS), read=8192)
    good(first, scsi.reserve6(), FILE)
    sense = scsi.mode_sense6(0x0A, dbd=True)
    page = bytearray(good(first, sense, EJECTABLE, read=255))
    page[4 + 2] |= 0x04  # D_SENSE
    page[0] = 0
    good(first, scsi.mode_select6(len(page)), EJECTABLE, write=bytes(page))
    check(str(leading.do(scsi.test_unit_ready(), EJECTABLE)) == "check 06/2a/01", "mode parameters changed")
    changed = good(first, sense, EJECTABLE, read=255)
    good(first, scsi.prevent_allow(True), EJECTABLE)
    check(first.tmf(LUN_RESET, PROTECTED) == 0, "LOGICAL UNIT RESET")
    before = lasting(daemon.ctl_json("session", "list"))

    report = upgrade(daemon, answering=(leading, second))
    check((report["sessions"], report["connections"], report["logical_units"]) == (3, 4, 5), f"{report}")
    check(report["pause_ms"] < 2000, f"{report}")

    check(lasting(daemon.ctl_json("session", "list")) == before, f"sessions: {before}")
    for lun in (RAM, FILE):
        check(good(first, scsi.read10(100, 64), lun, read=64 * BLOCK) == written[lun], f"the data of LUN {lun}")
    for session, condition in ((first, "check 06/29/03"), (leading, "check 06/29/03")):
        check(str(session.do(scsi.test_unit_ready(), PROTECTED)) == condition, "the unit attention of the reset")
        good(session, scsi.test_unit_ready(), PROTECTED)
    check(good(leading, scsi.read10(100, 64), PROTECTED, read=64 * BLOCK) == written[PROTECTED], "protected data")
    check(str(leading.do(scsi.test_unit_ready(), EMPTY)).startswith("check 06/29/"), "a unit never addressed before")
    check(good(first, scsi.pr_in(scsi.READ_KEYS), read=8192) == keys, "registered keys and their generation")
    for session in (leading, second):
        check(str(session.do(scsi.write10(0, 1), RAM, write=bytes(BLOCK))) == "reservation conflict", "the reservation")
        check(str(session.do(scsi.read10(0, 1), FILE, read=BLOCK)) == "reservation conflict", "RESERVE(6)")
    good(first, scsi.write10(0, 1), RAM, write=pattern(1, 9))
    good(first, scsi.write10(200, 8), FILE, write=pattern(8, 7))
    check(good(first, sense, EJECTABLE, read=255) == changed, "mode page values that are not saved")
    check(str(leading.do(scsi.start_stop_unit(start=False, load=True), EJECTABLE)) == "check 05/53/02", "PREVENT")
    check(("TargetName", IQN) in listing.send_targets(), "the discovery session")

    later = log_in(port, "iqn.2026-01.org.example:later")
    good(later, scsi.read10(100, 1), RAM, read=BLOCK)
    ids = [each["id"] for each in daemon.ctl_json("session", "list")]
    check(max(ids) > max(each["id"] for each in before), f"session ids begin anew: {ids}")
    for session in (first, leading, later):
        session.logout()
    check(daemon.stop() == 0, "the new daemon's orderly end")


def a_resized_and_a_half_used_disk_goes_on(daemon):
    """RAM disks keep size, holes and their count of pages; what is created later is another's."""
    port = served(daemon)
    session = log_in(port)
    daemon.ctl("lu", "resize", "ram", "96MiB")
    session.settle(RAM)
    end = (96 << 20) // BLOCK - 8
    good(session, scsi.write10(end, 8), RAM, write=pattern(8, 3))
    for _ in range(2):
        upgrade(daemon)
        check(good(session, scsi.read10(end, 8), RAM, read=8 * BLOCK) == pattern(8, 3), "the end of a disk that grew")
        check(good(session, scsi.read10(1000, 8), RAM, read=8 * BLOCK) == bytes(8 * BLOCK), "a hole")
        extent = good(session, scsi.get_lba_status(1000), RAM, read=512)
        check(extent[20] == 1, f"a hole is not told as deallocated: {extent[:24].hex()}")
    daemon.ctl("lu", "delete", "ram")
    daemon.ctl("lu", "create", "ram", "--backstore", "ram", "--size", "8MiB")
    daemon.ctl("view", "add", "ram", "--lun", "9")
    session.settle(9)
    check(good(session, scsi.read10(0, 8), 9, read=8 * BLOCK) == bytes(8 * BLOCK), "a new disk holds the old one's data")


def under_load_initiators_see_a_pause_and_nothing_else(daemon):
    """Commands in flight end, none fails, none waits for two seconds; again and again."""
    port = served(daemon)
    loads = [SteadyLoad(log_in(port, f"{HOST}{number}", keys=DIGESTS if number % 2 else None), number)
             for number in range(4)]
    for load in loads:
        load.start()
    try:
        for _ in range(5):
            time.sleep(0.3)
            report = upgrade(daemon)
            check(report["sessions"] == 4 and report["pause_ms"] < 2000, f"{report}")
    finally:
        time.sleep(0.3)
        stop(loads)
    for number, load in enumerate(loads):
        check(load.fault is None, f"initiator {number}: {load.fault}")
        check(load.longest < 2, f"initiator {number} waited {load.longest:.2f} s")
        check(load.rounds > 5, f"initiator {number} came to {load.rounds} rounds only")


def keeps_serving(daemon, session, pid):
    good(session, scsi.read10(0, 1), RAM, read=BLOCK)
    status = daemon.ctl_json("status")
    check(status["pid"] == pid, f"another daemon answers: {status['pid']}")
    newcomer = log_in(daemon.port)
    good(newcomer, scsi.read10(0, 1), RAM, read=BLOCK)
    newcomer.logout()


def a_new_program_that_fails_changes_nothing(daemon):
    """One that cannot be started, one that ends at once, one that cannot read the configuration."""
    daemon.port = port = served(daemon)
    session, pid = log_in(port), daemon.process.pid
    program = os.path.join(daemon.bin_dir, "outboardd")
    os.rename(program, program + ".good")
    daemon.announce(NO_UPGRADE)
    check("the other outboardd has ended" in daemon.refused("upgrade"), "no program")
    keeps_serving(daemon, session, pid)
    shutil.copy("/bin/false", program)
    check("the other outboardd has ended" in daemon.refused("upgrade"), "a program that ends")
    keeps_serving(daemon, session, pid)
    os.unlink(program)
    os.rename(program + ".good", program)
    stored = os.path.join(daemon.state, "config.toml")
    with open(stored, "rb") as kept:
        text = kept.read()
    with open(stored, "ab") as damaged:
        damaged.write(b"# more\n")
    check("damaged" in daemon.refused("upgrade"), "a configuration that cannot be read")
    keeps_serving(daemon, session, pid)
    with open(stored, "wb") as mended:
        mended.write(text)
    upgrade(daemon)
    good(session, scsi.read10(0, 1), RAM, read=BLOCK)


def commands_that_do_not_end_keep_it_off_unless_forced(daemon):
    """Without --force nothing happens and the command ends in its own time; with it that session alone is lost."""
    daemon.port = port = served(daemon)
    slow, other, pid = log_in(port), log_in(port, OTHER), daemon.process.pid
    half = log_in(port, "iqn.2026-01.org.example:half")
    daemon.announce(NO_UPGRADE)
    delay = ("debug", "inject", "delay", "file", "--delay", "3s", "--any-command", "--count", "1")
    daemon.ctl(*delay)
    late = slow.command(scsi.test_unit_ready(), FILE)
    said = daemon.refused("upgrade", "--wait", "300ms")
    check("not at rest" in said and HOST in said and OTHER not in said, said)
    keeps_serving(daemon, other, pid)
    slow.finish(late)
    check(str(late) == "good", f"the command that was waited for: {late}")

    half.wire.socket.sendall(b"\x00" * 20)  # of a header
    check("iqn.2026-01.org.example:half" in daemon.refused("upgrade", "--wait", "300ms"), "half a PDU")
    daemon.ctl(*delay)
    slow.command(scsi.test_unit_ready(), FILE)
    report = upgrade(daemon, "--wait", "300ms", "--force")
    check(report["sessions"] == 1, f"{report}")
    good(other, scsi.read10(0, 1), RAM, read=BLOCK)
    for lost in (slow, half):
        try:
            lost.closes(5)
        except Closed:
            pass
    log_in(port).logout()


def logins_meet_the_new_daemon(daemon):
    """One that is half way is let go in time; those who come meanwhile wait in the socket and are served."""
    daemon.port = port = served(daemon)
    session = log_in(port)
    with socket.create_connection(("127.0.0.1", port)) as silent:
        report = upgrade(daemon)
        check(report["sessions"] == 1, f"{report}")
        silent.settimeout(5)
        check(silent.recv(1) == b"", "a login that was under way goes on at the old daemon")
    good(session, scsi.read10(0, 1), RAM, read=BLOCK)
    log_in(port).logout()


def a_second_upgrade_and_a_change_wait_their_turn(daemon):
    """Upgrades are one at a time; a change that comes meanwhile is made after one that was refused."""
    daemon.port = port = served(daemon)
    slow = log_in(port)
    daemon.announce(NO_UPGRADE)
    daemon.ctl("debug", "inject", "delay", "file", "--delay", "2s", "--any-command", "--count", "1")
    late = slow.command(scsi.test_unit_ready(), FILE)
    first = subprocess.Popen(daemon.argv("upgrade", "--wait", "1s"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.4)
    check("under way" in daemon.refused("upgrade"), "two upgrades at once")
    daemon.ctl("lu", "create", "more", "--backstore", "ram", "--size", "1MiB")
    output, _ = first.communicate(timeout=30)
    check(first.returncode == 1 and b"not at rest" in output, f"{output}")
    slow.finish(late)
    check(any(lu["name"] == "more" for lu in daemon.ctl_json("lu", "list")), "a change that waited")


def the_service_manager_follows(daemon):
    """sd_notify: MAINPID from the old daemon before the new one says READY; metrics and socket file stay."""
    place = os.path.join(daemon.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(place)
        notify.settimeout(10)
        daemon.environment = {"NOTIFY_SOCKET": place}
        daemon.port = port = served(daemon)
        session = log_in(port)
        page = free_port()
        daemon.ctl("metrics", "modify", "--listen", f"127.0.0.1:{page}")
        check(notify.recv(4096).startswith(b"READY=1"), "the first daemon's word")
        report = upgrade(daemon)
        check(notify.recv(4096) == f"MAINPID={report['pid']}".encode(), "whom to watch")
        check(notify.recv(4096).startswith(b"READY=1"), "the second daemon's word")
    with socket.create_connection(("127.0.0.1", page)) as reader:
        reader.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        check(reader.recv(100).startswith(b"HTTP/1.1 200"), "the page for Prometheus")
    good(session, scsi.read10(0, 1), RAM, read=BLOCK)
    check(os.path.exists(daemon.socket), "the management socket's file")
    check(daemon.stop() == 0 and not os.path.exists(daemon.socket), "the end of the second daemon")


def the_launcher_is_small_and_ends_with_its_daemon(daemon):
    """One process beside the daemon: no capability, nothing open but its socket, gone when the daemon is."""
    served(daemon)
    children = pathlib.Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
    check(len(children) == 1, f"children: {children}")
    launcher = pathlib.Path("/proc", children[0])
    status = dict(line.split(":\t", 1) for line in (launcher / "status").read_text().splitlines() if ":\t" in line)
    check(int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", f"{status}")
    open_files = sorted(int(each.name) for each in (launcher / "fd").iterdir())
    check(open_files == [0, 1, 2, 3], f"descriptors: {open_files}")
    os.kill(int(children[0]), signal.SIGTERM)  # as the end of a terminal or a service sends it to all
    check(daemon.stop() == 0, "the orderly end")
    wait_for("the launcher to end", 5, lambda: os.waitpid(int(children[0]), os.WNOHANG)[0] != 0)


TESTS = [every_session_goes_on_with_all_that_it_knew, a_resized_and_a_half_used_disk_goes_on,
         under_load_initiators_see_a_pause_and_nothing_else, a_new_program_that_fails_changes_nothing,
         commands_that_do_not_end_keep_it_off_unless_forced, logins_meet_the_new_daemon,
         a_second_upgrade_and_a_change_wait_their_turn, the_service_manager_follows,
         the_launcher_is_small_and_ends_with_its_daemon]

if __name__ == "__main__":
    run(__doc__, TESTS)
