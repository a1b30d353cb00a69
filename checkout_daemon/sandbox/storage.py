"""Store objects, idempotent answers, timers and deliveries in one SQLite file that outlives the process."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from checkout_daemon.sandbox.clock import Clock

Body = dict[str, Any]

FILE = "sandbox.sqlite3"
_LOOKUPS = ("parent", "intent", "customer", "kind")
_IDEMPOTENCY_SECONDS = 24 * 3600.0
_SCHEMA_VERSION = 3
_OTHER_INDEXES = (
    *("objects_by_parent", "objects_by_intent", "objects_by_kind", "objects_by_customer", "objects_by_status"),
    "deliveries_by_event",
)
"""Those that had other columns before version 3."""


@dataclass(slots=True)
class Stored:
    """An object: `body` as clients see it, `private` as the sandbox remembers it."""

    body: Body
    private: Body = field(default_factory=dict)
    parent: str | None = None
    intent: str | None = None
    customer: str | None = None
    kind: str | None = None

    @property
    def id(self) -> str:
        """Return the object's id."""
        return str(self.body["id"])

    @property
    def type(self) -> str:
        """Return the object's type."""
        return str(self.body["object"])


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that is due."""

    id: int
    kind: str
    payload: Body


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The stored answer to a request with an idempotency key."""

    fingerprint: str
    status: int
    body: str
    request_id: str


