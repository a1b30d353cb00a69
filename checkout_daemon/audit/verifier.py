#!/usr/bin/env python3
"""Verify an export of a shop's audit log: the file of `checkout audit export`. Needs Python 3.9 and nothing else.

    python3 verify_audit.py audit.jsonl [--key-file FILE] [--anchors FILE]

Every entry is hashed again, every chain followed from its first entry to its last, and every anchor compared with the
entries that it covers. --key-file has CHECKOUT_AUDIT_KEY: with it, signed anchors are verified as well. --anchors is
the file of CHECKOUT_AUDIT_ANCHOR, which shows what was removed together with its anchors. Anchors that were published
after the export are counted and not compared. Exit code 0 if there is no fault, 1 if there are some, 2 if a file cannot
be read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

FORMAT = "checkout-audit"
VERSION = 1
_FIRST = "00" * 32
_HASHED = ("order_id", "number", "at", "kind", "operator", "host", "details", "before", "after", "personal_hash")
_KINDS = ("header", "entry", "anchor", "end")
_MARGIN = timedelta(minutes=1)  # between two clocks, and between the time of an anchor and its commit

Line = dict[str, Any]
Published = dict[int, tuple[str, str]]
"""The hash and the time of each anchor outside the database, by its number. The time is empty if it is not known."""


def canonical(value: Line) -> str:
    """Return the one JSON form that is hashed: keys sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_id_of(secret: str) -> str:
    """Return the id by which an anchor names its key."""
    return hashlib.sha256(b"checkout audit key\0" + secret.encode()).hexdigest()[:8]


