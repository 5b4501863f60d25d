#!/usr/bin/python3
"""Prints the write cap of one's own file, for tests of what only its holder may check: from the plain key file and the
journal in a folder as layr-put leaves it. (layr-ls never shows write caps; the journal is no part of the protocol.)

    write_cap.py HOME READCAP
"""
import base64, ctypes, ctypes.util, os, sqlite3, sys
sys.dont_write_bytecode = True
import layr

home, readcap = sys.argv[1:]
record_id, R = layr.parse_cap(readcap, "r")
with open(os.path.join(home, "key")) as f:
    master = bytes.fromhex(f.read().split("\n")[1])
with sqlite3.connect(os.path.join(home, "journal.db")) as db:
    (sealed,) = db.execute("SELECT sealed FROM file WHERE record_id = ?", (record_id,)).fetchone()

sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
W, size = ctypes.create_string_buffer(32), ctypes.c_ulonglong()
bad = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
    W, ctypes.byref(size), None, sealed[24:], ctypes.c_ulonglong(len(sealed) - 24), record_id, ctypes.c_ulonglong(32),
    sealed[:24], layr.kdf(master, "journal"))
if bad or layr.kdf(W.raw, "read") != R:
    sys.exit("write_cap: the journal has no such file of this owner")
print("layr:w:" + base64.urlsafe_b64encode(W.raw).decode().rstrip("="))
