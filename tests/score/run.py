#!/usr/bin/env python3
"""Scores goniec against the shared corpora: run.py GONIEC [NAME...] [--misses]. Each floor is a test; the last line counts them."""
import importlib
import os
import sys

import tally as t

HERE = os.path.dirname(os.path.abspath(__file__))


def corpora():
    """(name, module) of every corpus_NAME.py beside this one."""
    files = sorted(n for n in os.listdir(HERE) if n.startswith("corpus_") and n.endswith(".py"))
    return [(n[len("corpus_"):-3], importlib.import_module(n[:-3])) for n in files]


def main(args):
    verbose = "--misses" in args
    args = [a for a in args if a != "--misses"]
    passed = failed = skipped = 0
    for name, corpus in corpora():
        if args[1:] and name not in args[1:]:
            continue
        folder = os.path.join(t.CORPORA, corpus.NAME)
        if not os.path.exists(os.path.join(folder, "expected.tsv")):
            print(f"-- {corpus.NAME}: skipped, {folder} is not there")
            skipped += 1
            continue
        tally = t.Tally()
        corpus.score(args[0], folder, tally)
        held, broken = t.report(corpus.NAME, tally, corpus.FLOORS, verbose)
        passed, failed = passed + held, failed + broken
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
