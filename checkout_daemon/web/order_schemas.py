"""The bodies of /api/orders, with the keys of `checkout orders show --json`."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from checkout_daemon.audit.audit_log import check_note
from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.money import LARGEST_AMOUNT
from checkout_daemon.model.orders import REFUND_REASONS, Order, OrderStatus
from checkout_daemon.orders.order_feed import OrderPage, SoldOrder
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.refund_items import WantedItem, check_wanted
from checkout_daemon.orders.refund_rules import TOO_LARGE, RefundOptions
from checkout_daemon.orders.refunding import Refunded
from checkout_daemon.web.schemas import Amount, Country, Currency, Request, TaxAnswer, Time, tax_answers

S = TypeVar("S", bound=Struct)
Note = Annotated[str, Meta(description="The reason, kept in the order's history")]


class SoldItem(Struct):
    """A line of an order. `amount_discount` is its share of the order's discount."""

    sku: str
    name: str
    unit_amount: Amount
    quantity: int
    amount: Amount
    amount_discount: Amount


class ChargeAnswer(Struct):
    """An attempt to pay the order: with which card or account, and why it was declined. Codes are Stripe's."""

    id: str
    payment_id: str
    status: str
    created_at: Time
    method: str | None
    brand: str | None
    last4: str | None
    funding: str | None
    country: str | None
    wallet: str | None
    network: str | None
    decline_code: str | None
    decline_message: str | None
    risk_level: str | None
    risk_score: Annotated[int, Meta(description="0 to 100")] | None


class PaymentAnswer(Struct):
    """An amount that Stripe reported for a payment. It pays the order if it is valid."""

    id: str
    session_id: str | None
    amount: Amount | None
    currency: Currency | None
    livemode: bool | None
    paid_at: Time | None
    valid: bool


class RefundedItemAnswer(Struct):
    """Units of an item that a refund gives back."""

    sku: str
    quantity: int
    amount: Amount


class RefundAnswer(Struct):
    """A refund. `items` if it was made for some."""

    id: str
    payment_id: str
    amount: Amount
    currency: Currency
    status: str
    created_at: Time
    items: list[RefundedItemAnswer]


class DisputeAnswer(Struct):
    """A dispute of a payment."""

    id: str
    payment_id: str
    status: str
    reason: str | None
    amount: Amount | None
    currency: Currency | None
    due_by: Time | None


class AddressAnswer(Struct):
    """Where an order is sent. All but the country is empty until it is known, and once the customer was erased."""

    name: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: Country


class ShippingAnswer(Struct):
    """How and where to an order is sent, as the shopper saw it, and how to follow it once it is shipped."""

    rate: str
    label: str
    estimate: str
    address: AddressAnswer
    carrier: str
    tracking_number: str
    tracking_url: str


class ShopOrder(Struct):
    """An order as the shop's own systems see it. The customer's fields are empty once the customer was erased."""

    id: str
    number: int
    status: OrderStatus
    attention: Annotated[list[str], Meta(description="Why a person must look at it: empty, as a rule")]
    currency: Currency
    amount_subtotal: Amount
    amount_discount: Amount
    amount_total: Amount
    amount_refunded: Amount
    customer_name: str
    customer_email: str
    customer_phone: str
    discount_code: str | None
    livemode: bool
    created_at: Time
    updated_at: Time
    paid_at: Time | None
    imported_from: (
        Annotated[
            str,
            Meta(
                description="The session, PaymentIntent or charge of another system that it was made from: no sale of"
                " this program, so nothing is sent for it again"
            ),
        ]
        | None
    )
    amount_shipping: Annotated[Amount, Meta(description="Part of the total; null if nothing is sent")] | None
    amount_tax: Annotated[Amount, Meta(description="What the total includes; null in shops without it")] | None
    shipped_at: Time | None
    items: list[SoldItem]
    charges: list[ChargeAnswer]
    taxes: list[TaxAnswer]
    shipping: ShippingAnswer | None


class ShopOrderDetails(ShopOrder):
    """An order with its payments, refunds and disputes."""

    payments: list[PaymentAnswer]
    refunds: list[RefundAnswer]
    disputes: list[DisputeAnswer]


