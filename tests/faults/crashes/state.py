"""The state of a shop in a form that can be compared: database, Stripe and what was sent.

Times, random ids and numbers of attempts differ between any two runs. Ids that the world had from the start stay, so it
matters which order, payment or message a row is about; a new id becomes a word for its kind.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from checkout_daemon.sandbox.storage import Storage

_ID = re.compile(
    r"\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z]+_(?:test_|live_)?[A-Za-z0-9]{12,})"
)
_PORT = re.compile(r"127\.0\.0\.1:\d+(?:/p\d+)?")  # with the name of a place
_LOGGED_IDS = re.compile(r'\\"(batch|token)\\":(\d+|\\"[a-z0-9]+\\")')
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_IMPORTED = re.compile(r'\\"objects\\":\{[^}]*\},')
_LOGGED_AGAIN = frozenset({"session.expiry_requested", "event.replayed", "orders.import_begun"})
_LEFT_OUT = frozenset({
    "anchors", "anchored_heads", "cursors",  # how far somebody came, not what is so
    "secret_matches",  # a crash may lose some: they are counted in memory
    "operator_log_heads",  # the log itself is compared, and verified with its heads
    "schema_migrations", "stripe_event_payloads_default",
})  # fmt: skip
_NOT_COMPARED = {
    # Who did it, on what turn, and by which of several ways.
    "operator_log": {
        "number",
        "operator",
        "host",
        "salt",
        "personal_hash",
        "prev_hash",
        "hash",
        "before",
        "after",  # whether the answer or the event came first
    },
    "refund_hints": {"event_id"},
    "disputes": {"event_id"},
    "dispute_drafts": {"texts"},  # what is staged has the minute of a payment
    "dispute_requests": {"attempts", "receipt", "texts"},
    "order_changes": {"seq", "xid", "actor", "note", "cause"},
    "acts": {"seq", "actor"},
    "outbox": {"id", "attempts", "claim", "last_error", "payload"},
    "refund_requests": {"attempts"},
    "stripe_events": {"attempts", "body_hash"},
    "stripe_event_payloads": {"payload"},
    "doubtful_attempts": {"looked_at"},
    "stock_movements": {"seq", "stock", "actor"},  # which of several orders came first
    "orders": {"number"},  # a transaction that is rolled back uses up a number
    "batches": {"number"},
    "batch_items": {"batch", "attempts"},
    "api_tokens": {"id", "secret_hash"},
    "webhook_endpoints": {"secret"},
    "balance_transactions": {"available_on"},  # a day after it was made, to the second
}
_OBJECTS = {
    "checkout.session": ("status", "payment_status", "amount_total", "client_reference_id", "payment_intent"),
    "payment_intent": ("status", "amount", "amount_received"),
    "charge": ("status", "amount", "amount_refunded", "payment_intent"),
    "refund": ("status", "amount", "payment_intent", "metadata"),
    "dispute": ("status", "amount", "payment_intent", "metadata"),
    "file": ("purpose", "type"),
    "coupon": ("amount_off", "percent_off"),
    "webhook_endpoint": ("url", "status"),
}
"""What is compared of Stripe's objects."""


_RELATIONS = (
    "SELECT concat(relkind, ' ', relname , ' ' || indisvalid) FROM pg_class"
    " LEFT JOIN pg_index ON indexrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a world had from the start: the names of its tables, and every id."""

    tables: tuple[str, ...]
    ids: frozenset[str]

    def plain(self, text: str) -> str:
        """Return a text in which ids that the world did not have are words."""

        def word(found: re.Match[str]) -> str:
            if found[0] in self.ids:
                return found[0]
            return f"<{found[0].partition('_')[0]}>" if "_" in found[0] else "<uuid>"

        return _ID.sub(word, _PORT.sub("127.0.0.1:…", text))


State = Counter[str]
"""How often there is each line, one for each row, object and effect."""


async def learn(connection: asyncpg.Connection, storage: Storage) -> Known:
    """Read the tables and ids of a world."""
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition ORDER BY relname"
    )
    tables = tuple(row["relname"] for row in rows if row["relname"] not in _LEFT_OUT)
    ids: set[str] = set()
    for _, text in await _rows(connection, tables):
        ids.update(_ID.findall(text))
    for body, private in storage.connection.execute("SELECT body, private FROM objects"):
        ids.update(_ID.findall(body), _ID.findall(private))
    return Known(tables, frozenset(ids))


