#!/usr/bin/env python3
"""Runs the world tests: run.py [BINARY] [NAME-PART...]. One line a test; the last line counts them."""
import importlib
import os
import sys
import time
import traceback
import unittest

if len(sys.argv) > 1:
    os.environ["GONIEC"] = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
wanted = sys.argv[2:]
passed = failed = skipped = 0
for name in sorted(n[:-3] for n in os.listdir(here) if n.startswith("test_")):
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
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed or not passed else 0)
