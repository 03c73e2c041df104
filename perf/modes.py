"""What the comparison with a peer does not show, of goniec alone: deferred (a million deferred jobs: memory, restart, first attempt, other mail beside them), idle
(ten thousand idle sessions, in the clear and with TLS), latency (one message at a time, 20 a second), dkim (signed beside unsigned). Prints one line of JSON a mode and keeps
them in perf/modes.json. modes.py MODE..."""
import datetime
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from bench import BUILD, PORTS, Goniec, cpu_and_memory, tree, wait_port, write_results

DEFERRED = int(os.environ.get("GONIEC_BENCH_DEFERRED", "1000000"))
IDLE = 10000


def run(mode, folder):
    """The mode's figures, in a folder of its own."""
    os.chmod(folder, 0o755)
    mapping = f"/dev/shm/goniec-bench-{os.getpid()}"
    try:
        return mode(folder, mapping)
    finally:
        if os.path.exists(mapping):
            os.unlink(mapping)


def sink_start(mapping, port=PORTS["sink"]):
    sink = subprocess.Popen([f"{BUILD}/perf/load_sink", str(port), mapping])
    wait_port(port)
    return sink


def engine_memory(pid):
    """Resident bytes of the engine, which has most threads. (The office's cache does not grow with the queue, but is larger than a small one.)"""
    engine = max(tree(pid), key=lambda p: len(os.listdir(f"/proc/{p}/task")))
    return int(open(f"/proc/{engine}/statm", encoding="ascii").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def received(mapping):
    with open(mapping, "rb") as f:
        return int.from_bytes(f.read(8), "little")


def fresh_per_s(mapping):
    """What goes through to a receiver that is up, while others may be down: the median of three runs of 1 KiB messages."""
    rates = []
    for _ in range(3):
        sink = sink_start(mapping + "-fresh", PORTS["fresh"])
        out = subprocess.run([f"{BUILD}/perf/load_gen", str(PORTS["goniec"]), mapping + "-fresh", "40000", "1024", "50", "keep", "0", "fresh.test"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        sink.kill()
        sink.wait()
        os.unlink(mapping + "-fresh")
        rates.append(json.loads(out)["relay_per_s"])
    return sorted(rates)[1]


def deferred(folder, mapping):
    """The receiver is down until all are in the queue; then the server stops, and starts again beside a receiver that is up. Contents are
    not kept in memory, so that what remains is the jobs. Before and while the queue is full, mail for another receiver passes."""
    server = Goniec(folder, f"""schedule {{ retry_first = 1s retry_max = 1s }}
log {{ content_memory_max = 1M }}
route "fresh.test" {{ to = "smtp:127.0.0.1:{PORTS['fresh']}" tls = none }}""")
    wait_port(PORTS["goniec"])
    time.sleep(1)
    beside_none = fresh_per_s(mapping)
    empty = engine_memory(server.pid)  # of a server that has been at work: what remains of that is nobody's queue
    accepted = server.metric("messages_accepted_total")
    gen = subprocess.Popen([f"{BUILD}/perf/load_gen", str(PORTS["goniec"]), mapping, str(DEFERRED), "1024", "50", "keep"], stdout=subprocess.PIPE,
                           text=True)
    while server.metric("messages_accepted_total") < accepted + DEFERRED:
        time.sleep(0.2)
        assert gen.poll() is None or gen.returncode in (0, 1)
    gen.kill()
    gen.wait()
    full = engine_memory(server.pid)
    # What is measured is the queue, not the filling of it; few of them are tried, and noted, while the receiver is down.
    server.settle(accepted + DEFERRED, "office_messages_total")
    beside_all = fresh_per_s(mapping)
    server.stop()
    os.unlink(mapping)
    sink = sink_start(mapping)
    began = time.monotonic()
    server.start()
    wait_port(PORTS["goniec"])
    up = time.monotonic() - began
    while received(mapping) == 0:
        time.sleep(0.005)
    first = time.monotonic() - began
    restarted = engine_memory(server.pid)
    while received(mapping) < DEFERRED and time.monotonic() - began < 600:
        time.sleep(0.2)
    drained = time.monotonic() - began
    got = received(mapping)
    server.stop()
    sink.kill()
    sink.wait()
    return {"jobs": DEFERRED, "bytes_per_job": round((full - empty) / DEFERRED), "restart_s": round(up, 2), "first_attempt_s": round(first, 2),
            "bytes_per_job_after_restart": round((restarted - empty) / DEFERRED), "drained_per_s": round(got / drained), "fresh_per_s_empty_queue": round(beside_none),
            "fresh_per_s_full_queue": round(beside_all), "fresh_percent": round(100 * beside_all / beside_none), "lost": DEFERRED - got}


def idle_sessions(server, secure):
    context = ssl._create_unverified_context()
    before, sessions = engine_memory(server.pid), []
    for _ in range(IDLE):
        s = socket.create_connection(("127.0.0.1", PORTS["goniec"]), 10)
        s.recv(200)
        s.sendall(b"EHLO client.test\r\n")
        s.recv(2000)
        if secure:
            s.sendall(b"STARTTLS\r\n")
            s.recv(200)
            s = context.wrap_socket(s)
            s.sendall(b"EHLO client.test\r\n")
            s.recv(2000)
        sessions.append(s)
    grown = (engine_memory(server.pid) - before) / 1e6
    for s in sessions:
        s.close()
    return round(grown)


def idle(folder, mapping):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 200), hard))
    server = Goniec(folder)
    wait_port(PORTS["goniec"])
    plain = idle_sessions(server, False)
    server.stop()
    server.start()
    wait_port(PORTS["goniec"])
    secure = idle_sessions(server, True)
    server.stop()
    return {"sessions": IDLE, "plain_mb": plain, "tls_mb": secure}


