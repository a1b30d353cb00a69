"""Computes what items of an order cost after its discount, so that a refund of items gives back exactly their share.

A line's discount is its share of the order's discount (catalog/pricing.py). What the line costs is shared over its
units by largest remainder, and units are refunded in sequence: all of them together are the line, in whatever parts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from checkout_daemon.catalog.pricing import PricedLine
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.model.money import step
from checkout_daemon.orders.order_store import read_items

_WITH_QUANTITY = re.compile(r"(.+):([0-9]{1,4})", re.DOTALL)


class ItemsNotRefundable(CheckoutError):
    """The order has no such item, or fewer of it are left than asked for."""

    code = "items_not_refundable"
    status = 409
    exit_code = 4
    title = "These items cannot be refunded"


@dataclass(frozen=True, slots=True)
class WantedItem:
    """An item to refund; quantity None: all of it that is left."""

    sku: str
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class RefundedItem:
    """Units of an item that a refund gives back. Amount in minor units."""

    sku: str
    quantity: int
    amount: int


def read_wanted(texts: Iterable[str], skus: Collection[str] = ()) -> tuple[WantedItem, ...]:
    """Read items as `SKU` or `SKU:QTY`. A text that is one of the order's SKUs is that, whatever colons it has.

    Raise InvalidRequest for the first that is neither, and as check_wanted.
    """
    wanted = []
    for text in texts:
        match = None if text in skus else _WITH_QUANTITY.fullmatch(text)
        sku, quantity = (text, None) if match is None else (match[1], int(match[2]))
        if quantity == 0 or not sku.strip() or (":" in text and match is None and text not in skus):
            detail = f"{text!r} is not an item: give SKU or SKU:QTY, such as NOTE:2"
            raise InvalidRequest([FieldError("/items", "invalid_item", detail)])
        wanted.append(WantedItem(sku, quantity))
    return check_wanted(wanted)


async def read_wanted_of(database: Database, order_id: str, texts: Sequence[str]) -> tuple[WantedItem, ...]:
    """Read items of an order as read_wanted does. Raise InvalidRequest."""
    lines = await database.run(read_items, order_id) if texts else ()
    return read_wanted(texts, {line.sku for line in lines})


def check_wanted(wanted: Iterable[WantedItem]) -> tuple[WantedItem, ...]:
    """Return the items. Raise InvalidRequest with every quantity below 1, and every SKU that was named before."""
    items = tuple(wanted)
    faults, named = [], set[str]()
    for place, item in enumerate(items):
        if item.sku in named:
            detail = f"{item.sku} is named twice: give all that you want of it once, with its quantity"
            faults.append(FieldError(f"/items/{place}/sku", "repeated_item", detail))
        named.add(item.sku)
        if item.quantity is not None and item.quantity < 1:
            detail = (
                f"the quantity of {item.sku} is at least 1, not {item.quantity}; without one, it is all that is left"
            )
            faults.append(FieldError(f"/items/{place}/quantity", "invalid_quantity", detail))
    if faults:
        raise InvalidRequest(faults)
    return items


def items_text(items: Iterable[RefundedItem]) -> str:
    """Return items on one line, such as `2 × NOTE, 1 × PEN`."""
    return ", ".join(f"{item.quantity} × {item.sku}" for item in items)


def units_left(lines: Sequence[PricedLine], refunded: Iterable[RefundedItem]) -> dict[str, int]:
    """Return by SKU how many units of an order are not refunded as items."""
    left = Counter[str]()
    for line in lines:
        left[line.sku] += line.quantity
    left.subtract(_quantities(refunded))
    return dict(left)


def price_items(
    lines: Sequence[PricedLine], wanted: Iterable[WantedItem], refunded: Iterable[RefundedItem], currency: str
) -> tuple[RefundedItem, ...]:
    """Return the items to refund with what they cost. Raise ItemsNotRefundable, or InvalidRequest as check_wanted."""
    refunded = tuple(refunded)
    before = _quantities(refunded)
    left = units_left(lines, refunded)
    priced = []
    for item in check_wanted(wanted):
        if item.sku not in left:
            has = ", ".join(left)
            raise ItemsNotRefundable(f"the order has no item {item.sku}; it has {has}")
        quantity = left[item.sku] if item.quantity is None else item.quantity
        if left[item.sku] < 1:
            raise ItemsNotRefundable(f"every {item.sku} of the order is refunded already")
        if quantity > left[item.sku]:
            raise ItemsNotRefundable(f"only {left[item.sku]} of {item.sku} can still be refunded, not {quantity}")
        units = [unit for line in lines if line.sku == item.sku for unit in _units(line, currency)]
        first = before[item.sku]
        if quantity == left[item.sku]:  # all that is left, whichever units a failed refund gave back
            amount = sum(units) - sum(earlier.amount for earlier in refunded if earlier.sku == item.sku)
        else:
            amount = sum(units[first : first + quantity])
        priced.append(RefundedItem(item.sku, quantity, amount))
    return tuple(priced)


def _units(line: PricedLine, currency: str) -> list[int]:
    """Return what each unit of a line costs: whole steps by largest remainder, so that they add up to the line."""
    size, cost = step(currency), line.amount - line.amount_discount
    steps, rest = divmod(cost, size)  # there is a rest only if Stripe charged what this program would not
    each_has, more = divmod(steps, line.quantity)
    units = [(each_has + (place < more)) * size for place in range(line.quantity)]
    units[0] += rest
    return units


def _quantities(refunded: Iterable[RefundedItem]) -> Mapping[str, int]:
    quantities = Counter[str]()
    for item in refunded:
        quantities[item.sku] += item.quantity
    return quantities
