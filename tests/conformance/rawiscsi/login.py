"""The login phase of one connection (RFC 7143 6.3, 11.12, 11.13): sends any Login Request, checks every response."""

from . import keys as text
from .errors import Closed, NoAnswer, Violation
from .pdu import Op, Pdu, serial_add

SECURITY, OPERATIONAL, FULL_FEATURE = 0, 1, 3
LOGIN_MRDSL = 8192  # RFC 7143 13.12: the default holds until the end of the login phase


class Refused(Exception):
    """The target answered the login with a status other than success."""

    def __init__(self, status):
        super().__init__(f"login status 0x{status:04x}")
        self.status = status


class LoginPhase:
    def __init__(self, wire, isid, tsih=0, cid=0, cmd_sn=1, itt=0x10):
        self.wire, self.isid, self.tsih, self.cid, self.cmd_sn, self.itt = wire, isid, tsih, cid, cmd_sn, itt
        self.stat_sn = None  # of the last response; None before the first
        self.last = None     # the last request
        self.final = None    # the response that led to the full feature phase

    def request(self, pairs=(), csg=OPERATIONAL, nsg=FULL_FEATURE, transit=True, cont=False, raw=None, **fields):
        pdu = Pdu(Op.LOGIN_REQUEST, data=text.encode(pairs) if raw is None else raw, immediate=1, transit=transit,
                  cont=cont, csg=csg, nsg=nsg if transit else 0, isid=self.isid, tsih=self.tsih, itt=self.itt,
                  cid=self.cid, cmd_sn=self.cmd_sn,
                  exp_stat_sn=0 if self.stat_sn is None else serial_add(self.stat_sn, 1))
        for name, value in fields.items():
            setattr(pdu, name, value)
        return pdu

    def send(self, *args, **kwargs):
        self.last = self.request(*args, **kwargs)
        self.wire.send(self.last, header_digest=False, data_digest=False)

    def receive(self, limit=None):
        pdu = self.wire.receive("a Login Response", limit=limit, max_data=LOGIN_MRDSL)
        self.check(pdu)
        return pdu

    def exchange(self, *args, limit=None, **kwargs):
        """One request and its whole answer, C-bit continuations included: (last response, pairs). May raise Refused."""
        self.send(*args, **kwargs)
        pdu, data = self.receive(limit), b""
        while True:
            if pdu.status_class:
                raise Refused(pdu.login_status)
            data += pdu.data
            if not pdu.cont:
                return pdu, text.decode(data)
            self.send(csg=self.last.csg, nsg=self.last.nsg, transit=self.last.transit)
            pdu = self.receive(limit)

    def complete(self, pairs=(), csg=OPERATIONAL):
        """Goes on to the full feature phase, with plain answers to what the target offers; returns all pairs."""
        everything = []
        for _ in range(8):
            response, answers = self.exchange(pairs, csg=csg, nsg=FULL_FEATURE if csg else OPERATIONAL)
            everything += answers
            if response.transit and response.nsg == FULL_FEATURE:
                return everything
            csg = response.nsg if response.transit else csg
            ours = [key for key, _ in pairs] if isinstance(pairs, list) else list(pairs)
            pairs = {key: text.DEFAULTS[key] for key, _ in answers if key in text.DEFAULTS and key not in ours}
        raise NoAnswer("the target did not enter the full feature phase in 8 exchanges")

    def verdict(self, limit=None):
        """How the target ended it: 0 to 0xffff a login status, "reject N" or "closed"."""
        try:
            pdu = self.wire.receive("the end of this login", limit=limit, max_data=LOGIN_MRDSL)
        except Closed:
            return "closed"
        if pdu.opcode == Op.REJECT:
            return f"reject {pdu.reason}"
        self.check(pdu)
        return pdu.login_status

    def check(self, pdu):
        def ask(condition, rule):
            if not condition:
                raise Violation(f"{rule}: {pdu}")

        ask(pdu.opcode == Op.LOGIN_RESPONSE and not pdu.immediate, "not a Login Response")
        ask(pdu.itt == self.last.itt, f"Initiator Task Tag is not that of the request (0x{self.last.itt:x})")
        ask(not pdu.flags & 0x30 and not pdu.total_ahs_length, "reserved bits or AHS in a Login Response")
        if pdu.status_class:
            return
        ask(pdu.isid == self.last.isid, "ISID is not that of the request")
        ask(pdu.version_active == 0 and pdu.version_max == 0, "version is not 0 (RFC 7143 11.13.1, 11.13.2)")
        if self.stat_sn is not None:
            ask(pdu.stat_sn == serial_add(self.stat_sn, 1), f"StatSN does not follow {self.stat_sn:#x}")
        self.stat_sn = pdu.stat_sn
        ask(pdu.exp_cmd_sn == self.cmd_sn, f"ExpCmdSN is not the CmdSN of the login, {self.cmd_sn:#x}")
        ask(pdu.csg == self.last.csg, "CSG is not that of the request")
        ask(not (pdu.cont and pdu.transit), "C and T are both set")
        if self.last.cont:
            ask(not pdu.transit and not pdu.cont and not pdu.data, "an answer before the last part of a C-bit chain")
        if pdu.transit:
            ask(self.last.transit and pdu.csg < pdu.nsg <= self.last.nsg, "a transition that was not asked for")
        if pdu.transit and pdu.nsg == FULL_FEATURE:
            ask(pdu.tsih == self.last.tsih if self.last.tsih else pdu.tsih != 0, "TSIH of the final response")
            self.tsih, self.final = pdu.tsih, pdu
        else:
            ask(pdu.tsih == self.last.tsih, "TSIH before the final response (RFC 7143 11.13.4)")
