#!/usr/bin/env python3
"""Puts goniec and Postfix through the same work in one run, alternating, and writes perf/results.json and perf/RESULTS.md.

Both run on this machine with generator and sink on the same cores; both are durable before 250. CPU seconds are those of all the
system's processes (their own and of children that ended), the office of goniec included and waited for until it has followed the log."""
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

QUICK = "--quick" in sys.argv
REPEATS = 1 if QUICK else 3
WORKS = [(10240, "keep")] if QUICK else [(2048, "keep"), (10240, "keep"), (102400, "keep"), (10240, "one")]
MESSAGES = {"goniec": {2048: 60000, 10240: 40000, 102400: 6000}, "postfix": {2048: 5000, 10240: 4000, 102400: 2000}}
CONNECTIONS = 50
PORTS = {"goniec": 22525, "postfix": 22526, "sink": 22600, "fresh": 22601, "http": 28025}
TICKS = os.sysconf("SC_CLK_TCK")
BUILD = "build"


def tree(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        try:
            todo += [int(x) for t in os.listdir(f"/proc/{p}/task") for x in open(f"/proc/{p}/task/{t}/children").read().split()]
            found.append(p)
        except OSError:
            continue
    return found


def cpu_and_memory(pid):
    """CPU seconds of the tree with its ended children, and resident megabytes."""
    cpu = rss = 0
    for p in tree(pid):
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            cpu += sum(int(x) for x in f[11:15])
            rss += int(f[21]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return cpu / TICKS, rss / 1e6


class Goniec:
    name = "goniec"

    def __init__(self, folder, more=""):
        self.data = os.path.join(folder, "data")
        self.config = os.path.join(folder, "goniec.conf")
        with open(self.config, "w") as f:
            f.write(f'''hostname = "bench.goniec.test"
data_directory = "{self.data}"
user = "nobody"
http_address = "127.0.0.1:{PORTS['http']}"
trusted_networks = {{"127.0.0.0/8"}}
listen "mx" {{ door = mx address = {{"127.0.0.1:{PORTS['goniec']}"}} }}
route "*" {{ to = "smtp:127.0.0.1:{PORTS['sink']}" tls = none }}
lane "*" {{ connections = 50 messages_per_connection = 0 }}
{more}
''')
        self.log = open(os.path.join(folder, "log"), "w")
        self.start()

    def start(self):
        self.process = subprocess.Popen([f"{BUILD}/src/goniec", "serve", "-c", self.config], stderr=self.log)
        self.pid = self.process.pid

    def metric(self, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{PORTS['http']}/metrics", timeout=20).read().decode()
        return sum(int(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == f"goniec_{name}")

    def settle(self, messages, counted="office_notes_total"):
        """The office has read so many notes, or messages."""
        while self.metric(counted) < messages:
            time.sleep(0.05)

    def syncs(self):
        return self.metric("log_commits_total")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


class Postfix:
    name = "postfix"

    def __init__(self, folder, trace=None):
        etc, queue, data = (os.path.join(folder, x) for x in ("etc", "queue", "pfdata"))
        for x in (etc, queue, data):
            os.makedirs(x)
        shutil.chown(data, "postfix")
        with open(f"{etc}/main.cf", "w") as f:
            f.write(f'''compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{PORTS['sink']}
smtpd_relay_restrictions = permit_mynetworks,reject
alias_maps =
local_recipient_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtp_tls_security_level = none
smtpd_tls_security_level = none
default_process_limit = 200
in_flow_delay = 0
qmgr_message_active_limit = 50000
qmgr_message_recipient_limit = 50000
smtp_destination_concurrency_limit = 50
initial_destination_concurrency = 50
default_destination_concurrency_failed_cohort_limit = 10
smtpd_client_connection_count_limit = 0
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
message_size_limit = 100000000
''')
        inner = {"rewrite": "trivial-rewrite", "bounce": "bounce", "defer": "bounce", "trace": "bounce", "proxymap": "proxymap",
                 "smtp": "smtp", "relay": "smtp", "error": "error", "retry": "error", "anvil": "anvil", "scache": "scache"}
        services = [(f"127.0.0.1:{PORTS['postfix']}", "inet", "n", "-", "smtpd"), ("pickup", "unix", "n", "1", "pickup"),
                    ("cleanup", "unix", "n", "0", "cleanup"), ("qmgr", "unix", "n", "1", "qmgr"),
                    ("postlog", "unix-dgram", "n", "1", "postlogd"), ("showq", "unix", "n", "-", "showq")]
        services += [(name, "unix", "-", {"anvil": "1", "scache": "1", "bounce": "0", "defer": "0", "trace": "0"}.get(name, "-"), program)
                     for name, program in inner.items()]  # private: Postfix looks for these under private/ alone
        with open(f"{etc}/master.cf", "w") as f:
            for name, kind, private, most, program in services:
                wake = {"pickup": "60", "qmgr": "300"}.get(name, "-")
                f.write(f"{name} {kind} {private} - n {wake} {most} {program}\n")
        subprocess.run(["postfix", "-c", etc, "check"], capture_output=True)
        counted = ["strace", "-f", "-c", "-o", trace, "-e", "trace=fsync,fdatasync,sync_file_range"] if trace else []
        self.process = subprocess.Popen([*counted, "/usr/lib/postfix/sbin/master", "-c", etc, "-d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid

    def settle(self, messages):
        time.sleep(0.5)

    def syncs(self):
        return None  # counted in a run of their own, see peer_syncs: tracing would slow this one down

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def stop_traced(self):
        """The tracer prints its counts when all that it follows has ended."""
        for pid in tree(self.pid)[1:]:
            os.kill(pid, signal.SIGTERM)
        self.process.wait(60)


def wait_port(port):
    import socket
    for _ in range(300):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                if s.recv(10).startswith(b"220"):
                    return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers on port {port}")


def measure(system, size, mode):
    """One run of one work on one system, on a fresh queue."""
    with tempfile.TemporaryDirectory(prefix="goniec-bench-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        mapping = f"/dev/shm/goniec-bench-{os.getpid()}"
        sink = subprocess.Popen([f"{BUILD}/perf/load_sink", str(PORTS["sink"]), mapping])
        server = system(folder)
        try:
            wait_port(PORTS["sink"])
            wait_port(PORTS[system.name])
            time.sleep(1)  # spare segments, daemons
            n = MESSAGES[system.name][size]
            cpu0, _ = cpu_and_memory(server.pid)
            syncs0 = server.syncs()
            gen = subprocess.Popen([f"{BUILD}/perf/load_gen", str(PORTS[system.name]), mapping, str(n), str(size), str(CONNECTIONS), mode],
                                   stdout=subprocess.PIPE, text=True)
            peak = 0
            while gen.poll() is None:
                peak = max(peak, cpu_and_memory(server.pid)[1])
                time.sleep(0.25)
            got = json.loads(gen.stdout.read())
            server.settle(n)
            cpu1, _ = cpu_and_memory(server.pid)
            syncs = server.syncs()
            got.update(cpu=(cpu1 - cpu0) / n * 1000, rss=peak, syncs=None if syncs is None else (syncs - syncs0) / n)
            return got
        finally:
            server.stop()
            sink.kill()
            sink.wait()
            os.unlink(mapping)


def peer_syncs():
    """Sync calls a message of the peer, counted by strace in a short run."""
    n = 400
    with tempfile.TemporaryDirectory(prefix="goniec-bench-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        mapping, trace = f"/dev/shm/goniec-bench-{os.getpid()}", os.path.join(folder, "trace")
        sink = subprocess.Popen([f"{BUILD}/perf/load_sink", str(PORTS["sink"]), mapping])
        server = Postfix(folder, trace)
        try:
            wait_port(PORTS["sink"])
            wait_port(PORTS["postfix"])
            subprocess.run([f"{BUILD}/perf/load_gen", str(PORTS["postfix"]), mapping, str(n), "10240", "10", "keep"], stdout=subprocess.DEVNULL, check=True)
        finally:
            server.stop_traced()
            sink.kill()
            sink.wait()
            os.unlink(mapping)
        return sum(int(line.split()[3]) for line in open(trace) if line.split()[-1:] and line.split()[-1] in ("fsync", "fdatasync", "sync_file_range")) / n


def table(runs):
    yield "| work | system | accept/s | relay/s | CPU-s per 1,000 | peak RSS MB | syncs a message | lost |"
    yield "|---|---|---|---|---|---|---|---|"
    for a, b in zip(runs[::2], runs[1::2]):
        for r in (a, b):
            yield (f"| {r['work']} | {r['system']} | {r['accept_per_s']} | {r['relay_per_s']} | {r['cpu_s_per_1000']} | {r['peak_rss_mb']} | "
                   f"{r['syncs_per_message']} | {r['lost']} |")
        yield (f"| | **ratio** | {a['accept_per_s'] / b['accept_per_s']:.1f}x | {a['relay_per_s'] / b['relay_per_s']:.1f}x | "
               f"1/{b['cpu_s_per_1000'] / max(a['cpu_s_per_1000'], 0.001):.0f} | | | |")


def write_results(how=None):
    """RESULTS.md from results.json and modes.json. how: the sentence on the comparison; None: as it stands in the file."""
    if how is None:
        how = open("perf/RESULTS.md").read().split("\n")[2].split(". ", 1)[1].split(", ")[0]
    with open("perf/results.json") as f:
        got = json.load(f)
    lines = ["# goniec beside Postfix", "", f"{got['date']}, {got['machine']}. {how}, {CONNECTIONS} connections,",
             "generator and sink on the same cores, durable before 250. CPU: all processes of the system, goniec's office included.", "",
             *table(got["runs"])]
    if os.path.exists("perf/modes.json"):
        with open("perf/modes.json") as f:
            modes = json.load(f)
        lines += ["", "# goniec alone", ""]
        lines += [f"- `./bench {name}`: " + ", ".join(f"{key} {value}" for key, value in values.items()) for name, values in modes.items()]
    with open("perf/RESULTS.md", "w") as f:
        f.write("\n".join(lines) + "\n")


def main():
    runs, lost, peer = [], 0, peer_syncs()
    for size, mode in WORKS:
        results = {"goniec": [], "postfix": []}
        for _ in range(REPEATS):
            for system in (Goniec, Postfix):
                got = measure(system, size, mode)
                lost += got["lost"]
                results[system.name].append(got)
                print(f"{size}/{mode}/{CONNECTIONS} {system.name}: {got}", flush=True)
        for name, list_ in results.items():
            middle = lambda key: statistics.median(r[key] for r in list_)
            runs.append({"work": f"{size}/{'reuse' if mode == 'keep' else mode}/{CONNECTIONS}", "system": name, "accept_per_s": round(middle("accept_per_s")),
                         "relay_per_s": round(middle("relay_per_s")), "cpu_s_per_1000": round(middle("cpu"), 3), "peak_rss_mb": round(middle("rss")),
                         "syncs_per_message": round(peer if list_[0]["syncs"] is None else middle("syncs"), 3), "lost": sum(r["lost"] for r in list_)})
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    machine = f"{os.cpu_count()} cores, {cpu}, Linux {platform.release()}"
    date = datetime.date.today().isoformat()
    with open("perf/results.json", "w") as f:
        json.dump({"machine": machine, "date": date, "runs": runs}, f, indent=1)
    write_results(f"`./bench{' --quick' if QUICK else ''}`: medians of {REPEATS} alternating runs")
    print(open("perf/RESULTS.md").read())
    if lost:
        print(f"{lost} MESSAGES WERE LOST", file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
