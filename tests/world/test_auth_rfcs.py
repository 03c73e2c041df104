"""What the RFCs of SPF, DKIM, DMARC, ARC and Authentication-Results demand and implementations most often get wrong, clause by clause.
Signatures are made by another implementation (python3-dkim)."""
import base64
import hashlib
import re

from zones import envelope, key_pair, needs_dkim, shared

TEXT = b"From: A <a@shop.test>\r\nTo: b@dest.test\r\nSubject: one\r\nX-Note: first\r\nX-Note: second\r\n\r\nbody\r\n"


# ---- SPF (RFC 7208) ----

def spf(answers, client_ip="192.0.2.1", helo="client.test", mail_from="a@shop.test"):
    """The result, and the questions asked."""
    got = shared().judge(answers, *envelope(client_ip, helo, mail_from))["spf"]
    return got, list(shared().all[0].asked)


def record(text, **others):
    answers = {("shop.test", "TXT"): [text]}
    for name, values in others.items():
        kind, _, host = name.partition("_")
        answers[(host.replace("__", "-").replace("_", ".") + ".test", kind)] = values
    return answers


def test_spf_asks_for_txt_records_alone():
    got, asked = spf(record("v=spf1 ip4:192.0.2.0/24 -all"))
    assert got["result"] == "pass" and {kind for _, kind in asked} == {"TXT"}, asked


def test_spf_ten_terms_may_ask_dns_and_no_more():
    found = {("x.test", "A"): ["198.51.100.1"]}
    for n, wanted in ((10, "fail"), (11, "permerror")):
        got, _ = spf({**record("v=spf1 " + "a:x.test " * n + "-all"), **found})
        assert got["result"] == wanted, (n, got)
    redirected = {**record("v=spf1 " + "a:x.test " * 10 + "redirect=x.test"), **found}  # redirect counts too
    assert spf(redirected)[0]["result"] == "permerror"


def test_spf_two_lookups_may_find_nothing_and_no_more():
    for n, wanted in ((2, "fail"), (3, "permerror")):
        got, _ = spf(record("v=spf1 " + " ".join(f"a:none{i}.test" for i in range(n)) + " -all"))
        assert got["result"] == wanted, (n, got)


def test_spf_a_domain_may_have_ten_mail_hosts_and_no_more():
    hosts = {(f"mx{i}.test", "A"): ["192.0.2.1" if i == 9 else "198.51.100.1"] for i in range(11)}
    for n, wanted in ((10, "pass"), (11, "permerror")):
        got, _ = spf({**record("v=spf1 mx -all"), **hosts, ("shop.test", "MX"): [(10, f"mx{i}.test") for i in range(n)]})
        assert got["result"] == wanted, (n, got)


def test_spf_of_an_addresss_names_ten_are_looked_at():
    names = [f"n{i}.shop.test" for i in range(25)]
    answers = {**record("v=spf1 ptr -all"), ("1.2.0.192.in-addr.arpa", "PTR"): names, **{(n, "A"): ["198.51.100.1"] for n in names}}
    got, asked = spf(answers)
    assert got["result"] == "fail" and len([n for n, kind in asked if kind == "A"]) == 10, asked
    answers[(names[0], "A")], answers[("1.2.0.192.in-addr.arpa", "PTR")] = ["192.0.2.1"], names[:10]
    assert spf(answers)[0]["result"] == "pass"


def test_spf_two_records_are_an_error_and_other_text_beside_one_is_not():
    assert spf({("shop.test", "TXT"): ["v=spf1 +all", "v=spf1 -all"]})[0]["result"] == "permerror"
    assert spf({("shop.test", "TXT"): ["v=spf10 -all", "something else", "v=spf1 +all"]})[0]["result"] == "pass"


