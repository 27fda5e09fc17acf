#!/usr/bin/env python3
"""outboardd and tgtctl from the outside: start, apply, list, resize, restart, secrets, rights, garbage, the end."""
import json
import os
import pathlib
import pwd
import signal
import socket
import stat
import subprocess
import time

from daemon import IQN, check, configuration, run
from target import accepts, free_port, run_tool

SECRET, MUTUAL = "a-secret-for-this-test", "the-other-secret-here"


def capacity(port, lun=0):
    """Bytes that an initiator sees."""
    out = run_tool(["iscsi-readcapacity16", f"iscsi://127.0.0.1:{port}/{IQN}/{lun}"])
    values = dict(line.split(":", 1) for line in out.splitlines() if ":" in line)
    return int(values["Total size"].split()[0]) if "Total size" in values else None


def apply_list_resize_restart(daemon):
    """What is applied is served, can be resized in use, and is the same after a restart."""
    port = free_port()
    daemon.start()
    path = daemon.write("c.toml", configuration(port))
    dry = daemon.ctl("apply", path, "--dry-run")
    check("+ lu ram" in dry and "nothing was changed" in dry and not accepts(port), f"dry run: {dry}")
    daemon.ctl("apply", path)
    check(accepts(port), "the portal is not open")
    check("nothing changes" in daemon.ctl("apply", path), "a second apply changes something")
    before = daemon.ctl_json("lu", "show", "ram")
    daemon.ctl("lu", "resize", "ram", "128MiB")
    inquiry = run_tool(["iscsi-inq", f"iscsi://127.0.0.1:{port}/{IQN}/0"])
    check("OUTBOARD" in inquiry, f"INQUIRY: {inquiry}")
    exported = daemon.ctl("export")
    check(daemon.stop() == 0, "the end was not orderly")
    check(not os.path.exists(daemon.socket), "the socket is left behind")
    daemon.start()
    check(accepts(port), "the portal is not open after the restart")
    check(daemon.ctl("export") == exported, "the configuration is another one after the restart")
    after = daemon.ctl_json("lu", "show", "ram")
    check(after["size"] == 128 << 20 and after["naa"] == before["naa"] and after["serial"] == before["serial"],
          f"another disk after the restart: {after}")


def imperative_commands_are_stored(daemon):
    """Each single command is a transaction of its own, in force at once and after a crash."""
    port = free_port()
    daemon.start()
    daemon.ctl("portal", "add", f"127.0.0.1:{port}")
    daemon.ctl("target", "create", IQN)
    daemon.ctl("lu", "create", "null0", "--backstore", "null", "--size", "1GiB")
    daemon.ctl("host-group", "create", "hosts", "--initiators", "iqn.2007-10.com.github:*,iqn.2026-01.x:y")
    daemon.ctl("view", "add", "null0", "--host-group", "hosts", "--target-group", IQN)
    check(f"there is no target \"{IQN}x\"" not in daemon.refused("view", "add", "null0", "--lun", "0"), "wrong error")
    daemon.stop(signal.SIGKILL)
    daemon.start()  # over a stale socket
    check(len(daemon.ctl_json("view", "list")) == 1 and accepts(port), "something was lost")
    sessions = daemon.ctl_json("session", "list")
    check(sessions == [], f"sessions without a host: {sessions}")
    check("no such" in daemon.refused("debug", "inject-remove", "7"), "wrong error")
    daemon.ctl("lu", "delete", "null0")
    check(daemon.ctl_json("view", "list") == [], "the view outlives its logical unit")


