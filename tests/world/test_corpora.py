"""Odd messages of all kinds pass through byte for byte behind the trace header, whatever is in them; those with bare newlines are
refused, or made whole where the settings say so, and then nothing else about them changes."""
import os
import re
import time
import unittest

from corpora import Raw, corpus
from test_attacks import under_attack
from world import wait_until

SETS = ("mime-robustness", "mime-mime4j", "eai-messages", "mime-stalwart", "sisimai")


def messages(names=SETS):
    """(path, bytes) of every message that is here; tables, licences and expected results of parsers are no messages."""
    found = []
    for name in names:
        try:
            top = corpus(name)
        except unittest.SkipTest:
            continue
        for folder, _, files in sorted(os.walk(top)):
            for file in sorted(files):
                path = os.path.join(folder, file)
                if "LICENSE" in path or file.endswith((".md", ".tsv", ".xml", ".out", ".json", ".html")) or file == "NOTICE":
                    continue
                found.append((path, open(path, "rb").read()))
    if not found:
        raise unittest.SkipTest("the corpora of messages are not here (set GONIEC_CORPORA)")
    return found


def crlf(content):
    """Every newline whole: what the setting promises."""
    return re.sub(rb"\r+\n?|\n", b"\r\n", content)


def ended(content):
    """What DATA can carry: the last line has its CRLF."""
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def stuffed(content):
    content = ended(content)
    return re.sub(rb"(\A|(?<=\r\n))\.", b"..", content) + b".\r\n"  # RFC 5321 4.5.2: a line begins after CRLF


def is_utf8(content):
    try:
        content.decode("utf-8")
        return not content.isascii()
    except UnicodeDecodeError:
        return False


def headless(content):
    """Whether the first line is no header field: then an empty line goes before it, or it would belong to ours."""
    first = content.split(b"\r\n")[0]
    return first != b"" and not re.match(rb"[!-9;-~]+[ \t]*:", first) and not first.startswith(b"From ")


def hand_over(c, n, content, chunked):
    """The reply to the content, sent to r<n>@hosted.test."""
    parameters = b" BODY=8BITMIME" if not content.isascii() else b""
    parameters += b" SMTPUTF8" if is_utf8(content) else b""
    c.begin([b"r%d@hosted.test" % n], parameters=parameters, data=not chunked)
    if not chunked:
        return c.say(stuffed(content))
    half = len(content) // 2
    first = c.say(b"BDAT %d\r\n" % half + content[:half])
    return c.say(b"BDAT %d LAST\r\n" % (len(content) - half) + content[half:]) if first[:3] == b"250" else first


def arrived(receiver, n):
    """The content behind our trace header."""
    content = next(m[2] for m in receiver.messages if m[1] == [f"r{n}@hosted.test"])
    trace = re.match(rb"Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n\tby mail\.goniec\.test with (UTF8S|ES)MTP id \w+\r\n"
                     rb"\tfor <r\d+@hosted\.test>;\r\n\t[^\r\n]*\r\n", content)
    assert trace, content[:300]
    return content[trace.end():]


def compare(receiver, sent):
    wait_until(lambda: len(receiver.messages) >= len(sent), 60)
    for n, (path, content) in sent.items():
        expected = b"\r\n" + content if headless(content) else content
        got = arrived(receiver, n)
        assert got == expected, (path, len(got), len(expected))


EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000")


def relay_all(more, prepare, check):
    """Sends each message by DATA and by BDAT in turn; check(path, content, reply) says whether it was to be taken."""
    from world import Receiver
    with under_attack(more + " accept { recipients_max = 1000 }", receiver=Receiver(extensions=EXTENSIONS), trusted=False) as (server, receiver):
        sent, n, c = {}, 0, Raw(server.mx)
        for path, content in messages():
            content = prepare(content)
            got = hand_over(c, n, content, chunked=n % 2 and content.endswith(b"\r\n"))
            if check(path, content, got):
                sent[n] = (path, crlf(ended(content)) if "fix_bare" in more else ended(content))
            else:
                c.socket.close()
                c = Raw(server.mx)
            n += 1
        c.socket.close()
        compare(receiver, sent)
        print(f"  {len(sent)} of {n} messages came out byte for byte")
        return len(sent), n


def test_every_message_with_whole_newlines_comes_out_byte_for_byte():
    def check(path, content, got):
        expected = b"550 5.6.0" if b"\0" in content else b"250"
        assert got.startswith(expected), (path, got)
        return expected == b"250"
    taken, n = relay_all("", crlf, check)
    assert taken > 0.95 * n


def test_bare_newlines_are_refused_as_they_come():
    def check(path, content, got):
        bare = re.search(rb"\r(?!\n)|(?<!\r)\n", content)
        assert got[:3] == (b"550" if bare or b"\0" in content else b"250"), (path, got)
        return not bare and b"\0" not in content
    relay_all("", lambda content: content, check)


def test_bare_newlines_are_made_whole_and_nothing_else_changes():
    def check(path, content, got):
        assert got[:3] == (b"550" if b"\0" in content else b"250"), (path, got)
        return b"\0" not in content
    relay_all("accept { fix_bare_newlines = true }", lambda content: content, check)


def test_deep_and_odd_structure_passes_in_linear_time():
    deep = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(10000)) + b"end\r\n"
    parts = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n--ab\r\n" * 100000 + b"--a--\r\n"
    names = b"".join(bytes([c]) * 3 + b": x\r\n" for c in range(33, 127) if c != 58) + b"__proto__: x\r\n" + b"N" * 60000 + b": y\r\n"
    many = b"".join(b"X-%d: y\r\n" % i for i in range(15000)) + b"\r\nbody\r\n"
    with under_attack("accept { message_bytes_max = 4M header_bytes_max = 256K }", trusted=False) as (server, receiver):
        sent = {}
        with Raw(server.mx) as c:
            for n, content in enumerate((deep, parts, names + b"\r\nbody\r\n", many)):
                began = time.monotonic()
                got = hand_over(c, n, content, chunked=n % 2)
                assert got[:3] == b"250" and time.monotonic() - began < 2, (n, got)
                sent[n] = (str(n), content)
        compare(receiver, sent)
