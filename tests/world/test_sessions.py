"""Sessions at the doors: which speak what, how many an account may have, and what each is told when the server stops."""
import base64
import contextlib
import signal
import socket
import ssl
import time

from corpora import Raw
from test_relay import world
from world import wait_until


def log_in(c, password):
    return c.say(b"AUTH PLAIN " + base64.b64encode(b"\0shop\0" + password) + b"\r\n")


def add_account(server):
    return server.cli("account", "add", "shop").splitlines()[1].split()[-1].encode()


def test_implicit_tls_is_not_spoken_in_the_clear():
    with world() as (server, _):
        with socket.create_connection(("127.0.0.1", server.submissions), 10) as s:
            s.sendall(b"EHLO client.test\r\n")
            with contextlib.suppress(ConnectionResetError):
                got = s.recv(1000)
                assert b"220" not in got and b"250" not in got, got


def test_who_talks_before_the_greeting_is_answered_after_it():
    with world(more='accept { greeting_wait = "1s" }', trusted=False) as (server, _):
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            s.sendall(b"EHLO client.test\r\n")
            got = b""
            while not got.endswith(b"250 LIMITS RCPTMAX=1000\r\n"):
                part = s.recv(1000)
                assert part, got
                got += part
            assert got.startswith(b"220 ") and got.count(b"\r\n250-mail.goniec.test\r\n") == 1, got


def test_an_account_has_as_many_sessions_as_it_may_and_is_told_so():
    with world(more="accept { sessions_per_account_max = 2 }", trusted=False) as (server, _):
        password = add_account(server)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Raw(server.submissions, tls=True)) for _ in range(3)]
            assert [log_in(c, password)[:3] for c in clients] == [b"235", b"235", b"421"]
        def free():
            """a session of the account again"""
            with Raw(server.submissions, tls=True) as c:
                return log_in(c, password)[:3] == b"235"
        wait_until(free)


def test_a_login_that_starttls_forgets_gives_its_session_back():
    with world(more="accept { sessions_per_account_max = 2 }") as (server, _):  # trusted: may log in without TLS
        password = add_account(server)
        for _ in range(4):
            with Raw(server.submission) as c:
                assert log_in(c, password)[:3] == b"235"
                assert c.say(b"STARTTLS\r\n")[:3] == b"220"
                c.secure()
                assert b"AUTH" in c.say(b"EHLO client.test\r\n"), "the login is forgotten"
                assert log_in(c, password)[:3] == b"235"
            time.sleep(0.1)


def test_idle_sessions_are_told_when_the_server_stops_and_one_in_a_message_finishes_it():
    with world() as (server, receiver):
        with Raw(server.mx) as idle, Raw(server.mx) as busy:
            busy.begin([b"b@dest.test"])
            server.process.send_signal(signal.SIGTERM)
            assert idle.reply()[:9] == b"421 4.3.2"
            assert idle.reply() == b""
            assert busy.say(b"Subject: last\r\n\r\n.\r\n")[:3] == b"250"
        assert server.stop() == 0
        server.start()  # it was kept, whether or not it still went out
        wait_until(lambda: receiver.messages)


def test_a_message_for_two_is_traced_without_naming_either_and_utf8_by_its_protocol():
    with world(extensions=("8BITMIME", "SMTPUTF8")) as (server, receiver):
        with Raw(server.mx) as c:
            c.begin([b"b@dest.test", b"c@dest.test"], "gęś@łąka.test".encode(), b" SMTPUTF8 BODY=8BITMIME")
            assert c.say(b"Subject: x\r\n\r\n.\r\n")[:3] == b"250"
        wait_until(lambda: receiver.messages)
        trace = receiver.messages[0][2].split(b"Subject")[0]
        assert b" with UTF8SMTP id " in trace and b"for <" not in trace, trace


def test_a_submission_under_tls_is_traced_with_its_cipher():
    with world(trusted=False) as (server, receiver):
        password = add_account(server)
        for version, name in ((ssl.TLSVersion.TLSv1_2, b"TLS_ECDHE_"), (ssl.TLSVersion.TLSv1_3, b"TLS_AES_")):
            with Raw(server.submissions, tls=version) as c:
                assert log_in(c, password)[:3] == b"235"
                c.begin([b"b@dest.test"])
                assert c.say(b"Subject: x\r\n\r\n.\r\n")[:3] == b"250"
            wait_until(lambda: receiver.messages)
            trace = receiver.messages.pop()[2].split(b"Subject")[0]
            assert b" with ESMTPSA id " in trace and b"\r\n\ttls " + name in trace, trace


