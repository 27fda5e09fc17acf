# What a process uses, as the kernel tells it in /proc.
import os
import re


def _text(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:
        return file.read()


def memory(pid, what="VmRSS"):
    """Bytes resident; RssAnon: those that are the process' own, without RAM disks' pages, which are shared memory."""
    return 1024 * int(re.search(what + r":\s+(\d+)", _text(pid, "status")).group(1))


def threads(pid):
    return int(re.search(r"Threads:\s+(\d+)", _text(pid, "status")).group(1))


def descriptors(pid):
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    fields = _text(pid, "stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sanitized(pid):
    """Built with a sanitizer, which keeps freed memory: growth says nothing then."""
    return "san.so" in _text(pid, "maps")
