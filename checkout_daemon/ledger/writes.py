"""What a merge writes, and how it is written: in one round trip, with the events that it came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import asyncpg

from checkout_daemon.database.cells import Cell, binary, encode, exact, plain, text, time
from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.derive import Message
from checkout_daemon.ledger.event_store import NewEvent
from checkout_daemon.ledger.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Key,
    LinkRank,
    Observation,
    RefundFact,
    RefundHint,
    SessionFact,
)
from checkout_daemon.ledger.fraud_facts import FraudWarning, warning_rows
from checkout_daemon.ledger.order_states import CHANNEL, Change, State
from checkout_daemon.model.address import Address
from checkout_daemon.model.messages import MessageKind


@dataclass(slots=True)
class Writes:
    """The rows that a merge changes: facts whole, links and states by their key, changes in sequence.

    `sessions`, `payments` and `charges` come with their orders, `acts` with who did them. `adopted` are nodes whose
    events arrived before their order was known, with that order, and `moved` those that belong to another order now.
    `messages` are those owed; one that is owed already is skipped. `addresses` are those that sessions have collected:
    of two sessions of an order the greater id counts, in whatever sequence they come.
    """

    links: dict[tuple[str, str], LinkRank] = field(default_factory=dict)
    payments: dict[str, str | None] = field(default_factory=dict)
    sessions: dict[Key, tuple[SessionFact, str | None]] = field(default_factory=dict)
    charges: dict[Key, tuple[ChargeFact, str | None]] = field(default_factory=dict)
    facts: dict[Key, Fact] = field(default_factory=dict)
    acts: dict[tuple[str, Act], str] = field(default_factory=dict)
    adopted: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str | None] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    messages: set[tuple[str, Message]] = field(default_factory=set)
    addresses: list[tuple[str, str, Address]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is anything to write."""
        return bool(self.links or self.payments or self.sessions or self.facts or self.acts or self.adopted) or bool(
            self.states or self.changes or self.messages or self.charges or self.moved or self.addresses
        )


_CHANNELS = {kind.value: [channel.value for channel in kind.channels] for kind in MessageKind}

# The columns of each argument of the SQL function record_facts, in its sequence.
_LINKS = (text, text, plain)
_PAYMENTS = (text, text)
_SESSIONS = (text, plain, plain, text, text, text, time, time, time, text, text)
_ACTS = (text, text, text, text, text)
_ADOPTED = (text, text)
_MOVED = (text, text)
_STATES = (text, text, text, plain, time)
_CHANGES = (text, text, text, text, text, text)
_MESSAGES = (text, text, text, text)
_EVENTS = (text, text, text, text, text, text, text, plain, time, time, time, text, binary)

_SESSION = attrgetter(
    "id",
    "livemode",
    "attempt",
    "status",
    "payment_status",
    "url",
    "expires_at",
    "known_at",
    "unknown_at",
    "unknown_words",
)
_CHARGE = attrgetter(
    *("payment_id", "id", "livemode", "created_at", "status", "method", "brand", "last4", "funding", "country"),
    *("wallet", "network"),
)
_DECLINE = attrgetter("source.value", "at", "code", "message")
_RISK = attrgetter("at", "level", "score")
_CHARGES = (text, text, plain, time, *(text,) * 8, plain, time, text, text, time, text, plain, text)
_FACTS: tuple[tuple[type[Fact], attrgetter[tuple[Any, ...]], tuple[Cell, ...]], ...] = (
    (
        Observation,
        attrgetter("payment_id", "amount", "currency", "livemode", "paid_at"),
        (text, plain, text, plain, time),
    ),
    (
        RefundFact,
        attrgetter(
            "id",
            "livemode",
            "payment_id",
            "status",
            "amount",
            "currency",
            "request",
            "known_at",
            "unknown_at",
            "unknown_words",
        ),
        (text, plain, text, text, plain, text, text, time, time, text),
    ),
    (
        DisputeFact,
        attrgetter(*DisputeFact.__struct_fields__),
        (text, plain, text, text, time, plain, text, text, time, text, text, time, time, text, plain, plain, plain),
    ),
    (RefundHint, attrgetter(*RefundHint.__struct_fields__), (text, plain, text, plain, time, text)),
    (CanceledPayment, attrgetter("payment_id", "at"), (text, time)),
)


