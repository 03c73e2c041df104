"""TLS reports (RFC 8460): what happened to each day's TLS sessions is counted and sent to the domains that ask for it."""
import email
import gzip
import json
import sqlite3

from secure import policy
from test_mta_sts import net
from test_secure import event, fresh, send
from test_signing import dkim
from world import wait_until

REPORTS = 'tls { report_from = "tls@sender.test" report_delay = "0s" }'


def rows(n, query="SELECT count(*) FROM tls_session"):
    with sqlite3.connect(n.server.data + "/office.db", timeout=20) as db:
        return db.execute(query).fetchall()


def a_day_later(n, expected):
    """Once so many kinds of sessions were counted, they are yesterday's."""
    wait_until(lambda: rows(n)[0][0] == expected)
    with sqlite3.connect(n.server.data + "/office.db", timeout=20) as db:
        db.execute("UPDATE tls_session SET day = day - 1")
    db.close()


def reports(n):
    return [(rcpts, email.message_from_bytes(body)) for sender, rcpts, body in n.receiver.messages if sender == "tls@sender.test"]


def opened(message):
    part = message.get_payload()[1]
    assert part.get_content_type() == "application/tlsrpt+gzip"
    return part.get_filename(), json.loads(gzip.decompress(part.get_payload(decode=True)))


def sign(n, domain):
    """The domain's mail is signed from now on. Its TXT records."""
    text = n.server.cli("domain", "add", domain, "--json", "-c", n.server.config)
    added = json.JSONDecoder().raw_decode(text[text.index('{"domain"'):])[0]
    records = {r["name"]: r["value"] for r in added["records"] if r["type"] == "TXT"}
    n.names.answers.update({(name, "TXT"): [value] for name, value in records.items()})
    n.server.cli("domain", "check", domain, "--resolver", f"127.0.0.1:{n.names.port}", "-c", n.server.config, code=None)
    return records


