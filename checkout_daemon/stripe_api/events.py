"""Events at Stripe: https://docs.stripe.com/api/events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import PAGE, pages
from checkout_daemon.stripe_api.slices import Slice, pages_of

KEPT = timedelta(days=30)
"""How long Stripe keeps events."""
MOST_TYPES = 20
"""How many types one list request may name."""


async def newest_events(gateway: StripeGateway) -> list[dict[str, Any]]:
    """Return the last hundred events of any type, newest first."""
    return list((await gateway.request("events.list", params={"limit": PAGE})).object["data"])


async def newest_events_of(gateway: StripeGateway, types: Sequence[str]) -> Fetched:
    """Return a page of the newest events of the first types that one request may name."""
    return await gateway.request("events.list", params={"limit": MOST_TYPES, "types": list(types[:MOST_TYPES])})


async def stripe_time(gateway: StripeGateway) -> datetime:
    """Return the time by Stripe's clock, which dates events and sessions."""
    return (await gateway.request("events.list", params={"limit": 1})).observed_at


async def events_since(
    gateway: StripeGateway, types: Sequence[str], since: int, until: int | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield pages of the events of these types between two seconds, newest first in each chunk of types."""
    created = {"gte": since} | ({} if until is None else {"lte": until})
    for begin in range(0, len(types), MOST_TYPES):
        params = {"types": list(types[begin : begin + MOST_TYPES]), "created": created}
        async for page in pages(gateway, "events.list", params=params):
            yield [event.object for event in page]


def every_event(
    gateway: StripeGateway, types: Sequence[str], since: int, until: int | None = None
) -> AsyncGenerator[list[Fetched], None]:
    """Return pages of the events of these types between two seconds, in any order, read at once; see `pages_of`."""
    chunks = [types[begin : begin + MOST_TYPES] for begin in range(0, len(types), MOST_TYPES)]
    slices = [Slice({"types": list(chunk)}, since, until) for chunk in chunks]
    return pages_of(gateway, "events.list", slices)
