#!/usr/bin/env python3
"""Tables of what standards and attackers demand, each line with the tests that show it: clause, demand, tests. This makes sure that
each named test is there (a script's "== NAME", a unit test's function, a world test's test_NAME, a fuzz target), and that no line is
without one."""
import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)


def names():
    found = set()
    for pattern, expression in (("script/*/*.smtp", r"^== (\S+)"), ("unit/*/test_*.c", r"(?:cmocka_unit_test\w*|\w*TEST)\((\w+)"),
                                ("world/test_*.py", r"^def test_(\w+)")):
        for path in glob.glob(os.path.join(TESTS, pattern)):
            found.update(re.findall(expression, open(path, encoding="utf-8").read(), re.M))
    found.update(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(TESTS, "fuzz/fuzz_*.c")))
    return found


def trouble_in(table, text, known):
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            yield f"{table}:{number}: expected clause, demand and tests, separated by tabs"
            continue
        for test in fields[2].split():
            if test not in known:
                yield f"{table}:{number}: there is no test {test}"


def self_test():
    assert list(trouble_in("t", "RFC 1 2\tdemand\tno_such_test", {"a"}))
    assert list(trouble_in("t", "RFC 1 2\tdemand\t", {"a"}))
    assert not list(trouble_in("t", "# a remark\nRFC 1 2\tdemand\ta", {"a"}))


if sys.argv[1:] == ["--self-test"]:
    self_test()
    sys.exit(0)
known, found, lines = names(), [], 0
for path in sorted(glob.glob(os.path.join(HERE, "*.tsv"))):
    text = open(path, encoding="utf-8").read()
    lines += sum(1 for line in text.splitlines() if line and not line.startswith("#"))
    found += trouble_in(os.path.relpath(path), text, known)
print("\n".join(found) or f"{lines} demands, each with its tests")
sys.exit(1 if found else 0)
