"""MTA-STS (RFC 8461): the policy that a domain's record announces is fetched over HTTPS as it must be, kept, and obeyed: against a name
server, a policy host and receivers of our own."""
import contextlib
import os
import signal
import time

from names import Names
from secure import Authority, PolicyHost, policy
from test_secure import event, fresh, lanes, send
from world import Goniec, Receiver, wait_until

RECORD = "v=STSv1; id={};"


class Net:
    """A domain dest.test with one host mx.test at 127.0.0.1; its policy and record may change as it goes."""

    def __init__(self, answer, shown=lambda a: a.issue("mx.test"), host=lambda a: a.issue("mta-sts.dest.test"), others=lambda a: {}, more=""):
        self.authority = Authority()
        self.answer = answer  # of any domain's policy host; or a function of the host's name
        self.policies = PolicyHost(host(self.authority), lambda name: self.answer(name) if callable(self.answer) else self.answer,
                                   others(self.authority))
        self.certificate = shown(self.authority) if shown else None
        self.receiver = Receiver(tls=self.certificate and self.certificate.context())
        self.names = Names({("mx.test", "A"): ["127.0.0.1"]})
        self.publish("dest.test")
        self.settings = (f'deliver {{ port = {self.receiver.port} resolvers = {{"127.0.0.1@{self.names.port}"}} allow_special_addresses = yes '
                         f'idle = 0s }}\n'
                         f'tls {{ trusted = "{self.authority.file}" policy_host = "127.0.0.1:{self.policies.port}" trust_anchor = "" }}\n{more}')
        self.server = Goniec(0, self.settings, routed=False)

    def known(self):
        try:
            return open(self.server.data + "/mta-sts", encoding="utf-8").read()
        except FileNotFoundError:
            return ""

    def publish(self, domain, *records, mx="mx.test"):
        """The domain's names: its mail host and its record, by default one that announces the policy "1"."""
        self.names.answers[(domain, "MX")] = [(10, mx)]
        self.names.answers[("_mta-sts." + domain, "TXT")] = list(records) or [RECORD.format("1")]

    def announce(self, ident):
        """The record bears another id, or is gone. (Routers remember the old one until they start again.)"""
        self.names.answers[("_mta-sts.dest.test", "TXT")] = [RECORD.format(ident)] if ident else []

    def close(self):
        self.server.close()
        self.names.close()
        self.policies.close()
        self.receiver.close()
        self.authority.close()


@contextlib.contextmanager
def net(answer, **how):
    n = Net(answer, **how)
    try:
        yield n
    finally:
        n.close()


def delivered(n, to="b@dest.test"):
    before, to = len(n.receiver.messages), fresh(to)
    send(n.server, to)
    wait_until(lambda: len(n.receiver.messages) == before + 1)
    e = event(n.server, to)
    assert e["status"] == "delivered", e
    return e


def refused(n, flaw, to="b@dest.test"):
    before, to = len(n.receiver.messages), fresh(to)
    send(n.server, to)
    e = event(n.server, to)
    assert e["status"] == "deferred" and e["cause"] == "tls-failed" and e["tls_policy"] == "sts" and e["tls_flaw"] == flaw, e
    assert len(n.receiver.messages) == before
    return e


def test_the_first_message_waits_for_the_policy_and_goes_to_a_host_that_satisfies_it():
    with net(policy()) as n:
        e = delivered(n)
        assert e["tls_policy"] == "sts" and e["tls_verified"] and n.receiver.over_tls == [True], e
        assert n.policies.asked == ["mta-sts.dest.test/.well-known/mta-sts.txt"]
        assert "dest.test\t1\t2\t" in n.known()


def test_a_certificate_for_another_name_gets_nothing_under_an_enforced_policy():
    with net(policy(), shown=lambda a: a.issue("old.test")) as n:
        to = refused(n, "name")["to"]
        assert "the domain's MTA-STS policy demands a valid certificate for mx.test; it showed one for old.test" in n.server.cli(
            "why", to, "--lang", "en")
        assert "polityka MTA-STS domeny wymaga ważnego certyfikatu dla mx.test; serwer pokazał certyfikat dla old.test" in n.server.cli(
            "why", to, "--lang", "pl")
        assert b"\tdown\t" not in lanes(n.server)


def test_expired_and_unknown_certificates_and_none_get_nothing_under_an_enforced_policy():
    for shown, flaw in ((lambda a: a.issue("mx.test", days=-1), "expired"), (None, "not-offered")):
        with net(policy(), shown=shown) as n:
            refused(n, flaw)
    stranger = Authority()
    with net(policy(), shown=lambda a: stranger.issue("mx.test")) as n:
        refused(n, "untrusted")
    stranger.close()


