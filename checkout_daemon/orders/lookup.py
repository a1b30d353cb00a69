"""Finds orders by anything an operator may know: a number, an id or its first digits, an id at Stripe, an email."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from unicodedata import normalize
from uuid import UUID

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import AmbiguousOrder, NotFound
from checkout_daemon.model.customer import email_form
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import Order
from checkout_daemon.model.text import cleaned, tidied
from checkout_daemon.orders.order_filter import Condition, OrderFilter, Word
from checkout_daemon.orders.order_query import SearchWord, parse_query
from checkout_daemon.orders.query_values import join_phones, word_of

_NUMBER = re.compile(r"#?([0-9]{1,19})")
_DIGITS = re.compile(r"[0-9]+")
_WHOLE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_BEGIN = re.compile(r"[0-9a-f]{1,32}")
_STRIPE_ID = re.compile(r"(cs|pi|ch|py|re|pyr|dp|du|issfr|evt)_[A-Za-z0-9_]{1,250}")
_ONLY_IN_PAYLOADS = re.compile(r"(cus|req)_[A-Za-z0-9_]{1,250}")
_ADDRESS = re.compile(r"[^@\s\"\\]+@[^@\s\"\\]+\.[^@\s\"\\.]{2,}")
_HYPHENS = (8, 13, 18, 23)  # their places in an id

_MOST_NUMBER = 2**63 - 1
_MOST_LISTED = 20
_MOST_SEARCHED = 100
_NEWEST_PAID = 1_500
NEWEST_SEARCHED = 2_000
"""How many of the newest events are searched for an id that only payloads have."""
_LONGEST_SEARCH = 1000  # characters
_ID_DIGITS = 32


async def find_order(database: Readable, text: str) -> Order:
    """Return the one order that a text names. A number wins over the first digits of an id.

    Raise NotFound, or AmbiguousOrder, which lists the orders that fit, newest first.
    """
    text = cleaned(text)
    async with database.connection() as connection:
        found = await _candidates(connection, text, _MOST_LISTED + 1)
    if not found:
        searched = f" (those given on Stripe's page: in the newest {_NEWEST_PAID:,} payments)" if "@" in text else ""
        raise NotFound(
            f"no order is {text!r}: give a number, an id or its first digits, an id at Stripe, or an email{searched}"
        )
    if len(found) > 1:
        raise AmbiguousOrder(f"several orders are {text!r}; give the number of the one you mean:\n{_listed(found)}")
    return found[0]


async def find_exact_order(database: Readable, text: str) -> Order:
    """Return the order with this number, if the text is digits, or else with this whole id. Raise NotFound.

    For programs: what is neither, or is wrong in a digit, never names another order.
    """
    found: list[Order] = []
    async with database.connection() as connection:
        if _DIGITS.fullmatch(text):
            found = await _numbered(connection, text)
        elif _WHOLE_ID.fullmatch(text):
            found = await _named(connection, text, 1)
    if not found:
        raise NotFound(f"no order is {text!r}: give its number, or its whole id")
    return found[0]


async def add_search(database: Readable, wanted: OrderFilter, text: str) -> OrderFilter:
    """Return the filter with a search added: the order has every word of the text, in any sequence."""
    words = join_phones(enumerate(tidied(text[:_LONGEST_SEARCH]).split()))
    return await add_words(database, wanted, [SearchWord(word) for _, word in words])


async def add_words(database: Readable, wanted: OrderFilter, words: Sequence[SearchWord]) -> OrderFilter:
    """Return the filter with words added, each of which an order must have, or lack if it is negated.

    A word is part of a name, email or discount code, without case and accents, a phone number or part of one, the
    beginning of a SKU, the last four digits of a card or account, a total, or it names an order as for find_order.
    Ids of objects at Stripe and whole ids of orders only name.
    """
    conditions = [
        Condition("word", negated=word.negated, word=await _word(database, word.text)) for word in words if word.text
    ]
    return replace(wanted, conditions=(*wanted.conditions, *conditions))


async def read_filter(
    database: Readable, text: str, *, time_zone: str, now: datetime, wanted: OrderFilter | None = None
) -> OrderFilter:
    """Read a text of the filter language (order_query.py), in addition to a filter. Raise InvalidQuery."""
    query = parse_query(text, time_zone=time_zone, now=now, wanted=wanted)
    return await add_words(database, query.wanted, query.words)


async def _word(database: Readable, text: str) -> Word:
    form = email_form(text) if "@" in text else normalize("NFC", tidied(text[:_LONGEST_SEARCH]))
    text = cleaned(text)
    exact = (
        bool(_STRIPE_ID.fullmatch(text) or _ONLY_IN_PAYLOADS.fullmatch(text))
        or len(_id_digits(text) or "") == _ID_DIGITS
    )
    async with database.connection() as connection:
        if "@" in text:
            # Thousands of payloads are searched only for an address that no order has.
            found = await _orders(connection, "find_orders_by_email", form, _MOST_SEARCHED)
            found = found or await _paid_by(connection, form, _MOST_SEARCHED)
        else:
            found = [*await _numbered(connection, text), *await _named(connection, text, _MOST_SEARCHED)]
    return word_of(form, tuple(dict.fromkeys(order.id for order in found)), exact=exact)


async def _candidates(connection: asyncpg.Connection, text: str, limit: int) -> list[Order]:
    if "@" in text:
        email = email_form(text)
        return await _orders(connection, "find_orders_by_email", email, limit) or await _paid_by(
            connection, email, limit
        )
    return await _numbered(connection, text) or await _named(connection, text, limit)


async def _paid_by(connection: asyncpg.Connection, email: str, limit: int) -> list[Order]:
    """Find the recently paid orders whose payer gave this address on Stripe's page, as wallets and Link do."""
    if not _ADDRESS.fullmatch(email):
        return []
    return await _orders(connection, "find_orders_by_payer", email, limit, _NEWEST_PAID)


