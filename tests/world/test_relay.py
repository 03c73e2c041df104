"""Mail goes in, is durable, and comes out: the real binary between real clients and a receiver that can misbehave."""
import base64
import contextlib
import email
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import time
import unittest
import urllib.request

from world import BINARY, Goniec, Receiver, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: Dzie\xc5\x84 dobry\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n" \
          b"Message-ID: <1@sender.test>\r\n\r\nLine\r\n.dot at the start\r\n..two\r\n\r\nend \t\r\n"


@contextlib.contextmanager
def world(rule=None, more="", extensions=None, **options):
    receiver = Receiver(rule, **({"extensions": extensions} if extensions else {}))
    server = Goniec(receiver.port, more, **options)
    try:
        yield server, receiver
    finally:
        server.close()
        receiver.close()


def send(server, rcpts=("b@dest.test",), sender="a@sender.test", message=MESSAGE, options=(), rcpt_options=()):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        return s.sendmail(sender, list(rcpts), message, mail_options=options, rcpt_options=rcpt_options)


def test_a_message_comes_out_byte_for_byte_behind_its_trace_header():
    with world() as (server, receiver):
        send(server)
        wait_until(lambda: receiver.messages)
        sender, rcpts, body = receiver.messages[0]
        assert (sender, rcpts) == ("a@sender.test", ["b@dest.test"])
        head, rest = body[:-len(MESSAGE)], body[-len(MESSAGE):]
        assert rest == MESSAGE, rest
        assert head.startswith(b"Received: from ") and head.count(b"Received:") == 1 and b"for <b@dest.test>" in head, head


def test_a_submission_gets_date_and_message_id_and_loses_bcc():
    with world() as (server, receiver):
        send(server, message=b"From: a@sender.test\r\nBcc: secret@dest.test\r\nSubject: x\r\n\r\nhi\r\n")
        wait_until(lambda: receiver.messages)
        parsed = email.message_from_bytes(receiver.messages[0][2])
        assert parsed["Date"] and parsed["Message-ID"].endswith("@mail.goniec.test>") and parsed["Bcc"] is None, receiver.messages[0][2]


def test_login_over_starttls_relays_and_without_it_nothing_does():
    with world(trusted=False) as (server, receiver):
        out = server.cli("account", "add", "shop")
        login, password = [line.split()[-1] for line in out.splitlines()[:2]]
        with smtplib.SMTP("127.0.0.1", server.submission, timeout=20) as s:
            s.ehlo()
            assert "auth" not in s.esmtp_features
            code, text = s.mail("a@sender.test")
            assert code == 530 and b"STARTTLS" in text, (code, text)
            s.starttls(context=ssl._create_unverified_context())
            s.ehlo()
            code, text = s.mail("a@sender.test")
            assert code == 530 and b"5.7.0" in text, (code, text)
            for mechanism in ("PLAIN", "LOGIN"):
                assert mechanism in s.esmtp_features["auth"]
            s.login(login, password)
            s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)
        wait_until(lambda: receiver.messages)
        story = server.story("b@dest.test")
        assert story["protocol"] == "ESMTPSA" and story["login"] == "shop", story


def test_login_over_implicit_tls_with_a_password_that_a_person_chose():
    with world(trusted=False) as (server, receiver):
        server.cli("account", "add", "jan", "jan@sender.test", "-", input="zażółć gęślą jaźń\n".encode())
        with smtplib.SMTP_SSL("127.0.0.1", server.submissions, context=ssl._create_unverified_context(), timeout=20) as s:
            s.ehlo()
            code, _ = s.docmd("AUTH PLAIN", base64.b64encode("\0jan@sender.test\0zażółć gęślą jaźń".encode()).decode())
            assert code == 235, code
            s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)
        wait_until(lambda: receiver.messages)


def salt(server, login):
    """What the server answers a login with that begins SCRAM, without the nonce."""
    with smtplib.SMTP_SSL("127.0.0.1", server.submissions, context=ssl._create_unverified_context(), timeout=20) as s:
        s.ehlo()
        code, first = s.docmd("AUTH SCRAM-SHA-256", base64.b64encode(b"n,,n=" + login.encode() + b",r=abcdefghijkl").decode())
        assert code == 334 and s.docmd("*")[0] == 501, (code, first)
        return base64.b64decode(first).split(b",", 1)[1]


