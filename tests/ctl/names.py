#!/usr/bin/env python3
"""Servers beside the target: RADIUS judges CHAP responses, iSNS learns of targets; and floods of logins."""
import contextlib
import hashlib
import hmac
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from daemon import IQN, check, configuration, run
from target import end_process, free_port, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi.chap import Chap  # noqa: E402
from rawiscsi.login import Refused  # noqa: E402
from rawiscsi.session import Session  # noqa: E402

HOST = "iqn.2026-01.org.example:host"
SECRET = "shared-with-radius"
ALICE = ("alice", "alice-secret-0001")
AUTHENTICATION, UNAVAILABLE, RESOURCES = 0x0201, 0x0301, 0x0302


class RadiusServer(threading.Thread):
    """RFC 2865 and RFC 3579 as far as CHAP needs them. `mood` says how it answers."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port, self.mood, self.requests = self.socket.getsockname()[1], "honest", []
        self.start()

    def run(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.requests.append(packet)
            for answer in self.answers(packet):
                self.socket.sendto(answer, peer)

    def attributes(self, packet):
        at, found = 20, {}
        while at < len(packet):
            found[packet[at]] = packet[at + 2:at + packet[at + 1]]
            at += packet[at + 1]
        return found

    def judge(self, packet):
        found = self.attributes(packet)
        unsigned = packet.replace(found[80], bytes(16), 1)
        check(hmac.digest(SECRET.encode(), unsigned, "md5") == found[80], "the request's Message-Authenticator is wrong")
        identifier, response = found[3][:1], found[3][1:]
        right = hashlib.md5(identifier + ALICE[1].encode() + found[60]).digest() == response
        return 2 if right and found[1] == ALICE[0].encode() else 3

    def answer(self, packet, code, secret=SECRET, sign=True, identifier=None):
        body = bytes([80, 18]) + bytes(16) if sign else b""
        head = struct.pack(">BBH", code, packet[1] if identifier is None else identifier, 20 + len(body))
        if sign:
            body = body[:2] + hmac.digest(secret.encode(), head + packet[4:20] + body, "md5")
        return head + hashlib.md5(head + packet[4:20] + body + secret.encode()).digest() + body

    def answers(self, packet):
        if self.mood == "silent" or self.mood == "second" and self.requests.count(packet) < 2:
            return []
        right = self.answer(packet, self.judge(packet))
        if self.mood != "hostile":
            return [right]
        accept = self.answer(packet, 2)
        return [b"", b"\2", accept[:19], accept[:-1], self.answer(packet, 2, secret="guessed"),
                self.answer(packet, 2, sign=False), self.answer(packet, 2, identifier=packet[1] ^ 1),
                accept[:4] + bytes(16) + accept[20:], accept[:-1] + bytes([accept[-1] ^ 1]), right]


def radius_config(port, servers, more=""):
    text = configuration(port).replace(f'name = "{IQN}"', f'name = "{IQN}"\nauthentication = "radius"')
    return text + f"""
