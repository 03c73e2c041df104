"""Mail out to servers that others wrote, one behaviour at a time, each against every one of them."""
import contextlib
import smtplib
import urllib.request

from enclosed import Exim, OpenSmtpd
from world import Goniec, wait_until

HEAD = b"From: a@sender.test\r\nTo: u@dest.test\r\nSubject: x\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n\r\n"
MESSAGE = HEAD + b"Line\r\n.dot\r\n..two\r\n \r\nza\xc5\xbc\r\n" + b"z" * 990 + b"\r\n\r\nend\t \r\n"


@contextlib.contextmanager
def before(peer, tls=None):
    server = Goniec(0, f'route "*" {{ to = "smtp:127.0.0.1:{peer.port}" tls = "{tls or peer.tls}" }}', routed=False)
    try:
        yield server
    finally:
        server.close()
        peer.close()


def send(server, rcpts, message=MESSAGE, sender="a@sender.test", options=("BODY=8BITMIME",), rcpt_options=()):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        s.sendmail(sender, rcpts, message, mail_options=options, rcpt_options=rcpt_options)


def recipients(story):
    return {r["address"]: r for r in story["recipients"]}


def all_ended(story):
    return all(r["status"] in ("delivered", "failed") for r in story["recipients"])


def numbers(server, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.http}/metrics").read().decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith("goniec_" + name + "{"))


def takes_mail_byte_for_byte_and_its_refusals_become_verdicts(peer):
    with before(peer) as server:
        send(server, ["u@dest.test", "nobody@dest.test", "far@elsewhere.test", "v@dest.test"])
        wait_until(lambda: peer.mailbox("u") and peer.mailbox("v"))
        for user in "uv":
            got = peer.mailbox(user)[0].replace(b"\n", b"\r\n")
            assert got.endswith(MESSAGE) and got.count(b"Received:") == 2, got[:1500]
        by = recipients(server.story("nobody@dest.test", all_ended))
        good = by["u@dest.test"]["events"][0]
        assert good["status"] == "delivered" and good["tls"].startswith("TLSv1.3" if peer.tls == "required" else ""), good
        bad, far = by["nobody@dest.test"]["events"][0], by["far@elsewhere.test"]["events"][0]
        assert bad["status"] == far["status"] == "failed" and bad["code"] == far["code"] == 550, by
        assert bad["phase"] == far["phase"] == "RCPT TO" and bad["cause"], by


def refuses_a_sender_for_everybody(peer):
    with before(peer) as server:
        send(server, ["u@dest.test", "v@dest.test"], sender="refused@sender.test")
        by = recipients(server.story("u@dest.test", all_ended))
        assert all(r["events"][0]["code"] == 550 and r["status"] == "failed" for r in by.values()), by


def is_not_sent_what_is_larger_than_it_takes(peer):
    with before(peer) as server:
        send(server, ["u@dest.test"], HEAD + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 20000)
        event = server.story("u@dest.test", all_ended)["recipients"][0]["events"][0]
        assert (event["status"], event["noticed"], event["cause"]) == ("failed", "too-large", "message-too-large"), event
        assert not peer.mailbox("u")


def gets_many_messages_over_few_connections(peer):
    with before(peer) as server:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            for i in range(300):
                s.sendmail("a@sender.test", ["u@dest.test" if i % 2 else "v@dest.test"], HEAD + b"number %d\r\n" % i)
        wait_until(lambda: len(peer.mailbox("u")) == len(peer.mailbox("v")) == 150, 60)
        bodies = [m.replace(b"\r\n", b"\n").rsplit(b"\n\n", 1)[1] for m in peer.mailbox("u") + peer.mailbox("v")]
        assert sorted(bodies) == sorted(b"number %d\n" % i for i in range(300))
        opened, reused = numbers(server, "out_connections_total"), numbers(server, "out_connections_reused_total")
        assert opened + reused >= 300 and reused > opened, (opened, reused)


def takes_over_the_duty_to_report_a_delivery(peer):
    with before(peer) as server:
        send(server, ["v@dest.test"], sender="u@dest.test", options=("BODY=8BITMIME", "RET=HDRS", "ENVID=order+2B7"),
             rcpt_options=("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@dest.test"))
        wait_until(lambda: peer.mailbox("v") and peer.mailbox("u"))
        report = peer.mailbox("u")[0]
        assert b"\nAction: delivered" in report and b"v@dest.test" in report, report
        server.story("v@dest.test", all_ended)
        dialogue = server.cli("why", "--dialogue", "v@dest.test")
        assert "RET=HDRS ENVID=order+2B7" in dialogue and "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@dest.test" in dialogue, dialogue
        assert numbers(server, "notifications_total") == 0  # ours is not due


def test_exim_takes_mail_byte_for_byte_over_tls_and_its_refusals_become_verdicts():
    takes_mail_byte_for_byte_and_its_refusals_become_verdicts(Exim(("u", "v")))


def test_exim_refuses_a_sender_for_everybody():
    refuses_a_sender_for_everybody(Exim(("u", "v")))


def test_exim_is_not_sent_what_is_larger_than_it_takes():
    is_not_sent_what_is_larger_than_it_takes(Exim(("u",)))


def test_exim_gets_many_messages_over_few_connections():
    gets_many_messages_over_few_connections(Exim(("u", "v")))


def test_exim_takes_over_the_duty_to_report_a_delivery():
    takes_over_the_duty_to_report_a_delivery(Exim(("u", "v")))


def test_exim_is_spoken_to_in_pipelines_and_given_utf8_addresses():
    exim = Exim(("u",))
    with before(exim, "none") as server:
        send(server, ["u@dest.test"])
        wait_until(lambda: exim.mailbox("u"))
        assert " P=esmtp L" in next(line for line in exim.log().splitlines() if "<= a@sender.test" in line), exim.log()
        send(server, ["u@dest.test"], sender="ż@sender.test", options=("BODY=8BITMIME", "SMTPUTF8"))
        wait_until(lambda: len(exim.mailbox("u")) == 2)
        assert "<= ż@sender.test" in exim.log() or "<= xn--" in exim.log() or "P=utf8esmtp" in exim.log(), exim.log()


def test_opensmtpd_takes_mail_byte_for_byte_and_its_refusals_become_verdicts():
    takes_mail_byte_for_byte_and_its_refusals_become_verdicts(OpenSmtpd(("u", "v")))


def test_opensmtpd_refuses_a_sender_for_everybody():
    refuses_a_sender_for_everybody(OpenSmtpd(("u", "v")))


def test_opensmtpd_is_not_sent_what_is_larger_than_it_takes():
    is_not_sent_what_is_larger_than_it_takes(OpenSmtpd(("u",)))


def test_opensmtpd_gets_many_messages_over_few_connections():
    gets_many_messages_over_few_connections(OpenSmtpd(("u", "v")))


def test_opensmtpd_takes_over_the_duty_to_report_a_delivery():
    takes_over_the_duty_to_report_a_delivery(OpenSmtpd(("u", "v")))


def test_opensmtpd_without_smtputf8_is_not_sent_a_utf8_address():
    opensmtpd = OpenSmtpd(("u",))
    with before(opensmtpd) as server:
        send(server, ["u@dest.test"], sender="ż@sender.test", options=("BODY=8BITMIME", "SMTPUTF8"))
        event = server.story("u@dest.test", all_ended)["recipients"][0]["events"][0]
        assert (event["status"], event["noticed"], event["cause"]) == ("failed", "no-smtputf8", "smtputf8-unsupported"), event
        assert not opensmtpd.mailbox("u")


def test_opensmtpd_whose_handshake_breaks_gets_the_mail_without_tls_where_that_is_allowed():
    opensmtpd = OpenSmtpd(("u",))
    with before(opensmtpd, "opportunistic") as server:
        send(server, ["u@dest.test"])
        wait_until(lambda: opensmtpd.mailbox("u"))
        event = server.story("u@dest.test", all_ended)["recipients"][0]["events"][0]
        if not event["tls"]:  # a package whose TLS works does not have to show this
            assert any("tls-failed" in line["text"] for line in event["dialogue"]), event
