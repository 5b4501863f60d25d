"""A second implementation of Layr's formats, written from docs/protocol.md alone.

Plain and slow on purpose. Section numbers are those of the document.
Needs the standard library and python3-cryptography.
"""
import base64, functools, hashlib, json, re, struct
from operator import getitem, xor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Refused(Exception):
    """What was read breaks a rule of the document."""


def need(ok, why):
    if not ok:
        raise Refused(why)


# ---------------------------------------------------------------- 1. Conventions

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def kdf(key, label, *data):
    h = hashlib.blake2b(key=key, digest_size=32)
    for part in (label.encode("ascii"), *data):
        h.update(struct.pack("<I", len(part)) + part)
    return h.digest()


def keystream(key, length):
    return Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor().update(bytes(length))


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text, length=None):
    need(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text), "not base64url")
    need(len(text) % 4 != 1, "base64url of an impossible length")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(b64(raw) == text, "base64url with spare bits")
    need(length is None or len(raw) == length, "base64url of a wrong length")
    return raw


def unhex(text, length):
    need(isinstance(text, str) and re.fullmatch(r"[0-9a-f]*", text), "not lower-case hex")
    need(len(text) == 2 * length, "hex of a wrong length")
    return bytes.fromhex(text)


def decimal(text):
    need(isinstance(text, str) and re.fullmatch(r"0|[1-9][0-9]{0,19}", text), "not a decimal string")
    need(int(text) < 2 ** 64, "decimal string over 2^64 - 1")
    return int(text)


def time_value(value):
    need(type(value) is int and 0 <= value < 2 ** 63, "not a time")
    return value


# ---------------------------------------------------------------- 2. Keys and capabilities

