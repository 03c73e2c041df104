"""A name server (nsd) with zones of our own: "test." signed, its key as a trust anchor in self.anchor, and "plain." unsigned. Records are
lines of a zone file with names relative to the zone."""
import os
import re
import signal
import socket
import subprocess
import tempfile

from world import free_port, wait_until

HEAD = "$ORIGIN {0}.\n$TTL 60\n@ IN SOA ns.{0}. nobody.{0}. 1 3600 600 86400 60\n@ IN NS ns.{0}.\nns IN A 127.0.0.1\n"


class Zones:
    def __init__(self, test=(), plain=(), forged=()):
        """forged: (owner, type) in test. whose signatures are spoilt."""
        self.folder = tempfile.TemporaryDirectory(prefix="goniec-zones-")
        os.chmod(self.folder.name, 0o755)
        self.port = free_port()
        self.anchor = self.sign(test, forged)
        self.put("plain.zone", HEAD.format("plain") + "\n".join(plain) + "\n")
        self.put("nsd.conf", f'''server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.folder.name}"
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "{self.path('zone.list')}"
  server-count: 1
  hide-version: yes
remote-control:
  control-enable: no
zone:
  name: "test."
  zonefile: "test.zone.signed"
zone:
  name: "plain."
  zonefile: "plain.zone"
''')
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen([self.program("nsd"), "-d", "-c", self.path("nsd.conf")], stdout=log, stderr=log,
                                            start_new_session=True)
        wait_until(self.answers)

    @staticmethod
    def program(name):
        return next((p for p in (f"/usr/sbin/{name}", f"/usr/bin/{name}") if os.path.exists(p)), name)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def put(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def sign(self, records, forged):
        run = {"cwd": self.folder.name, "check": True, "capture_output": True, "text": True}
        key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "test"], **run).stdout.strip()
        self.put("test.zone", HEAD.format("test") + "\n".join(records) + "\n")
        subprocess.run(["ldns-signzone", "test.zone", key], **run)
        text = open(self.path("test.zone.signed"), encoding="utf-8").read()
        for owner, kind in forged:
            signature = rf"(?m)^({re.escape(owner)}\.test\.\s.*RRSIG\s+{kind}\s.*\s)(\S)(\S+)$"
            assert re.search(signature, text), text
            text = re.sub(signature, lambda m: m[1] + ("A" if m[2] != "A" else "B") + m[3], text)
        self.put("test.zone.signed", text)
        return self.path(key + ".key")

    def answers(self):
        """the name server"""
        query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04test\0\0\x06\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.sendto(query, ("127.0.0.1", self.port))
            try:
                return s.recv(512)[:2] == query[:2]
            except OSError:
                return False

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)  # nsd's children, in the session that it was started in
        self.process.wait(10)
        self.folder.cleanup()
