#!/usr/bin/env python3
"""The page for Prometheus: judged by promtool, right in its numbers, named by the dashboard, and opened only on wish."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import urllib.request

from daemon import IQN, check, run
from measuring import BLOCK, load
from operation import HOST, log_in, served
from target import free_port

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "grafana" / "outboard.json"
SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')
SUFFIXES = ("_bucket", "_sum", "_count")


def fetch(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        check(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), f"{answer.headers}")
        return answer.read().decode()


def parse(text):
    """{family: type}, {(sample, labels): value}; every line must be of the format, each family whole and named once."""
    types, samples, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family, kind = line.split()[2:]
            check(family not in types, f"{family} is there twice")
            types[family] = kind
        elif not line.startswith("# HELP "):
            found = SAMPLE.match(line)
            check(found, f"no sample: {line}")
            name = found.group(1)
            base = name if types[family] != "histogram" else re.sub("(_bucket|_sum|_count)$", "", name)
            check(base == family, f"{name} among the samples of {family}")
            key = (name, found.group(2) or "")
            check(key not in samples, f"{key} is there twice")
            samples[key] = float(found.group(3))
    return types, samples


def opened(daemon):
    """The port of the disk and that of the page."""
    port, page = served(daemon), free_port()
    daemon.ctl("metrics", "modify", "--listen", f"127.0.0.1:{page}")
    return port, page


def promtool_finds_nothing_to_say(daemon):
    """What its own judge and linter think of the page, with and without things to count."""
    check(shutil.which("promtool"), "promtool is not there: Debian package prometheus")
    port, page = opened(daemon)
    session = log_in(port)
    load(session, 3, 2)
    judged = subprocess.run(["promtool", "check", "metrics"], input=fetch(page), capture_output=True, text=True,
                            timeout=60, check=False)
    check(judged.returncode == 0 and not judged.stdout + judged.stderr, f"promtool: {judged.stdout}{judged.stderr}")
    session.close()


def the_numbers_are_those_of_stats(daemon):
    """Port, session and logical unit; histograms rise and end with what was counted."""
    port, page = opened(daemon)
    session = log_in(port)
    load(session, 7, 3)
    types, samples = parse(fetch(page))
    listed, = daemon.ctl_json("session", "list")
    of_session = f'session="{listed["id"]}",initiator="{HOST}",target="{IQN}"'
    for kind, labels in (("port", f'port="{IQN},t,0x0001"'), ("session", of_session), ("lu", 'lu="ram"')):
        for way, count in (("read", 7), ("write", 3)):
            here = f'{labels},type="{way}"'
            check(samples[f"outboard_{kind}_commands_total", here] == count, f"{kind} {way}: {samples}")
            check(samples[f"outboard_{kind}_bytes_total", here] == count * BLOCK, f"{kind} {way}: {samples}")
            buckets = [value for (name, where), value in samples.items()
                       if name == f"outboard_{kind}_latency_seconds_bucket" and where.startswith(here)]
            check(len(buckets) == 21 and buckets == sorted(buckets) and buckets[-1] == count, f"{kind}: {buckets}")
            check(samples[f"outboard_{kind}_latency_seconds_count", here] == count, f"{kind} {way}: count")
            check(0 < samples[f"outboard_{kind}_latency_seconds_sum", here] < 5 * count, f"{kind} {way}: sum")
    check(types["outboard_lu_latency_seconds"] == "histogram" and samples["outboard_lu_online", 'lu="ram"'] == 1, "types")
    check(samples["outboard_iscsi_logins_total", ""] == 1, "logins")
    session.close()


def the_dashboard_names_what_is_there(daemon):
    """Every metric in its expressions, and every label that it groups by."""
    port, page = opened(daemon)
    session = log_in(port)
    load(session, 1, 1)
    types, samples = parse(fetch(page))
    labels = {label for _, where in samples for label in re.findall(r'([a-z_]+)="', where)} | {"le", "instance"}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expressions += [one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    check(len(expressions) > 20, f"{len(expressions)} expressions")
    named = {name for text in expressions for name in re.findall(r"\b(?:outboard|process)_[a-z_]+", text)}
    for name in named:
        family = next((name[:-len(end)] for end in SUFFIXES if name.endswith(end)), name)
        check(name in types or types.get(family) == "histogram", f"the dashboard wants {name}")
    for text in expressions:
        for group in re.findall(r"by \(([^)]*)\)", text):
            check(set(group.split(", ")) <= labels, f"no such label: {text}")
    for kind in ("port", "session", "lu", "iscsi", "fc"):
        check(any(name.startswith(f"outboard_{kind}_") for name in named), f"nothing of {kind}")
    session.close()


def it_is_opened_only_on_wish_and_bounded(daemon):
    """Off by default; moved and closed while in use; a taken port changes nothing; silent clients hold up nobody."""
    served(daemon)
    check(daemon.ctl_json("metrics", "show") == {"listen": "", "sessions": True, "address": ""}, "it is not off")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        check("in use" in daemon.refused("metrics", "modify", "--listen", f"127.0.0.1:{taken}"), "a taken port is taken")
    page = free_port()
    daemon.ctl("metrics", "modify", "--listen", f"127.0.0.1:{page}")
    silent = [socket.create_connection(("127.0.0.1", page)) for _ in range(4)]
    check("outboard_port_commands_total" in fetch(page), "not served beside silent clients")
    for one in silent:
        one.close()
    check(f'listen = "127.0.0.1:{page}"' in daemon.ctl("export"), "it is not in the configuration")
    daemon.ctl("metrics", "modify", "--no-sessions")
    check("outboard_session_commands_total{" not in fetch(page), "series of sessions")
    daemon.ctl("metrics", "modify", "--listen", "")
    try:
        socket.create_connection(("127.0.0.1", page), timeout=5).close()
        check(False, "it is still open")
    except ConnectionRefusedError:
        pass


TESTS = [promtool_finds_nothing_to_say, the_numbers_are_those_of_stats, the_dashboard_names_what_is_there,
         it_is_opened_only_on_wish_and_bounded]

if __name__ == "__main__":
    run(__doc__, TESTS)
