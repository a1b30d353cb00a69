"""The Stripe accounts that our keys belong to: an event that names another account makes no facts."""

from __future__ import annotations

import logging
from datetime import datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.errors import StripeRejected
from checkout_daemon.runtime import Runtime

_log = logging.getLogger(__name__)


async def learn_own_account(runtime: Runtime) -> int:
    """Ask Stripe for the key's account, remember it, and return how many ignored events are retried because of it.

    Only events that name an account need this: https://docs.stripe.com/connect/webhooks. Raise StripeUnavailable.
    """
    try:
        fetched = await runtime.gateway.call("accounts.retrieve", lambda c: c.v1.accounts.retrieve_current_async())
    except StripeRejected as error:  # a restricted key may not read its account
        _log.warning("the key may not read its account, so events that name an account are ignored: %s", error.detail)
        return 0
    account_id = str(fetched.object["id"])
    return await runtime.database.run(remember_account, account_id, livemode=runtime.settings.livemode)


async def own_accounts(connection: asyncpg.Connection) -> frozenset[str]:
    """Return the ids of our accounts; empty until Stripe was asked."""
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
