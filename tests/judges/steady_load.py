"""An initiator at work: it writes and reads back some blocks at some depth until told, and knows how long it waited."""
import os
import pathlib
import struct
import sys
import threading
import time

sys.path.insert(0, os.fspath(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from rawiscsi import scsi  # noqa: E402

BLOCKS = 8  # of each command
DEPTH = 16


class SteadyLoad(threading.Thread):
    """`longest`: the most seconds for a round of DEPTH writes and as many reads; `fault`: what went wrong."""

    def __init__(self, session, number):
        super().__init__()
        self.session, self.first = session, number * DEPTH * BLOCKS
        self.rounds, self.longest, self.fault, self.over = 0, 0.0, None, False

    def round(self):
        data = {self.first + BLOCKS * i: struct.pack(">QQ", self.rounds, i) * (BLOCKS * 512 // 16) for i in range(DEPTH)}
        writes = [self.session.command(scsi.write10(lba, BLOCKS), write=data[lba]) for lba in data]
        self.session.finish(*writes, limit=30)
        reads = [self.session.command(scsi.read10(lba, BLOCKS), read=BLOCKS * 512) for lba in data]
        self.session.finish(*reads, limit=30)
        if any(str(task) != "good" for task in writes + reads):
            raise ValueError("a command failed")
        if any(bytes(task.data_in) != data[lba] for lba, task in zip(data, reads)):
            raise ValueError("other data came back")

    def run(self):
        try:
            while not self.over:
                began = time.monotonic()
                self.round()
                self.longest = max(self.longest, time.monotonic() - began)
                self.rounds += 1
        except Exception as error:  # told to whoever waits, who fails
            self.fault = error


def stop(loads):
    """Ends all of them."""
    for load in loads:
        load.over = True
    for load in loads:
        load.join(60)
