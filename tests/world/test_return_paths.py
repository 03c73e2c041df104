"""What comes back: mail leaves with a return path of its own for each recipient, and what a receiver sends there later is part of the
story of that message and recipient, and of no other."""
import gzip
import json
import os
import re
import signal
import smtplib
import time

from names import Names
from test_reports import TLS, mail, report as aggregate
from test_signing import Signed, message
from test_suppression import listed, why
from world import Goniec, Receiver, wait_until

TOKEN = re.compile(r"b[0-9a-z]-[0-9a-hjkmnp-tv-z]{26}-[0-9a-hjkmnp-tv-z]{4}-[0-9a-hjkmnp-tv-z]{16}@bounces\.shop\.test$")
UNKNOWN = "550 5.1.1 <{0}>: Recipient address rejected: User unknown in virtual mailbox table"


class Shop(Signed):
    """A server whose domain shop.test has a return path in use. Clients come from 127.0.0.2, other servers from 127.0.0.1."""

    def __init__(self, more="", rule=None):
        self.names = Names({("mail.goniec.test", "A"): ["192.0.2.1"]})
        self.receiver = Receiver(rule)
        self.server = Goniec(self.receiver.port, more=self.settings(more), trusted=False)
        self.add("shop.test")
        assert self.check("shop.test")["ready"]

    @staticmethod
    def settings(more):
        return 'trusted_networks = {"127.0.0.2/32"}\n' + more

    def client(self):
        return smtplib.SMTP("127.0.0.1", self.server.mx, timeout=20, source_address=("127.0.0.2", 0))

    def write(self, *rcpts, text=None, sender="a@shop.test", arrive=None):
        """Sends one message; the return path that each recipient's copy left with, once all (or so many) have arrived."""
        before = len(self.receiver.messages)
        with self.client() as s:
            s.sendmail(sender, list(rcpts), text or message())
        wait_until(lambda: sum(len(m[1]) for m in self.receiver.messages[before:]) == (arrive or len(rcpts)))
        return {r: m[0] for m in self.receiver.messages[before:] for r in m[1]}

    def come_back(self, to, text, sender=""):
        """Hands a mail to port 25 as another server would; the reply to RCPT, or to the content."""
        with smtplib.SMTP("127.0.0.1", self.server.mx, timeout=20) as s:
            s.ehlo("mx.dest.test")
            s.mail(sender)
            code, said = s.rcpt(to)
            if code == 250:
                code, said = s.data(text.encode())
            return f"{code} {said.decode()}"

    def events(self, rcpt, status):
        """The recipient of the newest message to it, once it has an event of that status."""
        story = self.server.story(rcpt, lambda s: any(e["status"] == status for r in s["recipients"] if r["address"] == rcpt for e in r["events"]))
        return next(r for r in story["recipients"] if r["address"] == rcpt)


def report(to, rcpt, said=UNKNOWN, action="failed", status="5.1.1", subject="Undelivered Mail Returned to Sender"):
    """A delivery report in the manner of Postfix."""
    said = said.format(rcpt)
    return f"""From: MAILER-DAEMON@mx.dest.test (Mail Delivery System)
To: {to}
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4D1F.1764/mx.dest.test"
Message-Id: <20261125.4D1F@mx.dest.test>

This is a MIME-encapsulated message.

--4D1F.1764/mx.dest.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.dest.test.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<{rcpt}>: host store.dest.test[192.0.2.7] said: {said} (in reply to RCPT TO command)

--4D1F.1764/mx.dest.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.dest.test
X-Postfix-Sender: rfc822; {to}

Final-Recipient: rfc822; {rcpt}
Original-Recipient: rfc822;{rcpt}
Action: {action}
Status: {status}
Remote-MTA: dns; store.dest.test
Diagnostic-Code: smtp; {said}

--4D1F.1764/mx.dest.test
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <{to}>
From: A <a@shop.test>
Subject: x

--4D1F.1764/mx.dest.test--
""".replace("\n", "\r\n")


