"""Our signatures in the eyes of another implementation (python3-dkim): 1,000 messages of many shapes, RSA and Ed25519, all good; and, so
that this can fail, each with one byte changed, all bad. check_sign.py SIGN"""
import base64
import os
import random
import subprocess
import sys
import tempfile

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for another Python as well
try:
    import dkim
    import nacl.signing  # what it checks Ed25519 with
except ImportError:
    print("skipped: python3-dkim and python3-nacl are not there")
    sys.exit(77)

COUNT = 1000
DOMAIN = "example.test"


def make_keys(folder):
    """The public halves as DNS would give them."""
    keys = os.path.join(folder, "keys", DOMAIN)
    os.makedirs(keys)
    names, rows = {}, ""
    for selector, kind, command in (("r", "rsa", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                                    ("e", "ed25519", ["genpkey", "-algorithm", "ED25519"])):
        path = f"{keys}/{selector}.pem"
        subprocess.run(["openssl", *command, "-out", path], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        public = base64.b64encode(der if kind == "rsa" else der[-32:])
        names[f"{selector}._domainkey.{DOMAIN}.".encode()] = b"v=DKIM1; k=" + kind.encode() + b"; p=" + public
        rows += f"{DOMAIN}\t\t{selector}\t{kind}\t1\t1\t1\t0\n"
    open(os.path.join(folder, "keys", "index"), "w", encoding="ascii").write(rows)
    return names


def word(r):
    return "".join(r.choice("abcdefghij ABC \t.,;:=-\"<>()@ąęśżź🙂") for _ in range(r.randrange(1, 30))).strip() or "x"


def field(r, name, value):
    """With odd cases, blanks and folds that mean nothing."""
    name = r.choice([name, name.lower(), name.upper()])
    parts = value.split(" ")
    out = parts[0]
    for p in parts[1:]:
        out += (r.choice([" ", " ", " ", "\r\n ", "\r\n\t", "  \t "]) if p.strip() else " ") + p
    return name + r.choice([": ", ":", ":  ", ":\t"]) + out + r.choice(["", "", " ", " \t"]) + "\r\n"


def body(r):
    shape = r.randrange(8)
    if shape == 0:
        return r.choice(["", "\r\n", "\r\n\r\n\r\n", " \t \r\n\r\n"])
    if shape == 1:
        return "x" * r.randrange(900, 998) + "\r\n"
    if shape == 2:
        return "no newline at the end"
    lines = [word(r) + r.choice(["", " ", "\t", "  \t "]) for _ in range(r.randrange(1, 40))]
    return "\r\n".join(lines) + "\r\n" * r.randrange(1, 5)


def message(r):
    fields = [field(r, "From", f"Someone {word(r).replace('@', '')} <a@{DOMAIN}>"), field(r, "To", "b@dest.test, " * r.randrange(0, 30) + "c@dest.test"),
              field(r, "Subject", word(r) + " " + word(r)), field(r, "Date", "Tue, 14 Nov 2023 22:13:20 +0000")]
    more = ["Cc", "Reply-To", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "List-Id", "List-Unsubscribe",
            "List-Unsubscribe-Post", "X-Own", "Received", "To", "Sender", "References"]
    fields += [field(r, name, word(r)) for name in r.sample(more, r.randrange(0, len(more)))]
    r.shuffle(fields)
    return ("".join(fields) + "\r\n" + body(r)).encode()


def good(text, names, index):
    try:
        return dkim.DKIM(text).verify(idx=index, dnsfunc=lambda name, timeout=5: names.get(name))
    except dkim.DKIMException:
        return False


def main():
    r = random.Random(20260101)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="goniec-sign-") as folder:
        names = make_keys(folder)
        paths = [os.path.join(folder, f"{i}.eml") for i in range(COUNT)]
        for path in paths:
            open(path, "wb").write(message(r))
        subprocess.run([sys.argv[1], os.path.join(folder, "keys"), DOMAIN, *paths], check=True)
        for path in paths:
            text = open(path + ".signed", "rb").read()
            if not all(good(text, names, i) for i in range(2)):
                bad += 1
                print(f"{os.path.basename(path)} is not good: {text[:2000]!r}")
        for path in paths[::20]:
            text = open(path + ".signed", "rb").read() + b"\r\nmore\r\n"
            if any(good(text, names, i) for i in range(2)):
                bad += 1
                print(f"{os.path.basename(path)} is good with more in its body")
    print(f"{COUNT - bad} of {COUNT} messages")
    return 1 if bad else 0


sys.exit(main())
