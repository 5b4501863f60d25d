#!/usr/bin/python3
"""Writes files by docs/protocol.md into store folders, damages them and reads them back with
layr_read.py. Prints TAP."""
import hashlib, http.server, json, os, struct, subprocess, sys, tempfile, threading, time
HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import layr
from layr import Shape, WriteKeys, kdf, sha256

NOW = int(time.time())
READER = os.path.join(HERE, "layr_read.py")
done = failed = 0


def ok(name, good, more=""):
    global done, failed
    done += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", done, name))
    if not good and more:
        print("# " + str(more).replace("\n", "\n# "))


def refused(name, call, *args):
    try:
        call(*args)
        ok(name, False, "it was accepted")
    except layr.Refused as e:
        ok("%s (%s)" % (name, e), True)


def pattern(n, x):
    return hashlib.shake_256(b"layr pattern" + bytes([x])).digest(n)


# ---------------------------------------------------------------- a small writer

class Writer:
    def __init__(self, top, hosts):
        self.keys = WriteKeys(os.urandom(32))
        self.tagger = layr.Tagger(self.keys.A)
        self.stores = []                                        # (host id, folder)
        for i in range(hosts):
            host, folder = os.urandom(32), os.path.join(top, "host%d" % i)
            os.makedirs(folder)
            with open(os.path.join(folder, "host.id"), "w") as f:
                f.write(host.hex() + "\n")
            self.stores.append((host, folder))

    def folders(self):
        return [folder for _, folder in self.stores]

    def path(self, row):
        host, shard, _ = row
        name = shard.hex()
        return os.path.join(dict(self.stores)[host], "shards", name[:2], name[2:4], name)

    def put(self, plain, k, n, hash_key, label, key, absent=()):
        """Codes, seals, tags and stores; gives the hash and the rows (host, shard id, salt)."""
        shape, rows, random = Shape(len(plain), k), [], os.urandom(32)
        digest = kdf(hash_key, "segment", sha256(plain))
        for i, shard in enumerate(layr.encode(shape.cut(plain), n)):
            if i in absent:
                rows.append(None)
                continue
            salt = layr.make_salt(random, digest, i)
            sealed = layr.seal(kdf(key, label, salt), shard, shape.chunk_plain)
            blob = sealed + self.tagger.tags(salt, sealed)
            rows.append((self.stores[i][0], sha256(blob), salt))
            os.makedirs(os.path.dirname(self.path(rows[-1])), exist_ok=True)
            with open(self.path(rows[-1]), "wb") as f:
                f.write(blob)
        return digest, rows

    def node(self, entries):
        """entries: (bytes before the rows, rows, ...)"""
        hosts = sorted({r[0] for e in entries for r in e[1] if r})
        out = struct.pack("<H", len(hosts)) + b"".join(hosts) + struct.pack("<I", len(entries))
        for e in entries:
            out += e[0]
            for r in e[1]:
                out += r[1] + r[2] + struct.pack("<H", hosts.index(r[0])) if r else bytes(48) + b"\xff\xff"
        return out

    def write(self, data, k, n, segment, per_page=256, levels=0, absent=(), inline=False, size=None, **content):
        K, entries = self.keys, []                              # (head, rows, segments, bytes)
        self.segments, self.pages = [], []                      # rows, for the tests' damage
        for at in range(0, 0 if inline else len(data), segment):
            plain = data[at:at + segment]
            digest, rows = self.put(plain, k, n, K.R, "shard", K.R, absent)
            self.segments.append(rows)
            head = struct.pack("<II", len(plain), Shape(len(plain), k).stripes) + digest
            entries.append((head, rows, 1, len(plain)))
        count = len(entries)
        for level in range(levels):
            up = []
            for at in range(0, len(entries), per_page):
                group = entries[at:at + per_page]
                plain = bytes([1, level]) + self.node(group)
                digest, rows = self.put(plain, 1, n - k + 1, K.P, "page", K.P)
                self.pages.append(rows)
                below, size_below = sum(e[2] for e in group), sum(e[3] for e in group)
                up.append((struct.pack("<I", len(plain)) + digest + struct.pack("<QQ", below, size_below),
                           rows, below, size_below))
            entries = up
        placement = (bytes([1, k, n, levels]) + struct.pack("<QQ", count, 0 if inline else len(data))
                     + self.node(entries))
        body = {"v": 1, "kind": "file", "name": "a file", "size": str(len(data) if size is None else size),
                "sha256": hashlib.sha256(data).hexdigest(), "type": "application/octet-stream", "created": NOW}
        if inline:
            body["inline"] = layr.b64(data)
        body.update(content)
        self.placement, self.content = placement, json.dumps(body).encode()
        return self.root()

    def root(self):
        a = layr.seal_half(self.keys.P, "placement", os.urandom(32), self.placement)
        b = layr.seal_half(self.keys.R, "content", os.urandom(32), self.content)
        return b"\1" + struct.pack("<I", len(a)) + a + struct.pack("<I", len(b)) + b

    def record(self, root, **more):
        header = {"v": 1, "iat": NOW, "exp": NOW + 86400, "seq": "1", "prev": [], **more}
        return layr.sign(self.keys.record_seed, "layr-record", root, **header)


