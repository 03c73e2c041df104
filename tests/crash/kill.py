#!/usr/bin/env python3
"""SIGKILL under load: kill.py BINARY [ROUNDS]. `./check crash` plays 200 rounds in a minute or two; the long mode is
`tests/crash/kill.py build/src/goniec 10000` (SEED=n repeats the choices of a run).

Clients send messages to several recipients, some of whom the receiver refuses for good, and note what was answered with 250; the receiver
notes every copy with its time. Engine, office, all children or the supervisor too are killed at random moments. At the end

 - every acknowledged recipient was delivered to, or is named in exactly one bounce; and the queue is empty;
 - nothing came out that was not put in, or that a client was told had been refused;
 - every second copy belongs to a kill that came shortly after the first: we died between the receiver's reply and our note of it.

Ends with "N passed, N failed"."""
import collections
import email
import json
import os
import random
import signal
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "world"))
os.environ["GONIEC"] = os.path.abspath(sys.argv[1])
from world import Goniec, Receiver  # noqa: E402

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
CLIENTS = 6
CONNECTIONS = 8   # of the lane
RECIPIENTS = 5    # of a message, at most
WINDOW = 2.0      # seconds from a receiver's reply to our note of it: a turn, a flush, on a busy machine
IN_FLIGHT = 2 * CONNECTIONS * RECIPIENTS  # copies that one kill can double: one batch being flushed, one gathering
LINE, LINES = b"x" * 498 + b"\r\n", (1,) * 18 + (40, 400)  # most are small; the large ones make segments roll
seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
chance = random.Random(seed)
acknowledged, in_doubt, refused = set(), set(), set()  # recipients
kills = []                                              # times at which the engine was killed
copies = collections.defaultdict(list)                  # recipient -> times of its copies
bounces = collections.defaultdict(set)                  # recipient -> Message-IDs of the bounces that name it
bounce_copies = collections.defaultdict(list)           # Message-ID -> times
stop = threading.Event()


class Notebook:
    """Takes the place of the receiver's list: what came, with the time just before it was answered."""

    def __init__(self):
        self.here = threading.local()

    def rule(self, stage, argument):
        if stage == "rcpt" and argument.endswith("@gone.test"):
            return "550 5.1.1 no such user"
        if stage == "body":
            self.here.answered = time.monotonic()
        return None

    def append(self, message):
        sender, rcpts, body = message
        if sender:
            for r in rcpts:
                copies[r].append(self.here.answered)
            return
        report = email.message_from_bytes(body)
        bounce_copies[report["Message-ID"]].append(self.here.answered)
        for part in report.walk():
            if part.get("Final-Recipient"):
                bounces[part["Final-Recipient"].split(";")[1].strip()].add(report["Message-ID"])


def client(server, number):
    own, n = random.Random(seed + number), 0
    while not stop.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
                while not stop.is_set():
                    n += 1
                    key = f"{number}-{n}"
                    rcpts = [f"{key}-{i}@dest.test" for i in range(own.choice((1, 1, 1, 2, RECIPIENTS)))]
                    if own.random() < 0.15:
                        rcpts[-1] = f"{key}@gone.test"
                    where = in_doubt  # until an answer says otherwise
                    try:
                        s.sendmail(f"s-{key}@sender.test", rcpts, b"Subject: x\r\n\r\n" + LINE * own.choice(LINES))
                        where = acknowledged
                    except smtplib.SMTPDataError:
                        where = refused
                    finally:
                        where.update(rcpts)
        except (OSError, smtplib.SMTPException):
            time.sleep(0.02)


def kill_somebody(server):
    what = chance.random()
    try:
        pids = server.children()
        engine = server.engine() if what < 0.7 else None
    except (OSError, ValueError):
        return  # it had just died
    for pid in [engine] if engine else pids if what > 0.85 else pids[-1:]:
        try:
            os.kill(pid, signal.SIGKILL)
            kills.append(time.monotonic())
        except ProcessLookupError:
            pass  # this one had just died; the next one may live


