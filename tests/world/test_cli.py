"""The command line as people and scripts use it: help, manual pages, complaints, JSON, stories, the queue, sendmail; and what the
office answers over HTTP."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from tongues import english_in, own_words
from world import BINARY, Goniec, Receiver, wait_until
from test_relay import send, world

COMMANDS = ("demo", "serve", "check-config", "why", "explain", "verify", "queue", "mailq", "account", "domain", "reports", "suppression", "allow", "log", "sendmail", "man",
            "help", "version")


def run(*args, env=None, input=None):
    p = subprocess.run([BINARY, *args], capture_output=True, input=input, timeout=60, env=dict(os.environ, LC_ALL="C.UTF-8", **(env or {})))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def complains(code, words, *args, env=None):
    """It ends with that code and one sentence on standard error that has the words; standard output stays empty."""
    got, out, err = run(*args, env=env)
    assert got == code and not out, (args, got, out, err)
    first = err.splitlines()[0]
    for word in words:
        assert word in first, (args, word, err)


@contextlib.contextmanager
def settings(text):
    with tempfile.TemporaryDirectory(prefix="goniec-cli-") as folder:
        path = os.path.join(folder, "goniec.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        yield path


# ---- help and manual ----


def test_every_command_is_listed_and_says_how_it_is_called():
    code, out, _ = run("help")
    assert code == 0
    assert json.loads(run("help", "--json")[1]) == [{"name": n, "sentence": s} for n, s in re.findall(r"^  (\S+) +(\S.*)$", out, re.M)]
    assert tuple(re.findall(r"^  (\S+)", out, re.M)) == COMMANDS, out
    for name in COMMANDS:
        for args in ((name, "--help"), ("help", name)):
            code, out, err = run(*args)
            assert code == 0 and out.startswith("usage: goniec " + name) and not err, (args, out, err)


def test_a_wrong_call_is_one_sentence_with_what_was_meant():
    complains(64, ['no command "quue"', "did you mean queue?"], "quue")
    complains(64, ['no command "colour"', "goniec help"], "colour")
    complains(64, ['no option "--jsn"', "--json"], "why", "--jsn", "x")
    complains(64, ['no option "-x"'], "why", "-x")
    complains(64, ["needs a value"], "why", "-d")
    complains(64, ["pl or en"], "why", "--lang", "de", "x")
    complains(64, ["one message id"], "why", "a", "b")
    complains(64, ["no arguments", "-c"], "serve", "goniec.conf")
    complains(64, ["no arguments", "-c"], "check-config", "goniec.conf")
    complains(64, ["expected nothing, list, lanes, or show"], "queue", "lst")
    complains(64, ["hold what?"], "queue", "hold", "sender", "x")
    complains(64, ["drop what?"], "queue", "drop", "id", "short")
    complains(64, ["pause what?", "a site"], "queue", "pause", "a", "b")
    complains(64, ["resume what?", "a site"], "queue", "resume", "")
    complains(64, ["expected nothing, list, lanes, or show"], "queue", "pause")
    complains(64, ["expected list, add"], "account", "ad", "x")
    complains(64, ["add takes other"], "account", "add")
    complains(64, ["verify or dump"], "log", "check", "/nowhere")
    complains(64, ["no arguments"], "demo", "now")
    complains(64, ['no page "x"', "goniec.conf"], "man", "x")
    assert run()[0] == 64


def test_where_there_is_no_server_the_complaint_says_where_it_looked():
    with tempfile.TemporaryDirectory() as empty:
        for args in (("why", "x@y.test"), ("queue", "list"), ("mailq",), ("account", "list")):
            complains(66, [empty + "/office.db", "-d DIR"], *args, env={"GONIEC_DATA": empty})
        complains(66, ["/no/where"], "account", "add", "x", "-d", "/no/where")
        for args in (("retry", "all"), ("lanes",), ("pause", "x")):
            complains(69, [empty + "/run/engine.sock", "is it running?"], "queue", *args, "-d", empty)
        complains(65, ["holds no segment"], "log", "dump", empty)
        complains(66, ["/no/where"], "log", "dump", "/no/where")


def test_manual_pages_come_from_the_binary_and_are_well_formed():
    if not shutil.which("mandoc"):
        raise unittest.SkipTest("mandoc is not installed")
    for page, section in (("goniec", 1), ("goniec.conf", 5), ("sendmail", 8), ("mailq", 1)):
        code, text, _ = run("man", page)
        assert code == 0
        with tempfile.NamedTemporaryFile("w", suffix=f".{section}") as f:
            f.write(text)
            f.flush()
            p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", f.name], capture_output=True, text=True, timeout=30)
            found = [line for line in p.stdout.splitlines() if "missing date" not in line]
            assert not found, found
            shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", f.name], capture_output=True, text=True, timeout=30).stdout
        shown = re.sub(".\b", "", shown)
        if page == "goniec":
            for name in COMMANDS:
                assert "goniec " + name in shown, (name, shown)
        if page == "goniec.conf":
            for option in json.loads(run("check-config", "--defaults", "--json")[1]):
                assert option["name"] in shown and option["sentence"].split()[0] in shown, option


# ---- settings ----


def test_bad_settings_are_refused_with_file_and_line_before_and_at_the_start():
    for text, line, words in (
            ("workers = 2\nwrokers = 3\n", 2, ['"wrokers"', "workers?"]),
            ("\nworkers = many\n", 2, ["expected a whole number"]),
            ("accept {\n errors_max = 0\n}\n", 2, ["at least 1"]),
            ("accept {\n", 1, ["never closed"]),
            ("listen \"a\" { address = {\"127.0.0.1:2525\"} }\nlisten \"b\" { address = {\"127.0.0.1:2525\"} }\n", 2, ["twice"]),
            ("tls {\n certificate = \"/no/where.pem\"\n key = \"/no/where.key\" }\n", 2, ["/no/where.pem", "No such file"])):
        with settings(text) as path:
            for command in ("check-config", "serve"):
                code, out, err = run(command, "-c", path)
                assert code == 78 and not out and f"{path}:{line}: " in err and len(err.splitlines()) == 1, (text, code, out, err)
                assert all(word in err for word in words), err
            told = json.loads(run("check-config", "--json", "-c", path)[1])
            assert not told["good"] and told["file"] == path and f":{line}: " in told["error"], told
    complains(78, ["/no/where.conf", "No such file"], "check-config", "-c", "/no/where.conf")


def test_defaults_are_a_good_settings_file():
    code, out, _ = run("check-config", "--defaults")
    assert code == 0
    with settings(out) as path:
        assert run("check-config", "-c", path) == (0, path + ": good\n", "")


def test_sighup_with_any_bad_file_leaves_the_old_settings_in_force():
    with world() as (server, receiver):
        good = open(server.config, encoding="utf-8").read()
        for number, (more, words) in enumerate((("accept { errors_max = none }", "errors_max"), ("nonsense", "goniec.conf:"), ("accept {", "never closed"),
                                                ("tls { certificate = \"/no/where\" key = \"/no/where\" }", "tls.certificate"))):
            with open(server.config, "w", encoding="utf-8") as f:
                f.write(good + more + "\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: server.log_text().count("the old stay in force") == number + 1)
            assert words in server.log_text().splitlines()[-1], server.log_text()
        os.remove(server.config)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "cannot open " + server.config in server.log_text())
        send(server)
        wait_until(lambda: receiver.messages)


# ---- stories and the queue ----


def greylist():
    tried = []
    return lambda stage, argument: (tried.append(1), "451 4.7.1 Greylisted, come back later")[1] if stage == "rcpt" and not tried else None


def test_why_tells_by_id_by_its_beginning_and_by_recipient_in_two_languages():
    with world(greylist(), more="schedule { retry_first = 1s }") as (server, receiver):
        send(server)
        story = server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        told = server.cli("why", story["id"])
        assert told == server.cli("why", story["id"][:20]) == server.cli("why", story["id"].lower()) == server.cli("why", "B@dest.test")
        for words in ("Message " + story["id"], "attempt 1: not yet delivered", "451 4.7.1 Greylisted, come back later (in answer to RCPT TO)",
                      "what happened: ", "what to do: ", "attempt 2: delivered"):
            assert words in told, (words, told)
        polish = server.cli("why", "--lang", "pl", story["id"])
        for words in ("Wiadomość " + story["id"], "próba 1: jeszcze niedoręczona", "w odpowiedzi na RCPT TO", "co się stało: ", "co zrobić: "):
            assert words in polish, (words, polish)
        assert "> RCPT TO:<b@dest.test>" in server.cli("why", "--dialogue", story["id"])
        assert json.loads(server.cli("why", "--json", story["id"]))["recipients"][0]["events"][0]["code"] == 451
        send(server)
        wait_until(lambda: len(json.loads(server.run("why", "--json", "b@dest.test").stdout)) == 2)
        p = server.run("why", story["id"][:4])
        assert p.returncode == 65 and b"several messages begin so" in p.stderr and story["id"].encode() in p.stderr, p
        for unknown in ("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "nobody@dest.test", "nonsense!"):
            p = server.run("why", unknown)
            assert p.returncode == 65 and p.stderr.decode() == f"goniec: no message is known by this id or recipient: {unknown}\n", p
        server.stop()
        assert server.cli("why", story["id"]) == told


def test_what_this_server_noticed_or_decided_itself_is_told_in_polish():
    said = {"drop": "drop", "stall": "stall", "odd": "what is this?", "later": "451 4.3.0 later"}
    more = 'deliver { command_timeout = "500ms" body_timeout = "500ms" } schedule { retry_first = 1h }'
    with world(lambda stage, argument: said.get(argument.split("@")[0]) if stage == "rcpt" else None, more=more) as (server, _):
        server.cli("suppression", "add", "out@dest.test")
        server.cli("suppression", "add", "closed.test", "--expires", "90d", "--reason", "abuse")
        for rcpt in ("drop@dest.test", "stall@dest.test", "odd@dest.test", "later@dest.test", "out@dest.test", "x@closed.test"):
            send(server, rcpts=(rcpt,))
            server.story(rcpt, lambda s: s["recipients"][0]["events"])
        id = server.story("later@dest.test", lambda s: True)["id"]
        for verb in ("hold", "release", "drop"):
            wait_until(lambda verb=verb: server.run("queue", verb, id) and "asked-" + verb in server.cli("why", "--json", id), 30, 0.3)
        for rcpt, words in (("drop", "serwer rozłączył się podczas oczekiwania na odpowiedź na RCPT TO"), ("odd", "nie jest odpowiedzią SMTP"),
                            ("stall", "zbyt długo nic nie nadeszło podczas oczekiwania na odpowiedź na RCPT TO"),
                            ("out", "adres jest na czarnej liście od 20"), ("later", "usunięta przez operatora"), ("later", "wstrzymana przez operatora")):
            polish = server.cli("why", "--dialogue", "--lang", "pl", rcpt + "@dest.test")
            assert words in polish and not english_in(own_words(polish)), (words, polish)
        waits = server.cli("queue", "list", "--lang", "pl")
        assert re.search(r"stall@dest\.test  następna próba [-:0-9 ]+: zbyt długo nic nie nadeszło", waits), waits
        assert "    (nothing came for too long while waiting for the reply to RCPT TO)\n" in server.cli("mailq"), server.cli("mailq")
        polish = server.cli("why", "--lang", "pl", "x@closed.test")
        assert "cała domena jest na czarnej liście od 20" in polish and not english_in(own_words(polish)), polish


def test_why_says_when_the_office_lacks_what_the_logs_have():
    with world() as (server, receiver):
        send(server)
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        office = [pid for pid in server.children() if pid != server.engine()][0]
        os.kill(office, signal.SIGSTOP)
        send(server)
        wait_until(lambda: len(receiver.messages) == 2)
        wait_until(lambda: b"the database lacks 2 records" in server.run("why", "b@dest.test").stderr)
        os.kill(office, signal.SIGCONT)
        wait_until(lambda: server.run("why", "b@dest.test").stderr == b"")


def test_the_queue_is_shown_and_changed_by_id_account_domain_and_all():
    with world(lambda stage, argument: "451 4.3.0 not now" if stage == "rcpt" else None) as (server, receiver):
        assert server.cli("queue", "list") == "the queue is empty\n" and server.cli("mailq") == "Mail queue is empty\n"
        assert server.cli("queue", "list", "--json") == "[]\n" == server.cli("mailq", "--json")
        send(server, rcpts=("b@dest.test", "c@other.test"))
        send(server, rcpts=("d@dest.test",), sender="")
        wait_until(lambda: server.cli("queue", "list").count("451 not now") == 3)
        listed = json.loads(server.cli("queue", "list", "--json"))
        assert [len(m["recipients"]) for m in listed] == [2, 1] and listed == json.loads(server.cli("mailq", "--json"))
        first = listed[0]["id"]
        assert json.loads(server.cli("queue", "show", first, "--json")) == listed[0]
        assert "> RCPT TO" in server.cli("queue", "show", first)
        mailq = server.cli("mailq").splitlines()
        assert re.fullmatch(first + r"  +\d+ \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d  a@sender\.test", mailq[0]), mailq
        assert mailq[1] == "    (451 not now)" and mailq[2].strip() == "b@dest.test" and mailq[-1].endswith("in 2 Requests."), mailq
        assert any("MAILER-DAEMON" in line for line in mailq), mailq
        assert server.cli("queue", "hold", "domain", "dest.test") == "recipients held: 2\n"
        wait_until(lambda: server.cli("mailq").count("! ") == 2)
        assert "(held)" in server.cli("queue", "list") and "(wstrzymana)" in server.cli("queue", "list", "--lang", "pl")
        assert json.loads(server.cli("queue", "release", "--json", first)) == {"changed": 1}
        assert server.cli("queue", "retry", "account", "nobody") == "recipients tried again now: 0\n"
        assert server.cli("queue", "release", "all") == "recipients released: 1\n"
        wait_until(lambda: server.cli("queue", "drop", "id", first).endswith(": 2\n"))
        wait_until(lambda: len(json.loads(server.cli("queue", "list", "--json"))) == 1)
        wait_until(lambda: server.cli("queue", "drop", "all").endswith(": 1\n"))
        wait_until(lambda: server.cli("queue", "list") == "the queue is empty\n")


def test_accounts_are_kept_whole_and_listed_as_json():
    with world() as (server, receiver):
        made = json.loads(server.cli("account", "add", "--json", "shop"))
        assert made["login"] == "shop" and len(made["password"]) == 32, made
        server.cli("account", "add", "news", "news@sender.test")
        for args, words in ((("add", "shop"), 'an account "shop" already'), (("add", "third", "shop"), 'a login "shop" already'),
                            (("add", "third", "third", "secret12"), "not given as an argument"), (("add", "a b"), "no white space"),
                            (("password", "nobody"), 'no login "nobody"'), (("suspend", "nobody", "why"), 'no account "nobody"')):
            p = server.run("account", *args)
            assert p.returncode == 65 and words in p.stderr.decode() and b"secret12" not in p.stderr, (args, p)
        p = server.run("account", "add", "third", "third", "-", input=b"short\n")
        assert p.returncode == 65 and b"less than 8" in p.stderr
        server.cli("account", "add", "third")  # what failed left nothing behind
        server.cli("account", "language", "shop", "pl,en")
        assert server.run("account", "language", "shop", "de").returncode == 65
        server.cli("account", "suspend", "news", 'sent "spam"')
        listed = {a["account"]: a["status"] for a in json.loads(server.cli("account", "list", "--json"))}
        assert {a["account"]: a["language"] for a in json.loads(server.cli("account", "list", "--json"))}["shop"] == "pl,en"
        with open(server.data + "/accounts", encoding="utf-8") as f:
            assert [line for line in f if line.startswith("shop\t")][0].endswith("\tactive\tpl,en\n")
        assert listed == {"shop": "active", "news": 'suspended: sent "spam"', "third": "active"}, listed


def test_accounts_that_many_add_at_once_are_all_taken():
    with world() as (server, receiver):
        ended = []
        threads = [threading.Thread(target=lambda i=i: ended.append(server.run("account", "add", f"a{i}"))) for i in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert len(ended) == 40 and all(p.returncode == 0 and not p.stderr for p in ended), [p for p in ended if p.returncode or p.stderr]
        with open(server.data + "/accounts", encoding="utf-8") as f:
            assert {line.split("\t")[0] for line in f} == {f"a{i}" for i in range(40)}


def test_log_verify_and_dump_read_a_log_as_text_and_json():
    with world() as (server, receiver):
        send(server)
        server.story("b@dest.test", lambda s: s["recipients"][0]["status"] == "delivered")
        server.stop()
        dumped = []
        for name in sorted(os.listdir(server.data + "/log")):
            directory = os.path.join(server.data, "log", name)
            assert json.loads(server.cli("log", "verify", "--json", directory))["whole"]
            lines = json.loads(server.cli("log", "dump", "--json", directory))
            assert len(lines) == len(server.cli("log", "dump", directory).splitlines())
            dumped += lines
        assert [line["kind"] for line in dumped] == ["accepted", "note"] and dumped[1]["ends"], dumped


# ---- sendmail ----


def test_sendmail_passes_on_dsn_wishes_and_adds_nothing_that_was_not_meant():
    with world(trusted=False, extensions=("PIPELINING", "8BITMIME", "SIZE 50000000", "DSN")) as (server, receiver):
        link = os.path.join(server.folder.name, "sendmail")
        os.symlink(BINARY, link)
        env = dict(os.environ, GONIEC_SUBMIT=server.data + "/run/submit.sock", GONIEC_DATA=server.data)

        def sendmail(*args, text=b"Subject: x\n\nhi\n"):
            return subprocess.run([link, *args], input=text, env=env, capture_output=True, timeout=30)
        assert sendmail("-N", "success,delay", "-R", "hdrs", "-V", "order 7+", "-f", "", "-i", "b@dest.test").returncode == 0
        wait_until(lambda: receiver.messages)
        mail = [c for c in receiver.commands if c.startswith("MAIL")][0]
        rcpt = [c for c in receiver.commands if c.startswith("RCPT")][0]
        assert "MAIL FROM:<>" in mail and "RET=HDRS" in mail and "ENVID=order+207+2B" in mail, mail
        assert "NOTIFY=SUCCESS,DELAY" in rcpt.upper(), rcpt
        assert sendmail("-F", 'Eve" <x@y.test>\r\nBcc: z@y.test', "-f", "a@sender.test", "b@dest.test").returncode == 0
        assert sendmail("-F", "Zażółć Gęślą Jaźń i jeszcze dużo dłuższe imię", "-f", "a@sender.test", "-oi", "-odb", "b@dest.test").returncode == 0
        wait_until(lambda: len(receiver.messages) == 3)
        bodies = [m[2] for m in receiver.messages[1:]]
        assert any(b'From: "Eve\\" <x@y.test>  Bcc: z@y.test" <a@sender.test>\r\n' in b for b in bodies), bodies
        assert any(b"From: =?UTF-8?B?" in b and b.split(b"\r\n\r\n")[0].isascii() for b in bodies), bodies
        for code, args in ((64, ("-N", "always", "b@dest.test")), (64, ("-R", "all", "b@dest.test")), (64, ("-V", "", "b@dest.test")),
                           (64, ("-bd",)), (64, ("-Z", "b@dest.test")), (64, ()), (64, ("-f", "a@b.test> SIZE=1\r\nRCPT TO:<x@y.test", "b@dest.test")),
                           (67, ("b@dest.test>\r\nRCPT TO:<x@y.test",)), (0, ("-bi",)), (0, ("-q",)), (0, ("--help",))):
            p = sendmail(*args)
            assert p.returncode == code and (code == 0 or len(p.stderr.splitlines()) == 1), (args, p)
        assert sendmail("-bp").stdout == b"Mail queue is empty\n"
        assert len(receiver.messages) == 3


# ---- the office over HTTP ----


def get(server, path):
    def answer():
        """the office's answer"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.http}{path}", timeout=20) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except (urllib.error.URLError, ConnectionError):
            return None  # it is just starting
    return wait_until(answer)


