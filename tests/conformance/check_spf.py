"""The public test suite of RFC 7208 against our check: every case, results and explanations. check_spf.py CASES"""
import json
import os
import subprocess
import sys

CORPUS = "../shared/corpora/spf-rfc7208/tests.jsonl"


def escape(text):
    raw = text.encode("latin-1", "replace") if isinstance(text, str) else text
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in raw)


def records(name, entries):
    """The suite's zone rules: SPF strings answer for TXT where a name has no TXT of its own; TXT: NONE means none."""
    own = any(isinstance(e, dict) and "TXT" in e for e in entries)
    for e in entries:
        if e == "TIMEOUT":
            yield name, "TIMEOUT", ""
            continue
        (kind, value), = e.items()
        if kind == "SPF":
            if own:
                continue
            kind = "TXT"
        if kind == "TXT" and value == "NONE":
            continue
        if kind == "MX":
            value = f"{value[0]} {value[1]}"
        yield name, kind, "".join(value) if isinstance(value, list) else value


def ask(program, case):
    lines = ["clear"]
    for name, entries in case["zonedata"].items():
        lines += ["\t".join(["zone", escape(n), k, escape(v)]) for n, k, v in records(name, entries)]
    lines.append("\t".join(["spf", case["host"], escape(case["helo"]), escape(case["mailfrom"])]))
    return "\n".join(lines)


def main():
    if not os.path.exists(CORPUS):
        print(f"skipped: {CORPUS} is not there")
        return 77
    cases = [json.loads(line) for line in open(CORPUS, encoding="utf-8")]
    got = subprocess.run([sys.argv[1]], input="\n".join(ask(sys.argv[1], c) for c in cases) + "\n", capture_output=True, text=True, check=True,
                         encoding="latin-1").stdout.rstrip("\n").split("\n")
    assert len(got) == len(cases), (len(got), len(cases))
    bad = 0
    for case, line in zip(cases, got):
        result, explanation, reason = line.split("\t")
        wanted = case["explanation"]
        good = result in case["results"] and (wanted in (None, "DEFAULT") and explanation == "" or wanted not in (None, "DEFAULT") and explanation == wanted)
        if wanted is None:
            good = result in case["results"]
        if not good:
            bad += 1
            print(f"{case['suite']}/{case['id']}: {result} {explanation!r} ({reason}), expected {case['results']} {wanted!r}")
    print(f"{len(cases) - bad} of {len(cases)} cases")
    return 1 if bad else 0


sys.exit(main())
