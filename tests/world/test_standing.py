"""How things stand is told in sentences: what waits, to whom, why and since when; whose mail rests; what was refused. The numbers are right
whatever happens to the office, and what is delivered is gone from them."""
import json
import os
import signal
import smtplib
import time

from names import Names
from world import Goniec, Receiver, free_port, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: x\r\n\r\nbody\r\n"
GREY = "450 4.7.1 Greylisted, please come back in 300 seconds"
LISTED = "550 5.7.1 Service unavailable; client host [192.0.2.9] blocked using zen.spamhaus.org"


def send(server, *recipients):
    """Without a sender: nobody is told of what is refused."""
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        for r in recipients:
            s.sendmail("", r if isinstance(r, list) else [r], MESSAGE)


def standing(server, *args):
    return json.loads(server.run(*args, "--json").stdout)


def groups(found, kind="waiting"):
    """Messages (or recipients) by title or first domain, and cause."""
    return {(g["title"] or g["domains"][0]["domain"], g["cause"]): g.get("messages", g["recipients"]) for g in found[kind]}


def test_what_waits_is_told_by_receiver_and_cause_and_is_gone_once_delivered():
    """Two domains at one provider, one that greylists on servers of its own, one that nobody can be reached at, one that refuses."""
    later = [True]

    def rule(stage, argument):
        if stage == "rcpt" and later[0] and argument.endswith("@slow.test"):
            return GREY
        if stage == "rcpt" and later[0] and argument.endswith(("@firma.test", "@shop.test")):
            return "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address"
        if stage == "rcpt" and argument.endswith("@nobody.test"):
            return "550 5.1.1 no such user here"
        return None
    port = free_port()
    receiver = Receiver(rule, address=("127.0.0.1", port))
    answers = {("mx.slow.test", "A"): ["127.0.0.1"], ("aspmx.l.google.com", "A"): ["127.0.0.1"], ("smtp.google.com", "A"): ["127.0.0.1"],
               ("mx.dead.test", "A"): ["127.0.0.8"], ("slow.test", "MX"): [(10, "mx.slow.test")], ("firma.test", "MX"): [(10, "aspmx.l.google.com")],
               ("shop.test", "MX"): [(10, "smtp.google.com")], ("dead.test", "MX"): [(10, "mx.dead.test")], ("nobody.test", "MX"): [(10, "mx.slow.test")]}
    names = Names(answers)
    server = Goniec(0, f'deliver {{ port = {port} resolvers = {{"127.0.0.1@{names.port}"}} allow_special_addresses = yes }}', routed=False)
    try:
        assert "the queue is empty" in server.cli("queue")
        send(server, *[f"r{i}@slow.test" for i in range(22)], *[f"r{i}@firma.test" for i in range(3)], "r@shop.test", ["x@shop.test", "y@shop.test"],
             "b@dead.test", "u@nobody.test")
        want = {("slow.test", "greylisted"): 22, ("Gmail", "rate-limited"): 5, ("dead.test", "connection-refused"): 1}

        def told():
            """all that waits in its groups"""
            found = standing(server, "queue")
            return found if groups(found) == want else None
        found = wait_until(told, 30)
        assert found["refused"] == [] and found["queued"] == 28
        gmail = next(g for g in found["waiting"] if g["title"] == "Gmail")
        assert gmail["provider"] == "gmail" and gmail["recipients"] == 6 and "unusual rate" in gmail["said"], gmail
        assert {d["domain"]: d["messages"] for d in gmail["domains"]} == {"firma.test": 3, "shop.test": 2}
        assert found["waiting"][0] == gmail  # it is somebody here who must do something
        text = server.cli("queue", "--lang", "pl")
        assert "22 wiadomości do domeny slow.test czekają od " in text and "5 wiadomości do usługi Gmail czeka od " in text, text
        assert "1 wiadomość do domeny dead.test czeka od " in text and "wiadomości w kolejce: 28" in text, text
        text = server.cli("why", "--lang", "en")
        assert "5 messages to Gmail have been waiting since " in text and "whose doing: the amount of mail sent" in text, text
        assert "Mail to 1 recipient at nobody.test was refused for good at " in text and "for example: 550 5.1.1 no such user here" in text, text
        assert groups(standing(server, "why"), "refused") == {("nobody.test", "user-unknown"): 1}
        assert groups(standing(server, "why", "firma.test")) == {("firma.test", "rate-limited"): 3}
        assert groups(standing(server, "why", "gmail")) == {("Gmail", "rate-limited"): 5}
        assert "nothing that waits" in server.cli("why", "other.test", "--lang", "en")
        later[0] = False
        for domain in ("slow.test", "firma.test", "shop.test"):
            server.cli("queue", "retry", "domain", domain)

        def over():
            """only the dead host's is left"""
            found = standing(server, "queue")
            return groups(found) == {("dead.test", "connection-refused"): 1} and found["queued"] == 1
        wait_until(over, 30)
        server.cli("queue", "hold", "domain", "dead.test")
        wait_until(lambda: groups(standing(server, "queue")) == {("dead.test", "held"): 1})
        server.cli("queue", "drop", "all")
        wait_until(lambda: "the queue is empty" in server.cli("queue", "--lang", "en"))
    finally:
        server.close()
        names.close()
        receiver.close()


