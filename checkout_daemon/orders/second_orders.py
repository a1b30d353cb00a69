"""Decides what to do with a second order of the same goods by the same customer within an hour.

Customers are the same if their emails are. Only a shopper who also gives the same name and phone gets the first order's
link or reference: both are capabilities, and a stranger can guess an email with a likely cart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from checkout_daemon.catalog.cart import Cart
from checkout_daemon.catalog.pricing import normalize_discount_code
from checkout_daemon.errors import ProbablyPlaced
from checkout_daemon.model.address import Address
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.orders import PAYABLE_STATUSES


@dataclass(frozen=True, slots=True)
class AlikeOrder:
    """An order of the same customer and lines. `mismatched`: it has a payment that differs from its terms."""

    id: str
    number: int
    status: str
    mismatched: bool
    customer_name: str
    customer_phone: str
    discount_code: str | None
    amount_total: int
    sent: tuple[str, ...] | None = None  # as `sent_as` has it; None: it is not sent

    @property
    def payable(self) -> bool:
        """Whether it can still be paid."""
        return self.status in PAYABLE_STATUSES and not self.mismatched


def order_to_reuse(
    customer: Customer,
    discount_code: str | None,
    expected_total: int | None,
    alike: Sequence[AlikeOrder],
    sent: Sequence[str] | None = None,
) -> AlikeOrder | None:
    """Return the order that the shopper means, or None to make a new one.

    `alike`: newest first, without those that are canceled or refunded in full. Raise ProbablyPlaced if one of them is
    paid or being paid. One that can still be paid is reused if name, phone, discount, address, way of shipping and
    total are the same: a corrected phone number or a new discount code makes a new order.
    """
    ours = [order for order in alike if _same_person(customer, order)]
    if any(not order.payable for order in alike):
        placed = next((order for order in ours if not order.payable), None)
        raise ProbablyPlaced(*((placed.id, placed.number) if placed is not None else ()))
    code = normalize_discount_code(discount_code)
    same = [order for order in ours if order.discount_code == code and _is_sent(order, sent)]
    return next((order for order in same if expected_total in (None, order.amount_total)), None)


def sent_as(rate: str, address: Address) -> tuple[str, ...]:
    """Return how and where to an order is sent, as find_alike_orders has it. Of some only the country is known."""
    return (
        *(rate, address.name, address.line1, address.line2, address.city, address.state),
        *(address.postal_code, address.country),
    )


def _is_sent(order: AlikeOrder, sent: Sequence[str] | None) -> bool:
    return order.sent == (None if sent is None else tuple(sent))


def lines_of(cart: Cart) -> list[str]:
    """Return the lines in a fixed sequence as `SKU quantity`, sorted by bytes as the database does."""
    return [f"{line.sku} {line.quantity}" for line in sorted(cart.lines, key=lambda line: line.sku)]


def lock_key(customer: Customer, cart: Cart) -> int:
    """Return the key of the advisory lock that orders of the same customer and lines take, 64 bits with a sign."""
    text = "\n".join([customer.email.lower(), *lines_of(cart)])
    return int.from_bytes(sha256(text.encode()).digest()[:8], signed=True)


def _same_person(customer: Customer, order: AlikeOrder) -> bool:
    return customer.phone == order.customer_phone and _spelling(customer.name) == _spelling(order.customer_name)


def _spelling(name: str) -> str:
    return " ".join(name.casefold().split())