async def record(connection: asyncpg.Connection, writes: Writes, events: Sequence[NewEvent] = ()) -> set[str]:
    """Write all rows and notify, and return the ids of the events stored: one that is stored already stays as it is.

    The orders and nodes must be locked. Every table's rows are sorted, so that concurrent writers do not deadlock.
    """
    of_type: defaultdict[type[Fact], list[Fact]] = defaultdict(list)
    for fact in writes.facts.values():
        of_type[type(fact)].append(fact)
    messages = [
        (order_id, message.kind, message.subject_id, channel)
        for order_id, message in sorted(writes.messages)
        for channel in _CHANNELS[message.kind]
    ]
    stored = sorted(events, key=lambda new: new.event.id)
    charges = _charges(writes)
    if writes.addresses:  # the only statement of a shop whose goods are sent, and whose addresses Stripe asks for
        await connection.executemany(sql("record_address"), sorted(map(_address, writes.addresses)))
    recorded = set(
        await connection.fetchval(
            sql("record_facts_and_charges" if charges else "record_facts"),
            encode([(*ends, int(rank)) for ends, rank in sorted(writes.links.items())], _LINKS),
            encode(sorted(writes.payments.items()), _PAYMENTS),
            encode(
                [
                    (*_SESSION(fact), order_id)
                    for fact, order_id in sorted(
                        writes.sessions.values(), key=lambda placed: placed[0].key_fields(placed[0])
                    )
                ],
                _SESSIONS,
            ),
            *(
                encode([row(fact) for fact in sorted(of_type[kind], key=kind.key_fields)], columns)
                if kind in of_type
                else None
                for kind, row, columns in _FACTS
            ),
            encode(
                [
                    (order_id, act.kind, act.reason, act.subject, actor)
                    for (order_id, act), actor in writes.acts.items()
                ],
                _ACTS,
            ),
            encode(
                [
                    (order_id, state.status, ",".join(state.attention), state.amount_refunded, state.paid_at)
                    for order_id, state in sorted(writes.states.items())
                ],
                _STATES,
            ),
            encode(
                [
                    (change.order_id, change.from_status, change.to_status, change.cause, change.actor, change.note)
                    for change in writes.changes
                ],
                _CHANGES,
            ),
            encode(messages, _MESSAGES),
            encode(sorted(writes.adopted.items()), _ADOPTED),
            encode([new.row() for new in stored], _EVENTS),
            exact([new.event.payload for new in stored]) if stored else None,
            CHANNEL,
            *charges,
        )
        or ()
    )
    if warnings := of_type[FraudWarning]:  # after the payments that they refer to
        await connection.executemany(sql("record_fraud_warning"), warning_rows(warnings))
    return recorded


def _address(placed: tuple[str, str, Address]) -> tuple[str, ...]:
    order_id, session_id, to = placed
    return (order_id, session_id, to.name, to.line1, to.line2, to.city, to.state, to.postal_code, to.country)


def _charges(writes: Writes) -> tuple[str | None, ...]:
    """Return the arguments of record_charges, or none if there is nothing for it to write."""
    if not (writes.charges or writes.moved):
        return ()
    rows = [
        (
            *_CHARGE(fact),
            *((None,) * 4 if (decline := fact.decline) is None else _DECLINE(decline)),
            *((None,) * 3 if (risk := fact.risk) is None else _RISK(risk)),
            order_id,
        )
        for fact, order_id in sorted(writes.charges.values(), key=lambda placed: placed[0].key_fields(placed[0]))
    ]
    return encode(rows, _CHARGES), encode(sorted(writes.moved.items()), _MOVED)