def test_an_unknown_login_is_answered_as_before_after_a_restart_like_a_known_one():
    with world(trusted=False) as (server, _):
        server.cli("account", "add", "shop")
        before = [salt(server, login) for login in ("shop", "nobody", "noone")]
        server.stop()
        server.start()
        assert [salt(server, login) for login in ("shop", "nobody", "noone")] == before
        assert len(set(before)) == 3 and len({len(s) for s in before}) == 1, before


def test_scram_sha_256_proves_the_password_without_sending_it():
    import hashlib
    import hmac
    with world(trusted=False) as (server, _):
        out = server.cli("account", "add", "shop")
        password = out.splitlines()[1].split()[-1].encode()
        with smtplib.SMTP_SSL("127.0.0.1", server.submissions, context=ssl._create_unverified_context(), timeout=20) as s:
            s.ehlo()
            bare = b"n=shop,r=abcdefghijkl"
            code, first = s.docmd("AUTH SCRAM-SHA-256", base64.b64encode(b"n,," + bare).decode())
            assert code == 334, (code, first)
            first = base64.b64decode(first)
            got = dict(part.split(b"=", 1) for part in first.split(b","))
            salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(got[b"s"]), int(got[b"i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            without = b"c=biws,r=" + got[b"r"]
            auth = bare + b"," + first + b"," + without
            proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), auth, "sha256")))
            code, final = s.docmd(base64.b64encode(without + b",p=" + base64.b64encode(proof)).decode())
            assert code == 334, (code, final)
            signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256")
            assert base64.b64decode(final) == b"v=" + base64.b64encode(signature)
            assert s.docmd("")[0] == 235


def test_a_wrong_password_is_refused_slowed_blocked_and_its_white_space_noticed():
    with world(trusted=False) as (server, _):
        out = server.cli("account", "add", "shop")
        password = out.splitlines()[1].split()[-1]
        codes = []
        for guess in (password + " ", "x", "y", "z", "w", password):
            with smtplib.SMTP_SSL("127.0.0.1", server.submissions, context=ssl._create_unverified_context(), timeout=30) as s:
                s.ehlo()
                codes.append(s.docmd("AUTH PLAIN", base64.b64encode(f"\0shop\0{guess}".encode()).decode()))
        assert [c for c, _ in codes[:5]] == [535] * 5 and codes[0][1].startswith(b"5.7.8"), codes
        assert codes[5][0] == 454, codes  # blocked, even with the right password
        assert "white space around it" in server.log_text() and password not in server.log_text()


def test_it_is_no_open_relay():
    with world(trusted=False) as (server, receiver):
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.ehlo()
            s.mail("a@sender.test")
            for rcpt in ("b@dest.test", "b%dest.test@mail.goniec.test", "dest.test!b@mail.goniec.test", '"b@dest.test"@elsewhere.test', "@hosted.test:b@dest.test",
                         "b@[127.0.0.1]", "b@hosted.test.evil.test"):
                code, text = s.docmd(f"RCPT TO:<{rcpt}>")
                assert code == 550 and b"5.7.1" in text and b"uthentication" in text, (rcpt, code, text)
            assert s.rcpt("b@hosted.test")[0] == 250
            assert s.rcpt("postmaster")[0] == 250
        assert not receiver.messages


def test_greylisted_then_delivered_and_why_tells_it():
    seen = set()

    def grey(stage, argument):
        if stage == "rcpt" and argument not in seen:
            seen.add(argument)
            return "451 4.7.1 Greylisted, please try again in 1 second"
        return None
    with world(grey, more='schedule { retry_first = "1s" retry_max = "2s" }') as (server, receiver):
        send(server)
        wait_until(lambda: receiver.messages)
        story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        events = story["recipients"][0]["events"]
        assert [e["status"] for e in events] == ["deferred", "delivered"] and events[0]["code"] == 451, events
        assert events[0]["cause"] == "greylisted" and events[1]["attempt"] == 2, events
        text = server.cli("why", "--lang", "pl", "--dialogue", "b@dest.test")
        assert "doręczona" in text and "Greylisted" in text and "RCPT TO:<b@dest.test>" in text, text


