"""Events at Stripe, which keeps them for 30 days: https://docs.stripe.com/api/events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.gateway.client import StripeGateway

MOST_TYPES = 20
"""How many types one list may be asked for."""

_PAGE = 100


async def newest_events(gateway: StripeGateway) -> list[dict[str, Any]]:
    """The last hundred of any type, newest first."""
    fetched = await gateway.call("events.list", lambda client: client.v1.events.list_async(params={"limit": _PAGE}))
    return list(fetched.object["data"])


async def stripe_time(gateway: StripeGateway) -> datetime:
    """The time at Stripe, whose clock events and sessions go by."""
    fetched = await gateway.call("events.list", lambda client: client.v1.events.list_async(params={"limit": 1}))
    return fetched.observed_at


async def events_since(
    gateway: StripeGateway, types: Sequence[str], since: int, until: int | None = None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """Pages of the events of these types from one second on, and up to another; newest first in each chunk of types."""
    created = {"gte": since} | ({} if until is None else {"lte": until})
    for begin in range(0, len(types), MOST_TYPES):
        params: dict[str, Any] = {"limit": _PAGE, "types": list(types[begin : begin + MOST_TYPES]), "created": created}
        while True:
            fetched = await gateway.call(
                "events.list",
                lambda client, params=dict(params): client.v1.events.list_async(params=params),  # type: ignore[misc]
            )
            page = list(fetched.object["data"])
            if page:
                yield page
            if not fetched.object.get("has_more"):
                break
            if not page:
                raise StripeUnavailable("Stripe says that there are more events and lists none: ask again")
            params["starting_after"] = page[-1]["id"]