def parse_exposition(text):
    """The text format 0.0.4: HELP and TYPE before the samples, each metric in one block, no sample twice."""
    metrics, current = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            assert word in ("HELP", "TYPE") and re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name), line
            m = metrics.setdefault(name, {"samples": {}})
            assert word.lower() not in m and not m["samples"] and (current == name or word == "HELP"), line
            m[word.lower()] = rest
            current = name
            continue
        found = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+]+|NaN)', line)
        assert found and found.group(1) == current, line
        samples = metrics[current]["samples"]
        assert (found.group(2) or "") not in samples, line
        samples[found.group(2) or ""] = float(found.group(3))
    for name, m in metrics.items():
        assert m.get("help") and m["type"] == ("counter" if name.endswith("_total") else "gauge") and m["samples"], (name, m)
    return {name: m["samples"] for name, m in metrics.items()}


def test_metrics_are_a_valid_exposition_and_count():
    with world() as (server, receiver):
        before = parse_exposition(get(server, "/metrics")[1])
        assert set(before["goniec_smtp_sessions"]) == {'{worker="0"}', '{worker="1"}'} and before["goniec_engine_up"] == {"": 1}
        send(server, rcpts=("b@dest.test", "c@dest.test"))
        server.story("b@dest.test", lambda s: s["recipients"][1]["status"] == "delivered")
        wait_until(lambda: sum(parse_exposition(get(server, "/metrics")[1])["goniec_recipients_delivered_total"].values()) == 2)
        after = parse_exposition(get(server, "/metrics")[1])
        assert sum(after["goniec_messages_accepted_total"].values()) == 1 and after["goniec_office_messages_total"] == {"": 1}
        assert set(before) == set(after)


