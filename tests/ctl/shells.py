#!/usr/bin/env python3
"""At the prompt: completion in real shells, the shell of tgtctl, and man pages that linters accept."""
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import time

from daemon import IQN, check, run
from operation import served

BASH = r"""
source "$1"
COMP_LINE=$2; COMP_POINT=${#COMP_LINE}; COMP_CWORD=0; COMP_WORDS=(tgtctl)
COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:'
_tgtctl tgtctl "" ""
printf '%s\n' "${COMPREPLY[@]}"
"""


def tool(name, package):
    check(shutil.which(name), f"{name} is not there: Debian package {package}")
    return name


def quiet(*argv, **options):
    """What a command says; it must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)
    check(done.returncode == 0, f"{argv}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def script(daemon, shell):
    return daemon.write(f"tgtctl.{shell}", daemon.ctl("completion", shell))


def environment(daemon):
    """The tgtctl that is tested comes first."""
    return {**os.environ, "PATH": f"{pathlib.Path(daemon.bin_dir).resolve()}:{os.environ['PATH']}", "HOME": daemon.folder}


def bash(daemon, line):
    return quiet("bash", "--norc", "-c", BASH, "bash", script(daemon, "bash"), line,
                 env=environment(daemon), cwd=daemon.folder).split()


def bash_completes(daemon):
    """Commands, options, choices, names from the daemon (with colons, where bash cuts words), files."""
    served(daemon)
    quiet("bash", "-n", script(daemon, "bash"))
    here = f"tgtctl --socket {daemon.socket}"
    check({"lu", "target", "top", "events", "import"} <= set(bash(daemon, "tgtctl ")), "commands")
    check(bash(daemon, "tgtctl lu cr") == ["create"], "a command")
    check(bash(daemon, "tgtctl lu create x --backstore ") == ["ram", "file", "block", "null"], "a choice")
    check(bash(daemon, "tgtctl lu create x --backstore=n") == ["null"], "a choice after =")
    check("--memory-limit" in bash(daemon, "tgtctl lu create x --m"), "an option")
    check(bash(daemon, f"{here} lu delete ") == ["ram"], "a name")
    head, colon, tail = IQN.partition(":")
    check(bash(daemon, f"{here} target show-nothing ") == [], "what is no command")
    check(bash(daemon, f"{here} target delete {head[:-2]}") == [IQN], "a name that begins")
    check(bash(daemon, f"{here} target delete {head}{colon}") == [tail], "a name behind its colon")
    daemon.write("here.toml", "")
    check(bash(daemon, "tgtctl apply he") == ["here.toml"], "a file")


def the_other_shells_accept_their_scripts(daemon):
    """zsh reads it, fish completes with it."""
    served(daemon)
    quiet(tool("zsh", "zsh"), "-n", script(daemon, "zsh"))
    path = script(daemon, "fish")
    quiet(tool("fish", "fish"), "--no-execute", path)

    def fish(line):
        return [one.split("\t")[0] for one in
                quiet("fish", "--no-config", "-c", f"source {path}; complete -C '{line}'", env=environment(daemon)).splitlines()]

    check(fish("tgtctl lu cr") == ["create"], f"{fish('tgtctl lu cr')}")
    check(fish(f"tgtctl --socket {daemon.socket} target delete iqn") == [IQN], "a name")


def without_a_daemon_there_are_no_names(daemon):
    """And no error, and no waiting."""
    check(bash(daemon, f"tgtctl --socket {daemon.folder}/none lu delete ") == [], "names from nowhere")


def man_pages_are_as_they_should_be(daemon):
    """mandoc has nothing to say; every command is there as people read it."""
    daemon.start()
    described = json_names(daemon)
    outboardd = subprocess.run([os.path.join(daemon.bin_dir, "outboardd"), "--man"], capture_output=True, text=True,
                               timeout=30, check=True).stdout
    for name, text in (("tgtctl", daemon.ctl("man")), ("outboardd", outboardd)):
        page = daemon.write(f"{name}.8", text)
        lint = subprocess.run([tool("mandoc", "mandoc"), "-T", "lint", "-W", "warning", page], capture_output=True,
                              text=True, timeout=60, check=False)
        check(lint.returncode == 0, f"{lint.stdout}{lint.stderr}")
        shown = quiet("mandoc", "-T", "ascii", "-O", "width=400", page)
        plain = "".join(c for i, c in enumerate(shown) if c != "\b" and shown[i + 1:i + 2] != "\b")
        missing = [words for words in described if words not in plain] if name == "tgtctl" else []
        check(not missing, f"not in the page: {missing}")
        check(name in plain and "SEE ALSO" in plain, f"{plain[:500]}")


def json_names(daemon):
    return [method["name"].replace("_", "-").replace(".", " ") for method in daemon.ctl_json("describe")]


def the_shell_runs_lines_and_completes_them(daemon):
    """A script of lines, which ends at the first that fails; a terminal, where a tab completes from the daemon."""
    served(daemon)

    def script_of(text):
        return subprocess.run(daemon.argv("shell"), input=text, capture_output=True, text=True, timeout=60, check=False)

    done = script_of("# a comment\nlu create 'second' --backstore ram --size 1MiB\n\nlu list\nexit\nlu list\n")
    check(done.returncode == 0 and done.stdout.count("second") == 2, f"{done}")
    done = script_of("lu show nothing\nlu list\n")
    check(done.returncode == 1 and "nothing" in done.stderr and "second" not in done.stdout, f"{done}")
    heard = typed(daemon, [b"lu show sec\t\n", b"target list\n", b"quit\n"])
    check("lu show second" in heard and IQN in heard and "1048576" in heard, f"{heard}")


def typed(daemon, lines):
    """What a terminal shows: each line is typed once the prompt is there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.execv(daemon.argv()[0], daemon.argv("shell"))
    heard = b""
    try:
        for count, line in enumerate(lines, 1):
            wait_until = time.monotonic() + 20
            while heard.count(b"outboard> ") < count:
                check(select.select([terminal], [], [], max(0, wait_until - time.monotonic()))[0], f"no prompt: {heard}")
                heard += os.read(terminal, 65536)
            os.write(terminal, line)
        heard += rest(terminal)
        os.waitpid(pid, 0)
        pid = 0
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)
    return heard.decode(errors="replace")


def rest(terminal):
    """Until the other side is closed."""
    heard = b""
    while True:
        check(select.select([terminal], [], [], 20)[0], f"it does not end: {heard}")
        try:
            heard += os.read(terminal, 65536)
        except OSError:
            return heard


TESTS = [bash_completes, the_other_shells_accept_their_scripts, without_a_daemon_there_are_no_names,
         man_pages_are_as_they_should_be, the_shell_runs_lines_and_completes_them]

if __name__ == "__main__":
    run(__doc__, TESTS)
