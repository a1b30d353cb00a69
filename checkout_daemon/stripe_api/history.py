"""What was made on the account in a time: sessions, PaymentIntents, and charges from before PaymentIntents."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.slices import Slice, pages_of
from checkout_daemon.stripe_api.throttle import Pace

_LISTS: Mapping[str, Mapping[str, Any]] = {
    "checkout.sessions.list": {"expand": ["data.line_items", "data.payment_intent.latest_charge"]},
    "payment_intents.list": {"expand": ["data.latest_charge"]},
    "charges.list": {},
}


async def made_between(
    gateway: StripeGateway, first: int, last: int, *, pace: Pace
) -> AsyncGenerator[list[Fetched], None]:
    """Yield pages of what was made from one second to another, both included, in any order; see `pages_of`.

    Sessions come with their first lines and their PaymentIntent, that with its latest charge.
    """
    for method, params in _LISTS.items():
        async with aclosing(pages_of(gateway, method, [Slice(params, first, last)], pace=pace)) as pages:
            async for page in pages:
                yield page


async def is_of_session(gateway: StripeGateway, payment_id: str) -> bool:
    """Return whether a PaymentIntent is a session's."""
    params = {"payment_intent": payment_id, "limit": 1}
    return bool((await gateway.request("checkout.sessions.list", params=params)).object["data"])
