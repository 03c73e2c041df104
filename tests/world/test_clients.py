"""Clients that are odd, slow or many, and proxies in front of us."""
import contextlib
import resource
import smtplib
import socket
import ssl
import struct
import time

from world import Goniec, Receiver, wait_until

MESSAGE = b"From: a@sender.test\r\nSubject: x\r\n\r\nbody\r\n"


@contextlib.contextmanager
def world(more="", **options):
    receiver = Receiver()
    server = Goniec(receiver.port, more, **options)
    try:
        yield server, receiver
    finally:
        server.close()
        receiver.close()


def talk(s, text, lines=1):
    """Says it and reads that many lines."""
    s.sendall(text)
    got = b""
    while got.count(b"\n") < lines:
        part = s.recv(4000)
        if not part:
            break
        got += part
    return got


def deliver(s, to):
    talk(s, b"HELO client.test\r\n")
    talk(s, b"MAIL FROM:<a@sender.test>\r\n")
    talk(s, b"RCPT TO:<" + to.encode() + b">\r\n")
    talk(s, b"DATA\r\n")
    return talk(s, MESSAGE + b".\r\n")


PROXY1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\r\n"
PROXY2 = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x21]) + struct.pack("!H", 36) + socket.inet_pton(socket.AF_INET6, "2001:db8::7") + \
         socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 50000, 25)


def test_a_proxy_tells_who_the_client_is_in_both_versions():
    with world('proxy_networks = {"127.0.0.0/8"}', trusted=False) as (server, receiver):
        for header, ip, to in ((PROXY1, "192.0.2.7", "v1@hosted.test"), (PROXY2, "2001:db8::7", "v2@hosted.test")):
            with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
                for byte in header[:-1]:
                    s.sendall(bytes([byte]))
                assert talk(s, header[-1:])[:3] == b"220"
                assert deliver(s, to)[:3] == b"250"
            wait_until(lambda: any(m[1] == [to] for m in receiver.messages))
            assert server.story(to)["client_ip"] == ip


def test_a_proxy_header_and_the_first_bytes_of_tls_may_come_together():
    with world('proxy_networks = {"127.0.0.0/8"}', trusted=False) as (server, _):
        context = ssl._create_unverified_context()
        for header in (PROXY1, PROXY2):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing)
            with socket.create_connection(("127.0.0.1", server.submissions), 10) as s:
                to_send, greeting = header, b""
                while not greeting:
                    try:
                        greeting = tls.read(100)
                    except ssl.SSLWantReadError:
                        s.sendall(to_send + outgoing.read())
                        to_send = b""
                        got = s.recv(10000)
                        assert got, "the server hung up"
                        incoming.write(got)
                assert greeting[:3] == b"220"


def test_where_a_proxy_is_required_its_header_is():
    with world('proxy_networks = {"127.0.0.0/8"}') as (server, _):
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            with contextlib.suppress(ConnectionResetError):
                assert talk(s, b"EHLO client.test\r\n") == b""


def test_a_client_that_sends_a_byte_at_a_time_is_served_and_one_that_never_ends_is_cut_off():
    with world("accept { command_timeout = 1s data_total = 2s }") as (server, receiver):
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            s.recv(200)
            for byte in b"HELO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx\r\n.\r\n":
                s.sendall(bytes([byte]))
                time.sleep(0.005)
            wait_until(lambda: receiver.messages)
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            s.recv(200)
            s.sendall(b"NOO")
            assert s.recv(200).startswith(b"421 4.4.2"), "a command that does not come is not waited for"
        with socket.create_connection(("127.0.0.1", server.mx), 10) as s:
            s.recv(200)
            talk(s, b"HELO c\r\n")
            talk(s, b"MAIL FROM:<a@b.test>\r\n")
            talk(s, b"RCPT TO:<c@d.test>\r\n")
            talk(s, b"DATA\r\n")
            s.settimeout(0.1)
            answer, began = b"", time.monotonic()
            while not answer and time.monotonic() - began < 10:
                with contextlib.suppress(TimeoutError):
                    s.sendall(b"x")
                    answer = s.recv(200)
            assert answer.startswith(b"421 4.4.2"), answer


def memory_of(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status", encoding="ascii") if line.startswith("VmRSS")) // 1024


def test_thousands_of_idle_sessions_cost_little_and_mail_flows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    idle = []
    try:
        with world() as (server, receiver):
            before = memory_of(server.engine())
            for _ in range(wanted):
                s = socket.create_connection(("127.0.0.1", server.mx), 10)
                idle.append(s)
            for s in idle:
                assert s.recv(200)[:3] == b"220"
            for s in idle:
                s.sendall(b"EHLO client.test\r\n")
            for s in idle:
                assert s.recv(2000)[:3] == b"250"
            grown = memory_of(server.engine()) - before
            assert grown < 60 * wanted / 10000, f"{grown} MB for {wanted} sessions"
            with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
                s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)
            wait_until(lambda: receiver.messages, 5)
            print(f"  {wanted} idle sessions: {grown} MB")
            for s in idle:
                s.close()
            idle.clear()
    finally:
        for s in idle:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
