"""What a newcomer sees first: `goniec demo` with its cast of receivers, told in both languages, and who is suppressed for it."""
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.request

from test_cli import run
from tongues import english_in, own_words, polish_in
from world import BINARY, wait_until

# who: how the refusal must be understood, what becomes of the message, is the address suppressed
CAST = {
    "ok@receiver.test": (None, "delivered", False),
    "slow@receiver.test": (None, "delivered", False),
    "nobody@gmail.test": ("user-unknown", "failed", True),
    "closed@yahoo.test": ("mailbox-disabled", "failed", True),
    "full@dovecot.test": ("mailbox-full", "failed", False),
    "moved@postfix.test": ("recipient-moved", "failed", False),
    "strict@office.test": ("recipient-blocked-sender", "failed", False),
    "team@exchange.test": ("recipient-restricted", "failed", False),
    "grey@receiver.test": ("greylisted", "delivered", False),
    "busy@free.test": ("receiver-overloaded", "deferred", False),
    "broken@exim.test": ("receiver-error", "deferred", False),
    "astray@qmail.test": ("relay-denied", "failed", False),
    "circle@outlook.test": ("mail-loop", "failed", False),
    "down@silent.test": ("connection-refused", "deferred", False),
    "spf@ovh.test": ("spf-failed", "failed", False),
    "dkim@workspace.test": ("dkim-failed", "failed", False),
    "dmarc@hotmail.test": ("dmarc-failed", "failed", False),
    "ptr@gmx.test": ("no-reverse-dns", "failed", False),
    "domain@sendmail.test": ("sender-domain-not-found", "failed", False),
    "listed@spamhaus.test": ("ip-listed", "failed", False),
    "blocked@proofpoint.test": ("ip-blocked", "failed", False),
    "link@surbl.test": ("url-listed", "failed", False),
    "trust@aol.test": ("reputation", "deferred", False),
    "spam@wp.test": ("spam-content", "failed", False),
    "virus@amavis.test": ("virus", "failed", False),
    "program@google.test": ("forbidden-attachment", "failed", False),
    "large@onet.test": ("message-too-large", "failed", False),
    "often@interia.test": ("rate-limited", "deferred", False),
    "many@orange.test": ("connection-limit", "deferred", False),
    "bulk@cisco.test": ("too-many-recipients", "deferred", False),
    "plain@starttls.test": ("tls-required", "failed", False),
    "rules@mimecast.test": ("policy", "failed", False),
}
GOOD = f"{len(CAST)} of {len(CAST)} messages came out as they should"


