"""What a mail program sees of our notifications: each sample is parsed with Python's email package, strictly where it can be."""
import email
import email.policy
import subprocess
import sys


def sample(kind):
    raw = subprocess.run([sys.argv[1], kind], check=True, stdout=subprocess.PIPE).stdout
    assert raw.count(b"\n") == raw.count(b"\r\n"), "a newline that is not CRLF"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "a line longer than RFC 5322 allows"
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n")), "a header line longer than 78"
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    assert not message.defects, message.defects
    return raw, message


def parts(message, count=3):
    assert message.get_content_type() == "multipart/report"
    found = message.get_payload()
    assert len(found) == count, [p.get_content_type() for p in found]
    return found


def groups(status):
    """The groups of fields of message/delivery-status."""
    return [g for g in status.get_payload() if g.keys()] if status.is_multipart() else [
        email.message_from_string(g, policy=email.policy.SMTPUTF8)
        for g in status.get_content().decode().replace("\r\n", "\n").split("\n\n") if g.strip()]


def failed():
    raw, m = sample("failed")
    assert m["auto-submitted"] == "auto-replied"
    assert m["from"].addresses[0].addr_spec == "MAILER-DAEMON@relay.shop.pl"
    assert m["to"].addresses[0].addr_spec == "jan@shop.pl"
    assert str(m["subject"]) == "Nie dostarczono: Zamówienie 17", m["subject"]
    assert m["in-reply-to"] == "<17@shop.pl>"
    assert m["date"].datetime.isoformat() == "2026-01-01T00:01:40+00:00"
    assert m.get_param("report-type") == "delivery-status"
    text, status, original = parts(m)
    human = text.get_content()
    assert human.index("Na serwerze odbiorcy nie ma skrzynki") < human.index("There is no mailbox"), "Polish comes first"
    assert "<ola@example.pl>" in human and '<"a b"@example.pl>' in human and "nikt@" not in human
    assert "550 5.1.1 The email account" in human and "Reply of the server mx.example.pl [192.0.2.9]" in human
    assert "\x1b" not in human and "\ufffd" in human
    assert all(len(line) <= 78 for line in human.splitlines())
    whole, first, second = groups(status)
    assert whole["reporting-mta"] == "dns; relay.shop.pl"
    assert whole["original-envelope-id"] == "QQ+314"
    assert whole["arrival-date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert first["original-recipient"] == "rfc822; ola+shop@example.pl"
    assert first["final-recipient"] == "rfc822; ola@example.pl"
    assert (first["action"], first["status"]) == ("failed", "5.1.1")
    assert first["remote-mta"] == "dns; mx.example.pl"
    assert first["diagnostic-code"].startswith("smtp; 550 5.1.1 The email account that you tried to reach does not exist.; --=_X?")
    assert first["last-attempt-date"] == "Thu, 01 Jan 2026 00:01:00 +0000"
    assert second["final-recipient"] == 'rfc822; "a b"@example.pl'
    assert second["status"] == "5.4.7", "an expired message failed for good, whatever the last reply said"
    assert second["diagnostic-code"] == "smtp; 421 4.4.5 busy za????"
    assert "original-recipient" not in second
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload(0).get_payload(decode=True).decode() == "Treść listu.\r\n--not a boundary\r\n"


def headers(kind):
    raw, m = sample(kind)
    original = parts(m)[2]
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Treść".encode() not in raw, "only the header comes back"
    assert "Message-ID: <17@shop.pl>" in original.get_content()
    raw.decode("ascii")


def delayed():
    raw, m = sample("delayed")
    text, status, original = parts(m)
    assert "2026-01-06 00:00 UTC" in text.get_content()
    assert "connecting to 192.0.2.9:25 timed out" in text.get_content()
    first = groups(status)[1]
    assert (first["action"], first["status"]) == ("delayed", "4.4.2")
    assert first["will-retry-until"] == "Tue, 06 Jan 2026 00:00:00 +0000"
    assert first["diagnostic-code"] == "x-goniec; connecting to 192.0.2.9:25 timed out"
    assert "remote-mta" not in first
    assert original.get_content_type() == "text/rfc822-headers", "the content comes back with failures only"


def succeeded(kind):
    raw, m = sample(kind)
    text, status, original = parts(m)
    whole, only = groups(status)
    assert only["action"] == kind and only["final-recipient"] == "rfc822; ola@example.pl", "only who asked is reported"
    assert only["status"] == "2.1.5"
    assert "What happened" not in text.get_content()
    assert str(m["subject"]).startswith({"relayed": "Passed on", "delivered": "Delivered"}[kind])


def internationalized():
    raw, m = sample("global")
    assert m.get_param("report-type") == "global-delivery-status"
    assert str(m["subject"]).endswith("znad jezior") and "gór" in str(m["subject"])
    text, status, original = parts(m)
    assert status.get_content_type() == "message/global-delivery-status"
    assert original.get_content_type() == "message/global"
    assert "Final-Recipient: utf-8; żółw@example.pl".encode() in raw
    assert "Original-Recipient: utf-8; żółw@example.pl".encode() in raw
    assert "<żółw@example.pl>" in text.get_content()


failed()
headers("headers")
headers("large")
delayed()
succeeded("relayed")
succeeded("delivered")
internationalized()
print("all samples are as they should be")