class Storage:
    """One connection, used directly from the event loop's thread."""

    def __init__(self, state_dir: Path) -> None:
        self.connection = sqlite3.connect(_private_file(state_dir), isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA busy_timeout = 5000")
        self._create_tables()
        self.clock = Clock(float(self.state("clock_offset") or 0))
        self.forget_answers()

    def _create_tables(self) -> None:
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version < 2:
            self.connection.execute("DROP TABLE IF EXISTS attempts")  # a log, and the only table that has changed
        if version < 3:
            for index in _OTHER_INDEXES:
                self.connection.execute(f"DROP INDEX IF EXISTS {index}")
        schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        self.connection.executescript(f"{schema}; PRAGMA user_version = {_SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction. An exception rolls it back, unless its `keep` is true."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException as error:
            self.connection.execute("COMMIT" if getattr(error, "keep", False) else "ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # Objects

    def add(self, record: Stored) -> Stored:
        """Store a new object."""
        self.connection.execute(
            "INSERT INTO objects (parent, intent, customer, kind, body, private, id, type, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*_columns(record), record.id, record.type, record.body.get("created", 0)),
        )
        return record

    def save(self, record: Stored) -> Stored:
        """Store the changes of an object."""
        self.connection.execute(
            "UPDATE objects SET parent = ?, intent = ?, customer = ?, kind = ?, body = ?, private = ? WHERE id = ?",
            (*_columns(record), record.id),
        )
        return record

    def remove(self, object_id: str) -> None:
        """Remove an object."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def find(self, object_id: str, kind: str | None = None) -> Stored | None:
        """Return an object, or None if it does not exist or has another type."""
        row = self.connection.execute(
            "SELECT body, private, parent, intent, customer, kind, type FROM objects WHERE id = ?", (object_id,)
        ).fetchone()
        return _record(row[:6]) if row and kind in (None, row[6]) else None

    def has(self, object_id: str, kind: str) -> bool:
        """Return whether an object of this type exists."""
        found = self.connection.execute("SELECT 1 FROM objects WHERE id = ? AND type = ?", (object_id, kind)).fetchone()
        return found is not None

    def select(
        self,
        kind: str,
        *,
        conditions: Sequence[tuple[str, Any]] = (),
        kinds: Sequence[str] = (),
        limit: int = -1,
        ascending: bool = False,
    ) -> list[Stored]:
        """Return objects of a type, newest first unless `ascending`. Conditions are SQL texts with one value each.

        `kinds`: only objects of these kinds, such as the types of events. Each is looked up in its index: a search by
        time for a rare one would read all others.
        """
        order = "ASC" if ascending else "DESC"
        rest = f"ORDER BY created {order}, seq {order} LIMIT ?"
        where = "type = ?" + "".join(f" AND {text}" for text, _ in conditions)
        values = [kind, *(value for _, value in conditions)]
        if kinds:
            one = f"SELECT * FROM (SELECT seq FROM objects WHERE kind = ? AND {where} {rest})"  # noqa: S608 - ours
            where = f"seq IN ({' UNION ALL '.join([one] * len(kinds))})"
            values = [value for name in kinds for value in (name, *values, limit)]
        rows = self.connection.execute(
            "SELECT body, private, parent, intent, customer, kind FROM objects "  # noqa: S608 - texts of our own
            f"WHERE {where} {rest}",
            (*values, limit),
        ).fetchall()
        return [_record(row) for row in rows]

    def children(self, parent: str, kind: str) -> list[Stored]:
        """Return the objects of a type that belong to another, oldest first."""
        return self.select(kind, conditions=[("parent = ?", parent)], ascending=True)

    # Idempotency

    def answer(self, key: str) -> KeptAnswer | None:
        """Return the answer kept for an idempotency key in the last day, or None."""
        row = self.connection.execute(
            "SELECT fingerprint, status, body, request_id FROM idempotency WHERE key = ? AND created > ?",
            (key, self.clock.now() - _IDEMPOTENCY_SECONDS),
        ).fetchone()
        return KeptAnswer(*row) if row else None

    def keep_answer(self, key: str, answer: KeptAnswer) -> None:
        """Keep an answer for a day."""
        self.connection.execute(
            "INSERT OR REPLACE INTO idempotency (key, created, fingerprint, status, body, request_id) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (key, self.clock.now(), answer.fingerprint, answer.status, answer.body, answer.request_id),
        )

    def forget_answers(self) -> None:
        """Remove answers that Stripe would no longer store, after a day."""
        self.connection.execute("DELETE FROM idempotency WHERE created < ?", (self.clock.now() - _IDEMPOTENCY_SECONDS,))

    # The sandbox's own state

    def state(self, name: str) -> str | None:
        """Return a value of the sandbox's own state, or None."""
        row = self.connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_state(self, name: str, value: str) -> None:
        """Set a value of the sandbox's own state."""
        self.connection.execute("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", (name, value))

    def set_clock(self, offset: float) -> None:
        """Store the clock before anything happens at its new time."""
        self.set_state("clock_offset", repr(offset))
        self.clock.offset = offset

    # Timers

    def add_timer(self, kind: str, due_at: float, payload: Body) -> None:
        """Plan a timer. Its kind names the handler."""
        self.connection.execute(
            "INSERT INTO timers (kind, due_at, payload) VALUES (?, ?, ?)", (kind, due_at, json.dumps(payload))
        )

    def due_timer(self) -> Timer | None:
        """Return the timer that is due first, or None."""
        row = self.connection.execute(
            "SELECT id, kind, payload FROM timers WHERE due_at <= ? ORDER BY due_at, id LIMIT 1", (self.clock.now(),)
        ).fetchone()
        return Timer(row[0], row[1], json.loads(row[2])) if row else None

    def remove_timer(self, timer_id: int) -> None:
        """Remove a timer."""
        self.connection.execute("DELETE FROM timers WHERE id = ?", (timer_id,))

    def next_due(self) -> float | None:
        """Return when the next timer or delivery is due."""
        row = self.connection.execute(
            "SELECT min(due) FROM (SELECT min(due_at) AS due FROM timers "
            "UNION ALL SELECT min(next_at) FROM deliveries WHERE next_at IS NOT NULL)"
        ).fetchone()
        return None if row[0] is None else float(row[0])


def _private_file(state_dir: Path) -> Path:
    """Create the file readable only by its owner before SQLite opens it: its -wal and -shm files get the same mode."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = state_dir.stat()
    if found.st_mode & 0o002 or found.st_uid not in (os.geteuid(), 0):
        reason = "other users could change its contents: choose another --state-dir"
        raise OSError(errno.EPERM, reason, str(state_dir))
    path = state_dir / FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise OSError(errno.EPERM, "it belongs to another user: remove it", str(path))
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    for other in (path.with_name(f"{FILE}-wal"), path.with_name(f"{FILE}-shm")):  # created as 0644 by older releases
        if other.exists() and not other.is_symlink():
            other.chmod(0o600)
    return path


def _record(row: Sequence[Any]) -> Stored:
    body, private, *lookups = row
    return Stored(json.loads(body), json.loads(private), **dict(zip(_LOOKUPS, lookups, strict=True)))


def _columns(record: Stored) -> tuple[str | None, ...]:
    lookups = (getattr(record, name) for name in _LOOKUPS)
    return (*lookups, json.dumps(record.body), json.dumps(record.private))