def complaint(to, rcpt, mail_from, kind="abuse"):
    return f"""From: feedback@isp.test
To: {to}
Subject: FW: x
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain

This is an email abuse report.

--part
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{mail_from}>
Original-Rcpt-To: <{rcpt}>

--part
Content-Type: message/rfc822

From: A <a@shop.test>
To: <{rcpt}>
Subject: x

body
--part--
""".replace("\n", "\r\n")


def vacation(to):
    return f"From: b@dest.test\r\nTo: {to}\r\nSubject: Out of office: x\r\nAuto-Submitted: auto-replied\r\n\r\nI am away until Monday.\r\n"


def waiting(w):
    """Files of mails that came back and have not been read."""
    box = os.path.join(w.server.data, "inbound")
    return [n for d in ("new", "cur", "tmp") if os.path.isdir(os.path.join(box, d)) for n in os.listdir(os.path.join(box, d))]


def test_each_recipient_has_a_return_path_and_a_bounce_to_it_is_told_in_its_story_alone():
    w = Shop()
    try:
        paths = w.write("r0@dest.test", "Dead@dest.test", "r2@dest.test")
        assert len(set(paths.values())) == 3 and all(TOKEN.match(p) for p in paths.values()), paths
        assert b"From: A <a@shop.test>" in w.receiver.messages[-1][2]
        said = w.come_back(paths["Dead@dest.test"].upper(), report(paths["Dead@dest.test"], "dead@dest.test"))
        assert said.startswith("250 2.0.0"), said
        got = w.events("Dead@dest.test", "bounced")
        assert got["status"] == "bounced" and [e["status"] for e in got["events"]] == ["delivered", "bounced"], got
        event = got["events"][1]
        assert (event["code"], event["enhanced"], event["cause"], event["host"]) == (550, "5.1.1", "user-unknown", "store.dest.test"), event
        story = w.server.story("Dead@dest.test")
        assert [r["status"] for r in story["recipients"]] == ["delivered", "bounced", "delivered"], story
        for lang, words in (("en", ("came back: not delivered after all", "a bounce came back", "whose doing: the recipient", "what to do: ")),
                            ("pl", ("wróciła: jednak niedoręczona", "przyszedł zwrot", "po czyjej stronie: odbiorca", "co zrobić: "))):
            text = w.server.cli("why", "--lang", lang, "Dead@dest.test")
            assert all(x in text for x in words) and "User unknown in virtual mailbox table" in text, text
        entry = wait_until(lambda: listed(w.server))[0]
        assert entry["email"] == "dead@dest.test" and entry["reason"] == "hardbounce" and entry["message"] == story["id"], entry
        assert "User unknown" in entry["text"] and "(store.dest.test, DSN; user-unknown " in entry["text"], entry
        wait_until(lambda: why(w.server, "dead@dest.test")["blocked"])
        wait_until(lambda: not waiting(w))
        text = w.server.cli("suppression", "why", "--lang", "pl", "dead@dest.test")
        assert "przyszedł zwrot" in text and "[user-unknown, pewność " in text and "reguła: postfix/user-unknown" in text, text

        def is_dropped():
            """one more mail to it is dropped"""
            with w.client() as s:
                s.sendmail("a@shop.test", ["dead@dest.test"], message())
            last = w.server.story("dead@dest.test", lambda s: len(s["recipients"]) == 1 and s["open"] == 0)
            return last["recipients"][0]["status"] == "dropped"
        wait_until(is_dropped)
    finally:
        w.close()


