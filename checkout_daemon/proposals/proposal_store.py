"""Reads and writes proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg
import msgspec

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.proposals.records import Proposal, ProposalAct, ProposedItem

_AFTER_ALL = 2**62
_ITEMS = msgspec.json.Decoder(tuple[ProposedItem, ...])


async def insert_proposal(
    connection: asyncpg.Connection,
    proposal_id: str,
    act: ProposalAct,
    *,
    operator: Operator,
    hours: int,
    order_id: str | None = None,
    batch: int | None = None,
    payment_id: str | None = None,
    amount: int | None = None,
    currency: str | None = None,
    items: str | None = None,
    reason: str | None = None,
    restock: bool = False,
    note: str = "",
) -> int | None:
    """Insert an open proposal and return its number, or None if the id exists."""
    about = (order_id, batch, payment_id, amount, currency, items, reason, note)
    number: int | None = await connection.fetchval(
        sql("insert_proposal"), proposal_id, act.value, *about, operator.user, operator.host, hours, restock
    )
    return number


async def read_proposals(
    connection: asyncpg.Connection,
    *,
    numbers: Sequence[int] | None = None,
    statuses: Sequence[str] = (),
    order_id: str | None = None,
    before: int | None = None,
    limit: int = 1,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Proposal]:
    """Return proposals, newest first; those with numbers below `before`, made since and before `until`."""
    rows = await connection.fetch(
        sql("read_proposals"),
        numbers,
        list(statuses) or None,
        order_id,
        before or _AFTER_ALL,
        limit,
        since,
        until,
    )
    return [_proposal(row) for row in rows]


async def read_proposal(connection: asyncpg.Connection, number: int) -> Proposal | None:
    """Return a proposal, or None if it does not exist."""
    return next(iter(await read_proposals(connection, numbers=[number])), None)


async def find_same(
    connection: asyncpg.Connection,
    order_id: str,
    act: ProposalAct,
    proposed_by: str,
    *,
    payment_id: str | None = None,
    amount: int | None = None,
    items: str | None = None,
    restock: bool = False,
) -> int | None:
    """Return the number of an open proposal of the same by the same operator, or None. The order must be locked."""
    number: int | None = await connection.fetchval(
        sql("open_proposal_of_order"), order_id, act.value, amount, proposed_by, payment_id, items, restock
    )
    return number


async def find_by_id(connection: asyncpg.Connection, proposal_id: str) -> int | None:
    """Return the number of the proposal with this id, or None."""
    number: int | None = await connection.fetchval(sql("proposal_with_id"), proposal_id)
    return number


async def lock_proposal(connection: asyncpg.Connection, number: int) -> None:
    """Lock a proposal until the transaction ends."""
    await connection.execute(sql("lock_proposal"), number)


async def decide(connection: asyncpg.Connection, number: int, status: str, operator: Operator) -> bool:
    """Decide an open proposal. Return False if it is not open."""
    return await connection.fetchval(sql("decide_proposal"), number, status, operator.user) is not None


async def fail(connection: asyncpg.Connection, number: int, why: str) -> bool:
    """Record that an approved proposal could not be carried out. Return False if it was, or is not approved.

    The order must be locked.
    """
    return await connection.fetchval(sql("fail_proposal"), number, why) is not None


async def release_batch(connection: asyncpg.Connection, number: int) -> None:
    """Let a batch run that waited for its approval."""
    await connection.execute(sql("release_proposed_batch"), number)


async def approved_cancellations(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[int]:
    """Return the numbers of approved cancellations of a mode that were not carried out."""
    return [row["number"] for row in await connection.fetch(sql("approved_cancellations"), limit, livemode)]


def _proposal(row: asyncpg.Record) -> Proposal:
    return replace(record_of(Proposal, row), items=_ITEMS.decode(row["items"] or "[]"))
