"""Where mail goes by DNS: RFC 5321 5.1, 7505; temporary and permanent trouble kept apart."""
import contextlib
import datetime
import smtplib

from names import Names
from world import Goniec, Receiver, free_port, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: x\r\n\r\nbody\r\n"


@contextlib.contextmanager
def net(answers, hosts=("127.0.0.1",), more="", special="yes"):
    """A server that asks our names, and receivers on one port of the named addresses."""
    port = free_port()
    receivers = {h: Receiver(address=(h, port)) for h in hosts}
    names = Names(answers)
    server = Goniec(0, f'deliver {{ port = {port} resolvers = {{"127.0.0.1@{names.port}"}} allow_special_addresses = {special} '
                       f'connect_timeout = 3s }}\n{more}', routed=False)
    try:
        yield server, receivers, names
    finally:
        server.close()
        names.close()
        for r in receivers.values():
            r.close()


def send(server, to, n=1):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        for _ in range(n):
            s.sendmail("a@sender.test", [to], MESSAGE)


def ended(server, to):
    return server.story(to)["recipients"][0]


def failure(server, to):
    r = ended(server, to)
    assert r["status"] == "failed", r
    return r["events"][0]


def test_the_best_mail_host_is_tried_first_and_the_next_when_it_is_down():
    answers = {("dest.test", "MX"): [(20, "second.test"), (10, "first.test"), (5, "down.test")], ("first.test", "A"): ["127.0.0.2"],
               ("second.test", "A"): ["127.0.0.3"], ("down.test", "A"): ["127.0.0.4"]}
    with net(answers, ("127.0.0.2", "127.0.0.3")) as (server, receivers, _):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.2"].messages)
        assert not receivers["127.0.0.3"].messages
        assert ended(server, "b@dest.test")["events"][0]["host"] == "first.test"


def test_equal_mail_hosts_share_the_work():
    answers = {(f"d{i}.test", "MX"): [(10, "one.test"), (10, "two.test")] for i in range(24)}
    answers.update({("one.test", "A"): ["127.0.0.2"], ("two.test", "A"): ["127.0.0.3"]})
    one_each = 'lane "*" { messages_per_connection = 1 }'  # a kept connection would be used for the next domain of that host too
    with net(answers, ("127.0.0.2", "127.0.0.3"), one_each) as (server, receivers, _):
        for i in range(24):
            send(server, f"b@d{i}.test")
        wait_until(lambda: sum(len(r.messages) for r in receivers.values()) == 24)
        assert all(r.messages for r in receivers.values()), {h: len(r.messages) for h, r in receivers.items()}


def test_a_domain_without_mx_is_its_own_host():
    with net({("dest.test", "A"): ["127.0.0.1"]}) as (server, receivers, _):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)


def test_an_alias_leads_to_the_mail_host():
    answers = {("dest.test", "CNAME"): "real.test", ("real.test", "MX"): [(10, "mx.test")], ("mx.test", "CNAME"): "host.test",
               ("host.test", "A"): ["127.0.0.1"]}
    with net(answers) as (server, receivers, _):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert receivers["127.0.0.1"].messages[0][1] == ["b@dest.test"]


def test_no_address_of_the_domain_itself_is_used_when_its_mail_hosts_have_none():
    with net({("dest.test", "MX"): [(10, "gone.test")], ("dest.test", "A"): ["127.0.0.1"]}) as (server, receivers, _):
        send(server, "b@dest.test")
        assert failure(server, "b@dest.test")["cause"] == "no-mail-host"
        assert not receivers["127.0.0.1"].messages


def test_a_null_mx_and_a_missing_domain_bounce_with_codes_of_their_own():
    with net({("none.test", "MX"): [(0, ".")], ("none.test", "A"): ["127.0.0.1"]}) as (server, _, __):
        send(server, "b@none.test")
        assert failure(server, "b@none.test")["cause"] == "null-mx"
        send(server, "b@missing.test")
        assert failure(server, "b@missing.test")["cause"] == "domain-not-found"
        for domain, note, polish in (("none.test", "none.test says in DNS that it takes no mail (null MX)", "domena none.test ogłasza w DNS, że nie przyjmuje poczty"),
                                     ("missing.test", "there is no domain missing.test", "domena missing.test nie istnieje")):
            assert failure(server, "b@" + domain)["note"] == note and failure(server, "b@" + domain)["code"] == 0, domain  # no server said it
            assert polish in server.cli("why", "--lang", "pl", "b@" + domain), domain


