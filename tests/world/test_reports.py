"""goniec reports: reports as other servers send them, made here by other libraries than goniec's: read, counted once, summed up."""
import contextlib
import email.message
import email.policy
import gzip
import io
import json
import os
import subprocess
import tempfile
import threading
import zipfile

from world import BINARY, Goniec, Receiver

ROW = """<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf>
</policy_evaluated></row><identifiers><header_from>shop.test</header_from></identifiers><auth_results><dkim><domain>shop.test</domain>
<selector>{selector}</selector><result>{dkim}</result></dkim></auth_results></record>"""


def report(number=1, rows=(("203.0.113.5", 3, "fail", "fail", "x"),)):
    body = "".join(ROW.format(ip=ip, count=count, dkim=dkim, spf=spf, selector=selector) for ip, count, dkim, spf, selector in rows)
    return f"""<?xml version="1.0" encoding="UTF-8"?><feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><report_metadata><org_name>Wielki Dostawca</org_name>
<email>dmarc@big.test</email><report_id>{number}</report_id><date_range><begin>{1700000000 + number * 86400}</begin><end>{1700086399 + number * 86400}</end>
</date_range></report_metadata><policy_published><domain>shop.test</domain><p>none</p></policy_published>{body}</feedback>""".encode()


TLS = json.dumps({"organization-name": "Big", "date-range": {"start-datetime": "2023-11-14T00:00:00Z", "end-datetime": "2023-11-14T23:59:59Z"}, "report-id": "t1",
                  "policies": [{"policy": {"policy-type": "sts", "policy-domain": "shop.test"}, "summary": {"total-successful-session-count": 98,
                                                                                                         "total-failure-session-count": 2},
                                "failure-details": [{"result-type": "certificate-expired", "receiving-mx-hostname": "mx.shop.test", "failed-session-count": 2}]}]}).encode()


def mail(data, kind, name):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = "dmarc@big.test", "dmarc@bounces.shop.test", "Report domain: shop.test"
    m.set_content("This is a report.\n")
    m.add_attachment(data, maintype="application", subtype=kind, filename=name)
    return m.as_bytes(policy=email.policy.SMTP)


def zipped(*files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i, data in enumerate(files):
            z.writestr(f"{i}.xml", data)
    return out.getvalue()


@contextlib.contextmanager
def data_directory(**files):
    """A data directory and the paths of the files (dots as underscores)."""
    with tempfile.TemporaryDirectory(prefix="goniec-world-") as folder:
        data = os.path.join(folder, "data")
        os.mkdir(data)
        paths = {}
        for name, content in files.items():
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "wb") as f:
                f.write(content)
        yield data, paths


def reports(data, *args, code=0, stdin=b"", env=None):
    done = subprocess.run([BINARY, "reports", *args, "-d", data], input=stdin, capture_output=True, timeout=60, check=False,
                          env={**os.environ, "LC_ALL": "C", **(env or {})})
    assert done.returncode == code, done
    return done.stdout.decode()


def shown(data, *args):
    return json.loads(reports(data, "show", "shop.test", "--json", *args))


def test_the_same_report_in_every_wrapping_counts_once():
    xml = report()
    wrappings = {"a": xml, "b": gzip.compress(xml), "c": zipped(xml), "d": mail(gzip.compress(xml), "gzip", "r.xml.gz"),
                 "e": mail(zipped(xml), "zip", "r.zip"), "f": mail(xml, "xml", "r.xml")}
    with data_directory(**wrappings) as (data, paths):
        lines = [json.loads(line) for line in reports(data, "add", "--json", *paths.values()).splitlines()]
        assert [x["new"] for x in lines] == [True] + [False] * 5, lines
        assert {(x["kind"], x["domain"], x["organisation"], x["report_id"], x["rows"], x["messages"]) for x in lines} == {
            ("dmarc", "shop.test", "Wielki Dostawca", "1", 1, 3)}, lines
        assert shown(data)["dmarc"]["messages"] == 3
        listed = json.loads(reports(data, "list", "--json"))
        assert len(listed) == 1 and listed[0]["begin"] == "2023-11-15T22:13:20Z", listed


