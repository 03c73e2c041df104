"""`goniec verify` with a name server of its own for each call under way; keys and signatures that another implementation makes."""
import base64
import functools
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
import unittest

from names import Names
from world import BINARY

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, for another Python as well
try:
    import dkim
except ImportError:
    dkim = None


class Zones:
    """Name servers, one for each call under way."""

    def __init__(self, n=1):
        self.all = [Names({}) for _ in range(n)]
        self.free = queue.Queue()
        for names in self.all:
            self.free.put(names)

    def run(self, answers, *args, input=None):
        """What the binary says, its CPU seconds, and its seconds by the clock."""
        names = self.free.get()
        try:
            names.answers = answers
            del names.asked[:]
            began = time.monotonic()
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as given:
                given.write(input or b"")
                given.seek(0)
                p = subprocess.Popen([BINARY, "verify", *args, "--resolver", f"127.0.0.1:{names.port}"], stdin=given, stdout=out,
                                     env=dict(os.environ, LC_ALL="C.UTF-8"))
                _, status, usage = os.wait4(p.pid, 0)
                p.returncode = os.waitstatus_to_exitcode(status)
                out.seek(0)
                text = out.read()
            assert p.returncode == 0, (args, p.returncode, text)
            return text.decode(), usage.ru_utime + usage.ru_stime, time.monotonic() - began
        finally:
            self.free.put(names)

    def judge(self, answers, *args, input=None):
        return json.loads(self.run(answers, *args, "--json", input=input)[0])

    def close(self):
        for names in self.all:
            names.close()


@functools.cache
def shared():
    """One for calls that come one after the other; it lives as long as the tests do."""
    return Zones()


def envelope(client_ip="", helo="", mail_from=""):
    args = []
    for name, value in (("--client-ip", client_ip), ("--helo", helo), ("--mail-from", mail_from)):
        if value:
            args += [name, value]
    return args


def needs_dkim():
    if dkim is None:
        raise unittest.SkipTest("python3-dkim is not there")
    return dkim


@functools.cache
def key_pair(bits=2048):
    """A private key as PEM, and the record of its public half; bits 0: Ed25519 (the private key as base64, as python3-dkim wants it)."""
    options = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"] if bits else ["-algorithm", "ED25519"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key")
        subprocess.run(["openssl", "genpkey", *options, "-out", path], check=True, capture_output=True)

        def der(*more):
            return subprocess.run(["openssl", "pkey", "-in", path, *more, "-outform", "DER"], check=True, capture_output=True).stdout
        if not bits:
            return base64.b64encode(der()[-32:]), "v=DKIM1; k=ed25519; p=" + base64.b64encode(der("-pubout")[-32:]).decode()
        return open(path, "rb").read(), "v=DKIM1; p=" + base64.b64encode(der("-pubout")).decode()