def test_spf_what_an_include_and_a_redirect_find_is_mapped():
    inner = {"+all": ("pass", "pass"), "-all": ("neutral", "fail"), "~all": ("neutral", "softfail"), "?all": ("neutral", "neutral"),
             "broken:": ("permerror", "permerror"), None: ("permerror", "permerror")}
    for terms, (included, redirected) in inner.items():
        there = {("inc.test", "TXT"): [f"v=spf1 {terms}"]} if terms else {("inc.test", "A"): ["192.0.2.9"]}
        assert spf({**record("v=spf1 include:inc.test ?all"), **there})[0]["result"] == included, terms
        assert spf({**record("v=spf1 redirect=inc.test"), **there})[0]["result"] == redirected, terms
    silent = {("inc.test", "TXT"): "SERVFAIL"}
    assert spf({**record("v=spf1 include:inc.test ?all"), **silent})[0]["result"] == "temperror"


def test_spf_macros_are_expanded_and_escaped():
    answers = {**record("v=spf1 exists:%{ir}.%{l1r+}.%{d2}.seen.test -all exp=%{d}.why.test"),
               ("1.2.0.192.strong.shop.test.seen.test", "A"): ["127.0.0.2"]}
    assert spf(answers, mail_from="odd+strong@shop.test")[0]["result"] == "fail"  # l1r+: turned round, the rightmost part
    answers = {**record("v=spf1 exists:%{ir}.%{l1r+}.%{d2}.seen.test -all exp=%{d}.why.test"),
               ("1.2.0.192.strong.shop.test.seen.test", "A"): ["127.0.0.2"],
               ("shop.test.why.test", "TXT"): ["%{i} %{L}%_%{h}%% %{c} %{p}"]}
    assert spf(answers, mail_from="strong+odd@shop.test")[0]["result"] == "pass"
    got, _ = spf(answers, mail_from="we/ak@shop.test")
    assert got["explanation"] == "192.0.2.1 we%2Fak client.test% 192.0.2.1 unknown", got


def test_spf_a_mapped_address_is_an_ipv4_address():
    assert spf(record("v=spf1 ip4:192.0.2.1 -all"), client_ip="::ffff:192.0.2.1")[0]["result"] == "pass"
    assert spf(record("v=spf1 ip6:::ffff:192.0.2.1 -all"), client_ip="::ffff:192.0.2.1")[0]["result"] == "fail"


def test_spf_the_null_sender_is_postmaster_at_the_clients_name():
    answers = {("client.test", "TXT"): ["v=spf1 exists:%{l}.%{o}.seen.test -all"], ("postmaster.client.test.seen.test", "A"): ["127.0.0.2"]}
    got, _ = spf(answers, mail_from="<>")
    assert got["result"] == "pass" and got["domain"] == "client.test", got


# ---- DKIM (RFC 6376, 8301, 8463) ----

class Signer:
    def __init__(self, bits=2048):
        self.dkim = needs_dkim()
        self.private, self.record = key_pair(bits)
        self.algorithm = b"rsa-sha256" if bits else b"ed25519-sha256"
        self.answers = {("s._domainkey.shop.test", "TXT"): [self.record]}

    def sign(self, text=TEXT, domain=b"shop.test", include=(b"From", b"Subject"), canon=(b"relaxed", b"relaxed"), identity=None):
        return self.dkim.sign(text, b"s", domain, self.private, identity=identity, canonicalize=canon, include_headers=list(include),
                              signature_algorithm=self.algorithm) + text

    def judge(self, text):
        """[(result, reason)] of each signature from the top."""
        return [(d["result"], d["reason"]) for d in shared().judge(self.answers, "-", input=text)["dkim"]]

    def is_good(self, text):
        (result, _), = self.judge(text)
        return result == "pass"


def test_dkim_fields_are_taken_from_the_bottom_and_what_is_absent_counts_as_nothing():
    s = Signer()
    signed = s.sign(include=(b"From", b"X-Note", b"Cc"))
    assert s.is_good(signed) and s.is_good(signed.replace(b"X-Note: first", b"X-Note: other"))  # the lowest is the one that is signed
    assert not s.is_good(signed.replace(b"X-Note: second", b"X-Note: other"))
    assert not s.is_good(signed.replace(b"To:", b"Cc: new@dest.test\r\nTo:"))  # named though it was not there: none may be added
    twice = s.sign(include=(b"From", b"X-Note", b"X-Note", b"X-Note"))
    assert s.is_good(twice) and not s.is_good(twice.replace(b"X-Note: first", b"X-Note: other"))


