#!/usr/bin/env python3
"""Runs the world tests: run.py [BINARY] [NAME-PART...]. Each file's tests run in a process of their own, two files at a time: most of a test's
time is waiting. One line a test; the last line counts them."""
import concurrent.futures
import importlib
import os
import queue
import re
import subprocess
import sys
import time
import traceback
import unittest

AT_ONCE = 2
FIRST = ("test_relay", "test_demo", "test_mta_sts", "test_cli", "test_disk")  # they take longest
HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = queue.SimpleQueue()  # a range for each that runs: none takes a port that another one is about to take
for n in range(AT_ONCE):
    PORTS.put(f"{10000 + n * 20000 // AT_ONCE} {10000 + (n + 1) * 20000 // AT_ONCE}")
COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped\n\Z")


def run_file(name, wanted):
    """Runs a file's tests here. Its last line counts them."""
    passed = failed = skipped = 0
    module = importlib.import_module(name)
    for test in [n for n in dir(module) if n.startswith("test_")]:
        if wanted and not any(w in test for w in wanted):
            continue
        began = time.monotonic()
        try:
            getattr(module, test)()
            passed += 1
            word = "ok"
        except unittest.SkipTest as why:
            skipped += 1
            word = f"skipped: {why}"
        except Exception:
            failed += 1
            word = "FAILED\n" + traceback.format_exc()
        print(f"{test[5:]} ({time.monotonic() - began:.1f} s): {word}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


def in_its_own_process(name, wanted):
    """What a file's tests printed, and how many passed, failed and were skipped; a process that ends without counting failed."""
    ports = PORTS.get()
    p = subprocess.run([sys.executable, os.path.abspath(__file__), "--file", name, *wanted], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", env={**os.environ, "GONIEC_TEST_PORTS": ports})
    PORTS.put(ports)
    counts = COUNTS.search(p.stdout)
    if p.returncode == 0 and counts:
        return p.stdout[:counts.start()], [int(n) for n in counts.groups()]
    return p.stdout + f"{name}: FAILED, its process ended with {p.returncode}\n", [0, 1, 0]


def main():
    if len(sys.argv) > 1:
        os.environ["GONIEC"] = os.path.abspath(sys.argv[1])
    names = sorted((n[:-3] for n in os.listdir(HERE) if n.startswith("test_")), key=lambda n: (n not in FIRST, n))
    totals = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in concurrent.futures.as_completed([pool.submit(in_its_own_process, n, sys.argv[2:]) for n in names]):
            text, counts = done.result()
            print(text, end="", flush=True)
            totals = [a + b for a, b in zip(totals, counts)]
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


sys.path.insert(0, HERE)
if sys.argv[1:2] == ["--file"]:
    run_file(sys.argv[2], sys.argv[3:])
else:
    sys.exit(main())