def test_a_return_path_that_was_not_given_out_is_refused_whoever_asks():
    w = Shop()
    try:
        path = w.write("r0@dest.test")["r0@dest.test"]
        other = w.write("r1@dest.test")["r1@dest.test"]
        local, domain = path.split("@")
        for forged in (local[:-1] + ("0" if local[-1] != "0" else "1"), local[:30] + other[30:51], local.replace("-0000-", "-0001-")):
            said = w.come_back(f"{forged}@{domain}", report(path, "r0@dest.test"))
            assert said.startswith("550 5.7.1 ") and "not given out by this server" in said, said
        for nobody in (local[:-1], local + "x", "jan", "a@shop.test"):
            said = w.come_back(f'"{nobody}"@{domain}' if "@" in nobody else f"{nobody}@{domain}", report(path, "r0@dest.test"))
            assert said.startswith("550 5.1.1 "), (nobody, said)
        assert w.come_back("bob@bounces.strange.test", vacation("x")).startswith("550 5.7.1 Authentication is missing")
        with w.client() as s:
            s.ehlo("client")
            s.mail("a@shop.test")
            assert [s.rcpt(r)[0] for r in ("bob@bounces.strange.test", path, local[:-1] + "~@" + domain, f"{local[:30]}{other[30:51]}@{domain}")] == [250, 250, 550, 550]
        assert w.come_back(path, report(path, "r0@dest.test")).startswith("250 ")
        w.events("r0@dest.test", "bounced")
        with smtplib.SMTP("127.0.0.1", w.server.mx, timeout=20) as s:
            s.ehlo("mx.dest.test")
            s.mail("")
            codes = [s.rcpt(path)[0] for _ in range(12)]
            assert codes == [250] * 10 + [452] * 2, codes
        assert "a forged return path" in w.server.log_text()
    finally:
        w.close()


def test_mail_without_a_sender_of_other_domains_and_after_the_use_is_switched_off_keeps_its_sender():
    w = Shop()
    try:
        assert w.write("r0@dest.test", sender="") == {"r0@dest.test": ""}
        assert w.write("r1@dest.test", text=message("a@strange.test"), sender="a@strange.test") == {"r1@dest.test": "a@strange.test"}
        assert TOKEN.match(w.write("r2@dest.test", text=message("a@deep.shop.test"), sender="list@lists.test")["r2@dest.test"])
        records = w.names.answers
        del records[("bounces.shop.test", "MX")]
        assert "no longer used" in w.domain("check", "shop.test", "--resolver", f"127.0.0.1:{w.names.port}", code=None)
        assert w.write("r3@dest.test") == {"r3@dest.test": "a@shop.test"}
        records[("bounces.shop.test", "MX")] = [(10, "mail.goniec.test")]
        assert "come back to it from now on" in w.domain("check", "shop.test", "--resolver", f"127.0.0.1:{w.names.port}", code=None)
        assert TOKEN.match(w.write("r4@dest.test")["r4@dest.test"])
        before = w.server.log_text().count("new settings are in force")
        w.server.write_config(w.settings('return_path { use = "no" }'))
        w.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: w.server.log_text().count("new settings are in force") > before)
        assert w.write("r5@dest.test", "r6@dest.test") == {"r5@dest.test": "a@shop.test", "r6@dest.test": "a@shop.test"}
    finally:
        w.close()


def test_a_complaint_suppresses_its_author_for_that_account_with_proof():
    w = Shop()
    try:
        paths = w.write("angry@dest.test", "fine@dest.test", "loop@dest.test")
        assert w.come_back(paths["angry@dest.test"], complaint("x", "angry@dest.test", "x"), "feedback@isp.test").startswith("250")
        assert w.come_back("fbl@bounces.shop.test", complaint("x", "[redacted]", paths["loop@dest.test"]), "feedback@isp.test").startswith("250")
        assert w.come_back(paths["fine@dest.test"], complaint("x", "fine@dest.test", "x", "not-spam"), "feedback@isp.test").startswith("250")
        for rcpt in paths:
            got = w.events(rcpt, "complaint")
            assert got["status"] == "delivered" and got["events"][-1]["note"] in ("abuse", "not-spam"), got
        wait_until(lambda: len(listed(w.server)) == 2)
        for entry in listed(w.server):
            assert entry["email"] in ("angry@dest.test", "loop@dest.test") and entry["reason"] == "spam_complaint", entry
            assert "ARF (RFC 5965): abuse" in entry["text"] and entry["account"] == "-" and entry["automatic"], entry
        assert "skarga" in w.server.cli("why", "--lang", "pl", "angry@dest.test")
    finally:
        w.close()


