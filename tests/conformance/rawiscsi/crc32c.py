"""CRC32C (Castagnoli), table driven, as RFC 7143 13.1 uses it for header and data digests."""

_POLYNOMIAL = 0x82F63B78  # reflected 0x1EDC6F41


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def digest(data):
    """The four digest bytes in the order in which they stand on the wire."""
    return crc32c(data).to_bytes(4, "little")
