"""Sisimai's set of emails: recipient, code, status and reason of every recipient of real bounces; and mails that are none."""
import os

import tally as t

NAME = "sisimai"
FLOORS = {"recipient": 99, "code": 98, "status": 99, "recipient + code + status": 98, "recipient + reason": 97.0, "no bounce": 100}


def status_good(ours, wanted):
    ours = ours or ""
    return ours == wanted or (wanted[1:] == ".0.0" and ours[:1] == wanted[:1]) or wanted == ""


def one(row, got, tally):
    where = f"{row['path']}#{row['recipient_index']}"
    place = int(row["recipient_index"]) - 1
    found = place < len(got["recipients"])
    tally.add("recipient", found, where)
    r = got["recipients"][place] if found else {"code": None, "enhanced": None, "class": "-", "sisimai": "-", "action": "-"}
    code = "" if r["code"] is None else str(r["code"])
    tally.add("code", found and code == row["reply_code"], f"{where}: {code}, not {row['reply_code']}")
    status = row["dsn_is_synthetic"] == "1" or status_good(r["enhanced"], row["dsn_status"])
    tally.add("status", found and status, f"{where}: {r['enhanced']}, not {row['dsn_status']}")
    tally.add("recipient + code + status", found and code == row["reply_code"] and status)
    if row["reason"] in ("onhold", "undefined"):
        return
    strict, also = t.classes(row["reason"])
    lenient = r["class"] == strict or r["class"] in also or "*" in also
    tally.confused(strict, strict if lenient else r["class"])
    tally.add("class (strict)", r["class"] == strict)
    tally.add("recipient + reason", lenient, f"{where}: {r['class']}, not {strict} ({row['reason']}): {r.get('said', '')[:160]!r}")
    tally.add("reason (same word)", r["sisimai"] == row["reason"])
    tally.add("dead address (hardbounce)", (r["action"] == "suppress") == (row["hardbounce"] == "1"))


def score(goniec, folder, tally):
    told = {}
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        path = row["path"]
        if not os.path.exists(os.path.join(folder, path)):
            continue
        got = told.get(path) or told.setdefault(path, t.mail(goniec, os.path.join(folder, path)))
        if path.startswith("not-bounce/"):
            tally.add("no bounce", not got["recipients"], path)
            continue
        one(row, got, tally)
        if row["reason"] in ("vacation", "feedback", "delivered"):
            tally.add("no bounce", not got["bounce"], path)
    for name in os.listdir(os.path.join(folder, "unlabelled")):
        t.mail(goniec, os.path.join(folder, "unlabelled", name))
