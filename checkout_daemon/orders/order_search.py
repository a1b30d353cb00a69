"""Finds the orders that meet any conditions, without reading much of a large shop.

A way is one end of one index: the newest orders of a status, an email, a card, or of all. Each way that the conditions
allow is tried for a thousand orders. What few orders have is then found by the index of texts, for longer and longer
spans, so that a text of many orders fills its page from a short span. At last the way that reaches furthest is followed
for some thousand orders more. The extent of a list that may lack older orders is not whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import LONG_AGO, record_of
from checkout_daemon.model.money import currencies_with
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.order_filter import ChargeFacts, ComparedFacts, Condition, Extent, OrderCursor, OrderFilter
from checkout_daemon.orders.order_ids import DIGITS_LAST, digits_between

_TRIED = 1000  # orders of each way
_FOLLOWED, _MOST_LOOKED_AT = 3000, 4000  # orders of the way that is followed: at once, and in all
_MOST_LOOKED_UP = 2000  # orders of one SKU, card or amount
_SHORTEST_SKU = 2  # characters
_SPANS = (1, 4, 16, 64)  # times DIGITS_LAST
_CLOCKS = timedelta(hours=1)  # how far the time in an id may be off that in created_at
_UPGRADE = timedelta(days=7)  # how long the last release, whose ids are all random, may still sell after the migration
# The index reads every order that has the rarest trigram, and every text with all that are asked for: at most so many.
_MOST_ENTRIES, _MOST_TEXTS = 300_000, 2500
_TRIGRAM = 3  # characters
_SMALL_SHOP = 100_000  # orders: it is searched whole
_OFTEN = frozenset({OrderStatus.PENDING, OrderStatus.COMPLETED})  # nearly all orders pass through them

_CHARGES = msgspec.json.Decoder(tuple[ChargeFacts, ...])


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to candidates: one of those that the statement knows, and what it looks for."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """What orders that meet a condition have one of: a text, an id, a card's last digits, a SKU or an amount."""

    texts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    last4: str | None = None
    sku: str | None = None  # what it begins with
    amounts: tuple[int, ...] = ()
    is_part: bool = False  # other orders may meet the condition as well

    @property
    def looked_up(self) -> bool:
        """Whether some of its orders are found by lookups."""
        return bool(self.last4 or self.sku or self.amounts)


@dataclass(frozen=True, slots=True)
class _Page:
    """Orders that fit, and the last candidate if there may be more. `likely`: how many texts were compared."""

    orders: list[Order]
    reached: OrderCursor | None
    likely: int


@dataclass(frozen=True, slots=True)
class _Shop:
    """The shop's size by the planner's figures, and since when ids begin with the time."""

    orders: float
    with_trigram: Sequence[float]
    first_at: datetime | None
    ids_since: datetime


async def search_orders(
    connection: asyncpg.Connection, wanted: OrderFilter, before: OrderCursor, limit: int, extent: Extent
) -> list[Order]:
    """Return a page of the orders that meet the filter's conditions, newest first."""
    return await _Search(connection, wanted, before, limit, extent).run()


async def read_facts(connection: asyncpg.Connection, order_ids: Sequence[str]) -> dict[str, ComparedFacts]:
    """Return what conditions compare besides the orders themselves, by their ids."""
    return {
        str(row["order_id"]): ComparedFacts(tuple(row["skus"]), _CHARGES.decode(row["charges"] or "[]"))
        for row in await connection.fetch(sql("read_order_facts"), list(order_ids))
    }


