"""A shopper who calls the use cases: requests an order, and pays a session as the hosted page does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.checkout.placing import CheckoutAnswer, CheckoutRequest, start_checkout
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import retrieve_session
from tests.support.flaky_stripe import Request, Trouble

SESSIONS = "/v1/checkout/sessions"


def a_request(**changes: Any) -> CheckoutRequest:
    """Return a request for two notebooks and three pens: 33.99 eur."""
    cart = Cart((CartLine("NOTE", 2), CartLine("PEN", 3)))
    customer = Customer("Ada", "ada@example.com", "+4930901820")
    return replace(CheckoutRequest(cart, customer, None, None, b"hash"), **changes)


def first(trouble: Trouble, path: str = SESSIONS) -> Callable[[int, Request], Trouble | None]:
    """Return a plan of trouble with the first POST to a path, and none afterwards."""
    left = [trouble]

    def plan(number: int, request: Request) -> Trouble | None:
        if left and request.path == path and request.method == "POST":
            return left.pop()
        return None

    return plan


async def check_out(runtime: Runtime, **changes: Any) -> CheckoutAnswer:
    """Create a new order that waits to be paid; another one at every call."""
    return await start_checkout(runtime, a_request(insist=True, **changes), idempotency_key=None)


async def pay(runtime: Runtime, session_id: str, amount: int, **method: Any) -> None:
    """Pay a session as the hosted page does, without an event to us."""
    method = method or {"type": "card", "card": {"token": "tok_visa"}}
    made = await runtime.gateway.call("pay", lambda client: client.v1.payment_methods.create_async(params=method))
    params = {"payment_method": made.object["id"], "expected_amount": amount}
    path = f"/v1/payment_pages/{session_id}/confirm"
    await runtime.gateway.post("pay", path, params, idempotency_key=str(uuid4()))


async def paid_order(runtime: Runtime, **changes: Any) -> CheckoutAnswer:
    """Create an order, pay it, and merge the payment."""
    answer = await check_out(runtime, **changes)
    await pay(runtime, answer.session_id, answer.amount_total)
    fetched = await retrieve_session(runtime.gateway, answer.session_id)
    await merge_session(runtime, fetched, cause="test", actor="stripe")
    return answer


async def sessions_at_stripe(runtime: Runtime) -> list[dict[str, Any]]:
    listed = await runtime.gateway.call(
        "list", lambda client: client.v1.checkout.sessions.list_async(params={"limit": 100})
    )
    data: list[dict[str, Any]] = listed.object["data"]
    return data


async def count_rows(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
