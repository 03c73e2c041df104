"""New settings while mail flows: what sessions and attempts still look into stays, and nothing else does."""
import signal
import smtplib
import threading

from world import Goniec, Receiver, wait_until

MESSAGE = b"From: a@sender.test\r\nTo: b@dest.test\r\nSubject: x\r\n\r\nbody\r\n"
RELOADS = 1000


def resident(pid):
    """KiB that a process has in memory of its own"""
    lines = open(f"/proc/{pid}/smaps_rollup", encoding="utf-8").read().splitlines()
    return sum(int(x.split()[1]) for x in lines if x.startswith(("Private_Dirty", "Private_Clean")))


class Reloader:
    """Counts what is in force by the server's own words."""

    def __init__(self, server):
        self.server, self.log, self.seen = server, open(server.log, encoding="utf-8"), 0

    def heard(self):
        """new settings in force"""
        self.seen += self.log.read().count("new settings are in force")
        return self.seen

    def reload(self):
        before = self.seen
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.heard() > before, every=0.001)


def test_a_thousand_reloads_under_traffic_leave_memory_as_it_was():
    receiver = Receiver(lambda stage, argument: "451 4.7.1 later" if stage == "rcpt" and argument.startswith("later") else None)
    # A snapshot that is heavy enough to be seen: rules of some hundred bytes each.
    rules = "\n".join(f'route "d{i}.{"x" * 50}.test" {{ to = "smtp:host{i}.{"y" * 50}.test:25" }}' for i in range(300))
    server = Goniec(receiver.port, more=rules)
    stop = threading.Event()
    sent = []

    def traffic():
        while not stop.is_set():
            with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:  # one session sees several settings
                for i in range(20):
                    s.sendmail("a@sender.test", ["b@dest.test"] if i % 10 else ["later@dest.test"], MESSAGE)
                    sent.append(1)
                    stop.wait(0.01)
    thread = threading.Thread(target=traffic)
    idle = smtplib.SMTP("127.0.0.1", server.mx, timeout=60)  # a session of the first settings, at work again under the last
    thread.start()
    try:
        settings, engine = Reloader(server), server.engine()
        for i in range(RELOADS // 5):
            settings.reload()
        pids = (engine, server.process.pid)
        before = [resident(p) for p in pids]
        for i in range(RELOADS // 5, RELOADS):
            settings.reload()
        after = [resident(p) for p in pids]
        stop.set()
        thread.join()
        print(f"  {RELOADS} reloads, {len(sent)} messages: engine {before[0]} -> {after[0]} KiB, supervisor {before[1]} -> {after[1]} KiB")
        # A kept snapshot would cost more than 100 KiB: 80 MiB for what lies between the two looks.
        assert all(a - b < 32 * 1024 for a, b in zip(after, before)), (before, after)
        idle.sendmail("a@sender.test", ["idle@dest.test"], MESSAGE)
        good = sum(1 for i in range(len(sent)) if i % 20 % 10)
        wait_until(lambda: len(receiver.messages) >= good + 1, 30)
        assert server.engine() == engine  # the engine is the one that was started
    finally:
        stop.set()
        idle.close()
        server.close()
        receiver.close()


def test_an_attempt_of_earlier_settings_ends_by_its_own_and_the_next_follows_the_new():
    hold = threading.Event()

    def rule(stage, argument):
        if stage == "banner":
            hold.wait(20)
    receiver = Receiver(rule)
    server = Goniec(receiver.port, more='source { ehlo = "first.test" }')
    try:
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
            s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)
            wait_until(lambda: receiver.connections)
            server.write_config('source { ehlo = "second.test" }\ndeliver { idle_max = 0 }')
            settings = Reloader(server)
            settings.heard()
            settings.reload()
            hold.set()
            wait_until(lambda: len(receiver.messages) == 1)
            s.sendmail("a@sender.test", ["b@dest.test"], MESSAGE)
            wait_until(lambda: len(receiver.messages) == 2)
        assert [c for c in receiver.commands if c.startswith("EHLO")] == ["EHLO first.test", "EHLO second.test"], receiver.commands
    finally:
        hold.set()
        server.close()
        receiver.close()
