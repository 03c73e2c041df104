"""Mailman's bounce detector corpus: which addresses failed, for good or for now."""
import collections
import os

import tally as t

NAME = "flufl-bounce"
FLOORS = {"recipients": 95, "failed or delayed": 100}


def score(goniec, folder, tally):
    wanted, kinds = collections.defaultdict(set), {}
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        wanted[row["path"]] |= {a.lower() for a in row["addresses"].split(",") if a}
        kinds[row["path"]] = row["kind"]
    for path, addresses in wanted.items():
        got = t.mail(goniec, os.path.join(folder, path))
        failed = {r["address"].lower() for r in got["recipients"] if r["report"] in ("failed", "delayed") and got["kind"] != "autoreply"}
        tally.add("recipients", failed == addresses, f"{path}: {sorted(failed)}, not {sorted(addresses)}")
        if addresses:
            ours = {"failed": "permanent", "delayed": "temporary"}.get(got["kind"], got["kind"])
            tally.confused(kinds[path], ours)
            tally.add("failed or delayed", ours == kinds[path], f"{path}: {ours}, not {kinds[path]}")
