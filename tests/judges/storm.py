# Connections by the thousand: the shortest initiator there can be, with PDUs made once and sent as they are.
import socket
import struct

LOGIN = struct.Struct(">BBBBB3s6sHIHHII16x")
COMMAND = struct.Struct(">BBHB3sQIIII16s")
LOGOUT = struct.Struct(">BBHB3s8xIHHII16x")


def login_pdu(target, number):
    """One Login Request that goes to the full feature phase: an initiator port of its own for each number."""
    pairs = ["InitiatorName=iqn.2026-01.test.storm", "TargetName=" + target, "InitialR2T=Yes", "ImmediateData=No",
             "HeaderDigest=None", "DataDigest=None"]
    text = "".join(pair + "\0" for pair in pairs).encode()
    isid = bytes((0x80, number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF, 0, 1))
    header = LOGIN.pack(0x43, 0x87, 0, 0, 0, len(text).to_bytes(3, "big"), isid, 0, 1, 1, 0, 1, 0)
    return header + text + bytes(-len(text) % 4)


def command_pdu(number, tag, write, lun=0, lba=None):
    """READ or WRITE of one block, by default that of the command's number; the write gets an R2T that nobody answers."""
    cdb = bytes((0x2A if write else 0x28, 0, 0, 0, 0, (number if lba is None else lba) & 0xFF, 0, 0, 1, 0)) + bytes(6)
    return COMMAND.pack(0x01, 0xA1 if write else 0xC1, 0, 0, b"\0\0\0", lun << 48, tag, 512, number, 1, cdb)


def receive(sock, size):
    parts = []
    while size:
        part = sock.recv(size)
        if not part:
            raise ConnectionError("the target closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_pdu(sock):
    """The next PDU's header; its data are read and dropped."""
    header = receive(sock, 48)
    size = header[4] * 4 + int.from_bytes(header[5:8], "big")
    receive(sock, size + -size % 4)
    return header


def connect(port, seconds=10):
    sock = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def log_in(port, target, number):
    """A session in the full feature phase; raises when the target refuses it."""
    sock = connect(port)
    sock.sendall(login_pdu(target, number))
    header = receive_pdu(sock)
    if header[0] != 0x23 or header[36] != 0 or header[1] & 0x83 != 0x83:
        sock.close()
        raise ConnectionError(f"the login ended with status {header[36]:02x}{header[37]:02x}")
    return sock


def log_out(sock, number=1):
    """After commands with the CmdSNs before `number`."""
    sock.sendall(LOGOUT.pack(0x46, 0x80, 0, 0, b"\0\0\0", 0xFFFF, 1, 0, number, 1))
    while receive_pdu(sock)[0] != 0x26:
        pass
    sock.close()


def break_off(sock):
    """RST instead of FIN, whatever is in flight."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
