"""What Stripe is asked for when an order is to be paid: frozen when an attempt starts, sent to the letter at each try.

Nothing in it may let Stripe change the total: no adaptive pricing, promotion codes, automatic tax, shipping options or
adjustable quantities, and no recovery URL, which would be a second way to pay that cannot be revoked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checkout_daemon.model.locale import stripe_locale
from checkout_daemon.orders.order_store import PayableOrder

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER_TO_COME, SHOP_TO_COME = "\x01", "\x02"
"""What stands for the order's number and the shop's id until both are known: the statement that inserts the attempt
puts them in. No other text in the parameters is one control character."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the shopper comes back to, and how long the session may stay open (None: Stripe's 24 hours)."""

    public_url: str
    session_minutes: int | None


def idempotency_key(order_id: str, attempt: int) -> str:
    return f"{order_id}:{attempt}"


def coupon_id(order_id: str) -> str:
    return f"co-{order_id}"


def order_of_coupon(coupon: str) -> str | None:
    """Return the order whose coupon this is; None for a coupon that is not ours."""
    order_id = coupon.removeprefix("co-")
    return order_id if coupon.startswith("co-") and _UUID.fullmatch(order_id) else None


def session_parameters(order: PayableOrder, attempt: int, pages: Pages, started_at: datetime) -> dict[str, Any]:
    """`{"session": …, "coupon": … or absent}`, as Stripe's API names them."""
    # What brings the order back if our database loses it: `checkout orders recover`. Nothing that names a person.
    marks = {"discount_code": order.discount_code, "locale": order.locale}
    metadata = {"order_id": order.id, "attempt": str(attempt), "number": NUMBER_TO_COME, "shop": SHOP_TO_COME} | {
        name: value for name, value in marks.items() if value
    }
    session: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": line.quantity,
                "price_data": {
                    "currency": order.currency,
                    "unit_amount": line.unit_amount,
                    "product_data": {"name": line.name, "metadata": {"sku": line.sku}}
                    # Stripe refuses an empty description.
                    | ({"description": line.description} if line.description else {}),
                },
            }
            for line in order.lines
        ],
        "customer_email": order.customer_email,
        "client_reference_id": order.id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "adaptive_pricing": {"enabled": False},
        # Stripe fills {CHECKOUT_SESSION_ID} in here only, so the cancel URL carries the order's id.
        "success_url": f"{pages.public_url}/success?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{pages.public_url}/cancel?order_id={order.id}",
    }
    if (locale := stripe_locale(order.locale)) is not None:
        session["locale"] = locale
    if pages.session_minutes is not None:
        session["expires_at"] = int((started_at + timedelta(minutes=pages.session_minutes)).timestamp())
    if not order.amount_discount:
        return {"session": session}
    coupon = {
        "id": coupon_id(order.id),
        "amount_off": order.amount_discount,
        "currency": order.currency,
        "duration": "once",
        "name": (order.discount_code or "Discount")[:40],  # Stripe's limit
    }
    session["discounts"] = [{"coupon": coupon["id"]}]
    return {"session": session, "coupon": coupon}
