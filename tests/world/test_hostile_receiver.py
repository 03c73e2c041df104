"""Receivers that misbehave on the wire: the worker stays small and goes on, each recipient gets one verdict, and what they said reaches
people bounded and harmless."""
import contextlib
import email
import os
import random
import socket
import struct
import subprocess
import threading
import time

from names import Names
from test_hostile_dns import resident
from test_relay import MESSAGE, send
from world import Goniec, Receiver, wait_until

FAST = 'deliver { banner_timeout = "2s" command_timeout = "2s" data_timeout = "2s" body_timeout = "2s" }'


class Rogue:
    """A server that does with each connection what it was told: talk(socket, file for reading)."""

    def __init__(self, talk, window=0):
        self.talk, self.connections = talk, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        if window:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.handle, args=(s,), daemon=True).start()

    def handle(self, s):
        with contextlib.suppress(OSError), s:
            s.settimeout(60)
            self.talk(s, s.makefile("rb"))

    def close(self):
        self.listener.close()


@contextlib.contextmanager
def against(talk, more=FAST, window=0):
    rogue = Rogue(talk, window)
    server = Goniec(rogue.port, more)
    try:
        yield server, rogue
    finally:
        server.close()
        rogue.close()


def first_events(server, to, seconds=20):
    story = server.story(to, lambda s: all(r["events"] for r in s["recipients"]), seconds)
    return [r["events"][0] for r in story["recipients"]]


def polite(s, f, until):
    """A normal conversation up to the reply to the named command, which is not given. True when the client came so far."""
    s.sendall(b"220 rogue ESMTP\r\n")
    while line := f.readline():
        verb = line.split(b" ")[0].strip().upper().decode()
        if verb == until:
            return True
        if verb == "DATA":
            s.sendall(b"354 go on\r\n")
            while f.readline() not in (b".\r\n", b""):
                pass
            if until == ".":
                return True
        s.sendall(b"250-rogue\r\n250-8BITMIME\r\n250 PIPELINING\r\n" if verb == "EHLO" else b"250 2.0.0 fine\r\n")
    return False


def endless(piece, until):
    def talk(s, f):
        if until == "banner" or polite(s, f, until):
            while True:  # until the other side has had enough
                s.sendall(piece)
    return talk


def test_replies_without_end_cost_little_and_are_left_behind():
    for piece, until in ((b"250-and so on\r\n" * 1000, "EHLO"), (b"x" * 65536, "banner"), (b"250-" + b"y" * 65536, "RCPT"), (b"\n" * 65536, "MAIL"),
                         (b"\0" * 65536, "."), (b"220-\r\n" * 10000, "banner")):
        with against(endless(piece, until)) as (server, rogue):
            engine = server.engine()
            before = resident(engine)
            send(server, rcpts=[f"r{i}@dest.test" for i in range(3)])
            events = first_events(server, "r0@dest.test")
            assert [e["status"] for e in events] == ["deferred"] * 3, events
            assert resident(engine) - before < 16 * 1024, resident(engine) - before
            assert all(len(e["note"]) + len(e["reply"]) < 6000 for e in events), events


def test_a_reply_that_drips_buys_no_time():
    def talk(s, f):
        s.sendall(b"220-")
        while True:
            s.sendall(b"x")
            time.sleep(0.2)
    with against(talk) as (server, rogue):
        began = time.monotonic()
        send(server)
        event = first_events(server, "b@dest.test")[0]
        assert event["status"] == "deferred" and "too long" in event["note"] and time.monotonic() - began < 15, event


def test_a_connection_reset_in_any_phase_defers():
    def reset(until):
        def talk(s, f):
            if until == "connect" or polite(s, f, until):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return talk
    for until in ("connect", "EHLO", "MAIL", "RCPT", "DATA", "."):
        with against(reset(until)) as (server, _):
            send(server, rcpts=["r0@dest.test", "r1@dest.test"])
            events = first_events(server, "r0@dest.test")
            assert [e["status"] for e in events] == ["deferred"] * 2 and events[0]["note"], (until, events)


def test_a_server_that_says_everything_at_once_gets_nothing():
    def talk(s, f):
        s.sendall(b"220 hi\r\n250 ehlo\r\n250 mail\r\n250 rcpt\r\n354 go\r\n250 2.0.0 taken\r\n")
        while f.readline():
            pass
    with against(talk) as (server, _):
        send(server)
        assert first_events(server, "b@dest.test")[0]["status"] == "deferred"


def test_a_large_content_is_not_delivered_before_it_was_sent():
    def talk(s, f):
        if polite(s, f, "DATA"):
            s.sendall(b"354 go on\r\n")
            s.recv(1)
            s.sendall(b"250 2.0.0 taken, whatever it may be\r\n")
            time.sleep(5)
    with against(talk, window=4096) as (server, _):
        send(server, message=MESSAGE + b"y" * 70 + b"\r\n" + (b"z" * 70 + b"\r\n") * 50000)
        event = first_events(server, "b@dest.test")[0]
        assert event["status"] == "deferred" and "before it was asked" in event["note"], event


