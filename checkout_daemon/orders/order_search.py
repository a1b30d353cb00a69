"""Finds the orders that meet any conditions, without reading much of a large shop.

A way is one end of one index: the newest orders of a status, an email, a card, or of all. Each way that the conditions
allow is tried for a thousand orders. What few orders have is then found by the index of texts, for longer and longer
spans, so that a text of many orders fills its page from a short span. A SKU has an index, read from the newest ids on.
At last the way that reaches furthest is followed for two thousand orders more. The extent of a list that may lack older
orders is not whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.model.money import currencies_with
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.order_filter import (
    ChargeFacts,
    ComparedFacts,
    Condition,
    Extent,
    OrderCursor,
    OrderFilter,
    matches_any,
)
from checkout_daemon.orders.order_ids import DIGITS_LAST, digits_between, id_made_before, id_ranges
from checkout_daemon.orders.order_leads import (
    Lead,
    Phrase,
    begin_of,
    exact_amounts,
    leads_of,
    phrase_of,
    share_of,
    texts_of,
)

_TRIED = 1000  # orders of each way
_FOLLOWED, _MOST_LOOKED_AT = 2000, 3000  # orders of the way that is followed: at once, and in all
_FIRST_LOOKED_UP, _MOST_LOOKED_UP = 500, 1500  # orders of one SKU, card or amount
_MOST_SKUS, _MOST_MATCHING = 300, 30  # SKUs that begin alike, and those of them that are looked up
_MOST_LEADS = 4
_SPANS = (1, 4, 16, 64)  # times DIGITS_LAST
_CLOCKS = timedelta(hours=1)  # how far the time in an id may be off that in created_at
_UPGRADE = timedelta(days=7)  # how long the last release, whose ids are all random, may still sell after the migration
# The index reads every order that has the rarest trigram, and every text with all that are asked for: at most so many.
_MOST_ENTRIES, _MOST_TEXTS = 300_000, 1500
_SMALL_SHOP = 100_000  # orders: it is searched whole
_SLOW = frozenset({"word", "sku", "charge"})  # other tables are read to compare them
_OFTEN = frozenset({OrderStatus.PENDING, OrderStatus.COMPLETED})  # nearly all orders pass through them

_SHARES = msgspec.json.Decoder(dict[str, float])
_CHARGES = msgspec.json.Decoder(tuple[ChargeFacts, ...])


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to candidates: one of those that the statement knows, and what it looks for."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Ids of orders, among which are all that lookups find and that were made since a time."""

    ids: tuple[str, ...]
    since: datetime = LONG_AGO


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
    shares: Mapping[str, float]  # of the texts that have a trigram; those that few have are left out
    first_at: datetime | None
    ids_since: datetime

    def with_trigram(self, lead: Lead) -> float:
        """Return how many texts have the rarest trigram of a lead."""
        return self.orders * sum(share_of(text, self.shares) for text in lead.texts)


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
        self._conditions = sorted(wanted.all_conditions, key=lambda one: one.key in _SLOW)
        self._json = msgspec.json.encode([condition.document() for condition in self._conditions]).decode()

    async def run(self) -> list[Order]:
        leads = leads_of(self._conditions)
        named = next((lead for lead in leads if not (lead.texts or lead.looked_up or lead.is_part)), None)
        if named is not None:
            return (await self._read(_Way("ids"), None, ids=named.ids)).orders
        tried: list[tuple[_Way, _Page]] = []
        for way in _ways(self._wanted, self._conditions):
            page = await self._read(way, max(_TRIED, self._limit))
            if page.reached is None or len(page.orders) >= self._limit:
                return page.orders
            tried.append((way, page))
        shop = await self._describe(texts_of(leads))
        furthest = min((page.reached or self._before).created_at for _, page in tried)
        found, since = await self._read_leads(leads, shop, furthest)
        if self._is_page(found, since):
            return found
        found += await self._read_named(leads, shop)
        for _, page in tried:
            found += page.orders
        # The way that reached furthest with as many orders finds the rarest ones.
        way, page = min(tried, key=lambda pair: (pair[1].reached or self._before).created_at)
        return await self._follow(way, page, found, since, shop)

    def _is_page(self, orders: Sequence[Order], since: datetime) -> bool:
        """Return whether no other order belongs to the page: `orders` are all that fit since a time."""
        return len(orders) >= self._limit or since <= (self._wanted.since or LONG_AGO)

    async def _read_leads(self, leads: Sequence[Lead], shop: _Shop, tried: datetime) -> tuple[list[Order], datetime]:
        """Return the newest orders that the rarest leads find, and since when these are all that fit.

        `tried`: how far another way has reached, which is followed where that is further.
        """
        now = min(self._before.created_at, datetime.now(UTC))
        found: list[Order] = []
        reached = FAR_FUTURE
        texts: list[tuple[Lead, _Found]] = []
        whole = [lead for lead in leads if not lead.is_part]
        for lead in sorted(whole, key=shop.with_trigram)[:_MOST_LEADS]:
            if lead.texts:
                texts.append((lead, await self._look_up(lead, shop, _FIRST_LOOKED_UP)))
                continue
            for most in (_FIRST_LOOKED_UP, _MOST_LOOKED_UP):
                looked_up = await self._look_up(lead, shop, most)
                if looked_up.since < reached:
                    page = await self._read(_Way("ids"), None, ids=looked_up.ids, since=looked_up.since)
                    found, reached = page.orders, looked_up.since
                if self._is_page(found, reached):
                    return found, reached
                if max(now - reached, timedelta()) * (_MOST_LOOKED_UP / _FIRST_LOOKED_UP) < now - tried:
                    break
        if texts:
            # An order has all texts, or is among those that were looked up.
            known = [pair for pair in texts if pair[1].since == LONG_AGO and len(pair[0].texts) == 1]
            known = known or [min(texts, key=lambda pair: pair[1].since)]
            ids = tuple(dict.fromkeys(order_id for _, looked_up in known for order_id in looked_up.ids))
            orders, since = await self._read_texts([lead for lead, _ in known], _Found(ids, known[0][1].since), shop)
            if since < reached:
                found, reached = orders, since
        return found, reached

    async def _read_named(self, leads: Sequence[Lead], shop: _Shop) -> list[Order]:
        """Return orders that words name, or that what finds a part of them finds, however old they are."""
        found: list[Order] = []
        ids = [order_id for lead in leads for order_id in lead.ids]
        for lead in leads:
            if lead.is_part:
                looked_up = await self._look_up(lead, shop, _FIRST_LOOKED_UP)
                ids += looked_up.ids
                if lead.texts:
                    found += (await self._read_texts([lead], looked_up, shop))[0]
        return found + ((await self._read(_Way("ids"), None, ids=ids)).orders if ids else [])

    async def _look_up(self, lead: Lead, shop: _Shop, most: int) -> _Found:
        """Return the ids of a lead, and those that lookups find: up to so many of each kind."""
        found = await self._look_up_skus(lead.skus, shop, most) if lead.skus else _Found(())
        if not (lead.last4 or lead.amounts):
            return _Found((*lead.ids, *found.ids), found.since)
        rows = await self._connection.fetch(
            sql("look_up_orders"),
            self._wanted.since or LONG_AGO,
            self._before.created_at,
            self._before.number,
            most,
            lead.last4,
            list(lead.amounts),
        )
        since = found.since
        for kind in ("last4", *map(str, lead.amounts)):
            times = [row["at"] for row in rows if row["kind"] == kind]
            if len(times) == most:
                since = max(since, min(times) + timedelta(microseconds=1))
        return _Found((*lead.ids, *found.ids, *(str(row["order_id"]) for row in rows)), since)

    async def _look_up_skus(self, globs: tuple[str, ...], shop: _Shop, most: int) -> _Found:
        """Return the ids of orders with a SKU. Those of a common one are known since the time in the last id."""
        skus = {glob for glob in globs if begin_of(glob) == glob}
        for begin in {begin_of(glob) for glob in globs if begin_of(glob) != glob}:
            rows = await self._connection.fetch(sql("list_skus"), begin, _MOST_SKUS)
            if len(rows) == _MOST_SKUS:
                return _Found((), FAR_FUTURE)
            skus |= {str(row["sku"]) for row in rows if matches_any(globs, row["sku"])}
        if len(skus) > _MOST_MATCHING:
            return _Found((), FAR_FUTURE)
        if not skus:
            return _Found(())
        now = min(self._before.created_at, datetime.now(UTC)) + _CLOCKS
        ids: list[str] = []
        for first, last in id_ranges(now):
            rows = await self._connection.fetch(sql("look_up_skus"), list(skus), first, last, most - len(ids))
            ids += (str(row["order_id"]) for row in rows)
            if len(ids) == most:
                since = id_made_before(ids[-1], now) + _CLOCKS
                timed = shop.orders > _SMALL_SHOP and since - _UPGRADE > shop.ids_since
                return _Found(tuple(ids), since if timed else FAR_FUTURE)
        return _Found(tuple(ids))

    async def _read_texts(self, leads: Sequence[Lead], looked_up: _Found, shop: _Shop) -> tuple[list[Order], datetime]:
        """Search the index of texts. Return the newest orders found, and since when these are all that fit."""
        phrase = phrase_of(leads, shop.shares)
        way = _Way("texts", phrase.texts)
        with_trigram = min(shop.with_trigram(lead) for lead in leads)
        now = min(self._before.created_at, datetime.now(UTC))
        every = max((now - (shop.first_at or now)) / DIGITS_LAST, 1.0)
        orders: list[Order] = []
        reached = FAR_FUTURE
        for span, longer in pairwise([*_spans(shop, now, every), every, every]):
            if with_trigram * min(span / every, 1) > _MOST_ENTRIES:
                return orders, reached
            if span == every:
                break
            since = max(now - span * DIGITS_LAST, looked_up.since)
            digits = list(digits_between(now - span * DIGITS_LAST - _CLOCKS, now + _CLOCKS))
            page = await self._read(way, None, ids=looked_up.ids, digits=digits, since=since, phrase=phrase)
            orders, reached = page.orders, since
            if self._is_page(orders, reached) or reached == looked_up.since:
                return orders, reached
            if page.likely * longer / span > _MOST_TEXTS:
                return orders, reached
            if page.likely * every / span <= _MOST_TEXTS and with_trigram <= _MOST_ENTRIES:
                break
        page = await self._read(way, None, ids=looked_up.ids, since=looked_up.since, phrase=phrase)
        return page.orders, looked_up.since

    async def _follow(
        self, way: _Way, page: _Page, found: Sequence[Order], since: datetime, shop: _Shop
    ) -> list[Order]:
        """Follow a way from the page that it gave, until the list is full or enough was looked at.

        `since`: all that fit are found since then.
        """
        orders = {order.id: order for order in (*found, *page.orders)}
        thorough = self._extent.thorough or shop.orders <= _SMALL_SHOP
        looked_at = _TRIED
        while page.reached is not None and (thorough or looked_at < _MOST_LOOKED_AT):
            if page.reached.created_at > since and not thorough:
                self._extent.whole = False  # it would not reach what is found already
                break
            page = await self._read(way, _FOLLOWED, before=page.reached)
            looked_at += _FOLLOWED
            orders |= {order.id: order for order in page.orders}
            # Other orders that fit may be between those that leads found and what the way has reached.
            end = (page.reached or self._before).created_at
            if page.reached is None or sum(order.created_at > end for order in orders.values()) >= self._limit:
                break
        else:
            self._extent.whole = False
        newest = sorted(orders.values(), key=lambda order: (order.created_at, order.number), reverse=True)
        return newest[: self._limit]

    async def _describe(self, texts: Sequence[str]) -> _Shop:
        (row,) = await self._connection.fetch(sql("describe_search"), "\n".join(texts))
        return _Shop(row["orders"], _SHARES.decode(row["shares"]), row["first_at"], row["ids_since"])

    async def _read(
        self,
        way: _Way,
        looked_at: int | None,
        *,
        before: OrderCursor | None = None,
        ids: Sequence[str] = (),
        digits: Sequence[str] | None = None,
        since: datetime = LONG_AGO,
        phrase: Phrase | None = None,
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
            None if phrase is None else list(phrase.trigrams) or None,
            None if phrase is None else phrase.other,
            None if phrase is None or phrase.other is None else list(phrase.other_trigrams),
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
        if condition.key == "amount" and (amounts := exact_amounts(condition)):
            ways.append(_Way("amount", tuple(map(str, amounts))))
    statuses = wanted.statuses or tuple(OrderStatus)
    if wanted.attention or any(condition.key == "attention" and not condition.negated for condition in conditions):
        ways.append(_Way("attention", statuses))
    elif wanted.statuses:
        ways.append(_Way("status", statuses))
    return ways if ways and (ways[0].name != "status" or _OFTEN.isdisjoint(statuses)) else [*ways, _Way("newest")]


def _is_whole(globs: Sequence[str]) -> bool:
    return not any(sign in glob for glob in globs for sign in "*?")


def _spans(shop: _Shop, now: datetime, every: float) -> list[int]:
    """Return the spans to search before all orders: shorter ones, in which every id begins with the time."""
    if shop.orders <= _SMALL_SHOP:
        return []
    return [span for span in _SPANS if span < every and now - span * DIGITS_LAST - _UPGRADE > shop.ids_since]
