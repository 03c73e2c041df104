"""One queue, many senders and receivers: nobody's trouble is everybody's, storms keep the limits, and nothing goes round for ever."""
import contextlib
import datetime
import json
import smtplib
import socket
import ssl
import threading
import time

from names import Names
from test_hostile_dns import resident
from world import Goniec, Receiver, free_port, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: x\r\n\r\nbody\r\n"


def login(server, name):
    """A session of an account of that name."""
    secret = server.cli("account", "add", name).splitlines()[1].split()[-1]

    def session():
        s = smtplib.SMTP("127.0.0.1", server.submission, timeout=30)
        s.starttls(context=ssl._create_unverified_context())
        s.login(name, secret)
        return s
    return session


def test_a_large_queue_of_one_account_delays_no_other_account():
    taken = []

    def slow(stage, argument):
        if stage == "body":
            time.sleep(0.1)
            taken.append((time.monotonic(), argument))
    receiver = Receiver(slow)
    server = Goniec(receiver.port, 'lane "*" { connections = 2 }', trusted=False)
    try:
        big, small = login(server, "big"), login(server, "small")
        with big() as s:
            for i in range(300):  # 15 seconds of work for the site
                s.sendmail("a@sender.test", [f"big{i}@dest.test"], MESSAGE)
        with small() as s:
            began = time.monotonic()
            for i in range(5):
                s.sendmail("a@sender.test", [f"small{i}@dest.test"], MESSAGE)
        wait_until(lambda: sum(a.startswith("small") for _, a in list(taken)) == 5, 20)
        last = max(t for t, a in taken if a.startswith("small"))
        assert last - began < 5 and len(taken) < 200, (last - began, len(taken))
    finally:
        server.close()
        receiver.close()


@contextlib.contextmanager
def black_hole(address, port):
    """Takes no connection and answers nothing: its queue of connections is full."""
    hole = socket.socket()
    hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    hole.bind((address, port))
    hole.listen(0)
    fill = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((address, port))
        fill.append(s)
    try:
        yield
    finally:
        for s in (*fill, hole):
            s.close()


def test_two_thousand_domains_that_are_down_hold_nobody_up():
    answers = {("mx.test", "A"): ["127.0.0.1"]}
    for i in range(2000):
        answers.update({(f"dead{i}.test", "MX"): [(10, f"mx.dead{i}.test")], (f"mx.dead{i}.test", "A"): ["127.0.0.7"]})
    for i in range(50):
        answers[(f"good{i}.test", "MX")] = [(10, "mx.test")]
    port = free_port()
    receiver, names = Receiver(address=("127.0.0.1", port)), Names(answers)
    server = Goniec(0, f'deliver {{ port = {port} resolvers = {{"127.0.0.1@{names.port}"}} allow_special_addresses = yes connect_timeout = "3s" '
                       'attempts_max = 400 }', routed=False)
    try:
        with black_hole("127.0.0.7", port), smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.sendmail("a@sender.test", ["first@good0.test"], MESSAGE)
            wait_until(lambda: receiver.messages)
            engine = server.engine()
            before = resident(engine)
            for i in range(2000):
                s.sendmail("a@sender.test", [f"b@dead{i}.test"], MESSAGE)
            began = time.monotonic()
            for i in range(50):
                s.sendmail("a@sender.test", [f"b@good{i}.test"], MESSAGE)
            wait_until(lambda: len(receiver.messages) == 51, 30)
            waited, more = time.monotonic() - began, resident(engine) - before
            print(f"  fifty good domains behind 2,000 dead ones: {waited:.1f} s, {more} KiB more")
            # Not after the dead: their 2,000 attempts of 3 s in 2 x 300 places take 10 s.
            assert waited < 5 and more < 100 * 1024, (waited, more)
    finally:
        server.close()
        names.close()
        receiver.close()


def test_a_storm_of_retries_keeps_the_limit_of_connections():
    lock, now, most = threading.Lock(), [0], [0]
    later = [True]

    class Counting(Receiver):
        def serve(self, h):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            try:
                super().serve(h)
            finally:
                with lock:
                    now[0] -= 1

    def rule(stage, argument):
        if stage == "rcpt" and later[0]:
            return "451 4.3.0 out of order"
        if stage == "body":
            time.sleep(0.005)
        return None
    receiver = Counting(rule)
    server = Goniec(receiver.port, 'lane "*" { connections = 7 messages_per_connection = 0 }\nschedule { retry_first = "2s" retry_max = "2s" }')
    try:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            for i in range(500):
                s.sendmail("a@sender.test", [f"r{i}@dest.test"], MESSAGE)
        wait_until(lambda: sum(c.startswith("RCPT") for c in list(receiver.commands)) >= 500, 30)
        later[0] = False  # it is back, and all of them become due within a second
        wait_until(lambda: len(receiver.messages) == 500, 60)
        assert len({m[1][0] for m in receiver.messages}) == 500
        assert 2 <= most[0] <= 7, most
    finally:
        server.close()
        receiver.close()


