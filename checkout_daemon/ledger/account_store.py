"""Reads and remembers the Stripe accounts that our keys belong to."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql


async def own_accounts(connection: asyncpg.Connection) -> frozenset[str]:
    """Return the ids of our accounts; none before Stripe was asked."""
    return frozenset(row["id"] for row in await connection.fetch(sql("own_accounts")))


async def count_unattributed(connection: asyncpg.Connection, since: datetime) -> int:
    """Count the events since a time that were ignored as another account's although ours is not known."""
    count: int = await connection.fetchval(sql("count_unattributed"), since)
    return count


async def remember_account(connection: asyncpg.Connection, account_id: str, *, livemode: bool) -> int:
    """Remember the account of a mode's key, and retry the events that name it and were ignored as another account's.

    Return the number of those events.
    """
    if await connection.fetchval(sql("remember_account"), account_id, livemode) is None:
        return 0
    return len(await connection.fetch(sql("reconsider_events_naming"), account_id))
