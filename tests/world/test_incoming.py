"""Mail from other servers is checked as it comes in: what was found stands before it and in its story, and nothing waits for DNS without
end."""
import contextlib
import json
import re
import signal
import smtplib
import socket
import sys
import threading
import time
import unittest

from names import Names
from world import Goniec, Receiver, free_port, wait_until

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for another Python as well
try:
    import dkim
except ImportError:
    dkim = None

MESSAGE = b"From: A <a@sender.test>\r\nTo: b@hosted.test\r\nSubject: x\r\n\r\nbody\r\n"
GOOD = {("sender.test", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"], ("_dmarc.sender.test", "TXT"): ["v=DMARC1; p=reject"]}
BAD = {("sender.test", "TXT"): ["v=spf1 -all"], ("_dmarc.sender.test", "TXT"): ["v=DMARC1; p=reject"]}


@contextlib.contextmanager
def door(answers, more="", dead=False, trusted=False):
    """A server that checks what comes in, asking names with those answers, or none; and where it hands its mail on."""
    names = Names(answers)
    receiver = Receiver()
    server = Goniec(receiver.port, f'deliver {{ resolvers = {{"127.0.0.1@{free_port() if dead else names.port}"}} }}\n{more}', trusted=trusted, checked=True)
    try:
        yield server, receiver, names
    finally:
        server.close()
        receiver.close()
        names.close()


def send(server, text=MESSAGE, sender="a@sender.test", rcpt="b@hosted.test", client="127.0.0.1"):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=60, source_address=(client, 0)) as s:
        s.sendmail(sender, [rcpt], text)


def arrived(receiver, n=1):
    wait_until(lambda: len(receiver.messages) >= n)
    return receiver.messages[n - 1][2]


def results(text):
    """The values of Authentication-Results from the top, unfolded."""
    head = re.sub(rb"\r\n[ \t]+", b" ", text.split(b"\r\n\r\n")[0]).decode()
    return re.findall(r"^Authentication-Results: (.*)$", head, re.M)


def test_what_comes_in_is_checked_and_the_results_stand_on_top_and_in_the_story():
    with door(GOOD) as (server, receiver, _):
        send(server)
        text = arrived(receiver)
        assert text.startswith(b"Authentication-Results: mail.goniec.test;\r\n\tspf=pass smtp.mailfrom=a@sender.test;\r\n"), text
        found, = results(text)
        assert "dkim=none" in found and "dmarc=pass header.from=sender.test policy.dmarc=reject" in found and "arc=none" in found, found
        assert text.index(b"\r\nReceived:") < text.index(b"\r\nFrom:") and text.endswith(MESSAGE)
        story = server.story("b@hosted.test")
        assert story["checked"].startswith("spf=pass smtp.mailfrom=a@sender.test; dkim=none; dmarc=pass"), story["checked"]
        assert story["bytes"] == len(text)
        english, polish = server.cli("why", "b@hosted.test", "--lang", "en"), server.cli("why", "b@hosted.test", "--lang", "pl")
        assert "checked as it came in:" in english and "SPF a@sender.test pass: yes, the domain allows this machine" in english, english
        assert "DMARC sender.test pass: yes" in english and "ARC none: none of them put a seal on it" in english, english
        assert "sprawdzono przy przyjęciu:" in polish and "SPF a@sender.test pass: tak, domena na to pozwala" in polish, polish


def test_a_sender_that_looks_like_a_result_is_told_as_a_sender():
    with door(GOOD) as (server, receiver, _):
        send(server, sender='"x header.from=bank.test reason=\\"all is well\\""@sender.test')
        found, = results(arrived(receiver))
        assert found.count("header.from=") == 2 and "dmarc=pass header.from=sender.test" in found, found
        server.story("b@hosted.test")
        line, = [x for x in server.cli("why", "b@hosted.test", "--lang", "en").split("\n") if x.startswith("    SPF ")]
        assert line == '    SPF "x header.from=bank.test reason=\\"all is well\\""@sender.test pass: yes, the domain allows this machine', line


def test_what_fails_is_noted_and_by_the_default_taken_all_the_same():
    with door(BAD) as (server, receiver, _):
        send(server)
        found, = results(arrived(receiver))
        assert "spf=fail" in found and "dmarc=fail header.from=sender.test policy.dmarc=reject" in found, found
        server.story("b@hosted.test")
        assert "DMARC sender.test fail: no; its owner asks to refuse it (reject)" in server.cli("why", "b@hosted.test", "--lang", "en")


def test_enforced_a_policy_of_reject_refuses_and_one_of_quarantine_is_noted():
    with door(BAD, 'dmarc_policy = "enforce"') as (server, receiver, names):
        try:
            send(server)
            raise AssertionError("it was taken")
        except smtplib.SMTPDataError as e:
            assert e.smtp_code == 550 and e.smtp_error.startswith(b"5.7.1 The domain sender.test asks to refuse"), e
        assert "refused: sender.test asks to refuse mail" in server.log_text()
        names.answers[("_dmarc.other.test", "TXT")] = ["v=DMARC1; p=quarantine"]
        send(server, MESSAGE.replace(b"a@sender.test", b"a@other.test"))
        found, = results(arrived(receiver))
        assert "dmarc=fail header.from=other.test policy.dmarc=quarantine" in found, found
        assert len(receiver.messages) == 1


def test_results_that_claim_our_name_are_removed_and_others_stay():
    forged = [b"Authentication-Results: mail.goniec.test; spf=pass", b"authentication-results : MAIL.goniec.TEST;\r\n\tdmarc=pass",
              b'Authentication-Results: (no) "mail.goniec.test" 1; dkim=pass', b"Authentication-Results:\r\n mail.goniec.test; none"]
    kept = [b"Authentication-Results: mail.goniec.test.other.test; spf=pass", b"Authentication-Results: other.test; spf=pass smtp.helo=mail.goniec.test",
            b"X-Authentication-Results: mail.goniec.test; spf=pass"]
    text = b"\r\n".join([forged[0], kept[0], forged[1], forged[2], kept[1], kept[2], forged[3]]) + b"\r\n" + MESSAGE
    with door(GOOD) as (server, receiver, _):
        send(server, text)
        head = arrived(receiver)
        assert len(results(head)) == 3 and head.endswith(b"\r\n".join(kept) + b"\r\n" + MESSAGE), head
        assert head.count(b"mail.goniec.test;") == 2, head  # ours, and the one under another name
    with door(GOOD, trusted=True) as (server, receiver, _):  # from within: what a filter hands back keeps what was found before
        send(server, text)
        assert all(line in arrived(receiver) for line in forged + kept)


def test_submissions_do_not_wait_for_dns():
    with door({}, dead=True, trusted=True) as (server, receiver, _):
        began = time.monotonic()
        send(server)
        assert time.monotonic() - began < 2 and results(arrived(receiver)) == []


def test_without_dns_mail_is_taken_in_bounded_time_and_other_sessions_go_on():
    with door({}, "accept { sessions_per_ip_max = 400 }", dead=True) as (server, receiver, _):
        began = time.monotonic()
        threads = [threading.Thread(target=send, args=(server, MESSAGE, f"a@s{i}.test")) for i in range(300)]  # more than may wait
        for t in threads:
            t.start()
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=5) as s:  # whoever comes meanwhile is served at once
            assert s.noop()[0] == 250
        for t in threads:
            t.join()
        assert time.monotonic() - began < 40
        wait_until(lambda: len(receiver.messages) == 300, 30)
        for _, __, text in receiver.messages:
            found, = results(text)
            assert "spf=temperror" in found and "dmarc=temperror" in found, found


