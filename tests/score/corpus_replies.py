"""Replies of servers with the class they mean: kept from the rule tables and tests of other programs."""
import json
import os
import subprocess

import tally as t

NAME = "smtp-replies"
FLOORS = {"class": 96.0, "living address not suppressed": 99.8, "dead address recognised": 95.0, "dead address suppressed": 90.0}
DEAD = {"recipient_unknown", "recipient_inactive", "domain_unknown"}


def explained(goniec, replies):
    """One object for each reply, in order, from one run."""
    done = subprocess.run([goniec, "explain", "--json", "--batch"], input="".join(r + "\n" for r in replies).encode(), capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]


def score(goniec, folder, tally):
    rows = t.rows(os.path.join(folder, "expected.tsv"))
    for row, got in zip(rows, explained(goniec, [r["reply"] for r in rows]), strict=True):
        accepted = {row["class"], *row["also_accept"].split(",")}
        good = got["class"] in accepted or "*" in accepted
        tale = f"{row['id']} ({row['source']}): {got['class']} by {got['rule']} {got['confidence']}, not {row['class']}: {row['reply'][:200]!r}"
        tally.confused(row["class"], row["class"] if good else got["class"])
        tally.add("class", good, tale)
        tally.add("class (strict)", got["class"] == row["class"])
        tally.add(f"class, {row['source']}", good)
        if not DEAD & accepted and "*" not in accepted:
            tally.add("living address not suppressed", got["action"] != "suppress", tale)
        if row["class"] in DEAD:
            tally.add("dead address recognised", got["class"] in DEAD, tale)
            tally.add("dead address suppressed", got["action"] == "suppress", tale)
