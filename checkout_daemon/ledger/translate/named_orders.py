"""Reads which order of ours an object at Stripe names: the marks in its metadata outlive our database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.ledger.translate.stripe_objects import Object, mark, named_attempt

NUMBER, SHOP = "number", "shop"
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """An order as the metadata names it. Older objects have no `number`, `shop` or `shipping_rate`."""

    order_id: str
    attempt: int
    number: int | None = None
    shop: str | None = None
    discount_code: str | None = None
    locale: str | None = None
    shipping_rate: str | None = None


def named_order(fields: Object) -> NamedOrder | None:
    """Return the order that a session, PaymentIntent or charge of ours names, or None for another object."""
    if (named := named_attempt(fields)) is None:
        return None
    number = mark(fields, NUMBER) or ""
    return NamedOrder(
        *named,
        int(number) if _NUMBER.fullmatch(number) else None,
        mark(fields, SHOP),
        mark(fields, "discount_code"),
        mark(fields, "locale"),
        mark(fields, "shipping_rate"),
    )