def test_dkim_the_value_of_b_is_left_out_exactly():
    s = Signer()
    for canon in ((b"relaxed", b"relaxed"), (b"simple", b"simple")):
        signed = s.sign(canon=canon)
        head, value = re.match(rb"(.*?\bb=)([A-Za-z0-9+/=\s]+)\r\n(?=From)", signed, re.S).groups()
        spread = b"\r\n\t ".join(re.sub(rb"\s", b"", value)[i:i + 20] for i in range(0, 344, 20))
        assert s.is_good(head + b" \r\n " + spread + b"\r\n" + TEXT), canon  # white space within it does not matter
        assert not s.is_good(signed.replace(b" bh=", b"  bh=" if canon[0] == b"simple" else b" z=x; bh=")), canon


def test_dkim_relaxed_forgives_white_space_and_simple_does_not():
    s = Signer()
    odd = TEXT.replace(b"Subject: one", b"SUBJECT:   one  ").replace(b"body\r\n", b"body \t\r\n")
    relaxed, simple = s.sign(), s.sign(canon=(b"simple", b"simple"))
    assert s.is_good(relaxed.replace(TEXT, odd)) and not s.is_good(simple.replace(TEXT, odd))
    assert not s.is_good(relaxed.replace(b"body\r\n", b"bo dy\r\n"))


def test_dkim_an_empty_body_is_one_newline_when_simple_and_nothing_when_relaxed():
    s = Signer()
    head = TEXT[:-len(b"body\r\n")]
    for canon, body in ((b"simple", b"\r\n"), (b"relaxed", b"")):
        for empty in (b"", b"\r\n", b"\r\n\r\n"):
            signed = s.sign(head + empty, canon=(b"relaxed", canon))
            assert base64.b64encode(hashlib.sha256(body).digest()) in re.sub(rb"\s", b"", signed.split(b"From")[0]), (canon, empty)
            assert s.is_good(signed) and s.is_good(signed + b"\r\n\r\n"), (canon, empty)


def test_dkim_a_signature_must_cover_from():
    s = Signer()
    signed = s.sign()
    bare = re.sub(rb"h=From : Subject", b"h=Subject", signed, flags=re.I)
    assert bare != signed
    (result, reason), = s.judge(bare)
    assert result == "permerror" and "From" in reason, reason


def test_dkim_short_keys_and_sha1_do_not_count():
    for bits, wanted in ((1024, "pass"), (768, "fail")):
        s = Signer(bits)
        assert s.judge(s.sign())[0][0] == wanted, bits
    s = Signer()
    s.algorithm = b"rsa-sha1"
    (result, reason), = s.judge(s.sign())
    assert result == "permerror" and "SHA-1" in reason, reason


def test_dkim_an_ed25519_key_is_its_32_bytes():
    s = Signer(0)
    signed = s.sign()
    assert s.is_good(signed) and not s.is_good(signed.replace(b"body", b"bode"))
    raw = base64.b64decode(s.record.split("p=")[1])
    der = bytes.fromhex("302a300506032b6570032100") + raw
    for wrong in (der, raw[:-1], raw + b"\0"):
        s.answers[("s._domainkey.shop.test", "TXT")] = ["v=DKIM1; k=ed25519; p=" + base64.b64encode(wrong).decode()]
        assert s.judge(signed)[0][0] == "permerror"


def test_dkim_the_strings_of_a_key_record_are_joined():
    s = Signer()
    s.answers[("s._domainkey.shop.test", "TXT")] = [[s.record[:7], s.record[7:200], s.record[200:]]]
    assert s.is_good(s.sign())


