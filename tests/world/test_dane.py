"""DANE for SMTP (RFC 7672): TLSA records of hosts whose whole way is signed decide; what is not signed demands nothing; what cannot be
looked up safely gets nothing. Against a zone of our own that is signed, and one that is not."""
import contextlib
import urllib.request

from secure import Authority
from test_secure import event, fresh, lanes, send
from world import Goniec, Receiver, free_port, wait_until
from signed_zone import Zones


@contextlib.contextmanager
def net(test, shown, plain=(), forged=(), more="", tls="", anchored=True):
    """test, plain: records, with PORT for the receivers' port; or functions of the authority. shown: address -> the certificate shown
    there, None for no STARTTLS. Gives server, receivers, authority."""
    port, authority = free_port(), Authority()
    certificates = {a: f(authority) if f else None for a, f in shown.items()}
    receivers = {a: Receiver(address=(a, port), tls=c and c.context()) for a, c in certificates.items()}
    test = test(certificates) if callable(test) else test
    with contextlib.ExitStack() as stack:  # whatever fails to start, what has started ends
        stack.callback(authority.close)
        for r in receivers.values():
            stack.callback(r.close)
        zones = Zones([r.replace("PORT", str(port)) for r in test], plain, [(o.replace("PORT", str(port)), t) for o, t in forged])
        stack.callback(zones.close)
        anchor = f'trust_anchor = "{zones.anchor}"' if anchored else ""
        server = Goniec(0, f'deliver {{ port = {port} resolvers = {{"127.0.0.1@{zones.port}"}} allow_special_addresses = yes ipv6 = no }}\n'
                           f'tls {{ {anchor} {tls} }}\n{more}', routed=False)
        stack.callback(server.close)
        yield server, receivers, certificates


def own(*names, **how):
    return lambda a: a.issue(*names, **how)


def one(record, *more):
    """A domain with one host at 127.0.0.1 and this TLSA record."""
    return ["dest IN MX 10 mx", "mx IN A 127.0.0.1", f"_PORT._tcp.mx IN TLSA {record}", *more]


WRONG = "3 1 1 " + "ab" * 32


def delivered(server, receiver, to="b@dest.test"):
    n, to = len(receiver.messages), fresh(to)
    send(server, to)
    wait_until(lambda: len(receiver.messages) == n + 1)
    e = event(server, to)
    assert e["status"] == "delivered" and receiver.over_tls[-1], e
    return e


def refused(server, receivers, flaw, to="b@dest.test"):
    to = fresh(to)
    send(server, to)
    e = event(server, to)
    assert e["status"] == "deferred" and e["tls_policy"] == "dane" and e["tls_flaw"] == flaw, e
    assert not any(r.messages for r in receivers.values()), [r.messages for r in receivers.values()]
    return e


def test_the_hosts_own_key_is_enough_whatever_name_and_dates_its_certificate_bears():
    with net(lambda c: one(c["127.0.0.1"].tlsa()), {"127.0.0.1": own("else.test", days=-1)}) as (server, receivers, _):
        e = delivered(server, receivers["127.0.0.1"])
        assert e["tls_verified"] and e["tls_policy"] == "dane", e
        assert validated(server)


