#!/usr/bin/python3
"""Reads a file by docs/protocol.md, section 8, from the store folders of hosts.

    layr_read.py READCAP STORE_DIR... (--record FILE | --record-url URL)... > file

Exit codes: 0 read and verified, 1 something was refused, 2 usage, 3 no record or the file was
removed, 4 a segment or page can't be had, 5 a tag is wrong (--verify-tags).
"""
import argparse, hashlib, os, ssl, sys, time, urllib.error, urllib.request
sys.dont_write_bytecode = True
import layr
from layr import Refused, kdf, need, sha256


class Lost(Exception):
    """Too few good shards."""


def say(text):
    print("layr_read: " + text, file=sys.stderr)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch_records(url, record_id):
    """6.6: the texts that a host gives for the three places."""
    opener = urllib.request.build_opener(
        NoRedirect, urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))
    for place in layr.places(record_id):
        try:
            with opener.open("%s/v1/records/%s" % (url.rstrip("/"), place.hex()), timeout=30) as answer:
                yield answer.read(65537).decode("latin-1")
        except (urllib.error.URLError, OSError) as e:
            say("%s place %s: %s" % (url, place.hex()[:8], e))


class Reader:
    def __init__(self, record_id, R, stores, A=None):
        self.record_id, self.R, self.P = record_id, R, kdf(R, "place")
        self.hosts = {}
        for folder in stores:                                   # section 7
            with open(os.path.join(folder, "host.id")) as f:
                self.hosts[f.read().strip()] = folder
        self.tagger = layr.Tagger(A) if A else None
        self.blobs_checked = self.blobs_bad = self.blobs_missing = 0

    # Both keys of 3.3
    def shard_key(self, salt):
        return kdf(self.R, "shard", salt)

    def page_key(self, salt):
        return kdf(self.P, "page", salt)

    def blob(self, row):
        folder, name = self.hosts.get(row.host.hex()), row.shard.hex()
        need(folder, "no store of host %s" % row.host.hex()[:8])
        try:
            with open(os.path.join(folder, "shards", name[:2], name[2:4], name), "rb") as f:
                return f.read()
        except OSError as e:
            raise Refused(str(e))

    def check_tags(self, entry):
        """Every tag of every blob of an entry; needs A, so it is the owner's check."""
        for row in entry.rows:
            try:
                blob = self.blob(row)
                need(len(blob) == entry.shape.blob_size and sha256(blob) == row.shard, "damaged")
            except Refused as e:
                say("tags: shard %s: %s" % (row.shard.hex()[:8], e))
                self.blobs_missing += 1
                continue
            body = 4096 * entry.shape.blocks
            self.blobs_checked += 1
            if self.tagger.tags(row.salt, blob[:body]) != blob[body:]:
                say("tags: shard %s: WRONG" % row.shard.hex()[:8])
                self.blobs_bad += 1

    def entry(self, entry, what, k, key_of_salt, hash_key):
        """The plaintext of a segment or page from any k good shards (8, steps 4 to 6)."""
        if self.tagger:
            self.check_tags(entry)
        have = {}
        for row in entry.rows:
            if len(have) == k:
                break
            try:
                have[row.index] = layr.open_blob(self.blob(row), row.shard, entry.shape, key_of_salt, row.salt)
            except Refused as e:
                say("%s: shard %d skipped: %s" % (what, row.index, e))
        if len(have) < k:
            raise Lost("%s: %d good shards of the %d it takes" % (what, len(have), k))
        plain = entry.shape.join(layr.decode(have, k))
        if kdf(hash_key, "segment", sha256(plain)) != entry.hash:
            raise Lost("%s: the plaintext is not its hash's" % what)
        return plain

    def walk(self, entries, k, n):
        """Plaintext of all segments below these entries, in order."""
        for e in entries:
            if e.level is None:
                yield self.entry(e, "segment", k, self.shard_key, self.R)
            else:
                plain = self.entry(e, "page", 1, self.page_key, self.P)
                yield from self.walk(layr.parse_page(plain, e, k, n), k, n)

    def folder(self, content, pieces, path, out):
        """All of a folder is read and checked; one file of it, or the whole stream, is written."""
        stream = b"".join(pieces)
        need(len(stream) == content["size"], "a stream of another size")
        at = len(stream) - content["tree"]
        need(sha256(stream[at:]) == content["sha256"], "a tree of another SHA-256")
        found = None
        for e in layr.parse_tree(stream[at:], at):
            if e.type != layr.FILE:
                continue
            data = stream[e.offset:e.offset + e.size]
            need(sha256(data) == e.sha256, "a file of another SHA-256")
            if path is not None and e.path == os.fsencode(path):
                found = data
        need(path is None or found is not None, "no such file in the folder")
        out.write(stream if path is None else found)
        out.flush()

    def read(self, root, out, path=None):
        placement = layr.Placement(layr.open_half(self.P, "placement", root[0]))
        content = layr.parse_content(layr.open_half(self.R, "content", root[1]))
        if "inline" in content:
            need(placement.segments == 0, "inline content and segments")
            pieces = [content["inline"]]
        else:
            need(content["size"] == placement.size, "the halves' sizes differ")
            pieces = self.walk(placement.entries, placement.k, placement.n)
        if content["kind"] == "folder":
            return self.folder(content, pieces, path, out)
        need(path is None, "not a folder")
        digest, size = hashlib.sha256(), 0
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            out.write(piece)
        out.flush()
        need(size == content["size"] and digest.digest() == content["sha256"],
             "the whole is not the content that was put")


def main():
    ap = argparse.ArgumentParser(description="Read a file from the store folders of hosts.")
    ap.add_argument("readcap")
    ap.add_argument("stores", nargs="*", metavar="STORE_DIR")
    ap.add_argument("--record", action="append", default=[], metavar="FILE")
    ap.add_argument("--record-url", action="append", default=[], metavar="URL")
    ap.add_argument("--verify-tags", metavar="WRITECAP")
    ap.add_argument("--path", help="of a folder: this file in it")
    ap.add_argument("--now", type=int, default=int(time.time()), help="for tests: the clock")
    args = ap.parse_args()
    try:
        record_id, R = layr.parse_cap(args.readcap, "r")
        A = None
        if args.verify_tags:
            keys = layr.WriteKeys(*layr.parse_cap(args.verify_tags, "w"))
            need((keys.record_id, keys.R) == (record_id, R), "the write cap is another file's")
            A = keys.A

        texts = []
        for name in args.record:
            with open(name, encoding="latin-1", newline="") as f:
                texts.append((f.read().rstrip("\n"), name))
        for url in args.record_url:
            texts += [(text, url) for text in fetch_records(url, record_id)]
        records = []
        for text, holder in texts:
            try:
                records.append((layr.Record(text, record_id, args.now), holder))
            except Refused as e:
                say("record from %s: %s" % (holder, e))
        if not records:
            say("no valid record")
            return 3
        record = layr.choose(records)
        root = layr.parse_root(record.root)
        if root is None:
            say("the owner removed this file")
            return 3

        reader = Reader(record_id, R, args.stores, A)
        reader.read(root, sys.stdout.buffer, args.path)
        if A:
            say("tags: %d blobs checked, %d wrong, %d missing or damaged"
                % (reader.blobs_checked, reader.blobs_bad, reader.blobs_missing))
            return 5 if reader.blobs_bad else 0
        return 0
    except Lost as e:
        say(str(e))
        return 4
    except (Refused, OSError) as e:
        say(str(e))
        return 1


if __name__ == "__main__":
    sys.exit(main())