def test_a_host_that_the_policy_does_not_list_is_not_talked_to_and_the_listed_one_is():
    with net(policy(mx=("*.dest.test", "good.test"))) as n:
        to = refused(n, "not-listed")["to"]
        assert n.receiver.connections == 0
        assert "the domain's MTA-STS policy does not list mx.test among its mail hosts" in n.server.cli("why", to, "--lang", "en")
        assert b"\tdown\t" not in lanes(n.server)
    answers = {("dest.test", "MX"): [(10, "mx.test"), (20, "good.test")], ("good.test", "A"): ["127.0.0.1"]}
    with net(policy(mx=("good.test",)), shown=lambda a: a.issue("good.test")) as n:
        n.names.answers.update(answers)
        assert delivered(n)["host"] == "good.test"


def test_a_policy_that_is_tested_keeps_nothing_back_and_the_story_tells_what_it_would_have():
    def answer(host):
        return policy(mode="testing", mx=("other.test" if host.startswith("mta-sts.unlisted") else "*.test",))
    with net(answer, host=lambda a: a.issue(*(f"mta-sts.{d}.test" for d in ("good", "name", "unlisted", "clear")))) as n:
        shown = {"127.0.0.2": n.authority.issue("old.test"), "127.0.0.3": None}
        receivers = {a: Receiver(address=(a, n.receiver.port), tls=c and c.context()) for a, c in shown.items()} | {"127.0.0.1": n.receiver}
        n.names.answers.update({("mx2.test", "A"): ["127.0.0.2"], ("mx3.test", "A"): ["127.0.0.3"]})
        for domain, mx, address, flaw in (("good", "mx", "127.0.0.1", ""), ("name", "mx2", "127.0.0.2", "name"),
                                          ("unlisted", "mx", "127.0.0.1", "not-listed"), ("clear", "mx3", "127.0.0.3", "not-offered")):
            n.publish(domain + ".test", mx=mx + ".test")
            before = len(receivers[address].messages)
            send(n.server, f"b@{domain}.test")
            wait_until(lambda: len(receivers[address].messages) == before + 1)
            e = event(n.server, f"b@{domain}.test")
            assert e["status"] == "delivered" and e["tls_policy"] == "sts-testing" and e["tls_flaw"] == flaw, (domain, e)
        said = n.server.cli("why", "b@name.test", "--lang", "en")
        assert "which is being tested and keeps nothing back, asks for a valid certificate for mx2.test; it showed one for old.test" in said
        for a in shown:
            receivers[a].close()


def test_a_policy_of_mode_none_demands_nothing():
    with net(policy(mode="none", mx=()), shown=None) as n:
        assert delivered(n)["tls_policy"] == ""


def test_a_policy_is_not_taken_from_a_host_that_cannot_prove_itself_or_sends_something_else():
    text, plain = policy()[2], {"Content-Type": "text/plain"}
    answers = {"moved": (302, {"Location": "https://mta-sts.moved.test/other.txt", **plain}, text), "missing": (404, plain, text),
               "html": (200, {"Content-Type": "text/html"}, text), "untyped": (200, {}, text), "empty": policy(mx=()),
               "large": policy(more="filler: " + "x" * 70000), "page": (200, plain, b"<html>")}
    faulty = ("renamed", "expired", "stranger")
    stranger = Authority()

    def others(authority):
        return {"mta-sts.renamed.test": authority.issue("renamed.test"), "mta-sts.expired.test": authority.issue("mta-sts.expired.test", days=-1),
                "mta-sts.stranger.test": stranger.issue("mta-sts.stranger.test")}
    with net(lambda host: answers.get(host.split(".")[1], policy()), shown=None, others=others,
             host=lambda a: a.issue("mta-sts.good.test", *(f"mta-sts.{d}.test" for d in answers))) as n:
        for domain in (*answers, *faulty, "good"):
            n.publish(domain + ".test")
        for domain in (*answers, *faulty):
            assert delivered(n, f"b@{domain}.test")["tls_policy"] == "", domain
            assert f"the MTA-STS policy of {domain}.test is not fetched" in n.server.log_text()
        refused(n, "not-offered", "b@good.test")
        assert sorted(n.policies.asked) == sorted(f"mta-sts.{d}.test/.well-known/mta-sts.txt" for d in (*answers, "good"))
        n.server.stop()
        n.server.start()
        delivered(n, "c@missing.test")  # the failure is remembered: the host is not asked again at once
        assert len(n.policies.asked) == len(answers) + 1
    stranger.close()


