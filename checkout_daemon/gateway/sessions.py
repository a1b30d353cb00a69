"""Checkout Sessions and their coupons at Stripe: https://docs.stripe.com/api/checkout/sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Set
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Any

from checkout_daemon.domain.events.reading import named_attempt
from checkout_daemon.errors import StripeRejected
from checkout_daemon.gateway.client import Fetched, StripeFailed, StripeGateway, StripeMissing
from checkout_daemon.gateway.events import stripe_time
from checkout_daemon.gateway.paging import everything, pages
from checkout_daemon.patience import deadline

SEARCH_WINDOW = timedelta(days=1)
"""How far around the time of an attempt its session is looked for: clocks differ, and effects come late."""

_EXPAND = ["payment_intent.latest_charge"]
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


async def find_session(gateway: StripeGateway, order_id: str, attempt: int, age: timedelta) -> Fetched | None:
    """Return the session that an attempt made, or None where all sessions of its time were seen and none is it.

    `age`: how long ago the attempt was started. While a shopper waits, only the minutes around its start are looked
    through; services/doubtful_sessions.py looks through the rest. Raises StripeUnavailable where not all could be seen.
    """
    begun_at = await _stripe_now(gateway) - age
    for window in (_NEAR,) if deadline() is not None else (_NEAR, SEARCH_WINDOW):
        found = await find_sessions(gateway, {(order_id, attempt)}, begun_at - window, begun_at + window)
        if found:
            return found[order_id, attempt]
    return None


async def find_sessions(
    gateway: StripeGateway,
    wanted: Set[tuple[str, int]],
    begin: datetime,
    end: datetime,
    *,
    after_page: Callable[[], Awaitable[None]] | None = None,
) -> dict[tuple[str, int], Fetched]:
    """Return the sessions made between two times, by Stripe's clock, that name one of these orders and attempts.

    Of several that name the same the paid one, else one that can be paid. `after_page` is awaited after each page.
    Raises StripeUnavailable where not all sessions of that time could be seen, unless all wanted were.
    """
    found: dict[tuple[str, int], Fetched] = {}
    async with aclosing(sessions_made(gateway, begin, end)) as made:
        async for page in made:
            for each in page:
                name = named_attempt(each.object)
                if name is None or name not in wanted:
                    continue
                if name not in found or _weight(found[name]) < _weight(each):
                    found[name] = each
            if len(found) == len(wanted):
                break
            if after_page is not None:
                await after_page()
    return found


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


def _weight(session: Fetched) -> int:
    """Rank a session by what may come of it; a status that this version does not know may be of one to pay."""
    return {"expired": 0, "complete": 2}.get(str(session.object.get("status")), 1)


async def _stripe_now(gateway: StripeGateway) -> datetime:
    """Ask Stripe for its time where no answer has shown it yet."""
    return gateway.now() if gateway.ahead is not None else await stripe_time(gateway)
