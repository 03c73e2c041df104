"""Mail servers whose packages exclude the one that is installed: unpacked by packaging/unpack, and run in a mount namespace of their own in
which their files, their users and their settings are where they were built to look for them. Nothing outside of it sees them."""
import os
import shutil
import subprocess
import unittest

from peers import Peer, certificate, greets
from world import wait_until

PEERS = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "peers"))
USERS = {"Debian-exim": 64001, "opensmtpd": 64002, "opensmtpq": 64003}

ENCLOSE = """set -e
mount -t overlay overlay -o lowerdir=$1/usr:/usr /usr
mount -t overlay overlay -o lowerdir=$2/etc:/etc /etc
for d in /var/spool /var/lib /run; do mount -t tmpfs -o mode=0755 tmpfs $d; done
mkdir -m 711 /var/spool/smtpd
mkdir -p /var/lib/opensmtpd/empty
shift 2
exec "$@"
"""


class Enclosed(Peer):
    def __init__(self, package):
        self.package = os.path.join(PEERS, package)
        if not os.path.exists(os.path.join(self.package, "complete")):
            raise unittest.SkipTest(f"{package} is not unpacked (packaging/unpack build/peers)")
        if os.getuid() != 0 or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode:
            raise unittest.SkipTest("this server needs a mount namespace of its own, which only root can make")
        super().__init__(package)
        for d in ("etc", "mail"):
            os.makedirs(self.path(d))
        for name, fields in (("passwd", "{n}:x:{i}:{i}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{n}:x:{i}:\n")):
            with open(os.path.join("/etc", name), encoding="utf-8") as f:
                self.write(f"etc/{name}", f.read() + "".join(fields.format(n=n, i=i) for n, i in USERS.items()))
        self.write("enclose", ENCLOSE)
        self.chain, self.key = certificate(self.folder.name, package + ".test")

    def run(self, *command):
        with open(self.path("output"), "wb") as out:
            self.process = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", self.path("enclose"), self.package,
                                             self.folder.name, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        greeting = greets(self.port)

        def up():
            """the server's greeting"""
            if self.process.poll() is not None:
                raise AssertionError("the server ended: " + open(self.path("output"), encoding="utf-8", errors="replace").read())
            return greeting()
        wait_until(up)

    def mailbox(self, user):
        new = self.path("mail", user, "new")
        return [open(os.path.join(new, n), "rb").read() for n in os.listdir(new)] if os.path.isdir(new) else []


class Exim(Enclosed):
    """Takes mail for the named users of dest.test, up to 1 MiB."""

    tls = "required"

    def __init__(self, users):
        super().__init__("exim4-daemon-light")
        for d in ("spool", "log", "mail"):
            os.makedirs(self.path(d), exist_ok=True)
            os.chown(self.path(d), USERS["Debian-exim"], USERS["Debian-exim"])
        os.chown(self.key, 0, USERS["Debian-exim"])
        os.chmod(self.key, 0o640)
        os.makedirs(self.path("etc", "exim4"))
        self.write("etc/exim4/exim4.conf", f"""primary_hostname = exim.test
exim_path = /usr/sbin/exim4
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
spool_directory = {self.path("spool")}
log_file_path = {self.path("log")}/%slog
pid_file_path = {self.path("spool")}/pid
log_selector = +pipelining +pid
tls_advertise_hosts = *
tls_certificate = {self.chain}
tls_privatekey = {self.key}
dsn_advertise_hosts = *
message_size_limit = 1M
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
deliver_drop_privilege = true
keep_environment =
never_users =
acl_smtp_mail = check_sender
acl_smtp_rcpt = check_rcpt
begin acl
check_sender:
  deny senders = refused@sender.test
       message = 5.7.1 this sender is not welcome
  accept
check_rcpt:
  require verify = recipient
  accept domains = dest.test
  deny message = 5.7.1 relaying is not done here
begin routers
local:
  driver = accept
  domains = dest.test
  local_parts = {" : ".join(users)}
  transport = box
begin transports
box:
  driver = appendfile
  directory = {self.path("mail")}/$local_part_data
  maildir_format
  create_directory
  user = Debian-exim
  group = Debian-exim
begin retry
* * F,1h,1m
""")
        self.run("/usr/sbin/exim4", "-bdf", "-q1h")

    def log(self):
        return open(self.path("log", "mainlog"), encoding="utf-8", errors="replace").read()


class OpenSmtpd(Enclosed):
    """Takes mail for the named users of dest.test, up to 1 MiB. It offers STARTTLS, but Debian 12's cannot finish a handshake with any
    client: its process that holds the key was not made for OpenSSL 3."""

    tls = "none"

    def __init__(self, users):
        super().__init__("opensmtpd")
        shutil.chown(self.path("mail"), "nobody", "nogroup")
        nobody = os.stat(self.path("mail"))
        os.chmod(self.key, 0o600)
        self.write("etc/resolv.conf", "lookup file\n")
        self.write("users", "".join(f"{u} {nobody.st_uid}:{nobody.st_gid}:{self.path('mail')}\n" for u in users))
        self.write("smtpd.conf", f"""pki opensmtpd.test cert "{self.chain}"
pki opensmtpd.test key "{self.key}"
table users file:{self.path("users")}
smtp max-message-size 1M
listen on 127.0.0.1 port {self.port} tls pki opensmtpd.test hostname opensmtpd.test
action "box" maildir "{self.path("mail")}/%{{user.username}}" userbase <users>
match from any mail-from "refused@sender.test" for any reject
match from any for domain "dest.test" action "box"
""")
        self.run("/usr/sbin/smtpd", "-d", "-f", self.path("smtpd.conf"))

    def log(self):
        return open(self.path("output"), encoding="utf-8", errors="replace").read()
