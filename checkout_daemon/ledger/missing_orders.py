"""Orders that Stripe knows of and this database does not, as after the restore of an older backup.

They are known by our marks in the metadata of Stripe's objects. A session that somebody went through is a finding that
is kept, reported and listed until `checkout orders recover` brings its order back; and a number that an object names is
never given out again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from checkout_daemon.ledger import missing_order_store as store
from checkout_daemon.ledger.missing_order_store import MissingOrder
from checkout_daemon.ledger.translate.named_orders import NamedOrder, named_order
from checkout_daemon.ledger.translate.stripe_objects import Object, livemodes
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.outbox.alert_store import owe_once
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.sessions import sessions_made

log = logging.getLogger(__name__)

LONGEST_LOOK = timedelta(days=30)
MARGIN = timedelta(days=1)
_MOST_NAMED = 20


async def note_objects(connection: asyncpg.Connection, objects: Sequence[Object]) -> None:
    """Note what objects say of orders: numbers given out, and sessions gone through whose order is not held.

    In the caller's transaction. It costs nothing where no object has our marks.
    """
    named = [(each, name) for each in objects if (name := named_order(each)) is not None]
    if not named:
        return
    shop = await store.read_shop(connection)
    ours = [(each, name) for each, name in named if name.shop in (None, shop)]
    held = await store.held_orders(connection, {name.order_id for _, name in ours})
    unknown = [(each, name) for each, name in ours if name.order_id not in held]
    highest = max((name.number for _, name in unknown if name.number is not None), default=0)
    if highest and await store.raise_numbers(connection, highest):
        log.warning("orders: number %d was given out before, so the next is above it", highest)
    if missing := [_missing(each, name) for each, name in unknown if _gone_through(each)]:
        await store.record_missing(connection, missing)
        numbers = ", ".join(str(each.number or "?") for each in missing)
        log.error("orders: Stripe has sessions of orders that are not held: %s; `checkout doctor` tells more", numbers)


async def look_for_missing(
    runtime: Runtime, since: datetime, *, after_page: Callable[[], Awaitable[None]] | None = None
) -> list[MissingOrder]:
    """Look through Stripe's sessions since a time by its clock, note them, and return all orders that are missing.

    `after_page` is awaited after each page. Raises StripeUnavailable, also where not all could be seen; what was seen
    is noted.
    """
    async for page in sessions_made(runtime.gateway, since):
        objects = [each.object for each in page]
        await runtime.database.run(note_objects, objects)
        if after_page is not None:
            await after_page()
    return await missing(runtime)


async def look_after_restore(runtime: Runtime) -> list[MissingOrder]:
    """Do so from the newest order that is held, or as far back as Stripe keeps events."""
    now = await stripe_time(runtime.gateway)
    async with runtime.database.connection() as connection:
        newest = await store.newest_order(connection)
    since = now - LONGEST_LOOK if newest is None else newest.created_at - MARGIN
    return await look_for_missing(runtime, since)


async def missing(runtime: Runtime) -> list[MissingOrder]:
    """Return the orders that are known to be missing, of the key's mode."""
    async with runtime.database.connection() as connection:
        return await store.list_missing(connection, livemode=runtime.settings.livemode)


def paid_sessions(count: int) -> str:
    """Return the words for so many paid sessions that name orders."""
    return "a paid session names an order" if count == 1 else f"{count} paid sessions name orders"


async def tell_of_missing(runtime: Runtime) -> int:
    """Alert the operator about every missing order once, and return how many are missing."""
    found = await missing(runtime)
    subjects = tuple(each.session_id for each in found)
    command = f"checkout orders recover {subjects[0]}" if subjects else "checkout doctor"
    alert = Alert(
        f"At Stripe {paid_sessions(len(found))} that this shop does not hold",
        len(found),
        subjects[:_MOST_NAMED],
        command,
    )
    await runtime.database.run(owe_once, MessageKind.ORDERS_MISSING, subjects, alert)
    return len(found)


def _gone_through(told: dict[str, Any]) -> bool:
    return told.get("object") == "checkout.session" and told.get("status") == "complete"


def _missing(session: dict[str, Any], named: NamedOrder) -> MissingOrder:
    amount, currency = session.get("amount_total"), session.get("currency")
    return MissingOrder(
        str(session["id"]),
        named.order_id,
        named.number,
        True in livemodes(session.get("livemode")),
        amount if isinstance(amount, int) and 0 <= amount < 2**53 else None,
        currency[:3] if isinstance(currency, str) else None,
    )
