"""REQUIRETLS and TLS-Required (RFC 8689): a sender's demand is kept with the message, obeyed on the way out and passed on; a sender's
permission takes away what the recipient's domain demands, and nothing else."""
import smtplib
import ssl

from secure import policy
from test_mta_sts import net
from test_secure import event, fresh, lanes
from world import Receiver, wait_until

LISTED = policy(mode="testing", mx=("mx.test", "second.test"))  # it vouches for the hosts, and demands nothing
EXTENSIONS = ("PIPELINING", "8BITMIME", "DSN", "REQUIRETLS")
SECRET = "a line that nobody else may read"


def text(to, header=""):
    return f"From: a@sender.test\r\nTo: {to}\r\nSubject: x\r\n{header}\r\n{SECRET}\r\n".encode()


def submit(server, to, header="", options=("REQUIRETLS",), sender="a@sender.test"):
    context = ssl._create_unverified_context()
    with smtplib.SMTP("127.0.0.1", server.submission, timeout=20) as s:
        s.ehlo("client.test")
        assert not s.has_extn("requiretls")
        s.starttls(context=context)
        s.ehlo("client.test")
        assert s.has_extn("requiretls")
        s.sendmail(sender, [to], text(to, header), mail_options=options)
    return to


def test_a_message_that_requires_tls_goes_over_verified_tls_to_a_server_that_passes_the_demand_on():
    with net(LISTED) as n:
        n.receiver.extensions = EXTENSIONS
        to = submit(n.server, fresh("b@dest.test"))
        wait_until(lambda: n.receiver.messages)
        assert any(c.startswith("MAIL FROM:<a@sender.test>") and c.endswith(" REQUIRETLS") for c in n.receiver.commands), n.receiver.commands
        e = event(n.server, to)
        assert e["status"] == "delivered" and e["tls_policy"] == "sender" and e["tls_verified"], e


def returned(n, flaw):
    """Such a message comes back at once; nothing of it was told to the host."""
    n.publish("sender.test", "v=spf1 -all")
    to = submit(n.server, fresh("b@dest.test"))
    e = event(n.server, to)
    assert e["status"] == "failed" and e["cause"] == "requiretls-unsupported" and e["tls_flaw"] == flaw and e["tls_policy"] == "sender", e
    assert "the sender demands (REQUIRETLS) a valid certificate for mx.test" in n.server.cli("why", to, "--lang", "en")
    assert not any(c.startswith("MAIL FROM:<a@sender.test>") for c in n.receiver.commands)
    return to


def test_a_server_that_does_not_pass_the_demand_on_gets_nothing_and_the_message_is_returned():
    with net(LISTED) as n:
        returned(n, "no-requiretls")


def test_a_certificate_that_is_not_valid_or_no_tls_returns_a_message_that_requires_it():
    for shown, flaw in ((lambda a: a.issue("old.test"), "name"), (None, "not-offered")):
        with net(LISTED, shown=shown) as n:
            n.receiver.extensions = EXTENSIONS
            returned(n, flaw)


def test_a_host_that_unsigned_dns_alone_names_gets_nothing_and_the_message_is_returned():
    with net(policy(mode="none", mx=())) as n:
        n.receiver.extensions = EXTENSIONS
        n.publish("sender.test", "v=spf1 -all")
        to = submit(n.server, fresh("b@dest.test"))
        e = event(n.server, to)
        assert e["status"] == "failed" and e["cause"] == "requiretls-unsupported" and e["tls_flaw"] == "not-vouched", e
        assert "vouches for this host; neither does" in n.server.cli("why", to, "--lang", "en")
        assert b"\tdown\t" not in lanes(n.server)
        assert not any(c.startswith("MAIL FROM:<a@sender.test>") for c in n.receiver.commands)


def test_a_host_that_the_policy_does_not_list_is_passed_over_for_one_that_it_does():
    with net(policy(mode="testing", mx=("second.test",))) as n:
        n.receiver.extensions = EXTENSIONS
        second = n.authority.issue("second.test")
        good = Receiver(address=("127.0.0.2", n.receiver.port), tls=second.context(), extensions=EXTENSIONS)
        n.names.answers.update({("dest.test", "MX"): [(10, "mx.test"), (20, "second.test")], ("second.test", "A"): ["127.0.0.2"]})
        submit(n.server, fresh("b@dest.test"))
        wait_until(lambda: good.messages)
        assert not n.receiver.connections
        good.close()


