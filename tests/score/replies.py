#!/usr/bin/env python3
"""How well replies are understood: the corpus smtp-replies against the explaining library.

usage: replies.py EXPLAIN_LINES [--misses]

Prints accuracy, the confusion table and every miss, then "N passed, M failed" for the floors below. The floors only rise."""
import collections
import os
import subprocess
import sys

CORPUS = "../shared/corpora/smtp-replies/expected.tsv"
DEAD = {"recipient_unknown", "recipient_inactive", "domain_unknown"}
FLOORS = {"class, accepted alternatives counted": 0.92, "living addresses not suppressed": 0.998, "dead addresses recognised": 0.95}


def rows():
    with open(CORPUS, encoding="utf-8") as f:
        names = next(f).rstrip("\n").split("\t")
        for line in f:
            yield dict(zip(names, line.rstrip("\n").split("\t")))


def explained(program, replies):
    lines = "".join("\t" + r["reply"] + "\n" for r in replies)
    out = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.decode("utf-8", "replace")
    names = ("cause", "class", "sisimai", "action", "lasts", "confidence", "rule", "provider", "code", "enhanced", "evidence")
    return [dict(zip(names, line.split("\t"))) for line in out.split("\n")[:-1]]


def accepts(row, got):
    also = row["also_accept"].split(",")
    return got == row["class"] or got in also or "*" in also


def judge(pairs):
    dead = [(r, g) for r, g in pairs if r["class"] in DEAD]
    sources = collections.defaultdict(list)
    for r, g in pairs:
        sources[r["source"]].append(accepts(r, g["class"]))
    good = sum(accepts(r, g["class"]) for r, g in pairs) / len(pairs)
    exact = sum(r["class"] == g["class"] for r, g in pairs) / len(pairs)
    alive = [(r, g) for r, g in pairs if not DEAD & {r["class"], *r["also_accept"].split(",")} and "*" not in r["also_accept"]]
    false = [(r, g) for r, g in alive if g["action"] == "suppress"]
    missed = [(r, g) for r, g in dead if g["class"] not in DEAD]
    kept = [(r, g) for r, g in dead if g["action"] != "suppress"]
    print(f"{len(pairs)} replies: class {good:.1%} (exactly {exact:.1%}; mean over sources {sum(sum(v) / len(v) for v in sources.values()) / len(sources):.1%})")
    print(f"false suppressions {len(false)} of {len(alive)}; dead addresses not recognised {len(missed)} of {len(dead)}, not suppressed {len(kept)}")
    for name, v in sorted(sources.items()):
        print(f"  {name:28} {sum(v)}/{len(v)}")
    return {"class, accepted alternatives counted": good, "living addresses not suppressed": 1 - len(false) / max(1, len(alive)),
            "dead addresses recognised": 1 - len(missed) / max(1, len(dead))}, false, kept


def confusion(pairs):
    table = collections.Counter((r["class"], g["class"]) for r, g in pairs if not accepts(r, g["class"]))
    print("\nconfusion (expected, got, how often):")
    for (want, got), n in table.most_common():
        print(f"  {want:20} {got:20} {n}")


def misses(pairs, title):
    if pairs:
        print(f"\n{title}:")
    for r, g in pairs:
        print(f"  {r['id']} {r['source']} wants {r['class']} got {g['class']}/{g['cause']} {g['action']} {g['confidence']} by {g['rule']}\n      {r['reply'][:300]}")


def main():
    if not os.path.exists(CORPUS):
        print(f"the corpus {CORPUS} is not here: nothing to score\n0 passed, 0 failed, 1 skipped")
        return 0
    replies = list(rows())
    pairs = list(zip(replies, explained(sys.argv[1], replies)))
    scores, false, kept = judge(pairs)
    confusion(pairs)
    misses([(r, g) for r, g in pairs if not accepts(r, g["class"])], "misses")
    misses(false, "false suppressions")
    misses(kept, "dead, not suppressed")
    bad = [name for name, floor in FLOORS.items() if scores[name] < floor]
    for name in bad:
        print(f"FAILED: {name}: {scores[name]:.2%} is below {FLOORS[name]:.2%}")
    print(f"{len(FLOORS) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
