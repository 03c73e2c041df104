"""What the scores of all corpora share: asking goniec, counting, printing, floors.

A corpus is a file corpus_*.py beside this one with NAME (its folder below ../shared/corpora), FLOORS ({ratio: least percentage}) and score(goniec, folder, tally).
Floors only rise: a ratio below its floor is a failed test. Lower one only with a reason that the commit tells."""
import collections
import csv
import json
import os
import subprocess

CORPORA = os.path.join("..", "shared", "corpora")


class Tally:
    def __init__(self):
        self.good, self.total = collections.Counter(), collections.Counter()
        self.misses, self.confusion = [], collections.Counter()

    def add(self, ratio, good, miss=""):
        self.total[ratio] += 1
        self.good[ratio] += bool(good)
        if not good and miss:
            self.misses.append(f"{ratio}: {miss}")

    def confused(self, wanted, got):
        self.confusion[wanted, got] += 1

    def percent(self, ratio):
        return 100.0 * self.good[ratio] / self.total[ratio] if self.total[ratio] else 100.0


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def mail(goniec, path):
    """What goniec tells of a mail; fails loudly when it is not one JSON object or the program did not end well."""
    done = subprocess.run([goniec, "explain", "--json", "--lang", "en", path], capture_output=True, timeout=20, check=False)
    if done.returncode == 65:
        return {"bounce": False, "kind": "none", "recipients": []}
    if done.returncode != 0:
        raise RuntimeError(f"{path}: exit {done.returncode}: {done.stderr.decode(errors='replace')[:400]}")
    return json.loads(done.stdout.decode("utf-8"))


_classes = {}


def classes(label, taxonomy="sisimai"):
    """The classes that a native label may be taken for: the one and those accepted beside it ("*": any)."""
    if not _classes:
        for row in rows(os.path.join(CORPORA, "smtp-replies", "label-map.tsv")):
            _classes[row["taxonomy"], row["native_label"]] = (row["class"], [c for c in row["also_accept"].split(",") if c])
    return _classes[taxonomy, label]


def report(name, tally, floors, verbose):
    """Prints; returns how many floors held and how many did not."""
    print(f"-- {name}")
    held = broken = 0
    for ratio in tally.total:
        floor = floors.get(ratio)
        good = floor is None or tally.percent(ratio) >= floor
        held, broken = held + (floor is not None and good), broken + (not good)
        wanted = "" if floor is None else f"  (floor {floor}{'' if good else ': FAILED'})"
        print(f"   {ratio:32} {tally.good[ratio]:5}/{tally.total[ratio]:<5} {tally.percent(ratio):6.1f} %{wanted}")
    if verbose or broken:
        for (wanted, got), n in sorted(tally.confusion.items()):
            if wanted != got:
                print(f"   {n:4} x {wanted} taken for {got}")
        for miss in tally.misses:
            print(f"   miss: {miss}")
    return held, broken
