"""Cases of DMARC as RFC 9989 has it, and of the public suffix list, against our check. check_dmarc.py CASES"""
import csv
import json
import os
import subprocess
import sys

DMARC, PSL = "../shared/corpora/dmarc-cases/cases.jsonl", "../shared/corpora/psl/expected.tsv"


def escape(text):
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in text.encode())


def run(lines):
    return subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout


def zone_lines(case):
    if case["zone"] is not None:
        for name, types in case["zone"].items():
            for kind, values in types.items():
                for v in values:
                    yield f"zone\t{name}\t{kind}\t{escape(''.join(v) if isinstance(v, list) else str(v))}"
        return
    for question, answer in case["dns_observed"].items():
        name, kind = question.split(" ")
        if isinstance(answer, dict):
            if answer.get("err") == "ETIMEOUT":
                yield f"zone\t{name}\tTIMEOUT\t"
            continue
        for v in answer:
            yield f"zone\t{name}\t{kind}\t{escape(''.join(v) if kind == 'TXT' else str(v))}"


def judge(case, block):
    *asked, last = block.split("\n")
    result, policy, domain, spf, dkim = last.split("\t")
    got = {"status.result": result, "policy": policy, "domain": domain, "txt_query_sequence": [a.split("\t")[1] for a in asked],
           "no_dmarc_processing": result == "none"}
    record = next((v for q, v in case["dns_observed"].items() if isinstance(v, list)), [])
    for key, wanted in case["expected"].items():
        if key in ("p", "sp", "np"):  # a tag of the record: seen here through the policy of a domain of its own
            continue
        if key not in got:
            yield f"{key}: not compared"
        elif got[key] != wanted:
            yield f"{key}: {got[key]!r}, expected {wanted!r}"


def dmarc():
    cases = [json.loads(line) for line in open(DMARC, encoding="utf-8")]
    cases = [c for c in cases if isinstance(c["header_from"], str) and "@" in c["header_from"]]
    lines = []
    for c in cases:
        domain = c["header_from"].rsplit("@", 1)[1].rstrip(">").lower()
        lines += ["clear", *zone_lines(c), "\t".join(["dmarc", "tree", domain, (c["spf_pass_domains"] or [""])[0], " ".join(c["dkim_pass_domains"])])]
    bad = 0
    for c, block in zip(cases, run(lines).split("\n\n")):
        trouble = list(judge(c, block))
        bad += bool(trouble)
        for t in trouble:
            print(f"{c['id']} {c['name']}: {t}")
    print(f"{len(cases) - bad} of {len(cases)} DMARC cases")
    return bad


def suffixes():
    rows = list(csv.DictReader(open(PSL, encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    got = run([f"registrable\t{escape(r['input'] or '')}" for r in rows]).split("\n")
    bad = [(r, g) for r, g in zip(rows, got) if g != (r["registrable_domain"] or "")]
    for r, g in bad:
        print(f"{r['id']} {r['input']}: {g!r}, expected {r['registrable_domain']!r}")
    print(f"{len(rows) - len(bad)} of {len(rows)} names by the public suffix list")
    return len(bad)


if not os.path.exists(DMARC) or not os.path.exists(PSL):
    print(f"skipped: {DMARC} or {PSL} is not there")
    sys.exit(77)
sys.exit(1 if dmarc() + suffixes() else 0)