async def _numbered(connection: asyncpg.Connection, text: str) -> list[Order]:
    match = _NUMBER.fullmatch(text)
    number = int(match.group(1)) if match else 0
    return await _orders(connection, "find_orders_by_number", number) if 0 < number <= _MOST_NUMBER else []


async def _named(connection: asyncpg.Connection, text: str, limit: int) -> list[Order]:
    """Find orders by the id of an object at Stripe, or by their own ids."""
    if _STRIPE_ID.fullmatch(text):
        return await _orders(connection, "find_orders_by_stripe_id", text, limit)
    if _ONLY_IN_PAYLOADS.fullmatch(text):
        return await _orders(connection, "find_orders_by_id_in_payload", text, limit, NEWEST_SEARCHED)
    if digits := _id_digits(text):
        # A range on the primary key: no index on the id's text is needed.
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        return await _orders(connection, "find_orders_by_id", first, last, limit)
    return []


async def _orders(connection: asyncpg.Connection, statement: str, *arguments: object) -> list[Order]:
    return [record_of(Order, row) for row in await connection.fetch(sql(statement), *arguments)]


def _id_digits(text: str) -> str | None:
    """Return the first hexadecimal digits of an order's id, or None if the text is not the start of an id."""
    digits = "".join(char for place, char in enumerate(text.lower()) if char != "-" or place not in _HYPHENS)
    return digits if _ID_BEGIN.fullmatch(digits) else None


def _listed(orders: Iterable[Order]) -> str:
    lines = [
        f"  {order.number}  {order.status:<18}  {format_money(order.amount_total, order.currency):>12}"
        f"  {order.created_at:%Y-%m-%d %H:%M} UTC"
        for order in orders
    ]
    return "\n".join([*lines[:_MOST_LISTED], *(["  … and more"] if len(lines) > _MOST_LISTED else [])])