def wrong_configurations_change_nothing(daemon):
    """Faults are named by place; a portal that cannot be opened rolls everything back."""
    port = free_port()
    daemon.start()
    daemon.ctl("apply", daemon.write("good.toml", configuration(port)))
    before = daemon.ctl("export")
    said = daemon.refused("apply", daemon.write("bad.toml", configuration(port) + "[[view]]\nlu = \"none\"\nlun = 1\n"))
    check("bad.toml:14:6: view of lu \"none\"" in said, f"error: {said}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        text = configuration(port, "128 MiB") + f"[[portal]]\naddress = \"127.0.0.1:{number}\"\n"
        said = daemon.refused("apply", daemon.write("busy.toml", text))
        check("apply iscsi" in said and str(number) in said, f"error: {said}")
    check(daemon.ctl("export") == before, "something changed")
    check(daemon.ctl_json("lu", "show", "ram")["size"] == 64 << 20, "the resize was not rolled back")


def secrets_stay_secret(daemon):
    """Not in output, log, command lines or the configuration file; only in the file of secrets, mode 0600."""
    port = free_port()
    daemon.start()
    daemon.ctl("apply", daemon.write("c.toml", configuration(port)))
    one, two = daemon.write("one", SECRET + "\n"), daemon.write("two", MUTUAL)
    said = daemon.ctl("user", "add", "alice", "--secret-file", one, "--mutual-user", "us", "--mutual-secret-file", two)
    with open(one, "rb") as again:
        done = subprocess.run(daemon.argv("user", "add", "bob", "--secret-fd", str(again.fileno())), capture_output=True,
                              text=True, timeout=20, check=False, pass_fds=[again.fileno()])
        check(done.returncode == 1 and "same secret" in done.stderr, f"the same secret twice: {done}")
        said += done.stderr
    os.chmod(one, 0o644)
    check("chmod" in daemon.refused("user", "modify", "alice", "--secret-file", one), "a file that all can read is taken")
    daemon.ctl("target", "modify", IQN, "--authentication", "chap", "--users", "alice")
    url = f"iscsi://alice%{SECRET}@127.0.0.1:{port}/{IQN}/0"
    check("OUTBOARD" in run_tool(["iscsi-inq", url]), "login with the secret fails")
    daemon.announce("refused with status 0201: wrong response")
    wrong = subprocess.run(["iscsi-inq", url.replace(SECRET, "x" * 16)], capture_output=True, timeout=20, check=False)
    check(wrong.returncode != 0, "login with another secret works")
    for words in (["status"], ["user", "list"], ["export"], ["target", "list"], ["session", "list"], ["describe"]):
        said += daemon.ctl(*words) + daemon.ctl("--json", *words)
    for place in ("cmdline", "environ"):
        with open(f"/proc/{daemon.process.pid}/{place}", "rb") as text:
            said += text.read().decode()
    # A secret among the words would be in everybody's list of processes: there is no such option.
    check(daemon.ctl_code("user", "add", "carol", "--secret", SECRET) == 2, "a secret is taken from the command line")
    check(daemon.ctl_code("user", "add", "carol", SECRET, "--secret-file", two) == 2, "a secret as a further word")
    found = []
    for name in os.listdir(daemon.state):
        path = os.path.join(daemon.state, name)
        if os.path.isfile(path):
            check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, f"{name} is not of mode 0600")
            with open(path, encoding="utf-8") as text:
                if SECRET in text.read():
                    found.append(name)
    check(len(found) == 1 and found[0].startswith("secrets."), f"the secret is in {found}")
    for secret in (SECRET, MUTUAL):
        check(secret not in said + daemon.log(), "a secret was shown")


def as_nobody(path):
    """What the socket says to a process of the user nobody."""
    nobody = pwd.getpwnam("nobody")
    ours, theirs = os.pipe()
    if os.fork() == 0:
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(path)
                os.write(theirs, client.recv(1000))
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        said = answer.read()
    os.wait()
    return said


