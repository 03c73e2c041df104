"""Chains of seals that others made, whole and broken, against our check (RFC 8617 5.2). check_arc.py CASES"""
import csv
import json
import os
import subprocess
import sys

CORPUS = "../shared/corpora/arc-valimail"


def escape(text):
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in text.encode())


def rows(name):
    return list(csv.DictReader(open(f"{CORPUS}/{name}", encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))


def main():
    if not os.path.exists(CORPUS):
        print(f"skipped: {CORPUS} is not there")
        return 77
    keys = rows("txt-records.tsv")
    cases = [r for r in rows("expected.tsv") if r["kind"] == "validate"]
    lines = []
    for r in cases:
        scenario = os.path.basename(r["path"]).split("-")[0]
        lines += ["clear"] + [f"zone\t{k['name']}\tTXT\t{escape(json.loads(k['txt_json']))}" for k in keys if k["scenario"] == scenario]
        lines.append(f"arc\t{CORPUS}/{r['path']}")
    out = subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout.rstrip("\n").split("\n")
    assert len(out) == len(cases), (len(out), len(cases))
    bad = 0
    for r, line in zip(cases, out):
        result, sets, domain, reason = line.split("\t")
        # Where the newest seal says cv=fail itself, the suite expects no answer; ours is that the chain is broken.
        if result != (r["expected_cv"] or "fail") or (result == "fail") != bool(reason):
            bad += 1
            print(f"{r['path']} ({r['description']}): {result} ({reason}), expected {r['expected_cv']}")
    print(f"{len(cases) - bad} of {len(cases)} chains")
    return 1 if bad else 0


sys.exit(main())
