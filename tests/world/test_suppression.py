"""Who gets no mail: what receivers say becomes entries with proof, entries stop mail with a story, and lists come in and go out."""
import base64
import json
import os
import signal
import smtplib
import socket
import ssl
import time

from test_relay import MESSAGE, send, world
from world import Goniec, wait_until

DEAD = "550 5.1.1 No such user here"
QUICK = 'schedule { retry_first = "1s" retry_max = "1s" }'


def dead(stage, argument):
    return DEAD if stage == "rcpt" and argument.lower().startswith("dead") else None


def why(server, value, *more):
    return json.loads(server.cli("suppression", "why", "--json", value, *more))


def listed(server, which="suppression", *more):
    return [json.loads(line) for line in server.cli(which, "export", "--json", *more).splitlines()]


def status_of(server, rcpt):
    """of the newest message to it, once it is settled"""
    return server.story(rcpt, lambda s: s["open"] == 0)["recipients"][0]


def outcome(server, rcpt, **how):
    """What becomes of one more message to it."""
    before = server.cli("why", "--json", rcpt, code=None).count('"id"')
    send(server, rcpts=(rcpt,), **how)
    wait_until(lambda: server.cli("why", "--json", rcpt, code=None).count('"id"') > before)
    return status_of(server, rcpt)


def test_a_dead_address_is_suppressed_with_proof_and_the_next_mail_to_it_is_dropped_with_a_story():
    with world(dead) as (server, receiver):
        send(server, rcpts=("Dead@dest.test",))
        story = server.story("Dead@dest.test", lambda s: s["recipients"][0]["status"] == "failed")
        told = wait_until(lambda: why(server, "dead@dest.test")["blocked"] and why(server, "dead@dest.test"))
        entry = told["entries"][0]["entry"]
        assert DEAD in entry["text"] and "127.0.0.1" in entry["text"] and "RCPT TO" in entry["text"], entry
        assert entry["message"] == story["id"] and entry["reason"] == "hardbounce" and entry["automatic"] and entry["by"] == "goniec", entry
        assert entry["account"] == "-" and "expires" not in entry, entry
        wait_until(lambda: outcome(server, "dead@dest.test")["status"] == "dropped")
        attempts = sum("RCPT" in c and "dead" in c.lower() for c in receiver.commands)
        last = outcome(server, "DEAD@dest.test")
        event = last["events"][0]
        assert len(last["events"]) == 1 and event["cause"] == "suppressed" and event["attempt"] == 0, last
        assert "hardbounce, added automatically" in event["note"] and time.strftime("%Y-%m", time.gmtime()) in event["note"], event
        assert sum("RCPT" in c and "dead" in c.lower() for c in receiver.commands) == attempts
        text = server.cli("why", "--lang", "pl", "DEAD@dest.test")
        assert "czarnej liście" in text and "usunięta z kolejki" in text, text
        text = server.cli("suppression", "why", "--lang", "pl", "dead@dest.test")
        assert "dowód: " + DEAD in text and "dodał(a): goniec, automatycznie" in text and story["id"] in text, text
        assert outcome(server, "b@dest.test")["status"] == "delivered"


def test_what_is_said_of_us_or_of_the_message_suppresses_nobody():
    replies = {"ip": "550 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org",
               "sender": "550 5.1.1 sender is blacklisted", "bare": "550 no", "policy": "550 5.7.1 rejected by policy",
               "full": "552 5.2.2 mailbox full", "spam": "554 5.7.1 message looks like spam", "dead": DEAD}
    with world(lambda stage, argument: replies.get(argument.split("@")[0]) if stage == "rcpt" else None) as (server, _):
        for name in replies:  # the dead one last: what is learnt from it is learnt after all the others
            send(server, rcpts=(f"{name}@dest.test",))
            server.story(f"{name}@dest.test")
        wait_until(lambda: listed(server))
        assert [e["email"] for e in listed(server)] == ["dead@dest.test"], listed(server)