def test_a_domain_without_mx_is_its_own_host_and_needs_no_voucher():
    with net(policy(mode="none", mx=()), shown=lambda a: a.issue("lone.test")) as n:
        n.receiver.extensions = EXTENSIONS
        n.names.answers[("lone.test", "A")] = ["127.0.0.1"]
        submit(n.server, fresh("b@lone.test"))
        wait_until(lambda: n.receiver.messages)


def test_the_next_host_is_tried_before_a_message_that_requires_tls_is_returned():
    with net(LISTED) as n:
        second = n.authority.issue("second.test")
        good = Receiver(address=("127.0.0.2", n.receiver.port), tls=second.context(), extensions=EXTENSIONS)
        n.names.answers.update({("dest.test", "MX"): [(10, "mx.test"), (20, "second.test")], ("second.test", "A"): ["127.0.0.2"]})
        submit(n.server, fresh("b@dest.test"))
        wait_until(lambda: good.messages)
        assert not n.receiver.messages
        good.close()


def test_the_bounce_requires_tls_too_and_quotes_no_more_than_the_header():
    with net(LISTED) as n:
        n.publish("sender.test", "v=spf1 -all")
        n.receiver.extensions = EXTENSIONS
        n.receiver.rule = lambda stage, argument: "550 5.1.1 no such user" if stage == "rcpt" and argument.endswith("@dest.test") else None
        submit(n.server, fresh("b@dest.test"), options=("REQUIRETLS", "RET=FULL"))
        wait_until(lambda: n.receiver.messages)
        sender, rcpts, bounce = n.receiver.messages[0]
        assert sender == "" and rcpts == ["a@sender.test"] and SECRET.encode() not in bounce and b"Subject: x" in bounce
        assert any(c.startswith("MAIL FROM:<>") and c.endswith(" REQUIRETLS") for c in n.receiver.commands), n.receiver.commands


def test_a_bounce_is_not_lost_where_no_server_passes_the_demand_on_and_bears_the_status_of_its_failure():
    with net(policy(mode="none", mx=()), shown=lambda a: a.issue("old.test")) as n:
        n.publish("sender.test", "v=spf1 -all")
        submit(n.server, fresh("b@dest.test"), options=("REQUIRETLS", "RET=FULL"))
        wait_until(lambda: n.receiver.messages)
        sender, rcpts, bounce = n.receiver.messages[0]
        assert sender == "" and rcpts == ["a@sender.test"] and n.receiver.over_tls == [True]
        assert b"\r\nStatus: 5.7.30\r\n" in bounce and SECRET.encode() not in bounce, bounce
        assert not any("REQUIRETLS" in c for c in n.receiver.commands), n.receiver.commands


def test_a_bounce_does_not_go_in_the_clear():
    with net(policy(mode="none", mx=()), shown=None) as n:
        n.publish("sender.test", "v=spf1 -all")
        submit(n.server, fresh("b@dest.test"))
        said = event(n.server, "a@sender.test")
        assert said["tls_flaw"] == "not-offered" and said["tls_policy"] == "sender", said
        assert not any(c.startswith("MAIL") for c in n.receiver.commands), n.receiver.commands


def test_tls_required_no_takes_away_what_the_domain_demands_and_not_what_the_settings_do():
    with net(policy(), shown=None, more='route "strict.test" { to = "mx" tls = "required" }') as n:
        held = submit(n.server, fresh("b@dest.test"), options=())
        assert event(n.server, held)["tls_flaw"] == "not-offered"
        to = submit(n.server, fresh("b@dest.test"), "TLS-Required: No\r\n", options=())
        wait_until(lambda: n.receiver.messages)
        assert event(n.server, to)["status"] == "delivered"
        n.publish("strict.test", "v=spf1 -all")
        strict = submit(n.server, fresh("b@strict.test"), "TLS-Required: No\r\n", options=())
        assert event(n.server, strict)["tls_flaw"] == "not-offered"
        assert len(n.receiver.messages) == 1


def test_requiretls_comes_before_tls_required_no():
    with net(LISTED, shown=None) as n:
        n.publish("sender.test", "v=spf1 -all")
        to = submit(n.server, fresh("b@dest.test"), "TLS-Required: No\r\n")
        assert event(n.server, to)["cause"] == "requiretls-unsupported"
        assert not any(c.startswith("MAIL FROM:<a@") for c in n.receiver.commands)
