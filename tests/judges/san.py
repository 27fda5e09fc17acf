# A SAN of modelled adapters (outboard-emu) as the judges need it: started, asked for faults, and ended by the judge.
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

from target import JudgeError, end_process, wait_for


class San:
    """outboard-emu with its sockets in a folder of its own."""

    def __init__(self, bin_dir, adapters=2, topology="fabric", options=()):
        self.folder = tempfile.mkdtemp(prefix="outboard-san-")
        self.program = self.find(bin_dir)
        self.options = ["--hba", str(adapters), "--topology", topology, *options]
        self.log_path = os.path.join(self.folder, "log")
        self.process = None

    @staticmethod
    def find(bin_dir):
        """In the folder given, or beside it in a build tree."""
        for path in (bin_dir, os.path.join(os.path.dirname(os.path.normpath(bin_dir)), "emu", "tool")):
            if os.access(os.path.join(path, "outboard-emu"), os.X_OK):
                return os.path.join(path, "outboard-emu")
        raise JudgeError(f"no outboard-emu in {bin_dir} or beside it")

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program, "san", "--dir", self.folder, *self.options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_for("outboard-emu to be ready", 20, lambda: "ready" in self.log(), self.process)
        return self

    def __exit__(self, *_):
        end_process(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def socket(self, number):
        return os.path.join(self.folder, f"hba{number}.sock")

    def ask(self, *words):
        """One command of outboard-emu's control socket; returns its answer, a dictionary."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(os.path.join(self.folder, "control.sock"))
            control.sendall(" ".join(words).encode() + b"\n")
            line = control.makefile().readline()
        answer = json.loads(line) if line else {"error": "the connection was closed"}
        if "error" in answer:
            raise JudgeError(f"outboard-emu: {' '.join(words)}: {answer['error']}")
        return answer

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def faults(self, announced=()):
        """Warnings and errors of the models that nobody announced: each is a driver's doing that hardware forbids."""
        lines = re.findall(r"^\S+ (?:warning|error) .*", self.log(), re.MULTILINE)
        return [line for line in lines if not any(re.search(text, line) for text in announced)]
