"""Name servers that fail, lie or exaggerate: what is not known defers and never bounces, what was not said is not believed, and nobody
else waits."""
import smtplib
import time

from test_dns import MESSAGE, failure, net, send
from world import wait_until

HOST = {("mx.test", "A"): ["127.0.0.1"]}


def first_event(server, to, seconds=15):
    return server.story(to, lambda s: s["recipients"][0]["events"], seconds)["recipients"][0]["events"][0]


def test_an_answer_that_cannot_be_had_defers_and_never_bounces():
    bad = {"servfail": "SERVFAIL", "refused": "REFUSED", "cut": "cut", "garbage": "garbage", "id": "foreign-id", "question": "foreign-question",
           "silent": "silence"}
    answers = {(f"{name}.test", kind): word for name, word in bad.items() for kind in ("MX", "A", "AAAA")}
    answers.update({("host.test", "MX"): [(10, f"{name}.test") for name in ("refused", "cut")],  # the host is known, its address is not
                    ("loop.test", "CNAME"): "pool.test", ("pool.test", "CNAME"): "loop.test",
                    ("self.test", "CNAME"): "self.test"})
    answers.update({(f"c{i}.test", "CNAME"): f"c{i + 1}.test" for i in range(150)})
    names = [*bad, "host", "loop", "self", "c0"]
    with net({**answers, **HOST}) as (server, _, __):
        began = time.monotonic()
        for name in names:
            send(server, f"b@{name}.test")
        for name in names:
            event = first_event(server, f"b@{name}.test", 150)
            assert (event["status"], event["cause"]) == ("deferred", "dns-failure"), (name, event)
        print(f"  all told after {time.monotonic() - began:.0f} s")


def resident(pid):
    return int(open(f"/proc/{pid}/status", encoding="utf-8").read().split("VmRSS:")[1].split()[0])


def test_two_thousand_silent_domains_hold_nobody_up():
    answers = {(f"dead{i}.test", "MX"): "silence" for i in range(2000)}
    answers.update({(f"good{i}.test", "MX"): [(10, "mx.test")] for i in range(50)})
    with net({**answers, **HOST}) as (server, receivers, names):
        engine = server.engine()
        before = resident(engine)
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            for i in range(2000):
                s.sendmail("a@sender.test", [f"b@dead{i}.test"], MESSAGE)
            began = time.monotonic()
            for i in range(50):
                s.sendmail("a@sender.test", [f"b@good{i}.test"], MESSAGE)
        wait_until(lambda: len(receivers["127.0.0.1"].messages) == 50, 30)
        waited, more = time.monotonic() - began, resident(engine) - before
        print(f"  fifty good domains behind 2,000 silent ones: {waited:.1f} s, {more} KiB more")
        assert waited < 10 and more < 100 * 1024, (waited, more)


def test_a_forged_answer_is_not_believed():
    answers = {("dest.test", "MX"): [(10, "mx.test")], **HOST}
    with net(answers, ("127.0.0.1", "127.0.0.66")) as (server, receivers, names):
        names.forged["mx.test"] = ["127.0.0.66"]
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert not receivers["127.0.0.66"].connections


def test_of_a_thousand_mail_hosts_the_best_is_found_wherever_it_stands():
    many = [(20, f"h{i}.test") for i in range(1000)]
    answers = {("dest.test", "MX"): many + [(10, "mx.test")], **{(f"h{i}.test", "A"): ["127.0.0.9"] for i in range(1000)},
               ("ours.test", "MX"): many + [(20, "mail.goniec.test")], **HOST}
    with net(answers) as (server, receivers, names):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert len(names.asked) < 200, len(names.asked)  # the best 30, for two kinds of address, by two workers; not every one
        send(server, "b@ours.test")  # we are among a thousand equals: nobody is better (RFC 5321 5.1)
        assert failure(server, "b@ours.test")["cause"] == "loop-to-self"


def test_mail_hosts_that_cannot_be_any_are_passed_over_and_no_host_at_all_bounces():
    # An address as a host name, a null MX beside others, a host that does not exist, addresses inside of this machine and its links.
    answers = {("mixed.test", "MX"): [(1, "127.0.0.5"), (2, "."), (3, "gone.test"), (10, "mx.test")],
               ("literal.test", "MX"): [(10, "127.0.0.1")],
               ("inner.test", "MX"): [(1, "in0.test"), (2, "in1.test"), (3, "in2.test"), (4, "in3.test"), (5, "in4.test")],
               ("in0.test", "A"): ["127.0.0.1"], ("in1.test", "A"): ["0.0.0.0"], ("in2.test", "A"): ["169.254.169.254"],
               ("in3.test", "AAAA"): ["::1"], ("in4.test", "AAAA"): ["::ffff:127.0.0.1"],
               ("nodata.test", "TXT"): [], ("odd.test", "MX"): [b"\0\x0a", b"\0\x0a\x3f"], **HOST}
    with net(answers) as (server, receivers, _):
        send(server, "b@mixed.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        for to in ("b@literal.test", "b@nodata.test"):
            send(server, to)
            assert failure(server, to)["cause"] == "no-mail-host", to
        send(server, "b@odd.test")  # rdata that ends too early: no answer at all
        assert first_event(server, "b@odd.test", 30)["status"] == "deferred"
    with net(answers, special="no") as (server, receivers, _):
        send(server, "b@inner.test")
        assert failure(server, "b@inner.test")["cause"] == "no-mail-host"
        assert not receivers["127.0.0.1"].connections


def test_times_to_live_of_nothing_and_of_for_ever_are_both_bounded():
    answers = {("none.test", "MX"): [(10, "mx.test")], ("ever.test", "MX"): [(10, "mx.test")], **HOST}
    with net(answers) as (server, receivers, names):
        names.ttl.update({"none.test": 0, "ever.test": 2 ** 31, "mx.test": 2 ** 32 - 1})
        for to in ("b@none.test", "b@ever.test"):
            send(server, to, 20)
        wait_until(lambda: len(receivers["127.0.0.1"].messages) == 40)
        for name in ("none.test", "ever.test"):  # a storm does not ask for each message, whatever the owner says
            assert names.asked.count((name, "MX")) <= 4, names.asked
