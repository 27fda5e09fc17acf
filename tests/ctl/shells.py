#!/usr/bin/env python3
"""At the prompt: completion in real shells, the shell of tgtctl, and man pages that linters accept."""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from daemon import IQN, check, run
from operation import served

MANY = 1500  # logical units: more than a moment to make
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
    outboardd, config = (quiet(os.path.join(daemon.bin_dir, "outboardd"), option) for option in ("--man", "--man-config"))
    for name, text in (("tgtctl", daemon.ctl("man")), ("outboardd", outboardd), ("outboard.toml", config)):
        page = daemon.write(f"{name}.{5 if text is config else 8}", text)
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
        check(select.select([terminal], [], [], 60)[0], f"it does not end: {heard}")
        try:
            heard += os.read(terminal, 65536)
        except OSError:
            return heard


def on_terminal(argv):
    """What a command says on a terminal, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(argv[0], argv)
    try:
        heard = rest(terminal)
        return heard.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(terminal)


def what_takes_long_has_a_bar_on_a_terminal(daemon):
    """It grows from step to step and goes before the result; others see the progress, too; --no-progress: no bar."""
    daemon.start()
    many = [f'[[lu]]\nname = "disk{i}"\nbackstore = "ram"\nsize = "1 MiB"\n' for i in range(MANY)]
    path, none = daemon.write("many.toml", "".join(many)), daemon.write("none.toml", "")
    heard, code = on_terminal(daemon.argv("apply", path))
    check(code == 0, heard[-500:])
    bars = re.findall(r"\r\[(#*)\.*\] +\d+ %  [a-z]+ [^,]*, step (\d+) of (\d+)\x1b\[K", heard)
    steps = [int(step) for _, step, _ in bars]
    check(len(set(steps)) > 1 and steps == sorted(steps), f"bars: {bars}")
    check(all(MANY < int(of) < MANY + 5 and len(full) == (int(step) - 1) * 30 // int(of) for full, step, of in bars), f"{bars}")
    check("\r\x1b[K" in heard and "disk" in heard.rsplit("\r\x1b[K", 1)[1], f"no trace: {heard[-300:]}")
    heard, code = on_terminal(daemon.argv("--no-progress", "apply", none))
    check(code == 0 and "\x1b" not in heard and " %" not in heard, heard[:300])
    with subprocess.Popen(daemon.argv("apply", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as applying:
        seen = []
        while applying.poll() is None and len(seen) < 2:
            progress = daemon.ctl_json("progress")
            seen += [progress] if progress["busy"] and progress["steps"] > MANY else []
        said, complained = applying.communicate(timeout=120)
    check(applying.returncode == 0 and not complained and "\x1b" not in said, f"{complained[:300]}")
    check(len(seen) == 2 and seen[0]["steps_done"] <= seen[1]["steps_done"] < seen[1]["steps"], f"{seen}")
    check(daemon.ctl_json("progress") == {"busy": False}, "still busy")


TESTS = [bash_completes, the_other_shells_accept_their_scripts, without_a_daemon_there_are_no_names,
         man_pages_are_as_they_should_be, the_shell_runs_lines_and_completes_them, what_takes_long_has_a_bar_on_a_terminal]

if __name__ == "__main__":
    run(__doc__, TESTS)