def queue():
    return json.loads(server.cli("queue", "list", "--json"))


def settled():
    """Everything that was acknowledged arrived, or its bounce did; and what was kept without an answer is gone too."""
    return all(copies[r] if r.endswith("@dest.test") else bounces[r] for r in list(acknowledged)) and not queue()


def wait_as_long_as_anything_moves():
    arrived, since = 0, time.monotonic()
    while not settled() and time.monotonic() - since < 30:
        if len(copies) + len(bounces) != arrived:
            arrived, since = len(copies) + len(bounces), time.monotonic()
        time.sleep(0.5)


def second_copies():
    """For each second copy the kill it belongs to; and those that belong to none, with the times to look for in a log."""
    belongs, strangers = [], []
    for what, times in list(copies.items()) + list(bounce_copies.items()):
        times.sort()
        for first, second in zip(times, times[1:]):
            kill = next((k for k in kills if first <= k), float("inf"))
            if kill <= min(second, first + WINDOW):
                belongs.append(kill)
            else:
                strangers.append(f"{what}: again after {second - first:.3f} s, next kill after {kill - first:.3f} s")
    return belongs, strangers


notebook = Notebook()
receiver = Receiver(rule=notebook.rule)
receiver.messages = notebook
server = Goniec(receiver.port, more=f'schedule {{ retry_first = "1s" retry_max = "1s" }}\nlane "*" {{ connections = {CONNECTIONS} }}')
threads = [threading.Thread(target=client, args=(server, i), daemon=True) for i in range(CLIENTS)]
for t in threads:
    t.start()
for done in range(ROUNDS):
    time.sleep(chance.random() * 0.25)
    kill_somebody(server)
    if done % 5 == 4:  # a start after each pause that doubles would make the rounds long: a fresh supervisor now and then
        server.process.kill()
        server.process.wait()
        kills.append(time.monotonic())
        time.sleep(0.3)
        open(server.log, "w", encoding="utf-8").close()
        server.start()
    if sys.stderr.isatty() and done % 20 == 19:
        print(f"\r{done + 1} of {ROUNDS} kills, {len(acknowledged)} recipients acknowledged", end="", file=sys.stderr)
stop.set()
for t in threads:
    t.join(30)
wait_as_long_as_anything_moves()

good = {r for r in acknowledged if r.endswith("@dest.test")}
gone = acknowledged - good
lost = sorted([r for r in good if not copies[r]] + [r for r in gone if not bounces[r]])
strange = sorted(r for r in set(copies) | set(bounces) if (copies[r] or bounces[r]) and r not in acknowledged | in_doubt)
bounced_twice = sorted(r for r in bounces if len(bounces[r]) > 1)
wrongly = sorted(r for r in bounces if bounces[r] and not r.endswith("@gone.test"))
belongs, strangers = second_copies()
most = max(collections.Counter(belongs).values(), default=0)
verdicts = {
    "nothing acknowledged was lost": lost,
    "nothing came out that was not put in, or was refused": strange,
    "no message has two bounces for one failure": bounced_twice,
    "only what was refused bounced": wrongly,
    "every second copy belongs to a kill": strangers,
    "no kill doubled more than was in flight": [most] if most > IN_FLIGHT else [],
    "nothing is left in the queue": queue(),
    "there was load": [] if len(acknowledged) > ROUNDS else [len(acknowledged)],
}
print(f"seed {seed}: {ROUNDS} rounds, {len(kills)} kills; {len(acknowledged)} recipients acknowledged, {len(good)} to be delivered and "
      f"{len(gone)} to bounce, {len(in_doubt)} in doubt; {len(lost)} lost, {len(belongs) + len(strangers)} copies too many, at most {most} by one kill")
server.close()
receiver.close()
for name, trouble in verdicts.items():
    if trouble:
        print(f"FAILED: {name}: {trouble[:10]}")
failed = sum(bool(v) for v in verdicts.values())
print(f"{len(verdicts) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