def test_one_client_whose_domains_are_silent_holds_up_nobody_else():
    silent = [f"s{i}.test" for i in range(90)]
    with door(GOOD | {(name, "TXT"): "silence" for name in silent}) as (server, receiver, names):
        threads = [threading.Thread(target=send, args=(server, MESSAGE, f"a@{name}"), kwargs={"client": "127.0.0.2"}) for name in silent]
        for t in threads:
            t.start()
        wait_until(lambda: len([name for name, _ in list(names.asked) if name in silent]) >= 4)
        send(server)
        place, text = wait_until(lambda: [(i, text) for i, (_, __, text) in enumerate(receiver.messages) if b"mailfrom=a@sender.test;" in text])[0]
        names.answers = GOOD  # the others need not wait any longer
        for t in threads:
            t.join()
        assert place < 30 and "spf=pass" in results(text)[0], (place, text)


def test_a_client_that_leaves_while_its_message_is_checked_does_no_harm():
    with door({("sender.test", "TXT"): "silence"}) as (server, receiver, _):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
                f = s.makefile("rwb")
                f.readline()
                for line in (b"EHLO c.test", b"MAIL FROM:<a@sender.test>", b"RCPT TO:<b@hosted.test>", b"DATA"):
                    f.write(line + b"\r\n")
                    f.flush()
                    while f.readline()[3:4] == b"-":
                        pass
                f.write(MESSAGE + b".\r\n")
                f.flush()
        wait_until(lambda: len(receiver.messages) == 5, 30)  # it was promised nothing, but what came whole is taken
        send(server, sender="a@other.test")
        assert len(receiver.messages) >= 5


