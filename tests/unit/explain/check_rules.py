"""Every rule of rules/ is right about its own examples, and the compiler refuses what it cannot mean.

usage: check_rules.py COMPILER EXPLAIN_LINES FILE.rules..."""
import os
import subprocess
import sys
import tempfile

compiler, explain_lines, files = sys.argv[1], sys.argv[2], [f for f in sys.argv[3:] if f.endswith(".rules")]


def examples_come_out_with_their_cause():
    out = subprocess.run([sys.executable, compiler, "--examples", *files], check=True, stdout=subprocess.PIPE).stdout
    rows = [line.split(b"\t") for line in out.splitlines()]
    told = subprocess.run([explain_lines], input=b"".join(r[2] + b"\t" + r[3] + b"\n" for r in rows), check=True, stdout=subprocess.PIPE).stdout
    got = [line.split(b"\t") for line in told.split(b"\n")[:-1]]
    assert len(got) == len(rows) > 300, (len(got), len(rows))
    wrong = [f"{r[1].decode()}: {g[0].decode()} by {g[6].decode()}: {r[3].decode()}" for r, g in zip(rows, got) if r[0] != g[0]]
    assert not wrong, "\n".join(wrong)


def compile_text(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.rules")
        open(path, "w", encoding="utf-8").write(text)
        here = os.path.dirname(files[0])
        return subprocess.run([sys.executable, compiler, os.path.join(folder, "out.c"), os.path.join(here, "causes.txt"),
                               os.path.join(here, "codes.txt"), path], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def what_is_not_meant_is_refused():
    good = "source seen\nuser-unknown 90\n  no such user\n> 550 no such user\n"
    assert compile_text(good).returncode == 0, compile_text(good).stderr
    for bad in (good.replace("user-unknown", "nonsense"), good.replace("> 550 no such user\n", ""), good.replace("source seen\n", ""),
                good.replace("no such user\n>", "no (such user\n>"), good.replace("  no such user\n", ""), good.replace("90", "90 6xx"),
                good.replace("no such user\n>", "[no] [such]\n>")):
        result = compile_text(bad)
        assert result.returncode != 0 and result.stderr.startswith("error: "), (bad, result.stderr)


examples_come_out_with_their_cause()
what_is_not_meant_is_refused()
