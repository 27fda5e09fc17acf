#!/usr/bin/env python3
# A second real client without a guest: qemu-nbd on an iscsi:// URL, fio on its socket, every block verified by CRC32C.
import argparse
import os
import subprocess
import sys

from target import JudgeError, Unsupported, end_process, make_target, wait_for, with_us

SIZE = 256 << 20
BLOCK_SIZES = ("4k", "512-128k")  # fixed and mixed, the latter unaligned to pages


def fio_argv(socket_path, block_size, seconds):
    """Writes the disk at random with queue depth 16, then reads all of it back and checks each block."""
    sizes = ["--bs=" + block_size] if "-" not in block_size else ["--bsrange=" + block_size, "--blockalign=512"]
    return ["fio", "--name=verify", "--ioengine=nbd", f"--uri=nbd+unix:///?socket={socket_path}", "--rw=randwrite",
            *sizes, "--iodepth=16", f"--size={SIZE // 4}", f"--max_latency={seconds}s", "--randseed=20260101",
            "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--verify_backlog=1024", "--verify_state_save=0",
            "--output-format=terse"]


def run_fio(socket_path, block_size, seconds):
    """Runs fio within its time; a verify error, an I/O error or a time-out is the judge's failure."""
    try:
        done = subprocess.run(fio_argv(socket_path, block_size, seconds), capture_output=True, text=True,
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise JudgeError(f"waited {seconds} s for fio with blocks of {block_size}") from late
    if done.returncode != 0:
        raise JudgeError(f"fio with blocks of {block_size}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    fields = done.stdout.strip().splitlines()[-1].split(";")
    verified, written = int(fields[5]), int(fields[46])
    print(f"blocks of {block_size}: {verified} KiB read back and verified, {written} KiB written", flush=True)
    if verified == 0 or written == 0:
        raise JudgeError("fio moved no data")


def with_nbd(target, lun, seconds):
    """Serves the LUN on a Unix socket by qemu-nbd and runs fio on it, once for each block size."""
    socket_path = os.path.join(target.folder, "nbd")
    argv = ["qemu-nbd", "--format=raw", "--cache=none", "--persistent", f"--socket={socket_path}", "--shared=4",
            target.url(lun)]
    server = subprocess.Popen(with_us(argv), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for("qemu-nbd's socket", 15, lambda: os.path.exists(socket_path), server)
        for block_size in BLOCK_SIZES:
            run_fio(socket_path, block_size, seconds)
        if server.poll() is not None:
            raise JudgeError(f"qemu-nbd ended with {server.returncode}")
    except JudgeError as error:
        end_process(server)
        raise JudgeError(f"{error}\nqemu-nbd said: {server.stderr.read().decode(errors='replace')}") from error
    end_process(server)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=("outboard", "tgt"), default="outboard")
    parser.add_argument("--bin-dir", help="the folder of outboardd and tgtctl")
    parser.add_argument("--backend", choices=("ram", "file"), default="ram")
    parser.add_argument("--seconds", type=int, default=120, help="limit of one fio run")
    options = parser.parse_args()
    with make_target(options.target, options.backend, options.bin_dir) as target:
        target.create_lu("disk", SIZE)
        target.add_lun(target.first_lun, "disk")
        with_nbd(target, target.first_lun, options.seconds)
        target.stop()
        if target.faults():
            raise JudgeError("the target logged:\n" + "\n".join(target.faults()))
    print("nbd_fio: passed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (JudgeError, Unsupported) as error:
        sys.exit(f"nbd_fio: {error}")
