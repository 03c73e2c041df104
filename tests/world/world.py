"""The world around goniec for whole-binary tests: a server of its own with fresh directories and free ports, and receivers that can be
told how to behave. Everything listens on 127.0.0.1 and is ended by the pid or socket it was started with."""
import json
import os
import random
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

BINARY = os.path.abspath(os.environ.get("GONIEC", "build/goniec"))


GIVEN = set()


def free_port():
    """Below the range that outgoing connections take theirs from: none may take it while the server is down. No port is given twice."""
    first, end = map(int, os.environ.get("GONIEC_TEST_PORTS", "10000 30000").split())
    while True:
        port = random.randrange(first, end)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def wait_until(what, seconds=15, every=0.03):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(every)
    raise AssertionError("waited in vain for " + (what.__doc__ or "a condition"))


class Receiver:
    """An SMTP server that keeps what it takes. rule(stage, argument) returns a reply line, "drop", "stall" or None (fine)."""

    def __init__(self, rule=None, extensions=("PIPELINING", "8BITMIME", "SIZE 50000000", "ENHANCEDSTATUSCODES"),
                 address=("127.0.0.1", 0), tls=None):
        """tls: an ssl.SSLContext, with which STARTTLS is offered."""
        self.tls = tls
        self.over_tls = []  # of each message, whether it came so
        self.rule = rule or (lambda stage, argument: None)
        self.extensions = extensions
        self.messages = []  # (sender, [recipients], bytes)
        self.commands = []
        self.connections = 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self):
                outer.connections += 1
                try:
                    outer.serve(self)
                except (ConnectionError, ValueError, OSError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 200
            address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

        self.server = Server(address, Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, h, line):
        h.wfile.write(line.encode() + b"\r\n")

    def react(self, h, stage, argument, fine):
        """Answers by the rule; True when the client may go on from here."""
        told = self.rule(stage, argument)
        if told == "drop":
            raise ConnectionError
        if told == "stall":
            time.sleep(3600)
        self.say(h, told or fine)
        return told is None or told[0] in "23"

    def serve(self, h):
        sender, rcpts, secured = None, [], False
        if not self.react(h, "banner", "", "220 receiver ESMTP"):
            return
        while True:
            line = h.rfile.readline()
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.commands.append(text)
            verb = text.split(" ")[0].upper()
            if verb in ("EHLO", "HELO", "LHLO"):
                if self.react(h, "ehlo", text, "250-receiver") and verb != "HELO":
                    for e in ("STARTTLS",) * bool(self.tls and not secured) + tuple(self.extensions[:-1]):
                        self.say(h, "250-" + e)
                    self.say(h, "250 " + self.extensions[-1])
            elif verb == "STARTTLS" and self.tls and not secured:
                if self.react(h, "starttls", "", "220 2.0.0 go on"):
                    h.request = self.tls.wrap_socket(h.request, server_side=True)
                    h.rfile, h.wfile, secured = h.request.makefile("rb"), h.request.makefile("wb", buffering=0), True
            elif verb == "MAIL":
                sender, rcpts = text[text.index("<") + 1:text.index(">")], []
                self.react(h, "mail", text, "250 2.1.0 fine")
            elif verb == "RCPT":
                address = text[text.index("<") + 1:text.index(">")]
                if self.react(h, "rcpt", address, "250 2.1.5 fine"):
                    rcpts.append(address)
            elif verb == "DATA":
                if not rcpts:
                    self.say(h, "554 5.5.1 no recipients")
                elif self.react(h, "data", "", "354 go on"):
                    body = b""
                    while True:
                        part = h.rfile.readline()
                        if not part:
                            return
                        if part == b".\r\n":
                            break
                        body += part[1:] if part.startswith(b".") else part
                    if self.react(h, "body", rcpts[0], "250 2.0.0 taken"):
                        self.over_tls.append(secured)
                        self.messages.append((sender, rcpts, body))
            elif verb == "RSET":
                sender, rcpts = None, []
                self.say(h, "250 2.0.0 fine")
            elif verb == "QUIT":
                self.say(h, "221 2.0.0 bye")
                return
            else:
                self.say(h, "500 5.5.2 what?")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Goniec:
    """A server with a data directory of its own. `more` is added to its settings."""

    def __init__(self, receiver_port, more="", trusted=True, workers=2, start=True, routed=True, checked=False):
        """routed: all mail goes to the receiver; otherwise to where `more` or DNS says. checked: mail from others is checked, by DNS."""
        self.folder = tempfile.TemporaryDirectory(prefix="goniec-world-")
        os.chmod(self.folder.name, 0o755)
        self.data = os.path.join(self.folder.name, "data")
        self.config = os.path.join(self.folder.name, "goniec.conf")
        self.log = os.path.join(self.folder.name, "log")
        self.mx, self.submission, self.submissions, self.http = free_port(), free_port(), free_port(), free_port()
        self.receiver_port = receiver_port
        self.workers, self.trusted, self.routed, self.checked = workers, trusted, routed, checked
        self.write_config(more)
        self.process = None
        self.before = []  # a command that starts it, with its options
        if start:
            self.start()

    def write_config(self, more=""):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f'''hostname = "mail.goniec.test"
data_directory = "{self.data}"
user = "nobody"
workers = {self.workers}
http_address = "127.0.0.1:{self.http}"
drain_time = "3s"
{'trusted_networks = {"127.0.0.0/8"}' if self.trusted else ''}
hosted_domains = {{"hosted.test"}}
verify_incoming = {'yes' if self.checked else 'no'}
listen "mx" {{ door = mx address = {{"127.0.0.1:{self.mx}"}} }}
listen "submission" {{ door = submission address = {{"127.0.0.1:{self.submission}"}} }}
listen "submissions" {{ door = submissions address = {{"127.0.0.1:{self.submissions}"}} }}
{f'route "*" {{ to = "smtp:127.0.0.1:{self.receiver_port}" tls = "none" }}' if self.routed else ''}
log {{ segment_bytes = 8M disk_free_min = 16M }}
accept {{ message_bytes_max = 4M auth_failures_max = 5 }}
{more}
''')

    def start(self):
        before = len(self.log_text())
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.before, BINARY, "serve", "-c", self.config], stdout=log, stderr=log)
        wait_until(lambda: self.is_up(before))

    def is_up(self, before):
        """Whether what was started after that much of the log takes mail."""
        if self.process.poll() is not None:
            raise AssertionError("the server ended: " + self.log_text())
        if "workers take mail" not in self.log_text()[before:]:
            return False
        try:
            with socket.create_connection(("127.0.0.1", self.mx), 5) as s:
                if "proxy_networks" in open(self.config, encoding="utf-8").read():
                    s.sendall(b"PROXY UNKNOWN\r\n")
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def log_text(self):
        try:
            return open(self.log, encoding="utf-8").read()
        except FileNotFoundError:
            return ""

    def children(self):
        """pids of the supervisor's children by what they are"""
        pids = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8").read().split()
        return [int(p) for p in pids]

    def engine(self):
        """The engine listens: it is the child that holds many sockets."""
        def link(path):
            try:
                return os.readlink(path)
            except FileNotFoundError:  # closed meanwhile
                return ""

        def sockets(pid):
            return sum(link(f"/proc/{pid}/fd/{n}").startswith("socket:") for n in os.listdir(f"/proc/{pid}/fd"))
        return max(self.children(), key=sockets)

    def run(self, *args, input=None):
        env = dict(os.environ, GONIEC_DATA=self.data, GONIEC_SUBMIT=self.data + "/run/submit.sock", LC_ALL="C.UTF-8")
        return subprocess.run([BINARY, *args], input=input, capture_output=True, env=env, timeout=60)

    def cli(self, *args, input=None, code=0):
        p = self.run(*args, input=input)
        if code is not None and p.returncode != code:
            raise AssertionError(f"goniec {' '.join(args)} ended with {p.returncode}: {p.stdout.decode()}{p.stderr.decode()}")
        return p.stdout.decode() + p.stderr.decode()

    def story(self, what, ready=lambda s: s["recipients"][0]["status"] != "waiting", seconds=15, newest=True):
        """The newest story of a recipient or id once `ready` says so; or any that it takes (of one millisecond, all are newest)."""
        def look():
            """a story"""
            out = self.run("why", "--json", what).stdout
            found = json.loads(out) if out else []
            found = found if isinstance(found, list) else [found]
            return next((s for s in (found[:1] if newest else found) if ready(s)), None)
        return wait_until(look, seconds)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("the server did not stop")
        return self.process.returncode if self.process else 0

    def close(self):
        self.stop()
        self.folder.cleanup()
