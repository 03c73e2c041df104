"""The test corpora beside the repository (GONIEC_CORPORA, by default ../shared/corpora), and a client that says bytes as they are."""
import contextlib
import csv
import os
import socket
import ssl
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BASE = os.environ.get("GONIEC_CORPORA", os.path.join(ROOT, "..", "shared", "corpora"))


def corpus(name):
    """The folder of a corpus; without it the test is skipped."""
    folder = os.path.join(BASE, name)
    if not os.path.isdir(folder):
        raise unittest.SkipTest(f"the corpus {name} is not here (set GONIEC_CORPORA)")
    return folder


def expected_rows(name):
    with open(os.path.join(corpus(name), "expected.tsv"), encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


class Raw:
    """A client of bytes, in the clear or under TLS; what it sends is never changed, what it reads comes reply by reply."""

    def __init__(self, port, tls=False, ehlo=True, greeting=True):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls, self.held = None, b""
        if tls:
            self.secure(tls)
        if greeting:
            assert self.reply()[:3] == b"220"
        if ehlo:
            assert self.say(b"EHLO client.test\r\n")[:3] == b"250"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def start_tls_slowly(self):
        """Sends the first flight of a handshake alone; go_on_with_tls does the rest."""
        self.begin_tls()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.socket.sendall(self.outgoing.read())

    def go_on_with_tls(self):
        self.under_tls(self.tls.do_handshake)

    def begin_tls(self, version=True):
        """version: an ssl.TLSVersion, or True for the best there is."""
        context = ssl._create_unverified_context()
        if version is not True:
            context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.held = b""

    def secure(self, version=True):
        self.begin_tls(version)
        self.under_tls(self.tls.do_handshake)

    def under_tls(self, what, *args):
        while True:
            try:
                got = what(*args)
                self.socket.sendall(self.outgoing.read())
                return got
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                part = self.socket.recv(65536)
                if not part:
                    raise ConnectionError("the server hung up") from None
                self.incoming.write(part)

    def send(self, data):
        if self.tls:
            self.under_tls(self.tls.write, data)
        else:
            self.socket.sendall(data)

    def receive(self):
        """More bytes; b"" when the server has hung up."""
        try:
            return self.under_tls(self.tls.read, 65536) if self.tls else self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return b""

    def line(self):
        while b"\n" not in self.held:
            part = self.receive()
            if not part:
                return b""
            self.held += part
        line, self.held = self.held.split(b"\n", 1)
        return line + b"\n"

    def reply(self):
        """One whole reply; b"" when the server has hung up."""
        text = b""
        while True:
            line = self.line()
            text += line
            if line[3:4] != b"-":
                return text

    def say(self, data):
        self.send(data)
        return self.reply()

    def begin(self, rcpts, sender=b"a@sender.test", parameters=b"", data=True):
        """A transaction up to DATA's 354."""
        assert self.say(b"MAIL FROM:<" + sender + b">" + parameters + b"\r\n")[:3] == b"250"
        for rcpt in rcpts:
            got = self.say(b"RCPT TO:<" + rcpt + b">\r\n")
            assert got[:3] == b"250", got
        if data:
            assert self.say(b"DATA\r\n")[:3] == b"354"
