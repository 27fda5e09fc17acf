"""An initiator's bytes as inputs of the harnesses; the formats are those of login.cc, text.cc, receiver.cc, session.cc
and cdb_input.h."""
import struct

LENGTHS = {6: 0, 10: 1, 12: 2, 16: 3}  # kCdbLengths
NOP_OUT, COMMAND, TASK, LOGIN, TEXT, DATA_OUT, LOGOUT = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
STEPS = 48  # PDUs of a session in one input
COMMANDS = 16  # of a `cdb` input
MOST = 8000  # bytes of a stream in one input


def pdus(stream):
    """Header and data of each PDU; header digests are skipped once they were agreed to, as far as can be seen."""
    at, digest = 0, 0
    while at + 48 <= len(stream):
        header = stream[at:at + 48]
        begin = at + 48 + header[4] * 4 + digest
        size = int.from_bytes(header[5:8], "big")
        if header[0] & 0x3f == LOGIN and b"HeaderDigest=CRC32C\0" in stream[begin:begin + size]:
            digest = 4  # outboardd takes it
        data = stream[begin:begin + size]
        if len(data) < size:
            return
        yield header, data
        at = begin + (size + 3) // 4 * 4


def cdb_length(opcode):
    return {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}.get(opcode >> 5, 16)


def login_seed(requests):
    """Each with its whole header."""
    out = bytearray([0])
    for header, data in requests:
        out += bytes([1, header[1]]) + header + struct.pack(">H", len(data)) + data
    return bytes(out)


def command_step(header, data):
    length = struct.unpack(">I", header[20:24])[0]
    shift = 4 if length > 0xffff and length % 16 == 0 else 0
    out = bytes([0x00, 0x01 | (0x20 if shift else 0), header[19] & 7, header[1], header[9]])
    out += struct.pack(">H", min(length >> shift, 0xffff)) + header[32:48]
    if not data:
        return out + b"\0\0"
    given = len(data) & 0x3fff
    return out + struct.pack(">H", 0x8000 | given) + data[:given & 0x1ff]


def step(header, data):
    """A PDU of the full feature phase as one step of `session`."""
    opcode, tag = header[0] & 0x3f, header[19] & 7
    how = 0x03 if header[0] & 0x40 else 0x01
    if opcode == COMMAND:
        return command_step(header, data)
    if opcode == DATA_OUT:
        return b"\x03\x01"
    if opcode == NOP_OUT:
        answers = header[20:24] != b"\xff" * 4
        how |= (0x10 if answers else 0) | (0x20 if header[16:20] == b"\xff" * 4 else 0)
        return bytes([0x02, 2, how, tag]) + struct.pack(">H", len(data) & 0xfff) + data[:0xfff]
    if opcode == TASK:
        return bytes([0x02, 0, how, tag, header[1] & 15, header[9], header[23] & 7, 1])
    if opcode == TEXT:
        return bytes([0x02, 1, how, tag, header[1]]) + struct.pack(">H", len(data) & 0xfff) + data[:0xfff]
    if opcode == LOGOUT:
        return bytes([0x02, 3, how, tag, header[1] & 7, header[21]])
    return b""


def cdb_step(header, data, follows):
    """A command as one step of `cdb`; `follows`: its Data-Out PDUs' data."""
    cdb = header[32:48]
    length = struct.unpack(">I", header[20:24])[0] & 0xffff
    shape = LENGTHS[cdb_length(cdb[0])] | (header[1] & 3) << 4
    out = data + follows
    kind = 2 if header[1] & 0x20 else 1 if header[1] & 0x40 else 0
    body = cdb[:cdb_length(cdb[0])] + struct.pack(">H", length)
    if kind == 2:
        body += (out + bytes(4096))[:length & 0xfff]
    return bytes([0x40 | (header[9] & 1) << 1, shape | kind << 6]) + body


def chunks(steps, most):
    for at in range(0, len(steps), most):
        yield b"".join(steps[at:at + most])


def of_stream(stream):
    """(harness, input) pairs of what one connection sent."""
    everything = list(pdus(stream))
    logins = [each for each in everything if each[0][0] & 0x3f == LOGIN]
    others = [each for each in everything if each[0][0] & 0x3f != LOGIN]
    if not logins:
        return
    yield "login", login_seed(logins)
    for mode, cuts in ((0x00, b"\xff" * 7), (0x04, b"\x2f\x00\x1f\xff\x07\xff\x63"),
                       (0x14, b"\x2f\x01\xff\x03\x30\x33\xfe")):
        yield "receiver", bytes([mode]) + cuts + stream[:MOST]
    for header, data in logins:
        yield "text", bytes([header[1] >> 2 & 3]) + data
    discovery = any(b"SessionType=Discovery" in data for _, data in logins)
    for header, data in others:
        if header[0] & 0x3f == TEXT:
            yield "text", bytes([0x0c if discovery else 0x08, 0x40, 0x00, 0xff]) + data
    steps = [step(header, data) for header, data in others]
    for content in chunks(steps, STEPS):
        yield "session", (b"\x02" if discovery else b"\x00") + content
    follows = {}
    for header, data in others:
        if header[0] & 0x3f == DATA_OUT:
            follows[header[16:20]] = follows.get(header[16:20], b"") + data
    commands = [cdb_step(header, data, follows.get(header[16:20], b"")) for header, data in others
                if header[0] & 0x3f == COMMAND]
    yield from (("cdb", content) for content in chunks(commands, COMMANDS))
