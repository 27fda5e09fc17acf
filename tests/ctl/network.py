#!/usr/bin/env python3
"""Fibre Channel from the command line: the emulated network, and outboardd's port on it."""
import json
import subprocess

from daemon import check, run
from san import San
from target import wait_for


def san_ctl(daemon, san, *words):
    done = subprocess.run([*daemon.argv("--json", "san", "--control", f"{san.folder}/control.sock"), *map(str, words)],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def port_of(daemon):
    ports = daemon.ctl_json("port", "list")
    check(len(ports) == 1, f"one port, not {ports}")
    return ports[0]


def a_cable_that_is_pulled_shows_at_the_port(daemon):
    """An adapter comes on the link, the switch knows it, and loses it with its cable."""
    daemon.start()
    with San(daemon.bin_dir) as san:
        daemon.ctl("port", "add", "fc0", "--device", f"unix:{san.socket(1)}")
        wait_for("the port to be online", 60, lambda: port_of(daemon)["state"] == "online", daemon.process)
        code, ports, _ = san_ctl(daemon, san, "ports")
        check(code == 0 and port_of(daemon)["wwpn"] in ports, f"the switch does not know the port: {ports}")
        check(san_ctl(daemon, san, "link", 1, "down")[0] == 0, "the cable cannot be pulled")
        wait_for("the port to be dark", 60, lambda: port_of(daemon)["state"] != "online", daemon.process)
        check(san_ctl(daemon, san, "link", 1, "up")[0] == 0, "the cable cannot be plugged in")
        wait_for("the port to be online again", 60, lambda: port_of(daemon)["state"] == "online", daemon.process)
        links = [one["event"] for one in map(json.loads, daemon.ctl("--json", "events").splitlines())
                 if one["source"].startswith("fc0") and one["event"].startswith("link")]
        check(links == ["link up", "link down", "link up"], f"the events of the port: {links}")
        for what in ("registers", "rings"):
            text = daemon.ctl("debug", what, "fc0")
            check(len(text.splitlines()) > 3, f"debug {what} says too little: {text}")
        daemon.ctl("port", "remove", "fc0")
        check(daemon.ctl_json("port", "list") == [], "the port is still there")
        code, answer, _ = san_ctl(daemon, san, "list")
        check(code == 0 and '"model_faults": 0' in answer, f"the model complains: {answer}")


def the_emulator_is_asked_by_words(daemon):
    """What it refuses keeps its words; without it the exit code says so."""
    with San(daemon.bin_dir) as san:
        code, text, _ = san_ctl(daemon, san, "help")
        check(code == 0 and "surprise removal" in text, f"no help: {text}")
        code, _, error = san_ctl(daemon, san, "crash", 9)
        check(code == 1 and "9" in error, f"exit {code}: {error}")
        code, _, error = san_ctl(daemon, san, "jump")
        check(code == 1 and "no command jump" in error, f"exit {code}: {error}")
        gone = san
    code, _, error = san_ctl(daemon, gone, "list")
    check(code == 3 and "no outboard-emu listens" in error, f"exit {code}: {error}")


TESTS = [a_cable_that_is_pulled_shows_at_the_port, the_emulator_is_asked_by_words]

if __name__ == "__main__":
    run(__doc__, TESTS)