def test_a_refusal_of_the_sender_or_a_lost_connection_suppresses_nobody():
    with world(lambda stage, argument: DEAD if stage == "mail" and "bad@" in argument else dead(stage, argument)) as (server, _):
        assert outcome(server, "b@dest.test", sender="bad@sender.test")["status"] == "failed"
        assert outcome(server, "dead@dest.test")["status"] == "failed"
        wait_until(lambda: listed(server))
        assert [e["email"] for e in listed(server)] == ["dead@dest.test"], listed(server)


def test_the_white_list_keeps_addresses_from_automatic_entries_and_overrides_those_that_are_there():
    with world(dead) as (server, receiver):
        server.cli("allow", "add", "safe.test", "--reason", "a client that asked", "--account", "-")
        assert outcome(server, "dead@safe.test")["status"] == "failed"
        assert outcome(server, "dead@dest.test")["status"] == "failed"  # learnt after the other
        wait_until(lambda: why(server, "dead@dest.test")["blocked"])
        assert not why(server, "dead@safe.test")["blocked"]
        rows = b"email,reason,account,automatic\nauto@dest.test,bounce,-,yes\nhand@dest.test,bounce,-,no\n"
        server.cli("suppression", "import", "-", input=rows)
        assert outcome(server, "auto@dest.test")["status"] == outcome(server, "hand@dest.test")["status"] == "dropped"
        server.cli("allow", "add", "auto@dest.test", "hand@dest.test", "--reason", "they called")
        assert outcome(server, "auto@dest.test")["status"] == "delivered" and outcome(server, "hand@dest.test")["status"] == "dropped"
        assert not why(server, "auto@dest.test")["blocked"] and "white list spares" in server.cli("suppression", "why", "auto@dest.test")
        server.cli("allow", "remove", "auto@dest.test")
        assert outcome(server, "auto@dest.test")["status"] == "dropped"


def test_an_entry_ends_when_it_expires_or_is_removed_and_domains_stop_all_their_addresses():
    with world() as (server, _):
        server.cli("suppression", "add", "short@dest.test", "--expires", "4s")
        server.cli("suppression", "add", "closed.test", "--reason", "abuse")
        assert outcome(server, "short@dest.test")["status"] == "dropped"
        assert outcome(server, "any@closed.test")["status"] == "dropped"
        assert outcome(server, "any@sub.closed.test")["status"] == "delivered"
        wait_until(lambda: not why(server, "short@dest.test")["blocked"])
        assert outcome(server, "short@dest.test")["status"] == "delivered"
        server.cli("suppression", "remove", "closed.test")
        assert outcome(server, "any@closed.test")["status"] == "delivered"
        assert "not on the list" in server.cli("suppression", "remove", "closed.test", code=65)


def test_mail_that_waits_for_its_next_attempt_is_stopped_too():
    with world(lambda stage, argument: "451 4.3.0 later" if stage == "rcpt" else None, more=QUICK) as (server, _):
        send(server, rcpts=("b@dest.test",))
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
        server.cli("suppression", "add", "b@dest.test")
        last = status_of(server, "b@dest.test")
        assert last["status"] == "dropped" and last["events"][0]["status"] == "deferred", last


def test_one_of_many_recipients_is_dropped_and_the_others_get_their_mail():
    with world() as (server, receiver):
        server.cli("suppression", "add", "r3@dest.test")
        send(server, rcpts=[f"r{i}@dest.test" for i in range(6)])
        wait_until(lambda: receiver.messages)
        story = server.story("r3@dest.test", lambda s: s["open"] == 0)
        assert [r["status"] for r in story["recipients"]] == ["delivered"] * 3 + ["dropped"] + ["delivered"] * 2, story
        time.sleep(0.3)
        assert not [m for m in receiver.messages if m[0] == ""]  # a drop is not bounced


def test_notifications_and_mail_without_a_sender_go_to_suppressed_addresses():
    with world(dead) as (server, receiver):
        server.cli("suppression", "add", "a@sender.test", "c@dest.test")
        assert outcome(server, "dead@dest.test")["status"] == "failed"
        wait_until(lambda: [m for m in receiver.messages if m[0] == "" and m[1] == ["a@sender.test"]])
        assert outcome(server, "c@dest.test", sender="")["status"] == "delivered"
        assert outcome(server, "dead2@dest.test", sender="")["status"] == "failed"
        assert outcome(server, "dead3@dest.test")["status"] == "failed"
        wait_until(lambda: why(server, "dead3@dest.test")["blocked"])
        assert not why(server, "dead2@dest.test")["blocked"]  # nor is anything learnt from it


