#!/usr/bin/env python3
# Runs the contract of hal::PciDevice in a guest with an IOMMU: the real /dev/vfio, with the toy device over vfio-user.
import argparse
import os
import re
import subprocess
import sys
import tempfile

from programs import with_libraries
from run_guest import Guest, GuestError

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", required=True, help="pci_contract_test")
    parser.add_argument("--server", required=True, help="toy_server")
    parser.add_argument("--seconds", type=int, default=400)
    options = parser.parse_args()
    files = with_libraries({"contract": options.contract})
    with open(os.path.join(HERE, "lib.sh"), "rb") as lib:
        files["lib.sh"] = lib.read()
    files["env"] = b"LACKS=''\n"
    with open(os.path.join(HERE, "vfio_contract.sh"), encoding="utf-8") as text, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "toy.sock")
        with subprocess.Popen([options.server, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as server:
            try:
                if "ready" not in server.stdout.readline():
                    print("toy_server does not serve")
                    return 1
                status, transcript = Guest(text.read(), files, kernel="6.12", adapters=[path], memory_mib=1024,
                                           iommu=True).run(options.seconds)
            finally:
                server.kill()
    passed = re.search(r"\[  PASSED  \] (\d+) tests", transcript)
    if status != 0 or not passed:
        print(transcript)
    print(f"vfio_contract: {passed.group(1) if passed and status == 0 else 'no'} tests passed over /dev/vfio")
    return 0 if status == 0 and passed and int(passed.group(1)) > 10 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GuestError as error:
        sys.exit(f"vfio_judge: {error}")