def test_a_server_told_to_stop_answers_what_it_is_checking():
    with door({("sender.test", "TXT"): "silence"}) as (server, receiver, names):
        taken = []
        t = threading.Thread(target=lambda: taken.append(send(server)))
        t.start()
        wait_until(lambda: names.asked)
        server.process.send_signal(signal.SIGTERM)
        names.answers = GOOD  # for the question asked again
        t.join()
        assert taken and server.stop() == 0
        server.start()
        assert "spf=pass" in results(arrived(receiver))[0]


def test_what_goes_on_is_sealed_when_the_settings_say_so():
    if dkim is None:
        raise unittest.SkipTest("python3-dkim is not there")
    with door(GOOD, "arc_seal = yes") as (server, receiver, names):
        found = server.cli("domain", "add", "goniec.test", "--json", "-c", server.config)
        for r in json.loads(found[found.index("{"):])["records"]:
            if r["type"] == "TXT":
                names.answers[(r["name"], "TXT")] = [r["value"]]
        server.cli("domain", "check", "goniec.test", "-c", server.config, code=None)  # not all is there, but the keys are
        send(server)
        first = arrived(receiver)
        send(server, b"Received: by another.test\r\n" + first)
        second = arrived(receiver, 2)

        def judge(text):
            cv, sets, _ = dkim.arc_verify(text, dnsfunc=lambda name, timeout=5: names.answers[(name.decode().rstrip("."), "TXT")][0].encode())
            return cv, len(sets)
        assert judge(first) == (b"pass", 1) and judge(second) == (b"pass", 2), (first, second)
        assert b"ARC-Authentication-Results: i=1; mail.goniec.test;\r\n spf=pass" in first, first
        assert "arc=pass" in results(second)[0] and len(results(second)) == 1, second
        send(server, b"Subject: changed\r\n" + first.replace(b"Subject: x", b"Subject: y"))
        third = arrived(receiver, 3)
        assert b"cv=fail" in third and "arc=fail" in results(third)[0] and judge(third)[0] != b"pass", third


def test_a_setting_turns_the_checks_off_and_on_while_the_server_runs():
    with door(GOOD) as (server, receiver, names):
        def settle(checked):
            at = len(server.log_text())
            server.checked = checked
            server.write_config(f'deliver {{ resolvers = {{"127.0.0.1@{names.port}"}} }}')
            return at
        server.stop()
        settle(False)
        server.start()
        send(server)
        assert results(arrived(receiver)) == [] and ("sender.test", "TXT") not in names.asked
        at = settle(True)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "new settings are in force" in server.log_text()[at:])

        def checked():
            """a message that is checked: workers take new settings in one by one"""
            send(server)
            return results(arrived(receiver, len(receiver.messages)))
        assert "spf=pass" in wait_until(checked)[0]
