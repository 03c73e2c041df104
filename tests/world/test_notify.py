"""Notifications as senders get them: asked for or not, once, and readable by Python's email package (RFC 3461-3464, 3834, 6533)."""
import contextlib
import email
import email.policy
import quopri
import smtplib
import time
from email.utils import parsedate_to_datetime

from world import Goniec, Receiver, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: order 17\r\nMessage-ID: <17@sender.test>\r\n\r\n" + b"the text\r\n" * 20
SOON = 'schedule { retry_first = "1s" retry_max = "1s" warn_after = "2s" }'


def rule(stage, argument):
    if stage == "rcpt" and argument.startswith("later"):
        return "451 4.3.0 not now"
    if stage == "rcpt" and argument.startswith("never"):
        return "550 5.1.1 nobody of that name"
    return None


@contextlib.contextmanager
def world(more="", extensions=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"), rule=rule):
    receiver = Receiver(rule, extensions)
    server = Goniec(receiver.port, more)
    try:
        yield server, receiver
    finally:
        server.close()
        receiver.close()


def submit(server, rcpts, sender="a@sender.test", mail="", message=MESSAGE):
    """rcpts: {address: parameters}"""
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20, local_hostname="client.test") as s:
        s.command_encoding = "utf-8"
        s.ehlo()
        code, text = s.docmd(f"MAIL FROM:<{sender}> {mail}".strip())
        assert code == 250, text
        for address, parameters in rcpts.items():
            code, text = s.docmd(f"RCPT TO:<{address}> {parameters}".strip())
            assert code == 250, text
        code, text = s.data(message)
        assert code == 250, text


class Report:
    def __init__(self, raw):
        assert raw.count(b"\n") == raw.count(b"\r\n")
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
        assert self.message.get_content_type() == "multipart/report" and not self.message.defects, self.message.defects
        assert self.message["Auto-Submitted"] == "auto-replied"
        self.parts = self.message.get_payload()
        status = self.parts[1]
        fields = status.get_payload() if status.is_multipart() else [email.message_from_string(t, policy=email.policy.SMTPUTF8) for t in status.get_content().decode().replace("\r\n", "\n").split("\n\n")]
        groups = [g for g in fields if g.keys()]
        self.whole, self.groups = groups[0], groups[1:]

    def recipients(self):
        return sorted(g["Final-Recipient"].split(";")[1].strip() for g in self.groups)

    def actions(self):
        return {g["Action"] for g in self.groups}


def reports(receiver):
    return [Report(m[2]) for m in list(receiver.messages) if m[0] == ""]


def attempts(server, to):
    return [len([e for e in r["events"] if e["status"] == "deferred"]) for r in server.story(to, lambda s: True)["recipients"]]


def test_a_delay_is_told_once_to_those_who_asked_even_over_a_restart():
    asked = {"later1@dest.test": "NOTIFY=DELAY", "later2@dest.test": "NOTIFY=FAILURE", "later3@dest.test": "NOTIFY=NEVER", "later4@dest.test": "",
             "later5@dest.test": "NOTIFY=SUCCESS,DELAY,FAILURE"}
    with world(SOON) as (server, receiver):
        began = time.time()
        submit(server, asked)
        submit(server, {"later6@dest.test": "NOTIFY=DELAY"}, sender="")  # nobody to be told
        told = lambda: sorted(r for x in reports(receiver) for r in x.recipients())  # noqa: E731
        wait_until(lambda: told() == ["later1@dest.test", "later5@dest.test"], 30)
        server.stop()
        server.start()
        before = attempts(server, "later1@dest.test")
        wait_until(lambda: min(attempts(server, "later1@dest.test")) >= max(before) + 3, 30)
        assert told() == ["later1@dest.test", "later5@dest.test"], told()
        for r in reports(receiver):
            assert r.actions() == {"delayed"}
            for g in r.groups:
                assert g["Status"].startswith("4.") and "451 4.3.0 not now" in g["Diagnostic-Code"], g.items()
                until = parsedate_to_datetime(g["Will-Retry-Until"]).timestamp()
                assert abs(until - began - 5 * 86400) < 60, g.items()
            assert r.parts[2].get_content_type() == "text/rfc822-headers"  # never the content (RFC 3461 6.2)


def test_each_recipient_is_reported_as_its_own_notify_says():
    asked = {"never1@dest.test": "", "never2@dest.test": "NOTIFY=FAILURE", "never3@dest.test": "NOTIFY=SUCCESS", "never4@dest.test": "NOTIFY=NEVER",
             "never5@dest.test": "NOTIFY=DELAY,FAILURE", "good1@dest.test": "", "good2@dest.test": "NOTIFY=SUCCESS", "good3@dest.test": "NOTIFY=FAILURE",
             "good4@dest.test": "NOTIFY=SUCCESS,FAILURE", "good5@dest.test": "NOTIFY=NEVER"}
    with world() as (server, receiver):
        submit(server, asked)
        server.story("good1@dest.test", lambda s: s["open"] == 0)
        wait_until(lambda: sum(len(r.groups) for r in reports(receiver)) >= 5)
        time.sleep(0.3)
        by = {a: sorted(x for r in reports(receiver) for x in r.recipients() if r.actions() == {a}) for a in ("failed", "relayed")}
        assert by == {"failed": ["never1@dest.test", "never2@dest.test", "never5@dest.test"], "relayed": ["good2@dest.test", "good4@dest.test"]}, by
        assert sum(len(r.groups) for r in reports(receiver)) == 5