def validated(server):
    """Whether a worker that has asked gets validated answers."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.http}/metrics").read().decode()
    return any(line.startswith("goniec_dns_validated{") and line.endswith(" 1") for line in text.split("\n"))


def test_each_kind_of_usable_record_is_understood():
    kinds = [(3, 0, 1), (3, 1, 2), (3, 0, 0), (3, 1, 0), (2, 0, 1), (2, 1, 1), (2, 1, 2)]
    with contextlib.ExitStack() as stack:
        def records(certificates):
            lines = []
            for i, kind in enumerate(kinds):
                lines += [f"d{i} IN MX 10 mx{i}", f"mx{i} IN A 127.0.0.{i + 1}",
                          f"_PORT._tcp.mx{i} IN TLSA {certificates[f'127.0.0.{i + 1}'].tlsa(*kind)}"]
            return lines
        shown = {f"127.0.0.{i + 1}": own(f"mx{i}.test") for i in range(len(kinds))}
        server, receivers, _ = stack.enter_context(net(records, shown))
        for i, kind in enumerate(kinds):
            e = delivered(server, receivers[f"127.0.0.{i + 1}"], f"b@d{i}.test")
            assert e["tls_verified"] and e["tls_policy"] == "dane", (kind, e)


def test_a_certificate_that_fits_no_record_gets_nothing_though_an_authority_vouches_for_it():
    with net(one(WRONG), {"127.0.0.1": own("mx.test")}) as (server, receivers, _):
        to = refused(server, receivers, "tlsa")["to"]
        said = server.cli("why", to, "--lang", "en")
        assert "the TLSA records (DANE) of mx.test demand a certificate that fits them; it showed one for mx.test that fits none" in said
        assert "rekordy TLSA (DANE) serwera mx.test wymagają" in server.cli("why", to, "--lang", "pl")
        assert b"\tdown\t" not in lanes(server)


def test_with_the_issuers_record_name_and_dates_count():
    def records(c):
        return [line for i, d in enumerate(("good", "other", "old", "domain")) for line in (
            f"{d} IN MX 10 mx{i}", f"mx{i} IN A 127.0.0.{i + 1}", f"_PORT._tcp.mx{i} IN TLSA {c[f'127.0.0.{i + 1}'].tlsa(2, 0, 1)}")]
    shown = {"127.0.0.1": own("mx0.test"), "127.0.0.2": own("else.test"), "127.0.0.3": own("mx2.test", days=-1), "127.0.0.4": own("domain.test")}
    with net(records, shown) as (server, receivers, _):
        delivered(server, receivers["127.0.0.1"], "b@good.test")
        delivered(server, receivers["127.0.0.4"], "b@domain.test")  # the recipient's domain will do as well
        for to, flaw in (("b@other.test", "name"), ("b@old.test", "expired")):
            send(server, to)
            assert event(server, to)["tls_flaw"] == flaw
        assert not receivers["127.0.0.2"].messages and not receivers["127.0.0.3"].messages


def test_a_kept_connection_to_a_host_that_has_proved_one_domains_name_is_no_proof_for_another():
    def records(c):
        return ["one IN MX 10 mx", "two IN MX 10 mx", "mx IN A 127.0.0.1", f"_PORT._tcp.mx IN TLSA {c['127.0.0.1'].tlsa(2, 0, 1)}"]
    with net(records, {"127.0.0.1": own("one.test")}) as (server, receivers, _):
        delivered(server, receivers["127.0.0.1"], "b@one.test")  # the connection is kept
        to = fresh("b@two.test")
        send(server, to)
        e = event(server, to)
        assert e["status"] == "deferred" and e["tls_flaw"] == "name", e
        assert len(receivers["127.0.0.1"].messages) == 1


def test_a_key_is_rolled_over_under_two_records():
    with net(lambda c: one(c["127.0.0.1"].tlsa(), f"_PORT._tcp.mx IN TLSA {c['127.0.0.2'].tlsa()}"),
             {"127.0.0.1": own("mx.test"), "127.0.0.2": own("mx.test")}, more="deliver { idle = 0s }") as (server, receivers, shown):
        receiver = receivers["127.0.0.1"]
        delivered(server, receiver)
        receiver.tls = shown["127.0.0.2"].context()  # the new key
        delivered(server, receiver)
        assert receiver.connections == 2


def test_a_stripped_starttls_gets_nothing_where_there_are_records():
    with net(one(WRONG), {"127.0.0.1": None}) as (server, receivers, _):
        refused(server, receivers, "not-offered")
        assert not any(c.startswith("MAIL") for c in receivers["127.0.0.1"].commands)


def test_a_starttls_that_is_answered_with_a_refusal_gets_nothing_either():
    with net(one(WRONG), {"127.0.0.1": own("mx.test")}) as (server, receivers, _):
        receivers["127.0.0.1"].rule = lambda stage, argument: "454 4.7.0 not now" if stage == "starttls" else None
        refused(server, receivers, "refused")


def test_records_that_cannot_be_used_demand_tls_with_any_certificate():
    unusable = ("1 1 1 " + "ab" * 32, "0 0 1 " + "ab" * 32, "3 1 7 abcd", "3 1 1 abcd", "3 0 0 abcd")
    lines = [line for i, r in enumerate(unusable) for line in (f"d{i} IN MX 10 mx{i}", f"mx{i} IN A 127.0.0.1", f"_PORT._tcp.mx{i} IN TLSA {r}")]
    lines += ["clear IN MX 10 mxc", "mxc IN A 127.0.0.2", "_PORT._tcp.mxc IN TLSA " + unusable[0]]
    with net(lines, {"127.0.0.1": own("else.test", days=-1), "127.0.0.2": None}) as (server, receivers, _):
        for i in range(len(unusable)):
            assert delivered(server, receivers["127.0.0.1"], f"b@d{i}.test")["tls_policy"] == "dane"
        send(server, "b@clear.test")
        assert event(server, "b@clear.test")["tls_flaw"] == "not-offered"
        assert not receivers["127.0.0.2"].messages


def test_a_whole_certificate_with_a_key_that_nobody_knows_is_a_record_that_cannot_be_used():
    def records(c):
        good = c["127.0.0.1"].tlsa(3, 0, 0)
        assert "2a8648ce3d0201" in good
        return one(good.replace("2a8648ce3d0201", "2a8648ce3d027f", 1))
    with net(records, {"127.0.0.1": own("mx.test")}) as (server, receivers, _):
        e = delivered(server, receivers["127.0.0.1"])
        assert e["tls_policy"] == "dane" and "engine ended" not in server.log_text(), e


def test_a_forged_answer_about_records_gets_nothing_and_the_next_host_is_tried():
    lines = one(WRONG) + ["both IN MX 10 mx", "both IN MX 20 second", "second IN A 127.0.0.2"]
    with net(lines, {"127.0.0.1": None, "127.0.0.2": None}, forged=[("_PORT._tcp.mx", "TLSA")]) as (server, receivers, _):
        e = refused(server, receivers, "tlsa-unknown")
        assert e["cause"] == "dns-failure" and receivers["127.0.0.1"].connections == 0, e
        assert "cannot be looked up safely" in server.cli("why", e["to"], "--lang", "en")
        send(server, "b@both.test")  # a host without records is no worse for it
        wait_until(lambda: receivers["127.0.0.2"].messages)
        assert not receivers["127.0.0.1"].messages


def test_forged_mx_and_address_answers_defer():
    lines = ["dest IN MX 10 mx", "mx IN A 127.0.0.1", "lost IN MX 10 gone", "gone IN A 127.0.0.1"]
    with net(lines, {"127.0.0.1": None}, forged=[("dest", "MX"), ("gone", "A")]) as (server, receivers, _):
        for to in ("b@dest.test", "b@lost.test"):
            send(server, to)
            e = event(server, to)
            assert e["status"] == "deferred" and e["cause"] == "dns-failure" and "DNSSEC" in e["note"], e
        assert not receivers["127.0.0.1"].messages


def test_what_is_not_signed_demands_nothing():
    test = one(WRONG) + ["away IN MX 10 host.plain."]
    plain = ["dest IN MX 10 mx.test.", "host IN A 127.0.0.1"]
    with net(test, {"127.0.0.1": own("else.test")}, plain) as (server, receivers, _):
        for to in ("b@dest.plain", "b@away.test"):  # an unsigned MX to a signed host, and the other way round
            assert delivered(server, receivers["127.0.0.1"], to)["tls_policy"] == ""
        send(server, "b@dest.test")  # the same host, by a signed MX
        assert event(server, "b@dest.test")["tls_flaw"] == "tlsa"


def test_an_alias_is_followed_and_its_end_comes_before_its_own_name():
    def records(c):
        return ["dest IN MX 10 alias", "alias IN CNAME end", "end IN A 127.0.0.1", f"_PORT._tcp.end IN TLSA {c['127.0.0.1'].tlsa()}",
                f"_PORT._tcp.alias IN TLSA {WRONG}",
                "own IN MX 10 alias2", "alias2 IN CNAME end2", "end2 IN A 127.0.0.2", f"_PORT._tcp.alias2 IN TLSA {WRONG}",
                "half IN MX 10 alias3", "alias3 IN CNAME end.plain.", f"_PORT._tcp.alias3 IN TLSA {WRONG}"]
    with net(records, {"127.0.0.1": own("else.test"), "127.0.0.2": own("else.test")}, ["end IN A 127.0.0.2"]) as (server, receivers, _):
        assert delivered(server, receivers["127.0.0.1"])["tls_verified"]
        for to in ("b@own.test", "b@half.test"):  # none at its end; an end that is not signed
            send(server, to)
            assert event(server, to)["tls_flaw"] == "tlsa"
        assert not receivers["127.0.0.2"].messages


def test_a_domain_without_mx_is_its_own_host_with_records_too():
    with net(["dest IN A 127.0.0.1", f"_PORT._tcp.dest IN TLSA {WRONG}"], {"127.0.0.1": own("dest.test")}) as (server, receivers, _):
        refused(server, receivers, "tlsa")


def test_records_count_for_nothing_where_the_settings_say_so():
    with net(one(WRONG), {"127.0.0.1": own("mx.test")}, tls="dane = no") as (server, receivers, _):
        assert delivered(server, receivers["127.0.0.1"])["tls_policy"] == ""
    with net(one(WRONG), {"127.0.0.1": own("mx.test")}, more='route "dest.test" { to = "mx" tls = "none" }') as (server, receivers, _):
        send(server, "b@dest.test")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert receivers["127.0.0.1"].over_tls == [False]


def test_a_resolver_that_hands_on_no_signatures_stops_no_mail_unless_validation_is_demanded():
    plain = ["dest IN MX 10 mx", "mx IN A 127.0.0.1"]
    root = 'trust_anchor = "/usr/share/dns/root.key"'
    with net([], {"127.0.0.1": None}, plain, tls=root, anchored=False) as (server, receivers, _):
        send(server, "b@dest.plain")
        wait_until(lambda: receivers["127.0.0.1"].messages)
        assert "hands on no DNSSEC signatures" in server.log_text()
        assert not validated(server)
    with net([], {"127.0.0.1": None}, plain, tls=root + " dnssec_always = yes", anchored=False) as (server, receivers, _):
        send(server, "b@dest.plain")
        assert event(server, "b@dest.plain")["cause"] == "dns-failure"
        assert not receivers["127.0.0.1"].messages
