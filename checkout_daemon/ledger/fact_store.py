"""Locks and loads facts in one round trip; the joins are in ledger/facts.py."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

import asyncpg
import msgspec

from checkout_daemon.database.cells import exact
from checkout_daemon.database.queries import sql
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.event_store import read_held
from checkout_daemon.ledger.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Link,
    LinkRank,
    Observation,
    RefundFact,
    RefundHint,
    SessionFact,
)
from checkout_daemon.ledger.fraud_facts import read_warnings
from checkout_daemon.ledger.order_states import LockedOrder, State
from checkout_daemon.ledger.reservations import Reservation, read_reservations

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What load returns: everything stored about the nodes and orders that it has locked.

    `events` are those of the events looked for that are stored, with the hash of their body. `sessions` and `payments`
    come with the order written when their row was last placed; a session may have a row for each livemode.
    `reservations` are those of the orders that take counted products.
    """

    events: dict[str, bytes] = field(default_factory=dict)
    orders: dict[str, LockedOrder] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    sessions: list[tuple[str, str | None]] = field(default_factory=list)
    payments: dict[str, str | None] = field(default_factory=dict)
    acts: list[tuple[str, Act]] = field(default_factory=list)
    reservations: dict[str, tuple[Reservation, ...]] = field(default_factory=dict)


_ORDERS = msgspec.json.Decoder(list[tuple[str, int, int, str, bool, str, tuple[str, ...], int, datetime | None]])
_LINKS = msgspec.json.Decoder(list[Link])
_SESSIONS = msgspec.json.Decoder(list[tuple[SessionFact, str | None]])
_PAYMENTS = msgspec.json.Decoder(list[tuple[str, str | None]])
_ACTS = msgspec.json.Decoder(list[tuple[str, Act]])
_CHARGES: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[ChargeFact])
_FACTS: list[tuple[int, msgspec.json.Decoder[Any]]] = [
    (5, msgspec.json.Decoder(list[Observation])),
    (6, msgspec.json.Decoder(list[RefundFact])),
    (7, msgspec.json.Decoder(list[DisputeFact])),
    (8, msgspec.json.Decoder(list[RefundHint])),
    (9, msgspec.json.Decoder(list[CanceledPayment])),
]


async def load(
    connection: asyncpg.Connection,
    nodes: Collection[str],
    order_ids: Collection[str],
    *,
    unnamed: bool,
    event_ids: Collection[str] = (),
    charged: Collection[str] = (),
) -> Loaded:
    """Lock the ids of Stripe objects and the orders named or linked to them, and return all that is stored about these.

    The locks last until the transaction ends. Those on ids hold whether or not a row for one exists: they keep a link
    and a fact that arrive together from missing each other. `unnamed`: some of the nodes are not named together with
    their order. `event_ids` are looked for; if all of them are stored, no order is locked and nothing loaded. Of the
    payments `charged` the charges are loaded too: no others are needed, because no status follows from them.
    """
    keys = sorted([int.from_bytes(blake2b(node.encode(), digest_size=8).digest(), signed=True) for node in nodes])
    row = await connection.fetchrow(
        sql("load_facts_and_charges" if charged else "load_facts"),
        exact(map(str, keys)) if keys else None,
        exact(nodes) if nodes else None,
        exact(order_ids) if order_ids else None,
        unnamed,
        exact(event_ids) if event_ids else None,
        *((exact(charged),) if charged else ()),
    )
    assert row is not None
    sessions = _decode(_SESSIONS, row[3])
    facts: list[Fact] = [fact for fact, _ in sessions]
    for column, decoder in _FACTS:
        facts += _decode(decoder, row[column])
    if row[12]:
        facts += read_warnings(row[12])
    if charged:
        facts += _decode(_CHARGES, row[13])
    return Loaded(
        events=read_held(row[0]),
        orders={
            order_id: LockedOrder(
                order_id, total, currency, livemode, number, State(status, attention, refunded, paid_at)
            )
            for order_id, number, total, currency, livemode, status, attention, refunded, paid_at in _decode(
                _ORDERS, row[1]
            )
        },
        links=_decode(_LINKS, row[2]),
        facts=facts,
        sessions=[(fact.id, order_id) for fact, order_id in sessions],
        payments=dict(_decode(_PAYMENTS, row[4])),
        acts=_decode(_ACTS, row[10]),
        reservations=read_reservations(row[11]) if row[11] else {},
    )


def _decode(decoder: msgspec.json.Decoder[list[T]], text: str | None) -> list[T]:
    return decoder.decode(text) if text else []


async def load_links(connection: asyncpg.Connection, nodes_and_orders: Collection[str]) -> list[Link]:
    """Return all links of everything connected with these, also through orders, without a lock."""
    rows = await connection.fetch(sql("load_links"), list(nodes_and_orders))
    return [Link(row["source_id"], row["target_id"], LinkRank(row["rank"])) for row in rows]
