"""Between other people's mail servers: what they send us and what they take."""
import contextlib
import signal
import smtplib

from peers import Dovecot, Postfix
from world import Goniec, Receiver, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: u@dest.test\r\nSubject: x\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n" \
          b"Message-ID: <1@sender.test>\r\n\r\nLine\r\n.dot\r\nza\xc5\xbc\r\n" + b"z" * 900 + b"\r\n"


def send(server, rcpts, message=MESSAGE, options=("BODY=8BITMIME",), rcpt_options=()):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        s.sendmail("a@sender.test", rcpts, message, mail_options=options, rcpt_options=rcpt_options)


@contextlib.contextmanager
def before(peer, rule):
    """goniec in front of the peer."""
    server = Goniec(0, rule, routed=False)
    try:
        yield server
    finally:
        server.close()
        peer.close()


def test_postfix_takes_mail_over_tls_and_its_refusal_becomes_the_verdict():
    postfix = Postfix(users=("u", "v"))
    with before(postfix, f'route "*" {{ to = "smtp:127.0.0.1:{postfix.port}" tls = "required" }}') as server:
        send(server, ["u@dest.test", "nobody@dest.test", "v@dest.test"])
        wait_until(lambda: postfix.mailbox("u") and postfix.mailbox("v"))
        got = postfix.mailbox("u")[0].replace(b"\n", b"\r\n")
        assert got.endswith(MESSAGE), got[:2000]
        story = server.story("nobody@dest.test")
        by = {r["address"]: r for r in story["recipients"]}
        good, bad = by["u@dest.test"], by["nobody@dest.test"]
        assert good["status"] == "delivered" and good["events"][0]["tls"].startswith("TLSv1."), good
        assert bad["status"] == "failed" and bad["events"][0]["code"] == 550 and bad["events"][0]["cause"] == "user-unknown", bad


def test_postfix_is_given_a_thousand_messages_and_has_them_all():
    receiver = Receiver()
    postfix = Postfix(settings=f"relayhost = [127.0.0.1]:{receiver.port}")
    with before(postfix, f'route "*" {{ to = "smtp:127.0.0.1:{postfix.port}" tls = "none" }}') as server:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            for i in range(1000):
                s.sendmail("a@sender.test", [f"r{i}@far.test"], b"Subject: x\r\n\r\nx\r\n")
        wait_until(lambda: len(receiver.messages) >= 1000, 60)
        assert len({m[1][0] for m in receiver.messages}) == 1000 == len(receiver.messages)
    receiver.close()


def test_postfix_relays_through_us_with_dsn_and_over_tls():
    receiver = Receiver(extensions=("PIPELINING", "8BITMIME", "DSN", "SIZE 50000000"))
    server = Goniec(receiver.port)
    postfix = Postfix(settings=f"relayhost = [127.0.0.1]:{server.mx}\nsmtp_tls_security_level = encrypt")
    try:
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=20) as s:
            s.ehlo()
            s.sendmail("a@sender.test", [f"r{i}@far.test" for i in range(60)], MESSAGE, mail_options=["BODY=8BITMIME", "ENVID=abc"],
                       rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        wait_until(lambda: sum(len(m[1]) for m in receiver.messages) == 60)
        assert all(m[2].endswith(MESSAGE) for m in receiver.messages)
        assert any(c.startswith("RCPT TO:<r7@far.test>") and "NOTIFY=SUCCESS,FAILURE" in c for c in receiver.commands)
        assert any("ENVID=abc" in c for c in receiver.commands if c.startswith("MAIL"))
        assert b"with ESMTPS" in receiver.messages[0][2], receiver.messages[0][2][:600]
    finally:
        postfix.close()
        server.close()
        receiver.close()


def test_postfix_waits_and_tries_again_when_we_have_no_room():
    receiver = Receiver()
    server = Goniec(receiver.port, more="log { disk_free_min = 900000G }")
    postfix = Postfix(settings=f"relayhost = [127.0.0.1]:{server.mx}")
    try:
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=20) as s:
            s.sendmail("a@sender.test", ["r@far.test"], MESSAGE, mail_options=["BODY=8BITMIME"])
        wait_until(lambda: "status=deferred" in postfix.log() and "452 4.3.1" in postfix.log())
        assert not receiver.messages
    finally:
        postfix.close()
        server.close()
        receiver.close()


