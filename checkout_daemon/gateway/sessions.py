"""Checkout Sessions and their coupons at Stripe: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from checkout_daemon.errors import StripeRejected, StripeUnavailable
from checkout_daemon.gateway.client import Fetched, StripeFailed, StripeGateway, StripeMissing
from checkout_daemon.gateway.events import stripe_time

SEARCH_WINDOW = timedelta(days=1)
"""How far around the time of an attempt its session is looked for: clocks differ, and effects come late."""
MOST_PAGES = 1000

_EXPAND = ["payment_intent.latest_charge"]
_PAGE = 100
_NEAR = timedelta(minutes=10)  # where it nearly always is


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
    """All coupons of the account. Raises StripeUnavailable where not all came."""
    params: dict[str, Any] = {"limit": _PAGE}
    coupons: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        page = await gateway.call(
            "coupons.list",
            lambda client, params=dict(params): client.v1.coupons.list_async(params=params),  # type: ignore[misc]
        )
        coupons += page.object["data"]
        if not page.object.get("has_more"):
            return coupons
        if not page.object["data"]:
            break
        params["starting_after"] = coupons[-1]["id"]
    raise StripeUnavailable(f"the account has more than {len(coupons):,} coupons, and not all could be seen")


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


async def find_session(gateway: StripeGateway, order_id: str, attempt: int, age: timedelta) -> Fetched | None:
    """Return the session that an attempt made, or None where all sessions of its time were seen and none is it.

    `age`: how long ago the attempt was started. Raises StripeUnavailable where not all could be seen.
    """
    wanted = {(order_id, attempt)}
    begun_at = await _stripe_now(gateway) - age
    for window in (_NEAR, SEARCH_WINDOW):
        found = await find_sessions(gateway, wanted, begun_at - window, begun_at + window)
        if found:
            return found[order_id, attempt]
    return None


async def find_sessions(
    gateway: StripeGateway, wanted: Collection[tuple[str, int]], begin: datetime, end: datetime
) -> dict[tuple[str, int], Fetched]:
    """Return the sessions made between two times, by Stripe's clock, that name one of these orders and attempts.

    Of several that name the same the paid one, else one that can be paid. Raises StripeUnavailable where not all
    sessions of that time could be seen, unless all wanted were.
    """
    found: dict[tuple[str, int], Fetched] = {}
    async for page in sessions_made(gateway, begin, end):
        for each in page:
            name = named_attempt(each.object)
            if name is not None and name in wanted and (name not in found or _weight(found[name]) < _weight(each)):
                found[name] = each
        if len(found) == len(set(wanted)):
            break
    return found


async def sessions_made(
    gateway: StripeGateway, begin: datetime, end: datetime | None = None
) -> AsyncGenerator[list[Fetched], None]:
    """Yield pages of the sessions made from one time to another, by Stripe's clock, the newest first.

    Raises StripeUnavailable where there are more than can be seen: what was not seen may still be there.
    """
    created = {"gte": int(begin.timestamp())} | ({} if end is None else {"lte": int(end.timestamp()) + 1})
    params: dict[str, Any] = {"limit": _PAGE, "created": created}
    for _ in range(MOST_PAGES):
        page = await gateway.call(
            "checkout.sessions.list",
            lambda client, params=dict(params): client.v1.checkout.sessions.list_async(params=params),  # type: ignore[misc]
        )
        data = page.object["data"]
        yield [Fetched(each, page.observed_at) for each in data]
        if not page.object.get("has_more"):
            return
        if not data:
            break
        params["starting_after"] = data[-1]["id"]
    raise StripeUnavailable(
        f"Stripe has more than {MOST_PAGES * _PAGE:,} Checkout Sessions since {begin:%Y-%m-%d %H:%M} UTC, and not all "
        "of them could be seen: what was looked for may be there; try again later"
    )


async def list_lines(gateway: StripeGateway, session_id: str) -> list[dict[str, Any]]:
    """All lines of a session, with prices and products. Raises StripeMissing; StripeUnavailable where not all came."""
    params: dict[str, Any] = {"limit": _PAGE, "expand": ["data.price.product"]}
    lines: list[dict[str, Any]] = []
    while True:
        page = await gateway.call(
            "checkout.sessions.line_items.list",
            lambda client, params=dict(params): client.v1.checkout.sessions.line_items.list_async(  # type: ignore[misc]
                session_id, params=params
            ),
        )
        lines += page.object["data"]
        if not page.object.get("has_more"):
            return lines
        if not page.object["data"]:
            raise StripeUnavailable(f"session {session_id} has more lines than Stripe lists: ask again")
        params["starting_after"] = lines[-1]["id"]


def named_attempt(session: dict[str, Any]) -> tuple[str, int] | None:
    """Return the order's id and the attempt that a session of ours names; None for a session that is not ours."""
    metadata = session.get("metadata") or {}
    attempt = metadata.get("attempt")
    order_id = session.get("client_reference_id")
    if not isinstance(order_id, str) or not isinstance(attempt, str) or not attempt.isdecimal():
        return None
    return order_id, int(attempt[:9])


def _weight(session: Fetched) -> int:
    return ("expired", "open", "complete").index(session.object["status"])


async def _stripe_now(gateway: StripeGateway) -> datetime:
    """Ask Stripe for its time where no answer has shown it yet."""
    return gateway.now() if gateway.ahead is not None else await stripe_time(gateway)
