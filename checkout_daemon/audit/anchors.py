"""Publishes anchors outside the database: lines of JSON, appended to the file of CHECKOUT_AUDIT_ANCHOR.

It should be out of reach of whoever can write to the database: append-only (`chattr +a`), on another machine, or
shipped elsewhere as it grows.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checkout_daemon.audit import audit_store as store
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.model.counts import counted

_MOST_AT_ONCE = 1000
_TAIL_BYTES = 4096
_BEHIND = timedelta(minutes=10)  # a daemon publishes every minute


@dataclass(frozen=True, slots=True)
class Published:
    """The hashes of the anchors in the file by number, the faults of the file itself, and the times by number."""

    path: Path
    hashes: dict[int, str]
    faults: tuple[str, ...] = ()
    times: dict[int, str] = field(default_factory=dict)

    @property
    def anchors(self) -> dict[int, tuple[str, str]]:
        """Return the hash and the time of each anchor in the file, as audit/verifier.py takes them."""
        return {number: (digest, self.times.get(number, "")) for number, digest in self.hashes.items()}

    def disagreements(self, held: dict[int, str], last_at: datetime | None) -> list[str]:
        """Return the faults of the file, and where it differs from the anchors in the database, `held`."""
        faults = list(self.faults)
        for number, digest in sorted(self.hashes.items()):
            if number not in held:
                faults.append(f"anchor {number} is in {self.path} and not in the database: entries were removed")
            elif held[number] != digest:
                faults.append(f"anchor {number} is not the one in {self.path}: entries were rewritten")
        behind = last_at is not None and datetime.now(UTC) - last_at > _BEHIND
        if behind and (missing := held.keys() - self.hashes.keys()):
            are = f"{counted(len(missing), 'anchor')} {'is' if len(missing) == 1 else 'are'}"
            faults.append(f"{are} not in {self.path}: no daemon writes it, or lines were removed")
        return faults


async def publish_anchors(database: Database, path: Path) -> int:
    """Append the anchors that are not in the file yet, and return their number. Raise ConfigurationError."""
    done = 0
    while True:
        last = await asyncio.to_thread(_last_number, path)
        # Confirmed: an anchor that is lost with the primary would look as if somebody had removed it.
        anchors = await database.run(store.anchors_after, last, _MOST_AT_ONCE)
        if not anchors:
            return done
        lines = [
            json.dumps({"anchor": number, "at": at.isoformat(), "hash": digest.hex()}) for number, at, digest in anchors
        ]
        await asyncio.to_thread(_append, path, "".join(f"{line}\n" for line in lines))
        done += len(anchors)


def read_published(path: Path) -> Published:
    """Read the file. What cannot be read becomes a fault, not an error."""
    hashes: dict[int, str] = {}
    times: dict[int, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return Published(path, {}, (f"CHECKOUT_AUDIT_ANCHOR names {path}, which cannot be read: {why}",))
    faults = []
    for position, line in enumerate(lines, 1):
        try:
            read = json.loads(line)
            number, digest, at = int(read["anchor"]), str(read["hash"]), str(read.get("at", ""))
        except (ValueError, KeyError, TypeError):
            faults.append(f"line {position} of {path} is not an anchor")
            continue
        times.setdefault(number, at)
        if hashes.setdefault(number, digest) != digest:
            faults.append(f"{path} has two anchors {number}: one of them was made after entries were removed")
    return Published(path, hashes, tuple(faults), times)


def _last_number(path: Path) -> int:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
        whole = [line for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return max((int(json.loads(line)["anchor"]) for line in whole), default=0)
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"CHECKOUT_AUDIT_ANCHOR: {path} cannot be read: {error}") from error


def _append(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            # First end a line that a full disk or a crash has cut off.
            size = os.fstat(descriptor).st_size
            broken = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, ("\n" * broken + text).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigurationError(f"CHECKOUT_AUDIT_ANCHOR: {path} cannot be written: {error.strerror}") from error