def test_mail_for_domains_of_this_server_is_answered_not_suppressed():
    with world(dead) as (server, receiver):
        server.cli("suppression", "add", "jan@hosted.test")
        assert outcome(server, "jan@hosted.test")["status"] == "delivered"
        assert outcome(server, "dead@hosted.test")["status"] == "failed"
        assert outcome(server, "dead@dest.test")["status"] == "failed"
        wait_until(lambda: why(server, "dead@dest.test")["blocked"])
        assert not why(server, "dead@hosted.test")["blocked"]


def test_why_an_address_is_not_suppressed_is_told_by_its_newest_refusal():
    replies = {"listed": "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org", "later": "450 4.1.1 User unknown",
               "full": "552 5.2.2 mailbox full", "bare": "550 no", "dead": DEAD, "mixed": "451 4.3.0 Temporary lookup failure"}
    with world(lambda stage, argument: replies.get(argument.split("@")[0].lower()) if stage == "rcpt" else None) as (server, _):
        for name, life in (("listed", "not-about-it"), ("later", "for-now"), ("bare", "unsure"), ("dead", "dead")):
            send(server, rcpts=(f"{name}@dest.test",))
            story = server.story(f"{name}@dest.test", lambda s: s["recipients"][0]["events"])
            told = why(server, f"{name.upper()}@dest.test")
            assert told["refusal"]["message"] == story["id"] and told["refusal"]["address"] == life, (name, told)
            assert told["refusal"]["reply"] in replies[name] and told["refusal"]["cause"] == story["recipients"][0]["events"][0]["cause"], told
        wait_until(lambda: why(server, "dead@dest.test")["blocked"])
        server.cli("suppression", "remove", "dead@dest.test", "--account", "-")
        assert "an entry was removed" in server.cli("suppression", "why", "dead@dest.test")
        assert why(server, "dead@dest.test", "--account", "*")["refusal"] is None  # none of that account's mail
        send(server, rcpts=("mixed@dest.test",))
        server.story("mixed@dest.test", lambda s: s["recipients"][0]["status"] == "deferred")
        del replies["mixed"]
        server.cli("queue", "retry", "all")
        server.story("mixed@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        text = server.cli("suppression", "why", "mixed@dest.test", "--lang", "pl")
        assert "potem poczta do niego została przyjęta" in text and "[receiver-error, pewność" in text, text
        assert "no refusal of mail to it is known" in server.cli("suppression", "why", "nobody@dest.test")
        assert "refusal" not in server.cli("suppression", "why", "dest.test")  # a domain has no story
        assert outcome(server, "dead@dest.test", sender="")["status"] == "failed"
        assert "had no sender" in server.cli("suppression", "why", "dead@dest.test")


def submit(server, login, password, rcpt):
    with smtplib.SMTP_SSL("127.0.0.1", server.submissions, context=ssl._create_unverified_context(), timeout=20) as s:
        s.ehlo()
        assert s.docmd("AUTH PLAIN", base64.b64encode(f"\0{login}\0{password}".encode()).decode())[0] == 235
        s.sendmail("a@sender.test", [rcpt], MESSAGE)


def test_lists_are_an_accounts_own_unless_the_server_says_otherwise():
    for wide in ("no", "yes"):
        with world(dead, trusted=False, more=f"suppression {{ server_wide = {wide} }}") as (server, _):
            secret = {name: server.cli("account", "add", name).splitlines()[1].split()[-1] for name in ("shop", "other")}
            submit(server, "shop", secret["shop"], "dead@dest.test")
            entry = wait_until(lambda: listed(server))[0]
            assert entry["account"] == ("*" if wide == "yes" else "shop"), entry
            server.cli("suppression", "publish")
            for name, expected in (("shop", "dropped"), ("other", "dropped" if wide == "yes" else "failed")):
                known = server.cli("why", "--json", "dead@dest.test").count('"id"')
                submit(server, name, secret[name], "dead@dest.test")
                wait_until(lambda: server.cli("why", "--json", "dead@dest.test").count('"id"') > known)
                assert status_of(server, "dead@dest.test")["status"] == expected, (wide, name)
            if wide == "no":
                assert "list of *, but on that of" in server.cli("suppression", "remove", "dead@dest.test", code=65)
                server.cli("suppression", "remove", "dead@dest.test", "--account", "shop")
                assert not why(server, "dead@dest.test", "--account", "shop")["blocked"]
                assert "no account" in server.cli("suppression", "add", "x@dest.test", "--account", "shp", code=65)


def test_entries_outlive_a_killed_engine_and_a_restart():
    with world() as (server, receiver):
        server.cli("suppression", "add", "b@dest.test")
        before = len(server.log_text())
        os.kill(server.engine(), signal.SIGKILL)
        wait_until(lambda: server.is_up(before))
        assert outcome(server, "b@dest.test")["status"] == "dropped"
        server.stop()
        server.cli("suppression", "add", "c@dest.test")  # while nothing runs
        server.start()
        assert outcome(server, "b@dest.test")["status"] == outcome(server, "c@dest.test")["status"] == "dropped"


def test_a_killed_office_counts_every_failure_once_and_publishes_what_it_learnt():
    more = "suppression { failures = 2 }"
    with world(dead, more=more) as (server, _):
        for i in range(24):
            send(server, rcpts=(f"dead{i}@dest.test",))
            if i % 2:
                send(server, rcpts=(f"dead{i}@dest.test",))
            if i % 8 == 5:
                for pid in [p for p in server.children() if p != server.engine()]:
                    os.kill(pid, signal.SIGKILL)
        for i in range(24):
            status_of(server, f"dead{i}@dest.test")
        expected = sorted(f"dead{i}@dest.test" for i in range(1, 24, 2))
        wait_until(lambda: [e["email"] for e in listed(server)] == expected, 30)
        assert why(server, "dead0@dest.test", "--account", "-")["failures"] == 1
        wait_until(lambda: outcome(server, "dead1@dest.test")["status"] == "dropped")


def test_a_delivery_in_between_ends_the_count_of_failures():
    refuse = [True]

    def rule(stage, argument):
        return DEAD if stage == "rcpt" and argument == "b@dest.test" and refuse[0] else None
    with world(rule, more="suppression { failures = 2 }") as (server, _):
        for refuses in (True, False, True):
            refuse[0] = refuses
            assert outcome(server, "b@dest.test")["status"] == ("failed" if refuses else "delivered")
        wait_until(lambda: why(server, "b@dest.test", "--account", "-")["failures"] == 1)
        assert not why(server, "b@dest.test")["blocked"]
        assert outcome(server, "b@dest.test")["status"] == "failed"
        wait_until(lambda: why(server, "b@dest.test")["blocked"])


def test_automatic_entries_can_be_switched_off_or_made_to_expire():
    for more in ("suppression { automatic = no }", 'suppression { expires = "60d" }'):
        with world(dead, more=more) as (server, _):
            assert outcome(server, "dead@dest.test")["status"] == "failed"
            if "no" in more:
                assert not listed(server)
                continue
            entry = wait_until(lambda: listed(server))[0]
            days = (time.mktime(time.strptime(entry["expires"][:10], "%Y-%m-%d")) - time.time()) / 86400
            assert 57 < days < 62, entry
    bad = Goniec(1, 'suppression { expires = "5d" }', start=False)
    try:
        assert "goniec.conf:" in bad.cli("check-config", "-c", bad.config, code=78) and "expires" in bad.cli("check-config", "-c", bad.config, code=78)
    finally:
        bad.close()


def control(server, line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(server.data + "/run/engine.sock")
        s.sendall(line.encode() + b"\n")
        answer = b""
        while part := s.recv(4096):
            answer += part
        return answer.decode()


def spoil(server, text=b"email,reason\nb@dest.test,abuse\n" * 10):
    path = os.path.join(server.data, "suppression")
    with open(path + ".tmp", "wb") as f:
        f.write(text)
    os.rename(path + ".tmp", path)


def test_a_foreign_or_torn_file_is_refused_the_old_list_stays_and_it_is_made_anew():
    with world() as (server, _):
        server.cli("suppression", "add", "b@dest.test", "c@dest.test")
        with open(os.path.join(server.data, "suppression"), "rb") as f:
            whole = f.read()
        for text in (b"email,reason\n" * 20, b"", whole[:50], whole[:70] + b"\0" + whole[71:]):
            spoil(server, text)
            answer = control(server, "reload-suppression")
            assert answer.startswith("error ") and "suppression publish" in answer, (text, answer)
        assert outcome(server, "b@dest.test")["status"] == "dropped"
        server.cli("suppression", "add", "d@dest.test")  # cannot be appended to that: all is written anew
        assert control(server, "reload-suppression") == "ok 0\n"
        for rcpt in ("b@dest.test", "c@dest.test", "d@dest.test"):
            assert outcome(server, rcpt)["status"] == "dropped", rcpt
        server.stop()
        spoil(server)
        server.start()  # the office makes it anew, then the engine starts
        assert outcome(server, "c@dest.test")["status"] == "dropped"


def test_a_list_whose_writer_died_before_telling_is_noticed():
    with world() as (server, _), Lists() as other:
        assert outcome(server, "b@dest.test")["status"] == "delivered"
        other.cli("suppression", "add", "b@dest.test")
        with open(os.path.join(other.data, "suppression"), "rb") as f:
            spoil(server, f.read())
        wait_until(lambda: outcome(server, "b@dest.test")["status"] == "dropped")


# ---- lists that come in and go out ----

class Lists(Goniec):
    """A data directory without a server."""

    def __init__(self):
        super().__init__(1, start=False)
        os.mkdir(self.data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as f:
            f.write(text.encode() if isinstance(text, str) else text)
        return path


def test_an_export_comes_back_as_it_was_in_both_forms():
    with Lists() as one:
        one.cli("account", "add", "shop")
        rows = ["email,reason,created,expires,account,by,automatic,message,text",
                'jan@dest.test,hardbounce,2024-05-31T12:00:00.000Z,2099-01-02T00:00:00.000Z,shop,goniec,yes,01ARZ3NDEKTSV4RRFFQ69G5FAV,"550 5.1.1 ""no"", such',
                'user; here"', '"""Jan Kowalski""@dest.test",spam_complaint,2024-01-01T00:00:00.000Z,,*,ania,no,,', "zażółć@żółć.test,other,1700000000,,-,x,no,,ąę",
                "closed.test,abuse,31.12.2023 10:30,,*,x,no,,"]
        for which, text in (("suppression", "\n".join(rows) + "\n"), ("allow", "email,created,account,by,text\nvip@dest.test,2024-05-31,shop,ania,called, twice\n"
                                                                                'safe.test,2024-05-31,*,ania,"a ""big"" client"\n')):
            one.cli(which, "import", one.file("in.csv", text))
            for form in ((), ("--json",)):
                with Lists() as other:
                    other.cli("account", "add", "shop")
                    out = one.cli(which, "export", *form)
                    assert out.count("\n") >= 2
                    other.cli(which, "import", "-", input=out.encode())
                    assert other.cli(which, "export", *form) == out
        entries = {e["email"]: e for e in listed(one)}
        assert set(entries) == {"jan@dest.test", '"jan kowalski"@dest.test', "zażółć@xn--kda4b0koi.test", "closed.test"}, entries
        assert entries["jan@dest.test"]["text"] == '550 5.1.1 "no", such\nuser; here' and entries["jan@dest.test"]["automatic"], entries
        assert entries["closed.test"]["created"] == "2023-12-31T10:30:00.000Z", entries


def test_exports_of_other_services_are_understood():
    with Lists() as server:
        sendgrid = "status,reason,email,created\n5.1.1,\"550 5.1.1 The email account does not exist\",a@dest.test,1700000000\n"
        server.cli("suppression", "import", "--reason", "hardbounce", server.file("bounces.csv", sendgrid))
        semicolons = "\ufeffAdres e-mail;Powód;Data dodania\r\n".replace("Adres e-mail", "E-mail") + "b@dest.test;spam;2024-02-03 04:05:06\r\n"
        server.cli("suppression", "import", server.file("czarna.csv", semicolons))
        server.cli("suppression", "import", server.file("plain.txt", "c@dest.test\nD@dest.test,unsubscribed\n"))
        server.cli("suppression", "import", server.file("x.ndjson", '{"created":1700000000000,"email":"e\\u0040dest.test","reason":"Group-Unsubscribe","x":{"y":[1,"}"]}}\n'))
        entries = {e["email"]: e for e in listed(server)}
        assert [entries[x + "@dest.test"]["reason"] for x in "abcde"] == ["hardbounce", "spam_complaint", "other", "unsubscribe", "unsubscribe"], entries
        assert entries["a@dest.test"]["text"].startswith("550 5.1.1") and entries["a@dest.test"]["created"] == entries["e@dest.test"]["created"], entries
        assert entries["b@dest.test"]["created"] == "2024-02-03T04:05:06.000Z", entries


def test_a_bad_line_is_told_by_file_and_line_and_nothing_is_imported_unless_asked():
    text = "email,reason,created\na@dest.test,bounce,1700000000\nnot an address,bounce,\n\"open,bounce,\nb@dest.test,bounce,yesterday\ngmail.com,abuse,\nc@dest.test,,\n"
    with Lists() as server:
        path = server.file("list.csv", text)
        out = server.cli("suppression", "import", path, code=65)
        for line in (3, 4, 5, 6):
            assert f"{path}:{line}: " in out, out
        assert "nothing was changed" in out and not listed(server), out
        out = server.cli("suppression", "import", "--dry-run", path, code=65)
        assert "2 would be added" in out and "4 bad lines" in out and not listed(server), out
        assert "2 added" in server.cli("suppression", "import", "--skip-bad", path)
        assert [e["email"] for e in listed(server)] == ["a@dest.test", "c@dest.test"]
        again = server.cli("suppression", "import", "--skip-bad", path)
        assert "0 added, 2 were there already" in again, again
        assert "dry run: 1 would be added" in server.cli("suppression", "import", "--dry-run", "-", input=b"d@dest.test\nD@dest.test\n")
        assert "no column" in server.cli("suppression", "import", "-", input=b"name,phone\nx,1\n", code=65)
        assert "-:2: " in server.cli("suppression", "import", "-", input=b'{"email":"x@dest.test"}\n{"email":\n', code=65)
        assert "no account" in server.cli("suppression", "import", "-", input=b"email,account\nx@dest.test,nobody\n", code=65)
        assert "cannot open" in server.cli("suppression", "import", path + ".missing", code=66)
        assert len(listed(server)) == 2


def test_whole_free_mail_providers_are_refused_and_people_must_say_why_they_allow():
    with Lists() as server:
        assert "free-mail" in server.cli("suppression", "add", "gmail.com", code=65)
        server.cli("suppression", "add", "gmail.com", "--force")
        assert "free-mail" in server.cli("allow", "add", "wp.pl", "--reason", "x", code=65)
        assert "no option" in server.cli("allow", "add", "wp.pl", "--reason", "x", "--force", code=64)  # not even so
        assert "free-mail" in server.cli("allow", "import", "-", input=b"email,reason\nonet.pl,x\n", code=65)
        server.cli("allow", "add", "jan@wp.pl", "--reason", "x")
        assert "--reason" in server.cli("allow", "add", "dest.test", code=65)
        assert "expected hardbounce" in server.cli("suppression", "add", "b@dest.test", "--reason", "because", code=65)
        assert "expected never" in server.cli("suppression", "add", "b@dest.test", "--expires", "soon", code=65)
        server.cli("suppression", "add", "b@dest.test", "not an address", code=65)
        assert [e["email"] for e in listed(server)] == ["gmail.com"], listed(server)  # all or none
        assert "on no list" in server.cli("suppression", "why", "b@dest.test")
        assert not why(server, "b@dest.test")["blocked"]
        server.cli("suppression", "forget", code=64)
        server.cli("suppression", "--help")
