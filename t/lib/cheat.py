#!/usr/bin/python3
"""A modified host's POST v1/audits: it stands behind the real one, which gives it every challenge.

    cheat.py PORT MODE STORE

MODE: honest (answers as it should), guess, zeros, replay (its first answer again), half (what every other block
gives), other (as if another of its shards were asked for), size (as if the shard had a block less).
"""
import base64, http.server, json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "second"))
import layr

port, mode, store = int(sys.argv[1]), sys.argv[2], sys.argv[3]
kept = []


def blob(shard):
    name = shard.hex()
    with open(os.path.join(store, "shards", name[:2], name[2:4], name), "rb") as f:
        return f.read()


def without_half(b):
    B = len(b) // 4112
    out = bytearray(b)
    for i in range(1, B, 2):
        out[4096 * i:4096 * (i + 1)] = bytes(4096)
        out[4096 * B + 16 * i:4096 * B + 16 * (i + 1)] = bytes(16)
    return bytes(out)


def without_a_block(b):
    B = len(b) // 4112
    return b[:4096 * (B - 1)] + b[4096 * B:-16]


def answer(c):
    seed, sample = bytes.fromhex(c["seed"]), int(c["sample"])
    have = {bytes.fromhex(s): blob(bytes.fromhex(s)) for s in c["shards"]}
    if mode == "guess":
        return os.urandom(4112)
    if mode == "zeros":
        return bytes(4112)
    if mode == "replay" and kept:
        return kept[0]
    if mode == "half":
        have = {s: without_half(b) for s, b in have.items()}
    if mode == "size":
        have = {s: without_a_block(b) for s, b in have.items()}
    if mode == "other":
        have = {bytes(32): next(iter(have.values()))}
    kept.append(layr.answer(seed, sample, have))
    return kept[-1]


class Host(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        c = json.loads(base64.urlsafe_b64decode(body.split(".")[1] + "=="))
        got = answer(c)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(got)))
        self.end_headers()
        self.wfile.write(got)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", port), Host).serve_forever()
