#!/usr/bin/env python3
"""outboardd as a service: what it tells systemd, what rights it has left, and the unit file that grants them."""
import os
import pathlib
import re
import shutil
import socket
import subprocess

from daemon import check, configuration, run
from target import free_port, run_tool

UNITS = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "systemd"


def systemd_is_told(daemon):
    """READY=1 once portals are open, WATCHDOG=1 again and again, STOPPING=1 at the end."""
    port = free_port()
    daemon.config = daemon.write("c.toml", configuration(port))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(os.path.join(daemon.folder, "notify"))
        notify.settimeout(20)
        daemon.environment = {"NOTIFY_SOCKET": os.path.join(daemon.folder, "notify"), "WATCHDOG_USEC": "400000"}
        daemon.spawn()
        said = [notify.recv(4096).decode()]
        while not said[-1].startswith("READY=1"):
            said.append(notify.recv(4096).decode())
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        while said.count("WATCHDOG=1") < 3:
            said.append(notify.recv(4096).decode())
        check(daemon.stop() == 0, "the end was not orderly")
        while not said[-1].startswith("STOPPING=1"):
            said.append(notify.recv(4096).decode())


def no_right_is_left(daemon):
    """Every thread is without capabilities, cannot get new ones, and is under the filter."""
    port = free_port()
    daemon.config = daemon.write("c.toml", configuration(port))
    daemon.start()
    run_tool(["iscsi-inq", f"iscsi://127.0.0.1:{port}/iqn.2026-01.org.example:managed/0"])
    threads = os.listdir(f"/proc/{daemon.process.pid}/task")
    check(len(threads) > 3, f"threads: {threads}")
    for thread in threads:
        with open(f"/proc/{daemon.process.pid}/task/{thread}/status", encoding="utf-8") as text:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)
        kept = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)}
        check(not kept, f"thread {thread} keeps {kept}")
        check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", f"thread {thread}: {status}")


def unit_file_is_narrow(_daemon):
    """systemd-analyze: exposure under 2.0, nothing that it does not know."""
    if shutil.which("systemd-analyze") is None:
        print("skip  unit_file_is_narrow: there is no systemd-analyze here (Debian package systemd)", flush=True)
        return
    said = run_tool(["systemd-analyze", "security", "--offline=true", str(UNITS / "outboard.service")])
    exposure = float(re.search(r"exposure level for outboard.service: ([0-9.]+)", said).group(1))
    check(exposure < 2.0, said)
    wrong = subprocess.run(["systemd-analyze", "verify", "--man=no", str(UNITS / "outboard.service")], capture_output=True,
                           text=True, timeout=60, check=False).stderr
    check("Unknown" not in wrong and "Failed to parse" not in wrong, wrong)


if __name__ == "__main__":
    run(__doc__, [systemd_is_told, no_right_is_left, unit_file_is_narrow])