def test_healthz_says_what_is_wrong_and_that_it_is_over():
    with world() as (server, receiver):
        status, text = get(server, "/healthz")
        assert status == 200 and json.loads(text)["reasons"] == [], text
        engine = server.engine()
        os.kill(engine, signal.SIGSTOP)
        status, text = get(server, "/healthz")
        os.kill(engine, signal.SIGCONT)
        assert status == 503 and not json.loads(text)["engine"] and "the engine does not answer" in json.loads(text)["reasons"][0], text
        assert parse_exposition(get(server, "/metrics")[1])["goniec_engine_up"]
        wait_until(lambda: get(server, "/healthz")[0] == 200)
    with world(start=False) as (server, receiver):
        with open(server.config, encoding="utf-8") as f:
            good = f.read()
        with open(server.config, "w", encoding="utf-8") as f:
            f.write(good.replace("disk_free_min = 16M", "disk_free_min = 9000000G"))
        server.start()
        status, text = wait_until(lambda: (lambda a: a[0] == 503 and a)(get(server, "/healthz")))
        assert "disk is nearly full" in json.loads(text)["reasons"][0] and json.loads(text)["engine"], text


def test_http_clients_that_misbehave_hold_up_nobody():
    with world() as (server, receiver):
        wait_until(lambda: get(server, "/healthz")[0] == 200)
        assert get(server, "/nowhere")[0] == 404
        request = urllib.request.Request(f"http://127.0.0.1:{server.http}/metrics", data=b"x" * 100000, method="POST")
        try:
            urllib.request.urlopen(request, timeout=20)
            raise AssertionError("a POST was taken")
        except (urllib.error.HTTPError, ConnectionError, urllib.error.URLError) as e:
            assert getattr(e, "code", 405) == 405, e
        with socket.create_connection(("127.0.0.1", server.http), 20) as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000000 + b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b" 200 " not in s.recv(100)
        slow = [socket.create_connection(("127.0.0.1", server.http), 5) for _ in range(60)]
        for s in slow:
            s.sendall(b"GET /healthz HT")
        assert get(server, "/healthz")[0] == 200
        for s in slow:
            s.close()
        many = []
        with contextlib.suppress(OSError):
            for _ in range(300):
                many.append(socket.create_connection(("127.0.0.1", server.http), 2))
        office = [pid for pid in server.children() if pid != server.engine()][0]
        assert len(os.listdir(f"/proc/{office}/fd")) < 160, "the number of connections has no bound"
        for s in many:
            s.close()
        wait_until(lambda: get(server, "/healthz")[0] == 200)
        send(server)
        wait_until(lambda: receiver.messages)
