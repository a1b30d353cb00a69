"""Facts in PostgreSQL: locked, loaded and written whole; the joins themselves are in the domain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.domain.facts import (
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
from checkout_daemon.store.queries import sql


class HeldSession(msgspec.Struct, frozen=True):
    fact: SessionFact
    order_id: str | None


class HeldPayment(msgspec.Struct, frozen=True):
    id: str
    order_id: str | None


class HeldAct(msgspec.Struct, frozen=True):
    order_id: str
    act: Act


@dataclass(frozen=True, slots=True)
class HeldFacts:
    """What load_facts found. `order_id`s are those written when the fact was last placed."""

    links: list[Link]
    sessions: list[HeldSession]
    payments: list[HeldPayment]
    observations: list[Observation]
    refunds: list[RefundFact]
    disputes: list[DisputeFact]
    hints: list[RefundHint]
    canceled: list[CanceledPayment]
    acts: list[HeldAct]

    def facts(self) -> Iterable[Fact]:
        yield from (held.fact for held in self.sessions)
        yield from self.observations
        yield from self.refunds
        yield from self.disputes
        yield from self.hints
        yield from self.canceled


_LINKS = msgspec.json.Decoder(list[tuple[str, str, LinkRank]])
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "sessions": msgspec.json.Decoder(list[HeldSession]),
    "payments": msgspec.json.Decoder(list[HeldPayment]),
    "observations": msgspec.json.Decoder(list[Observation]),
    "refunds": msgspec.json.Decoder(list[RefundFact]),
    "disputes": msgspec.json.Decoder(list[DisputeFact]),
    "hints": msgspec.json.Decoder(list[RefundHint]),
    "canceled": msgspec.json.Decoder(list[CanceledPayment]),
    "acts": msgspec.json.Decoder(list[HeldAct]),
}


async def lock_nodes(connection: asyncpg.Connection, nodes: Collection[str]) -> None:
    """Lock ids of Stripe's until the transaction ends, whether or not a row of them exists."""
    keys = sorted({int.from_bytes(blake2b(node.encode(), digest_size=8).digest(), signed=True) for node in nodes})
    await connection.execute(sql("lock_nodes"), keys)


async def load_links(connection: asyncpg.Connection, nodes_and_orders: Collection[str]) -> list[Link]:
    """All links of everything that these are connected with, through orders too."""
    rows = await connection.fetch(sql("load_links"), list(nodes_and_orders))
    return [Link(row["source_id"], row["target_id"], LinkRank(row["rank"])) for row in rows]


async def load_facts(
    connection: asyncpg.Connection, order_ids: Collection[str], nodes_and_orders: Collection[str]
) -> HeldFacts:
    """The links of everything connected with these, and all facts on it, as of one moment."""
    (row,) = await connection.fetch(sql("load_facts"), list(order_ids), list(nodes_and_orders))
    return HeldFacts(
        links=[Link(*each) for each in _LINKS.decode(row["links"])] if row["links"] else [],
        **{name: decoder.decode(row[name]) if row[name] else [] for name, decoder in _DECODERS.items()},
    )


async def write_links(connection: asyncpg.Connection, links: Sequence[Link]) -> None:
    unique = sorted({(link.source_id, link.target_id): link for link in links}.items())
    await connection.execute(
        sql("write_links"),
        [link.source_id for _, link in unique],
        [link.target_id for _, link in unique],
        [int(link.rank) for _, link in unique],
    )


async def write_payments(connection: asyncpg.Connection, order_of_payment: Mapping[str, str | None]) -> None:
    """Make or move payments; must come before the facts on them."""
    ids = sorted(order_of_payment)
    await connection.execute(sql("write_payments"), ids, [order_of_payment[each] for each in ids])


async def write_sessions(
    connection: asyncpg.Connection, sessions: Collection[SessionFact], order_of_session: Mapping[str, str | None]
) -> None:
    rows = sorted(sessions, key=lambda each: (each.id, each.livemode))
    await connection.execute(
        sql("write_sessions"),
        [each.id for each in rows],
        [each.livemode for each in rows],
        [order_of_session[each.id] for each in rows],
        [each.attempt for each in rows],
        [each.status.value for each in rows],
        [each.payment_status.value for each in rows],
        [each.url for each in rows],
        [each.expires_at for each in rows],
        *_unknown(rows),
    )


async def write_observations(connection: asyncpg.Connection, observations: Collection[Observation]) -> None:
    rows = sorted(observations, key=lambda each: (each.payment_id, each.reported))
    await connection.execute(
        sql("write_observations"),
        [each.payment_id for each in rows],
        [each.amount for each in rows],
        [each.currency for each in rows],
        [each.livemode for each in rows],
        [each.paid_at for each in rows],
    )


async def write_refunds(connection: asyncpg.Connection, refunds: Collection[RefundFact]) -> None:
    rows = sorted(refunds, key=lambda each: (each.id, each.livemode))
    await connection.execute(
        sql("write_refunds"),
        [each.id for each in rows],
        [each.livemode for each in rows],
        [each.payment_id for each in rows],
        [each.status.value for each in rows],
        [each.amount for each in rows],
        [each.currency for each in rows],
        [each.request for each in rows],
        *_unknown(rows),
    )


def _unknown(rows: Sequence[SessionFact] | Sequence[RefundFact]) -> tuple[list[Any], ...]:
    """Return the columns known_at, unknown_at and unknown_words."""
    return (
        [each.known_at for each in rows],
        [None if each.unknown is None else each.unknown.at for each in rows],
        [None if each.unknown is None else each.unknown.words for each in rows],
    )


async def write_disputes(connection: asyncpg.Connection, disputes: Collection[DisputeFact]) -> None:
    rows = sorted(disputes, key=lambda each: (each.id, each.livemode))
    await connection.execute(
        sql("write_disputes"),
        [each.id for each in rows],
        [each.livemode for each in rows],
        [each.payment_id for each in rows],
        [each.status.value for each in rows],
        [each.due_by for each in rows],
        [each.amount for each in rows],
        [each.currency for each in rows],
        [each.reason for each in rows],
        [each.observed_at for each in rows],
        [each.event_id for each in rows],
        [each.unknown for each in rows],
        [each.withdrawn_at for each in rows],
        [each.reinstated_at for each in rows],
    )


async def write_canceled(connection: asyncpg.Connection, payments: Collection[CanceledPayment]) -> None:
    rows = sorted(payments, key=lambda each: each.payment_id)
    await connection.execute(sql("write_canceled"), [each.payment_id for each in rows], [each.at for each in rows])


async def write_hints(connection: asyncpg.Connection, hints: Collection[RefundHint]) -> None:
    rows = sorted(hints, key=lambda each: (each.charge_id, each.livemode))
    await connection.execute(
        sql("write_hints"),
        [each.charge_id for each in rows],
        [each.livemode for each in rows],
        [each.payment_id for each in rows],
        [each.amount_refunded for each in rows],
        [each.observed_at for each in rows],
        [each.event_id for each in rows],
    )


async def write_acts(connection: asyncpg.Connection, actors: Mapping[tuple[str, Act], str]) -> None:
    """Acts that are not held yet, each of an order, with who did it."""
    await connection.execute(
        sql("write_acts"),
        [order_id for order_id, _ in actors],
        [act.kind.value for _, act in actors],
        [act.reason for _, act in actors],
        [act.subject for _, act in actors],
        list(actors.values()),
    )
