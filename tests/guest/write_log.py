# The log of the kernel's dm-log-writes: what reached a disk, in the order in which it became stable.
#
# A superblock in sector 0 (magic, version, entries, sector size), then the entries: one sector of head (first sector,
# sectors, flags, length of the text behind the head), then the data. Writes stand before the FLUSH that made them
# stable, those with FUA when they were done (Documentation/admin-guide/device-mapper/log-writes.rst).
import struct
from collections import namedtuple

FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MAGIC = 0x6A736677736872
HEAD = struct.Struct("<QQQQ")
Entry = namedtuple("Entry", "sector count flags data text")


class LogError(Exception):
    """The file is no such log."""


def entries(path):
    """Each entry of the log; data is empty for marks and discards, text for all but marks."""
    with open(path, "rb") as log:
        magic, version, count, size = struct.unpack("<QQQI", log.read(28))
        if magic != MAGIC or version != 1 or size != 512:
            raise LogError(f"no log of dm-log-writes: magic {magic:x}, version {version}, sectors of {size}")
        log.seek(size)
        for number in range(count):
            head = log.read(size)
            if len(head) != size:
                raise LogError(f"entry {number} of {count} is behind the end")
            sector, sectors, flags, length = HEAD.unpack_from(head)
            if length > size - HEAD.size:
                raise LogError(f"entry {number} has a text of {length} bytes")
            text = head[HEAD.size:HEAD.size + length].rstrip(b"\0").decode(errors="replace") if flags & MARK else ""
            data = b"" if flags & (MARK | DISCARD) else log.read(sectors * size)
            yield Entry(sector, sectors, flags, data, text)


class Replay:
    """A disk as it would be had the power gone after the last entry that was applied."""

    def __init__(self, size):
        self.image = bytearray(size)

    def apply(self, entry):
        """Returns the sectors that changed."""
        data = bytes(entry.count * 512) if entry.flags & DISCARD else entry.data
        start = entry.sector * 512
        if entry.flags & MARK or not data:
            return range(0)
        if start + len(data) > len(self.image):
            raise LogError(f"a write of {entry.count} sectors at {entry.sector} is behind the end")
        self.image[start:start + len(data)] = data
        return range(entry.sector, entry.sector + entry.count)
