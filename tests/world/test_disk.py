"""Disk and memory: full, read-only, slow, damaged; and a server that must live within little memory. What was acknowledged arrives."""
import os
import resource
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from world import BINARY, Goniec, Receiver, wait_until

QUICK = 'schedule { retry_first = "1s" retry_max = "1s" }'


class SmallDisk:
    """A file system of its own for a server's data directory."""

    def __init__(self, server, megabytes):
        self.path = server.data
        os.makedirs(self.path)
        if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", self.path],
                                              capture_output=True).returncode != 0:
            raise unittest.SkipTest("a file system of its own can be mounted by root only, where mounting is allowed")

    def fill(self, leave):
        """Leaves so many bytes of it free; the server may be taking some meanwhile."""
        def filled():
            """a file that fills the disk"""
            v = os.statvfs(self.path)
            try:
                with open(self.path + "/filler", "wb") as f:
                    os.posix_fallocate(f.fileno(), 0, max(1, v.f_bavail * v.f_frsize - leave))
                return True
            except OSError:
                return False
        wait_until(filled)

    def empty(self):
        os.unlink(self.path + "/filler")

    def remount(self, how):
        subprocess.run(["mount", "-o", "remount," + how, self.path], check=True, capture_output=True)

    def close(self):
        wait_until(lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0)


class Shim:
    """A preloaded library that makes durable writes slow or fail, as `set` says."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="goniec-shim-")
        os.chmod(self.folder.name, 0o755)
        library = self.folder.name + "/shim.so"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c")
        built = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library, source, "-ldl"], capture_output=True)
        if built.returncode != 0:
            raise unittest.SkipTest("no C compiler for the library to preload")
        self.environment = {"LD_PRELOAD": library, "GONIEC_SHIM": self.folder.name}

    def start(self, server):
        os.environ.update(self.environment)
        try:
            server.start()
        finally:
            for name in self.environment:
                del os.environ[name]

    def set(self, name, value):
        path = os.path.join(self.folder.name, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(str(value))
        os.rename(path + ".new", path)

    def unset(self, name):
        os.unlink(os.path.join(self.folder.name, name))

    def close(self):
        self.folder.cleanup()


def send(server, rcpts, body=b"Subject: x\r\n\r\nx\r\n", timeout=60):
    """The answer's code and text; (0, why) when there was none."""
    try:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=timeout) as s:
            s.ehlo()
            for code, text in [s.mail("sender@sender.test")] + [s.rcpt(r) for r in rcpts]:
                if code != 250:
                    return code, text
            return s.data(body)
    except smtplib.SMTPResponseException as e:
        return e.smtp_code, e.smtp_error
    except (smtplib.SMTPException, OSError) as e:
        return 0, str(e).encode()


def copies(receiver):
    """recipient -> how many copies the receiver took"""
    n = {}
    for _, rcpts, _ in list(receiver.messages):
        for r in rcpts:
            n[r] = n.get(r, 0) + 1
    return n