def public_key(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(
        Encoding.Raw, PublicFormat.Raw)


class WriteKeys:
    """2.2: everything that a write secret gives."""

    def __init__(self, W):
        self.W, self.R, self.A = W, kdf(W, "read"), kdf(W, "audit")
        self.P = kdf(self.R, "place")
        self.record_seed = kdf(W, "record")
        self.record_id = public_key(self.record_seed)
        self.challenge_public = public_key(kdf(self.A, "challenge"))
        self.group = kdf(self.A, "group")[:16]

    def write_cap(self):
        return "layr:w:" + b64(self.W)

    def read_cap(self):
        return "layr:r:%s:%s" % (b64(self.record_id), b64(self.R))

    def verify_cap(self):
        return "layr:v:%s:%s:%s" % (b64(self.record_id), b64(self.P), b64(self.A))


def places(record_id):
    return [sha256(record_id, bytes([i])) for i in range(3)]


def parse_cap(text, kind):
    """2.3: the 32-byte keys of a capability of kind w (W), r (record id, R) or v (record id, P, A)."""
    parts = text.split(":")
    need(parts[:2] == ["layr", kind] and len(parts) == 2 + "wrv".index(kind) + 1,
         "not a capability layr:%s:" % kind)
    return [unb64(p, 32) for p in parts[2:]]


# ---------------------------------------------------------------- 3.1 Scheme and shape

MIB = 1 << 20
PAGE_SIZE = MIB        # full size of a manifest page, whatever its scheme is (4.2)


def full_segment(k, n):
    return k * (min(4 * MIB, 96 * MIB // n) // 65536) * 65520


class Shape:
    def __init__(self, size, k):
        self.size, self.k = size, k
        self.stripes = -(-size // (k * 65520))
        self.chunk = 65536 if self.stripes > 1 else -(-(-(-size // k) + 16) // 4096) * 4096
        self.chunk_plain = self.chunk - 16
        self.blocks = self.stripes * self.chunk // 4096
        self.blob_size = 4112 * self.blocks

    def cut(self, plain):
        """The k data shards, each its chunks of all stripes, one after the other."""
        c, k = self.chunk_plain, self.k
        plain = plain.ljust(self.stripes * k * c, b"\0")
        return [b"".join(plain[(t * k + j) * c:(t * k + j + 1) * c] for t in range(self.stripes))
                for j in range(k)]

    def join(self, shards):
        c = self.chunk_plain
        return b"".join(s[t * c:(t + 1) * c] for t in range(self.stripes) for s in shards)[:self.size]


# ---------------------------------------------------------------- 3.2 Erasure code

EXP, LOG = [0] * 510, [0] * 256
x = 1
for i in range(255):
    EXP[i] = EXP[i + 255] = x
    LOG[x] = i
    x = x << 1 ^ (0x11d if x & 0x80 else 0)


def gf_mul(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def gf_inv(a):
    return EXP[255 - LOG[a]]


@functools.lru_cache(None)
def gf_table(c):
    return bytes(gf_mul(c, b) for b in range(256))


def row(i, k):
    """Row i of the generator matrix."""
    if k == 1:
        return b"\1"
    return bytes(i == j if i < k else gf_inv(i ^ j) for j in range(k))


def combine(coefficients, vectors):
    """Sum of coefficient * vector, byte by byte."""
    total = 0
    for c, v in zip(coefficients, vectors):
        if c:
            total ^= int.from_bytes(v if c == 1 else v.translate(gf_table(c)), "little")
    return total.to_bytes(len(vectors[0]), "little")


def invert(matrix):
    k = len(matrix)
    m = [r + bytes(i == j for j in range(k)) for i, r in enumerate(matrix)]
    for col in range(k):
        pivot = next(i for i in range(col, k) if m[i][col])
        m[col], m[pivot] = m[pivot], m[col]
        m[col] = m[col].translate(gf_table(gf_inv(m[col][col])))
        for i in range(k):
            if i != col and m[i][col]:
                m[i] = combine((1, m[i][col]), (m[i], m[col]))
    return [r[k:] for r in m]


def encode(data, n):
    return [combine(row(i, len(data)), data) for i in range(n)]


def decode(have, k):
    """The k data shards from a dict of any k shards by index."""
    have = dict(sorted(have.items())[:k])
    missing = [j for j in range(k) if j not in have]
    if k == 1:
        return list(have.values())
    if missing:
        inverse = invert([row(i, k) for i in have])
        vectors = list(have.values())
        have.update({j: combine(inverse[j], vectors) for j in missing})
    return [have[j] for j in range(k)]


# ---------------------------------------------------------------- 3.3 Seal

def make_salt(random, segment_hash, index):
    return sha256(random, segment_hash, bytes([index]))[:16]


def nonce(t, last):
    return struct.pack("<QB3x", t, last)


def seal(key, shard, chunk_plain):
    gcm, count = AESGCM(key), len(shard) // chunk_plain
    return b"".join(gcm.encrypt(nonce(t, t == count - 1), shard[t * chunk_plain:(t + 1) * chunk_plain], None)
                    for t in range(count))


def unseal(key, sealed, chunk):
    gcm, count = AESGCM(key), len(sealed) // chunk
    try:
        return b"".join(gcm.decrypt(nonce(t, t == count - 1), sealed[t * chunk:(t + 1) * chunk], None)
                        for t in range(count))
    except InvalidTag:
        raise Refused("a chunk does not open")


# ---------------------------------------------------------------- 3.4 Tags

def gf128_times_x(a):
    a <<= 1
    return a ^ (1 << 128 | 0x87) if a >> 128 else a


def gf128_mul(a, b):
    total = 0
    while b:
        if b & 1:
            total ^= a
        a, b = gf128_times_x(a), b >> 1
    return total


def alphas(A):
    ks = keystream(kdf(A, "alpha"), 4096)
    return [int.from_bytes(ks[i:i + 16], "little") for i in range(0, 4096, 16)]


class Tagger:
    """Tags of blocks under an audit secret. A block's sum is linear in its bits, so there is
    one table of 256 field elements for each of its 4,096 bytes."""

    def __init__(self, A):
        self.A, self.tables = A, []
        for a in alphas(A):
            for _ in range(16):
                table = [0]
                for _ in range(8):
                    table += [a ^ e for e in table]
                    a = gf128_times_x(a)
                self.tables.append(table)

    def tags(self, salt, sealed):
        count = len(sealed) // 4096
        prf = keystream(kdf(self.A, "prf", salt), 16 * count)
        out = []
        for i in range(count):
            block = sealed[4096 * i:4096 * (i + 1)]
            total = functools.reduce(xor, map(getitem, self.tables, block))
            total ^= int.from_bytes(prf[16 * i:16 * (i + 1)], "little")
            out.append(total.to_bytes(16, "little"))
        return b"".join(out)


# ---------------------------------------------------------------- 3.5 Blob

def open_blob(blob, shard_id, shape, key_of_salt, salt):
    """A shard's plaintext from its blob, all checks of section 8, step 5."""
    need(len(blob) == shape.blob_size, "a blob of a wrong size")
    need(sha256(blob) == shard_id, "a blob that is not its id's")
    return unseal(key_of_salt(salt), blob[:4096 * shape.blocks], shape.chunk)


# ---------------------------------------------------------------- 3.6 Challenge and answer

def draw(seed, shard_id, B, sample):
    """(block number, coefficient) of each block that is asked for."""
    key = sha256(b"layr-audit-v1", seed, shard_id, struct.pack("<Q", B))
    if 0 < sample < B:
        ks = keystream(key, 24 * sample)
        numbers = [struct.unpack_from("<Q", ks, 8 * t)[0] * B >> 64 for t in range(sample)]
        ks = ks[8 * sample:]
    else:
        ks, numbers = keystream(key, 16 * B), range(B)
    return [(n, int.from_bytes(ks[16 * t:16 * t + 16], "little")) for t, n in enumerate(numbers)]


def answer(seed, sample, blobs):
    """What a host answers; blobs: shard id -> blob."""
    mu, sigma = [0] * 256, 0
    for shard_id, blob in blobs.items():
        B = len(blob) // 4112
        for i, nu in draw(seed, shard_id, B, sample):
            for j in range(256):
                mu[j] ^= gf128_mul(nu, int.from_bytes(blob[4096 * i + 16 * j:4096 * i + 16 * j + 16], "little"))
            sigma ^= gf128_mul(nu, int.from_bytes(blob[4096 * B + 16 * i:4096 * B + 16 * i + 16], "little"))
    return b"".join(e.to_bytes(16, "little") for e in mu + [sigma])


def accept(A, seed, sample, shards, got):
    """The owner's check; shards: (shard id, salt, blocks)."""
    need(len(got) == 4112, "an answer of a wrong size")
    total = 0
    for j, alpha in enumerate(alphas(A)):
        total ^= gf128_mul(alpha, int.from_bytes(got[16 * j:16 * j + 16], "little"))
    for shard_id, salt, B in shards:
        prf = keystream(kdf(A, "prf", salt), 16 * B)
        for i, nu in draw(seed, shard_id, B, sample):
            total ^= gf128_mul(nu, int.from_bytes(prf[16 * i:16 * i + 16], "little"))
    return total.to_bytes(16, "little") == got[4096:]


def challenge(challenge_seed, host_id, group, seed, sample, shard_ids, now):
    """5.7: the statement."""
    fields = {"v": 1, "iat": now, "exp": now + 600, "host": host_id.hex(), "group": group.hex(), "seed": seed.hex(),
              "sample": str(sample), "shards": [s.hex() for s in shard_ids]}
    return sign(challenge_seed, "layr-challenge", json.dumps(fields).encode())


# ---------------------------------------------------------------- 4.1 Root

def seal_half(key, label, s, plain):
    return s + AESGCM(kdf(key, label, s)).encrypt(bytes(12), plain, None)


def open_half(key, label, half):
    need(len(half) >= 48, "a half that is too short")
    try:
        return AESGCM(kdf(key, label, half[:32])).decrypt(bytes(12), half[32:], None)
    except InvalidTag:
        raise Refused("the %s half does not open" % label)


class Bytes:
    """Reads fields from the front of a string of bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "it ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def u(self, count):
        return int.from_bytes(self.take(count), "little")

    def end(self):
        need(self.at == len(self.data), "trailing bytes")


def parse_root(payload):
    """(placement half, content half), both still sealed; None when the file was removed."""
    if not payload:
        return None
    need(len(payload) <= 32768, "a root over its limit")
    r = Bytes(payload)
    need(r.u(1) == 1, "a root of an unknown version")
    halves = r.take(r.u(4)), r.take(r.u(4))
    r.end()
    return halves


# ---------------------------------------------------------------- 4.2 Placement half, nodes, pages

NO_HOST = 65535


class Row:
    def __init__(self, index, shard, salt, host):
        self.index, self.shard, self.salt, self.host = index, shard, salt, host


class Entry:
    """A segment (level None) or a page whose entries are of `level`."""
    level = None


def parse_rows(r, count, hosts, used):
    rows = []
    for i in range(count):
        shard, salt, index = r.take(32), r.take(16), r.u(2)
        if index == NO_HOST:
            need(shard == bytes(32) and salt == bytes(16), "a row without a host that is not zero")
            continue
        need(index < len(hosts), "a host index outside the table")
        used.add(index)
        rows.append(Row(i, shard, salt, hosts[index]))
    need(len({x.host for x in rows}) == len(rows), "the same host twice in one entry")
    return rows


def parse_node(r, level, k, n):
    """The entries of a node, which goes to the end of r."""
    hosts = [r.take(32) for _ in range(r.u(2))]
    need(all(a < b for a, b in zip(hosts, hosts[1:])), "a host table that does not ascend")
    entries, used = [], set()
    for _ in range(r.u(4)):
        e = Entry()
        e.size = r.u(4)
        if level == 0:
            need(1 <= e.size <= full_segment(k, n), "a segment of a bad size")
            e.shape = Shape(e.size, k)
            need(r.u(4) == e.shape.stripes, "a segment with a wrong number of stripes")
            e.hash = r.take(32)
            e.segments, e.bytes = 1, e.size
            e.rows = parse_rows(r, n, hosts, used)
        else:
            need(1 <= e.size <= PAGE_SIZE, "a page of a bad size")
            e.shape, e.level = Shape(e.size, 1), level - 1
            e.hash = r.take(32)
            e.segments, e.bytes = r.u(8), r.u(8)
            e.rows = parse_rows(r, n - k + 1, hosts, used)
        entries.append(e)
    r.end()
    need(len(used) == len(hosts), "a host in the table that no row names")
    return entries


def check_sums(entries, segments, size):
    need(sum(e.segments for e in entries) == segments, "numbers of segments that do not add up")
    need(sum(e.bytes for e in entries) == size, "sizes that do not add up")


class Placement:
    def __init__(self, plain):
        r = Bytes(plain)
        need(r.u(1) == 1, "a placement half of an unknown version")
        self.k, self.n, self.level = r.u(1), r.u(1), r.u(1)
        need(1 <= self.k <= self.n, "a bad scheme")
        need(self.level <= 3, "too many levels of pages")
        self.segments, self.size = r.u(8), r.u(8)
        need(self.segments or (self.k, self.n) == (1, 1), "no segments, but a scheme")
        self.entries = parse_node(r, self.level, self.k, self.n)
        check_sums(self.entries, self.segments, self.size)


def parse_page(plain, entry, k, n):
    """The entries of a page that was fetched for `entry`."""
    r = Bytes(plain)
    need(r.u(1) == 1, "a page of an unknown version")
    need(r.u(1) == entry.level, "a page of a wrong level")
    entries = parse_node(r, entry.level, k, n)
    need(entry.level > 0 or len(entries) <= 256, "a page of too many segments")
    check_sums(entries, entry.segments, entry.bytes)
    return entries


# ---------------------------------------------------------------- JSON, as 5.1 wants it

def strict_json(raw):
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), "a duplicate member")
        return dict(pairs)

    def no_constant(name):
        raise Refused("not JSON: " + name)

    def depth(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0

    decoder = json.JSONDecoder(object_pairs_hook=members, parse_constant=no_constant)
    try:
        text = raw.decode("utf-8")
        value, end = decoder.raw_decode(text)
        need(end == len(text), "something after the JSON object")
        json.dumps(value, ensure_ascii=False).encode()          # no lone surrogates
        need(isinstance(value, dict), "not a JSON object")
        need(depth(value) <= 8, "JSON nested too deep")
    except (ValueError, RecursionError):
        raise Refused("not JSON")
    return value


# ---------------------------------------------------------------- 4.3 Content half

def parse_content(plain):
    need(len(plain) <= 8000, "a content half over its limit")
    c = strict_json(plain)
    required = {"v", "kind", "size", "sha256", "type", "created"}
    need(required <= set(c), "members of the content half")
    need(type(c["v"]) is int and c["v"] == 1 and c["kind"] in ("file", "folder"), "content of an unknown kind")
    if c["kind"] == "folder":
        required |= {"tree"}
    need(required <= set(c) <= required | {"name", "name64", "mtime", "inline"}, "members of the content half")
    need(isinstance(c["type"], str), "a type that is no string")
    c["size"], c["sha256"] = decimal(c["size"]), unhex(c["sha256"], 32)
    if "tree" in c:
        c["tree"] = decimal(c["tree"])
        need(1 <= c["tree"] <= min(c["size"], 268435456), "a tree of a bad size")
    for name in {"created", "mtime"} & set(c):
        time_value(c[name])
    need(not ("name" in c and "name64" in c), "two names")
    if "name" in c:
        need(isinstance(c["name"], str), "a name that is no string")
        c["raw_name"] = c["name"].encode()
    elif "name64" in c:
        c["raw_name"] = unb64(c["name64"])
    if "raw_name" in c:
        need(1 <= len(c["raw_name"]) <= 255 and not set(c["raw_name"]) & set(b"/\0"), "a bad name")
    if "inline" in c:
        c["inline"] = unb64(c["inline"])
        need(len(c["inline"]) <= 4096, "inline content over its limit")
        need(len(c["inline"]) == c["size"], "inline content of another size")
        need(c["kind"] == "folder" or sha256(c["inline"]) == c["sha256"], "inline content of another SHA-256")
    return c


# ---------------------------------------------------------------- 4.5 Folder

FOLDER, FILE, LINK = 0, 1, 2


class TreeEntry:
    """type, flags, mode, mtime, mtime_ns, path; of a file offset, size, sha256; of a link target."""


def tree_order(path):
    return [step + b"\0" for step in path.split(b"/")] if path else []   # steps have no NUL: a prefix comes first


def take_tree(data, at, n):
    need(at + n <= len(data), "a tree that is cut off")
    return data[at:at + n], at + n


def tree_entry(data, at):
    e = TreeEntry()
    head, at = take_tree(data, at, 18)
    e.type, e.flags, e.mode, e.mtime, e.mtime_ns, length = struct.unpack("<BBHqIH", head)
    e.path, at = take_tree(data, at, length)
    e.offset = e.size = 0
    if e.type == FILE:
        rest, at = take_tree(data, at, 48)
        e.offset, e.size, e.sha256 = struct.unpack("<QQ32s", rest)
    elif e.type == LINK:
        length, at = take_tree(data, at, 2)
        e.target, at = take_tree(data, at, struct.unpack("<H", length)[0])
        need(1 <= len(e.target) <= 4095 and 0 not in e.target, "a bad link")
    need(e.type in (FOLDER, FILE, LINK), "an entry of an unknown type")
    need(e.flags == 0 or (e.type == FILE and e.flags == 1), "an unknown flag")
    need(e.mode <= 0o7777 and (e.type != LINK or e.mode == 0), "a bad mode")
    need(abs(e.mtime) < 1 << 53 and e.mtime_ns <= 999999999, "a bad time")
    need(e.size or not e.offset, "an empty file with an offset")
    return e, at


def tree_path(e, before, folders):
    steps = e.path.split(b"/")
    need(len(e.path) <= 4095 and len(steps) <= 256, "a path over its limit")
    need(all(1 <= len(s) <= 255 and s not in (b".", b"..") and 0 not in s for s in steps), "a bad path")
    need(tree_order(before) < tree_order(e.path), "paths that do not ascend")
    need(b"/".join(steps[:-1]) in folders, "a path whose folder is not there")


def parse_tree(data, before_tree):
    """Entries of a folder's tree; before_tree: bytes of the stream that stand before it."""
    head, at = take_tree(data, 0, 5)
    version, count = struct.unpack("<BI", head)
    need(version == 1 and 1 <= count <= 2097152, "a tree of another version, or over its limit")
    entries, folders, end = [], set(), 0
    for i in range(count):
        e, at = tree_entry(data, at)
        if i == 0:
            need(e.type == FOLDER and e.path == b"", "a tree that does not begin with its folder")
        else:
            tree_path(e, entries[-1].path, folders)
        if e.type == FOLDER:
            folders.add(e.path)
        entries.append(e)
    need(at == len(data), "bytes behind the tree")
    for e in sorted((e for e in entries if e.size), key=lambda e: e.offset):
        need(e.offset >= end, "files that share a byte")
        end = e.offset + e.size
    need(end <= before_tree, "a file that does not lie before the tree")
    return entries


# ---------------------------------------------------------------- 5. Signed statements, 4.4 Record

def low_order(key):
    """Whether a public key is one of the points of order 1, 2, 4 or 8 (in any encoding)."""
    p = 2 ** 255 - 19
    y8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
    y = (int.from_bytes(key, "little") & (1 << 255) - 1) % p
    return y in (0, 1, p - 1, y8, p - y8)


def sign(seed, typ, payload, **more):
    header = {"alg": "EdDSA", "typ": typ, "kid": b64(public_key(seed)), **more}
    text = b64(json.dumps(header, separators=(",", ":")).encode()) + "." + b64(payload)
    return text + "." + b64(Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode()))


def verify(text, typ, more=()):
    """(header, signer's public key, payload bytes) of a compact JWS of the kind `typ`."""
    need(len(text) <= (1024 if typ == "layr-contact" else 65536), "a statement over its limit")
    parts = text.split(".")
    need(len(parts) == 3, "not a compact JWS")
    header = strict_json(unb64(parts[0]))
    payload, signature = unb64(parts[1]), unb64(parts[2], 64)
    need(set(header) == {"alg", "typ", "kid", *more}, "members of the header")
    need(header["alg"] == "EdDSA", "an unknown alg")
    need(header["typ"] == typ, "not a " + typ)
    key = unb64(header["kid"], 32)
    need(not low_order(key), "a public key of low order")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, (parts[0] + "." + parts[1]).encode())
    except (InvalidSignature, ValueError):
        raise Refused("a signature that does not verify")
    return header, key, payload


class Record:
    """5.6: a valid record of this id."""

    def __init__(self, text, record_id, now):
        h, key, self.root = verify(text, "layr-record", ("v", "iat", "exp", "seq", "prev"))
        need(key == record_id, "another file's record")
        need(type(h["v"]) is int and h["v"] == 1, "a record of an unknown version")
        iat, exp = time_value(h["iat"]), time_value(h["exp"])
        need(iat <= now + 300, "a record from the future")
        need(exp > now - 300, "an expired record")
        need(iat < exp <= now + 34560000, "a record with a bad exp")
        self.seq = decimal(h["seq"])
        need(self.seq >= 1, "a record of sequence 0")
        need(isinstance(h["prev"], list) and len(h["prev"]) <= 8, "a bad prev")
        self.prev = [unhex(p, 32) for p in h["prev"]]
        need(len(set(self.prev)) == len(self.prev), "a prev that repeats")
        self.text, self.hash = text, sha256(text.encode())


def choose(records):
    """4.4: of (record, holder) pairs the record that a reader takes."""
    holders = {}
    for record, holder in records:
        holders.setdefault(record.hash, (record, set()))[1].add(holder)
    return max(holders.values(), key=lambda rh: (rh[0].seq, len(rh[1]), rh[0].hash))[0]
