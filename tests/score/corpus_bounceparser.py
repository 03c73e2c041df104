"""The corpus of Mail::DeliveryStatus::BounceParser: bounce or not, addresses, code, reason."""
import os

import tally as t

NAME = "bounceparser"
FLOORS = {"bounce or not": 96, "recipients": 100, "code": 100, "reason": 93}
REASONS = {"user_unknown": {"recipient_unknown", "recipient_inactive"}, "over_quota": {"mailbox_full"}, "domain_error": {"domain_unknown", "network"},
           "spam": {"spam_content", "policy", "ip_reputation"}, "user_disabled": {"recipient_inactive"}}


def score(goniec, folder, tally):
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        path = row["path"]
        got = t.mail(goniec, os.path.join(folder, path))
        first = got["recipients"][0] if got["recipients"] else {}
        if row["is_bounce"]:
            noticed = got["kind"] in ("failed", "delayed")
            tally.add("bounce or not", noticed == (row["is_bounce"] == "1"), f"{path}: {got['kind']}, not {row['is_bounce']}")
        if row["addresses"] and row["addresses"] != "NONE":
            wanted = {a.lower() for a in row["addresses"].split(",")}
            ours = {r["address"].lower() for r in got["recipients"]}
            tally.add("recipients", ours == wanted, f"{path}: {sorted(ours)}, not {sorted(wanted)}")
        if row["smtp_code"]:
            tally.add("code", str(first.get("code")) == row["smtp_code"], f"{path}: {first.get('code')}, not {row['smtp_code']}")
        if row["std_reason"] in REASONS:
            good = first.get("class") in REASONS[row["std_reason"]]
            tally.confused(row["std_reason"], row["std_reason"] if good else first.get("class", "-"))
            tally.add("reason", good, f"{path}: {first.get('class')}, not {row['std_reason']}: {first.get('said', '')[:160]!r}")
