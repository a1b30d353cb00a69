"""Locks, loads and writes facts in PostgreSQL; the joins are in ledger/facts.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns
from checkout_daemon.ledger.facts import (
    Act,
    CanceledPayment,
    DisputeFact,
    Fact,
    Key,
    Link,
    LinkRank,
    Observation,
    RefundFact,
    RefundHint,
    SessionFact,
)


@dataclass(frozen=True, slots=True)
class FactKind:
    """How facts of one type are stored.

    `statement` is write_COLUMN: it takes an array for each attribute, and `with_order` one more with the ids of their
    orders. COLUMN of load_facts holds them as JSON with the names of the type's fields.
    """

    type: type[Fact]
    statement: str
    attributes: tuple[str, ...]
    with_order: bool = False


_UNKNOWN = ("known_at", "unknown_at", "unknown_words")
FACT_KINDS = (
    FactKind(
        SessionFact,
        "write_sessions",
        ("id", "livemode", "attempt", "status", "payment_status", "url", "expires_at", *_UNKNOWN),
        with_order=True,
    ),
    FactKind(Observation, "write_observations", ("payment_id", "amount", "currency", "livemode", "paid_at")),
    FactKind(
        RefundFact,
        "write_refunds",
        ("id", "livemode", "payment_id", "status", "amount", "currency", "request", *_UNKNOWN),
    ),
    FactKind(DisputeFact, "write_disputes", tuple(field.name for field in fields(DisputeFact))),
    FactKind(RefundHint, "write_hints", tuple(field.name for field in fields(RefundHint))),
    FactKind(CanceledPayment, "write_canceled", ("payment_id", "at")),
)
"""All kinds of facts, in the order in which they are written."""


class HeldAct(msgspec.Struct, frozen=True):
    """An act of an order."""

    order_id: str
    act: Act


@dataclass(frozen=True, slots=True)
class HeldFacts:
    """The result of load_facts.

    `session_orders` (by the session's key) and `payment_orders` are the orders written when the row was last placed.
    """

    links: list[Link]
    facts: list[Fact]
    session_orders: dict[Key, str | None]
    payment_orders: dict[str, str | None]
    acts: list[HeldAct]


class _Placed(msgspec.Struct, frozen=True):
    """The order that a session or payment row is placed under."""

    id: str
    order_id: str | None
    livemode: bool | None = None


_LINKS = msgspec.json.Decoder(list[tuple[str, str, LinkRank]])
_PLACED = msgspec.json.Decoder(list[_Placed])
_ACTS = msgspec.json.Decoder(list[HeldAct])
_FACTS = [(kind.statement.removeprefix("write_"), msgspec.json.Decoder(list[kind.type])) for kind in FACT_KINDS]  # type: ignore[name-defined]
_ROWS: list[tuple[FactKind, Callable[[Fact], tuple[Any, ...]]]] = [
    (kind, attrgetter(*kind.attributes)) for kind in FACT_KINDS
]


async def lock_nodes(connection: asyncpg.Connection, nodes: Collection[str]) -> None:
    """Lock the ids of Stripe objects until the transaction ends, whether or not a row for them exists."""
    keys = sorted({int.from_bytes(blake2b(node.encode(), digest_size=8).digest(), signed=True) for node in nodes})
    await connection.execute(sql("lock_nodes"), keys)


async def load_links(connection: asyncpg.Connection, nodes_and_orders: Collection[str]) -> list[Link]:
    """Return all links of everything connected with these, also through orders."""
    rows = await connection.fetch(sql("load_links"), list(nodes_and_orders))
    return [Link(row["source_id"], row["target_id"], LinkRank(row["rank"])) for row in rows]


async def load_facts(
    connection: asyncpg.Connection, order_ids: Collection[str], nodes_and_orders: Collection[str]
) -> HeldFacts:
    """Return the links of everything connected with these, and all facts on it, as of one moment."""
    (row,) = await connection.fetch(sql("load_facts"), list(order_ids), list(nodes_and_orders))
    sessions: list[_Placed] = _decode(_PLACED, row["sessions"])
    payments: list[_Placed] = _decode(_PLACED, row["payments"])
    return HeldFacts(
        links=[Link(*link) for link in _decode(_LINKS, row["links"])],
        facts=[fact for column, decoder in _FACTS for fact in _decode(decoder, row[column])],
        session_orders={(SessionFact, (placed.id, placed.livemode)): placed.order_id for placed in sessions},
        payment_orders={placed.id: placed.order_id for placed in payments},
        acts=_decode(_ACTS, row["acts"]),
    )


def _decode(decoder: msgspec.json.Decoder[list[Any]], text: str | None) -> list[Any]:
    return decoder.decode(text) if text else []


async def write_links(connection: asyncpg.Connection, links: Sequence[Link]) -> None:
    """Store links; of one that is held already, the better source is kept."""
    unique = {(link.source_id, link.target_id): link for link in links}
    ordered = [unique[ends] for ends in sorted(unique)]  # concurrent writers must not deadlock
    await connection.execute(sql("write_links"), *columns(ordered, "source_id", "target_id", "rank"))


async def write_payments(connection: asyncpg.Connection, order_of_payment: Mapping[str, str | None]) -> None:
    """Create payments or move them to another order. Must come before the facts that refer to them."""
    ids = sorted(order_of_payment)
    await connection.execute(sql("write_payments"), ids, [order_of_payment[payment_id] for payment_id in ids])


async def write_facts(
    connection: asyncpg.Connection, facts: Iterable[Fact], order_of: Callable[[str], str | None]
) -> None:
    """Insert or replace facts, one statement for each kind. `order_of` returns the order of a node."""
    of_type: defaultdict[type[Fact], list[Fact]] = defaultdict(list)
    for fact in facts:
        of_type[type(fact)].append(fact)
    for kind, row in _ROWS:
        if found := sorted(
            of_type[kind.type], key=lambda fact: fact.key_fields(fact)
        ):  # sorted: concurrent writers must not deadlock
            columns: list[Sequence[Any]] = [*zip(*map(row, found), strict=True)]
            if kind.with_order:
                columns.append([order_of(fact.node) for fact in found])
            await connection.execute(sql(kind.statement), *columns)


async def write_acts(connection: asyncpg.Connection, actors: Mapping[tuple[str, Act], str]) -> None:
    """Store acts that are not held yet. `actors` names who did each act of an order."""
    await connection.execute(
        sql("write_acts"),
        [order_id for order_id, _ in actors],
        *columns([act for _, act in actors], "kind", "reason", "subject"),
        list(actors.values()),
    )
