#!/usr/bin/env python3
"""Holds docs/answers against the tests: every test that a table names exists, and every row has a test or a reason.

The last column of each table names tests in `code`, "*" at the end for several: Suite.Name of GoogleTest, functions of
the Python suites without test_, entries of ctest, or `harness:NAME` of tests/fuzz. A row without a test says why, after
"no test:".
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def texts(pattern, folder="tests"):
    return ((path, path.read_text(encoding="utf-8")) for path in sorted((ROOT / folder).rglob(pattern)))


def google_tests():
    for _, text in texts("*.cc"):
        for suite, name in re.findall(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", text, re.M):
            yield f"{suite}.{name}"


def python_tests():
    for path, text in texts("*.py"):
        for name in re.findall(r"^(?:    )?def (\w+)\(", text, re.M):
            if name.startswith("test_"):
                yield name.removeprefix("test_")
            elif path.parent.name == "ctl":
                yield name


def ctest_entries():
    for path, text in texts("CMakeLists.txt"):
        yield from re.findall(r"add_test\(NAME ([\w]+)\s", text)
        yield from re.findall(r"outboard_(?:test|judge)\(([\w]+)[\s)]", text)
        yield from (f"guest_fc_{name}" for name in re.findall(r"fc_guest\((\w+)", text))
        yield from (f"harness:{name}" for name in re.findall(r"outboard_fuzz\((\w+)", text))
        for variables, body in re.findall(r"foreach\(\w+ ([^)]*)\)(.*?)endforeach", text, re.S):
            for word in variables.split():
                for before, kind, after in re.findall(r"(?:NAME |outboard_(fuzz|judge)\()?(\w*)\$\{\w+\}(\w*)", body):
                    yield f"harness:{word}" if before == "fuzz" else f"{kind}{word}{after}"
        if path.parent.name == "conformance":
            yield from (f"conformance_{suite.stem}" for suite in (path.parent / "suites").glob("*.py"))


def rows(path):
    """(line number, cells) of each row of a table, heads and rules left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("|") and not re.match(r"^\|[-| ]+\|$", line):
            if number < len(lines) and re.match(r"^\|[-| ]+\|$", lines[number]):
                continue  # the head
            yield number, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def faults(path, known):
    for number, cells in rows(path):
        place = f"{path.relative_to(ROOT)}:{number}"
        named = re.findall(r"`([^`]+)`", cells[-1])
        if not named and not re.search(r"no test: \w", cells[-1]):
            yield f"{place}: neither a test nor a reason"
        for name in named:
            found = [each for each in known if each.startswith(name[:-1])] if name.endswith("*") else name in known
            if not found:
                yield f"{place}: there is no test {name}"


def main():
    known = {*google_tests(), *python_tests(), *ctest_entries()}
    wrong, count = [], 0
    for path in sorted((ROOT / "docs/answers").glob("*.md")):
        wrong += faults(path, known)
        count += sum(1 for _ in rows(path))
    print("\n".join(wrong + [f"== answers: {count} rows, {len(wrong)} errors"]))
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