def test_a_refusal_bounces_once_with_a_report_that_mail_programs_understand():
    with world(lambda stage, argument: "550 5.1.1 No such user here" if argument == "nobody@dest.test" else None) as (server, receiver):
        send(server, rcpts=("nobody@dest.test", "b@dest.test"))
        wait_until(lambda: len(receiver.messages) == 2)
        bounce = [m for m in receiver.messages if m[0] == ""]
        assert len(bounce) == 1 and bounce[0][1] == ["a@sender.test"], receiver.messages
        parsed = email.message_from_bytes(bounce[0][2])
        assert parsed.get_content_type() == "multipart/report" and parsed["Auto-Submitted"].startswith("auto-"), parsed.items()
        status = [p for p in parsed.walk() if p.get_content_type() == "message/delivery-status"][0]
        groups = status.get_payload()
        assert groups[1]["Final-Recipient"] == "rfc822; nobody@dest.test" and groups[1]["Action"] == "failed", groups[1].items()
        assert groups[1]["Status"] == "5.1.1" and "No such user here" in groups[1]["Diagnostic-Code"], groups[1].items()
        time.sleep(0.5)
        assert len([m for m in receiver.messages if m[0] == ""]) == 1


def test_no_bounce_for_a_null_sender_or_notify_never():
    with world(lambda stage, argument: "550 5.1.1 No" if stage == "rcpt" and argument.startswith("nobody") else None) as (server, receiver):
        send(server, rcpts=("nobody@dest.test",), sender="")
        send(server, rcpts=("nobody2@dest.test",), rcpt_options=("NOTIFY=NEVER",))
        for rcpt in ("nobody@dest.test", "nobody2@dest.test"):
            server.story(rcpt, lambda s: s["recipients"][0]["status"] == "failed")
        time.sleep(0.5)
        assert not receiver.messages


def test_success_is_reported_when_asked_and_the_next_hop_will_not():
    with world() as (server, receiver):
        send(server, options=("ENVID=order+2B7",), rcpt_options=("NOTIFY=SUCCESS", "ORCPT=rfc822;b@dest.test"))
        wait_until(lambda: len(receiver.messages) == 2)
        report = [m for m in receiver.messages if m[0] == ""][0][2]
        assert b"Action: relayed" in report and b"Original-Envelope-Id: order+7" in report, report


def test_dsn_parameters_are_passed_on_to_a_server_that_offers_dsn():
    with world(extensions=("PIPELINING", "8BITMIME", "DSN")) as (server, receiver):
        send(server, options=("RET=HDRS", "ENVID=abc"), rcpt_options=("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;x@y.test"))
        wait_until(lambda: receiver.messages)
        text = "\n".join(receiver.commands)
        assert "RET=HDRS ENVID=abc" in text and "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.test" in text, text
        time.sleep(0.3)
        assert len(receiver.messages) == 1  # the duty went with the message


def test_8bit_content_is_not_sent_to_a_server_without_8bitmime():
    with world(extensions=("PIPELINING", "SIZE 1000000")) as (server, receiver):
        send(server)
        story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "failed")
        assert story["recipients"][0]["events"][0]["cause"] == "8bit-unsupported", story


def test_a_receiver_that_hangs_up_in_any_phase_gets_the_message_later():
    for phase in ("banner", "ehlo", "mail", "rcpt", "data", "body"):
        broken = [True]

        def rule(stage, argument, phase=phase, broken=broken):
            if stage == phase and broken[0]:
                broken[0] = False
                return "drop"
            return None
        with world(rule, more='schedule { retry_first = "1s" retry_max = "1s" }') as (server, receiver):
            send(server)
            wait_until(lambda: receiver.messages, 45)
            story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered", 20)
            assert len(story["recipients"][0]["events"]) >= 1, (phase, story)


def test_a_receiver_that_stalls_ends_in_a_deferral_that_names_the_phase():
    for phase, word in (("banner", "greeting"), ("mail", "MAIL FROM"), ("body", "after the content")):
        more = 'deliver { banner_timeout = "500ms" command_timeout = "500ms" data_timeout = "500ms" body_timeout = "500ms" }'
        with world(lambda stage, argument, phase=phase: "stall" if stage == phase else None, more=more) as (server, _):
            send(server)
            story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
            assert word in story["recipients"][0]["events"][0]["note"], (phase, story["recipients"][0]["events"])