def test_answers_delays_and_reports_about_another_address_suppress_nobody():
    w = Shop()
    try:
        paths = w.write("away@dest.test", "slow@dest.test", "moved@dest.test", "last@dest.test")
        w.come_back(paths["away@dest.test"], vacation(paths["away@dest.test"]), "b@dest.test")
        w.come_back(paths["slow@dest.test"], report(paths["slow@dest.test"], "slow@dest.test", "451 4.3.0 try again later", "delayed", "4.3.0"))
        w.come_back(paths["moved@dest.test"], report(paths["moved@dest.test"], "target@elsewhere.test"))
        assert w.events("away@dest.test", "answered")["events"][-1]["note"] == "Out of office: x"
        assert w.events("slow@dest.test", "delay-notice")["status"] == "delivered"
        assert w.events("moved@dest.test", "bounced")["events"][-1]["cause"] == "user-unknown"
        w.come_back(paths["last@dest.test"], report(paths["last@dest.test"], "last@dest.test"))
        wait_until(lambda: listed(w.server))
        assert [e["email"] for e in listed(w.server)] == ["last@dest.test"], listed(w.server)
    finally:
        w.close()


def summed_up(w, domain):
    return json.loads(w.server.cli("reports", "show", domain, "--json", "-c", w.server.config))


def test_reports_about_the_domain_are_read_and_the_postmaster_of_a_return_path_is_the_servers():
    w = Shop()
    try:
        dmarc, tls = mail(gzip.compress(aggregate()), "gzip", "r.xml.gz"), mail(TLS, "tlsrpt+json", "r.json")
        strangers = mail(aggregate().replace(b"shop.test", b"rich.test"), "xml", "r.xml")
        for who, text in (("dmarc", dmarc), ("TLS-reports", tls), ("dmarc", strangers), ("dmarc", dmarc)):
            assert w.come_back(f"{who}@bounces.shop.test", text.decode(), "noreply@isp.test").startswith("250")
        assert w.come_back("dmarc@bounces.shop.test", vacation("x"), "noreply@isp.test").startswith("250")
        got = wait_until(lambda: (s := summed_up(w, "shop.test")) and "dmarc" in s and "tls" in s and s)
        boxes = [os.path.join(w.server.data, "inbound", folder) for folder in ("dmarc", "tls")]
        wait_until(lambda: not waiting(w) and not any(os.listdir(b) for b in boxes))
        assert summed_up(w, "shop.test") == got and (got["dmarc"]["messages"], got["tls"]["ok"]) == (3, 98), got
        assert "dmarc" not in summed_up(w, "rich.test") and "there is no report in it" in w.server.log_text()
        assert w.come_back("postmaster@bounces.shop.test", vacation("x"), "noreply@isp.test").startswith("250")
        wait_until(lambda: [m for m in w.receiver.messages if m[1] == ["postmaster@mail.goniec.test"]])
        assert w.come_back("fbl@bounces.shop.test", vacation("x"), "noreply@isp.test").startswith("250")  # about nothing known
        wait_until(lambda: not waiting(w))
    finally:
        w.close()


def test_a_message_that_waits_over_a_restart_leaves_with_its_return_path():
    refuse = [True]
    w = Shop('schedule { retry_first = "1s" retry_max = "1s" }', lambda stage, argument: "451 4.3.0 later" if refuse[0] and stage == "rcpt" else None)
    try:
        with w.client() as s:
            s.sendmail("a@shop.test", ["b@dest.test", "c@dest.test"], message())
        w.server.story("b@dest.test", lambda s: all(r["status"] == "deferred" for r in s["recipients"]))
        engine, before = w.server.engine(), len(w.server.log_text())
        os.kill(engine, signal.SIGKILL)
        wait_until(lambda: w.server.is_up(before))
        refuse[0] = False
        wait_until(lambda: len(w.receiver.messages) == 2)
        paths = {m[1][0]: m[0] for m in w.receiver.messages}
        assert all(TOKEN.match(p) for p in paths.values()) and len(set(paths.values())) == 2, paths
        assert w.come_back(paths["c@dest.test"], report(paths["c@dest.test"], "c@dest.test")).startswith("250")
        w.events("c@dest.test", "bounced")
    finally:
        w.close()


