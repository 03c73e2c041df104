"""What attackers of mail servers have tried: second messages smuggled into the content, commands slipped in front of TLS, connections
torn in the middle of everything, floods, open relay probes, guesses at logins, malformed words on the local sockets. One server takes
them one after another, and must still be the same process, with mail flowing, at the end."""
import base64
import contextlib
import itertools
import os
import socket
import socketserver
import ssl
import stat
import struct
import subprocess
import threading
import time

from corpora import Raw, expected_rows
from test_clients import memory_of
from world import BINARY, Goniec, Receiver, wait_until

EVIL = b"MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@hosted.test>\r\nDATA\r\nsmuggled\r\n"
NEWLINES = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r")
FAKE_ENDS = [a + b"." + b for a, b in itertools.product(NEWLINES, NEWLINES) if b"\r\n.\r\n" not in a + b"." + b]
NUL_ENDS = [b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\0\n.\r\n", b"\r\n.\r\0\n"]


class Wire:
    """A receiver that keeps the bytes between DATA and the end of data as they came."""

    def __init__(self):
        self.contents, self.senders = [], []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(ConnectionError):
                    outer.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, s):
        held = b""

        def until(end):
            nonlocal held
            while end not in held:
                part = s.recv(65536)
                if not part:
                    raise ConnectionError
                held += part
            got, held = held.split(end, 1)
            return got
        s.sendall(b"220 wire ESMTP\r\n")
        while True:
            line = until(b"\r\n")
            verb = line[:4].upper()
            if verb == b"EHLO":
                s.sendall(b"250-wire\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                s.sendall(b"354 go on\r\n")
                self.contents.append(until(b"\r\n.\r\n") + b"\r\n")
                s.sendall(b"250 taken\r\n")
            else:
                if verb == b"MAIL":
                    self.senders.append(line)
                s.sendall(b"250 fine\r\n")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def under_attack(more="", receiver=None, **options):
    """A server that must outlive what is done to it."""
    receiver = receiver or Receiver()
    server = Goniec(receiver.port, more, **options)
    try:
        engine = server.engine()
        yield server, receiver
        assert server.engine() == engine, "the engine was started again: " + server.log_text()
        with Raw(server.mx) as c:
            c.begin([b"after@hosted.test"])
            assert c.say(b"Subject: still here\r\n\r\n.\r\n")[:3] == b"250"
    finally:
        server.close()
        receiver.close()


def payloads(kind, direction):
    rows = [bytes.fromhex(r["payload_hex"]) for r in expected_rows("smtp-attacks") if (r["kind"], r["direction"]) == (kind, direction)]
    assert rows
    return rows


# ---- smuggling in ----

def send_in_pieces(c, data, at):
    """Two segments with the border at `at`; 0: one."""
    if at:
        c.send(data[:at])
        time.sleep(0.001)
    c.send(data[at:])


def smuggle(server, payload, at, eight_bit, chunked=False):
    """The reply that the content gets."""
    text = b"Subject: x\r\n\r\n" + (b"za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87" if eight_bit else b"hi")
    content = text + payload + EVIL
    with Raw(server.mx) as c:
        c.begin([b"b@hosted.test"], data=not chunked)
        if chunked:
            got = c.say(b"BDAT %d LAST\r\n" % len(content) + content)
        else:
            send_in_pieces(c, content + b"\r\n.\r\n", len(text) + at if at else 0)
            got = c.reply()
        assert c.say(b"NOOP\r\n") == b"250 2.0.0 Fine\r\n", (payload, got)
        return got


def nothing_smuggled(receiver):
    assert not [m for m in receiver.messages if m[0] == "evil@sender.test" or "victim@hosted.test" in m[1]], receiver.messages


def smuggle_all(server, receiver, ends, good):
    for payload in ends:
        for at in range(len(payload) + 1):
            got = smuggle(server, payload, at, eight_bit=at % 2)
            assert good(got), (payload, at, got)
        got = smuggle(server, payload, 0, False, chunked=True)
        assert good(got), (payload, got)
    nothing_smuggled(receiver)


def test_no_listed_sequence_ends_data_however_it_is_cut_into_segments():
    with under_attack(trusted=False) as (server, receiver):
        smuggle_all(server, receiver, payloads("eod-sequence", "inbound"), lambda got: got[:9] == b"550 5.6.1")


def test_no_mixture_of_returns_newlines_and_dots_ends_data():
    with under_attack(trusted=False) as (server, receiver):
        for payload in FAKE_ENDS + NUL_ENDS:
            for chunked in (False, True):
                got = smuggle(server, payload, 0, False, chunked)
                assert got[:8] == b"550 5.6.", (payload, got)
        nothing_smuggled(receiver)


def test_made_whole_newlines_end_no_data_either():
    with under_attack("accept { fix_bare_newlines = true }", trusted=False) as (server, receiver):
        for payload in FAKE_ENDS:
            for chunked in (False, True):
                got = smuggle(server, payload, 0, False, chunked)
                assert got[:3] == b"250", (payload, got)
        for payload in NUL_ENDS:
            assert smuggle(server, payload, 0, False)[:9] == b"550 5.6.0", payload
        wait_until(lambda: len(receiver.messages) == 2 * len(FAKE_ENDS))
        nothing_smuggled(receiver)
        assert all(b"smuggled" in m[2] for m in receiver.messages)


# ---- smuggling out ----

def submit_out(server, payload, accepted):
    """Submits it as content by DATA, in a chunk, and by sendmail; returns how many were taken."""
    content = b"Subject: x\r\n\r\nhi" + payload + EVIL.replace(b"DATA\r\n", b"") + b"end\r\n"
    taken = 0
    with Raw(server.mx) as c:
        c.begin([b"b@elsewhere.test"])
        got = c.say(content + b".\r\n")
        assert got[:3] in accepted, (payload, got)
        taken += got[:3] == b"250"
        c.begin([b"b@elsewhere.test"], data=False)
        got = c.say(b"BDAT %d LAST\r\n" % len(content) + content)
        assert got[:3] in accepted, (payload, got)
        taken += got[:3] == b"250"
    link = os.path.join(server.folder.name, "sendmail")
    if not os.path.islink(link):
        os.symlink(BINARY, link)
    env = dict(os.environ, GONIEC_SUBMIT=server.data + "/run/submit.sock")
    got = subprocess.run([link, "-i", "b@elsewhere.test"], input=content, env=env, capture_output=True, timeout=30)
    assert got.returncode in (0, 65, 69, 77), (payload, got)
    return taken + (got.returncode == 0)


def check_wire(wire, taken):
    wait_until(lambda: len(wire.contents) >= taken)
    for content in wire.contents:
        whole = content.replace(b"\r\n", b"")
        assert b"\r" not in whole and b"\n" not in whole and b"\0" not in whole, content
        assert b"\r\n.\r\n" not in content, content
    assert not [s for s in wire.senders if b"evil" in s], wire.senders


def test_nothing_smuggled_leaves_on_the_wire():
    listed = payloads("eod-sequence", "outbound")
    for setting, accepted in (("false", (b"550",)), ("true", (b"250", b"550"))):
        wire = Wire()
        with under_attack(f"accept {{ fix_bare_newlines = {setting} }}", receiver=wire) as (server, _):
            taken = sum(submit_out(server, payload, accepted) for payload in listed + FAKE_ENDS + NUL_ENDS)
            assert taken >= (2 * len(FAKE_ENDS) if setting == "true" else 0)
            check_wire(wire, taken)


# ---- before TLS ----

def inject(server, payload, at=0):
    """What is answered inside TLS to a NOOP, or b"" when the server hung up first."""
    with Raw(server.mx, ehlo=not payload.startswith(b"EHLO")) as c:
        send_in_pieces(c, payload, at)
        while True:
            got = c.reply()
            if got[:3] == b"220" or not got:
                break
            assert got[:3] == b"250", got
        if not got:
            return b""
        assert not c.held, "an answer in the clear behind the start of TLS"
        try:
            c.secure()
        except (ssl.SSLError, ConnectionError):
            return b""
        answer = c.say(b"NOOP\r\n")
        if answer:
            assert c.say(b"MAIL FROM:<a@b.test>\r\n")[:7] == b"503 5.5", "what was said before TLS is known inside it"
        return answer


def test_nothing_said_before_tls_is_answered_inside_it():
    with under_attack(trusted=False) as (server, _):
        for payload in payloads("starttls-injection", "inbound") + [b"STARTTLS\r\nMAIL FROM:<x@y.test>\r\nRCPT TO:<b@hosted.test>\r\n"]:
            for at in range(len(payload)):
                assert inject(server, payload, at) in (b"", b"250 2.0.0 Fine\r\n"), (payload, at)


# ---- torn connections ----

STATES = {
    "greeted": [],
    "a half line": [b"MAIL FR"],
    "a login under way": [b"AUTH LOGIN\r\n"],
    "a login of which half a line is said": [b"AUTH PLAIN\r\n", b"AGEA"],
    "a sender": [b"MAIL FROM:<a@b.test>\r\n"],
    "a recipient": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\n"],
    "content": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nDATA\r\n", b"Subject: x\r\n\r\nhalf a li"],
    "content at a dot": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nDATA\r\n", b"x\r\n.\r"],
    "a chunk": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nBDAT 1000\r\n", b"half a chunk"],
    "between chunks": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nBDAT 2\r\nx\r"],
    "a chunk that is swallowed": [b"BDAT 1000 LAST\r\n", b"half"],
    "the log's turn": [b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nDATA\r\nx\r\n.\r\n"],
    "a wrong password's delay": [b"AUTH PLAIN AGFiAGNk\r\n"],
}


def close_notify_then_clear(c):
    with contextlib.suppress(ssl.SSLError):
        c.tls.unwrap()
    c.socket.sendall(c.outgoing.read() + b"x\r\n.\r\nMAIL FROM:<evil@b.test>\r\n")


def clear_bytes(c):
    c.socket.sendall(b"x\r\n.\r\nQUIT\r\n" * 10)


def reset(c):
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_close(c):
    c.socket.shutdown(socket.SHUT_WR)


def torn_record(c):
    c.tls.write(b"y" * 3000)
    c.socket.sendall(c.outgoing.read()[:1000])


def sessions_left(server):
    from urllib.request import urlopen
    text = urlopen(f"http://127.0.0.1:{server.http}/metrics").read().decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith("goniec_smtp_sessions{"))


def test_tls_torn_in_any_state_just_ends_the_session():
    with under_attack("accept { auth_failures_max = 1000 }", trusted=False) as (server, receiver):
        for tear in (close_notify_then_clear, clear_bytes, reset, half_close, torn_record):
            for state, words in STATES.items():
                with Raw(server.submission if words and words[0].startswith(b"AUTH") else server.mx) as c:
                    assert c.say(b"STARTTLS\r\n")[:3] == b"220"
                    c.secure()
                    assert c.say(b"EHLO client.test\r\n")[:3] == b"250", (tear, state)
                    for word in words:
                        c.send(word)
                    time.sleep(0.002)
                    with contextlib.suppress(ConnectionError):
                        tear(c)
        wait_until(lambda: sessions_left(server) == 0, 30)
        assert not [m for m in receiver.messages if m[0] == "evil@b.test"]


def test_connections_in_the_clear_torn_in_any_state_just_end():
    with under_attack(trusted=False) as (server, _):
        for tear in (reset, half_close):
            for words in STATES.values():
                with Raw(server.mx) as c:
                    for word in words:
                        c.send(word)
                    tear(c)
        wait_until(lambda: sessions_left(server) == 0, 30)


# ---- floods ----

def growth(server, what):
    """MB that the engine grew by while `what` was done."""
    before = memory_of(server.engine())
    what()
    return memory_of(server.engine()) - before


def flood(server, data, stop):
    """Sends it, reading all the while; returns the last reply."""
    with Raw(server.mx) as c:
        last = [b""]

        def read():
            while True:
                got = c.receive()
                last[0] = (last[0] + got)[-400:]
                if not got or stop in last[0]:
                    return
        reader = threading.Thread(target=read)
        reader.start()
        with contextlib.suppress(ConnectionError):
            for part in data:
                c.send(part)
        reader.join(60)
        assert not reader.is_alive(), last
        return last[0]


def test_a_hundred_thousand_recipients_commands_and_chunks_cost_no_memory():
    with under_attack("accept { recipients_max = 1000 }", trusted=False) as (server, _):
        transaction = b"MAIL FROM:<a@b.test>\r\n" + b"".join(b"RCPT TO:<r%d@hosted.test>\r\n" % i for i in range(1000)) + b"RSET\r\n"
        chunks = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\n" + b"BDAT 1\r\nx" * 100000 + b"BDAT 2 LAST\r\n\r\n"
        grown = growth(server, lambda: flood(server, [transaction] * 100 + [b"QUIT\r\n"], b"221 "))
        assert grown < 16, grown
        grown = growth(server, lambda: flood(server, [b"NOOP\r\n" * 10000] * 20 + [b"QUIT\r\n"], b"221 "))
        assert grown < 16, grown
        grown = growth(server, lambda: flood(server, [chunks, b"QUIT\r\n"], b"221 "))
        assert grown < 16, grown


def test_recipients_too_many_without_end_end_the_session():
    with under_attack("accept { recipients_max = 100 errors_max = 20 }", trusted=False) as (server, _):
        words = [b"MAIL FROM:<a@b.test>\r\n"] + [b"RCPT TO:<c@hosted.test>\r\n" * 1000] * 1000
        last = []
        grown = growth(server, lambda: last.append(flood(server, words, b"421 ")))
        assert b"452 4.5.3" in last[0] and b"421 4.7.0 Too many errors" in last[0] and grown < 16, (last, grown)


def test_replies_that_nobody_reads_are_not_kept_without_bound():
    with under_attack(trusted=False) as (server, _):
        def pour():
            with Raw(server.mx) as c:
                c.socket.settimeout(1)
                sent = 0
                with contextlib.suppress(TimeoutError):
                    while sent < 100_000_000:
                        sent += c.socket.send(b"HELP\r\n" * 10000)
                assert 0 < sent < 50_000_000, "the server goes on reading"
                c.socket.settimeout(30)
                got = 0
                while got < sent // 6 - 10000:  # it was only waiting for us to read
                    got += c.receive().count(b"\n")
        grown = growth(server, pour)
        assert grown < 24, grown


def test_commands_sent_on_before_replies_are_read_are_all_answered_under_tls_too():
    with under_attack(trusted=False) as (server, _):
        with Raw(server.mx) as c:
            assert c.say(b"STARTTLS\r\n")[:3] == b"220"
            c.secure()
            for n in (1, 400, 500, 2000, 5000):  # replies around and far beyond what is kept
                c.send(b"HELP\r\n" * n + b"NOOP\r\n")
                for _ in range(n):
                    assert c.reply()[:3] == b"214"
                assert c.reply() == b"250 2.0.0 Fine\r\n"


def endless(text, megabytes):
    return [text * (1024 * 1024 // len(text))] * megabytes


def test_lines_headers_and_messages_without_end_are_bounded():
    with under_attack("accept { message_bytes_max = 1M header_bytes_max = 64K }", trusted=False) as (server, _):
        begin = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@hosted.test>\r\nDATA\r\n"
        for what, words, end in ((b"a command line", endless(b"x", 200) + [b"\r\nQUIT\r\n"], b"221 "),
                                 (b"a header line", [begin + b"Subject: "] + endless(b"y", 1000), b"421 4.3.4"),
                                 (b"header lines", [begin] + [b"X-%d: z\r\n" % i for i in range(60000)] + [b"\r\n.\r\nQUIT\r\n"], b"221 "),
                                 (b"a body", [begin + b"\r\n"] + endless(b"line\r\n", 3) + [b"\r\n.\r\nQUIT\r\n"], b"221 ")):
            last = []
            grown = growth(server, lambda w=words, e=end, keep=last: keep.append(flood(server, w, e)))
            assert end in last[0] and grown < 24, (what, last, grown)
            if what in (b"header lines", b"a body"):
                assert b"552 5.3.4" in last[0], (what, last)


def test_greetings_of_any_length_and_bytes_are_refused_or_taken():
    with under_attack("accept { errors_max = 1000 }", trusted=False) as (server, _):
        names = [b"x" * n for n in (1, 254, 255, 256, 1000, 4090, 4096, 65536, 1048576)]
        names += [b"[127.0.0.1]", b"[IPv6:::1]", b"za\xc5\xbc.test", b"\xff\xfe", b"a\x01b", b"a\0b", b"a b", b"", b"(", b"\x7f", b"%n%s%x",
                  b"a\rMAIL FROM:<x@y.test>"]
        with Raw(server.mx, ehlo=False) as c:
            for name in names:
                got = c.say(b"EHLO " + name + b"\r\n")
                assert got[:3] in (b"250", b"500", b"501"), (name[:50], got)
                assert (got[:3] == b"250") == (name == b"%n%s%x" or name in (b"(", b"[127.0.0.1]", b"[IPv6:::1]") or
                                               (set(name) == set(b"x") and len(name) < 256)), (name[:50], got)


def test_odd_names_do_not_bend_the_trace_header():
    with under_attack(trusted=False) as (server, receiver):
        for name in (b"(comment", b"x;", b"a)(b", b'"quoted', b"x<y>", b"a\\"):
            with Raw(server.mx, ehlo=False) as c:
                assert c.say(b"EHLO " + name + b"\r\n")[:3] == b"250"
                c.begin([b"b@hosted.test"])
                assert c.say(b"Subject: x\r\n\r\n.\r\n")[:3] == b"250"
        wait_until(lambda: len(receiver.messages) == 6)
        for _, _, content in receiver.messages:
            trace = content[:content.index(b"Subject")]
            assert trace.count(b"(") == trace.count(b")") == 1 and trace.count(b";") == 1 and trace.count(b"<") == 1, trace
            assert b'"' not in trace and b"\\" not in trace, trace


# ---- open relay ----

PROBES = (b"victim@elsewhere.test", b"victim@localhost", b"victim", b"victim%elsewhere.test@hosted.test", b"victim%elsewhere.test@[127.0.0.1]",
          b"victim%elsewhere.test@mail.goniec.test", b"victim%elsewhere.test", b'"victim@elsewhere.test"', b'"victim%elsewhere.test"',
          b"victim@elsewhere.test@hosted.test", b'"victim@elsewhere.test"@hosted.test', b"victim@elsewhere.test@[127.0.0.1]",
          b"@hosted.test:victim@elsewhere.test", b"@[127.0.0.1]:victim@elsewhere.test", b"@mail.goniec.test:victim@elsewhere.test",
          b"elsewhere.test!victim", b"elsewhere.test!victim@hosted.test", b"elsewhere.test!victim@[127.0.0.1]", b"victim@[127.0.0.1]",
          b"victim@[IPv6:::1]", b"victim@mail.goniec.test", b"victim@hosted.test.elsewhere.test", b"victim@xhosted.test", b"victim@hosted.test.",
          b"", b" victim@elsewhere.test", b"victim@HOSTED.TEST@elsewhere.test", b"victim@hosted.test\0.elsewhere.test")


def test_the_classic_probes_find_no_open_relay():
    with under_attack("accept { errors_max = 1000 }", trusted=False) as (server, receiver):
        for sender in (b"a@sender.test", b"", b"postmaster@hosted.test", b"user@[127.0.0.1]", b"user@mail.goniec.test"):
            with Raw(server.mx) as c:
                c.begin([], sender, data=False)
                for probe in PROBES:
                    got = c.say(b"RCPT TO:<" + probe + b">\r\n")
                    assert got[:1] == b"5", (sender, probe, got)
                assert c.say(b"DATA\r\n")[:3] == b"554"
        assert not receiver.messages


def test_postmaster_is_always_taken_and_nobody_else_is_told_apart():
    with under_attack(trusted=False) as (server, _):
        with Raw(server.mx) as c:
            c.begin([b"Postmaster", b"POSTMASTER@hosted.test", b"postmaster@mail.goniec.test"], data=False)
            told = {c.say(b"RCPT TO:<" + name + b"@hosted.test>\r\n") for name in (b"anyone", b"root", b"no-such-user-at-all")}
            assert len(told) == 1, told
            told = {c.say(b"VRFY " + name + b"\r\n") for name in (b"anyone", b"root", b"postmaster@hosted.test")}
            assert len(told) == 1 and told.pop()[:3] == b"252"
            assert c.say(b"EXPN staff\r\n")[:3] == b"502"


# ---- guesses ----

def guess(server, login, password):
    """The reply and how long it took."""
    with Raw(server.submissions, tls=True) as c:
        began = time.monotonic()
        got = c.say(b"AUTH PLAIN " + base64.b64encode(b"\0" + login + b"\0" + password) + b"\r\n")
        return got, time.monotonic() - began


def test_a_guess_is_answered_alike_whether_the_login_is_known_or_not():
    with under_attack("accept { auth_failures_max = 1000 }", trusted=False) as (server, _):
        server.cli("account", "add", "shop")
        server.cli("account", "add", "jan", "jan", "-", input=b"a password of a person\n")
        replies = {}
        for n, login in enumerate((b"shop", b"jan", b"nobody")):
            replies[login] = guess(server, login, b"wrong")
            # the address's count grows by one a guess, and the delay with it: half a second each
            assert abs(replies[login][1] - 0.5 * (n + 1)) < 0.35, replies
        assert len({got for got, _ in replies.values()}) == 1, replies


def test_guesses_at_many_logins_block_the_address_even_between_good_ones():
    with under_attack("accept { auth_failures_max = 4 }", trusted=False) as (server, _):
        own = server.cli("account", "add", "guesser").splitlines()[1].split()[-1].encode()
        for login in (b"a1", b"a2", b"a3"):
            assert guess(server, login, b"123456")[0][:9] == b"535 5.7.8"
            assert guess(server, b"guesser", own)[0][:3] == b"235"
        assert guess(server, b"a4", b"123456")[0][:3] == b"535"
        assert guess(server, b"guesser", own)[0][:9] == b"454 4.7.0"
        assert "the address is blocked" in server.log_text() and own.decode() not in server.log_text()


def test_a_login_may_be_any_bytes():
    with under_attack("accept { auth_failures_max = 1000 auth_total = 5m errors_max = 1000 }", trusted=False) as (server, _):
        odd = [b"' or 1=1 --", b"${run{id}}", b"`id`", b"$(id)", b"../../etc/passwd", b"%s%n", b"a\r\nb", b"\x7f\x01\x01\x01", b"\xff\xfe", b"x" * 4000]
        with contextlib.ExitStack() as all_of_them:
            clients = [all_of_them.enter_context(Raw(server.submissions, tls=True)) for _ in odd]
            for c, login in zip(clients, odd):
                c.send(b"AUTH PLAIN " + base64.b64encode(b"\0" + login + b"\0x") + b"\r\n" if len(login) < 2000 else b"AUTH PLAIN\r\n")
                if len(login) >= 2000:
                    assert c.reply()[:3] == b"334"
                    c.send(base64.b64encode(b"\0" + login + b"\0x") + b"\r\n")
            for c, login in zip(clients, odd):
                assert c.reply()[:9] == b"535 5.7.8", login
        lines = [line for line in open(server.log, "rb").read().split(b"\n") if b", login " in line]
        assert len(lines) == len(odd) and all(line.endswith(b'": unknown login') for line in lines), lines
        assert all(b' "a??b":' in line or b"\r" not in line for line in lines) and b"\xff" not in b"".join(lines)


# ---- the local sockets ----

def local_sockets(server):
    run = os.path.join(server.data, "run")
    return [os.path.join(run, n) for n in os.listdir(run) if stat.S_ISSOCK(os.stat(os.path.join(run, n)).st_mode)]


def test_malformed_words_on_the_local_sockets_never_stop_anything():
    words = [b"", b"\n", b"\0" * 5000, b"x" * 100000, b"drop\n", b"drop all extra\n", b"hold id " + b"Z" * 500 + b"\n", b"retry id \n", b"metrics", b"ping\nping\n",
             b"hold domain " + b"a." * 400 + b"\n", b"release account \xff\xfe\n", b"\xff" * 2000 + b"\n", b"%s%n%s%n\n", b"hold id\n\n\n",
             b"MAIL FROM:<a@b>\r\n", b"EHLO x\r\nMAIL FROM:<" + b"a" * 3000 + b">\r\n", b"BDAT 99999999999999999999 LAST\r\n", b"GET / HTTP/1.1\r\n\r\n"]
    with under_attack() as (server, _):
        found = local_sockets(server)
        assert {os.path.basename(p) for p in found} >= {"submit.sock"} and len(found) >= 2, found
        for path in found:
            for word in words:
                for ending in (None, socket.SHUT_WR, "reset"):
                    with socket.socket(socket.AF_UNIX) as s:
                        s.settimeout(10)
                        s.connect(path)
                        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                            s.sendall(word)
                            if ending == socket.SHUT_WR:
                                s.shutdown(ending)
                                while s.recv(65536):
                                    pass


def test_the_operators_socket_is_the_operators_alone():
    with under_attack() as (server, _):
        for path in local_sockets(server):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            assert os.path.basename(path) == "submit.sock" or mode & 0o007 == 0, (path, oct(mode))


# ---- addresses ----

def test_listed_addresses_are_taken_or_refused_as_the_grammar_says_and_leave_as_they_came():
    rows = [(bytes.fromhex(r["address_hex"]), r["smtp_envelope_ok"] == "1") for r in expected_rows("address-isemail") if "_TLD" not in r["diagnosis"]]
    with under_attack("accept { errors_max = 1000 }", receiver=Receiver(extensions=("8BITMIME", "SMTPUTF8")), trusted=False) as (server, receiver):
        taken = []
        with Raw(server.mx) as c:
            for address, legal in rows:
                c.send(b"MAIL FROM:<" + address + (b">" if address.isascii() else b"> SMTPUTF8") + b"\r\nHELP\r\n")
                replies = [c.reply()]
                while replies[-1][:3] != b"214":
                    replies.append(c.reply())
                ok = replies[0][:3] == b"250"
                assert ok == legal or address == b"", (address, legal, replies)  # <> is the null sender, no address
                assert ok or replies[0][:3] in (b"500", b"501", b"553"), (address, replies)
                if ok and address:
                    assert c.say(b"RCPT TO:<r%d@hosted.test>\r\n" % len(taken))[:3] == b"250"
                    assert c.say(b"DATA\r\n")[:3] == b"354" and c.say(b".\r\n")[:3] == b"250"
                    taken.append(address)
                else:
                    c.say(b"RSET\r\n")
        wait_until(lambda: len(receiver.messages) == len(taken))
        sent = {line[len("MAIL FROM:<"):line.rindex(">")] for line in receiver.commands if line.startswith("MAIL")}
        assert sent == {a.decode() for a in taken}, sent ^ {a.decode() for a in taken}
        print(f"  {len(rows)} addresses, {len(taken)} legal")


HOSTILE = ("${run{id}}", "`id`", "\"$(id)\"", "'or'1'='1", "%0aid", "%s%n", "|id", "*", "~root", "\"; id;\"", "\"../../x\"", "\"<script>\"", "\"\\\\\"")


def test_words_of_shells_and_databases_are_names_like_any_other():
    with under_attack() as (server, receiver):
        with Raw(server.mx) as c:
            for n, name in enumerate(HOSTILE):
                c.begin([name.encode() + b"@d%d.test" % n], sender=name.encode() + b"@sender.test")
                assert c.say(b"Subject: " + name.encode() + b"\r\n\r\n.\r\n")[:3] == b"250"
        wait_until(lambda: sum(line.startswith("RCPT") for line in receiver.commands) == len(HOSTILE))
        for n, name in enumerate(HOSTILE):
            assert any(line.startswith(f"RCPT TO:<{name}@d{n}.test>") for line in receiver.commands), (name, receiver.commands)
            story = server.story(f"{name}@d{n}.test")
            assert story["sender"] == f"{name}@sender.test" and story["subject"] == name, story
