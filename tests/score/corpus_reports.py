"""Aggregate reports: DMARC (RFC 9990, RFC 7489 and drafts) and TLS (RFC 8460), bare, packed and as mail: read, and counted as others count."""
import json
import os
import subprocess
import tempfile

import tally as t

NAME = "reports-dmarc-tlsrpt-arf"
FLOORS = {"read": 100, "graceful": 100, "rows": 100, "messages": 100, "domain": 100, "organisation": 100, "id": 100, "days": 100}


def add(goniec, data, path):
    """(exit code, JSON lines) of reading one file into a database of its own."""
    got = subprocess.run([goniec, "reports", "add", "--json", "-d", data, path], capture_output=True, text=True, timeout=60)
    return got.returncode, [json.loads(line) for line in got.stdout.splitlines()]


def compare(got, wanted, tally, path):
    head, rows = wanted["report_metadata"], wanted["record"]
    pairs = {"rows": (got["rows"], len(rows)), "messages": (got["messages"], sum(r["row"]["count"] for r in rows)),
             "domain": (got["domain"], wanted["policy_published"]["domain"].lower()), "organisation": (got["organisation"], head["org_name"]),
             "id": (got["report_id"], head["report_id"])}
    for what, (is_, should) in pairs.items():
        tally.add(what, is_ == should, f"{path}: {is_} for {should}")
    day = subprocess.run(["date", "-u", "-d", f"@{head['date_range']['begin']}", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True).stdout.strip()
    tally.add("days", got["begin"] == day, f"{path}: {got['begin']} for {day}")


def score(goniec, folder, tally):
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        if row["kind"] not in ("dmarc-aggregate", "tlsrpt"):
            continue
        path = os.path.join(folder, row["path"])
        with tempfile.TemporaryDirectory() as data:
            code, lines = add(goniec, data, path)
        if row["expected"].startswith("graceful"):
            tally.add("graceful", code in (0, 65), f"{row['path']}: {code}")
            continue
        kind = "tls" if row["kind"] == "tlsrpt" else "dmarc"
        read = code == 0 and len(lines) >= 1 and all(line.get("kind") == kind and line["rows"] > 0 for line in lines)
        tally.add("read", read, f"{row['path']}: {code} {lines[:1]}")
        if read and row["expected_json"] and kind == "dmarc":
            with open(os.path.join(folder, row["expected_json"]), encoding="utf-8") as f:
                compare(lines[0], json.load(f), tally, row["path"])
