"""DKIM from the outside: domains are added, published, checked, and what is handed in comes out signed."""
import json
import os
import re
import shutil
import smtplib
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from names import Names
from world import Goniec, Receiver, free_port, wait_until

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for another Python as well
try:
    import dkim
except ImportError:
    dkim = None


def message(sender="a@shop.test", subject="x"):
    return f"From: A <{sender}>\r\nTo: b@dest.test\r\nSubject: {subject}\r\n\r\nbody \r\n".encode()


class Signed:
    """A server, a receiver and a name server, with what is usual."""

    def __init__(self, more="", rule=None):
        self.names = Names({("mail.goniec.test", "A"): ["192.0.2.1"]})
        self.receiver = Receiver(rule)
        self.server = Goniec(self.receiver.port, more=more)

    def domain(self, *args, code=0):
        return self.server.cli("domain", *args, "-c", self.server.config, code=code)

    def check(self, domain, code=0):
        return self.server_json("check", domain, "--resolver", f"127.0.0.1:{self.names.port}", code=code)

    def server_json(self, *args, code=0):
        text = self.domain(*args, "--json", code=code)
        return json.JSONDecoder().raw_decode(text[text.index('{"domain"'):])[0]

    def publish(self, records):
        for r in records:
            value = (r["preference"], r["value"]) if r["type"] == "MX" else r["value"]
            self.names.answers[(r["name"], r["type"])] = value if r["type"] == "CNAME" else [value]

    def add(self, domain, *args):
        records = self.server_json("add", domain, *args)["records"]
        self.publish(records)
        return records

    def states(self):
        """What each key is at, by kind and age: two letters each."""
        keys = json.loads(self.domain("list", "--json"))
        return " ".join(f"{k['algorithm'][0]}:{k['state']}" for k in sorted(keys, key=lambda k: (k["algorithm"], len(k["selector"]))))

    def send(self, text, sender="a@shop.test", rcpt="b@dest.test"):
        with smtplib.SMTP("127.0.0.1", self.server.mx, timeout=20) as s:
            s.sendmail(sender, [rcpt], text)

    def arrived(self, n):
        wait_until(lambda: len(self.receiver.messages) >= n)
        return self.receiver.messages[n - 1][2]

    def txt(self, name, timeout=5):
        found = self.names.answers.get((name.decode().rstrip("."), "TXT"))
        return found[0].encode() if found else None

    def signatures(self, text):
        """(d=, s=) of each from the top; all must be good."""
        if dkim is None:
            raise unittest.SkipTest("python3-dkim is not there")
        head = re.sub(rb"\r\n[ \t]+", b" ", text.split(b"\r\n\r\n")[0])
        found = re.findall(rb"^DKIM-Signature:.*? d=([^;]+); s=([^;]+);", head, re.M)
        for i in range(len(found)):
            assert dkim.DKIM(text).verify(idx=i, dnsfunc=self.txt), (i, text)
        return [(d.decode(), s.decode()) for d, s in found]

    def close(self):
        self.server.close()
        self.receiver.close()


def test_a_domain_is_added_published_checked_and_signs():
    w = Signed()
    try:
        records = w.add("shop.test")
        w.send(message())
        assert w.signatures(w.arrived(1)) == []  # nobody could verify it yet
        assert {r["purpose"] for r in records} >= {"dkim", "spf", "dmarc", "return-path", "tracking", "tls-reports", "mta-sts"}
        assert all(len(s) <= 255 for r in records for s in r.get("strings", []))
        got = w.check("shop.test")
        assert got["ready"] and all(r["status"] == "right" for r in got["records"]), got
        w.send(message())
        assert [d for d, _ in w.signatures(w.arrived(2))] == ["shop.test"] * 2
        w.send(message("a@deep.below.shop.test"))
        assert [d for d, _ in w.signatures(w.arrived(3))] == ["shop.test"] * 2
        keys = os.path.join(w.server.data, "keys")
        for path, mode in ((keys, 0o700), (f"{keys}/shop.test", 0o700), *((f"{keys}/shop.test/{n}", 0o600) for n in os.listdir(f"{keys}/shop.test"))):
            st = os.stat(path)
            assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == os.stat(w.server.data).st_uid, path
        w.domain("remove", "shop.test")
        w.send(message())
        assert w.signatures(w.arrived(4)) == []
    finally:
        w.close()