def test_a_type_with_a_charset_is_text_plain_too():
    status, _, text = policy()
    with net((status, {"Content-Type": "text/plain; charset=utf-8"}, text)) as n:
        assert delivered(n)["tls_policy"] == "sts"


def test_two_records_a_bad_one_or_none_announce_no_policy():
    with net(policy(), shown=None) as n:
        n.publish("two.test", "v=STSv1; id=1;", "v=STSv1; id=2;")
        n.publish("bad.test", "v=STSv1; id=no-good;")
        n.publish("none.test", "v=spf1 -all")
        for domain in ("two", "bad", "none"):
            assert delivered(n, f"b@{domain}.test")["tls_policy"] == ""
        assert not n.policies.asked


def test_a_policy_outlives_restarts_its_record_and_its_host():
    with net(policy(), shown=lambda a: a.issue("old.test")) as n:
        refused(n, "name")
        n.server.stop()
        n.announce(None)
        n.answer = (404, {}, b"")
        n.server.start()
        refused(n, "name")
        n.server.stop()
        n.announce("2")
        n.server.start()
        refused(n, "name")  # of the new id there is none to be had
        assert len(n.policies.asked) == 2 and "dest.test\t1\t2\t" in n.known()


def test_a_new_id_brings_a_new_policy():
    with net(policy(), shown=lambda a: a.issue("old.test")) as n:
        refused(n, "name")
        n.server.stop()
        n.announce("2")
        n.answer = policy(mode="none", mx=())
        n.server.start()
        assert delivered(n)["tls_policy"] == ""
        assert "dest.test\t2\t0\t" in n.known()


def test_a_policy_that_has_expired_demands_nothing():
    with net(policy(max_age=1), shown=lambda a: a.issue("old.test")) as n:
        send(n.server, "b@dest.test")
        wait_until(lambda: "dest.test\t1\t" in n.known())
        expires = int(n.known().split("\n")[1].split("\t")[4])
        n.server.stop()
        n.announce(None)
        wait_until(lambda: time.time() > expires + 1)
        n.server.start()
        assert delivered(n, "c@dest.test")["tls_policy"] == ""


def test_without_an_office_mail_goes_on_by_what_is_known():
    with net(policy(), shown=None) as n:
        held = refused(n, "not-offered")["to"]
        office = next(p for p in n.server.children() if p != n.server.engine())
        os.kill(office, signal.SIGSTOP)
        try:
            def passes():
                """mail to a domain whose policy nobody fetches"""
                domain = f"d{len(n.names.answers)}.test"
                n.publish(domain)
                send(n.server, f"b@{domain}")
                return n.receiver.messages
            wait_until(passes, every=0.5)  # at first the office is believed to be at work
        finally:
            os.kill(office, signal.SIGCONT)
        n.server.cli("queue", "retry", "all")
        wait_until(lambda: len(n.server.story(held, lambda s: len(s["recipients"][0]["events"]) >= 3)["recipients"][0]["events"]) >= 3)
        assert all(rcpts != [held] for _, rcpts, _ in n.receiver.messages)


def test_a_damaged_list_stops_no_mail_and_is_made_anew():
    with net(policy(), shown=lambda a: a.issue("mx.test")) as n:
        delivered(n)
        n.server.stop()
        with open(n.server.data + "/mta-sts", "w", encoding="utf-8") as f:
            f.write("goniec MTA-STS policies 1\ndest.test\tcut")
        n.server.start()
        assert delivered(n)["tls_policy"] == "sts"
        wait_until(lambda: "dest.test\t1\t2\t" in n.known())
        assert "damaged" in n.server.log_text()


def test_a_silent_policy_host_holds_up_its_own_domain_alone():
    with net(policy(), shown=None) as n:
        hold = Receiver(rule=lambda stage, argument: "stall")  # takes the connection and says nothing in TLS
        n.server.stop()
        n.server.write_config(n.settings.replace(str(n.policies.port), str(hold.port)))
        n.server.start()
        n.names.answers[("free.test", "MX")] = [(10, "mx.test")]
        send(n.server, "b@dest.test")
        send(n.server, "b@free.test")
        wait_until(lambda: n.receiver.messages)
        assert n.receiver.messages[0][1] == ["b@free.test"] and len(n.receiver.messages) == 1
        hold.close()