class ShopOrders(Struct):
    """A page of orders."""

    orders: list[ShopOrder]
    has_more: bool
    next_cursor: Annotated[str, Meta(description="Continues after this page; null at the end of a list")] | None


class RefundItem(Request):
    """An item to refund; without a quantity, all of it that is left."""

    sku: str
    quantity: Annotated[int, Meta(extra_json_schema={"minimum": 1})] | None = None


class RefundBody(Request):
    """What to give back: everything that is left, an amount, or items."""

    amount: Amount | None = None
    items: Annotated[list[RefundItem], Meta(extra_json_schema={"minItems": 1})] | None = None
    payment_id: Annotated[str, Meta(description="Needed if the order has several payments")] | None = None
    reason: Annotated[str, Meta(description="duplicate, fraudulent or requested_by_customer")] | None = None
    note: Note = ""
    restock: Annotated[bool, Meta(description="Put what is refunded back into stock")] = False

    def options(self) -> RefundOptions:
        """Return what the use case takes. Raise InvalidRequest with every fault that the body alone shows."""
        faults = []
        if self.amount is not None and self.items is not None:
            faults.append(FieldError("/amount", "amount_and_items", "give amount or items, not both"))
        elif self.amount is not None and self.amount < 1:
            faults.append(FieldError("/amount", "invalid_amount", f"the amount is at least 1, not {self.amount}"))
        elif self.amount is not None and self.amount > LARGEST_AMOUNT:
            faults.append(FieldError("/amount", "invalid_amount", TOO_LARGE))
        if self.items is not None and not self.items:
            faults.append(
                FieldError("/items", "no_items", "name an item, or leave items out to refund all that is left")
            )
        items = tuple(WantedItem(item.sku, item.quantity) for item in self.items or ())
        if self.reason is not None and self.reason not in REFUND_REASONS:
            faults.append(FieldError("/reason", "invalid_reason", f"the reason is one of {', '.join(REFUND_REASONS)}"))
        for check in (lambda: check_wanted(items), lambda: check_note(self.note)):
            try:
                check()
            except InvalidRequest as found:
                faults += found.errors
        if faults:
            raise InvalidRequest(faults)
        return RefundOptions(self.amount, self.payment_id, self.reason, items, self.restock)

    def fingerprint(self) -> bytes:
        """Return a hash of the request; white space and the order of keys do not matter."""
        return sha256(msgspec.json.encode(self)).digest()


class CancelBody(Request):
    """Why the order is canceled."""

    note: Note = ""
    restock: Annotated[bool, Meta(description="Whether what is reserved for it goes back on sale")] = True


class NoteBody(Request):
    """A note about the order."""

    note: Note


class MadeRefund(Struct):
    """A refund as Stripe answered it, and the order with it."""

    order_id: str
    number: int
    refund_id: str
    payment_id: str
    amount: Amount
    currency: Currency
    status: str
    order_status: OrderStatus
    amount_refunded: Amount
    items: list[RefundedItemAnswer]


def page_answer(page: OrderPage) -> ShopOrders:
    """Convert a page to its JSON."""
    return ShopOrders([_sold_answer(sold) for sold in page.orders], page.has_more, page.cursor)


def details_answer(view: OrderView) -> ShopOrderDetails:
    """Convert an order to its JSON."""
    parts = {name: getattr(view, name) for name in ("items", "charges", "payments", "refunds", "disputes", "shipping")}
    parts["taxes"] = tax_answers(view.taxes)
    return _converted(view.order, parts, ShopOrderDetails)


def refund_answer(refunded: Refunded) -> MadeRefund:
    """Convert a refund to its JSON."""
    return msgspec.convert(refunded, MadeRefund, from_attributes=True)


def _sold_answer(sold: SoldOrder) -> ShopOrder:
    parts = {"items": sold.items, "charges": sold.charges, "shipping": sold.shipping}
    return _converted(sold.order, parts | {"taxes": tax_answers(sold.taxes)}, ShopOrder)


def _converted(order: Order, parts: dict[str, Any], kind: type[S]) -> S:
    own = {name: getattr(order, name) for name in kind.__struct_fields__ if name not in parts}
    return msgspec.convert(own | parts, kind, from_attributes=True)