def test_standard_input_is_read_and_a_bad_file_keeps_no_good_one_out():
    with data_directory(good=report(1), bad=b"hello", bomb=gzip.compress(b" " * (8 << 20)), dtd=b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><feedback/>') as (data, paths):
        reports(data, "add", "-", stdin=TLS)
        out = reports(data, "add", "--json", paths["bad"], paths["bomb"], paths["dtd"], os.path.join(data, "none"), paths["good"], code=65)
        lines = [json.loads(line) for line in out.splitlines()]
        assert ["no report in it" in lines[0]["error"], "a bomb" in lines[1]["error"], "document type" in lines[2]["error"],
                "No such file" in lines[3]["error"], lines[4]["new"]] == [True] * 5, lines
        assert len(json.loads(reports(data, "list", "--json"))) == 2
        reports(data, "add", code=64)
        reports(data, "show", "not a domain", code=65)
        reports(data, "list", "--since", "yesterday", code=64)


def test_a_domain_is_summed_up_in_both_languages():
    with data_directory(mon=report(1, [("192.0.2.1", 40, "pass", "pass", "s")]), tue=zipped(report(2), report(3)), tls=gzip.compress(TLS)) as (data, paths):
        english = reports(data, "add", *paths.values())
        assert english.count("\n") == 4 and "mail (DMARC)" in english and "encryption (TLS)" in english, english
        got = shown(data)
        assert got["dmarc"]["reports"] == 3 and got["dmarc"]["messages"] == 46 and got["dmarc"]["aligned"] == 40, got
        assert {(s["ip"], s["whose"], s["messages"]) for s in got["dmarc"]["sources"]} == {("192.0.2.1", "service", 40), ("203.0.113.5", "stranger", 6)}
        assert got["tls"]["ok"] == 98 and got["tls"]["failures"][0]["result"] == "certificate-expired", got["tls"]
        assert shown(data, "--since", "2023-11-17")["dmarc"]["messages"] == 6
        assert "dmarc" not in shown(data, "--since", "30d")
        text, polish = reports(data, "show", "SHOP.test"), reports(data, "show", "shop.test", "--lang", "pl")
        for word in ("46", "40 (87%)", "SPF or DKIM", "Strangers", "what to do", "the certificate has expired", "mx.shop.test"):
            assert word in text, (word, text)
        for word in ("46", "40 (87%)", "SPF albo DKIM", "Obcy", "co zrobić", "certyfikat wygasł"):
            assert word in polish, (word, polish)
        assert "there are no reports on" in reports(data, "show", "other.test")


def test_what_this_server_signed_or_sent_is_its_own():
    receiver = Receiver()
    server = Goniec(receiver.port, more='source { address4 = "192.0.2.77" }', start=False)
    try:
        os.makedirs(server.data, exist_ok=True)
        server.run("domain", "add", "shop.test", "-c", server.config)
        key = json.loads(server.run("domain", "list", "--json", "-c", server.config).stdout)[0]["selector"]
        path = os.path.join(server.folder.name, "r.xml")
        with open(path, "wb") as f:
            f.write(report(1, [("198.51.100.1", 5, "pass", "pass", key), ("198.51.100.2", 4, "pass", "fail", key), ("192.0.2.77", 3, "fail", "fail", "x")]))
        server.cli("reports", "add", path, "-c", server.config)
        out = server.cli("reports", "show", "shop.test", "--json", "-c", server.config)
        got = {s["ip"]: s["whose"] for s in json.loads(out)["dmarc"]["sources"]}
        assert got == {"198.51.100.1": "ours", "198.51.100.2": "forwarded", "192.0.2.77": "ours"}, got
        advice = {g["whose"]: g["advice"] for g in json.loads(out)["dmarc"]["groups"]}
        assert "goniec domain check" in advice["ours"], advice
    finally:
        server.close()
        receiver.close()


def test_two_who_add_at_once_lose_nothing():
    with data_directory(**{f"r{i}": report(i) for i in range(40)}) as (data, paths):
        reports(data, "list", code=66)  # no database yet
        names = list(paths.values())
        threads = [threading.Thread(target=lambda part=part: reports(data, "add", *names[part::2])) for part in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert shown(data)["dmarc"]["reports"] == 40
