"""A DNS server on 127.0.0.1 that is told what to answer, over UDP and TCP: names.answers[(name, "MX")] is a list of values (bytes: rdata
as it stands), a word, or missing: a name with other records has none of this kind, any other does not exist. The words:
  SERVFAIL NXDOMAIN REFUSED   that code
  silence                     no answer
  cut                         truncated over UDP, and TCP hangs up
  garbage                     bytes that are no message
  foreign-id foreign-question an answer to something else, and no other
names.forged[name] is a list of addresses: before the true answer about that name go replies with those and a wrong id.
names.ttl[name] is the time to live of its records (60 otherwise)."""
import contextlib
import socket
import socketserver
import struct
import threading

from world import free_port

TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
RCODES = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def encode_name(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.rstrip(".").split(".") if x) + b"\0"


def encode(kind, value):
    if isinstance(value, bytes):
        return value
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "TXT":  # a text, or a list of its strings; bytes go as they are
        parts = [value[i:i + 255] for i in range(0, len(value), 255)] if isinstance(value, str) else value
        raw = [x if isinstance(x, bytes) else x.encode() for x in parts]
        return b"".join(bytes([len(x)]) + x for x in raw)
    if kind == "MX":
        preference, host = value
        return struct.pack("!H", preference) + encode_name(host)
    return encode_name(value)


def question(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower())
        at += query[at] + 1
    return ".".join(labels), TYPES.get(struct.unpack_from("!H", query, at + 1)[0], "?"), query[12:at + 5]


class Names:
    def __init__(self, answers):
        self.answers = answers
        self.forged, self.ttl = {}, {}
        self.asked = []
        self.udp = None
        while not self.udp:
            self.port = free_port()  # free for TCP; a resolver that asks something may have it for UDP
            with contextlib.suppress(OSError):
                self.udp = socketserver.ThreadingUDPServer(("127.0.0.1", self.port), self.handler(False))
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), self.handler(True))
        for server in (self.udp, self.tcp):
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def handler(self, stream):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                if stream:
                    with self.request.makefile("rb") as f:
                        length = int.from_bytes(f.read(2), "big")
                        data = f.read(length)
                    for got in outer.replies(data, True) if len(data) == length > 16 else ():
                        self.request.sendall(struct.pack("!H", len(got)) + got)
                    return
                data, sock = self.request
                for got in outer.replies(data, False):
                    sock.sendto(got, self.client_address)

        return Handler

    def follow(self, name, kind):
        """The records of a name, through its aliases: [(owner, kind, rdata)], rcode."""
        records = []
        for _ in range(200):
            found = self.answers.get((name, kind))
            alias = self.answers.get((name, "CNAME"))
            if alias and kind == "CNAME":
                return records + [(name, kind, encode(kind, alias))], ""
            if isinstance(found, str):
                return records, found
            if found is not None:
                return records + [(name, kind, encode(kind, v)) for v in found], ""
            if not alias:
                exists = any(n == name for n, _ in self.answers)
                return records, "" if exists or records else "NXDOMAIN"
            records.append((name, "CNAME", encode("CNAME", alias)))
            name = alias
        return records, ""

    def message(self, ident, echoed, records, flags):
        out = ident + struct.pack("!HHHHH", 0x8180 | flags, 1, len(records), 0, 0) + echoed
        numbers = {v: k for k, v in TYPES.items()}
        for owner, k, rdata in records:
            out += encode_name(owner) + struct.pack("!HHIH", numbers[k], 1, self.ttl.get(owner, 60), len(rdata)) + rdata
        return out

    def replies(self, query, stream):
        """What goes back, in order."""
        try:
            name, kind, echoed = question(query)
        except (IndexError, struct.error):
            return []  # no question: nobody that is tested here
        self.asked.append((name, kind))
        records, word = self.follow(name, kind)
        ident, other = query[:2], bytes(b ^ 0x55 for b in query[:2])
        foreign = encode_name("other.test") + echoed[-4:]
        if word in ("silence", "cut") and (stream or word == "silence"):
            return []
        if word == "cut":
            return [self.message(ident, echoed, [], 0x0200)]
        if word == "garbage":
            return [query[:2] + bytes(range(200))]
        if word == "foreign-id":
            return [self.message(other, echoed, records, 0)]
        if word == "foreign-question":
            return [self.message(ident, foreign, records, 0)]
        lies = [(name, kind, encode(kind, v)) for v in self.forged.get(name, []) if kind == "A"]
        true = self.message(ident, echoed, records, RCODES.get(word, 0))
        if len(true) > 1200 and not stream:
            true = self.message(ident, echoed, [], 0x0200)  # the rest is asked for over TCP
        if not lies or stream:
            return [true]
        return [self.message(bytes([n, query[1] ^ n]), echoed, lies, 0) for n in range(1, 100)] + [true]

    def close(self):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()