def test_a_slow_reader_of_a_large_content_is_waited_for_block_by_block():
    got = []

    def talk(s, f):
        if not polite(s, f, "DATA"):
            return
        s.sendall(b"354 go on\r\n")
        end = b""
        while not end.endswith(b"\r\n.\r\n"):  # about 1 MB/s, so that all of it takes longer than the time for one block
            part = f.read1(65536)
            end = (end + part)[-5:]
            time.sleep(len(part) / 1000000)
        s.sendall(b"250 2.0.0 taken\r\n")
        got.append(1)
        f.readline()
    more = 'deliver { block_timeout = "1s" body_timeout = "5s" }'
    with against(talk, more, 65536) as (server, _):
        send(server, message=MESSAGE + (b"z" * 70 + b"\r\n") * 50000)
        event = first_events(server, "b@dest.test", 30)[0]
        assert event["status"] == "delivered" and event["took_ms"] > 2000, event


def test_what_a_server_says_reaches_nobody_raw():
    nasty = b"550-5.1.1 \x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\r\n550-5.1.1 Content-Type: text/html\r\n" \
            b"550 5.1.1 \xff\xfe\x00\x85 a\rb\x0bc & \"q\" " + b"w" * 1900 + b"\r\n"
    bounces = Receiver()

    def talk(s, f):
        if polite(s, f, "RCPT"):
            s.sendall(nasty)
            while f.readline():
                s.sendall(b"503 5.5.1 no\r\n")
    rogue = Rogue(talk)
    server = Goniec(0, f'route "dest.test" {{ to = "smtp:127.0.0.1:{rogue.port}" tls = "none" }}\n'
                       f'route "*" {{ to = "smtp:127.0.0.1:{bounces.port}" tls = "none" }}\n', routed=False)
    try:
        send(server)
        wait_until(lambda: bounces.messages)
        raw = bounces.messages[0][2]
        # In the notification's own parts: no control byte, no line of the server's making, nothing but CRLF ends a line.
        assert not any(b < 32 and b not in (9, 10, 13) for b in raw) and b"\x7f" not in raw, raw
        assert raw.replace(b"\r\n", b"").count(b"\r") == raw.replace(b"\r\n", b"").count(b"\n") == 0
        report = email.message_from_bytes(raw)
        kinds = [p.get_content_type() for p in report.walk()]
        assert kinds[0] == "multipart/report" and kinds.count("text/html") <= 1, kinds  # the page is ours
        pages = [p.get_payload(decode=True).decode() for p in report.walk() if p.get_content_type() == "text/html"]
        assert all("<script" not in p.lower() and "&lt;script&gt;" in p for p in pages), pages
        group = next(p for p in report.walk() if p.get_content_type().endswith("delivery-status")).get_payload()[1]
        assert group["Status"] == "5.1.1" and group["Diagnostic-Code"].startswith("smtp; 550 5.1.1"), group.items()
        assert len(raw) < 30000, len(raw)
        server.story("b@dest.test")
        for text in (server.cli("why", "b@dest.test"), server.cli("why", "--dialogue", "b@dest.test"), server.log_text()):
            assert not any(ord(c) < 32 and c not in "\n\t" for c in text), text
    finally:
        server.close()
        rogue.close()
        bounces.close()


def test_noise_of_any_kind_ends_in_one_deferral_each():
    dice = random.Random(7)

    def talk(s, f):
        s.sendall(b"220 x\r\n")
        while f.readline():
            s.sendall(dice.randbytes(dice.randrange(1, 3000)))
    with against(talk) as (server, _):
        for i in range(20):
            send(server, rcpts=[f"r{i}@dest.test", f"s{i}@dest.test"])
        for i in range(20):
            events = first_events(server, f"r{i}@dest.test", 40)
            assert [e["status"] for e in events] == ["deferred"] * 2, events


# ---- TLS ----

def authority(folder):
    """A certificate authority of our own: path of its certificate, and a function that signs one for a name: chain and key."""
    os.chmod(folder, 0o755)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *ec, "-days", "3", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")

    def sign(name, file, when=("-days", "2")):
        with open(os.path.join(folder, file + ".ext"), "w", encoding="utf-8") as f:
            f.write(f"subjectAltName=DNS:{name}\n")
        openssl("req", "-new", *ec, "-subj", f"/CN={name}", "-keyout", file + ".key", "-out", file + ".csr")
        openssl("x509", "-req", "-in", file + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", file + ".ext", *when,
                "-out", file + ".pem")
        return os.path.join(folder, file + ".pem"), os.path.join(folder, file + ".key")
    return os.path.join(folder, "ca.pem"), sign


