"""Finds the session of an attempt in Stripe's list of sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from contextlib import aclosing
from datetime import datetime, timedelta

from checkout_daemon.ledger.translate.stripe_objects import named_attempt
from checkout_daemon.patience import deadline
from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.sessions import sessions_made

SEARCH_WINDOW = timedelta(days=1)
"""How far from an attempt's start its session is looked for: clocks differ, and effects come late."""
_NEAR = timedelta(minutes=10)  # where it nearly always is


async def find_session(gateway: StripeGateway, order_id: str, attempt: int, age: timedelta) -> Fetched | None:
    """Return the session of an attempt that started `age` ago, or None if no session of that time belongs to it.

    While a shopper waits, search only the minutes around its start; checkout/doubtful_sessions.py searches the rest.
    Raise StripeUnavailable if not all sessions of that time could be read.
    """
    # Ask Stripe for its time if no answer has shown it yet.
    now = gateway.now() if gateway.ahead is not None else await stripe_time(gateway)
    begun_at = now - age
    for window in (_NEAR,) if deadline() is not None else (_NEAR, SEARCH_WINDOW):
        found = await find_sessions(gateway, {(order_id, attempt)}, begun_at - window, begun_at + window)
        if found:
            return found[order_id, attempt]
    return None


async def find_sessions(
    gateway: StripeGateway,
    wanted: Set[tuple[str, int]],
    begin: datetime,
    end: datetime,
    *,
    after_page: Callable[[], Awaitable[None]] | None = None,
) -> dict[tuple[str, int], Fetched]:
    """Return the sessions created between two times, by Stripe's clock, that name one of these orders and attempts.

    If several name the same attempt, return the paid one, else one that can be paid. `after_page` is awaited after
    each page. Raise StripeUnavailable if not all sessions of that time could be read, unless all wanted were found.
    """
    found: dict[tuple[str, int], Fetched] = {}
    async with aclosing(sessions_made(gateway, begin, end)) as made:
        async for page in made:
            for session in page:
                name = named_attempt(session.object)
                if name is None or name not in wanted:
                    continue
                if name not in found or _weight(found[name]) < _weight(session):
                    found[name] = session
            if len(found) == len(wanted):
                break
            if after_page is not None:
                await after_page()
    return found


def _weight(session: Fetched) -> int:
    """Rank a session: paid, possibly payable, expired. A status that this version does not know may be payable."""
    return {"expired": 0, "complete": 2}.get(str(session.object.get("status")), 1)
