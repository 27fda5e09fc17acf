#!/usr/bin/env python3
# Boots the guest in QEMU, runs a shell script in it, and returns the script's exit status and the whole console.
import argparse
import glob
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time

import cpio

HERE = os.path.dirname(os.path.abspath(__file__))


class GuestError(Exception):
    """The guest gave no exit status; the message says what was waited for and ends with the last of the console."""


def built(script, *words):
    """The folder that one of the scripts beside this has built, or had built before."""
    done = subprocess.run([os.path.join(HERE, script), *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def newer_qemu(folder):
    """QEMU of another Debian release than this, run by that release's own loader and libraries."""
    libraries = f"{folder}/usr/lib/x86_64-linux-gnu"
    return ["env", f"QEMU_MODULE_DIR={libraries}/qemu", f"{folder}/lib64/ld-linux-x86-64.so.2", "--library-path",
            libraries, f"{folder}/usr/bin/qemu-system-x86_64", "-L", f"{folder}/usr/share/qemu",
            "-L", f"{folder}/usr/share/seabios"]


class Guest:
    """One boot. answers(words) is called for each line `ask WORDS` of the guest and returns the answer.

    kernel: "6.1" (this Debian's) or "6.12". adapters: vfio-user sockets of device models that the guest gets; these
    need the QEMU of qemu.sh. iommu: an emulated one translates what the devices read and write. forward: a port of the
    host's loopback that leads to port 3260 of the guest."""

    def __init__(self, script, files=None, answers=None, memory_mib=768, qemu=(), kernel="6.1", adapters=(),
                 iommu=False, forward=None):
        self.files = {"job/run.sh": script.encode(), **{f"job/{name}": data for name, data in (files or {}).items()}}
        self.answers = answers
        self.memory_mib = memory_mib
        self.qemu = list(qemu)
        self.kernel = kernel
        self.adapters = list(adapters)
        self.iommu = iommu
        self.forward = f",hostfwd=tcp:127.0.0.1:{forward}-:3260" if forward else ""
        self.console = bytearray()
        self.line = bytearray()  # what came on the control line since the last newline
        self.status = None
        self.waiting_for = "the kernel to reach user space"

    def run(self, seconds):
        """Returns (exit status, transcript); raises GuestError when there is no exit status within the time."""
        image = built("image.sh", *([] if self.kernel == "6.1" else glob.glob(f"{built('qemu.sh')}/kernel/*.deb")))
        with tempfile.NamedTemporaryFile(prefix="outboard-initrd-") as initrd:
            with open(os.path.join(image, "initrd"), "rb") as base:
                initrd.write(base.read())
            initrd.write(cpio.archive(self.files))
            initrd.flush()
            ours, theirs = socket.socketpair()
            process = subprocess.Popen(self.argv(image, initrd.name, theirs.fileno()),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       pass_fds=[theirs.fileno()])
            theirs.close()
            try:
                self.serve(process, ours, time.monotonic() + seconds, seconds)
            finally:
                ours.close()
                if process.poll() is None:
                    process.kill()
                process.wait()
                process.stdout.close()
        return self.status, self.transcript()

    def argv(self, image, initrd, control):
        """Software emulation, user network (10.0.2.2 is the host's loopback), console and control on serial ports."""
        program, shared = ["qemu-system-x86_64"], []
        if self.adapters:
            program = newer_qemu(built("qemu.sh"))
            shared = ["-object", f"memory-backend-memfd,id=memory,size={self.memory_mib}M,share=on",
                      "-numa", "node,memdev=memory"]
            if self.iommu:  # stands before what it translates for
                shared += ["-device", "intel-iommu,caching-mode=on,aw-bits=48"]
            for path in self.adapters:
                device = {"driver": "vfio-user-pci", "socket": {"type": "unix", "path": path}}
                shared += ["-device", json.dumps(device)]
        return ["setpriv", "--pdeathsig", "KILL", *program, "-accel", "tcg", "-machine", "q35",
                "-cpu", "max", "-m", str(self.memory_mib), "-nodefaults", "-display", "none", "-no-reboot", *shared,
                "-kernel", f"{image}/vmlinux", "-initrd", initrd,
                "-drive", f"file={image}/root,format=raw,if=virtio,snapshot=on",
                "-append", "console=ttyS0 quiet loglevel=4 panic=-1 random.trust_cpu=on no_timer_check"
                + (" intel_iommu=on" if self.iommu else ""),
                "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                "-chardev", f"socket,id=control,fd={control}", "-serial", "chardev:control",
                "-netdev", "user,id=net" + self.forward, "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci",
                *self.qemu]

    def serve(self, process, control, deadline, seconds):
        """Reads console and control line until QEMU has ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(control, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0, deadline - time.monotonic()))
                if not ready:
                    raise GuestError(f"waited {seconds} s for {self.waiting_for}; {self.last_words()}")
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is control:
                        self.control(control, data)
                    else:
                        self.console += data
        if self.status is None:
            raise GuestError(f"QEMU ended while waiting for {self.waiting_for}; {self.last_words()}")

    def control(self, control, data):
        """Acts on each whole line of the guest."""
        *lines, rest = (bytes(self.line) + data).split(b"\n")
        self.line = bytearray(rest)
        for line in lines:
            word, _, rest = line.decode(errors="replace").strip().partition(" ")
            if word == "exit":
                self.status, self.waiting_for = int(rest), "the guest to power off"
            elif word == "ask":
                self.waiting_for = f"the script, after it asked for '{rest}'"
                answer = self.answers(rest) if self.answers else "nobody answers"
                control.sendall(f"{answer}\n".encode())
            elif word in ("up", "step"):
                self.waiting_for = f"the script's step '{rest}'" if rest else "the script"

    def last_words(self):
        return f"console:\n{self.transcript()[-4000:]}"

    def transcript(self):
        return self.console.decode(errors="replace").replace("\r", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--kernel", choices=("6.1", "6.12"), default="6.1")
    parser.add_argument("--adapter", action="append", default=[], help="vfio-user socket of a device model")
    parser.add_argument("script")
    parser.add_argument("files", nargs="*", help="more files for the guest's folder /job")
    options = parser.parse_args()
    contents = {}
    for path in options.files:
        with open(path, "rb") as data:
            contents[os.path.basename(path)] = data.read()
    with open(options.script, encoding="utf-8") as script:
        guest = Guest(script.read(), contents, kernel=options.kernel, adapters=options.adapter)
        status, transcript = guest.run(options.seconds)
    print(transcript, end="")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GuestError as error:
        sys.exit(f"run_guest: {error}")