def the_socket_is_guarded(daemon):
    """Mode 0600 in a directory of ours; other users are turned away; no second daemon beside the first."""
    daemon.start()
    check(stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o600, "the socket's mode")
    again = subprocess.run([os.path.join(daemon.bin_dir, "outboardd"), "--socket", daemon.socket, "--state-dir",
                            daemon.state], capture_output=True, text=True, timeout=20, check=False)
    check(again.returncode == 1 and "in use" in again.stderr, f"a second daemon: {again}")
    os.mkdir(os.path.join(daemon.folder, "open"))
    os.chmod(os.path.join(daemon.folder, "open"), 0o777)
    loose = subprocess.run([os.path.join(daemon.bin_dir, "outboardd"), "--socket", daemon.folder + "/open/s", "--state-dir",
                            daemon.folder + "/other"], capture_output=True, text=True, timeout=20, check=False)
    check(loose.returncode == 1 and "others can write" in loose.stderr, f"a loose directory: {loose}")
    if os.geteuid() != 0:
        return
    os.chmod(daemon.folder, 0o755)
    os.chmod(daemon.socket, 0o666)  # as if by mistake: the credentials are asked, too
    daemon.announce("management client refused: not permitted")
    said = as_nobody(daemon.socket)
    check(b"not permitted" in said, f"nobody got in: {said}")


def garbage_and_silence_do_not_disturb(daemon):
    """Clients that send nonsense, too much, or nothing leave the others served."""
    daemon.start()
    silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for client in silent:
        client.connect(daemon.socket)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(daemon.socket)
        client.sendall(b"\x00\xff{}[]\n[1,2]\n" + b"[" * 100000 + b"\n")
        answers = client.makefile("r")
        codes = [json.loads(answers.readline()) for _ in range(3)]
        check(codes[0]["error"]["code"] == -32700 and codes[1][0]["error"]["code"] == -32600 and
              codes[2]["error"]["code"] == -32700, f"answers: {codes}")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(daemon.socket)
        try:
            client.sendall(b" " * (2 << 20))
        except BrokenPipeError:
            pass  # it was cut off in the middle, as it should be
    check(daemon.ctl_code("status") == 0, "no answer beside silent clients")
    for client in silent:
        client.close()


def torn_stores_are_refused(daemon):
    """A damaged configuration is an error at the start, never an empty configuration."""
    port = free_port()
    daemon.start()
    daemon.ctl("apply", daemon.write("c.toml", configuration(port)))
    daemon.stop()
    daemon.announce(" error outboardd: ")
    path = os.path.join(daemon.state, "config.toml")
    with open(path, "rb") as whole:
        text = whole.read()
    for damaged in (b"", text[:-1], text.replace(b"64 MiB", b"65 MiB"), b"# nothing\n"):
        with open(path, "wb") as out:
            out.write(damaged)
        daemon.spawn()
        check(daemon.process.wait(20) == 1, "it started with a damaged configuration")
        check(path in daemon.log(), f"the error does not name the file: {daemon.log()}")
    with open(path, "wb") as out:
        out.write(text)
    daemon.start()
    check(accepts(port), "the whole configuration is refused")


def a_missing_medium_costs_only_itself(daemon):
    """A file that is gone at the start leaves the others served; it comes back with the next change."""
    port = free_port()
    daemon.start()
    disk = os.path.join(daemon.folder, "disk")
    daemon.ctl("apply", daemon.write("c.toml", configuration(port)))
    daemon.ctl("lu", "create", "file", "--backstore", "file", "--path", disk, "--size", "1MiB")
    daemon.ctl("view", "add", "file")
    daemon.stop()
    os.rename(disk, disk + ".away")
    daemon.announce("disk is neither a file nor a block device")
    os.mkdir(disk)  # in its place, so that no new file is made
    daemon.start()
    check("absent" in daemon.ctl_json("lu", "show", "file")["state"], "a directory is served as a disk")
    check("file" in daemon.ctl_json("status")["absent"] and accepts(port), "the rest is not served")
    os.rmdir(disk)
    os.rename(disk + ".away", disk)
    daemon.ctl("host-group", "create", "any")
    check(daemon.ctl_json("lu", "show", "file")["state"] == "online", "it did not come back")


