#!/usr/bin/env python3
"""SIGKILL under load: kill.py BINARY [ROUNDS]. Clients note every id that was answered with 250, a receiver notes every id that it took;
engine, office or all are killed at random moments. At the end every acknowledged message must have arrived; duplicates are counted: each
needs a kill between the receiver's reply and our note of it. Ends with "N passed, N failed"."""
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
seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
chance = random.Random(seed)
acknowledged, attempted = set(), set()
stop = threading.Event()


def client(server, number):
    n = 0
    while not stop.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", server.mx, timeout=20) as s:
                while not stop.is_set():
                    n += 1
                    key = f"{number}-{n}"
                    attempted.add(key)
                    s.sendmail("a@sender.test", [f"{key}@dest.test"], b"Subject: x\r\n\r\n" + b"x" * 500 + b"\r\n")
                    acknowledged.add(key)
        except (OSError, smtplib.SMTPException):
            time.sleep(0.02)


def kill_somebody(server):
    what = chance.random()
    try:
        pids = server.children()
        engine = server.engine() if what < 0.7 else None
        for pid in [engine] if engine else pids if what > 0.85 else pids[-1:]:
            os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        pass  # it had just died


receiver = Receiver()
server = Goniec(receiver.port, more='schedule { retry_first = "1s" retry_max = "1s" }\nlane "*" { connections = 8 }')
threads = [threading.Thread(target=client, args=(server, i), daemon=True) for i in range(CLIENTS)]
for t in threads:
    t.start()
for done in range(ROUNDS):
    time.sleep(chance.random() * 0.25)
    kill_somebody(server)
    if done % 5 == 4:  # a start after each pause that doubles would make the rounds long: a fresh supervisor now and then
        server.process.kill()
        server.process.wait()
        time.sleep(0.3)
        open(server.log, "w", encoding="utf-8").close()
        server.start()
stop.set()
for t in threads:
    t.join(30)
taken = {}


def count():
    taken.clear()
    for _, rcpts, _ in list(receiver.messages):
        for r in rcpts:
            key = r.split("@")[0]
            taken[key] = taken.get(key, 0) + 1
    return not acknowledged - set(taken)


arrived, since = 0, time.monotonic()
while not count() and time.monotonic() - since < 30:  # as long as anything moves
    if len(taken) != arrived:
        arrived, since = len(taken), time.monotonic()
    time.sleep(0.5)
lost = acknowledged - set(taken)
strange = set(taken) - attempted
twice = sum(n - 1 for n in taken.values())
verdicts = {"nothing acknowledged was lost": not lost, "nothing came out that was not put in": not strange, "there was load": len(acknowledged) > ROUNDS}
print(f"seed {seed}: {ROUNDS} kills, {len(acknowledged)} acknowledged, {len(taken)} arrived, {len(lost)} lost, {twice} delivered twice")
server.close()
receiver.close()
for name, good in verdicts.items():
    if not good:
        print(f"FAILED: {name}: {sorted(lost | strange)[:10]}")
print(f"{sum(verdicts.values())} passed, {len(verdicts) - sum(verdicts.values())} failed")
sys.exit(0 if all(verdicts.values()) else 1)
