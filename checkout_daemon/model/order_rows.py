"""An order as a row of a list, with what lists show besides its own fields, and the sorts of such lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from checkout_daemon.model import sorting
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import search_form


class Part(StrEnum):
    """What is read for a row only if one of its columns, or the sort, needs it."""

    EVENT = "event"
    CHARGE = "charge"
    ITEMS = "items"
    CARE = "care"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The type of the last event about an order, and when it was received."""

    type: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class RowItem:
    """An item of an order, as far as lists show it."""

    sku: str
    quantity: int


_NOT_PAID = PaidWith()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a row of a list. Parts that were not read are empty.

    `due_by`: until when its next dispute must be answered.
    """

    order: Order
    last_event: LastEvent | None = None
    paid: PaidWith = _NOT_PAID
    items: tuple[RowItem, ...] = ()
    owner: str | None = None
    due_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sort(sorting.SortBy):
    """By which column a list of orders is sorted."""

    name: str = "created"

    @property
    def part(self) -> Part | None:
        """The part of rows that its keys need."""
        return _SORTS[self.name][1]

    @property
    def is_lasting(self) -> bool:
        """Whether an order keeps its place for good: the terms and the number of an order never change."""
        return self.name in ("created", "number", "amount", "discount", "currency")

    def place(self, row: OrderRow) -> tuple[Any, ...]:
        """Return the place of a row: the first one has the greatest. Rows without a value are last."""
        return self.place_of(_SORTS[self.name][0](row), row.order.number)


NEWEST_FIRST = Sort()


def _text(text: str | None) -> str | None:
    return search_form(text) if text else None


_SORTS: Mapping[str, tuple[Callable[[OrderRow], Any], Part | None]] = {
    "created": (lambda row: row.order.created_at, None),
    "number": (lambda row: row.order.number, None),
    "updated": (lambda row: row.order.updated_at, None),
    "paid": (lambda row: row.order.paid_at, None),
    "shipped": (lambda row: row.order.shipped_at, None),
    "imported": (lambda row: row.order.imported_from or None, None),
    "amount": (lambda row: row.order.amount_total, None),
    "refunded": (lambda row: row.order.amount_refunded or None, None),
    "discount": (lambda row: row.order.amount_discount or None, None),
    "status": (lambda row: row.order.status, None),
    "attention": (lambda row: len(row.order.attention) or None, None),
    "customer": (lambda row: _text(row.order.customer_name), None),
    "email": (lambda row: _text(row.order.customer_email), None),
    "phone": (lambda row: row.order.customer_phone or None, None),
    "currency": (lambda row: row.order.currency, None),
    "card": (lambda row: (row.paid.card_brand or row.paid.payment_method, row.paid.last4 or "") if _paid(row) else None,
             Part.CHARGE),
    "country": (lambda row: row.paid.card_country, Part.CHARGE),
    "method": (lambda row: row.paid.card_wallet or row.paid.payment_method, Part.CHARGE),
    "decline": (lambda row: row.paid.decline_code, Part.CHARGE),
    "items": (lambda row: sum(item.quantity for item in row.items) or None, Part.ITEMS),
    "owner": (lambda row: _text(row.owner), Part.CARE),
    "deadline": (lambda row: row.due_by, Part.DISPUTE),
    "event": (lambda row: row.last_event and row.last_event.received_at, Part.EVENT),
}  # fmt: skip

SORTS = tuple(_SORTS)
"""The names of all sorts, as `--sort` takes them."""

_ASCENDING = (
    "status",
    "customer",
    "email",
    "phone",
    "currency",
    "card",
    "country",
    "method",
    "decline",
    "owner",
    "deadline",
)


def _paid(row: OrderRow) -> bool:
    return bool(row.paid.card_brand or row.paid.payment_method)


def first_sort(name: str) -> Sort:
    """Return the sort that the first click on a column chooses: texts from A to Z, else the greatest first."""
    return Sort(name, descending=name not in _ASCENDING)


def read_sort(text: str) -> Sort | None:
    """Return the sort that `amount` or `-amount` stands for, or None."""
    name = text.removeprefix("-")
    return Sort(name, descending=text.startswith("-")) if name in _SORTS else None
