# Programs of this machine as files for a guest's folder /job: stripped, with the libraries and the loader they need.
import os
import re
import subprocess
import tempfile


def read(path):
    with open(path, "rb") as file:
        return file.read()


def stripped(path):
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small")
        subprocess.run(["strip", "-o", small, path], check=True)
        return read(small)


def with_libraries(programs):
    """programs: name in the guest -> path here. They run as: /job/loader --library-path /job /job/NAME."""
    files = {name: stripped(path) for name, path in programs.items()}
    for program in programs.values():
        listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name, path in re.findall(r"(\S+) => (/\S+)", listed):
            files[name] = files.get(name) or read(path)
        files["loader"] = read(re.search(r"(/\S*ld-linux\S*)", listed).group(1))
    return files
