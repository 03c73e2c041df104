"""What a mail program sees of our notifications: each sample is parsed with Python's email package, strictly where it can be."""
import email
import email.policy
import html.parser
import subprocess
import sys

VOID = {"meta", "hr", "br"}


class Page(html.parser.HTMLParser):
    """Its text, and that every element that was opened is closed in order."""

    def __init__(self, source):
        super().__init__()
        self.open, self.text, self.langs = [], [], []
        self.feed(source)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        assert tag in {"html", "head", "meta", "title", "body", "div", "p", "b", "h2", "hr", "br", "blockquote"}, tag
        self.langs += [value for name, value in attrs if name == "lang"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data.split()


def sample(kind):
    raw = subprocess.run([sys.argv[1], kind], check=True, stdout=subprocess.PIPE).stdout
    assert raw.count(b"\n") == raw.count(b"\r\n"), "a newline that is not CRLF"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "a line longer than RFC 5322 allows"
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n")), "a header line longer than 78"
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    assert not message.defects, message.defects
    return raw, message


def parts(message):
    """The text, the status, the original; the HTML is seen to say the same as the text."""
    assert message.get_content_type() == "multipart/report"
    found = message.get_payload()
    assert len(found) == 3, [p.get_content_type() for p in found]
    assert found[0].get_content_type() == "multipart/alternative"
    text, page = found[0].get_payload()
    assert (text.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    shown = set(Page(page.get_content()).text)
    said = {word for line in text.get_content().splitlines() if not line.startswith("----") for word in line.lstrip("> ").split()}
    missing = {w.strip("<>:") for w in said} - {w.strip("<>:") for w in shown}
    assert not missing, missing
    return text, found[1], found[2]


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
    assert original.get_content_type() == "text/rfc822-headers", "8-bit content is not sent a way of which nothing is known"
    assert "Message-ID: <17@shop.pl>" in original.get_content() and raw.isascii()


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
    assert "no connection came about in time" in text.get_content()
    first = groups(status)[1]
    assert (first["action"], first["status"]) == ("delayed", "4.4.2")
    assert first["will-retry-until"] == "Tue, 06 Jan 2026 00:00:00 +0000"
    assert first["diagnostic-code"] == "x-goniec; no connection came about in time"
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


def in_one_language(kind, lang, foreign):
    raw, m = sample(kind)
    alternative = m.get_payload(0)
    text, page = alternative.get_payload()
    assert foreign not in text.get_content()
    assert Page(page.get_content()).langs == [lang]


def hostile():
    raw, m = sample("hostile")
    text, page = m.get_payload(0).get_payload()
    source = page.get_content()
    Page(source)
    assert "<script>alert(1)</script>" in text.get_content()
    assert "<script" not in source and "&lt;script&gt;" in source and "<img" not in source
    assert "\x1b" not in source


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


def of_utf8_recipients_to_an_ascii_sender():
    """Of the way back nothing is known but that it takes ASCII (RFC 6533 4)."""
    raw, m = sample("ascii")
    assert m.get_param("report-type") == "delivery-status"
    text, status, original = parts(m)
    assert status.get_content_type() == "message/delivery-status"
    assert raw.isascii()
    assert any(g["final-recipient"] == "utf-8; \\x{17C}\\x{F3}\\x{142}w@example.pl" for g in groups(status)[1:]), raw
    assert original.get_content_type() == "text/rfc822-headers"
    assert "<żółw@example.pl>" in text.get_content()


failed()
headers("headers")
headers("large")
delayed()
succeeded("relayed")
succeeded("delivered")
in_one_language("delivered", "en", "Dostarczono")
in_one_language("polish", "pl", "What happened")
hostile()
internationalized()
of_utf8_recipients_to_an_ascii_sender()
print("all samples are as they should be")
