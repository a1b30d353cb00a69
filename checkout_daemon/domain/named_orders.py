"""Reads which order of ours an object at Stripe names: our marks are in its metadata, and outlive our database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.domain.events.reading import Object, mark

NUMBER, SHOP = "number", "shop"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ATTEMPT = re.compile(r"[1-9][0-9]{0,5}")
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """What the metadata says of an order. `number` and `shop` are None for what was made before they were marks."""

    order_id: str
    attempt: int
    number: int | None = None
    shop: str | None = None
    discount_code: str | None = None
    locale: str | None = None


def named_order(told: Object) -> NamedOrder | None:
    """Return the order that a session, PaymentIntent or charge names by all of our marks; None for what is not ours."""
    order_id, attempt = mark(told, "order_id") or "", mark(told, "attempt") or ""
    if not _UUID.fullmatch(order_id) or not _ATTEMPT.fullmatch(attempt):
        return None
    if told.get("object") == "checkout.session" and told.get("client_reference_id") != order_id:
        return None
    number = mark(told, NUMBER) or ""
    return NamedOrder(
        order_id,
        int(attempt),
        int(number) if _NUMBER.fullmatch(number) else None,
        mark(told, SHOP),
        mark(told, "discount_code"),
        mark(told, "locale"),
    )