def latency(folder, mapping):
    sink = sink_start(mapping)
    server = Goniec(folder)
    wait_port(PORTS["goniec"])
    time.sleep(1)
    out = subprocess.run([f"{BUILD}/perf/load_gen", str(PORTS["goniec"]), mapping, "600", "10240", "5", "keep", "20"], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    server.stop()
    sink.kill()
    sink.wait()
    got = json.loads(out)
    return {"per_s": 20, **{k: got[k] for k in got if k.startswith("p") or k == "lost"}}


def raw_per_s(algorithm):
    """Signatures a second that all cores make together, by openssl's own measure."""
    out = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", "-multi", str(os.cpu_count()), algorithm], capture_output=True, text=True).stdout
    return round(next(float(line.split(":")[-2]) for line in out.splitlines() if line.startswith(("+F2:", "+F6:"))))


def relay(folder, kind, count):
    """One run at 10 KiB on kept connections; kind: the key that signs, or "" for none."""
    mapping = f"/dev/shm/goniec-bench-{os.getpid()}"
    data = os.path.join(folder, "data", "keys", "x.test")
    os.makedirs(data)
    os.chmod(folder, 0o755)
    if kind:
        options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else ["-algorithm", "ED25519"]
        subprocess.run(["openssl", "genpkey", *options, "-out", f"{data}/s.pem"], check=True, capture_output=True)
        with open(f"{folder}/data/keys/index", "w", encoding="ascii") as f:
            f.write(f"x.test\t\ts\t{kind}\t1\t1\t1\t0\n")
        subprocess.run(["chown", "-R", "nobody", f"{folder}/data"], check=False)
    sink = sink_start(mapping)
    server = Goniec(folder, 'dkim_domain = "x.test"\ndkim_platform = yes' if kind else "")
    try:
        wait_port(PORTS["goniec"])
        time.sleep(1)
        before = cpu_and_memory(server.pid)[0]
        out = subprocess.run([f"{BUILD}/perf/load_gen", str(PORTS["goniec"]), mapping, str(count), "10240", "50", "keep"], stdout=subprocess.PIPE, text=True).stdout
        got = json.loads(out)
        server.settle(count)
        return got["relay_per_s"], (cpu_and_memory(server.pid)[0] - before) / count * 1000, got["lost"]
    finally:
        server.stop()
        sink.kill()
        sink.wait()
        os.unlink(mapping)


def dkim_round():
    """Unsigned, signed, and what the cores could sign at all, one after the other."""
    got = {"lost": 0}
    for kind, count in (("", 20000), ("rsa", 6000), ("ed25519", 20000)):
        with tempfile.TemporaryDirectory(prefix="goniec-bench-", dir="/var/tmp") as own:
            per_s, cpu, missing = relay(own, kind, count)
        name = kind or "unsigned"
        got[f"{name}_per_s"], got[f"{name}_cpu_s_per_1000"] = round(per_s), round(cpu, 3)
        got["lost"] += missing
    return {**got, "raw_rsa_per_s": raw_per_s("rsa2048"), "raw_ed25519_per_s": raw_per_s("ed25519")}


def dkim(folder, mapping):
    """Signing beside not signing, and beside what the cores could sign at all: medians of three rounds, so that what else the machine
    does meets all alike."""
    rounds = [dkim_round() for _ in range(3)]
    got = {name: sorted(r[name] for r in rounds)[1] for name in rounds[0]}
    return {**got, "rsa_of_raw_percent": round(100 * got["rsa_per_s"] / got["raw_rsa_per_s"]),
            "ed25519_of_unsigned_percent": round(100 * got["ed25519_per_s"] / got["unsigned_per_s"]), "lost": sum(r["lost"] for r in rounds)}


MODES = {"deferred": deferred, "dkim": dkim, "idle": idle, "latency": latency}


def main():
    path = "perf/modes.json"
    kept = json.load(open(path, encoding="utf-8")) if os.path.exists(path) else {}
    lost = 0
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="goniec-bench-", dir="/var/tmp") as folder:
            got = run(MODES[name], folder)
        lost += got.get("lost", 0)
        kept[name] = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), **got}
        print(json.dumps({name: kept[name]}), flush=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(kept, f, indent=1)
        f.write("\n")
    write_results()
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