def test_orcpt_envid_and_ret_are_honoured():
    for ret, kind in (("RET=FULL", "message/rfc822"), ("RET=HDRS", "text/rfc822-headers"), ("", "message/rfc822")):
        with world() as (server, receiver):
            submit(server, {"never@dest.test": "ORCPT=rfc822;first+2Bone@dest.test"}, mail=f"{ret} ENVID=order+2B17+3D".strip())
            r = wait_until(lambda: reports(receiver))[0]
            assert r.whole["Original-Envelope-Id"] == "order+17=", r.whole.items()
            assert r.whole["Reporting-MTA"] == "dns; mail.goniec.test" and r.whole["Arrival-Date"]
            assert r.groups[0]["Original-Recipient"] == "rfc822; first+one@dest.test", r.groups[0].items()
            assert r.groups[0]["Final-Recipient"] == "rfc822; never@dest.test"
            assert r.parts[2].get_content_type() == kind, (ret, r.parts[2].get_content_type())
            assert (b"the text" in r.raw) == (kind == "message/rfc822")


def test_a_notification_that_fails_ends_there():
    with world(rule=lambda stage, argument: "550 5.1.1 no" if stage == "rcpt" else None) as (server, receiver):
        submit(server, {"b@dest.test": "NOTIFY=SUCCESS,FAILURE,DELAY"})
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "failed")
        story = server.story("a@sender.test", lambda s: s["recipients"][0]["status"] == "failed")  # the notification
        assert story["sender"] in ("", "<>"), story
        time.sleep(0.5)
        assert sum(c.startswith("RCPT") for c in receiver.commands) == 2, receiver.commands  # the message, and the one about it


def test_utf8_addresses_are_reported_in_utf8_where_the_way_back_takes_it():
    with world(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8")) as (server, receiver):
        submit(server, {"never-łoś@dest.test": "ORCPT=utf-8;never-\\x{142}o\\x{15B}@dest.test"}, sender="żuk@sender.test", mail="SMTPUTF8 BODY=8BITMIME")
        r = wait_until(lambda: reports(receiver))[0]
        assert r.parts[1].get_content_type() == "message/global-delivery-status", r.parts[1].get_content_type()
        assert r.message.get_param("report-type") == "global-delivery-status"
        assert "utf-8; never-łoś@dest.test".encode() in r.raw, r.raw
        assert any(c.startswith("MAIL FROM:<>") and "SMTPUTF8" in c for c in receiver.commands), receiver.commands


def test_a_bounce_of_8_bit_mail_reaches_a_sender_whose_server_takes_7_bits_alone():
    """All that the way back takes is not known; what is asked for (RET=FULL) is no use when it is lost (RFC 6522 3)."""
    message = MESSAGE.replace(b"order 17", "zamówienie".encode()) + "zażółć\r\n".encode()
    with world(extensions=("PIPELINING",)) as (server, receiver):
        submit(server, {"b@dest.test": ""}, mail="BODY=8BITMIME RET=FULL", message=message)
        r = wait_until(lambda: reports(receiver))[0]
        assert r.groups[0]["Action"] == "failed" and r.raw.isascii(), r.raw
        assert r.parts[2].get_content_type() == "text/rfc822-headers" and "zamówienie".encode() in r.parts[2].get_payload(decode=True), r.raw
        assert b"za=C5=BC" not in r.raw and b"the text" not in r.raw


def test_a_notification_to_an_ascii_sender_needs_no_smtputf8():
    """The recipient's address is told in ASCII where the way back is not known to take anything else."""
    plain = Receiver(rule, ("PIPELINING", "8BITMIME"))
    utf8 = Receiver(rule, ("PIPELINING", "8BITMIME", "SMTPUTF8"))
    server = Goniec(0, f'route "dest.test" {{ to = "smtp:127.0.0.1:{utf8.port}" tls = "none" }}\n'
                       f'route "*" {{ to = "smtp:127.0.0.1:{plain.port}" tls = "none" }}', routed=False)
    try:
        submit(server, {"never-łoś@dest.test": ""}, mail="SMTPUTF8 BODY=8BITMIME")
        r = wait_until(lambda: reports(plain))[0]
        assert r.parts[1].get_content_type() == "message/delivery-status" and r.groups[0]["Final-Recipient"].startswith("utf-8; never-\\x{142}o"), r.raw
        assert r.parts[2].get_content_type() == "message/global" and not any(b > 127 for b in r.raw), r.raw
        assert "for <never-łoś@dest.test>;" in quopri.decodestring(r.raw[r.raw.rindex(b"message/global"):]).decode()
    finally:
        server.close()
        plain.close()
        utf8.close()
