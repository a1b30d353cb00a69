"""Reads Stripe's lists page by page: https://docs.stripe.com/api/pagination."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched, StripeGateway

PAGE = 100
MOST_PAGES = 1000

List = Callable[[Any, dict[str, Any]], Awaitable[Any]]
"""Calls the SDK's list method with the parameters of one page."""


async def pages(
    gateway: StripeGateway, name: str, ask: List, params: Mapping[str, Any], *, most: int = MOST_PAGES
) -> AsyncGenerator[list[Fetched], None]:
    """Yield the pages of a list in Stripe's order, without empty ones.

    Raises StripeUnavailable if not all of the list can be seen: what was not seen may still be there.
    """
    asked: dict[str, Any] = {"limit": PAGE, **params}
    seen = 0
    for _ in range(most):
        answer = await gateway.call(name, lambda client, asked=dict(asked): ask(client, asked))  # type: ignore[misc]
        page = [Fetched(each, answer.observed_at) for each in answer.object["data"]]
        seen += len(page)
        if page:
            yield page
        if not answer.object.get("has_more"):
            return
        if not page:
            break
        asked["starting_after"] = page[-1].object["id"]
    raise StripeUnavailable(
        f"Stripe lists more than {seen:,} objects ({name}), and not all of them could be seen: try again later"
    )


async def everything(gateway: StripeGateway, name: str, ask: List, params: Mapping[str, Any]) -> list[Fetched]:
    """Return all that a list holds. Raises as `pages`."""
    return [each async for page in pages(gateway, name, ask, params) for each in page]