def test_many_recipients_share_transactions_with_a_verdict_each():
    with world(lambda stage, argument: "452 4.2.2 full" if argument == "r7@dest.test" else None) as (server, receiver):
        send(server, rcpts=[f"r{i}@dest.test" for i in range(50)])
        wait_until(lambda: sum(len(m[1]) for m in receiver.messages) == 49)
        assert len(receiver.messages) == 1, len(receiver.messages)
        story = server.story("r7@dest.test", lambda s: s["recipients"][7]["status"] == "deferred")
        assert story["recipients"][8]["status"] == "delivered" and story["open"] == 1, story


def test_an_operator_holds_releases_retries_and_drops():
    with world(lambda stage, argument: "451 4.3.0 later" if stage == "rcpt" else None) as (server, receiver):
        send(server, rcpts=("b@dest.test",))
        story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
        assert "451" in server.cli("queue", "list") and story["id"] in server.cli("mailq")
        assert server.cli("queue", "hold", "domain", "dest.test") == "recipients held: 1\n"
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "held")
        assert server.cli("queue", "retry", "id", story["id"]).endswith(": 0\n")
        assert server.cli("queue", "release", story["id"]).endswith(": 1\n")
        server.story("b@dest.test", lambda s: len([e for e in s["recipients"][0]["events"] if e["status"] == "deferred"]) == 2)
        assert wait_until(lambda: server.cli("queue", "drop", "all").endswith(": 1\n"))
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "dropped")
        assert "empty" in server.cli("queue", "list")
        server.cli("queue", "hold", "sender", "x", code=64)


def test_bdat_and_smuggling_over_the_wire():
    with world() as (server, receiver):
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            f = s.makefile("rwb")

            def talk(data, replies=1):
                f.write(data)
                f.flush()
                return [f.readline() for _ in range(replies)]
            f.readline()
            f.write(b"EHLO x\r\n")
            f.flush()
            while f.readline()[3:4] == b"-":
                pass
            got = talk(b"MAIL FROM:<a@s.test>\r\nRCPT TO:<b@d.test>\r\nBDAT 5\r\nSubjeBDAT 11 LAST\r\nct: x\r\n\r\ny\r", 4)
            assert [g[:3] for g in got] == [b"250"] * 3 + [b"550"], got  # a CR alone at the end
            got = talk(b"MAIL FROM:<a@s.test>\r\nRCPT TO:<b@d.test>\r\nBDAT 5\r\nSubjeBDAT 12 LAST\r\nct: x\r\n\r\ny\r\n", 4)
            assert [g[:3] for g in got] == [b"250"] * 4, got
            evil = b"MAIL FROM:<evil@s.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nsmuggled\r\n"
            for fake in (b"\n.\r\n", b"\r.\r\n", b"\n.\n", b"\r\n.\n", b"\n.\r"):
                got = talk(b"MAIL FROM:<a@s.test>\r\nRCPT TO:<b@d.test>\r\nDATA\r\n", 3)
                assert got[2][:3] == b"354", got
                got = talk(b"Subject: x\r\n\r\nhi" + fake + evil + b"\r\n.\r\n")
                assert got[0][:6] == b"550 5." and s.send(b"NOOP\r\n") and f.readline()[:3] == b"250", (fake, got)
        wait_until(lambda: receiver.messages)
        time.sleep(0.3)
        assert [m[0] for m in receiver.messages] == ["a@s.test"] and receiver.messages[0][2].endswith(b"Subject: x\r\n\r\ny\r\n")


def test_plain_bytes_behind_starttls_are_never_answered_inside_it():
    with world() as (server, _):
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            s.recv(1000)
            s.sendall(b"EHLO x\r\n")
            time.sleep(0.2)
            s.recv(4000)
            s.sendall(b"STARTTLS\r\nNOOP\r\n")
            s.settimeout(5)
            got = b""
            with contextlib.suppress(OSError):
                while True:
                    part = s.recv(1000)
                    if not part:
                        break
                    got += part
            assert got.count(b"\r\n") <= 1 and got[:3] in (b"", b"220"), got  # hung up, nothing behind STARTTLS was answered


