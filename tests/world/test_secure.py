"""What the settings demand of a connection: nothing is sent to a host that does not satisfy it, the story says what was demanded and
what came, and one domain's demand is not another's."""
import contextlib
import itertools
import smtplib
import socket

from names import Names
from secure import Authority
from world import Goniec, Receiver, free_port, wait_until


def message(to):
    return f"From: a@sender.test\r\nTo: {to}\r\nSubject: x\r\n\r\nbody\r\n".encode()


@contextlib.contextmanager
def net(answers, hosts, more=""):
    """A server that asks our names; hosts: address -> the certificate shown there (None: no STARTTLS). Gives it, the receivers by
    address and the authority; a certificate may be a function of the authority."""
    port, authority = free_port(), Authority()
    receivers = {}
    for address, shown in hosts.items():
        shown = shown(authority) if shown else None
        receivers[address] = Receiver(address=(address, port), tls=shown and shown.context())
    names = Names(answers)
    server = Goniec(0, f'deliver {{ port = {port} resolvers = {{"127.0.0.1@{names.port}"}} allow_special_addresses = yes }}\n'
                       f'tls {{ trusted = "{authority.file}" }}\n{more}', routed=False)
    try:
        yield server, receivers
    finally:
        server.close()
        names.close()
        for r in receivers.values():
            r.close()
        authority.close()


def send(server, *to):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        s.sendmail("a@sender.test", list(to), message(to[0]))


def event(server, to):
    """The first thing that happened to the newest message for the address."""
    r = server.story(to, lambda s: s["recipients"][0]["events"])["recipients"][0]
    return r["events"][0] | {"to": to}


numbers = itertools.count()


def fresh(to):
    """Another address of the domain, so that no story is taken for an older one."""
    return f"r{next(numbers)}@{to.split('@')[-1]}"


def lanes(server):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(server.data + "/run/engine.sock")
        s.sendall(b"lanes\n")
        return s.makefile("rb").read()


ONE = {("dest.test", "MX"): [(10, "mx.test")], ("mx.test", "A"): ["127.0.0.1"]}


def demanded(tls, shown, flaw, words):
    """Mail to a host with that certificate under the demand: what is wrong, and what the story says."""
    with net(ONE, {"127.0.0.1": shown}, f'route "*" {{ to = "mx" tls = "{tls}" }}') as (server, receivers):
        send(server, "b@dest.test")
        e = event(server, "b@dest.test")
        if not flaw:
            assert e["status"] == "delivered" and receivers["127.0.0.1"].over_tls == [True], e
            return
        assert e["status"] == "deferred" and e["cause"] == "tls-failed" and e["tls_flaw"] == flaw, e
        assert e["tls_policy"] == "settings" and not receivers["127.0.0.1"].messages, e
        assert not any(c.startswith("MAIL") for c in receivers["127.0.0.1"].commands)
        for lang, sentence in words.items():
            assert sentence in server.cli("why", "b@dest.test", "--lang", lang), server.cli("why", "b@dest.test", "--lang", lang)


def test_a_valid_certificate_for_the_host_satisfies_all_demands():
    demanded("verified", lambda a: a.issue("mx.test"), "", {})


def test_a_certificate_for_another_name_is_told_with_both_names_in_both_languages():
    demanded("verified", lambda a: a.issue("old.test", "older.test"), "name", {
        "en": "this server's settings demand a valid certificate for mx.test; it showed one for old.test, older.test",
        "pl": "ustawienia tego serwera wymagają ważnego certyfikatu dla mx.test; serwer pokazał certyfikat dla old.test, older.test"})


def test_an_expired_certificate_is_not_valid():
    demanded("verified", lambda a: a.issue("mx.test", days=-1), "expired", {"en": "is not valid at this time", "pl": "jest teraz nieważny"})


def test_a_certificate_of_a_stranger_authority_is_not_valid():
    stranger = Authority()
    demanded("verified", lambda a: stranger.issue("mx.test"), "untrusted", {"en": "not signed by an authority that is trusted here"})
    stranger.close()


def test_a_host_without_tls_gets_nothing_where_it_is_required():
    demanded("required", None, "not-offered", {
        "en": "this server's settings demand an encrypted connection to mx.test; it does not offer TLS",
        "pl": "ustawienia tego serwera wymagają szyfrowanego połączenia z mx.test; serwer nie oferuje TLS"})


def test_any_certificate_will_do_where_only_encryption_is_required():
    demanded("required", lambda a: a.issue("other.test", days=-1), "", {})


def test_the_next_host_is_tried_when_the_first_does_not_satisfy_the_demand():
    answers = {("dest.test", "MX"): [(10, "bad.test"), (20, "good.test")], ("bad.test", "A"): ["127.0.0.2"], ("good.test", "A"): ["127.0.0.3"]}
    hosts = {"127.0.0.2": lambda a: a.issue("else.test"), "127.0.0.3": lambda a: a.issue("good.test")}
    with net(answers, hosts, 'route "*" { to = "mx" tls = "verified" }') as (server, receivers):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.3"].messages)
        assert not receivers["127.0.0.2"].messages
        e = event(server, "b@dest.test")
        assert e["host"] == "good.test" and e["tls_flaw"] == "" and e["tls_verified"], e


def test_a_domain_with_a_demand_that_fails_harms_no_other_of_its_site_not_even_in_one_message():
    answers = {(f"{d}.test", "MX"): [(10, "mx.test")] for d in ("strict", "plain")} | {("mx.test", "A"): ["127.0.0.1"]}
    with net(answers, {"127.0.0.1": lambda a: a.issue("else.test")}, 'route "strict.test" { to = "mx" tls = "verified" }') as (server, receivers):
        for _ in range(3):
            send(server, "b@strict.test", "b@plain.test")
        receiver = receivers["127.0.0.1"]
        wait_until(lambda: len(receiver.messages) == 3)
        assert all(rcpts == ["b@plain.test"] for _, rcpts, _ in receiver.messages), receiver.messages
        assert receiver.over_tls == [True] * 3  # opportunistic, with whatever certificate
        assert event(server, "b@strict.test")["tls_flaw"] == "name"
        assert b"\topen\t" in lanes(server) and b"\tdown\t" not in lanes(server)


def test_a_kept_connection_serves_another_domain_only_if_it_satisfies_that_ones_demand():
    answers = {(f"{d}.test", "MX"): [(10, "mx.test")] for d in ("strict", "plain", "clear")} | {("mx.test", "A"): ["127.0.0.1"]}
    rules = 'route "strict.test" { to = "mx" tls = "verified" }\nroute "clear.test" { to = "mx" tls = "none" }\n'
    with net(answers, {"127.0.0.1": lambda a: a.issue("mx.test")}, rules + "deliver { idle = 60s }") as (server, receivers):
        receiver = receivers["127.0.0.1"]

        def deliver(domain):
            n = len(receiver.messages)
            send(server, f"b@{domain}.test")
            wait_until(lambda: len(receiver.messages) == n + 1)
            event(server, f"b@{domain}.test")
            return receiver.connections, receiver.over_tls[-1]

        assert deliver("clear") == (1, False)
        assert deliver("plain") == (2, True)  # it would have had TLS if the other had not forbidden it
        assert deliver("strict") == (2, True)  # the certificate was good, though nobody had demanded that
        assert deliver("plain") == (2, True)
