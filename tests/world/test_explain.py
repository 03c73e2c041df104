"""goniec explain: replies, mails and batches, without any server; and what is neither."""
import glob
import json
import os
import pty
import subprocess

from world import BINARY

MAILS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "bounce", "mails")
REPLY = "550 5.1.1 <jan@receiver.example>: Recipient address rejected: User unknown in local recipient table"
FIELDS = {"code", "enhanced", "cause", "whose", "permanent", "action", "confidence", "rule", "evidence", "class", "sisimai", "texts"}


def explain(*args, stdin=b"", env=None):
    return subprocess.run([BINARY, "explain", *args], input=stdin, capture_output=True, timeout=30, check=False,
                          env={**os.environ, "LC_ALL": "C", **(env or {})})


def mail(name):
    return os.path.join(MAILS, name + ".eml")


def told(*args, stdin=b""):
    done = explain("--json", *args, stdin=stdin)
    assert done.returncode == 0, done
    return json.loads(done.stdout.decode("utf-8"))


def test_a_reply_is_explained_in_both_languages():
    english, polish = explain(REPLY), explain("--lang", "pl", REPLY)
    assert english.returncode == polish.returncode == 0, (english, polish)
    assert b"what happened: " in english.stdout and b"user-unknown" in english.stdout, english.stdout
    assert "co się stało: ".encode() in polish.stdout and b"user-unknown" in polish.stdout, polish.stdout
    assert "co zrobić: ".encode() in explain(REPLY, env={"LC_ALL": "pl_PL.UTF-8"}).stdout


def test_a_reply_as_json_has_every_field():
    got = told(REPLY)
    assert FIELDS <= set(got), FIELDS - set(got)
    assert (got["code"], got["enhanced"], got["cause"]) == (550, "5.1.1", "user-unknown"), got
    assert got["permanent"] is True and 0 < got["confidence"] <= 100, got
    assert got["texts"]["pl"]["sender"]["what"] and got["texts"]["en"]["postmaster"]["advice"], got
    assert list(told("--lang", "pl", REPLY)["texts"]) == ["pl"]


def test_the_word_for_other_tools_depends_on_when_it_was_said():
    assert told(REPLY)["sisimai"] == "userunknown"
    late = told(f"host mx.receiver.example[192.0.2.1] said: {REPLY} (in reply to end of DATA command)")
    assert (late["sisimai"], late["cause"]) == ("filtered", "user-unknown"), late
    assert told("552 5.3.4 Message too large")["sisimai"] == "mesgtoobig"
    assert told("552 5.2.3 Message too large for this mailbox")["sisimai"] == "exceedlimit"


def test_the_words_that_decided_are_marked():
    assert "»".encode() in explain(REPLY).stdout and "«".encode() in explain(REPLY).stdout
    assert told(REPLY)["evidence"].lower() in REPLY.lower() and told(REPLY)["evidence"]
    ours, theirs = pty.openpty()
    done = subprocess.run([BINARY, "explain", REPLY], stdout=theirs, stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    assert done.returncode == 0 and b"\x1b[1;4m" in shown and b"\x1b[0m" in shown, shown


def test_a_mail_tells_of_its_recipients_in_order():
    got = told(mail("report-of-two"))
    assert got["bounce"] is True and got["kind"] == "failed", got
    assert [r["address"] for r in got["recipients"]] == ["info@firm.example", "ola@receiver.example"], got
    assert all(FIELDS <= set(r) for r in got["recipients"]), got
    assert got["recipients"][0]["code"] == 550 and got["recipients"][0]["class"] == "recipient_unknown", got
    assert got["original"]["message_id"] == "17.1@sender.example" and got["original"]["envelope_id"] == "story-17", got
    with open(mail("report-of-two"), "rb") as f:
        assert told("-", stdin=f.read()) == got
    assert told("-", stdin=REPLY.encode() + b"\r\n")["cause"] == "user-unknown"
    shown = explain("--lang", "pl", mail("report-of-two")).stdout.decode()
    assert "nie doręczono" in shown and "info@firm.example" in shown, shown


def test_what_is_no_bounce_says_so():
    wanted = {"delay-notice": "delayed", "report-of-success": "delivered", "complaint": "complaint", "vacation-header": "autoreply",
              "ordinary-mail-about-errors": "none"}
    classes = {"delivered": "delivered", "complaint": "feedback", "autoreply": "vacation"}
    for name, kind in wanted.items():
        got = told(mail(name))
        assert got["bounce"] is False and got["kind"] == kind, (name, got)
        assert all(r["class"] == classes.get(kind, r["class"]) for r in got["recipients"]), got


def test_every_mail_gives_valid_json_and_text():
    for path in glob.glob(os.path.join(MAILS, "*.eml")):
        told(path)
        done = explain(path)
        assert done.returncode == 0 and done.stdout and b"\x1b" not in done.stdout, (path, done)


def test_hostile_bytes_stay_within_their_json_string():
    got = told(b'550 5.1.1 "quoted" \\back \x1b[31m \xff\xfe \xc3\x28 tab\t \x7f no such user')
    assert got["code"] == 550, got
    shown = explain(b"550 5.1.1 \x1b[31mred \xff no such user").stdout
    assert b"\x1b" not in shown and b"\xff" not in shown, shown


def test_a_batch_answers_line_by_line_in_order():
    lines = [b"550 5.1.1 No such user", b"", b"451 4.7.1 Greylisted", b"550-5.2.2 mailbox\\n550 5.2.2 is full", b"\xff\xfe\x00 not a reply",
             b"552 5.2.2 " + b"x" * 200000, b"421 4.3.2 Shutting down\r"]
    done = explain("--batch", stdin=b"\n".join(lines))
    assert done.returncode == 0, done.stderr
    got = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert len(got) == len(lines), len(got)
    assert all(FIELDS <= set(g) for g in got)
    assert [g["code"] for g in got] == [550, None, 451, 550, None, 552, 421], [g["code"] for g in got]
    assert got[0]["cause"] == "user-unknown" and got[3]["cause"] == "mailbox-full", got
    assert got[0] == told(lines[0].decode())
    assert explain("--batch", stdin=b"").stdout == b""


def test_a_batch_is_quick():
    lines = [f"550 5.1.{i % 9} <u{i}@receiver.example>: Recipient address rejected" for i in range(50000)]
    done = explain("--batch", "--lang", "en", stdin="\n".join(lines).encode())
    got = done.stdout.splitlines()
    assert done.returncode == 0 and len(got) == len(lines), done.stderr
    assert json.loads(got[-1])["enhanced"] == f"5.1.{49999 % 9}"


def test_what_cannot_be_explained_has_its_exit_code():
    for args, code in (((), 64), (("550 a", "550 b"), 64), (("--batch", "550 a"), 64), (("--lang", "xx", "550 a"), 64), (("--wrong",), 64),
                       (("qwerty asdf zxcv",), 65), (("no-such-file.eml",), 66), (("/nowhere/550",), 66), (("",), 66), ((MAILS,), 66)):
        done = explain(*args)
        assert done.returncode == code and done.stderr and not done.stdout, (args, done)
    for content in (b"", b"\x00\x01\x02", b"words that are no mail\nand no reply\n", b"\n\n\n"):
        done = explain("-", stdin=content)
        assert done.returncode == 65 and done.stderr and not done.stdout, (content, done)
    assert explain("--help").returncode == 0
