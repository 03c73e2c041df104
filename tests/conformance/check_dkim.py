"""Signatures that others made, against our check: what RFC 6376, 8301 and 8463 demand of each. check_dkim.py CASES"""
import csv
import json
import os
import subprocess
import sys
import time

CORPUS = "../shared/corpora/dkim-vectors"
# Their labels stand the wrong way round: the first has no bh=, which RFC 6376 3.5 requires (permerror); the second's body hash differs (fail).
SWAPPED = {"msg/exim-4506-17.eml": "permerror", "msg/exim-4506-19.eml": "fail"}


def escape(text):
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in text.encode("utf-8", "surrogateescape"))


def main():
    if not os.path.exists(CORPUS):
        print(f"skipped: {CORPUS} is not there")
        return 77
    rows = list(csv.DictReader(open(f"{CORPUS}/expected.tsv", encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    lines = []
    for line in open(f"{CORPUS}/txt.tsv", encoding="utf-8"):
        name, value = line.rstrip("\n").split("\t")
        lines.append(f"zone\t{escape(name)}\tTXT\t{escape(json.loads(value))}")
    paths = sorted({(r["path"], r["verify_time"]) for r in rows})
    lines += [f"dkim\t{CORPUS}/{p}\t{t if t != '0' else int(time.time())}" for p, t in paths]
    out = subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True, encoding="latin-1").stdout
    answers = {p: [a.split("\t") for a in block.split("\n") if a] for (p, _), block in zip(paths, out.split("\n\n"))}
    bad = 0
    for r in rows:
        result, domain, selector, algorithm, reason = answers[r["path"]][int(r["signature_index"]) - 1]
        wanted = [SWAPPED[r["path"]]] if r["path"] in SWAPPED else r["rfc_result"].split(" ")[0].split("-or-")
        if result not in wanted or (domain, selector) != (r["d"], r["s"]):
            bad += 1
            print(f"{r['path']} {r['signature_index']}: {result} d={domain} s={selector} ({reason}), expected {r['rfc_result']} d={r['d']} s={r['s']}")
    print(f"{len(rows) - bad} of {len(rows)} signatures")
    return 1 if bad else 0


sys.exit(main())