def idle_costs_nothing(daemon):
    """Under 1 % of a core with a portal open and nobody there."""
    daemon.start()
    daemon.ctl("apply", daemon.write("c.toml", configuration(free_port())))

    def used():
        with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as text:
            fields = text.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    time.sleep(1)
    before, begin = used(), time.monotonic()
    time.sleep(5)
    share = (used() - before) / (time.monotonic() - begin)
    check(share < 0.01, f"an idle outboardd uses {share:.1%} of a core")


def the_documents_example_is_good(daemon):
    """The complete example of docs/configuration.md, as it stands there."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
    example, secrets = [part.split("```")[0] for part in text.split("```toml\n")[1:3]]
    daemon.start()
    done = daemon.ctl_json("apply", daemon.write("example.toml", example), "--secrets-file",
                           daemon.write("secrets.toml", secrets), "--dry-run")
    entries = f"\n{example}".count("\n[[") + 3  # with [radius], [discovery], [metrics]; the limits are the defaults
    check(len(done["changes"]) == entries and not done["applied"], f"changes: {done}")


def fibre_channel_ports_without_an_adapter(daemon):
    """A port whose device is not there says so and costs nobody else anything; it can be switched, changed, removed."""
    port = free_port()
    text = configuration(port) + f"""
[[fc_port]]
name = "fc0"
device = "unix:{daemon.folder}/nobody.sock"
wwpn = "5001438000000001"

[[view]]
lu = "ram"
lun = 9
target_group = "fc0"
"""
    daemon.announce("nobody.sock")
    daemon.start()
    daemon.ctl("apply", daemon.write("fc.toml", text))
    check(accepts(port), "the portal is not open")
    row = daemon.ctl_json("port", "list")[0]
    for _ in range(50):
        if row["state"].startswith("waiting for its device"):
            break
        time.sleep(0.1)
        row = daemon.ctl_json("port", "list")[0]
    check(row["state"].startswith("waiting for its device"), f"port list: {row}")
    check(row["wwpn"] == "50:01:43:80:00:00:00:01", f"port list: {row}")
    daemon.ctl("port", "offline", "fc0")
    check(daemon.ctl_json("port", "show", "fc0")["state"] == "offline", "not offline")
    daemon.ctl("port", "modify", "fc0", "--initiators", "21:00:00:24:ff:*")
    check("fc9" in daemon.refused("port", "online", "fc9"), "a port that does not exist")
    check("no port" in daemon.refused("debug", "registers", "fc0"), "registers of nothing")
    check("there is no target_group or target" in daemon.refused("port", "remove", "fc0"), "a view still names it")
    exported = daemon.ctl("export")
    check('relative_port_id = 2' in exported and "enabled = false" in exported, exported)
    check(daemon.stop() == 0, "the end was not orderly")
    daemon.start()
    check(daemon.ctl("export") == exported, "the ports are others after the restart")
    daemon.ctl("view", "remove", "ram", "--lun", "9")
    daemon.ctl("port", "remove", "fc0")
    check(daemon.ctl_json("port", "list") == [], "the port is still there")


def no_daemon_is_said_plainly(daemon):
    """Exit code 3 and the socket's path."""
    done = subprocess.run(daemon.argv("status"), capture_output=True, text=True, timeout=20, check=False)
    check(done.returncode == 3 and daemon.socket in done.stderr and "no outboardd" in done.stderr, f"said: {done}")


TESTS = [apply_list_resize_restart, imperative_commands_are_stored, wrong_configurations_change_nothing,
         secrets_stay_secret, the_socket_is_guarded, garbage_and_silence_do_not_disturb, torn_stores_are_refused,
         a_missing_medium_costs_only_itself, idle_costs_nothing,
         the_documents_example_is_good, fibre_channel_ports_without_an_adapter, no_daemon_is_said_plainly]


if __name__ == "__main__":
    run(__doc__, TESTS)