class Verifier:
    """Takes the lines of an export in their sequence, and collects the faults."""

    def __init__(self, keys: Iterable[str] = (), published: Published | None = None) -> None:
        """`keys` verify signed anchors; `published` are anchors from outside the database.

        `later` are the numbers of those that were published after the export, which was made at `made_at`. Older
        releases do not state that: it is the time of the newest entry then.
        """
        self.keys = {key_id_of(key): key for key in keys}
        self.published = published or {}
        self.faults: list[str] = []
        self.later: list[int] = []
        self.made_at: datetime | None = None
        self.counts = dict.fromkeys(_KINDS, 0)
        self.unsigned = 0
        self.unchecked = 0
        self._exported_at = ""
        self._newest_at = ""  # of all entries
        self._last: Line | None = None  # entry
        self._hashes: dict[tuple[str, int], str] = {}
        self._anchor: Line | None = None
        self._anchors: dict[int, str] = {}
        self._ended = False

    def take(self, number: int, text: str) -> None:
        """Take the line with this number. What cannot be read is a fault."""
        try:
            line = json.loads(text)
            kind = line["type"]
            if self.counts["header"] == 0 and (kind, line.get("format")) != ("header", FORMAT):
                raise ValueError("not an export of an audit log")
            if self._ended:
                raise ValueError("after the end")
            self.counts[kind] += 1
            {"header": self._header, "entry": self._entry, "anchor": self._take_anchor, "end": self._end}[kind](line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.faults.append(f"line {number} cannot be read: {type(error).__name__} {error}")

    def finish(self) -> list[str]:
        """Return all faults, with those that only the end of the file shows."""
        if not self._ended:
            self.faults.append("the end of the file is missing")
        self.made_at = time_of(self._exported_at or self._newest_at)
        for number, (digest, at) in sorted(self.published.items()):
            if number in self._anchors:
                if self._anchors[number] != digest:
                    self.faults.append(f"anchor {number} is not the one that was published")
                continue
            published_at = time_of(at)
            if self.made_at is None or published_at is None or published_at < self.made_at - _MARGIN:
                self.faults.append(f"anchor {number} was published and is not in the export")
            else:
                self.later.append(number)
        return self.faults

    def _header(self, line: Line) -> None:
        if line["version"] != VERSION:
            raise ValueError(f"version {line['version']}: use the verifier of the release that exported it")
        self._exported_at = str(line.get("at", ""))
        if self._exported_at and time_of(self._exported_at) is None:
            raise ValueError(f"{self._exported_at!r} is not a time")

    def _entry(self, entry: Line) -> None:
        name = f"entry {entry['number']} of order {entry['order_id']}"
        last = self._last if self._last is not None and self._last["order_id"] == entry["order_id"] else None
        if last is None and (entry["order_id"], 1) in self._hashes:
            self.faults.append(f"{name} is not with the other entries of its order")
        if entry["number"] != (1 if last is None else last["number"] + 1):
            self.faults.append(f"what came before {name} is missing")
        elif entry["prev_hash"] != (_FIRST if last is None else last["hash"]):
            self.faults.append(f"{name} does not follow the one before it")
        if entry["hash"] != sha256(canonical({key: entry[key] for key in (*_HASHED, "prev_hash")})):
            self.faults.append(f"{name} was changed")
        if entry["personal"] is not None:
            salted = bytes.fromhex(entry["salt"]) + entry["personal"].encode()
            if entry["personal_hash"] != hashlib.sha256(salted).hexdigest():
                self.faults.append(f"the note of {name} was changed")
        self._last = entry
        self._newest_at = max(self._newest_at, str(entry["at"]))
        self._hashes[entry["order_id"], entry["number"]] = entry["hash"]

    def _take_anchor(self, anchor: Line) -> None:
        name, last = f"anchor {anchor['number']}", self._anchor
        if anchor["number"] != (1 if last is None else last["number"] + 1):
            self.faults.append(f"what came before {name} is missing")
        elif anchor["prev_hash"] != (_FIRST if last is None else last["hash"]):
            self.faults.append(f"{name} does not follow the one before it")
        heads = sorted((order_id, number, digest) for order_id, number, digest in anchor["heads"])
        value = {"number": anchor["number"], "at": anchor["at"], "prev_hash": anchor["prev_hash"], "heads": heads}
        key_id = anchor["key_id"]
        if key_id is None:
            self.unsigned += 1
            good = anchor["hash"] == sha256(canonical(value))
        elif key_id in self.keys:
            signed = canonical({**value, "key_id": key_id, "version": 2}).encode()
            digest = hmac.new(self.keys[key_id].encode(), signed, "sha256").hexdigest()
            good = hmac.compare_digest(anchor["hash"], digest)
        else:
            self.unchecked += 1
            good = True
        if not good:
            self.faults.append(f"{name} was changed")
        for order_id, number, digest in heads:
            if self._hashes.get((order_id, number)) != digest:
                self.faults.append(f"entry {number} of order {order_id}, which {name} covers, is missing or another")
        self._anchor = anchor
        self._anchors[anchor["number"]] = anchor["hash"]

    def _end(self, line: Line) -> None:
        self._ended = True
        for kind, name in (("entry", "entries"), ("anchor", "anchors")):
            if line[name] != self.counts[kind]:
                self.faults.append(f"the export had {line[name]} {name}, the file has {self.counts[kind]}")


def time_of(text: str) -> datetime | None:
    """Return a time as exports and the file of CHECKOUT_AUDIT_ANCHOR have it, or None for another text."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def read_published(path: str) -> Published:
    """Return the anchors of the file of CHECKOUT_AUDIT_ANCHOR. Raise ValueError for any other line."""
    found: Published = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            read = json.loads(line)
            found[int(read["anchor"])] = (str(read["hash"]), str(read.get("at", "")))
    return found


def read_keys(path: str) -> list[str]:
    """Return the keys of a file with CHECKOUT_AUDIT_KEY."""
    with open(path, encoding="utf-8") as file:
        return [key.strip() for key in file.read().split(",") if key.strip()]


def verify(path: str, keys: Iterable[str] = (), published: Published | None = None) -> Verifier:
    """Verify a file, and return the verifier with its faults. `-` is standard input."""
    verifier = Verifier(keys, published)
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            verifier.take(number, line)
    verifier.finish()
    return verifier


def main(arguments: list[str]) -> int:
    """Verify the file that the arguments name, print the result, and return the exit code."""
    options: dict[str, str] = {}
    words = list(arguments)
    for name in ("--key-file", "--anchors"):
        if name in words[:-1]:
            at = words.index(name)
            options[name] = words[at + 1]
            del words[at : at + 2]
    if len(words) != 1 or words[0].startswith("--"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        keys = read_keys(options["--key-file"]) if "--key-file" in options else []
        published = read_published(options["--anchors"]) if "--anchors" in options else None
        done = verify(words[0], keys, published)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for fault in done.faults:
        print(f"fault: {ascii(fault)[1:-1]}")
    print(f"entries: {done.counts['entry']}, anchors: {done.counts['anchor']}, faults: {len(done.faults)}")
    if done.unchecked:
        print(f"{done.unchecked} signed anchors were not verified: give --key-file")
    if done.later:
        print(f"published anchors later than the export of {done.made_at}: {len(done.later)} (not compared)")
    return 1 if done.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
