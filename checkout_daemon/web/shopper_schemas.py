"""An order in the answer to its shopper."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from checkout_daemon.checkout.shopper_view import ShopperOrder
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.web.schemas import Amount, Answer, Currency, PricedItem, TaxAnswer, Time, tax_answers


class ShopperRefund(Answer):
    """A refund, with Stripe's status of it: the money arrives some days after it has succeeded."""

    amount: Amount
    currency: Currency
    status: Literal["requires_action", "pending", "succeeded", "canceled", "failed"]
    created_at: Time


class ParcelAnswer(Answer):
    """How an order was sent, as far as the shop has stated it."""

    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""


class OrderAnswer(Answer):
    """An order, as everyone who has its link sees it: no name, address, mail or phone number.

    The parcel's number is there, because the shopper follows the parcel from here. It is erased with the customer.
    """

    number: int
    status: OrderStatus
    items: list[PricedItem]
    amount_subtotal: Amount
    amount_discount: Amount
    amount_total: Amount
    currency: Currency
    created_at: Time
    paid_at: Time | None = None
    discount_code: str | None = None
    retry_url: Annotated[str, Meta(description="Path to POST for another try; present while payable")] | None = None
    amount_refunded: Annotated[
        Amount, Meta(description="What was refunded or is on its way back; absent if nothing")
    ] = 0
    refunds: Annotated[list[ShopperRefund], Meta(description="Oldest first, those that failed too")] = msgspec.field(
        default_factory=list
    )
    amount_shipping: Annotated[Amount, Meta(description="Part of the total; absent if nothing is sent")] | None = None
    amount_tax: Annotated[Amount, Meta(description="What the total includes; absent in shops without it")] | None = None
    taxes: list[TaxAnswer] = msgspec.field(default_factory=list)
    shipping_label: Annotated[str, Meta(description="How it is sent")] | None = None
    shipped_at: Annotated[Time, Meta(description="Absent until it is sent")] | None = None
    parcel: ParcelAnswer | None = None


def order_answer(shown: ShopperOrder) -> OrderAnswer:
    """Convert an order to its JSON."""
    sent = shown.shipping
    fields = asdict(shown.order) | {
        "items": shown.items,
        "retry_url": shown.retry_url,
        "refunds": shown.refunds,
        "taxes": tax_answers(shown.taxes),
        "shipping_label": None if sent is None else sent.label,
        "parcel": None if sent is None or shown.order.shipped_at is None else sent,
    }
    return msgspec.convert(fields, OrderAnswer, from_attributes=True)
