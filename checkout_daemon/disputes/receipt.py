"""The receipt of an order: what was sold, for how much, to whom, and how it was paid. As a record, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from checkout_daemon.model.address import Address
from checkout_daemon.model.money import format_money
from checkout_daemon.model.payment_names import method_name
from checkout_daemon.model.text import WORD_MARKS, tidied, unusable
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.shop.records import Shop

_WIDTH = 78
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A line of a receipt: on the left a text, on the right an amount, which may be empty."""

    text: str
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt. `seller` are lines, `facts` pairs of names and values; `made_at` is when the order was placed."""

    title: str
    made_at: datetime
    seller: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    items: tuple[ReceiptRow, ...]
    totals: tuple[ReceiptRow, ...]

    def text(self) -> str:
        """Return the receipt as lines of text."""
        width = max(len(name) for name, _ in self.facts) + 2
        lines = [self.title, "", *self.seller, *([""] if self.seller else [])]
        lines += [f"{name:<{width}}{value}" for name, value in self.facts]
        lines += ["", *map(_aligned, self.items), "-" * _WIDTH, *map(_aligned, self.totals)]
        return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """Return a text on one line, without what cannot be shown; a long one is cut."""
    usable = (char if unusable(char, allow=WORD_MARKS) is None else " " for char in text)
    return tidied("".join(usable))[:_LONGEST_LINE]


def address_lines(address: Address) -> tuple[str, ...]:
    """Return an address line by line, each text of it on one line."""
    texts = {field.name: one_line(getattr(address, field.name)) for field in fields(address)}
    return Address(**texts).lines()


def receipt_of(view: OrderView, shop: Shop) -> Receipt:
    """Return the receipt of an order, in English: the customer's bank reads it."""
    order = view.order
    currency = order.currency

    def money(amount: int) -> str:
        return format_money(amount, currency)

    facts = [
        ("Order", str(order.number)),
        ("Placed", _when(order.created_at)),
        ("Customer", order.customer_name),
        ("Email", order.customer_email),
        ("Phone", order.customer_phone),
    ]
    if view.shipping is not None and view.shipping.address.is_known:
        facts.append(("Ship to", ", ".join(address_lines(view.shipping.address))))
    facts += [("Paid", text) for text in _payments(view)]
    totals = [ReceiptRow("Subtotal", money(order.amount_subtotal))]
    if order.amount_discount:
        code = f" {one_line(order.discount_code)}" if order.discount_code else ""
        totals.append(ReceiptRow(f"Discount{code}", money(-order.amount_discount)))
    if order.amount_shipping is not None:
        label = f" ({one_line(view.shipping.label)})" if view.shipping is not None and view.shipping.label else ""
        totals.append(ReceiptRow(f"Shipping{label}", money(order.amount_shipping)))
    totals.append(ReceiptRow("Total", money(order.amount_total)))
    totals += [ReceiptRow(f"Includes {tax.percent.normalize():f} % tax", money(tax.amount)) for tax in view.taxes]
    totals += [
        ReceiptRow(f"Refunded {refund.created_at:%Y-%m-%d}", format_money(-refund.amount, refund.currency))
        for refund in view.refunds
        if refund.status == "succeeded"
    ]
    return Receipt(
        f"{one_line(shop.name)}: receipt for order {order.number}",
        order.created_at,
        tuple(map(one_line, shop.seller)),
        tuple((name, one_line(value)) for name, value in facts if value),
        tuple(_items(view)),
        tuple(totals),
    )


def _items(view: OrderView) -> Sequence[ReceiptRow]:
    currency = view.order.currency
    return [
        ReceiptRow(
            f"{item.quantity} x {one_line(item.name)} ({one_line(item.sku)}), "
            f"{format_money(item.unit_amount, currency)} each",
            format_money(item.amount, currency),
        )
        for item in view.items
    ]


def _payments(view: OrderView) -> list[str]:
    """Return with what, when and under which id each valid payment was made."""
    found = []
    for payment in view.payments:
        if not payment.valid or payment.paid_at is None:
            continue
        charge = next((one for one in view.charges if one.payment_id == payment.id and one.status == "succeeded"), None)
        method = "" if charge is None else method_name(charge.method, charge.brand, charge.last4)
        found.append(" ".join(filter(None, (_when(payment.paid_at), method, f"({payment.id})"))))
    return found


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _aligned(row: ReceiptRow) -> str:
    return (
        f"{row.text:<{_WIDTH - len(row.amount)}}{row.amount}"
        if len(row.text) < _WIDTH
        else (f"{row.text}\n{row.amount:>{_WIDTH}}")
    )