def test_a_failing_name_server_defers_and_never_bounces():
    answers = {("bad.test", "MX"): "SERVFAIL", ("half.test", "MX"): [(10, "lost.test")], ("lost.test", "A"): "SERVFAIL",
               ("lost.test", "AAAA"): "SERVFAIL"}
    with net(answers) as (server, _, __):
        for to in ("b@bad.test", "b@half.test"):
            send(server, to)
            r = server.story(to, lambda s: s["recipients"][0]["events"])["recipients"][0]
            assert r["status"] == "deferred" and r["events"][0]["cause"] == "dns-failure", r


def test_while_dns_fails_the_pauses_grow_as_they_do_when_servers_fail():
    with net({("bad.test", "MX"): "SERVFAIL"}, more="schedule { retry_first = 2s }") as (server, _, __):
        send(server, "b@bad.test")
        events = server.story("b@bad.test", lambda s: len(s["recipients"][0]["events"]) > 1)["recipients"][0]["events"]
        waits = [(datetime.datetime.fromisoformat(e["next"]) - datetime.datetime.fromisoformat(e["time"])).total_seconds() for e in events]
        assert [e["attempt"] for e in events[:2]] == [1, 2] and waits[0] < 2.6 < 2.9 < waits[1], events


def test_a_short_lived_message_does_not_wait_for_dns_as_long_as_others():
    more = 'schedule { short_streams = {"transactional"} lifetime_short = 10s }'
    with net({("bad.test", "MX"): "SERVFAIL"}, more=more) as (server, _, __):
        send(server, "b@bad.test")
        assert failure(server, "b@bad.test")["cause"] == "dns-failure"


def test_a_silent_name_server_holds_up_nobody_else():
    answers = {("silent.test", "MX"): "silence", ("dest.test", "A"): ["127.0.0.1"]}
    with net(answers) as (server, receivers, _):
        send(server, "a@silent.test", 20)
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages, 5)


def test_one_dead_name_among_mail_hosts_does_not_matter():
    answers = {("dest.test", "MX"): [(10, "lost.test"), (20, "mx.test")], ("lost.test", "A"): "SERVFAIL", ("lost.test", "AAAA"): "SERVFAIL",
               ("mx.test", "A"): ["127.0.0.1"]}
    with net(answers) as (server, receivers, _):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)


def test_ipv6_comes_first_and_ipv4_is_the_fallback():
    answers = {("both.test", "AAAA"): ["::1"], ("both.test", "A"): ["127.0.0.1"], ("dead6.test", "AAAA"): ["2001:db8::1"],
               ("dead6.test", "A"): ["127.0.0.1"]}
    with net(answers, ("127.0.0.1", "::1")) as (server, receivers, _):
        send(server, "b@both.test")
        wait_until(lambda: receivers["::1"].messages)
        send(server, "b@dead6.test")
        wait_until(lambda: receivers["127.0.0.1"].messages, 20)


def test_mail_is_never_sent_to_this_server_itself_or_to_loopback():
    answers = {("loop.test", "MX"): [(10, "mail.goniec.test")], ("mail.goniec.test", "A"): ["127.0.0.1"],
               ("inner.test", "A"): ["127.0.0.1"], ("backup.test", "MX"): [(5, "real.test"), (10, "mail.goniec.test")],
               ("real.test", "A"): ["127.0.0.9"]}
    with net(answers, special="no") as (server, receivers, _):
        send(server, "b@loop.test")
        assert failure(server, "b@loop.test")["cause"] == "loop-to-self"
        send(server, "b@inner.test")
        assert failure(server, "b@inner.test")["cause"] == "no-mail-host"
        assert not receivers["127.0.0.1"].connections


def test_an_address_literal_is_delivered_to_directly():
    with net({}) as (server, receivers, names):
        send(server, "b@[127.0.0.1]")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert not names.asked, names.asked


def test_a_domain_is_asked_for_once_for_many_messages():
    answers = {("dest.test", "MX"): [(10, "mx.test")], ("mx.test", "A"): ["127.0.0.1"]}
    with net(answers) as (server, receivers, names):
        send(server, "b@dest.test", 100)
        wait_until(lambda: len(receivers["127.0.0.1"].messages) == 100)
        assert names.asked.count(("dest.test", "MX")) <= 2, names.asked  # once a worker at most


def test_a_rule_by_name_is_looked_up_and_goes_nowhere_else():
    answers = {("relay.test", "A"): ["127.0.0.1"]}
    receiver = Receiver()
    names = Names(answers)
    server = Goniec(0, f'deliver {{ resolvers = {{"127.0.0.1@{names.port}"}} }}\n'
                       f'route "*" {{ to = "smtp:relay.test:{receiver.port}" tls = "none" }}', routed=False)
    try:
        send(server, "b@anything.test")
        wait_until(lambda: receiver.messages)
        assert ("anything.test", "MX") not in names.asked
    finally:
        server.close()
        names.close()
        receiver.close()
