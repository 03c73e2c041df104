"""Complaints (RFC 5965): the ARF samples and their recipients."""
import json
import os

import tally as t

NAME = "reports-dmarc-tlsrpt-arf"
FLOORS = {"complaint": 100, "type": 100, "recipient": 100}


def score(goniec, folder, tally):
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        if row["kind"] != "arf":
            continue
        got = t.mail(goniec, os.path.join(folder, row["path"]))
        with open(os.path.join(folder, row["expected_json"]), encoding="utf-8") as f:
            wanted = json.load(f)
        tally.add("complaint", got["kind"] == "complaint" and not got["bounce"], row["path"])
        tally.add("type", got.get("feedback_type", "").replace("-", "") == wanted["feedback_type"].lower(), f"{row['path']}: {got.get('feedback_type')}")
        address = (wanted["original_rcpt_to"] or "").strip("<>")
        if address:
            tally.add("recipient", [r["address"] for r in got["recipients"]][:1] == [address], f"{row['path']}: {got['recipients'][:1]}")