def test_a_domain_that_asks_for_it_is_told_of_a_days_sessions_even_where_tls_fails():
    with net(policy(), shown=lambda a: a.issue("old.test"), more=REPORTS) as n:
        keys = sign(n, "sender.test")
        n.names.answers[("_smtp._tls.dest.test", "TXT")] = ["v=TLSRPTv1; rua=mailto:tls-reports@dest.test,https://dest.test/v1"]
        for _ in range(3):
            assert event(n.server, send_fresh(n))["tls_flaw"] == "name"
        a_day_later(n, 1)
        wait_until(lambda: reports(n))
        rcpts, mail = reports(n)[0]
        assert rcpts == ["tls-reports@dest.test"] and n.receiver.over_tls[0]
        assert mail["TLS-Report-Domain"] == "dest.test" and mail["TLS-Report-Submitter"] == "mail.goniec.test" and mail["TLS-Required"] == "No"
        assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt"
        assert mail["Subject"].startswith("Report Domain: dest.test") and "Submitter: mail.goniec.test" in mail["Subject"]
        name, report = opened(mail)
        assert name.startswith("mail.goniec.test!dest.test!") and name.endswith(".json.gz")
        assert report["organization-name"] == "mail.goniec.test" and report["contact-info"] == "tls@sender.test"
        assert report["date-range"]["start-datetime"].endswith("T00:00:00Z") and report["date-range"]["end-datetime"].endswith("T23:59:59Z")
        assert mail["Message-ID"] == f"<{report['report-id']}>"
        (told,) = report["policies"]
        assert told["policy"] == {"policy-type": "sts", "policy-domain": "dest.test", "mx-host": ["mx.test"],
                                  "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.test", "max_age: 86400"]}
        assert told["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 3}
        assert told["failure-details"] == [{"result-type": "certificate-host-mismatch", "sending-mta-ip": "127.0.0.1",
                                            "receiving-mx-hostname": "mx.test", "receiving-ip": "127.0.0.1", "failed-session-count": 3}]
        if dkim:
            raw = next(body for sender, _, body in n.receiver.messages if sender == "tls@sender.test")
            assert raw.count(b"DKIM-Signature:") == 2, raw
            for i in range(2):
                assert dkim.DKIM(raw).verify(idx=i, dnsfunc=lambda name, **_: keys[name.decode().rstrip(".")].encode()), (i, raw)
        wait_until(lambda: not rows(n, "SELECT 1 FROM tls_session WHERE day < unixepoch() / 86400"))


def send_fresh(n, domain="dest.test"):
    to = fresh("b@" + domain)
    send(n.server, to)
    return to


def test_good_sessions_and_those_without_a_policy_are_told_and_nobody_is_told_unasked():
    with net(policy(), more=REPORTS) as n:
        n.publish("free.test", "v=spf1 -all")
        n.publish("quiet.test", "v=spf1 -all")
        n.publish("odd.test", "v=spf1 -all")
        n.names.answers[("_smtp._tls.dest.test", "TXT")] = ["v=TLSRPTv1; rua=mailto:a%2Bb@free.test"]
        n.names.answers[("_smtp._tls.free.test", "TXT")] = ["v=TLSRPTv1;rua=mailto:tls@free.test!10m, mailto:tls@free.test?subject=x"]
        n.names.answers[("_smtp._tls.odd.test", "TXT")] = ["v=TLSRPTv1; rua=mailto:one@free.test", "v=TLSRPTv1; rua=mailto:two@free.test"]
        for domain in ("dest", "free", "quiet", "odd"):
            assert event(n.server, send_fresh(n, domain + ".test"))["status"] == "delivered"
        a_day_later(n, 4)
        wait_until(lambda: len(reports(n)) == 2)
        wait_until(lambda: not rows(n, "SELECT 1 FROM tls_session WHERE day < unixepoch() / 86400"))
        told = {m["TLS-Report-Domain"]: (rcpts, opened(m)[1]["policies"]) for rcpts, m in reports(n)}
        assert sorted(told) == ["dest.test", "free.test"]
        assert told["dest.test"][0] == ["a+b@free.test"] and told["free.test"][0] == ["tls@free.test"]
        assert told["dest.test"][1][0]["policy"]["policy-type"] == "sts"
        assert told["free.test"][1][0]["policy"] == {"policy-type": "no-policy-found", "policy-domain": "free.test"}
        for _, policies in told.values():
            assert policies[0]["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 0}
            assert "failure-details" not in policies[0]


def test_a_name_server_that_fails_keeps_the_report_and_no_other():
    with net(policy(mode="none", mx=()), more=REPORTS) as n:
        n.publish("free.test", "v=spf1 -all")
        n.names.answers[("_smtp._tls.dest.test", "TXT")] = "SERVFAIL"
        n.names.answers[("_smtp._tls.free.test", "TXT")] = ["v=TLSRPTv1; rua=mailto:tls@free.test"]
        for domain in ("dest", "free"):
            assert event(n.server, send_fresh(n, domain + ".test"))["status"] == "delivered"
        a_day_later(n, 2)
        wait_until(lambda: reports(n))
        assert reports(n)[0][1]["TLS-Report-Domain"] == "free.test"
        assert rows(n, "SELECT domain FROM tls_session WHERE day < unixepoch() / 86400") == [("dest.test",)]


def test_nothing_is_counted_where_no_reports_are_sent():
    with net(policy(mode="none", mx=())) as n:
        event(n.server, send_fresh(n))
        assert rows(n) == [(0,)]


def test_a_policy_that_cannot_be_had_is_told_with_the_reason():
    bad = {"missing": ((404, {}, b""), "sts-policy-fetch-error"), "empty": (policy(mx=()), "sts-policy-invalid"),
           "renamed": (policy(), "sts-webpki-invalid")}
    with net(lambda host: bad[host.split(".")[1]][0], more=REPORTS, host=lambda a: a.issue("mta-sts.missing.test", "mta-sts.empty.test")) as n:
        n.names.answers.update({("collect.test", "MX"): [(10, "mx.test")]})
        for domain in bad:
            n.publish(domain + ".test")
            n.names.answers[(f"_smtp._tls.{domain}.test", "TXT")] = ["v=TLSRPTv1; rua=mailto:tls@collect.test"]
            assert event(n.server, send_fresh(n, domain + ".test"))["status"] == "delivered"
        a_day_later(n, 6)
        wait_until(lambda: len(reports(n)) == 3)
        for _, mail in reports(n):
            sts = next(p for p in opened(mail)[1]["policies"] if p["policy"]["policy-type"] == "sts")
            assert sts["failure-details"] == [{"result-type": bad[mail["TLS-Report-Domain"].split(".")[0]][1], "failed-session-count": 1}], sts
            assert sts["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}