def test_dovecot_stores_mail_over_lmtp_and_refuses_each_unknown_user_alone():
    dovecot = Dovecot(users=("u", "v"))
    with before(dovecot, f'route "dest.test" {{ to = "lmtp:127.0.0.1:{dovecot.port}" tls = "none" }}') as server:
        send(server, ["u@dest.test", "nobody@dest.test", "v@dest.test"])
        wait_until(lambda: dovecot.mailbox("u") and dovecot.mailbox("v"))
        assert dovecot.mailbox("v")[0].replace(b"\r\n", b"\n").endswith(MESSAGE.replace(b"\r\n", b"\n"))
        story = server.story("nobody@dest.test")
        status = {r["address"]: r["status"] for r in story["recipients"]}
        assert status == {"u@dest.test": "delivered", "nobody@dest.test": "failed", "v@dest.test": "delivered"}, status


def test_a_certificate_that_nobody_signed_is_not_enough_where_verified_is_asked():
    postfix = Postfix(users=("u",))
    with before(postfix, f'route "*" {{ to = "smtp:127.0.0.1:{postfix.port}" tls = "verified" }}') as server:
        send(server, ["u@dest.test"])
        r = server.story("u@dest.test", lambda s: s["recipients"][0]["events"])["recipients"][0]
        assert r["status"] == "deferred" and r["events"][0]["phase"] == "the TLS handshake", r
        assert not postfix.mailbox("u")


def test_a_smart_host_is_logged_in_to_over_tls_and_a_wrong_password_waits():
    receiver = Receiver()
    smart = Goniec(receiver.port, trusted=False)
    secret = smart.cli("account", "add", "shop").splitlines()[1].split()[-1]
    rule = 'route "*" {{ to = "smtp:127.0.0.1:{}" tls = "required" login = "shop" password = "{}" }}'
    server = Goniec(0, rule.format(smart.submission, secret), routed=False)
    try:
        send(server, ["far@away.test"])
        wait_until(lambda: receiver.messages)
        assert b"with ESMTPSA" in receiver.messages[0][2], receiver.messages[0][2][:900]
        assert secret not in str(server.story("far@away.test"))
        server.write_config(rule.format(smart.submission, "wrong"))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "new settings are in force" in server.log_text())
        send(server, ["other@away.test"])
        r = server.story("other@away.test", lambda s: s["recipients"][0]["events"])["recipients"][0]
        assert r["status"] == "deferred" and r["events"][0]["code"] == 535, r
    finally:
        server.close()
        smart.close()
        receiver.close()


def test_two_rules_with_one_smart_host_never_share_a_login():
    receiver = Receiver()
    smart = Goniec(receiver.port, trusted=False)
    secret = {who: smart.cli("account", "add", who).splitlines()[1].split()[-1] for who in ("shop", "news")}
    server = Goniec(0, "\n".join(f'route "{who}.test" {{ to = "smtp:127.0.0.1:{smart.submission}" tls = "required" login = "{who}" '
                                 f'password = "{secret[who]}" }}' for who in secret), routed=False)
    try:
        for i in range(10):
            send(server, [f"r{i}@shop.test"])
            send(server, [f"r{i}@news.test"])
        wait_until(lambda: len(receiver.messages) == 20)
        for i in range(10):
            for who in secret:
                assert smart.story(f"r{i}@{who}.test")["login"] == who
    finally:
        server.close()
        smart.close()
        receiver.close()
