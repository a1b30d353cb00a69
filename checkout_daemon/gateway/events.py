"""Events at Stripe, which keeps them for 30 days: https://docs.stripe.com/api/events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checkout_daemon.gateway.client import StripeGateway


async def newest_event(gateway: StripeGateway, types: Sequence[str]) -> dict[str, Any] | None:
    """The last event of these types (Stripe takes twenty at most); None if there is none."""
    fetched = await gateway.call(
        "events.list", lambda client: client.v1.events.list_async(params={"limit": 1, "types": list(types)})
    )
    return next(iter(fetched.object["data"]), None)
