"""Reads Stripe's lists page by page: https://docs.stripe.com/api/pagination."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched, StripeGateway

PAGE = 100
MOST_PAGES = 100_000  # thirty days of a large shop


async def pages(
    gateway: StripeGateway, method: str, *ids: str, params: Mapping[str, Any]
) -> AsyncGenerator[list[Fetched], None]:
    """Yield the non-empty pages of a list, in Stripe's order, from a list method of the SDK such as `refunds.list`.

    Raise StripeUnavailable if the list is longer than MOST_PAGES: an object that was not seen may still exist.
    """
    page_params: dict[str, Any] = {"limit": PAGE, **params}
    seen = 0
    for _ in range(MOST_PAGES):
        answer = await gateway.request(method, *ids, params=dict(page_params))
        page = [Fetched(item, answer.observed_at) for item in answer.object["data"]]
        seen += len(page)
        if page:
            yield page
        if not answer.object.get("has_more"):
            return
        if not page:
            break
        page_params["starting_after"] = page[-1].object["id"]
    raise StripeUnavailable(
        f"Stripe lists more than {seen:,} objects ({method}), and not all of them could be seen: try again later"
    )


async def everything(gateway: StripeGateway, method: str, *ids: str, params: Mapping[str, Any]) -> list[Fetched]:
    """Return all objects of a list. Raises like `pages`."""
    return [item async for page in pages(gateway, method, *ids, params=params) for item in page]
