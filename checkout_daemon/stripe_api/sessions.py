"""Checkout Sessions and their coupons at Stripe: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import datetime
from typing import Any

from checkout_daemon.errors import StripeRejected
from checkout_daemon.stripe_api.client import Fetched, StripeFailed, StripeGateway, StripeMissing
from checkout_daemon.stripe_api.paging import everything, pages

_EXPAND = ["payment_intent.latest_charge"]


async def create_session(gateway: StripeGateway, parameters: dict[str, Any], idempotency_key: str) -> Fetched:
    """Make a session. The same key with the same parameters answers the same session, however often it is asked."""
    return await gateway.call(
        "checkout.sessions.create",
        lambda client: client.v1.checkout.sessions.create_async(
            params=parameters, options={"idempotency_key": idempotency_key}
        ),
    )


async def ensure_coupon(gateway: StripeGateway, parameters: dict[str, Any]) -> None:
    """Make a coupon under the id in the parameters; that it exists already is success."""
    try:
        await gateway.call("coupons.create", lambda client: client.v1.coupons.create_async(params=parameters))
    except StripeRejected as error:
        if getattr(error.__cause__, "code", None) != "resource_already_exists":
            raise


async def delete_coupon(gateway: StripeGateway, coupon_id: str) -> None:
    """Delete a coupon; that there is none is success. Sessions that were made with it keep their discount."""
    with suppress(StripeMissing):
        await gateway.call("coupons.delete", lambda client: client.v1.coupons.delete_async(coupon_id))


async def list_coupons(gateway: StripeGateway) -> list[dict[str, Any]]:
    """Return all coupons of the account. Raises StripeUnavailable if not all came."""

    def ask(client: Any, params: dict[str, Any]) -> Any:
        return client.v1.coupons.list_async(params=params)

    return [each.object for each in await everything(gateway, "coupons.list", ask, {})]


async def retrieve_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """A session with its PaymentIntent and charge. Raises StripeMissing."""
    return await gateway.call(
        "checkout.sessions.retrieve",
        lambda client: client.v1.checkout.sessions.retrieve_async(session_id, params={"expand": _EXPAND}),
    )


async def expire_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """Expire a session and answer it as it is then; one that is no longer open is answered as it is.

    A failure says nothing of what was done: then the session is read. Where it is still open the failure is raised.
    """
    try:
        return await gateway.call(
            "checkout.sessions.expire", lambda client: client.v1.checkout.sessions.expire_async(session_id)
        )
    except (StripeRejected, StripeFailed):
        fetched = await retrieve_session(gateway, session_id)
        if fetched.object.get("status") == "open":
            raise
        return fetched


def sessions_made(
    gateway: StripeGateway, begin: datetime, end: datetime | None = None
) -> AsyncGenerator[list[Fetched], None]:
    """Yield pages of the sessions made from one time to another, by Stripe's clock, the newest first.

    Raises StripeUnavailable where there are more than can be seen.
    """

    def ask(client: Any, params: dict[str, Any]) -> Any:
        return client.v1.checkout.sessions.list_async(params=params)

    created = {"gte": int(begin.timestamp())} | ({} if end is None else {"lte": int(end.timestamp()) + 1})
    return pages(gateway, "checkout.sessions.list", ask, {"created": created})


async def list_lines(gateway: StripeGateway, session_id: str) -> list[dict[str, Any]]:
    """Return all lines of a session, with prices and products.

    Raises StripeMissing, and StripeUnavailable if not all came.
    """

    def ask(client: Any, params: dict[str, Any]) -> Any:
        return client.v1.checkout.sessions.line_items.list_async(session_id, params=params)

    lines = await everything(gateway, "checkout.sessions.line_items.list", ask, {"expand": ["data.price.product"]})
    return [each.object for each in lines]