class Demo:
    """One that runs until it is closed; text: what it printed; typed: the commands that it proposes."""

    def __init__(self, *args):
        self.process = subprocess.Popen([BINARY, "demo", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        self.text = "\n".join(lines)
        assert "Ctrl-C" in self.text, self.text
        self.typed = [line[2:] for line in lines[next(i for i, l in enumerate(lines) if l.startswith("Try, ")):] if line.startswith("  ")]

    def type(self, command):
        return subprocess.run(["sh", "-c", self.typed[0] + "\n" + command], capture_output=True, text=True, timeout=60)

    def cli(self, *args):
        p = self.type(" ".join(map(shlex.quote, (BINARY, *args))))
        assert p.returncode == 0, (args, p)
        return p.stdout

    def close(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0
        assert not os.path.exists(re.search(r"server runs in (\S+)", self.text).group(1))


@contextlib.contextmanager
def demo(*args):
    d = Demo(*args)
    try:
        yield d
        d.close()
    finally:
        if d.process.poll() is None:
            d.process.terminate()
            d.process.wait(30)
        d.process.stdout.close()


def test_the_demo_finds_free_ports_gives_up_root_and_its_commands_can_be_typed():
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # somebody else's is as good
            taken.bind(("127.0.0.1", 2587))
            taken.listen(1)
        with demo("--lang", "en") as d:
            port = int(re.search(r"submission \(STARTTLS\) +127\.0\.0\.1:(\d+)", d.text).group(1))
            assert 2587 < port < 2700, d.text
            if os.geteuid() == 0:
                with open(f"/proc/{d.process.pid}/status", encoding="utf-8") as f:
                    assert re.search(r"^Uid:\s+(\d+)", f.read(), re.M).group(1) != "0"
            assert d.type("set -e\n" + d.typed[1]).returncode == 0
            story = wait_until(lambda: (out := d.type(d.typed[2]).stdout) and "attempt 2: delivered" in out and out, 30)
            assert "450 4.2.0" in story and "Greylisted" in story and "> MAIL FROM:<shop@goniec.test>" in story, story
            told = [d.type(command).stdout for command in d.typed[3:6]]
            assert "nobody@gmail.test" in told[0] and "listed@spamhaus.test" in told[1] and "1 message to free.test has been waiting" in told[2], told
            if shutil.which("curl"):
                assert d.type(d.typed[6]).returncode == 0, d.typed[6]
            with urllib.request.urlopen(re.search(r"http://\S+/healthz", d.text).group(0), timeout=20) as r:
                assert r.status == 200


def test_every_refusal_of_the_demo_has_its_cause_its_outcome_and_suppresses_dead_addresses_only():
    refusals = {cause for cause, _, _ in CAST.values() if cause}
    assert len(refusals) == len([c for c, _, _ in CAST.values() if c]) >= 20
    with demo("--lang", "en") as d:
        assert GOOD in d.text, d.text
        assert re.findall(r"^  (\S+@\S+) ", d.text.split("came out")[0], re.M) == list(CAST), d.text
        for address, (cause, status, suppressed) in CAST.items():
            story = json.loads(d.cli("why", "--json", address))[0]["recipients"][0]
            assert story["status"] == status, story
            assert {e["cause"] for e in story["events"]} - {""} == ({cause} if cause else set()), story
            assert json.loads(d.cli("suppression", "why", "--json", address))["blocked"] == suppressed, address
            justified(d, address, cause, suppressed)


def justified(d, address, cause, suppressed):
    """That it is suppressed is proved; that it is not is explained by the refusal: in both languages."""
    told = {lang: d.cli("suppression", "why", "--lang", lang, address) for lang in ("en", "pl")}
    id = json.loads(d.cli("why", "--json", address))[0]["id"]
    if not cause:
        assert "no refusal of mail to it is known" in told["en"] and "nie jest znana żadna odmowa" in told["pl"], told
        return
    for lang, (sure, rule, message) in {"en": ("sure", "rule", "message"), "pl": ("pewność", "reguła", "wiadomość")}.items():
        assert re.search(rf"\[{cause}, {sure} \d+ %\]", told[lang]) and re.search(rf"^      {rule}: \w\S+/\S", told[lang], re.M), told[lang]
        assert f"{message} {id}" in told[lang] or f"{message}: {id}" in told[lang], told[lang]
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", told[lang]), told[lang]
        text = {"en": ("proof: 55", "effect: mail to this address is not sent", "is on no list", "why it is not suppressed for that: it concerns the recipient",
                       "why it is not suppressed for that: the refusal does not say that anything is wrong with the address"),
                "pl": ("dowód: 55", "skutek: poczta na ten adres nie jest wysyłana", "nie jest na żadnej liście",
                       "dlaczego adres nie trafił za to na czarną listę: dotyczy odbiorcy",
                       "dlaczego adres nie trafił za to na czarną listę: ta odmowa nie mówi, że coś jest nie tak z adresem")}[lang]
        living = cause in ("mailbox-full", "recipient-moved", "recipient-blocked-sender", "recipient-restricted")
        for words in text[:2] if suppressed else (text[2], text[3] if living else text[4]):
            assert words in told[lang], (words, told[lang])
    assert not english_in(own_words(told["pl"])) and not polish_in(own_words(told["en"])), told


def test_the_stories_of_the_demo_are_told_in_one_language_at_a_time():
    with demo("--lang", "en") as d:
        for address, (cause, _, _) in CAST.items():
            polish, english = (d.cli("why", "--dialogue", "--lang", lang, address) for lang in ("pl", "en"))
            assert not english_in(line for line in own_words(polish) if "temat:" not in line), polish
            assert not polish_in(own_words(english)), english
            assert not cause or ("co zrobić: " in polish and "what to do: " in english), (polish, english)


def test_a_demo_that_was_cut_short_says_how_far_it_came_and_is_no_success():
    p = subprocess.Popen([BINARY, "demo", "--once", "--lang", "en"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "messages were handed in" in p.stdout.readline()
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 70 and re.search(rf"^\d+ of {len(CAST)} messages came out", out, re.M) and GOOD not in out, (p.returncode, out, err)
    log = re.search(r"the server's log is (\S+)/server.log", err).group(1)
    shutil.rmtree(log)


def test_the_demo_speaks_polish_and_ends_with_what_came_out():
    code, out, err = run("demo", "--once", "--lang", "pl")
    assert code == 0 and not err, (out, err)
    for words in (f"Nadano wiadomości: {len(CAST)},", "temat: Twoje zamówienie", "doręczona za 2. razem", "co zrobić: ",
                  "Nie przyjmiemy tej wiadomości", f"{len(CAST)} z {len(CAST)} wiadomości"):
        assert words in out, (words, out)
