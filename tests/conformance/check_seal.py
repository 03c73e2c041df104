"""ARC sets that we make: as the public suite expects them, tag by tag, and in the eyes of another implementation (python3-dkim), also where
each goes on with the chain of the one before. check_seal.py SEAL"""
import base64
import csv
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for another Python as well
try:
    import dkim
except ImportError:
    dkim = None

CORPUS = "../shared/corpora/arc-valimail"

def seal(key, domain, selector, authserv, names, time, path, zone=(), code=0):
    p = subprocess.run([sys.argv[1], key, domain, selector, authserv, names, str(time), path, *[x for pair in zone for x in pair]], capture_output=True)
    assert p.returncode == code, (path, p)
    return p.stdout


def fields(text):
    head = re.sub(rb"\r?\n[ \t]+", b" ", text.replace(b"\r\n", b"\n").split(b"\n\n")[0]).decode("utf-8", "replace")
    return [line.split(":", 1) for line in head.split("\n") if ":" in line]


def tags(value):
    return {k.strip(): re.sub(r"\s", "", v) for k, v in (t.split("=", 1) for t in value.split(";") if "=" in t)}


def results(value):
    return [" ".join(part.split()) for part in value.split(";") if part.strip()]


def suite():
    if not os.path.exists(CORPUS):
        print(f"skipped: {CORPUS} is not there")
        return 0
    bad, paths = 0, sorted(glob.glob(f"{CORPUS}/sign/*.json"))
    with open(f"{CORPUS}/txt-records.tsv", encoding="utf-8", newline="") as f:
        keys = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    for path in paths:
        case = json.load(open(path, encoding="utf-8"))
        zone = [(k["name"], json.loads(k["txt_json"])) for k in keys if k["scenario"] == os.path.basename(path).split("-")[0]]
        text = seal(f"{CORPUS}/sign/{case['key']}", case["domain"], case["sel"], case["srv_id"], case["sig_headers"], case["t"],
                    path[:-5] + ".eml", zone)
        got = dict(reversed(fields(text)[:3]))
        wrong = [n for n, wanted in (("ARC-Seal", case["AS"]), ("ARC-Message-Signature", case["AMS"])) if tags(got[n]) != tags(wanted)]
        wrong += [] if results(got["ARC-Authentication-Results"]) == results(case["AAR"]) else ["ARC-Authentication-Results"]
        if wrong:
            bad += 1
            print(f"{path}: {wrong}: {got}, expected {case['AAR']} {case['AMS']} {case['AS']}")
    print(f"{len(paths) - bad} of {len(paths)} sets as the suite has them")
    return bad


def message(r):
    results = "".join(f"Authentication-Results: {name};\r\n\tspf=pass smtp.mailfrom=a@b.test{end}\r\n" for name, end in
                      (("us.test", ";"), ("them.test", ""), ("us.test", "")))
    body = "".join("x " * r.randrange(0, 60) + r.choice(["", " \t", "ąę"]) + "\r\n" for _ in range(r.randrange(0, 20)))
    return (results + "From: A\r\n <a@b.test>\r\nTo: b@c.test\r\nSubject: " + "word " * r.randrange(1, 60) + "\r\n"
            "DKIM-Signature: v=1; a=rsa-sha256; d=b.test; s=s; h=from; bh=x; b=y\r\n\r\n" + body).encode()


def chains():
    if dkim is None:
        print("skipped: python3-dkim is not there")
        return 0
    r, bad, count = random.Random(8617), 0, 40
    with tempfile.TemporaryDirectory(prefix="goniec-seal-") as folder:
        key, path = os.path.join(folder, "key"), os.path.join(folder, "mail")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        record = "v=DKIM1; p=" + base64.b64encode(der).decode()

        def step(text, code=0):
            open(path, "wb").write(text)
            return seal(key, "us.test", "s", "us.test", "", 1700000000, path, [("s._domainkey.us.test", record)], code)

        def judge(text):
            return dkim.arc_verify(text, dnsfunc=lambda name, timeout=5: record.encode())[0]
        for _ in range(count):
            text = message(r)
            for _ in range(r.randrange(1, 4)):
                text = step(text)
                text = b"Received: by another.test\r\n" + text
            good = judge(text) == b"pass" and judge(text + b"more\r\n") == b"fail"
            broken = step(text.replace(b"Subject: word", b"Subject: other"))  # sealed once as broken, then left alone
            again = step(broken, 1)
            good = good and b"cv=fail" in broken and again == broken and judge(broken) != b"pass"
            if not good:
                bad += 1
                print(f"{judge(text)}: {text[:3000]!r}")
    print(f"{count - bad} of {count} chains")
    return bad


sys.exit(1 if suite() + chains() else 0)
