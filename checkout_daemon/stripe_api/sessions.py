"""Checkout Sessions and their coupons at Stripe: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import datetime
from typing import Any

from checkout_daemon.errors import StripeRejected
from checkout_daemon.stripe_api.client import Fetched, StripeFailed, StripeGateway, StripeMissing
from checkout_daemon.stripe_api.paging import everything, pages
from checkout_daemon.stripe_api.slices import Slice, pages_of

_EXPAND = ["payment_intent.latest_charge"]


async def create_session(gateway: StripeGateway, parameters: dict[str, Any], idempotency_key: str) -> Fetched:
    """Create a session. The same key and parameters return the same session, however often they are sent."""
    return await gateway.post(
        "checkout.sessions.create", "/v1/checkout/sessions", parameters, idempotency_key=idempotency_key
    )


async def ensure_coupon(gateway: StripeGateway, parameters: dict[str, Any]) -> None:
    """Create a coupon with the id in the parameters, unless it exists."""
    try:
        await gateway.request("coupons.create", params=parameters)
    except StripeRejected as error:
        if getattr(error.__cause__, "code", None) != "resource_already_exists":
            raise


async def delete_coupon(gateway: StripeGateway, coupon_id: str) -> None:
    """Delete a coupon, unless it is gone already. Sessions created with it keep their discount."""
    with suppress(StripeMissing):
        await gateway.request("coupons.delete", coupon_id)


async def list_coupons(gateway: StripeGateway) -> list[dict[str, Any]]:
    """Return all coupons of the account. Raise StripeUnavailable if some are missing."""
    return [coupon.object for coupon in await everything(gateway, "coupons.list", params={})]


async def retrieve_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """Return a session with its PaymentIntent and charge. Raise StripeMissing."""
    return await gateway.request("checkout.sessions.retrieve", session_id, params={"expand": _EXPAND})


async def expire_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """Expire a session and return it as it is afterwards. A session that is no longer open is returned unchanged.

    A refusal or a 5xx does not show what Stripe did, so the session is read; if it is still open, the error is raised.
    """
    try:
        return await gateway.request("checkout.sessions.expire", session_id)
    except (StripeRejected, StripeFailed):
        fetched = await retrieve_session(gateway, session_id)
        if fetched.object.get("status") == "open":
            raise
        return fetched


def sessions_made(
    gateway: StripeGateway, begin: datetime, end: datetime | None = None
) -> AsyncGenerator[list[Fetched], None]:
    """Yield pages of the sessions created between two times by Stripe's clock, newest first. Raises like `pages`."""
    created = {"gte": int(begin.timestamp())} | ({} if end is None else {"lte": int(end.timestamp()) + 1})
    return pages(gateway, "checkout.sessions.list", params={"created": created})


def every_session(gateway: StripeGateway, begin: datetime) -> AsyncGenerator[list[Fetched], None]:
    """Return pages of the sessions created since a time, in any order, read at once; see `pages_of`."""
    return pages_of(gateway, "checkout.sessions.list", [Slice({}, int(begin.timestamp()))])


async def list_lines(gateway: StripeGateway, session_id: str) -> list[dict[str, Any]]:
    """Return all lines of a session, with prices and products.

    Raise StripeMissing, and StripeUnavailable if some are missing.
    """
    params = {"expand": ["data.price.product"]}
    lines = await everything(gateway, "checkout.sessions.line_items.list", session_id, params=params)
    return [line.object for line in lines]