def megabyte(n):
    return b"Subject: large\r\n\r\n" + (b"x" * 990 + b"\r\n") * (n * 1024 * 1024 // 992)


class Moods:
    """A receiver that puts everything off until told to take it; gone.test it then refuses for good."""

    def __init__(self):
        self.open = False
        self.receiver = Receiver(rule=self.rule)

    def rule(self, stage, argument):
        if stage != "rcpt":
            return None
        if not self.open:
            return "450 4.2.0 later"
        return "550 5.1.1 no such user" if argument.endswith("@gone.test") else None


def test_a_full_disk_refuses_new_mail_delivers_the_old_and_takes_mail_again_when_there_is_room():
    moods = Moods()
    server = Goniec(moods.receiver.port, more=QUICK, workers=1, start=False)
    disk = None
    try:
        disk = SmallDisk(server, 96)
        server.start()
        engine = server.engine()
        assert send(server, ["mixed@dest.test", "mixed@gone.test"])[0] == 250
        disk.fill(2 * 1024 * 1024)
        kept, answer = ["mixed@dest.test"], (250, b"")
        while answer[0] == 250 and len(kept) < 100:
            answer = send(server, [f"full-{len(kept)}@dest.test"], megabyte(1))
            if answer[0] == 250:
                kept.append(f"full-{len(kept)}@dest.test")
        assert answer[0] == 452 and answer[1].startswith(b"4.3.1"), answer
        moods.open = True  # deliveries go on, and are noted, on the full disk
        wait_until(lambda: all(r in copies(moods.receiver) for r in kept), 40)
        time.sleep(3)      # the bounce finds no room; what was delivered beside it must not be delivered again
        assert copies(moods.receiver)["mixed@dest.test"] == 1
        disk.empty()
        wait_until(lambda: send(server, ["again@dest.test"])[0] == 250, 30, 0.5)
        wait_until(lambda: copies(moods.receiver).get("sender@sender.test"), 30)
        wait_until(lambda: copies(moods.receiver).get("again@dest.test"), 30)
        assert server.engine() == engine, "the engine was started again"
        assert set(copies(moods.receiver).values()) == {1}, copies(moods.receiver)
    finally:
        server.stop()
        if disk:
            disk.close()
        server.folder.cleanup()
        moods.receiver.close()


def test_a_disk_full_to_the_last_byte_stops_deliveries_that_could_not_be_noted():
    moods = Moods()
    server = Goniec(moods.receiver.port, more=QUICK, workers=1, start=False)
    disk = None
    try:
        disk = SmallDisk(server, 64)
        server.start()
        rcpts = [f"m{i}@dest.test" for i in range(5)]
        assert all(send(server, [r])[0] == 250 for r in rcpts)
        disk.fill(0)
        for _ in range(12):  # each start needs a segment of its own, until there is none
            pid = server.engine()
            os.kill(pid, signal.SIGKILL)
            before = len(server.log_text())
            wait_until(lambda: any(w in server.log_text()[before:] for w in ("workers take mail", "there is no room")), 30)
            if "there is no room" in server.log_text():
                break
            time.sleep(1.2)  # the messages are due again: what is noted of that begins the segment
        assert "there is no room to note what happens" in server.log_text(), server.log_text()
        moods.open = True
        time.sleep(2)
        assert not copies(moods.receiver), copies(moods.receiver)
        disk.empty()
        wait_until(lambda: set(rcpts) <= set(copies(moods.receiver)), 40)
        assert set(copies(moods.receiver).values()) == {1}, copies(moods.receiver)
    finally:
        server.stop()
        if disk:
            disk.close()
        server.folder.cleanup()
        moods.receiver.close()


def test_a_read_only_data_directory_is_a_clear_error_at_start():
    receiver = Receiver()
    server = Goniec(receiver.port, workers=1, start=False)
    disk = None
    try:
        disk = SmallDisk(server, 64)
        disk.remount("ro")
        p = subprocess.run([BINARY, "serve", "-c", server.config], capture_output=True, timeout=30)
        text = p.stdout.decode() + p.stderr.decode()
        assert p.returncode not in (0, -6, -11), (p.returncode, text)
        assert "Read-only file system" in text and server.data in text, text
    finally:
        if disk:
            disk.close()
        server.folder.cleanup()
        receiver.close()


def test_a_disk_that_becomes_read_only_stops_the_engine_with_a_word_and_loses_nothing():
    receiver, shim = Receiver(), Shim()
    server = Goniec(receiver.port, more=QUICK, start=False)
    acknowledged, end = [], threading.Event()

    def client(number):
        n = 0
        while not end.is_set():
            n += 1
            if send(server, [f"{number}-{n}@dest.test"], timeout=5)[0] == 250:
                acknowledged.append(f"{number}-{n}@dest.test")

    try:
        shim.start(server)
        threads = [threading.Thread(target=client, args=(i,), daemon=True) for i in range(4)]
        for t in threads:
            t.start()
        wait_until(lambda: len(acknowledged) > 50)
        shim.set("readonly", "")
        wait_until(lambda: "cannot write" in server.log_text() and "Read-only file system" in server.log_text())
        time.sleep(0.5)
        before = len(acknowledged)
        time.sleep(1)
        assert len(acknowledged) == before, "something was acknowledged without a disk"
        shim.unset("readonly")
        wait_until(lambda: len(acknowledged) > before + 20, 40)
        end.set()
        for t in threads:
            t.join(20)
        wait_until(lambda: set(acknowledged) <= set(copies(receiver)), 30)
        assert "bug:" not in server.log_text(), server.log_text()
    finally:
        end.set()
        server.close()
        shim.close()
        receiver.close()


def test_a_slow_disk_holds_up_nobody_but_those_who_wait_for_it():
    receiver, shim = Receiver(), Shim()
    server = Goniec(receiver.port, workers=1, start=False)
    try:
        shim.start(server)
        shim.set("slow", 2000)
        began = time.monotonic()
        answers = []
        sender = threading.Thread(target=lambda: answers.append((send(server, ["slow@dest.test"]), time.monotonic() - began)))
        sender.start()
        greeted, longest = 0, 0.0
        while sender.is_alive():
            at = time.monotonic()
            with smtplib.SMTP("127.0.0.1", server.mx, timeout=10) as s:
                assert s.ehlo()[0] == 250
            longest = max(longest, time.monotonic() - at)
            greeted += 1
            time.sleep(0.05)
        sender.join()
        (code, text), took = answers[0]
        assert code == 250 and took >= 2.0, (code, text, took)
        assert greeted >= 5 and longest < 1.5, (greeted, longest)
        wait_until(lambda: copies(receiver).get("slow@dest.test") == 1)
    finally:
        if os.path.exists(os.path.join(shim.folder.name, "slow")):
            shim.unset("slow")
        server.close()
        shim.close()
        receiver.close()


def test_a_damaged_record_costs_one_message_and_log_verify_and_the_story_say_which_and_where():
    moods = Moods()
    server = Goniec(moods.receiver.port, more=QUICK, workers=1)
    try:
        for i in range(10):
            assert send(server, [f"m{i}@dest.test"], b"Subject: x\r\n\r\nmarker-%d-marker\r\n" % i)[0] == 250
        server.stop()
        log = server.data + "/log/w0"
        assert " 0 damaged places" in server.cli("log", "verify", log)
        name = next(n for n in os.listdir(log) if n.endswith(".seg") and b"marker-4-marker" in open(f"{log}/{n}", "rb").read())
        with open(f"{log}/{name}", "r+b") as f:
            at = f.read().index(b"marker-4-marker")
            f.seek(at)
            f.write(b"M")
        told = server.cli("log", "verify", log, code=65)
        assert f"({name}) is damaged at offset " in told and " 1 damaged places" in told, told
        offset = int(told.split("is damaged at offset ")[1].split(":")[0])
        assert 0 < at - offset < 4096, (offset, at)
        assert "is damaged at offset" in server.cli("log", "dump", log, code=65)
        moods.open = True
        server.start()
        wait_until(lambda: len(copies(moods.receiver)) == 9, 30)
        wait_until(lambda: f"the record at {offset} of segment" in server.log_text(), 30)
        story = server.story("m4@dest.test", lambda s: "held" in str(s))
        assert f":{offset})" in str(story), story
        assert "m4@dest.test" not in copies(moods.receiver)
        assert server.cli("log", "verify", "/nonexistent", code=66).startswith("goniec: cannot open /nonexistent")
    finally:
        server.close()
        moods.receiver.close()


def test_little_memory_refuses_mail_before_it_runs_out_and_loses_nothing():
    cap = 256 * 1024 * 1024
    receiver, shim = Receiver(), Shim()
    server = Goniec(receiver.port, workers=1, start=False)
    server.write_config("accept { memory_max = 64M sessions_per_ip_max = 200 }\nlog { content_memory_max = 32M }")
    answers = []

    body = megabyte(3)

    def client(number):
        rcpt = f"{number}@dest.test"
        answers.append((rcpt, send(server, [rcpt], body)))

    try:
        before = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (cap, before[1]))  # the server inherits it
        try:
            shim.start(server)
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)
        engine = server.engine()
        shim.set("slow", 150)  # what waits for the disk piles up
        threads = [threading.Thread(target=client, args=(i,), daemon=True) for i in range(80)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)
        kept = [r for r, (code, _) in answers if code == 250]
        refused = [text for _, (code, text) in answers if code == 452]
        assert server.engine() == engine, server.log_text()
        assert len(kept) >= 10 and refused, (len(kept), len(refused))
        assert all(code in (250, 452, 421) for _, (code, _) in answers), [a for a in answers if a[1][0] not in (250, 452, 421)]
        assert all(text.startswith(b"4.3.1") for text in refused), refused
        shim.unset("slow")
        wait_until(lambda: set(kept) <= set(copies(receiver)), 60)
        peak = int(next(l for l in open(f"/proc/{engine}/status", encoding="utf-8") if l.startswith("VmHWM")).split()[1]) * 1024
        assert peak < cap, peak
    finally:
        server.close()
        shim.close()
        receiver.close()