class TlsReceiver(Receiver):
    """Offers STARTTLS with the given context; injected: bytes in the clear behind its 220."""

    def __init__(self, context, injected=b"", starttls="220 2.0.0 go"):
        super().__init__(extensions=("PIPELINING", "8BITMIME", "STARTTLS"))
        self.context, self.injected, self.starttls, self.handshakes = context, injected, starttls, 0

    def serve(self, h):
        h.wfile.write(b"220 receiver ESMTP\r\n")
        while line := h.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            self.commands.append(line.decode().strip())
            if verb == b"STARTTLS" and self.starttls.startswith("220"):
                h.connection.sendall(self.starttls.encode() + b"\r\n" + self.injected)
                h.connection = self.context.wrap_socket(h.connection, server_side=True)
                self.handshakes += 1
                h.rfile, h.wfile = h.connection.makefile("rb"), h.connection.makefile("wb", buffering=0)
                h.wfile.write(b"")
                return self.talk_on(h)
            if verb == b"STARTTLS":
                h.wfile.write(self.starttls.encode() + b"\r\n")
            elif verb == b"EHLO":
                h.wfile.write(b"250-receiver\r\n" + b"".join(b"250-" + e.encode() + b"\r\n" for e in self.extensions[:-1]) + b"250 STARTTLS\r\n")
            else:
                return self.talk_on(h, line)
        return None

    def talk_on(self, h, first=None):
        """The rest of the conversation, as any receiver has it, without a greeting."""
        class Again:
            def __init__(self, f, line):
                self.f, self.line = f, line

            def readline(self):
                line, self.line = self.line, None
                return line or self.f.readline()

            def close(self):
                self.f.close()
        h.rfile = Again(h.rfile, first)
        self.rule = lambda stage, argument: None
        greeted = self.say
        self.say = lambda h, line: None if line == "220 receiver ESMTP" else greeted(h, line)
        super().serve(h)


def context(chain, key, oldest=None, newest=None):
    import ssl
    import warnings
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if newest:
            c.set_ciphers("ALL:@SECLEVEL=0")
            c.minimum_version, c.maximum_version = oldest, newest
    c.load_cert_chain(chain, key)
    return c


@contextlib.contextmanager
def tls_world(receiver, policy, ca):
    """A server whose only trusted authority is ours, with a rule to the receiver by the name mx.test."""
    names = Names({("mx.test", "A"): ["127.0.0.1"]})
    os.environ["SSL_CERT_FILE"] = ca
    try:
        server = Goniec(0, f'{FAST}\ndeliver {{ resolvers = {{"127.0.0.1@{names.port}"}} }}\n'
                           f'route "*" {{ to = "smtp:mx.test:{receiver.port}" tls = "{policy}" }}', routed=False)
    finally:
        del os.environ["SSL_CERT_FILE"]
    try:
        yield server
    finally:
        server.close()
        names.close()
        receiver.close()


def test_certificates_are_checked_where_verified_is_asked_and_not_where_any_tls_will_do():
    import ssl
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        ca, sign = authority(folder)
        good, wrong = sign("mx.test", "good"), sign("other.test", "wrong")
        expired = sign("mx.test", "expired", ("-days", "-1"))
        old = ssl.TLSVersion.TLSv1
        cases = [("verified", context(*good), "TLSv1.3"), ("verified", context(*wrong), None), ("verified", context(*expired), None),
                 ("verified", context(*good, old, old), None), ("required", context(*expired), "TLSv1.3"),
                 ("required", context(*good, old, old), None), ("opportunistic", context(*wrong), "TLSv1.3"),
                 ("opportunistic", context(*good, old, old), "")]
        for policy, c, tls in cases:
            receiver = TlsReceiver(c)
            with tls_world(receiver, policy, ca) as server:
                send(server)
                event = first_events(server, "b@dest.test")[0]
                if tls is None:
                    assert event["status"] == "deferred" and event["cause"] == "tls-failed" and not receiver.messages, (policy, event)
                else:
                    assert event["status"] == "delivered" and event["tls"].startswith(tls), (policy, event)
                    assert bool(event["tls"]) == bool(tls), (policy, event)


def test_a_stripped_starttls_defers_where_tls_is_required():
    stripped = Receiver(extensions=("PIPELINING", "8BITMIME"))
    with tls_world(stripped, "required", "/dev/null") as server:
        send(server)
        event = first_events(server, "b@dest.test")[0]
        assert event["status"] == "deferred" and event["cause"] == "tls-failed" and not stripped.messages, event
        assert not any(c.startswith("MAIL") for c in stripped.commands)


def test_bytes_injected_behind_the_reply_to_starttls_are_never_believed():
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        ca, sign = authority(folder)
        for policy in ("required", "opportunistic"):
            receiver = TlsReceiver(context(*sign("mx.test", "good")), injected=b"250-mx.test\r\n250 AUTH PLAIN\r\n")
            with tls_world(receiver, policy, ca) as server:
                send(server)
                event = first_events(server, "b@dest.test")[0]
                assert event["status"] == "deferred" and not receiver.messages and not receiver.handshakes, event