def test_an_office_that_is_killed_while_it_reads_counts_every_bounce_once():
    w = Shop()
    try:
        rcpts = [f"dead{i}@dest.test" for i in range(60)]
        paths = w.write(*rcpts)
        w.server.story(rcpts[0], lambda s: s["open"] == 0, seconds=60)
        kills, office = 0, None

        def new_office():
            """another office than before"""
            return next((p for p in w.server.children() if p not in (engine, office)), None)
        engine = w.server.engine()
        with smtplib.SMTP("127.0.0.1", w.server.mx, timeout=60) as s:
            for i, r in enumerate(rcpts):
                s.sendmail("", [paths[r]], report(paths[r], r))
                if i % 12 == 11:
                    office = wait_until(new_office, seconds=60)
                    os.kill(office, signal.SIGKILL)
                    kills += 1
        story = w.server.story(rcpts[0], lambda s: all(r["status"] == "bounced" for r in s["recipients"]), seconds=60)
        wait_until(lambda: not waiting(w), seconds=60)
        story = w.server.story(rcpts[0])
        for r in story["recipients"]:
            assert [e["status"] for e in r["events"]] == ["delivered", "bounced"], r
        assert sorted(e["email"] for e in listed(w.server)) == sorted(rcpts)
        assert kills == 5 and not os.path.exists(os.path.join(w.server.data, "inbound", "aside"))
    finally:
        w.close()


def passed_on(w, n=1, to="a@shop.test"):
    """What came to the sender, once it is so many."""
    return wait_until(lambda: [m for m in w.receiver.messages if m[1] == [to]][n - 1:] and [m for m in w.receiver.messages if m[1] == [to]])


def test_a_bounce_is_told_to_the_sender_once_in_his_language_and_not_when_he_asked_for_none():
    w = Shop('language = "pl"')
    try:
        paths = w.write("dead@dest.test", "other@dest.test")
        for _ in range(2):  # some servers send it twice
            assert w.come_back(paths["dead@dest.test"], report(paths["dead@dest.test"], "dead@dest.test")).startswith("250")
        sender, _, text = passed_on(w)[0]
        assert sender == "" and b"Subject: Nie dostarczono" in text and b"multipart/report" in text, text
        for part in (b"Final-Recipient: rfc822; dead@dest.test", b"Action: failed", b"Status: 5.1.1", b"Diagnostic-Code: smtp; 550 5.1.1",
                     b"Remote-MTA: dns; store.dest.test", b"Content-Type: text/rfc822-headers"):
            assert part in text, (part, text)
        assert b"bounces.shop.test" not in text, text  # the address that seals is nobody else's business
        with w.client() as s:
            s.sendmail("a@shop.test", ["quiet@dest.test"], message(), rcpt_options=["NOTIFY=NEVER"])
        quiet = wait_until(lambda: [m for m in w.receiver.messages if m[1] == ["quiet@dest.test"]])[0][0]
        assert w.come_back(quiet, report(quiet, "quiet@dest.test")).startswith("250")
        w.events("quiet@dest.test", "bounced")
        assert w.come_back(paths["other@dest.test"], report(paths["other@dest.test"], "other@dest.test")).startswith("250")
        passed_on(w, 2)
        wait_until(lambda: not waiting(w))
        told = [m[2] for m in passed_on(w, 2)]
        assert len(told) == 2 and b"other@dest.test" in told[1], told
        assert len(w.events("dead@dest.test", "bounced")["events"]) == 3  # the story has both
    finally:
        w.close()