def test_bounds_are_answered_with_a_reason():
    with world(more="accept { recipients_max = 100 sessions_per_ip_max = 3 message_bytes_max = 100K }", trusted=False) as (server, _):
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.ehlo()
            assert s.docmd("MAIL FROM:<a@b.test> SIZE=200000")[0] == 552
            s.mail("a@b.test")
            codes = [s.rcpt(f"r{i}@hosted.test")[0] for i in range(101)]
            assert codes[:100] == [250] * 100 and codes[100] == 452, codes[99:]
            code, text = s.data(b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 3000)
            assert code == 552 and b"5.3.4" in text, (code, text)
            others = [socket.create_connection(("127.0.0.1", server.mx), 5) for _ in range(4)]
            greetings = sorted(o.recv(100) for o in others)  # workers answer in no order: three sessions in all is the bound
            assert [g[:3] for g in greetings] == [b"220", b"220", b"421", b"421"], greetings
            assert greetings[3].startswith(b"421 4.7.0 Too many sessions"), greetings
            for o in others:
                o.close()


def test_the_office_may_die_and_mail_flows_and_nothing_is_told_twice():
    with world() as (server, receiver):
        for i in range(20):
            send(server, rcpts=(f"r{i}@dest.test",))
            if i % 5 == 2:
                office = [p for p in server.children() if p != server.engine()]
                for pid in office:
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(receiver.messages) == 20)
        for i in range(20):
            story = server.story(f"r{i}@dest.test", lambda s: s["recipients"][0]["status"] == "delivered", 30)
            assert len(story["recipients"][0]["events"]) == 1, story
        health = wait_until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{server.http}/healthz").read())
        assert json.loads(health)["status"] == "ok", health
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{server.http}/metrics").read().decode()
        assert sum(int(line.split()[-1]) for line in metrics.splitlines() if line.startswith("goniec_messages_accepted_total")) == 20, metrics


def test_new_settings_are_taken_and_bad_ones_refused_with_file_and_line():
    with world() as (server, receiver):
        server.write_config("accept { recipients_max = none }")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the old stay in force" in server.log_text())
        assert "goniec.conf:" in server.log_text() and "recipients_max" in server.log_text()
        send(server)
        wait_until(lambda: receiver.messages)
        server.write_config("accept { message_bytes_max = 100K }")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "new settings are in force" in server.log_text())
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.ehlo()
            assert s.esmtp_features["size"] == str(100 * 1024), s.esmtp_features


def test_sigterm_stops_cleanly_and_the_queue_is_there_afterwards():
    later = [True]
    with world(lambda stage, argument: "451 4.3.0 later" if stage == "rcpt" and later[0] else None,
               more='schedule { retry_first = "1s" retry_max = "1s" }') as (server, receiver):
        send(server)
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
        assert server.stop() == 0
        assert "whole" not in server.cli("log", "verify", os.path.join(server.data, "log", "w0"), code=None)
        later[0] = False
        server.start()
        wait_until(lambda: receiver.messages)
        assert receiver.messages[0][2].endswith(MESSAGE)


def test_a_second_server_on_the_same_data_is_refused_and_names_the_first():
    with world() as (server, receiver):
        second = subprocess.run([BINARY, "serve", "-c", server.config], capture_output=True, timeout=30)
        assert second.returncode == 78 and f"process {server.process.pid}" in second.stderr.decode(), second.stderr
        send(server)
        wait_until(lambda: receiver.messages)


def test_a_start_after_a_killed_supervisor_waits_for_its_children():
    with world(rule=lambda stage, argument: "stall" if stage == "body" else None) as (server, receiver):
        send(server)
        wait_until(lambda: "DATA" in receiver.commands)
        server.process.kill()
        server.process.wait()
        server.start()  # the stalled attempt keeps the old engine until its drain time is over
        assert "waiting for what an earlier goniec left" in server.log_text()
        assert server.story("b@dest.test", lambda s: True)


def test_a_stop_in_the_moment_of_the_start_is_heard():
    with world() as (server, receiver):
        server.stop()
        for step in range(40):
            with open(server.log, "ab") as log:
                server.process = subprocess.Popen([BINARY, "serve", "-c", server.config], stdout=log, stderr=log)
            wait_until(lambda: server.process.poll() is None and server.children(), every=0.001)
            time.sleep(step * 0.0005)  # from before the engine watches signals to after its workers listen
            assert server.stop() == 0 and "does not stop" not in server.log_text(), server.log_text()