def drip(server, before, piece):
    """Sends the piece again and again, a third of the time-out apart; how long that went on."""
    with Raw(server.mx) as c:
        for words in before:
            c.say(words)
        c.socket.settimeout(0.3)
        began = time.monotonic()
        while time.monotonic() - began < 20:
            with contextlib.suppress(TimeoutError):
                c.send(piece)
                got = c.socket.recv(1000)
                assert got.startswith(b"421 4.4.2"), got
                return time.monotonic() - began
        raise AssertionError("it goes on and on")


def test_pieces_of_a_command_do_not_keep_a_session_for_ever():
    with world(more="accept { command_timeout = 1s }") as (server, _):
        assert drip(server, [], b"x") < 4
        assert drip(server, [], b"y" * 5000) < 4  # of a line that is thrown away
        assert drip(server, [b"AUTH PLAIN\r\n"], b"A") < 4


def test_a_proxy_header_from_a_network_that_is_not_named_is_not_believed():
    with world(more='proxy_networks = {"192.0.2.0/24"}', trusted=False) as (server, receiver):
        with Raw(server.mx, ehlo=False) as c:
            assert c.say(b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 25\r\n")[:9] == b"500 5.5.2"
            assert c.say(b"EHLO client.test\r\n")[:3] == b"250"
            c.begin([b"b@hosted.test"])
            assert c.say(b"Subject: x\r\n\r\n.\r\n")[:3] == b"250"
        wait_until(lambda: receiver.messages)
        assert server.story("b@hosted.test")["client_ip"] == "127.0.0.1"


def test_what_ehlo_promises_is_kept():
    """LIMITS (RFC 9422), SIZE (1870) and the extensions it names, no more: BINARYMIME is not among them."""
    with world(more="accept { recipients_max = 100 transactions_max = 2 message_bytes_max = 64K }") as (server, receiver):
        with Raw(server.mx, ehlo=False) as c:
            lines = c.say(b"EHLO client.test\r\n").split(b"\r\n")
            words = {line[4:].split(b" ")[0] for line in lines[1:-1]}
            assert words == {b"PIPELINING", b"SIZE", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES", b"DSN", b"CHUNKING", b"STARTTLS", b"LIMITS"}, words
            assert b"250 LIMITS RCPTMAX=100 MAILMAX=2" in lines and b"250-SIZE 65536" in lines, lines
            assert c.say(b"MAIL FROM:<a@b.test> BODY=BINARYMIME\r\n")[:4] == b"501 "
            for _ in range(2):
                c.begin([b"r%d@dest.test" % i for i in range(100)])
                size = 65536 - len(b"Subject: x\r\n\r\n\r\n")
                assert c.say(b"Subject: x\r\n\r\n" + b"y" * size + b"\r\n.\r\n")[:3] == b"250"
            assert c.say(b"MAIL FROM:<a@b.test>\r\n")[:9] == b"421 4.7.0"
        wait_until(lambda: len(receiver.messages) == 2)


def test_a_handshake_that_ends_after_the_session_does_is_nothing():
    with world(more='drain_time = "5s"') as (server, _):
        with Raw(server.submissions, greeting=False, ehlo=False) as idle, Raw(server.mx) as held:
            held.begin([b"b@dest.test"])  # keeps the engine until its drain time is over
            idle.start_tls_slowly()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                idle.go_on_with_tls()
            assert held.say(b"Subject: x\r\n\r\n.\r\n")[:3] == b"250"
        assert server.stop() == 0
    with world(more="accept { command_timeout = 1s }") as (server, _):
        with Raw(server.mx) as c:
            engine = server.engine()
            assert c.say(b"STARTTLS\r\n")[:3] == b"220"
            c.start_tls_slowly()
            time.sleep(1.5)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                c.go_on_with_tls()
        assert server.engine() == engine