def test_check_names_what_differs():
    w = Signed()
    try:
        records = w.add("shop.test")
        rsa = next(r for r in records if r["purpose"] == "dkim" and "k=rsa" in r["value"])
        by = {r["purpose"]: r for r in records}
        answers = w.names.answers
        answers[(rsa["name"], "TXT")] = [rsa["value"][:255]]
        answers[("shop.test", "TXT")] = ["unrelated", "v=spf1 ip4:198.51.100.1 -all"]
        answers[(by["return-path"]["name"], "MX")] = [(10, "mx.other.test")]
        answers[(by["dmarc"]["name"], "TXT")] = ["v=DMARC1; p=reject"]
        del answers[(by["tracking"]["name"], "CNAME")]
        got = {r["name"] + r["purpose"]: r for r in w.check("shop.test", code=1)["records"]}

        def state(r):
            return got[r["name"] + r["purpose"]]
        assert state(rsa)["status"] == "different" and "cut off" in state(rsa)["difference"], state(rsa)
        assert state(by["spf"])["status"] == "different" and "a:mail.goniec.test" in state(by["spf"])["difference"]
        assert state(by["return-path"])["status"] == "others" and "mx.other.test" in state(by["return-path"])["difference"]
        assert state(by["dmarc"])["status"] == "right" and state(by["tracking"])["status"] == "missing"
        answers[(rsa["name"], "TXT")] = [rsa["value"]]
        answers[("shop.test", "TXT")] = ["v=spf1 ip4:192.0.2.0/24 -all"]  # passes us in another way
        assert w.check("shop.test")["records"][2]["status"] == "right"
    finally:
        w.close()


def test_a_dead_name_server_is_named_in_a_sentence_within_seconds():
    w = Signed()
    try:
        w.add("shop.test")
        began = time.monotonic()
        said = w.domain("check", "shop.test", "--resolver", f"127.0.0.1:{free_port()}", code=69)
        assert time.monotonic() - began < 10 and "no name server gave an answer about shop.test" in said, said
    finally:
        w.close()


def test_what_is_shown_can_be_typed_and_says_things_once():
    w = Signed()
    resolver = ("--resolver", f"127.0.0.1:{w.names.port}")
    try:
        english = w.domain("add", "shop.test", "--lang", "en")
        polish = w.domain("list", "shop.test", "--lang", "pl")
        for text, once in ((english, ("Each message is sealed", "a newer kind of key", "enter @", "goniec domain check shop.test")),
                           (polish, ("Każda wiadomość dostaje pieczęć", "kluczem nowszego rodzaju", "wpisz @", "goniec domain check shop.test"))):
            flat = " ".join(text.split())
            assert [flat.count(s) for s in once] == [1] * len(once), text
        records = w.server_json("list", "shop.test")["records"]
        w.publish([{**r, "name": r["name"] + ".shop.test"} for r in records])
        slip = w.domain("check", "shop.test", "--lang", "en", *resolver, code=1)
        assert slip.count("enter as its name only") == len(records) and "only _dmarc\n" in slip and "only @\n" in slip, slip
        w.publish(records)
        w.domain("check", "shop.test", *resolver)
        new = w.domain("rotate", "shop.test", "--lang", "en")
        assert new.count("_domainkey") == 2 and "v=spf1" not in new and "goniec domain rotate --use shop.test" in " ".join(new.split()), new
    finally:
        w.close()


def zone_strings(line):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', line))


def test_the_zone_snippet_is_read_by_another_and_says_what_json_says():
    w = Signed()
    try:
        records = w.add("shop.test")
        snippet = w.domain("list", "shop.test", "--zone")
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as f:
            f.write("shop.test. 3600 IN SOA ns.shop.test. root.shop.test. 1 3600 600 86400 60\nshop.test. 3600 IN NS ns.shop.test.\n" + snippet)
            f.flush()
            if not shutil.which("ldns-read-zone"):
                raise unittest.SkipTest("ldnsutils is not there")
            read = subprocess.run(["ldns-read-zone", f.name], capture_output=True, text=True, check=True, timeout=30)
        assert not read.stderr, read.stderr
        got = {}
        for line in read.stdout.splitlines():
            name, _, _, kind, value = line.split(None, 4)
            got[(name.rstrip("."), kind)] = zone_strings(value) if kind == "TXT" else value
        for r in records:
            wanted = {"MX": f"{r.get('preference')} {r['value']}.", "CNAME": r["value"] + ".", "TXT": r["value"]}[r["type"]]
            assert got[(r["name"], r["type"])] == wanted, (r, got)
            assert r["type"] != "TXT" or ("".join(r["strings"]) == r["value"] and max(map(len, r["strings"])) <= 255), r
        assert len(got) == len(records) + 2
    finally:
        w.close()


def test_a_domain_is_not_added_where_no_server_has_been():
    server = Goniec(free_port(), start=False)
    try:
        p = server.run("domain", "add", "shop.test", "-c", server.config)
        assert p.returncode != 0 and not p.stdout and b"start the server once" in p.stderr, p
        assert not os.path.exists(server.data)
    finally:
        server.folder.cleanup()