def test_sendmail_takes_what_scripts_give_it():
    with world(trusted=False) as (server, receiver):
        link = os.path.join(server.folder.name, "sendmail")
        os.symlink(BINARY, link)
        env = dict(os.environ, GONIEC_SUBMIT=server.data + "/run/submit.sock")

        def sendmail(*args, text):
            return subprocess.run([link, *args], input=text, env=env, capture_output=True, timeout=30)
        p = sendmail("-t", "-i", "-f", "cron@host.test", text=b"To: A <b@dest.test>, c@dest.test\nBcc: d@dest.test\nSubject: x\n\n.\nend\n")
        assert p.returncode == 0, p.stderr
        wait_until(lambda: receiver.messages)
        sender, rcpts, body = receiver.messages[0]
        assert sender == "cron@host.test" and sorted(rcpts) == ["b@dest.test", "c@dest.test", "d@dest.test"]
        assert b"Bcc" not in body and body.endswith(b"\r\n\r\n.\r\nend\r\n") and b"From: cron@host.test" in body, body
        assert sendmail("-t", text=b"Subject: nobody\n\n").returncode == 64
        assert sendmail("not an address@@", text=b"x\n").returncode == 67
        env["GONIEC_SUBMIT"] = "/nonexistent/socket"
        assert sendmail("b@dest.test", text=b"x\n").returncode == 75


def test_swaks_and_msmtp_deliver():
    if not shutil.which("swaks") or not shutil.which("msmtp"):
        raise unittest.SkipTest("swaks or msmtp is not installed")
    with world(trusted=False) as (server, receiver):
        out = server.cli("account", "add", "shop")
        password = out.splitlines()[1].split()[-1]
        p = subprocess.run(["swaks", "--server", f"127.0.0.1:{server.submission}", "--tls", "--auth-user", "shop", "--auth-password", password, "--from",
                            "a@sender.test", "--to", "b@dest.test", "--header", "Subject: swaks"], capture_output=True, timeout=60)
        assert p.returncode == 0, p.stdout + p.stderr
        config = os.path.join(server.folder.name, "msmtprc")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"account default\nhost 127.0.0.1\nport {server.submission}\nfrom a@sender.test\nauth on\nuser shop\npassword {password}\n"
                    "tls on\ntls_starttls on\ntls_certcheck off\n")
        os.chmod(config, 0o600)
        p = subprocess.run(["msmtp", "-C", config, "c@dest.test"], input=b"Subject: msmtp\r\n\r\nhi\r\n", capture_output=True, timeout=60)
        assert p.returncode == 0, p.stderr
        wait_until(lambda: len(receiver.messages) == 2)


def test_mail_for_a_local_domain_lands_in_its_maildir():
    box = "/tmp"
    with world(start=False) as (server, receiver):
        mail = os.path.join(server.folder.name, "mail")
        os.mkdir(mail)
        os.chmod(mail, 0o777)
        server.write_config(f'route "hosted.test" {{ to = "maildir:{mail}/%d/%u" }}')
        server.start()
        send(server, rcpts=("jan@hosted.test", "../x@hosted.test"))
        new = os.path.join(mail, "hosted.test", "jan", "new")
        wait_until(lambda: os.path.isdir(new) and os.listdir(new))
        text = open(os.path.join(new, os.listdir(new)[0]), "rb").read()
        assert text.startswith(b"Return-Path: <a@sender.test>\nDelivered-To: jan@hosted.test\nReceived: ") and b"\r" not in text
        story = server.story("jan@hosted.test", lambda s: s["open"] == 0)
        assert [e["status"] for e in story["recipients"][0]["events"]] == ["delivered"], story
        assert "died" not in server.log_text(), server.log_text()
        assert box and sorted(os.listdir(mail)) == ["hosted.test"] and os.listdir(os.path.join(mail, "hosted.test")) == ["jan"]


def test_a_lane_that_is_down_is_probed_and_recovers():
    with world(more='schedule { retry_first = "1s" retry_max = "1s" }') as (server, receiver):
        port = receiver.port
        receiver.close()
        for i in range(5):
            send(server, rcpts=(f"r{i}@dest.test",))
        story = server.story("r0@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
        assert "was refused" in story["recipients"][0]["events"][0]["note"], story
        assert port