async def read_state(connection: asyncpg.Connection, storage: Storage, known: Known) -> State:
    """Return the state of the database and of Stripe.

    A session is expired at Stripe once. Its request is in the audit log before that, again if the command is repeated;
    the entry of the answer is missing if the process was killed before it. A batch that was killed between the replay
    of some events and the end of their items replays these once more, which changes nothing, and is in the log.
    """
    state: State = Counter()
    numbers = {str(row["number"]): str(row["id"]) for row in await connection.fetch("SELECT id, number FROM orders")}
    fresh = [number for number, order_id in numbers.items() if order_id not in known.ids]
    fresh_number = re.compile(rf"\b({'|'.join(fresh)})\b") if fresh else None
    for table, text in await _rows(connection, known.tables):
        row = dict(_plain_row(table, json.loads(text)))
        if table == "operator_log" and row["kind"] == "session.expired":
            continue
        line = known.plain(f"{table} {json.dumps(row, sort_keys=True)}")
        if fresh_number and table == "session_attempts":
            line = fresh_number.sub("<number>", line)
        if table == "operator_log":
            line = _MOMENT.sub("<time>", _LOGGED_IDS.sub(r"\1 <id>", line))
            if row["kind"] == "refund.made":  # by the batch, or by the job that continues its request
                line = line.replace("batch <id>,", "")
            line = _IMPORTED.sub("", line)  # a run that is continued counts from there
        state[line] = 1 if row.get("kind") in _LOGGED_AGAIN and table == "operator_log" else state[line] + 1
    state.update(row[0] for row in await connection.fetch(_RELATIONS))
    for kind, text in storage.connection.execute("SELECT type, body FROM objects"):
        if kind in _OBJECTS:
            body = json.loads(text)
            shown = {name: body.get(name) for name in ("id", *_OBJECTS[kind])}
            if kind == "dispute":
                shown["submissions"] = body["evidence_details"]["submission_count"]
            line = known.plain(f"at Stripe: {kind} {json.dumps(shown, sort_keys=True)}")
            # Who wakes up when Stripe has forgotten their key may upload a receipt again, which no evidence names.
            state[line] = 1 if kind == "file" else state[line] + 1
    return state


def differences(expected: State, found: State) -> list[str]:
    """Return each line that is missing or too many."""
    return [
        *(f"missing{_times(count)}: {line}" for line, count in sorted((expected - found).items())),
        *(f"too many{_times(count)}: {line}" for line, count in sorted((found - expected).items())),
    ]


def without_races(expected: State, found: State) -> tuple[State, State]:
    """Leave out whether a message was sent just before it was not needed any more, or skipped just after.

    Which of two jobs was first decides that, while a third holds the order. Both are right, if what was sent, and
    nothing else, was received.
    """
    ends = [_ends(state) for state in (expected, found)]
    raced = {
        about
        for about in ends[0].keys() & ends[1].keys()
        if ends[0][about] != ends[1][about]
        and all(end[about].may_race for end in ends)
        and ends[0][about].rows == ends[1][about].rows
    }
    kept = [
        Counter({line: count for line, count in state.items() if _message_of(line) not in raced})
        for state in (expected, found)
    ]
    return kept[0], kept[1]


@dataclass(slots=True)
class _End:
    """How the messages about one thing ended: `rows` are those of the outbox without that, and how many of each."""

    rows: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    received: int = 0

    @property
    def may_race(self) -> bool:
        return self.statuses.keys() <= {"sent", "skipped"} and self.received == self.statuses["sent"]


def _ends(state: State) -> dict[str, _End]:
    found: dict[str, _End] = defaultdict(_End)
    for line, count in state.items():
        if (about := _message_of(line)) is None:
            continue
        if line.startswith("received: "):
            found[about].received += count
            continue
        row = json.loads(line.partition(" ")[2])
        found[about].statuses[row.pop("status")] += count
        row.pop("sent_at", None)
        found[about].rows[json.dumps(row, sort_keys=True)] += count
    return found


def _message_of(line: str) -> str | None:
    """Return what the message is about whose row or receipt this line is."""
    if line.startswith("outbox "):
        row = json.loads(line.partition(" ")[2])
        return f"{row['channel']} {row['kind']} {row['order_id']} {row['subject_id']}"
    return line.removeprefix("received: ") if line.startswith("received: ") else None


async def _rows(connection: asyncpg.Connection, tables: tuple[str, ...]) -> list[tuple[str, str]]:
    every = " UNION ALL ".join(f"SELECT '{table}', to_jsonb(held)::text FROM {table} AS held" for table in tables)
    return [(row[0], row[1]) for row in await connection.fetch(every)]


def _plain_row(table: str, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    left_out = _NOT_COMPARED.get(table, set())
    for name, value in row.items():
        if name in left_out or name == "next_attempt_at":
            continue
        if name == "parameters":  # the times of a session
            value = re.sub(r"\b\d{10}\b", "<time>", value)
        yield (
            name,
            "<time>" if value is not None and (name == "at" or name.endswith(("_at", "_until", "since"))) else value,
        )


def _times(count: int) -> str:
    return "" if count == 1 else f" {count} times"
