"""Signed bodies of Stripe's events, and orders for them."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import asyncpg

from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.signature import sign

SECRET = "whsec_test_secret"
CREATED = 1_790_000_000


def event_body(
    event_type: str,
    payload: dict[str, Any],
    *,
    event_id: str | None = None,
    created: int = CREATED,
    livemode: bool = False,
) -> bytes:
    return json.dumps(
        {
            "id": event_id or f"evt_{uuid4().hex}",
            "object": "event",
            "type": event_type,
            "created": created,
            "livemode": livemode,
            "api_version": "2026-10-28.endive",
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "data": {"object": payload},
        }
    ).encode()


def signed(body: bytes, secret: str = SECRET) -> str:
    return sign(body, secret, int(time.time()))


async def deliver(intake: Intake, body: bytes) -> None:
    await intake.receive(body, signed(body))


async def insert_order(url: str, order_id: str | None = None, *, total: int = 5000, currency: str = "eur") -> str:
    """Insert a pending order without items, which is enough for events, and return its id."""
    order_id = order_id or str(uuid4())
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,"
            " customer_email, customer_phone, livemode) VALUES ($1, $2, $3, 0, $3, 'N', 'n@example.com', '+1', false)",
            order_id,
            currency,
            total,
        )
    finally:
        await connection.close()
    return order_id


def session_object(order_id: str, session_id: str, intent_id: str | None, **fields: Any) -> dict[str, Any]:
    """Return a completed and paid session of 50.00 eur, with other fields as given."""
    return {
        "id": session_id,
        "object": "checkout.session",
        "client_reference_id": order_id,
        "metadata": {"order_id": order_id},
        "payment_intent": intent_id,
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 5000,
        "currency": "eur",
        "livemode": False,
    } | fields


def refund_object(refund_id: str, intent_id: str, amount: int, status: str = "succeeded") -> dict[str, Any]:
    return {
        "id": refund_id,
        "object": "refund",
        "payment_intent": intent_id,
        "charge": intent_id.replace("pi_", "ch_"),
        "amount": amount,
        "currency": "eur",
        "status": status,
    }


def refused_payment(order_id: str, intent_id: str = "pi_1") -> bytes:
    """Return the event of a refused payment, which changes nothing in its order."""
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": 5000,
        "currency": "eur",
        "livemode": False,
        "status": "requires_payment_method",
        "metadata": {"order_id": order_id},
    }
    return event_body("payment_intent.payment_failed", intent)
