# Writes files as a cpio archive of the "newc" form, which the kernel unpacks when it stands behind the initramfs.


def entry(number, name, mode, data):
    """One archive member: 110 bytes of header in hexadecimal, the name, the data, each padded to 4 bytes."""
    raw = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    member = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
    member += bytes(-len(member) % 4) + data
    return member + bytes(-len(member) % 4)


def archive(files):
    """files: path -> bytes, below folders that exist; every file may be executed."""
    body = b"".join(entry(number, path, 0o100755, data) for number, (path, data) in enumerate(files.items(), start=1))
    return body + entry(0, "TRAILER!!!", 0, b"")
