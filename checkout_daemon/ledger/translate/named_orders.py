"""Reads which order of ours an object at Stripe names: our marks are in its metadata, and outlive our database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.ledger.translate.stripe_objects import Object, mark, named_attempt

NUMBER, SHOP = "number", "shop"
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
    if (named := named_attempt(told)) is None:
        return None
    number = mark(told, NUMBER) or ""
    return NamedOrder(
        *named,
        int(number) if _NUMBER.fullmatch(number) else None,
        mark(told, SHOP),
        mark(told, "discount_code"),
        mark(told, "locale"),
    )