def test_dkim_an_empty_key_is_a_revoked_one():
    s = Signer()
    s.answers[("s._domainkey.shop.test", "TXT")] = ["v=DKIM1; p="]
    assert s.judge(s.sign()) == [("permerror", "the key was revoked")]


def test_dkim_an_identity_lies_within_its_domain_and_a_strict_key_is_for_that_alone():
    s = Signer()
    assert s.is_good(s.sign(identity=b"a@sub.shop.test"))
    outside = s.sign(identity=b"a@sub.shop.test").replace(b"sub.shop.test;", b"sub.other.test;", 1)
    assert s.judge(outside) == [("permerror", "its identity is not within its domain")], s.judge(outside)
    s.answers[("s._domainkey.shop.test", "TXT")] = [s.record + "; t=s"]
    assert s.is_good(s.sign(identity=b"a@shop.test"))
    assert s.judge(s.sign(identity=b"a@sub.shop.test"))[0][0] == "permerror"


def test_dkim_signatures_are_judged_one_by_one():
    s = Signer()
    good = s.sign()
    bad = good.split(b"From")[0].replace(b"d=shop.test", b"d=other.test")
    assert [r for r, _ in s.judge(bad + good)] == ["permerror", "pass"]
    assert [r for r, _ in s.judge(s.sign(good) [:-3] + b"x\r\n")] == ["fail", "fail"]


# ---- DMARC (RFC 9989) ----

def dmarc(answers, author="shop.test", mail_from="a@elsewhere.test"):
    got = shared().judge({**answers, ("elsewhere.test", "TXT"): ["v=spf1 +all"]}, "-", *envelope("192.0.2.1", "client.test", mail_from),
                         input=f"From: a@{author}\r\n\r\n".encode())["dmarc"]
    return got, [name for name, kind in shared().all[0].asked if kind == "TXT" and name.startswith("_dmarc.")]


def policies(**at):
    return {(f"_dmarc.{name.replace('_', '.')}", "TXT"): [text] for name, text in at.items()}


def test_dmarc_walks_up_the_tree_with_eight_questions_at_most_and_no_list():
    deep = "a.b.c.d.e.f.g.h.i.j.shop.test"
    got, asked = dmarc(policies(shop_test="v=DMARC1; p=reject"), deep)
    walk = [f"_dmarc.{deep}"] + ["_dmarc." + ".".join(deep.split(".")[-n:]) for n in range(7, 0, -1)]
    assert asked[:8] == walk and got["result"] == "fail" and got["policy"] == "reject" and got["domain"] == "shop.test", (asked, got)


def test_dmarc_a_name_that_does_not_exist_has_np_and_a_subdomain_sp():
    answers = {**policies(shop_test="v=DMARC1; p=none; sp=quarantine; np=reject"), ("there.shop.test", "A"): ["192.0.2.7"]}
    assert [dmarc(answers, d)[0]["policy"] for d in ("shop.test", "there.shop.test", "not.shop.test")] == ["none", "quarantine", "reject"]


def test_dmarc_psd_ends_the_organisation():
    answers = {**policies(test="v=DMARC1; p=reject; psd=y", shop_test="v=DMARC1; p=none"), ("mail.shop.test", "TXT"): ["v=spf1 +all"],
               ("other.test", "TXT"): ["v=spf1 +all"]}
    assert dmarc(answers, mail_from="a@mail.shop.test")[0]["aligned"]["spf"] and not dmarc(answers, mail_from="a@other.test")[0]["aligned"]["spf"]
    answers = {**policies(unit_shop_test="v=DMARC1; p=none; psd=n", shop_test="v=DMARC1; p=none"), ("shop.test", "TXT"): ["v=spf1 +all"]}
    assert not dmarc(answers, "unit.shop.test", "a@shop.test")[0]["aligned"]["spf"]


