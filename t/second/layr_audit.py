#!/usr/bin/python3
"""Audits a file by docs/protocol.md, sections 3.6, 5.7 and 6.11, with a verify cap: a host, a challenge.

    layr_audit.py VERIFYCAP --record-url URL... --host ID=URL...

Prints a line a host: its id, the shards asked for, `passed`, `corrupt` or the status and type of its problem.
Exit codes: 0 all passed, 1 some did not or something was refused, 2 usage, 3 no record.
"""
import argparse, json, os, ssl, sys, time, urllib.error, urllib.request
sys.dont_write_bytecode = True
import layr
from layr import Refused, kdf, need
from layr_read import fetch_records, say


def rows(entries):
    for e in entries:
        need(e.level is None, "pages: not by this program")
        for row in e.rows:
            yield row, e.shape.blocks


def ask(url, statement):
    request = urllib.request.Request(url + "/v1/audits", statement.encode(), {"Content-Type": "application/jose"})
    try:
        with urllib.request.urlopen(request, timeout=60, context=ssl._create_unverified_context()) as answer:
            need(answer.headers["Content-Type"] == "application/octet-stream", "an answer of another type")
            return answer.read(4113), None
    except urllib.error.HTTPError as e:
        return None, "%d %s" % (e.code, json.loads(e.read())["type"])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("cap")
    ap.add_argument("--record-url", action="append", default=[])
    ap.add_argument("--host", action="append", default=[])
    ap.add_argument("--sample", type=int, default=0)
    args = ap.parse_args()
    try:
        record_id, P, A = layr.parse_cap(args.cap, "v")
        now = int(time.time())
        records = [(layr.Record(text, record_id, now), url) for url in args.record_url for text in fetch_records(url, record_id)]
        if not records:
            return 3
        root = layr.parse_root(layr.choose(records).root)
        placement = layr.Placement(layr.open_half(P, "placement", root[0]))
        challenge_seed, group = kdf(A, "challenge"), kdf(A, "group")[:16]
        status = 0
        for host, url in (h.split("=", 1) for h in args.host):
            mine = [(r.shard, r.salt, blocks) for r, blocks in rows(placement.entries) if r.host.hex() == host]
            if not mine:
                continue
            seed = os.urandom(32)
            got, problem = ask(url, layr.challenge(challenge_seed, bytes.fromhex(host), group, seed, args.sample,
                                                   [s for s, _, _ in mine], now))
            word = problem or ("passed" if layr.accept(A, seed, args.sample, mine, got) else "corrupt")
            status |= word != "passed"
            print(host, len(mine), word)
        return status
    except (Refused, OSError) as e:
        say(str(e))
        return 1


if __name__ == "__main__":
    sys.exit(main())