class _Search:
    def __init__(
        self,
        connection: asyncpg.Connection,
        wanted: OrderFilter,
        before: OrderCursor,
        limit: int,
        extent: Extent,
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._before = before
        self._limit = limit
        self._extent = extent
        self._conditions = wanted.all_conditions
        self._json = msgspec.json.encode([condition.document() for condition in self._conditions]).decode()

    async def run(self) -> list[Order]:
        sources = _sources(self._conditions)
        named = next((source for source in sources if not (source.texts or source.looked_up or source.is_part)), None)
        if named is not None:
            return (await self._read(_Way("ids"), None, ids=named.ids)).orders
        tried: list[tuple[_Way, _Page]] = []
        for way in _ways(self._wanted, self._conditions):
            page = await self._read(way, max(_TRIED, self._limit))
            if page.reached is None or len(page.orders) >= self._limit:
                return page.orders
            tried.append((way, page))
        shop = await self._describe(_texts(sources))
        found, complete = await self._read_sources(sources, shop)
        if complete:
            return found
        for _, page in tried:
            found += page.orders
        # The way that reached furthest with as many orders finds the rarest ones.
        way, page = min(tried, key=lambda pair: (pair[1].reached or self._before).created_at)
        return await self._follow(way, page, found, shop)

    async def _read_sources(self, sources: Sequence[_Source], shop: _Shop) -> tuple[list[Order], bool]:
        """Return the orders that the rarest source finds, and whether no other order belongs to the page."""
        rarity = dict(zip(_texts(sources), shop.with_trigram, strict=True))
        found: list[Order] = []
        for source in sorted(sources, key=lambda source: sum(rarity[text] for text in source.texts)):
            ids, complete = await self._look_up(source)
            if source.texts:
                with_trigram = sum(rarity[text] for text in source.texts)
                orders, all_texts = await self._read_texts(source, ids, with_trigram, shop)
                if complete and all_texts and not source.is_part:
                    return orders, True
                found += orders
            page = await self._read(_Way("ids"), None, ids=ids)
            if complete and not source.texts and not source.is_part:
                return page.orders, True
            found += page.orders
            if source.texts:
                break  # others have more orders
        return found, False

    async def _look_up(self, source: _Source) -> tuple[tuple[str, ...], bool]:
        """Return the ids of a source, and whether these are all that lookups find."""
        if not source.looked_up:
            return source.ids, True
        rows = await self._connection.fetch(
            sql("look_up_orders"),
            self._wanted.since or LONG_AGO,
            self._before.created_at,
            self._before.number,
            _MOST_LOOKED_UP,
            source.last4,
            source.sku,
            list(source.amounts),
        )
        counts = Counter(row["kind"] for row in rows)
        return (*source.ids, *(str(row["order_id"]) for row in rows)), max(counts.values(), default=0) < _MOST_LOOKED_UP

    async def _read_texts(
        self, source: _Source, ids: Sequence[str], with_trigram: float, shop: _Shop
    ) -> tuple[list[Order], bool]:
        """Search the index of texts. Return the orders found, and whether no other order belongs to the page."""
        way = _Way("texts", source.texts)
        now = min(self._before.created_at, datetime.now(UTC))
        every = max((now - (shop.first_at or now)) / DIGITS_LAST, 1.0)
        orders: list[Order] = []
        for span, longer in pairwise([*_spans(shop, now, every), every, every]):
            if with_trigram * min(span / every, 1) > _MOST_ENTRIES:
                return orders, False
            if span == every:
                break
            since = now - span * DIGITS_LAST
            digits = list(digits_between(since - _CLOCKS, now + _CLOCKS))
            page = await self._read(way, None, ids=ids, digits=digits, since=since)
            orders = page.orders
            if len(orders) >= self._limit or since <= (self._wanted.since or LONG_AGO):
                return orders, True
            if page.likely * longer / span > _MOST_TEXTS:
                return orders, False
        return (await self._read(way, None, ids=ids)).orders, True

    async def _follow(self, way: _Way, page: _Page, found: Sequence[Order], shop: _Shop) -> list[Order]:
        """Follow a way from the page that it gave, until the list is full or enough was looked at."""
        orders = {order.id: order for order in (*found, *page.orders)}
        thorough = self._extent.thorough or shop.orders <= _SMALL_SHOP
        looked_at = _TRIED
        while page.reached is not None and (thorough or looked_at < _MOST_LOOKED_AT):
            page = await self._read(way, _FOLLOWED, before=page.reached)
            looked_at += _FOLLOWED
            orders |= {order.id: order for order in page.orders}
            # Other orders that fit may be between those that sources found and what the way has reached.
            end = (page.reached or self._before).created_at
            if page.reached is None or sum(order.created_at > end for order in orders.values()) >= self._limit:
                break
        else:
            self._extent.whole = False
        newest = sorted(orders.values(), key=lambda order: (order.created_at, order.number), reverse=True)
        return newest[: self._limit]

    async def _describe(self, texts: Sequence[str]) -> _Shop:
        (row,) = await self._connection.fetch(sql("describe_search"), list(texts))
        return record_of(_Shop, row)

    async def _read(
        self,
        way: _Way,
        looked_at: int | None,
        *,
        before: OrderCursor | None = None,
        ids: Sequence[str] = (),
        digits: Sequence[str] | None = None,
        since: datetime = LONG_AGO,
    ) -> _Page:
        before = before or self._before
        rows = await self._connection.fetch(
            sql("search_orders"),
            max(self._wanted.since or LONG_AGO, since),
            before.created_at,
            before.number,
            self._limit,
            looked_at,
            way.name,
            list(way.values),
            self._json,
            digits,
            list(ids),
            currencies_with(0),
            currencies_with(3),
        )
        last = next((row for row in rows if looked_at is not None and row["place"] == looked_at), None)
        return _Page(
            [record_of(Order, row) for row in rows if row["fits"]],
            None if last is None else OrderCursor(last["created_at"], last["number"]),
            rows[0]["likely"],
        )


def _ways(wanted: OrderFilter, conditions: Sequence[Condition]) -> list[_Way]:
    """Return the ways to candidates, those first that most likely find few."""
    ways = []
    if wanted.email is not None:
        ways.append(_Way("email", (wanted.email.lower(),)))
    for condition in conditions:
        if condition.negated:
            continue
        of_charge = dict(condition.charge)
        ways += [_Way(key, values) for key in ("last4", "decline") if len(values := of_charge.get(key, ())) == 1]
        if condition.key == "discount" and _is_whole(condition.texts):
            ways.append(_Way("discount", tuple(text.upper() for text in condition.texts)))
        if condition.key == "amount" and (amounts := _exact(condition)):
            ways.append(_Way("amount", tuple(map(str, amounts))))
    statuses = wanted.statuses or tuple(OrderStatus)
    if wanted.attention or any(condition.key == "attention" and not condition.negated for condition in conditions):
        ways.append(_Way("attention", statuses))
    elif wanted.statuses:
        ways.append(_Way("status", statuses))
    return ways if ways and (ways[0].name != "status" or _OFTEN.isdisjoint(statuses)) else [*ways, _Way("newest")]


def _sources(conditions: Sequence[Condition]) -> list[_Source]:
    sources = [source for condition in conditions if (source := _source_of(condition)) is not None]
    if any(source.texts for source in sources):
        return sources
    # Words too short for the index may be neighbours, as in the name Li Wu.
    text = " ".join(condition.word.text for condition in conditions if condition.word and not condition.negated)
    return [*sources, _Source((text,), is_part=True)] if " " in text.strip() else sources


def _texts(sources: Sequence[_Source]) -> list[str]:
    return [text for source in sources for text in source.texts]


def _source_of(condition: Condition) -> _Source | None:
    """Return what else finds the orders of a condition, or None: the index of texts, or lookups."""
    if condition.negated:
        return None
    if condition.key == "ids":
        return _Source(ids=condition.texts)
    if (word := condition.word) is not None:
        if not word.text:
            return _Source(ids=word.ids)
        texts = tuple(text for text in (word.text, word.number) if text)
        short = min(map(len, texts)) < _TRIGRAM
        lookups = (word.last4 or None, word.sku.rstrip("*") or None, _exact(condition))
        return _Source(() if short else texts, word.ids, *lookups, is_part=short)
    if len(condition.texts) != 1:
        return None
    glob = condition.texts[0]
    longest = max(re.split(r"[*?]", glob), key=len)
    if condition.key == "sku" and len(begin := re.split(r"[*?]", glob)[0]) >= _SHORTEST_SKU:
        return _Source(sku=begin)
    if condition.key in ("email", "name", "phone", "discount") and len(longest) >= _TRIGRAM:
        return _Source((longest,))
    return None


def _is_whole(globs: Sequence[str]) -> bool:
    return not any(sign in glob for glob in globs for sign in "*?")


def _exact(condition: Condition) -> tuple[int, ...]:
    """Return the amounts that a condition or word allows, or none if they are ranges."""
    amounts = condition.amounts if condition.word is None else condition.word.amounts
    if amounts is None:
        return ()
    ends = {end for ranges in amounts.ranges for end in ranges}
    return tuple(sorted({low for low, _ in ends if low is not None})) if all(a == b for a, b in ends) else ()


def _spans(shop: _Shop, now: datetime, every: float) -> list[int]:
    """Return the spans to search before all orders: shorter ones, in which every id begins with the time."""
    if shop.orders <= _SMALL_SHOP:
        return []
    return [span for span in _SPANS if span < every and now - span * DIGITS_LAST - _UPGRADE > shop.ids_since]
