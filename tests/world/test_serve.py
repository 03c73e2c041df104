"""The supervisor: what its children may do, what they may read, how they are started again, what new settings change."""
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import unittest

from world import BINARY, free_port, wait_until
from test_relay import send, world


def status_of(pid):
    """/proc/PID/status as a dictionary"""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def can_bind(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def root_only():
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root can give rights up")


def test_children_have_no_rights_of_root():
    root_only()
    with world() as (server, receiver):
        nobody = pwd.getpwnam("nobody")
        assert len(server.children()) == 2
        for pid in server.children():
            s = status_of(pid)
            assert s["Uid"].split() == [str(nobody.pw_uid)] * 4 and s["Gid"].split() == [str(nobody.pw_gid)] * 4, s
            assert s["Groups"].strip() == "" and s["NoNewPrivs"] == "1", s
            for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(s[which], 16) == 0, (which, s)
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0, "its memory may be looked at by its own user"
        engine = server.engine()
        os.kill(engine, signal.SIGKILL)  # the one that is started again has as few
        wait_until(lambda: len(server.children()) == 2 and engine not in server.children())
        wait_until(lambda: all(status_of(pid)["CapEff"] == "0" * 16 and status_of(pid)["Uid"].split()[1] != "0" for pid in server.children()))


def test_nothing_that_the_server_keeps_is_for_the_eyes_of_others():
    public = {"", "run", "run/submit.sock", "tls-self-signed.pem"}  # names, the door for local mail, a certificate
    before = os.umask(0)
    try:
        with world() as (server, receiver):
            server.cli("account", "add", "shop")
            server.cli("domain", "add", "sender.test", "-c", server.config)
            server.cli("suppression", "add", "--reason", "manual", "x@dest.test")
            send(server)
            server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
            seen = set()
            for folder, folders, files in os.walk(server.data):
                for path in [folder] + [os.path.join(folder, name) for name in files]:
                    name, st = os.path.relpath(path, server.data), os.lstat(path)
                    name = "" if name == "." else name
                    seen.add(name)
                    allowed = 0o070 if name == "run/engine.sock" else 0  # the group may be given the operator's hand
                    assert name in public or not st.st_mode & 0o077 & ~allowed, (name, oct(st.st_mode))
                    assert name == "run/submit.sock" or not st.st_mode & 0o002, (name, oct(st.st_mode))
            assert {"office.db", "office.db-wal", "office.db-shm", "accounts", "suppression", "keys/index", "run/engine.sock", "run/lock"} <= seen, seen
            assert any(name.startswith("log/w0/") for name in seen) and any(name.endswith(".pem") and name.startswith("keys/") for name in seen), seen
    finally:
        os.umask(before)


def test_root_gives_nothing_away_that_a_name_in_the_data_directory_leads_to():
    root_only()
    with world(start=False) as (server, receiver):
        elsewhere = os.path.join(server.folder.name, "elsewhere")
        os.mkdir(elsewhere, 0o755)
        os.mkdir(server.data)
        os.symlink(elsewhere, server.data + "/run")
        server.start()
        send(server)
        wait_until(lambda: receiver.messages)
        assert os.stat(elsewhere).st_uid == 0, "the children's user got a directory of root's"


def test_without_root_the_right_to_bind_low_ports_is_enough_and_the_children_lose_it():
    root_only()
    if not shutil.which("setpriv"):
        raise unittest.SkipTest("setpriv is not installed")
    with world(start=False) as (server, receiver):
        low = next(port for port in range(700, 1024) if can_bind(port))
        text = open(server.config, encoding="utf-8").read()
        with open(server.config, "w", encoding="utf-8") as f:
            f.write(text.replace(f"127.0.0.1:{server.mx}", f"127.0.0.1:{low}"))
        server.mx = low
        nobody = pwd.getpwnam("nobody")
        os.chown(server.folder.name, nobody.pw_uid, nobody.pw_gid)
        server.before = ["setpriv", "--reuid=nobody", "--clear-groups", "--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service"]
        server.start()
        assert int(status_of(server.process.pid)["CapEff"], 16) == 1 << 10
        assert all(int(status_of(pid)["CapEff"], 16) == int(status_of(pid)["CapAmb"], 16) == 0 for pid in server.children())
        send(server)
        wait_until(lambda: receiver.messages)


def test_nothing_of_the_server_belongs_to_root_where_the_children_write():
    root_only()
    with world() as (server, receiver):
        send(server)
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        server.cli("account", "add", "shop")
        for folder, _, names in os.walk(server.data):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith("tls-self-signed") and name != "lock":
                    assert os.lstat(path).st_uid != 0, path
        assert os.stat(server.data + "/log").st_mode & 0o777 == 0o700
        assert os.stat(server.data + "/tls-self-signed.key").st_mode & 0o777 == 0o600


def test_keys_are_read_by_root_alone_and_serve_on_after_a_restart_and_a_reload():
    root_only()
    with world(start=False) as (server, receiver):
        pem, key = os.path.join(server.folder.name, "mail.pem"), os.path.join(server.folder.name, "mail.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=one.test", "-keyout", key, "-out", pem],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        os.chmod(pem, 0o600)
        with open(server.config, "a", encoding="utf-8") as f:
            f.write(f'tls {{ certificate = "{pem}" key = "{key}" }}\n')
        server.start()

        def certificate():
            """the certificate that clients are shown"""
            try:
                with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
                    s.starttls(context=ssl._create_unverified_context())
                    return s.sock.getpeercert(True)
            except (OSError, smtplib.SMTPException):
                return None
        first = wait_until(certificate)
        assert first == ssl.PEM_cert_to_DER_cert(open(pem, encoding="utf-8").read())
        os.kill(server.engine(), signal.SIGKILL)
        wait_until(lambda: certificate() == first)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=two.test", "-keyout", key, "-out", pem],
                       check=True, capture_output=True)
        server.process.send_signal(signal.SIGHUP)
        second = ssl.PEM_cert_to_DER_cert(open(pem, encoding="utf-8").read())
        wait_until(lambda: certificate() == second)
        os.remove(key)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "tls.key: cannot open " + key in server.log_text())
        assert certificate() == second


