"""One TCP connection: bytes and PDUs in both directions, digests, padding, time limits, and a trace of what passed."""

import itertools
import select
import socket
import time
from collections import deque

from .crc32c import digest
from .errors import Closed, NoAnswer, Violation
from .pdu import BHS_LENGTH, Pdu

_numbers = itertools.count(1)
DEFAULT_LIMIT = 10.0  # seconds; generous, because builds and tests share few cores


class Wire:
    def __init__(self, host, port, limit=DEFAULT_LIMIT, receive_buffer=None, source=None):
        self.number = next(_numbers)
        self.header_digest = self.data_digest = False
        self.trace = deque(maxlen=40)
        self.received = bytearray()
        self.eof = False
        self.limit = limit
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(limit)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, pdu, **encoding):
        encoding.setdefault("header_digest", self.header_digest)
        encoding.setdefault("data_digest", self.data_digest)
        self.trace.append(("->", pdu))
        self.send_bytes(pdu.encode(**encoding), traced=True)

    def send_bytes(self, data, traced=False):
        if not traced:
            self.trace.append(("->", f"{len(data)} raw bytes {bytes(data[:64]).hex()}"))
        try:
            self.socket.sendall(data)
        except socket.timeout:
            raise NoAnswer(f"the target took no bytes for {self.limit} s") from None
        except (ConnectionError, OSError) as error:
            raise Closed(str(error)) from None

    def poll(self, seconds):
        """Reads what is there, waiting at most this long for the first byte. False when nothing came."""
        if self.eof or self.socket.fileno() < 0:
            return False
        if not select.select([self.socket], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionError, OSError):
            data = b""
        self.eof = not data
        self.received += data
        return True

    def _need(self, count, deadline, what):
        while len(self.received) < count:
            if self.eof:
                if self.received:
                    raise Closed(f"closed inside a PDU, {len(self.received)} bytes into it, while waiting for {what}")
                raise Closed(f"closed while waiting for {what}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer(f"waited {self.limit} s for {what}: {len(self.received)} of {count} bytes came")
            self.poll(left)

    def receive(self, what="a PDU", limit=None, max_data=None):
        """The next PDU, digests and padding checked; NoAnswer past the limit, Closed at the end of the stream."""
        limit = self.limit if limit is None else limit
        deadline = time.monotonic() + limit
        try:
            self._need(BHS_LENGTH, deadline, what)
        except NoAnswer:
            raise NoAnswer(f"waited {limit} s for {what}") from None
        pdu = Pdu(bhs=self.received[:BHS_LENGTH])
        self.trace.append(("<-", pdu))
        if max_data is not None and pdu.data_segment_length > max_data:
            raise Violation(f"DataSegmentLength {pdu.data_segment_length} is above our limit {max_data}: {pdu}")
        ahs, data = 4 * pdu.total_ahs_length, pdu.data_segment_length
        head = BHS_LENGTH + ahs
        start = head + (4 if self.header_digest else 0)
        end = start + data + -data % 4
        total = end + (4 if self.data_digest and data else 0)
        self._need(total, deadline, what)
        got = bytes(self.received[:total])
        del self.received[:total]
        pdu.ahs, pdu.data, pdu.padding = got[BHS_LENGTH:head], got[start:start + data], got[start + data:end]
        if self.header_digest and got[head:start] != digest(got[:head]):
            raise Violation(f"wrong header digest {got[head:start].hex()}: {pdu}")
        if total > end and got[end:] != digest(got[start:end]):
            raise Violation(f"wrong data digest {got[end:].hex()}: {pdu}")
        if any(pdu.padding):
            raise Violation(f"padding bytes {pdu.padding.hex()} are not zero (RFC 7143 11.1): {pdu}")
        return pdu

    def pending(self, seconds=0.0):
        """True when a byte or the end of the stream is there."""
        return bool(self.received) or self.eof or self.poll(seconds)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self, reset=False):
        if self.socket.fileno() < 0:
            return
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def history(self, last=None):
        return "\n".join(f"      {way} {pdu}" for way, pdu in list(self.trace)[-(last or 0):])