def test_an_operator_learns_that_mail_rests_and_why():
    """Three refusals of our address in a row, and what is behind them is not burnt."""
    receiver = Receiver(lambda stage, argument: LISTED if stage == "rcpt" else None)
    server = Goniec(receiver.port, 'lane "*" { connections = 1 messages_per_connection = 1 }')
    try:
        send(server, *[f"r{i}@dest.test" for i in range(8)])

        def resting():
            """a receiver that rests"""
            found = standing(server, "why")
            return found if found["resting"] and found["refused"] else None
        found = wait_until(resting)
        rest = found["resting"][0]
        assert (rest["state"], rest["cause"], rest["refusals"], rest["recipients"]) == ("barred", "ip-listed", 3, 5), rest
        text = server.cli("queue", "--lang", "pl")
        assert "Poczta do domeny dest.test czeka do " in text and "bo 3 kolejne odmowy dotyczą tego serwera: " in text, text
        assert "W kolejce jest 5 odbiorców." in text and "po czyjej stronie: reputacja serwera lub domeny nadawcy" in text, text
        site = rest["site"]
        assert server.cli("queue", "pause", site) == "sites paused: 1\n"
        assert "Mail to dest.test is paused by an operator." in server.cli("why", "dest.test", "--lang", "en")
        assert server.cli("queue", "resume", site) == "sites resumed: 1\n"
        assert len([c for c in receiver.commands if c.startswith("RCPT")]) == 3
        server.stop()
        p = server.run("queue", "--json")
        assert json.loads(p.stdout)["resting"] is None and b"which receivers rest is not known" in p.stderr, p
    finally:
        server.close()
        receiver.close()


def test_the_numbers_are_right_when_the_office_is_killed_in_the_middle():
    """Deferrals and deliveries go on while it dies again and again."""
    tries = {}

    def rule(stage, argument):
        if stage != "rcpt":
            return None
        tries[argument] = tries.get(argument, 0) + 1
        return GREY if tries[argument] == 1 or argument.startswith("stays") else None
    receiver = Receiver(rule)
    server = Goniec(receiver.port, 'schedule { retry_first = "1s" retry_max = "2s" }')
    try:
        engine = server.engine()
        for round in range(4):
            send(server, *[f"{'stays' if i % 3 == 0 else 'goes'}{round}.{i}@dest{i % 2}.test" for i in range(60)])
            time.sleep(0.15 * round)
            os.kill(wait_until(lambda: next((p for p in server.children() if p != engine), 0), 20), signal.SIGKILL)

        def settled():
            """what stays, and only that"""
            found = standing(server, "queue")
            return groups(found) == {("dest0.test", "greylisted"): 80} and found["queued"] == 80
        wait_until(settled, 60, 0.2)
        assert len(receiver.messages) == 160
    finally:
        server.close()
        receiver.close()