def test_a_loop_of_mail_ends_at_the_limit_of_hops():
    server = Goniec(0, "accept { hops_max = 20 }", routed=False, start=False)
    server.write_config(f'accept {{ hops_max = 20 }}\nroute "*" {{ to = "smtp:127.0.0.1:{server.mx}" tls = "none" }}')
    server.start()
    try:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)

        def accepted():
            import urllib.request
            text = urllib.request.urlopen(f"http://127.0.0.1:{server.http}/metrics").read().decode()
            return sum(int(x.split()[-1]) for x in text.splitlines() if x.startswith("goniec_messages_accepted_total{"))
        story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "failed", 30, newest=False)
        event = story["recipients"][0]["events"][0]
        assert (event["code"], event["enhanced"]) == (554, "5.4.6"), event
        # The report goes the same way round, and ends there: nobody is told about a report.
        server.story("a@sender.test", lambda s: s["recipients"][0]["status"] == "failed", 30, newest=False)
        total = accepted()
        time.sleep(1)
        assert accepted() == total and total <= 2 * 22, total
        assert "empty" in server.cli("queue", "list")
    finally:
        server.close()


def lanes(server):
    return json.loads(server.cli("queue", "lanes", "--json"))


def post(server, *users):
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
        for user in users:
            s.sendmail("a@sender.test", [user + "@dest.test"], MESSAGE)


def lane(server, **what):
    """Waits for the only lane to be so."""
    def there():
        """a lane such as asked for"""
        found = lanes(server)
        return len(found) == 1 and all(found[0][k] == v for k, v in what.items()) and found[0]
    return wait_until(there, 30)


def test_a_paused_site_gets_nothing_until_it_is_resumed_and_lanes_says_so():
    receiver = Receiver()
    server = Goniec(receiver.port, 'lane "*" { connections = 4 messages_per_s = 2.5 }')
    try:
        assert server.cli("queue", "lanes") == "no mail goes out at the moment\n" and lanes(server) == []
        post(server, "first")
        wait_until(lambda: receiver.messages)
        row = lane(server, running=0)
        site = row.pop("site")
        assert row == {"stream": "transactional", "state": "open", "waiting": 0, "running": 0, "ended": 1, "connections": 4, "connections_max": 4,
                       "messages_per_s": 2.5, "rests_until": None}, row
        p = server.run("queue", "pause", "no.such.site")
        assert p.returncode == 65 and b"queue lanes" in p.stderr, p
        assert server.cli("queue", "pause", site) == "sites paused: 1\n"
        post(server, "second", "third")
        lane(server, waiting=2, state="paused")
        table = server.cli("queue", "lanes").splitlines()
        assert table[0].split() == ["site", "stream", "waiting", "connections", "a", "second", "state"], table
        assert table[1].split(maxsplit=5) == [site, "transactional", "2", "0/4", "2.5", "paused by the operator"] and len(table) == 2, table
        assert "wstrzymany przez administratora" in server.cli("queue", "lanes", "--lang", "pl")
        assert len(receiver.messages) == 1
        assert json.loads(server.cli("queue", "resume", "--json", "*"))["changed"] == 1
        wait_until(lambda: len(receiver.messages) == 3)
        assert "running" in server.cli("queue", "lanes")
    finally:
        server.close()
        receiver.close()


def test_lanes_tell_of_a_site_that_cannot_be_reached_until_when_it_rests():
    server = Goniec(free_port())
    try:
        began = datetime.datetime.now(datetime.timezone.utc)
        post(server, "b")
        row = lane(server, state="down", running=0)
        rests = datetime.datetime.fromisoformat(row["rests_until"].replace("Z", "+00:00"))
        assert 0 < (rests - began).total_seconds() < 60, row
        at = rests.astimezone().strftime("%Y-%m-%d %H:%M:")
        table = server.cli("queue", "lanes")
        assert f"rests until {at}" in table and ": no host of it could be reached" in table, table
    finally:
        server.close()


def test_lanes_tell_of_a_site_that_asks_for_less_and_of_one_that_refuses_this_server():
    says = ["450 4.7.1 Too many messages from your IP, slow down"]
    receiver = Receiver(lambda stage, argument: says[0] if stage == "rcpt" else None)
    server = Goniec(receiver.port, 'lane "*" { connections = 8 }')
    try:
        post(server, "b")
        assert lane(server, state="slowed", running=0)["connections"] < 8
        assert "the site said that it was too much" in server.cli("queue", "lanes")
        says[0] = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
        post(server, "c", "d", "e")
        assert lane(server, state="barred", running=0)["rests_until"]
        assert "rests until" in server.cli("queue", "lanes") and "refuses this server's address" in server.cli("queue", "lanes")
    finally:
        server.close()
        receiver.close()
