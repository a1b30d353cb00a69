"""Finds an order by anything that an operator may hold: number, id, its beginning, an id of Stripe's, or an email."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import normalize
from uuid import UUID

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import AmbiguousOrder, NotFound
from checkout_daemon.model.customer import email_form
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import cleaned, tidied
from checkout_daemon.orders import order_lists

_NUMBER = re.compile(r"#?([0-9]{1,19})")
_ID_BEGIN = re.compile(r"[0-9a-f]{1,32}")
_STRIPE_ID = re.compile(r"(cs|pi|ch|py|re|pyr|dp|du|evt)_[A-Za-z0-9_]{1,250}")
_ADDRESS = re.compile(r"[^@\s\"\\]+@[^@\s\"\\]+\.[^@\s\"\\.]{2,}")
_HYPHENS = (8, 13, 18, 23)  # where an id has them

_MOST_LISTED = 20
_MOST_SEARCHED = 1000
_LONGEST_SEARCH = 1000  # characters


async def find_order(database: Database, text: str) -> Order:
    """Return the one order that a text means. A number wins over the beginning of an id.

    Raises NotFound; AmbiguousOrder where several fit, which lists them, newest first.
    """
    text = cleaned(text)
    async with database.connection() as connection:
        found = await _candidates(connection, text, _MOST_LISTED + 1)
    if not found:
        raise NotFound(f"no order is {text!r}: give a number, an id or its beginning, an id of Stripe's, or an email")
    if len(found) > 1:
        raise AmbiguousOrder(f"several orders are {text!r}; give the number of the one you mean:\n{_listed(found)}")
    return found[0]


async def search(database: Database, text: str) -> tuple[tuple[str, ...], str | None]:
    """Return the ids of orders that a search text names, and the text to look for in names and emails.

    None where it is an id of Stripe's or an order's whole id: those name orders and nothing else.
    """
    words = email_form(text) if "@" in text else normalize("NFC", tidied(text[:_LONGEST_SEARCH]))
    text = cleaned(text)
    exact = _STRIPE_ID.fullmatch(text) is not None or len(_id_digits(text) or "") == 32
    async with database.connection() as connection:
        if "@" in text:
            found = await _paid_by(connection, words, _MOST_SEARCHED)
        else:
            found = await _named(connection, text, _MOST_SEARCHED)
    return tuple(order.id for order in found), None if exact else words


async def _candidates(connection: asyncpg.Connection, text: str, limit: int) -> list[Order]:
    if "@" in text:
        email = email_form(text)
        return await order_lists.find_by_email(connection, email, limit) or await _paid_by(connection, email, limit)
    if (number := _NUMBER.fullmatch(text)) and (
        found := await order_lists.find_by_number(connection, int(number.group(1)))
    ):
        return found
    return await _named(connection, text, limit, numbers=False)


async def _paid_by(connection: asyncpg.Connection, email: str, limit: int) -> list[Order]:
    """Find orders by the address given on Stripe's page: wallets and Link may have another than the shop's."""
    return await order_lists.find_by_payer(connection, email, limit) if _ADDRESS.fullmatch(email) else []


async def _named(connection: asyncpg.Connection, text: str, limit: int, *, numbers: bool = True) -> list[Order]:
    found: list[Order] = []
    if numbers and (number := _NUMBER.fullmatch(text)):
        found += await order_lists.find_by_number(connection, int(number.group(1)))
    if _STRIPE_ID.fullmatch(text):
        found += await order_lists.find_by_stripe_id(connection, text, limit)
    elif digits := _id_digits(text):
        # A range on the primary key: an index on the id's text is not needed.
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        found += await order_lists.find_by_id_range(connection, first, last, limit)
    return found


def _id_digits(text: str) -> str | None:
    """The hexadecimal digits that an order's id begins with, or None for what is no such beginning."""
    lower = text.lower()
    digits = "".join(each for place, each in enumerate(lower) if not (each == "-" and place in _HYPHENS))
    return digits if _ID_BEGIN.fullmatch(digits) else None


def _listed(orders: Iterable[Order]) -> str:
    lines = [
        f"  {order.number}  {order.status:<18}  {format_money(order.amount_total, order.currency):>12}"
        f"  {order.created_at:%Y-%m-%d %H:%M} UTC"
        for order in orders
    ]
    return "\n".join([*lines[:_MOST_LISTED], *(["  … and more"] if len(lines) > _MOST_LISTED else [])])
