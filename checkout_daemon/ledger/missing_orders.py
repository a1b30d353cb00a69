"""Finds orders that Stripe knows and this database does not, as after the restore of an older backup.

Our marks in the metadata of Stripe's objects name them. A completed session of such an order is recorded, reported and
listed until `checkout orders recover` restores the order. A number that an object names is never given out again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.ledger import missing_order_store as store
from checkout_daemon.ledger.missing_order_store import MissingOrder
from checkout_daemon.ledger.translate.named_orders import NamedOrder, named_order
from checkout_daemon.ledger.translate.stripe_objects import Object, livemodes
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.model.money import LARGEST_AMOUNT
from checkout_daemon.outbox.alert_store import owe_once
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.sessions import every_session

log = logging.getLogger(__name__)

LONGEST_LOOK = timedelta(days=30)
MARGIN = timedelta(days=1)
_MOST_NAMED = 20


async def note_objects(connection: asyncpg.Connection, objects: Sequence[Object]) -> None:
    """Record the numbers that objects name, and the completed sessions whose order does not exist.

    It runs in the caller's transaction, and asks the database nothing if no object has our marks.
    """
    named = [(found, name) for found in objects if (name := named_order(found)) is not None]
    if not named:
        return
    shop = await store.read_shop(connection)
    ours = [(found, name) for found, name in named if name.shop in (None, shop)]
    held = await store.held_orders(connection, {name.order_id for _, name in ours})
    unknown = [(found, name) for found, name in ours if name.order_id not in held]
    highest = max((name.number for _, name in unknown if name.number is not None), default=0)
    if highest and await store.raise_numbers(connection, highest):
        log.warning("orders: number %d was used before, so the next one is higher", highest)
    if missing := [_missing(found, name) for found, name in unknown if _is_completed_session(found)]:
        await store.record_missing(connection, missing)
        numbers = ", ".join(str(order.number or "?") for order in missing)
        log.error(
            "orders: Stripe has completed sessions of orders that do not exist here: %s; run `checkout doctor`", numbers
        )


async def look_for_missing(
    runtime: Runtime, since: datetime, *, after_page: Callable[[], Awaitable[None]] | None = None
) -> list[MissingOrder]:
    """Search Stripe's sessions since a time by its clock, record missing orders, and return all that are missing.

    `after_page` is awaited after each page. Raise StripeUnavailable, also if not all could be seen; what was seen is
    recorded.
    """
    async with aclosing(every_session(runtime.gateway, since)) as made:
        async for page in made:
            await runtime.database.run(note_objects, [session.object for session in page])
            if after_page is not None:
                await after_page()
    return await missing(runtime)


async def look_after_restore(runtime: Runtime) -> list[MissingOrder]:
    """Search from a day before our newest order, or as far back as Stripe keeps events. Raise StripeUnavailable."""
    now = await stripe_time(runtime.gateway)
    async with runtime.database.connection() as connection:
        newest = await store.newest_order(connection)
    since = now - LONGEST_LOOK if newest is None else newest.created_at - MARGIN
    return await look_for_missing(runtime, since)


async def missing(runtime: Runtime) -> list[MissingOrder]:
    """Return the recorded missing orders of the key's mode."""
    async with runtime.database.connection() as connection:
        return await store.list_missing(connection, livemode=runtime.settings.livemode)


def paid_sessions(count: int) -> str:
    """Return the start of a sentence about this many paid sessions."""
    return "a paid session names an order" if count == 1 else f"{count} paid sessions name orders"


async def alert_missing(runtime: Runtime) -> int:
    """Alert the operator about every missing order once, and return how many are missing."""
    found = await missing(runtime)
    subjects = tuple(order.session_id for order in found)
    command = f"checkout orders recover {subjects[0]}" if subjects else "checkout doctor"
    alert = Alert(
        f"At Stripe {paid_sessions(len(found))} that this shop does not hold",
        len(found),
        subjects[:_MOST_NAMED],
        command,
    )
    await runtime.database.run(owe_once, MessageKind.ORDERS_MISSING, subjects, alert)
    return len(found)


def _is_completed_session(found: Object) -> bool:
    return found.get("object") == "checkout.session" and found.get("status") == "complete"


def _missing(session: Object, named: NamedOrder) -> MissingOrder:
    amount, currency = session.get("amount_total"), session.get("currency")
    return MissingOrder(
        str(session["id"]),
        named.order_id,
        named.number,
        True in livemodes(session.get("livemode")),
        amount if isinstance(amount, int) and 0 <= amount <= LARGEST_AMOUNT else None,
        currency[:3] if isinstance(currency, str) else None,
    )
