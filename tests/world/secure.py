"""Certificates, and who shows them: an authority of our own, host certificates that are right or wrong in one way, and an HTTPS host
for MTA-STS policies. Made by the openssl command in a folder of the test's."""
import hashlib
import http.server
import os
import ssl
import subprocess
import tempfile
import threading


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


class Authority:
    """Issues certificates; self.file holds its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="goniec-ca-")
        os.chmod(self.folder.name, 0o755)
        self.file, self.key, self.n = self.path("ca.pem"), self.path("ca.key"), 0
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=an authority",
                "-keyout", self.key, "-out", self.file)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def issue(self, *names, days=2):
        """A certificate for the names, as a Shown; days < 0: it has expired."""
        self.n += 1
        key, request, cert, ext = (self.path(f"{self.n}.{x}") for x in ("key", "csr", "pem", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/", "-keyout", key, "-out", request)
        with open(ext, "w", encoding="utf-8") as f:
            f.write("subjectAltName=" + ",".join("DNS:" + n for n in names))
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-days", str(days), "-extfile", ext, "-out", cert)
        with open(cert, "a", encoding="utf-8") as f:
            f.write(open(self.file, encoding="utf-8").read())  # the chain, as servers show it
        return Shown(cert, key, self.file)

    def close(self):
        self.folder.cleanup()


class Shown:
    """A certificate with its key and chain."""

    def __init__(self, cert, key, issuer):
        self.cert, self.key, self.issuer = cert, key, issuer

    def context(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.cert, self.key)
        return c

    def tlsa(self, usage=3, selector=1, matching=1):
        """The data of a TLSA record for it (usage 3) or its issuer (2), as a zone file has it."""
        file = self.issuer if usage == 2 else self.cert
        der = openssl("x509", "-in", file, "-outform", "DER")
        if selector == 1:
            key = openssl("x509", "-in", file, "-noout", "-pubkey")
            der = openssl("pkey", "-pubin", "-outform", "DER", data=key)
        data = der.hex() if matching == 0 else (hashlib.sha256 if matching == 1 else hashlib.sha512)(der).hexdigest()
        return f"{usage} {selector} {matching} {data}"


class PolicyHost:
    """Serves /.well-known/mta-sts.txt over HTTPS. answer(host) returns (status, headers, body). others: what is shown to who asks for
    these names."""

    def __init__(self, shown, answer, others=()):
        self.answer, self.asked = answer, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.headers["Host"] + self.path)
                status, headers, body = outer.answer(self.headers["Host"])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # it has had enough
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):  # a client that does not like the certificate
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        contexts = {name: other.context() for name, other in dict(others).items()}

        def choose(session, name, _):
            session.context = contexts.get(name, session.context)
        context = shown.context()
        context.sni_callback = choose
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def policy(mode="enforce", mx=("mx.test",), max_age=86400, more=""):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {m}" for m in mx), f"max_age: {max_age}"]
    return 200, {"Content-Type": "text/plain"}, ("\r\n".join(lines) + "\r\n" + more).encode()
