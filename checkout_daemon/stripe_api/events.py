"""Events at Stripe, which keeps them for 30 days: https://docs.stripe.com/api/events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any

from checkout_daemon.stripe_api.client import StripeGateway
from checkout_daemon.stripe_api.paging import PAGE, pages

MOST_TYPES = 20
"""How many types one list may be asked for."""
_MOST_PAGES = 100_000  # thirty days of a large shop


async def newest_events(gateway: StripeGateway) -> list[dict[str, Any]]:
    """Return the last hundred events of any type, newest first."""
    fetched = await gateway.call("events.list", lambda client: client.v1.events.list_async(params={"limit": PAGE}))
    return list(fetched.object["data"])


async def stripe_time(gateway: StripeGateway) -> datetime:
    """Ask Stripe for its time, by which events and sessions are dated."""
    fetched = await gateway.call("events.list", lambda client: client.v1.events.list_async(params={"limit": 1}))
    return fetched.observed_at


async def events_since(
    gateway: StripeGateway, types: Sequence[str], since: int, until: int | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Yield pages of the events of these types from one second to another, newest first in each chunk of types."""
    created = {"gte": since} | ({} if until is None else {"lte": until})
    for begin in range(0, len(types), MOST_TYPES):
        params = {"types": list(types[begin : begin + MOST_TYPES]), "created": created}
        async for page in pages(gateway, "events.list", _list, params, most=_MOST_PAGES):
            yield [each.object for each in page]


def _list(client: Any, params: dict[str, Any]) -> Any:
    return client.v1.events.list_async(params=params)


KEPT = timedelta(days=30)
"""How long Stripe keeps events: https://docs.stripe.com/api/events."""
