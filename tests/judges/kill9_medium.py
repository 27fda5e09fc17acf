# What each block of a disk may hold after a crash, given what was sent, acknowledged and made durable.
import struct
import zlib

BLOCK = 512
ZEROS = bytes(BLOCK)
NEVER = 0  # the generation of a block of zeros: never written, or unmapped
_HEAD = struct.Struct(">8sQQ")
_MAGIC = b"kill-9-b"


def content(lba, generation):
    """A block that carries its number, its generation and, in its last four bytes, the CRC of all before them."""
    if generation == NEVER:
        return ZEROS
    head = _HEAD.pack(_MAGIC, lba, generation)
    body = head + zlib.crc32(head).to_bytes(4, "big") * ((BLOCK - 4 - len(head)) // 4)
    return body + zlib.crc32(body).to_bytes(4, "big")


def generation_of(lba, data):
    """The generation that a block tells; None when it is damaged or another block's."""
    if data == ZEROS:
        return NEVER
    magic, number, generation = _HEAD.unpack_from(data)
    whole = zlib.crc32(data[:-4]).to_bytes(4, "big") == data[-4:]
    return generation if whole and magic == _MAGIC and number == lba and generation != NEVER else None


class Write:
    """One command that changes blocks; every block of it gets the same generation."""

    def __init__(self, first, count, generation, durable):
        self.first, self.count, self.generation, self.durable = first, count, generation, durable

    def blocks(self):
        return range(self.first, self.first + self.count)

    def data(self):
        return b"".join(content(lba, self.generation) for lba in self.blocks())


class Medium:
    """Each block has the generation that a crash may not take away, those acknowledged since, and one under way."""

    def __init__(self, blocks):
        self.kept = [NEVER] * blocks
        self.volatile = {}    # lba: [(generation, count of acknowledgements at its own)], oldest first
        self.under_way = {}   # lba: Write
        self.acknowledged = 0

    def newest(self, lba):
        """What a READ must return now; the block has no write under way."""
        return self.volatile[lba][-1][0] if lba in self.volatile else self.kept[lba]

    def idle(self, first, count):
        return not any(lba in self.under_way for lba in range(first, first + count))

    def sent(self, write):
        for lba in write.blocks():
            if lba in self.under_way:
                raise ValueError(f"block {lba} is being written already")
            self.under_way[lba] = write

    def good(self, write):
        """GOOD came: durable by itself (FUA, WCE=0), or until the next SYNCHRONIZE CACHE only acknowledged."""
        self.acknowledged += 1
        for lba in write.blocks():
            del self.under_way[lba]
            if write.durable:
                self.kept[lba] = write.generation
                self.volatile.pop(lba, None)
            else:
                self.volatile.setdefault(lba, []).append((write.generation, self.acknowledged))

    def synchronized(self, since):
        """A SYNCHRONIZE CACHE that was sent after `since` acknowledgements is GOOD: those may not be lost any more."""
        for lba in list(self.volatile):
            covered = [generation for generation, at in self.volatile[lba] if at <= since]
            if covered:
                self.kept[lba] = covered[-1]
                rest = self.volatile[lba][len(covered):]
                if rest:
                    self.volatile[lba] = rest
                else:
                    del self.volatile[lba]

    def allowed(self, lba):
        found = {self.kept[lba]} | {generation for generation, _ in self.volatile.get(lba, ())}
        return found | {self.under_way[lba].generation} if lba in self.under_way else found

    def after_crash(self, data, first=0):
        """Holds what was read from `first` on against the model; returns complaints. What was found counts from now."""
        complaints = []
        for lba in range(first, first + len(data) // BLOCK):
            block = bytes(data[(lba - first) * BLOCK:(lba - first + 1) * BLOCK])
            generation, allowed = generation_of(lba, block), self.allowed(lba)
            if generation not in allowed:
                what = f"damaged: {block[:32].hex()}..." if generation is None else f"of generation {generation}"
                complaints.append(f"block {lba} is {what}; allowed: {sorted(allowed)}, durable: {self.kept[lba]}")
            self.kept[lba] = self.kept[lba] if generation is None else generation
            self.volatile.pop(lba, None)
            self.under_way.pop(lba, None)
        return complaints
