"""The fixtures of PHPMailer-BMH: category and address; bounce, answer or neither by file name."""
import os

import tally as t

NAME = "bmh"
FLOORS = {"recipients": 100, "category": 87, "no bounce": 100, "bounce": 100}
CATEGORIES = {"unknown": {"recipient_unknown", "recipient_inactive"}, "full": {"mailbox_full"}, "dns_unknown": {"domain_unknown"}, "dns_loop": {"network"},
              "antispam": {"spam_content", "ip_reputation", "policy"}, "content_reject": {"content", "policy"}}


def score(goniec, folder, tally):
    for row in t.rows(os.path.join(folder, "expected.tsv")):
        path, category = row["path"], row["category"]
        got = t.mail(goniec, os.path.join(folder, path))
        first = got["recipients"][0] if got["recipients"] else {}
        if category == "unrecognized":
            tally.add("no bounce", not got["bounce"], f"{path}: {got['kind']}, not {category}")
        elif row["address"]:
            ours = {r["address"].lower() for r in got["recipients"]}
            tally.add("recipients", ours == {row["address"].lower()}, f"{path}: {sorted(ours)}, not {row['address']}")
        if category in CATEGORIES:
            good = first.get("class") in CATEGORIES[category]
            tally.confused(category, category if good else first.get("class", "-"))
            tally.add("category", good, f"{path}: {first.get('class')}, not {category}: {first.get('said', '')[:160]!r}")
        if category == "delayed":
            tally.add("category", got["kind"] == "delayed", f"{path}: {got['kind']}, not delayed")
        if category in ("notabounce", "autoreply"):
            tally.add("no bounce", not got["bounce"], f"{path}: {got['kind']}, not {category}")
        elif category == "bounce":
            tally.add("bounce", got["kind"] in ("failed", "delayed"), f"{path}: {got['kind']}, not {category}")
    for base, _, names in os.walk(os.path.join(folder, "eml")): # those without a label must be read, too
        for name in names:
            t.mail(goniec, os.path.join(base, name))
