"""Checkout Sessions and their coupons at Stripe: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from checkout_daemon.errors import StripeRejected
from checkout_daemon.gateway.client import Fetched, StripeGateway, StripeMissing

_EXPAND = ["payment_intent.latest_charge"]
_PAGE = 100
_MOST_PAGES = 100


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


async def retrieve_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """A session with its PaymentIntent and charge. Raises StripeMissing."""
    return await gateway.call(
        "checkout.sessions.retrieve",
        lambda client: client.v1.checkout.sessions.retrieve_async(session_id, params={"expand": _EXPAND}),
    )


async def expire_session(gateway: StripeGateway, session_id: str) -> Fetched:
    """Expire a session and answer it as it is then; one that is no longer open is answered as it is."""
    try:
        return await gateway.call(
            "checkout.sessions.expire", lambda client: client.v1.checkout.sessions.expire_async(session_id)
        )
    except StripeRejected:
        fetched = await retrieve_session(gateway, session_id)
        if fetched.object.get("status") == "open":
            raise
        return fetched


async def find_session(
    gateway: StripeGateway, client_reference_id: str, attempt: int, since: datetime
) -> Fetched | None:
    """The session that an attempt made, if it did: of those since a time, the one with the order's id and number."""
    last: str | None = None
    for _ in range(_MOST_PAGES):
        params: dict[str, Any] = {"limit": _PAGE, "created": {"gte": int(since.timestamp()) - 60}}
        if last is not None:
            params["starting_after"] = last
        page = await gateway.call(
            "checkout.sessions.list",
            lambda client, params=params: client.v1.checkout.sessions.list_async(params=params),  # type: ignore[misc]
        )
        for session in page.object["data"]:
            metadata = session.get("metadata") or {}
            if session.get("client_reference_id") == client_reference_id and metadata.get("attempt") == str(attempt):
                return Fetched(session, page.observed_at)
        if not page.object.get("has_more") or not page.object["data"]:
            return None
        last = page.object["data"][-1]["id"]
    return None