def read(w, record, *more):
    name = os.path.join(TOP, "record")
    with open(name, "w") as f:
        f.write(record)
    return run(w, "--record", name, *more)


def run(w, *more):
    p = subprocess.run([sys.executable, READER, w.keys.read_cap(), *w.folders(), *more], capture_output=True)
    return p.returncode, p.stdout, p.stderr.decode()


def check(name, w, record, want, code, *more):
    got, out, err = read(w, record, *more)
    ok(name, got == code and (out == want if code in (0, 5) else out != want), "exit %d\n%s" % (got, err))


def damage(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


temp = tempfile.TemporaryDirectory()
TOP = temp.name
folders = iter("abcdefghijklmnop")


def writer(hosts):
    return Writer(os.path.join(TOP, next(folders)), hosts)


# ---------------------------------------------------------------- shapes (3.1)

MIB = 1 << 20
ok("full segment of 1/1", layr.full_segment(1, 1) == 64 * 65520)
ok("full segment of 10/30", layr.full_segment(10, 30) == 10 * 51 * 65520)
ok("full segment of 255/255", layr.full_segment(255, 255) == 255 * 6 * 65520)
for size, k, stripes, chunk in ((1, 1, 1, 4096), (4080, 1, 1, 4096), (4081, 1, 1, 8192), (65520, 1, 1, 65536),
                                (65521, 1, 2, 65536), (3 * 4080, 3, 1, 4096), (3 * 4080 + 1, 3, 1, 8192),
                                (3 * 65520, 3, 1, 65536), (3 * 65520 + 1, 3, 2, 65536)):
    s = Shape(size, k)
    ok("shape of %d bytes, k = %d" % (size, k), (s.stripes, s.chunk) == (stripes, chunk))
    plain = pattern(size, 1)
    ok("cut and join", s.join(s.cut(plain)) == plain and {len(d) for d in s.cut(plain)} == {stripes * (chunk - 16)})

# ---------------------------------------------------------------- erasure code, wide (3.2)

data = [pattern(64, j) for j in range(100)]
code = layr.encode(data, 255)
ok("100/255 from the last 100", layr.decode({i: code[i] for i in range(155, 255)}, 100) == data)
ok("100/255 from every other", layr.decode({i: code[i] for i in range(1, 201, 2)}, 100) == data)
ok("1/4 is copies", layr.encode([b"abc"], 4) == [b"abc"] * 4)

# ---------------------------------------------------------------- full segments, damage

w = writer(5)
full = layr.full_segment(3, 5)
data = pattern(full + 70001, 5)
record = w.record(w.write(data, 3, 5, full))
check("3/5, a full segment and a short one", w, record, data, 0)
check("all tags are right", w, record, data, 0, "--verify-tags", w.keys.write_cap())
damage(w.path(w.segments[0][0]), 100)                           # in a chunk
damage(w.path(w.segments[0][1]), os.path.getsize(w.path(w.segments[0][1])) - 1)     # in a tag
os.remove(w.path(w.segments[1][4]))
os.truncate(w.path(w.segments[1][2]), 4112)
check("two damaged shards of each segment", w, record, data, 0)
got = read(w, record, "--verify-tags", w.keys.write_cap())
ok("the tag check counts the bad ones", got[0] == 0 and "6 blobs checked, 0 wrong, 4 missing" in got[2], got[2])
damage(w.path(w.segments[1][3]), 0)
got = read(w, record)
ok("one more: exit 4, after the first segment", got[0] == 4 and got[1] == data[:full], got[2])

# ---------------------------------------------------------------- levels of pages

for levels, per_page, count in ((0, 256, 3), (1, 4, 10), (2, 3, 14), (3, 2, 13), (1, 256, 300)):
    w = writer(4)
    data = pattern(1000 * count - 13, levels)
    record = w.record(w.write(data, 2, 4, 1000, per_page, levels))
    check("%d levels of pages, %d segments" % (levels, count), w, record, data, 0)
    for rows in w.pages:
        damage(w.path(rows[0]), 5)
        os.remove(w.path(rows[2]))
    for rows in w.segments:
        damage(w.path(rows[1]), 4111)
        damage(w.path(rows[2]), 16)
    check("... with damage everywhere", w, record, data, 0)
    if levels:
        damage(w.path(w.pages[0][1]), 7)
        check("... a page lost", w, record, data, 4)

# ---------------------------------------------------------------- absent rows, k = 1, a wrong tag

w = writer(3)
data = pattern(200000, 9)
record = w.record(w.write(data, 1, 3, 150000, absent=(0,)))
check("1/3 with an absent row", w, record, data, 0)
os.remove(w.path(w.segments[0][1]))
check("1/3 with one left", w, record, data, 0)
wrong = Writer.__new__(Writer)                                  # tags under another audit secret
wrong.__dict__.update(w.__dict__, tagger=layr.Tagger(bytes(32)))
record = wrong.record(wrong.write(data, 1, 3, 150000))
check("wrong tags: a reader does not see them", w, record, data, 0)
check("wrong tags: the tag check does", w, record, data, 5, "--verify-tags", w.keys.write_cap())

# ---------------------------------------------------------------- inline, empty, removed

w = writer(0)
for size in 0, 1, 4096:
    record = w.record(w.write(pattern(size, 3), 1, 1, 1, inline=True))
    check("inline content of %d bytes" % size, w, record, pattern(size, 3), 0)
ok("removed: exit 3", read(w, w.record(b""))[0] == 3)
check("content of another size", w, w.record(w.write(b"abc", 1, 1, 1, inline=True, size=4)), b"abc", 1)
w.write(b"abc", 1, 1, 1, inline=True, sha256="00" * 32)
got = read(w, w.record(w.root()))
ok("content of another SHA-256: nothing comes out", got[:2] == (1, b""), got)

# ---------------------------------------------------------------- what a reader refuses (4.2, 4.3)

w = writer(3)
w.write(pattern(3000, 1), 2, 3, 1000)
good = w.placement
layr.Placement(good)
entry = 4 + 16 + 2 + 96 + 4                                     # where the first entry starts


def changed(at, new):
    return good[:at] + new + good[at + len(new):]


P = layr.Placement
refused("trailing bytes", P, good + b"\0")
refused("too short", P, good[:-1])
refused("version 2", P, changed(0, b"\2"))
refused("k = 0", P, changed(1, b"\0"))
refused("k > n", P, changed(1, b"\4"))
refused("level 4", P, changed(3, b"\4"))
refused("number of segments", P, changed(4, b"\4"))
refused("size", P, changed(12, b"\0"))
refused("host table that repeats", P, changed(22, good[54:86]))
refused("segment of 0 bytes", P, changed(entry, bytes(4)))
refused("wrong stripes", P, changed(entry + 4, b"\2"))
refused("host index outside", P, changed(entry + 88, b"\3"))
refused("same host twice", P, changed(entry + 88, good[entry + 138:entry + 140]))
refused("absent row that is not zero", P, changed(entry + 88, b"\xff\xff"))
refused("root version", layr.parse_root, b"\2" + w.root()[1:])
refused("root trailing", layr.parse_root, w.root() + b"\0")
refused("root too short", layr.parse_root, w.root()[:-1])
refused("half that does not open", layr.open_half, w.keys.R, "placement", layr.parse_root(w.root())[0])

body = json.loads(w.content)
for name, change in (("v", 2), ("v", True), ("kind", "link"), ("kind", "folder"), ("tree", "1"), ("size", 3000), ("size", "03000"), ("name", "a/b"),
                     ("name", "a\0b"), ("name", ""), ("name", "x" * 256), ("name64", "_w"), ("more", 1), ("created", 1.5),
                     ("sha256", "AB" * 32), ("inline", "AA=="), ("inline", "AB")):
    refused("content %s %.20r" % (name, change), layr.parse_content, json.dumps({**body, name: change}).encode())
refused("duplicate member", layr.parse_content, w.content[:-1] + b', "v": 1}')
refused("after the object", layr.parse_content, w.content + b"x")

# ---------------------------------------------------------------- folders (4.5)


def entry(kind, path, offset=0, size=0, **f):
    tail = struct.pack("<QQ32s", offset, size, b"") if kind == 1 else struct.pack("<H", 4) + b"/etc" if kind == 2 else b""
    return struct.pack("<BBHqIH", kind, f.get("flags", 0), f.get("mode", 0), f.get("mtime", 5), f.get("ns", 0), len(path)) + path + tail


def tree(*entries):
    return struct.pack("<BI", 1, len(entries)) + b"".join(entries)


top, sub = entry(0, b""), entry(0, b"a")
good = tree(top, sub, entry(2, b"a/l"), entry(1, b"a/\xff", 1, 5), entry(1, b"a-b", 6, 4))
ok([e.path for e in layr.parse_tree(good, 10)] == [b"", b"a", b"a/l", b"a/\xff", b"a-b"], "a tree")
for what, bad in (("..", tree(top, entry(1, b"../x"))), ("absolute", tree(top, entry(1, b"/x"))), ("no top", tree(sub)),
                  ("through a link", tree(top, entry(2, b"a"), entry(1, b"a/x"))), ("twice", tree(top, sub, sub)),
                  ("in a file", tree(top, entry(1, b"a"), entry(1, b"a/x"))), ("out of order", tree(top, entry(0, b"b"), sub)),
                  ("shared bytes", tree(top, entry(1, b"a", 0, 5), entry(1, b"b", 4, 5))), ("behind", good + b"x"),
                  ("past the stream", tree(top, entry(1, b"a", 6, 5))), ("cut off", good[:-1]), ("version", b"\2" + good[1:]),
                  ("type", tree(top, entry(3, b"a"))), ("flag", tree(top, entry(0, b"a", flags=1)))):
    refused("tree: " + what, layr.parse_tree, bad, 10)

# ---------------------------------------------------------------- records (4.4, 5)

ID = w.keys.record_id


def R(text):
    return layr.Record(text, ID, NOW)


root = w.root()
text = w.record(root)
R(text)
R(w.record(root, iat=NOW + 300))
R(w.record(root, iat=NOW - 1000, exp=NOW - 299))
head, payload, signature = text.split(".")
S = int.from_bytes(layr.unb64(signature)[32:], "little") + 2 ** 252 + 27742317777372353535851937790883648493
big_s = layr.b64(layr.unb64(signature)[:32] + S.to_bytes(32, "little"))
refused("S >= L", R, ".".join((head, payload, big_s)))
refused("padding", R, text + "==")
refused("four parts", R, text + ".")
refused("other payload", R, ".".join((head, layr.b64(root + b"x"), signature)))
refused("another record id", layr.Record, text, bytes(32), NOW)
refused("another typ", R, layr.sign(w.keys.record_seed, "layr-node", root, v=1, iat=NOW, exp=NOW + 9, seq="1", prev=[]))
low = layr.b64(json.dumps({"alg": "EdDSA", "typ": "layr-record", "kid": layr.b64(bytes(32)), "v": 1, "iat": NOW,
                           "exp": NOW + 9, "seq": "1", "prev": []}).encode())
refused("low-order key", layr.Record, low + "." + payload + "." + signature, bytes(32), NOW)
for more in ({"v": 2}, {"iat": NOW + 301}, {"iat": NOW - 1000, "exp": NOW - 300}, {"exp": NOW}, {"iat": float(NOW)},
             {"exp": NOW + 34560001}, {"seq": "0"}, {"seq": 1}, {"prev": ["ab"]}, {"prev": ["AB" * 32]},
             {"prev": ["ab" * 32] * 2}, {"prev": [bytes([i] * 32).hex() for i in range(9)]}, {"crit": []},
             {"prev": None}, {"alg": "none"}):
    refused("record with %.40s" % more, R, w.record(root, **more))
refused("too long", R, w.record(bytes(50000)))
refused("member missing", R, layr.sign(w.keys.record_seed, "layr-record", root, v=1, iat=NOW, exp=NOW + 9, seq="1"))

a, b, c = (R(w.record(root, seq=s, iat=i)) for s, i in (("1", NOW), ("2", NOW), ("2", NOW - 1)))
ok("highest sequence", layr.choose([(a, 1), (a, 2), (a, 3), (b, 4)]) is b)
ok("then most holders", layr.choose([(b, 1), (c, 2), (c, 3)]) is c and layr.choose([(b, 1), (b, 2), (c, 3)]) is b)
ok("then the larger SHA-256", layr.choose([(b, 1), (c, 2)]).hash == max(b.hash, c.hash))

# ---------------------------------------------------------------- over HTTP (6.6)

w = writer(2)
data = pattern(5000, 2)
old = w.record(w.write(pattern(10, 1), 1, 2, 5000))
new = w.record(w.write(data, 1, 2, 5000), seq="2", prev=[sha256(old.encode()).hex()])
answers = {"/base/v1/records/" + layr.places(w.keys.record_id)[i].hex(): t for i, t in ((0, old), (2, new))}


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = answers.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Host)
threading.Thread(target=server.serve_forever, daemon=True).start()
got = run(w, "--record-url", "http://127.0.0.1:%d/base" % server.server_port)
ok("records over HTTP, the newer one", got[:2] == (0, data), got[2])
server.shutdown()

print("1..%d" % done)
sys.exit(failed > 0)