def test_a_child_that_keeps_dying_is_started_again_after_pauses_that_double():
    with world() as (server, receiver):
        supervisor = server.process.pid
        for number in range(4):
            wait_until(lambda: server.log_text().count("workers take mail") == number + 1)
            engine = wait_until(lambda: len(server.children()) == 2 and server.engine())
            os.kill(engine, signal.SIGKILL)
            wait_until(lambda: server.log_text().count("died of signal 9") == number + 1)
            wait_until(lambda: engine not in server.children())
        pauses = re.findall(r"the engine died of signal 9 \(Killed\), it is started again in (\d+) ms", server.log_text())
        assert pauses == ["100", "200", "400", "800"], pauses
        assert server.process.pid == supervisor and server.process.poll() is None
        wait_until(lambda: len(server.children()) == 2)
        office = [pid for pid in server.children() if pid != server.engine()][0]
        os.kill(office, signal.SIGKILL)  # the pauses of one are not those of the other
        wait_until(lambda: "the office died of signal 9 (Killed), it is started again in 100 ms" in server.log_text())
        wait_until(lambda: server.log_text().count("workers take mail") == 5)
        send(server)
        wait_until(lambda: receiver.messages)


def test_new_settings_that_take_a_restart_are_named_and_wait_for_it():
    with world() as (server, receiver):
        secret = server.cli("account", "add", "shop").splitlines()[1].split()[-1]
        text = open(server.config, encoding="utf-8").read()
        elsewhere, port = server.folder.name + "/elsewhere", free_port()
        with open(server.config, "w", encoding="utf-8") as f:
            f.write(text.replace(f'"{server.data}"', f'"{elsewhere}"').replace("workers = 2", "workers = 1").replace(str(server.submissions), str(port)))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "new settings are in force" in server.log_text())
        for name in ("workers", "listen", "data_directory"):
            assert f"the new {name} is taken in at the next start" in server.log_text(), server.log_text()
        assert "the new user" not in server.log_text()
        with smtplib.SMTP("127.0.0.1", server.submission, timeout=20) as s:  # accounts are those of the old directory
            s.starttls(context=ssl._create_unverified_context())
            s.login("shop", secret)
        os.kill(server.engine(), signal.SIGKILL)
        wait_until(lambda: server.log_text().count("workers take mail") == 2)
        send(server)
        assert server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        assert not os.path.exists(elsewhere + "/log")


def test_a_user_that_does_not_exist_or_is_root_is_refused_with_its_line():
    root_only()
    with world(start=False) as (server, receiver):
        text = open(server.config, encoding="utf-8").read()
        line = text.splitlines().index('user = "nobody"') + 1
        for user, words in (("nosuchuser", "there is no such user"), ("root", "must not run as root")):
            with open(server.config, "w", encoding="utf-8") as f:
                f.write(text.replace('"nobody"', f'"{user}"'))
            p = subprocess.run([BINARY, "serve", "-c", server.config], capture_output=True, text=True, timeout=30)
            assert p.returncode == 78 and f'{server.config}:{line}: user = "{user}": ' in p.stderr and words in p.stderr, p
