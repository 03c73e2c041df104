"""Mail servers that others wrote, each an instance of its own in a folder of its own on 127.0.0.1, ended by the pid it was started with."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from world import free_port, wait_until


def needed(*paths):
    for path in paths:
        if not os.path.exists(path):
            raise unittest.SkipTest(f"{path} is not installed")
    if os.getuid() != 0:
        raise unittest.SkipTest("this server wants to be started by root")


def greets(port):
    def look():
        """a greeting"""
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                return s.recv(100)[:3] == b"220"
        except OSError:
            return False
    return look


def certificate(folder, name):
    """A self-signed certificate: the paths of chain and key."""
    chain, key = os.path.join(folder, "chain.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


class Peer:
    def __init__(self, name):
        self.folder = tempfile.TemporaryDirectory(prefix=f"goniec-{name}-")
        os.chmod(self.folder.name, 0o755)
        self.port = free_port()
        self.process = None

    def path(self, *parts):
        return os.path.join(self.folder.name, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def close(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.folder.cleanup()


class Postfix(Peer):
    """Takes mail for dest.test into Maildirs of the users named; with `relayhost` it sends everything else there."""

    def __init__(self, users=(), settings=""):
        needed("/usr/lib/postfix/sbin/master")
        super().__init__("postfix")
        for d in ("etc", "queue", "data", "mail"):
            os.makedirs(self.path(d))
        shutil.chown(self.path("data"), "postfix")
        nobody = pwd.getpwnam("nobody")
        os.chown(self.path("mail"), nobody.pw_uid, nobody.pw_gid)
        chain, key = certificate(self.folder.name, "postfix.test")
        self.write("etc/users", "".join(f"{u}@dest.test {u}/\n" for u in users))
        self.write("etc/main.cf", f"""compatibility_level = 3.6
queue_directory = {self.path("queue")}
data_directory = {self.path("data")}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
virtual_mailbox_domains = dest.test
virtual_mailbox_maps = texthash:{self.path("etc/users")}
virtual_mailbox_base = {self.path("mail")}
virtual_uid_maps = static:{nobody.pw_uid}
virtual_gid_maps = static:{nobody.pw_gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = permit_mynetworks,reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {chain}
maillog_file = {self.path("log")}
maillog_file_prefixes = {self.folder.name}
{settings}
""")
        self.write("etc/master.cf", f"""127.0.0.1:{self.port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
""")
        subprocess.run(["postfix", "-c", self.path("etc"), "check"], capture_output=True)
        self.process = subprocess.Popen(["/usr/lib/postfix/sbin/master", "-c", self.path("etc"), "-d"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(greets(self.port))

    def mailbox(self, user):
        new = self.path("mail", user, "new")
        return [open(os.path.join(new, n), "rb").read() for n in os.listdir(new)] if os.path.isdir(new) else []

    def log(self):
        return open(self.path("log"), encoding="utf-8", errors="replace").read()


class Dovecot(Peer):
    """LMTP on a port, Maildirs of the users named."""

    def __init__(self, users=()):
        needed("/usr/sbin/dovecot", "/usr/lib/dovecot/lmtp")
        super().__init__("dovecot")
        os.makedirs(self.path("mail"))
        nobody = pwd.getpwnam("nobody")
        os.chown(self.path("mail"), nobody.pw_uid, nobody.pw_gid)
        self.write("users", "".join(f"{u}@dest.test::{nobody.pw_uid}:{nobody.pw_gid}::{self.path('mail', u)}::\n" for u in users))
        self.write("dovecot.conf", f"""protocols = lmtp
base_dir = {self.path("run")}
state_dir = {self.path("state")}
log_path = {self.path("log")}
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
postmaster_address = postmaster@dest.test
hostname = dovecot.test
passdb {{
  driver = passwd-file
  args = {self.path("users")}
}}
userdb {{
  driver = passwd-file
  args = {self.path("users")}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.port}
  }}
}}
""")
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.path("dovecot.conf")], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(greets(self.port))

    def mailbox(self, user):
        new = self.path("mail", user, "Maildir", "new")
        return [open(os.path.join(new, n), "rb").read() for n in os.listdir(new)] if os.path.isdir(new) else []
