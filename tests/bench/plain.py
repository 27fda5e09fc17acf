"""What two sockets carry, with nothing but copies: blocks for requests, on the cores that a target and its load have.

Large blocks go as fast as the machine brings data from one core to the other, which changes by three times from second
to second on some machines. Nobody is held to more than that.
"""
import os
import socket
import time

import measure

REQUEST = 48  # bytes: an iSCSI header
WARM_UP, LIMIT = 0.3, 20  # seconds


def prepare(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.settimeout(LIMIT)


def receive(peer, buffer):
    """Whether all of the buffer came."""
    view, at = memoryview(buffer), 0
    while at < len(buffer):
        got = peer.recv_into(view[at:])
        if not got:
            return False
        at += got
    return True


def serve(listener, block, span):
    listener.settimeout(LIMIT)
    peer, _ = listener.accept()
    prepare(peer)
    memory, request, at = memoryview(b"\1" * span), bytearray(REQUEST), 0
    while receive(peer, request):
        peer.sendall(memory[at : at + block])
        at = (at + block) % span


def fetch(peer, block, seconds):
    """Blocks that came, one asked for each."""
    buffer, request, end, came = bytearray(block), bytes(REQUEST), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        if not receive(peer, buffer):
            raise ConnectionError("the serving process went away")
        peer.sendall(request)
        came += 1
    return came


def blocks_per_second(block, depth, seconds, span):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pid = os.fork()
        if pid == 0:
            try:
                os.sched_setaffinity(0, {measure.TARGET_CORE})
                serve(listener, block, span)
            except ConnectionError:  # who fetches leaves with blocks under way
                pass
            finally:
                os._exit(0)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {measure.LOAD_CORE})
        try:
            with socket.create_connection(listener.getsockname(), LIMIT) as peer:
                prepare(peer)
                peer.sendall(bytes(depth * REQUEST))
                fetch(peer, block, WARM_UP)
                start = time.monotonic()
                return fetch(peer, block, seconds) / (time.monotonic() - start)
        finally:
            os.sched_setaffinity(0, before)
            os.waitpid(pid, 0)
