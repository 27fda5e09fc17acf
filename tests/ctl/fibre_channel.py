#!/usr/bin/env python3
"""outboardd with a modelled adapter on a modelled switch: what an operator sees of it, its crash, its virtual ports."""
import os
import time

from daemon import check, configuration, run, wait_for
from san import San

WWPN = ("50:01:43:80:00:00:00:01", "50:01:43:80:00:00:00:02", "50:01:43:80:00:00:00:03")


def begin(daemon, san, more=""):
    """fc0 on the SAN's first adapter; without a portal."""
    text = configuration(0).split("[[portal]]", maxsplit=1)[0] + f"""
[[fc_port]]
name = "fc0"
device = "unix:{san.socket(0)}"
wwpn = "{WWPN[0]}"
{more}
[[view]]
lu = "ram"
lun = 0
"""
    daemon.start()
    daemon.ctl("apply", daemon.write("fc.toml", text))
    wait_for("fc0 to be online", 20, lambda: online(daemon, "fc0"), daemon.process)


def end(daemon, san):
    """Before the SAN goes, which would be a fault of its own."""
    check(daemon.stop() == 0, "the end was not orderly")
    check(not san.faults(), f"{san.faults()}")


def show(daemon, port):
    return daemon.ctl_json("port", "show", port)


def online(daemon, port):
    row = show(daemon, port)
    return row["state"] == "online" and row["registration"] == "registered"


def seconds_of_cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def an_adapter_shows_its_inside(daemon):
    with San(daemon.bin_dir, adapters=1) as san:
        begin(daemon, san)
        registers = daemon.ctl("debug", "registers", "fc0")
        for line in ("registers:", "interrupt control", "atio in", "mailboxes:"):
            check(line in registers, f"{line} is not in {registers}")
        rings = daemon.ctl("debug", "rings", "fc0")
        for line in ("requests: in", "responses: out", "atios: out", "control: 0 of", "exchanges: 0 of"):
            check(line in rings, f"{line} is not in {rings}")
        events = daemon.ctl("debug", "events", "--port", "fc0")
        steps = [events.find(step) for step in ("soft reset", "load firmware", "initialize firmware", "adapter id")]
        check(-1 not in steps and steps == sorted(steps), f"steps of the bring-up: {events}")
        end(daemon, san)


def an_idle_adapter_sleeps_and_hears(daemon):
    """No processor time without work; what comes wakes it by an interrupt, not at the next look."""
    with San(daemon.bin_dir, adapters=1) as san:
        begin(daemon, san)
        time.sleep(1)
        before, interrupts = seconds_of_cpu(daemon.process.pid), show(daemon, "fc0")["counters"]["interrupts"]
        time.sleep(2)
        used = seconds_of_cpu(daemon.process.pid) - before
        check(used < 1, f"{used:.2f} s of processor time in 2 s without work")
        san.ask("link", "0", "500")
        wait_for("the link to be down", 10, lambda: show(daemon, "fc0")["state"] != "online", daemon.process)
        wait_for("fc0 to be online again", 20, lambda: online(daemon, "fc0"), daemon.process)
        check(show(daemon, "fc0")["counters"]["interrupts"] > interrupts, "no interrupt came")
        end(daemon, san)


def a_crash_leaves_a_file(daemon):
    with San(daemon.bin_dir, adapters=1) as san:
        begin(daemon, san)
        daemon.announce("firmware crash")
        daemon.announce("brought up again")
        san.ask("crash", "0")
        path = os.path.join(daemon.state, "fc0-0.dump")
        wait_for("the dump", 20, lambda: os.path.exists(path) and os.path.getsize(path) > 10000, daemon.process)
        wait_for("fc0 to be online again", 20, lambda: online(daemon, "fc0"), daemon.process)
        check(os.stat(path).st_mode & 0o077 == 0, "others may read the dump")
        with open(path, encoding="utf-8") as dump:
            text = dump.read()
        check(text.startswith("fc0 ISP2532 failed: firmware crash 1234 5678 9abc\nregisters:\n"), text[:200])
        check("\n00100000 " in text, "the firmware's memory is not there")
        check(show(daemon, "fc0")["counters"]["recoveries"] == 1, "recoveries")
        end(daemon, san)