def test_dmarc_on_trial_is_one_step_milder_and_what_is_gone_is_passed_over():
    for text, wanted in (("p=reject; t=y", "quarantine"), ("p=quarantine; t=y", "none"), ("p=reject; t=n", "reject"), ("p=reject; pct=0; rf=x; ri=1", "reject")):
        assert dmarc(policies(shop_test="v=DMARC1; " + text))[0]["policy"] == wanted, text


def test_dmarc_a_record_without_a_policy_but_with_a_report_address_asks_for_none():
    assert dmarc(policies(shop_test="v=DMARC1; rua=mailto:r@shop.test"))[0]["policy"] == "none"
    assert dmarc(policies(shop_test="v=DMARC1; sp=reject"))[0]["result"] == "none"


def test_dmarc_the_version_is_read_as_it_is_written():
    for text in ("v=dmarc1; p=reject", "V=DMARC1; p=reject", "p=reject; v=DMARC1", "v=DMARC10; p=reject"):
        assert dmarc(policies(shop_test=text))[0]["result"] == "none", text
    assert dmarc(policies(shop_test="v = DMARC1 ; p = reject"))[0]["policy"] == "reject"


def test_dmarc_what_might_have_passed_had_dns_answered_has_not_failed():
    lost = {("sub.shop.test", "TXT"): "SERVFAIL"}
    for mail_from, wanted in (("a@sub.shop.test", "temperror"), ("a@lost.test", "fail")):  # another's trouble is no excuse
        got = shared().judge({**policies(shop_test="v=DMARC1; p=reject"), **lost, ("lost.test", "TXT"): "SERVFAIL"}, "-",
                             *envelope("192.0.2.1", "c.test", mail_from), input=b"From: a@shop.test\r\n\r\n")
        assert got["spf"]["result"] == "temperror" and got["dmarc"]["result"] == wanted, got


# ---- ARC (RFC 8617) ----

def test_arc_a_chain_needs_all_its_seals_and_the_newest_message_signature():
    dkim = needs_dkim()
    private, public = key_pair()
    answers = {("s._domainkey.us.test", "TXT"): [public]}

    def seal(text, cv):
        text = b"Authentication-Results: us.test; arc=" + cv + b"\r\n" + re.sub(rb"(?m)^Authentication-Results:.*\r\n", b"", text)
        return b"".join(dkim.arc_sign(text, b"s", b"us.test", private, b"us.test", include_headers=[b"from", b"subject"])) + text

    def cv(text):
        return shared().judge(answers, "-", input=text)["arc"]["cv"]

    one = seal(TEXT, b"none")
    changed = one.replace(b"Subject: one", b"Subject: [list] one")
    assert [cv(t) for t in (TEXT, one, changed)] == ["none", "pass", "fail"]
    two = seal(one, b"pass")
    assert cv(two) == "pass"
    first = two.index(b"ARC-Seal", 10)
    for field in (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"):  # the older set's: any change breaks a seal
        at = two.index(field, first)
        assert cv(two[:at] + two[at:].replace(b"us.test", b"as.test", 1)) == "fail", field
        end = re.compile(rb"\r\n(?![ \t])").search(two, at).end()
        assert cv(two[:at] + two[end:]) == "fail", field


# ---- the words of RFC 8601 ----

def test_results_are_told_in_the_words_of_rfc_8601():
    words = {"none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"}
    text = b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.test; s=s; h=from; bh=x; b=x\r\n" + TEXT
    got = shared().judge({}, "-", *envelope("192.0.2.1", "c.test", "a@shop.test"), input=text)
    assert list(got) == ["spf", "dkim", "dmarc", "arc"] and list(got["spf"]) == ["result", "explanation", "domain", "steps"], got
    assert list(got["dkim"][0]) == ["domain", "selector", "algorithm", "result", "reason"], got
    assert list(got["dmarc"]) == ["result", "domain", "policy", "aligned"] and list(got["arc"]) == ["cv", "reason"], got
    assert {got["spf"]["result"], got["dkim"][0]["result"], got["dmarc"]["result"], got["arc"]["cv"]} <= words, got
