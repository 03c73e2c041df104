"""A DNS server on 127.0.0.1 that is told what to answer, over UDP and TCP: names.answers[(name, "MX")] is a list of values, a word such
as "SERVFAIL", "NXDOMAIN" or "silence", or missing: a name with other records has none of this kind, any other does not exist."""
import socket
import socketserver
import struct
import threading

from world import free_port

TYPES = {1: "A", 5: "CNAME", 15: "MX", 28: "AAAA"}
RCODES = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def encode_name(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.rstrip(".").split(".") if x) + b"\0"


def encode(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
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
        self.asked = []
        self.port = free_port()  # free for TCP; below the ephemeral range nobody takes it for UDP either
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
                    length = struct.unpack("!H", self.request.recv(2))[0]
                    got = outer.reply(self.request.recv(length))
                    self.request.sendall(struct.pack("!H", len(got)) + got)
                    return
                data, sock = self.request
                got = outer.reply(data)
                if got:
                    sock.sendto(got, self.client_address)

        return Handler

    def follow(self, name, kind):
        """The records of a name, through its aliases: [(owner, kind, rdata)], rcode."""
        records = []
        for _ in range(20):
            found = self.answers.get((name, kind))
            alias = self.answers.get((name, "CNAME"))
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

    def reply(self, query):
        name, kind, echoed = question(query)
        self.asked.append((name, kind))
        records, word = self.follow(name, kind)
        if word == "silence":
            return None
        flags = 0x8180 | RCODES.get(word, 0)
        out = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + echoed
        numbers = {v: k for k, v in TYPES.items()}
        for owner, k, rdata in records:
            out += encode_name(owner) + struct.pack("!HHIH", numbers[k], 1, 60, len(rdata)) + rdata
        return out

    def close(self):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()