def test_a_domain_without_keys_passes_is_signed_by_ours_or_is_refused():
    for setting, expected in (("pass", []), ("own-domain", ["goniec.test"] * 2), ("refuse", None)):
        w = Signed(f'dkim_unknown = "{setting}"')
        try:
            w.add("goniec.test")
            w.check("goniec.test")
            try:
                w.send(message("a@unknown.test"))
                assert [d for d, _ in w.signatures(w.arrived(1))] == expected, setting
            except smtplib.SMTPDataError as e:
                assert setting == "refuse" and e.smtp_code == 550 and e.smtp_error.startswith(b"5.7.1"), e
                assert b"goniec domain add unknown.test" in e.smtp_error, e
        finally:
            w.close()


def test_the_platform_signs_beside_the_domain_and_notifications_are_signed():
    w = Signed('dkim_platform = yes', lambda stage, argument: "550 5.1.1 no such user" if stage == "rcpt" and argument.startswith("gone") else None)
    try:
        for domain in ("goniec.test", "shop.test"):
            w.add(domain)
            w.check(domain)
        w.send(message())
        assert [d for d, _ in w.signatures(w.arrived(1))] == ["shop.test"] * 2 + ["goniec.test"] * 2
        w.send(message(), rcpt="gone@dest.test")
        note = w.arrived(2)
        assert b"multipart/report" in note and [d for d, _ in w.signatures(note)] == ["goniec.test"] * 2
    finally:
        w.close()


def test_a_login_signs_for_its_own_account_alone():
    w = Signed('dkim_unknown = "refuse"')
    try:
        for name in ("shop", "other"):
            w.server.cli("account", "add", name, name, "-", input=b"a long password\n")
        w.add("shop.test", "--account", "shop")
        w.check("shop.test")
        for login in ("shop", "other"):
            with smtplib.SMTP("127.0.0.1", w.server.submission, timeout=20) as s:
                s.starttls()
                s.login(login, "a long password")
                try:
                    s.sendmail("a@shop.test", ["b@dest.test"], message())
                    assert login == "shop"
                except smtplib.SMTPDataError as e:
                    assert login == "other" and e.smtp_code == 550, e
        assert [d for d, _ in w.signatures(w.arrived(1))] == ["shop.test"] * 2
        assert len(w.receiver.messages) == 1
    finally:
        w.close()


def test_keys_are_rotated_under_traffic_without_a_gap():
    w = Signed()
    stop = threading.Event()
    sent = []
    try:
        w.add("shop.test")
        assert w.states() == "e:made r:made"
        w.check("shop.test")
        assert w.states() == "e:signs r:signs"

        def traffic():
            with smtplib.SMTP("127.0.0.1", w.server.mx, timeout=20) as s:  # one session sees old keys and new ones
                while not stop.is_set():
                    s.sendmail("a@shop.test", ["b@dest.test"], message())
                    sent.append(1)
                    stop.wait(0.02)
        thread = threading.Thread(target=traffic)
        thread.start()
        new = w.server_json("rotate", "shop.test")["records"]
        resolver = ("--resolver", f"127.0.0.1:{w.names.port}")
        w.domain("rotate", "shop.test", "--use", *resolver, code=75)  # DNS does not show them yet
        waits = w.domain("check", "shop.test", *resolver)  # what signs is all there
        assert "the old ones sign until then" in waits and waits.count(": missing") == 2, waits
        assert w.states() == "e:signs e:made r:signs r:made"
        w.publish(new)
        w.check("shop.test")
        assert w.states() == "e:signs e:seen r:signs r:seen"
        w.domain("rotate", "shop.test", "--use", *resolver)
        assert w.states() == "e:old e:signs r:old r:signs"
        at = len(sent)
        wait_until(lambda: len(sent) > at + 5)
        stop.set()
        thread.join()
        wait_until(lambda: len(w.receiver.messages) == len(sent))
        used = [w.signatures(m[2]) for m in w.receiver.messages]
        assert all(len(u) == 2 for u in used) and len({tuple(u) for u in used}) == 2, used  # each with both, old or new
        w.domain("rotate", "shop.test", "--retire", code=75)  # not before the queue's life
        index = os.path.join(w.server.data, "keys", "index")
        lines = [line.split("\t") for line in open(index, encoding="ascii").read().splitlines()]
        for fields in lines:
            if fields[7] != "0":
                fields[7] = str(int(time.time()) - 8 * 86400)
        open(index, "w", encoding="ascii").write("".join("\t".join(f) + "\n" for f in lines))
        w.domain("rotate", "shop.test", "--retire")
        assert len(os.listdir(os.path.join(w.server.data, "keys", "shop.test"))) == 2 and w.states() == "e:signs r:signs"
    finally:
        stop.set()
        w.close()