def virtual_ports(daemon):
    tenant = f"""
[[fc_port]]
name = "fc0-tenant"
parent = "fc0"
wwpn = "{WWPN[1]}"
"""
    daemon.announce("is gone")  # the emulator may still hold the client that has just left; tried again
    with San(daemon.bin_dir, adapters=1) as san:
        begin(daemon, san, tenant)
        wait_for("the virtual port", 20, lambda: online(daemon, "fc0-tenant"), daemon.process)
        rows = {row["name"]: row for row in daemon.ctl_json("port", "list")}
        check(rows["fc0"]["port_id"][:4] == rows["fc0-tenant"]["port_id"][:4], f"one link: {rows}")
        check(rows["fc0"]["port_id"] != rows["fc0-tenant"]["port_id"], f"two addresses: {rows}")
        check(rows["fc0-tenant"]["wwpn"] == WWPN[1] and rows["fc0-tenant"]["device"] == "on fc0", f"{rows}")
        check("virtual port 1 of fc0" in show(daemon, "fc0-tenant")["model"], "model")
        daemon.ctl("port", "add", "fc0-third", "--parent", "fc0", "--wwpn", WWPN[2])
        for name in ("fc0", "fc0-tenant", "fc0-third"):
            wait_for(f"{name} to be online", 20, lambda each=name: online(daemon, each), daemon.process)
        nodes = {node["wwpn"] for port in san.ask("ports")["ports"] for node in port["nodes"]}
        check(set(WWPN) <= nodes, f"the switch knows {nodes}")
        daemon.ctl("port", "offline", "fc0-tenant")
        check(show(daemon, "fc0-tenant")["state"] == "offline" and online(daemon, "fc0"), "one went, one stayed")
        nodes = {node["wwpn"] for port in san.ask("ports")["ports"] for node in port["nodes"]}
        check(WWPN[1] not in nodes and WWPN[2] in nodes, f"the switch knows {nodes}")
        check("fc0-third" in daemon.refused("port", "remove", "fc0"), "its virtual ports still name it")
        daemon.ctl("port", "offline", "fc0")
        check(show(daemon, "fc0-third")["state"] == "waiting for port fc0", "it goes with its parent")
        daemon.ctl("port", "online", "fc0")
        wait_for("fc0-third to be online", 20, lambda: online(daemon, "fc0-third"), daemon.process)
        end(daemon, san)


def settings_reach_the_adapter(daemon):
    """confirmed_completion and dual_role: from the configuration to the initialisation block that the firmware has."""
    with San(daemon.bin_dir, adapters=1) as san:
        def role():
            return san.ask("dump", "0")["dump"].splitlines()[0].partition("role:")[2].strip()

        begin(daemon, san)
        check(role() == "target", role())
        row = show(daemon, "fc0")
        check(not row["confirmed_completion"] and not row["dual_role"] and row["report_changes"], f"{row}")
        daemon.announce("is gone")  # the emulator may still hold the client that has just left; tried again
        daemon.ctl("port", "modify", "fc0", "--confirmed-completion", "--dual-role", "--no-report-changes")
        wait_for("fc0 to be online", 20, lambda: online(daemon, "fc0"), daemon.process)
        check(role() == "target initiator, confirmed completion", role())
        row = daemon.ctl_json("port", "list")[0]
        check(row["confirmed_completion"] and row["dual_role"] and not row["report_changes"], f"{row}")
        check("confirmed_completion = true" in daemon.ctl("export"), "export")
        end(daemon, san)


if __name__ == "__main__":
    run(__doc__, [an_adapter_shows_its_inside, an_idle_adapter_sleeps_and_hears, a_crash_leaves_a_file, virtual_ports,
                  settings_reach_the_adapter])