[radius]
servers = [{", ".join(f'"127.0.0.1:{each}"' for each in servers)}]
secret_file = "SECRET_FILE"
timeout = "300ms"
tries = 2
{more}
"""


def apply(daemon, text):
    daemon.ctl("apply", daemon.write("c.toml", text.replace("SECRET_FILE", daemon.write("radius", SECRET + "\n"))))


def log_in(port, user=ALICE[0], secret=ALICE[1], **options):
    """The login status; the session is logged out at once."""
    try:
        session = Session(("127.0.0.1", port), IQN, HOST, chap=Chap(user, secret, algorithms=(5,)), **options)
    except Refused as refused:
        return refused.status
    session.logout()
    return 0


def radius_judges_logins(daemon):
    """The right secret gets in, the wrong one does not; forged answers change nothing; a lost datagram costs its time."""
    daemon.start()
    daemon.announce("refused with status 0201")
    daemon.announce("RADIUS server")
    server, port = RadiusServer(), free_port()
    apply(daemon, radius_config(port, [server.port]))
    for server.mood in ("honest", "hostile"):
        check(log_in(port) == 0, f"alice was refused ({server.mood})")
        check(log_in(port, secret="wrong-secret-0001") == AUTHENTICATION, f"a wrong secret got in ({server.mood})")
        check(log_in(port, user="bob") == AUTHENTICATION, f"bob got in ({server.mood})")
    server.mood = "second"
    started = time.monotonic()
    check(log_in(port) == 0, "a lost datagram was not sent again")
    check(0.25 < time.monotonic() - started < 2, "sent again too early or too late")
    check(len(set(server.requests[-2:])) == 1, "the second datagram is not the first one again")
    check(SECRET not in daemon.log() and SECRET not in daemon.ctl("export"), "the secret shows")


def radius_servers_fail_over(daemon):
    """A dead server is passed over, and asked last from then on; when none answers the login may be tried again."""
    daemon.start()
    daemon.announce("does not answer")
    daemon.announce("refused with status 0301")
    dead, server, port = RadiusServer(), RadiusServer(), free_port()
    dead.mood = "silent"
    apply(daemon, radius_config(port, [dead.port, server.port]))
    check(log_in(port) == 0, "the second server was not asked")
    check(len(dead.requests) == 2, f"the dead server was asked {len(dead.requests)} times")
    check(log_in(port) == 0 and len(dead.requests) == 2, "the dead server is still asked first")
    server.mood = "silent"
    started = time.monotonic()
    check(log_in(port) == UNAVAILABLE, "nobody answered, and the login was not refused as unavailable")
    check(1 < time.monotonic() - started < 4, "it took another time than four datagrams have")
    check(daemon.ctl_code("status") == 0, "the daemon does not answer")


def radius_configuration_is_checked(daemon):
    """Servers without a secret, targets without servers, secrets that others can read: nothing changes."""
    daemon.start()
    port, server = free_port(), RadiusServer()
    text = radius_config(port, [server.port])
    error = daemon.refused("apply", daemon.write("c.toml", text.replace("SECRET_FILE", "/nonexistent/secret")))
    check("/nonexistent/secret" in error, f"not named: {error}")
    loose = daemon.write("loose", SECRET)
    os.chmod(loose, 0o644)
    error = daemon.refused("apply", daemon.write("c.toml", text.replace("SECRET_FILE", loose)))
    check(loose in error and SECRET not in error, f"not named: {error}")
    error = daemon.refused("apply", daemon.write("c.toml", text.replace(f'"127.0.0.1:{server.port}"', "")))
    check("RADIUS needs servers" in error, f"not said: {error}")
    check(daemon.ctl_json("target", "list") == [], "something was applied")
    apply(daemon, text)
    check(daemon.ctl_json("target", "list")[0]["authentication"] == "radius", "not shown")


def freeradius_agrees(daemon):
    """Debian's FreeRADIUS, with one user."""
    program = shutil.which("freeradius") or "/usr/sbin/freeradius"
    if not os.path.exists(program):
        print("      (there is no freeradius here)")
        return
    daemon.start()
    daemon.announce("refused with status 0201")
    folder, authentication_port, port = daemon.folder, free_port(), free_port()
    daemon.write("users", f'{ALICE[0]} Cleartext-Password := "{ALICE[1]}"\n')
    daemon.write("radiusd.conf", f"""
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
name = radiusd
log {{ destination = stderr }}
client us {{
  ipaddr = 127.0.0.1
  secret = {SECRET}
  require_message_authenticator = yes
}}
modules {{
  chap {{ }}
  files {{ usersfile = {folder}/users }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {authentication_port}
  }}
  authorize {{
    chap
    files
  }}
  authenticate {{
    Auth-Type CHAP {{
      chap
    }}
  }}
  post-auth {{
    update reply {{ Message-Authenticator := 0x00 }}
    Post-Auth-Type REJECT {{
      update reply {{ Message-Authenticator := 0x00 }}
    }}
  }}
}}
""")
    with open(os.path.join(folder, "freeradius.log"), "wb") as log:
        server = subprocess.Popen([program, "-f", "-l", "stdout", "-d", folder, "-D", "/usr/share/freeradius"],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def listens():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", authentication_port))
                    return False
                except OSError:
                    return True
        wait_for("freeradius to listen", 20, listens, server)
        apply(daemon, radius_config(port, [authentication_port], "").replace("300ms", "3s"))
        check(log_in(port) == 0, "alice was refused")
        check(log_in(port, secret="wrong-secret-0001") == AUTHENTICATION, "a wrong secret got in")
        check(log_in(port) == 0, "alice was refused the second time")
    except Exception:
        with open(os.path.join(folder, "freeradius.log"), encoding="utf-8", errors="replace") as log:
            print(log.read()[-1500:])
        raise
    finally:
        end_process(server, signal.SIGKILL)


# --- iSNS

REGISTER, QUERY, DEREGISTER, REGISTER_SCN, SCN, ESI = 1, 2, 4, 5, 8, 13
CLIENT, SERVER, REPLACE, WHOLE = 0x8000, 0x4000, 0x1000, 0x0c00


def attribute(tag, value):
    return struct.pack(">II", tag, len(value)) + value


def padded(name):
    value = name.encode() + b"\0"
    return value + bytes(-len(value) % 4)


def text_of(value):
    return value.rstrip(b"\0").decode()


class IsnsServer(threading.Thread):
    """Takes registrations, remembers what came, and can ask (RFC 4171)."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(5)
        self.requests, self.answer, self.domains = [], self.agree, {}
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            with client:
                try:
                    self.serve(client)
                except OSError:
                    pass

    def serve(self, client):
        stream = client.makefile("rb")
        while len(head := stream.read(12)) == 12:
            version, function, length, flags, transaction, sequence = struct.unpack(">HHHHHH", head)
            check(version == 1 and sequence == 0 and flags & ~REPLACE == CLIENT | WHOLE, f"header {head.hex()}")
            self.requests.append((function, flags, self.parse(stream.read(length))))
            client.sendall(self.members(transaction) if function == QUERY else self.answer(function, transaction))

    def members(self, transaction):
        """The initiators that the source sees."""
        asked = self.requests[-1][2]
        check([tag for tag, _ in asked] == [32, 33, 0, 32] and asked[1][1] == b"\0\0\0\2", f"a query: {asked}")
        found = self.domains.get(text_of(asked[0][1]), [])
        names = b"".join(attribute(32, padded(name)) for name in found)
        return self.agree(QUERY, transaction, bytes(4) + attribute(33, b"\0\0\0\2") + attribute(0, b"") + names)

    @staticmethod
    def agree(function, transaction, payload=b"\0\0\0\0"):
        return struct.pack(">HHHHHH", 1, 0x8000 | function, len(payload), SERVER | WHOLE, transaction, 0) + payload

    @staticmethod
    def parse(payload):
        found = []
        while payload:
            tag, length = struct.unpack(">II", payload[:8])
            found.append((tag, payload[8:8 + length]))
            payload = payload[8 + length:]
        return found

    def registered(self, tag):
        """Values of an attribute in the last registration."""
        last = [request for request in self.requests if request[0] == REGISTER][-1]
        return [value for each, value in last[2] if each == tag]

    def ask(self, function, payload):
        port = struct.unpack(">I", self.registered(20)[0])[0]
        check(port >> 16 == 1, "inquiries are to come by UDP")
        self.udp.sendto(struct.pack(">HHHHHH", 1, function, len(payload), SERVER | WHOLE, 77, 0) + payload,
                        ("127.0.0.1", port & 0xffff))
        answer, _ = self.udp.recvfrom(8192)
        check(struct.unpack(">HHHHHH", answer[:12]) == (1, 0x8000 | function, len(answer) - 12, CLIENT | WHOLE, 77, 0),
              f"header of the answer {answer[:12].hex()}")
        return answer[12:]


def isns_config(port, server_port, **more):
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    return configuration(port) + f"""
[[isns]]
server = "127.0.0.1:{server_port}"
entity = "storage.example.org"
{lines}"""


def targets_are_registered_and_taken_back(daemon):
    """All at first, what changes with every change, and nothing once the daemon has ended."""
    daemon.start()
    server, port = IsnsServer(), free_port()
    daemon.ctl("apply", daemon.write("c.toml", isns_config(port, server.port)))
    wait_for("the registration", 10, lambda: [r[0] for r in server.requests] == [REGISTER, REGISTER_SCN])
    check(server.requests[0][1] & REPLACE, "a first registration replaces what may be there")
    check(text_of(server.registered(32)[1]) == IQN, "not our target")
    check(server.registered(16)[0] == bytes(10) + b"\xff\xff\x7f\0\0\1", "not our portal")
    check(struct.unpack(">I", server.registered(17)[0])[0] == port, "not its port")
    daemon.ctl("target", "create", IQN + "2")
    wait_for("the second registration", 10, lambda: len(server.requests) == 5)
    check([text_of(name) for name in server.registered(32)[1:]] == [IQN, IQN + "2"], "not both targets")
    check(daemon.stop() == 0, "the daemon did not end well")
    check(server.requests[-1][0] == DEREGISTER, "nothing was taken back")
    check((1, b"storage.example.org\0") in server.requests[-1][2], "something else was taken back")


def the_servers_questions_are_answered(daemon):
    """ESI is echoed, an SCN confirmed; garbage and strangers get nothing."""
    daemon.start()
    server, port = IsnsServer(), free_port()
    daemon.ctl("apply", daemon.write("c.toml", isns_config(port, server.port)))
    wait_for("the registration", 10, lambda: len(server.requests) == 2)
    payload = attribute(4, bytes(8)) + attribute(1, b"storage.example.org\0") + attribute(16, bytes(16))
    check(server.ask(ESI, payload) == bytes(4) + payload, "the inquiry was not echoed")
    name = padded(IQN)
    notification = attribute(32, name) + attribute(4, bytes(8)) + attribute(35, b"\0\0\0\1")
    check(server.ask(SCN, notification) == bytes(4) + attribute(32, name), "the notification was not confirmed")
    where = ("127.0.0.1", struct.unpack(">I", server.registered(20)[0])[0] & 0xffff)
    for garbage in (b"", b"\0", os.urandom(12), os.urandom(2000), bytes(8000),
                    struct.pack(">HHHHHH", 1, ESI, 0xfffc, WHOLE, 1, 0) + bytes(100)):
        server.udp.sendto(garbage, where)
    check(server.ask(ESI, payload) == bytes(4) + payload, "garbage has stopped the answers")


def a_server_that_is_away_costs_nothing(daemon):
    """Refused, silent, talking nonsense: the target serves, the registration comes when the server does."""
    daemon.start()
    daemon.announce("iSNS server")
    port, away = free_port(), free_port()
    server = IsnsServer()
    server.answer = lambda function, transaction: os.urandom(64)
    text = isns_config(port, server.port) + isns_config(port, away).split("lun = 0")[1]
    started = time.monotonic()
    daemon.ctl("apply", daemon.write("c.toml", text))
    check(time.monotonic() - started < 5, "the change waited for the servers")
    Session(("127.0.0.1", port), IQN, HOST).logout()
    wait_for("a round", 10, lambda: "no iSNS message" in daemon.log())
    server.answer = server.agree
    wait_for("the registration", 15, lambda: REGISTER_SCN in [r[0] for r in server.requests])
    check(daemon.stop() == 0, "the daemon did not end well")
    check(server.requests[-1][0] == DEREGISTER, "nothing was taken back")


def status_of_login(port, host=HOST):
    try:
        session = Session(("127.0.0.1", port), IQN, host)
    except Refused as refused:
        return refused.status
    session.logout()
    return 0


def discovery_domains_say_who_may_log_in(daemon):
    """Before the server has told: later. Then its list and ours together; who leaves the domain is sent away."""
    daemon.start()
    daemon.announce("refused with status 0301")
    daemon.announce("refused with status 0202")
    daemon.announce("iSNS server")
    server, port, other = IsnsServer(), free_port(), HOST + ":other"
    server.answer = lambda function, transaction: b""
    server.domains = {IQN: [HOST, other]}
    text = isns_config(port, server.port, access_control="true").replace(f'name = "{IQN}"', f'name = "{IQN}"\ninitiators = ["{HOST}"]')
    daemon.ctl("apply", daemon.write("c.toml", text))
    check(status_of_login(port) == UNAVAILABLE, "nobody knows yet, and it is not said so")
    shown = daemon.ctl_json("isns", "list")[0]
    check(not shown["registered"] and "initiators" not in shown and shown["access_control"], f"{shown}")
    server.answer = server.agree
    wait_for("the first list", 20, lambda: "initiators" in daemon.ctl_json("isns", "list")[0])
    check(status_of_login(port) == 0, "who shares the domain was refused")
    check(status_of_login(port, other) == 0x0202, "our own list is not looked at")
    check(status_of_login(port, HOST + ":stranger") == 0x0202, "a stranger got in")
    shown = daemon.ctl_json("isns", "list")[0]
    check(shown["state"] == "registered" and shown["initiators"] == {IQN: sorted([HOST, other])}, f"{shown}")
    check(0 < shown["next_try_ms"] < 300_000 and shown["last_error"] == "no answer in time", f"{shown}")
    check(f"127.0.0.1:{server.port}" in daemon.ctl("isns", "list"), "not in the table")
    session = Session(("127.0.0.1", port), IQN, HOST)
    session.settle()
    server.domains = {}
    server.ask(SCN, attribute(32, padded(IQN)) + attribute(4, bytes(8)) + attribute(35, b"\0\0\0\2"))
    wait_for("the session to end", 10, lambda: not daemon.ctl_json("session", "list"))
    check(status_of_login(port) == 0x0202, "it left the domain and got in")
    daemon.ctl("apply", daemon.write("d.toml", text.replace("access_control = true", "")))
    check(status_of_login(port) == 0, "without access control the domain still counts")


@contextlib.contextmanager
def isnsd(daemon, default_domain):
    """Debian's isnsd; its port, and isnsadm in the name of some node."""
    server_port, folder = free_port(), daemon.folder
    os.mkdir(os.path.join(folder, "isns"))
    common = f"""
Security = 0
ControlSocket = {folder}/isnsctl
ServerAddress = 127.0.0.1:{server_port}
"""
    daemon.write("isnsd.conf", common + f"""
SourceName = iqn.2026-01.org.example:isnsd
BindAddress = 127.0.0.1:{server_port}
Database = {folder}/isns
PIDFile = {folder}/isnsd.pid
SLPRegister = 0
DefaultDiscoveryDomain = {default_domain}
RegistrationPeriod = 10m
ESIMinInterval = 1s
ESIMaxInterval = 5s
""")

    def admin(*words, source="iqn.2026-01.org.example:isnsadm"):
        name = daemon.write("isnsadm.conf", common + f"SourceName = {source}\n")
        done = subprocess.run(["/usr/sbin/isnsadm", "-c", name, *words], capture_output=True, text=True, timeout=20, check=False)
        return done.stdout + done.stderr

    with open(os.path.join(folder, "isnsd.log"), "wb") as log:
        server = subprocess.Popen(["/usr/sbin/isnsd", "-f", "-c", f"{folder}/isnsd.conf", "-d", "esi,scn,message"],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", server_port)) == 0
    try:
        wait_for("isnsd to listen", 20, listens, server)
        yield server_port, admin
    except Exception:
        with open(os.path.join(folder, "isnsd.log"), encoding="utf-8", errors="replace") as log:
            print(log.read()[-3000:])
        raise
    finally:
        end_process(server, signal.SIGKILL)


def without_isnsd():
    if os.path.exists("/usr/sbin/isnsd"):
        return False
    print("      (there is no isnsd here)")
    return True


def open_isns_agrees(daemon):
    """Debian's isnsd lists our target, its portal, and forgets it at our end."""
    if without_isnsd():
        return
    daemon.start()
    port = free_port()
    with isnsd(daemon, default_domain=1) as (server_port, admin):
        daemon.ctl("apply", daemon.write("c.toml", isns_config(port, server_port, inquiry_interval='"1s"')))
        wait_for("isnsd to list the target", 15, lambda: IQN in admin("--local", "--list", "nodes"))
        check("storage.example.org" in admin("--local", "--list", "entities"), "no entity")
        check(f"{port}" in admin("--local", "--list", "portals"), "no portal:\n" + admin("--local", "--list", "portals"))
        time.sleep(4)  # a few inquiries: who does not answer them is thrown out
        check(f"{port}" in admin("--local", "--list", "portals"), "the portal is gone")
        check(daemon.ctl_json("isns", "list")[0]["inquiries"] > 0, "no inquiry is counted")
        check(daemon.stop() == 0, "the daemon did not end well")
        check(IQN not in admin("--local", "--list", "nodes"), "the target is still listed")


def open_isns_domains_are_obeyed(daemon):
    """isnsd puts an initiator into a domain with our target, and notifies us; that it left shows with the next refresh."""
    if without_isnsd():
        return
    daemon.start()
    daemon.announce("refused with status 0202")
    port = free_port()
    with isnsd(daemon, default_domain=0) as (server_port, admin):
        daemon.ctl("apply", daemon.write("c.toml", isns_config(port, server_port, access_control="true", period='"15s"')))
        wait_for("the first list", 15, lambda: "initiators" in daemon.ctl_json("isns", "list")[0])
        said = admin("--register", "entity=host.example.org", f"initiator={HOST}", source=HOST)
        check("Success" in said, said)
        check(status_of_login(port) == 0x0202, "it is in no domain with the target, and got in")
        said = admin("--local", "--dd-register", "dd-name=front", f"member-name={IQN}", f"member-name={HOST}")
        check("Registered" in said, said)
        wait_for("the domain to be heard of", 10, lambda: daemon.ctl_json("isns", "list")[0]["initiators"] == {IQN: [HOST]})
        check(status_of_login(port) == 0, "it shares a domain with the target and was refused")
        said = admin("--local", "--dd-deregister", "1", f"member-name={HOST}")
        wait_for("the end of it to be heard of", 20,
                 lambda: daemon.ctl_json("isns", "list")[0]["initiators"] == {IQN: []})
        check(status_of_login(port) == 0x0202, "it left the domain and got in")


TESTS = [radius_judges_logins, radius_servers_fail_over, radius_configuration_is_checked, freeradius_agrees,
         targets_are_registered_and_taken_back, discovery_domains_say_who_may_log_in, the_servers_questions_are_answered, a_server_that_is_away_costs_nothing,
         open_isns_agrees, open_isns_domains_are_obeyed]

if __name__ == "__main__":
    run(__doc__, TESTS)
