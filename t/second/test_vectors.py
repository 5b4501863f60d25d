#!/usr/bin/python3
"""The known answers of t/vectors/layr.json against layr.py. Prints TAP."""
import hashlib, json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import layr

H = bytes.fromhex
V = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "layr.json")))
done = failed = 0


def eq(name, got, want):
    global done, failed
    done += 1
    got = got.hex() if isinstance(got, bytes) else got
    if got == want:
        print("ok %d - %s" % (done, name))
    else:
        failed += 1
        print("not ok %d - %s\n# got  %s\n# want %s" % (done, name, got, want))


def pattern(text):
    """pattern(n, x): the first n bytes of SHAKE256("layr pattern" and the byte x)."""
    n, x = map(int, text[len("pattern("):-1].split(","))
    return hashlib.shake_256(b"layr pattern" + bytes([x])).digest(n)


# 1
for i, v in enumerate(V["kdf"]):
    eq("kdf %d" % i, layr.kdf(H(v["key"]), v["label"], *map(H, v["data"])), v["out"])

# 2
v = V["keys"]
w = layr.WriteKeys(H(v["W"]))
for name in "R", "P", "A", "record_seed", "record_id", "challenge_public", "group":
    eq(name, getattr(w, name), v[name])
for name in "write_cap", "read_cap", "verify_cap":
    eq(name, getattr(w, name)(), v[name])
eq("parse write cap", layr.parse_cap(v["write_cap"], "w"), [w.W])
eq("parse read cap", layr.parse_cap(v["read_cap"], "r"), [w.record_id, w.R])
eq("parse verify cap", layr.parse_cap(v["verify_cap"], "v"), [w.record_id, w.P, w.A])
for i, p in enumerate(layr.places(w.record_id)):
    eq("record place %d" % i, p, v["record_places"][i])
owner = layr.public_key(layr.kdf(H(v["master"]), "identity"))
eq("owner", owner, v["owner_public"])
eq("host id", layr.sha256(owner), v["host_id_of_owner_public_as_host"])

# 3.3
s = V["salt"]
salt = layr.make_salt(H(s["random"]), H(s["segment_hash"]), s["shard_index"])
eq("salt", salt, s["out"])
v = V["seal"]
key = layr.kdf(H(v["R"]), "shard", H(v["salt"]))
eq("seal key", key, v["key"])
sealed = layr.seal(key, pattern(v["chunk0_plain"]) + pattern(v["chunk1_plain_last"]), 65520)
eq("chunk 0, first 32", sealed[:32], v["chunk0_first32"])
eq("chunk 0", layr.sha256(sealed[:65536]), v["chunk0_sha256"])
eq("chunk 1, the last", layr.sha256(sealed[65536:]), v["chunk1_sha256"])
eq("unseal", layr.unseal(key, sealed, 65536) == pattern(v["chunk0_plain"]) + pattern(v["chunk1_plain_last"]), True)

# 3.4
for i, v in enumerate(V["gf128"]):
    a, b = (int.from_bytes(H(v[n]), "little") for n in "ab")
    eq("gf128 %d" % i, layr.gf128_mul(a, b).to_bytes(16, "little"), v["ab"])
v = V["tags"]
alpha = layr.alphas(H(v["A"]))
eq("alpha first", alpha[0].to_bytes(16, "little"), v["alpha_first"])
eq("alpha last", alpha[255].to_bytes(16, "little"), v["alpha_last"])
tagger = layr.Tagger(H(v["A"]))
tags = tagger.tags(salt, sealed)
eq("tags", tags, v["all"])
slow = layr.kdf(H(v["A"]), "prf", salt)                     # block 1 by the formula, without tables
slow = int.from_bytes(layr.keystream(slow, 32)[16:], "little")
for j in range(256):
    slow ^= layr.gf128_mul(alpha[j], int.from_bytes(sealed[4096 + 16 * j:4096 + 16 * j + 16], "little"))
eq("tag 1 by the formula", slow.to_bytes(16, "little"), v["all"][32:64])

# 3.5
v = V["blob"]
eq("blob size", len(sealed + tags), v["size"])
eq("blob size by shape", layr.Shape(2 * 65520, 1).blob_size, v["size"])
eq("blob id", layr.sha256(sealed, tags), v["id"])
small_salt = layr.make_salt(H(s["random"]), H(s["segment_hash"]), v["small_salt_index"])
small = layr.seal(layr.kdf(H(V["seal"]["R"]), "shard", small_salt), pattern(v["small_plain_last"]), 4080)
small += tagger.tags(small_salt, small)
eq("small blob size", len(small), v["small_size"])
eq("small blob id", layr.sha256(small), v["small_id"])

# 3.6
v, a = V["challenge"], V["answer"]
seed, first, both = H(v["seed"]), H(v["shard_id"]), {H(v["shard_id"]): sealed + tags, layr.sha256(small): small}
drawn = layr.draw(seed, first, v["B"], 0)
eq("all blocks once", [n for n, _ in drawn], list(range(v["B"])))
eq("first coefficient", drawn[0][1].to_bytes(16, "little"), v["all_nu_first"])
eq("last coefficient", drawn[-1][1].to_bytes(16, "little"), v["all_nu_last"])
drawn = layr.draw(seed, first, v["B"], 5)
eq("a sample of 5", [n for n, _ in drawn], v["sample5_blocks"])
eq("its first coefficient", drawn[0][1].to_bytes(16, "little"), v["sample5_nu_first"])
got = layr.answer(seed, 0, both)
eq("answer over two shards", layr.sha256(got), a["over_both_blobs_sha256"])
eq("sigma", got[4096:], a["sigma"])
eq("mu, the first", got[:16], a["mu_first"])
asked = [(first, salt, 32), (layr.sha256(small), small_salt, 1)]
A = H(V["tags"]["A"])
eq("it is accepted", layr.accept(A, seed, 0, asked, got), True)
for at in (0, 4095, 4096, 4111):
    eq("not with byte %d changed" % at, layr.accept(A, seed, 0, asked, got[:at] + bytes([got[at] ^ 1]) + got[at + 1:]), False)
eq("nor for one shard", layr.accept(A, seed, 0, asked[:1], got), False)
eq("nor for another seed", layr.accept(A, bytes(32), 0, asked, got), False)
got = layr.answer(seed, 5, {first: sealed + tags})
eq("answer of a sample", layr.sha256(got), a["sample5_over_first_sha256"])
eq("its sigma", got[4096:], a["sample5_sigma"])
eq("it is accepted", layr.accept(A, seed, 5, asked[:1], got), True)

# 3.2
v = V["erasure"]
data = [pattern(d) for d in v["data"]]
code = layr.encode(data, v["n"])
eq("data shards are the data", code[:v["k"]] == data, True)
for i, p in enumerate(code[v["k"]:]):
    eq("parity %d" % i, layr.sha256(p), v["parity_sha256"][i])
    eq("parity %d, first 16" % i, p[:16], v["parity_first16"][i])
for lost in range(v["n"]):
    for also in range(lost):
        have = {i: c for i, c in enumerate(code) if i not in (lost, also)}
        eq("decode without %d, %d" % (also, lost), layr.decode(have, v["k"]) == data, True)

print("1..%d" % done)
sys.exit(failed > 0)