def test_an_answer_to_a_return_path_goes_on_to_the_sender_as_it_came_and_unsigned():
    w = Shop('dkim_unknown = "refuse"')
    try:
        paths = w.write("away@dest.test", "person@dest.test", "success@dest.test")
        answer = vacation(paths["away@dest.test"]) + ".a line with a dot\r\nzażółć\r\n"
        with smtplib.SMTP("127.0.0.1", w.server.mx, timeout=20) as s:
            s.sendmail("b@dest.test", [paths["away@dest.test"]], answer.encode(), mail_options=["BODY=8BITMIME"])
        sender, _, text = passed_on(w)[0]
        assert sender == "" and text.endswith(answer.encode()) and b"Return-Path" not in text and b"DKIM-Signature" not in text, text
        forged = "From: The boss <boss@shop.test>\r\nSubject: pay\r\n\r\nnow\r\n"  # a stranger with one of our addresses in hand
        assert w.come_back(paths["person@dest.test"], forged, "b@dest.test").startswith("250")
        assert b"DKIM-Signature" not in passed_on(w, 2)[1][2]
        w.come_back(paths["success@dest.test"], report(paths["success@dest.test"], "success@dest.test", "250 2.0.0 fine", "delivered", "2.0.0"))
        assert w.events("success@dest.test", "confirmed")["status"] == "delivered"
        wait_until(lambda: not waiting(w))
        assert os.listdir(os.path.join(w.server.data, "inbound", "pass")) == [] and len(passed_on(w, 2)) == 2
    finally:
        w.close()


def test_what_goes_on_is_sent_once_though_the_office_is_killed():
    w = Shop()
    try:
        rcpts = [f"dead{i}@dest.test" for i in range(24)]
        paths = w.write(*rcpts)
        engine, office = w.server.engine(), None

        def new_office():
            """another office than before"""
            return next((p for p in w.server.children() if p not in (engine, office)), None)
        for i, r in enumerate(rcpts):
            text = report(paths[r], r) if i % 2 else vacation(paths[r]).replace("until Monday", f"until day {i:02}.")
            assert w.come_back(paths[r], text).startswith("250")
            if i in (5, 11, 17):
                office = wait_until(new_office, seconds=60)
                time.sleep(0.02 * (i % 4))
                os.kill(office, signal.SIGKILL)
        got = wait_until(lambda: passed_on(w, len(rcpts)), seconds=90)
        wait_until(lambda: not waiting(w), seconds=60)
        marks = sorted(re.search(rb"Final-Recipient: rfc822; (\S+)|until day (\d+)", m[2]).group() for m in got)
        assert len(marks) == len(set(marks)) == len(rcpts), marks
    finally:
        w.close()


def test_mail_into_a_mail_store_of_this_server_keeps_its_sender():
    w = Shop()
    try:
        mail = os.path.join(w.server.folder.name, "mail")
        os.mkdir(mail)
        os.chmod(mail, 0o777)
        before = w.server.log_text().count("new settings are in force")
        w.server.write_config(w.settings(f'route "hosted.test" {{ to = "maildir:{mail}/%u" }}'))
        w.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: w.server.log_text().count("new settings are in force") > before)
        paths = w.write("b@dest.test", "jan@hosted.test", "ewa@hosted.test", arrive=1)
        assert TOKEN.match(paths["b@dest.test"])
        for who in ("jan", "ewa"):
            new = os.path.join(mail, who, "new")
            name = wait_until(lambda: os.path.isdir(new) and os.listdir(new))[0]
            assert open(os.path.join(new, name), encoding="utf-8").read().startswith(f"Return-Path: <a@shop.test>\nDelivered-To: {who}@hosted.test\n")
        story = w.server.story("jan@hosted.test", lambda s: s["open"] == 0)
        assert [r["status"] for r in story["recipients"]] == ["delivered"] * 3, story
    finally:
        w.close()
