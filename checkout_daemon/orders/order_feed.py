"""Pages of orders for the shop's own systems: the newest ones, or every one that changed since a time, none missed.

Changes become visible in another sequence than that of their times and numbers, because transactions end when they end.
So the cursor of a feed is no time: it has the snapshot of the database up to which the reader knows everything, and the
next page is what is visible now and was not then (docs/adr/0009). An order may come again; none is ever left out.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import asyncpg
import msgspec
from msgspec import Meta, structs

from checkout_daemon.catalog.pricing import TaxLine
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import FAR_FUTURE, LONG_AGO, record_of
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.model.orders import Order
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.order_filter import OrderCursor, OrderFilter
from checkout_daemon.orders.order_lists import ItemLine, list_orders
from checkout_daemon.orders.shipping_store import read_shipping, read_taxes

_SNAPSHOT = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19}(?:,[0-9]{1,19})*)?)")
_LARGEST = 2**63 - 1
_Number = Annotated[int, Meta(ge=0, le=_LARGEST)]
_Time = Annotated[datetime, Meta(tz=True)]


class CursorExpired(CheckoutError, code="cursor_expired", status=410, title="The cursor is of another database"):
    """The database lacks what the cursor's reader has seen: a backup was restored, or a failover lost commits."""


@dataclass(frozen=True, slots=True)
class SoldOrder:
    """An order with its items, the attempts to pay it, the taxes in its total, and how it is sent."""

    order: Order
    items: tuple[ItemLine, ...]
    charges: tuple[ChargeLine, ...]
    taxes: tuple[TaxLine, ...] = ()
    shipping: OrderShipping | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of orders. `cursor` continues after it; None at the end of a list, never at the end of a feed.

    A feed without more is complete up to the moment of this page.
    """

    orders: tuple[SoldOrder, ...]
    has_more: bool
    cursor: str | None


class _Place(msgspec.Struct, frozen=True, array_like=True, tag="feed"):
    """How far a feed was read: everything visible in `done` (or before `since`), and of `now` up to `seq`.

    `newest_seq` and `newest_xid` are the newest change at that time.
    """

    since: _Time | None
    done: str | None
    now: str | None
    seq: _Number
    newest_seq: _Number | None
    newest_xid: Annotated[str, Meta(pattern=r"^[0-9]{1,19}\Z")] | None


class _After(msgspec.Struct, frozen=True, array_like=True, tag="list"):
    """The last order of a page of the newest orders."""

    created_at: _Time
    number: _Number


_DECODER = msgspec.json.Decoder(_Place | _After)
P = TypeVar("P", _Place, _After)


async def page_of_newest(
    database: Database, *, statuses: tuple[str, ...] = (), limit: int, cursor: str | None = None
) -> OrderPage:
    """Return a page of orders, newest first. Raise InvalidRequest for a cursor that is not of such a page."""
    after = None if cursor is None else _read_cursor(cursor, _After)
    async with database.connection() as connection:
        last = None if after is None else OrderCursor(after.created_at, after.number)
        orders = await list_orders(connection, OrderFilter(statuses=statuses), limit=limit + 1, cursor=last)
        has_more, orders = len(orders) > limit, orders[:limit]
        sold = await _with_parts(connection, orders)
    end = _After(orders[-1].created_at, orders[-1].number) if has_more else None
    return OrderPage(sold, has_more, None if end is None else _cursor_text(end))


async def page_of_changed(
    database: Database,
    *,
    since: datetime | None = None,
    statuses: tuple[str, ...] = (),
    limit: int,
    cursor: str | None = None,
) -> OrderPage:
    """Return a page of orders that changed since a time or after a cursor, as they are now, by their last change.

    Raise InvalidRequest for a cursor that is not of such a page, and CursorExpired.
    """
    place = _Place(since or LONG_AGO, None, None, 0, None, None) if cursor is None else _read_cursor(cursor, _Place)
    wanted = list(statuses) or None
    async with database.connection() as connection:
        if place.done is not None or place.now is not None:
            await _check_place(connection, place)
        continued = place.now is not None
        if place.now is None:
            end = await connection.fetchrow(sql("read_feed_end"))
            assert end is not None
            place = _Place(place.since, place.done, end["snapshot"], 0, end["seq"], end["xid"])
        statement = "read_orders_changed_since" if place.done is None else "read_orders_changed_between"
        start = place.since if place.done is None else place.done
        rows = await connection.fetch(sql(statement), start, place.now, place.seq, wanted, limit + 1)
        is_cut, rows = len(rows) > limit, rows[:limit]
        sold = await _with_parts(connection, [record_of(Order, row) for row in rows])
    if is_cut:
        following = structs.replace(place, seq=rows[-1]["change_seq"])
    else:
        following = _Place(None, place.now, None, 0, place.newest_seq, place.newest_xid)
    # The span began with an earlier page: more may have changed since.
    return OrderPage(sold, is_cut or continued, _cursor_text(following))


async def _check_place(connection: asyncpg.Connection, place: _Place) -> None:
    """Raise CursorExpired if the database lacks what the reader has seen, and InvalidRequest for a broken snapshot."""
    seen = place.now or place.done
    try:
        known = await connection.fetchval(sql("change_exists"), place.newest_seq, place.newest_xid, seen)
    except (asyncpg.DataError, asyncpg.InvalidTextRepresentationError) as error:
        raise _invalid_cursor() from error
    if not known:
        raise CursorExpired(
            "the database lacks changes that this cursor has seen: a backup was restored, or a failover lost commits. "
            "Start again with updated_since of a time before that"
        )


async def _with_parts(connection: asyncpg.Connection, orders: Sequence[Order]) -> tuple[SoldOrder, ...]:
    ids = [order.id for order in orders]
    items: defaultdict[str, list[ItemLine]] = defaultdict(list)
    charges: defaultdict[str, list[ChargeLine]] = defaultdict(list)
    if ids:
        for row in await connection.fetch(sql("read_sold_items"), ids):
            items[str(row["order_id"])].append(record_of(ItemLine, row))
        for row in await connection.fetch(sql("read_sold_charges"), ids):
            charges[str(row["order_id"])].append(record_of(ChargeLine, row))
    taxed = [order.id for order in orders if order.amount_tax is not None]
    sent = [order.id for order in orders if order.amount_shipping is not None]
    taxes = await read_taxes(connection, taxed) if taxed else {}
    shipping = await read_shipping(connection, sent) if sent else {}
    return tuple(
        SoldOrder(
            order, tuple(items[order.id]), tuple(charges[order.id]), taxes.get(order.id, ()), shipping.get(order.id)
        )
        for order in orders
    )


def _cursor_text(place: _Place | _After) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_cursor(text: str, kind: type[P]) -> P:
    """Return the place. Whoever changed the cursor gets InvalidRequest: no part of it fails in the database."""
    try:
        place = _DECODER.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(place, kind) or not _is_sound(place):
            raise _invalid_cursor()
    except (binascii.Error, ValueError, OverflowError, RecursionError, msgspec.DecodeError) as error:
        raise _invalid_cursor() from error
    return place


def _is_sound(place: _Place | _After) -> bool:
    if isinstance(place, _After):
        return _in_range(place.created_at)
    snapshots = [snapshot for snapshot in (place.done, place.now) if snapshot is not None]
    if not snapshots or (place.done is None and place.since is None):
        return False
    return all(map(_is_snapshot, snapshots)) and (place.since is None or _in_range(place.since))


def _in_range(time: datetime) -> bool:
    return LONG_AGO <= time.astimezone(UTC) <= FAR_FUTURE  # near the end of a calendar, OverflowError


def _is_snapshot(text: str) -> bool:
    """Return whether PostgreSQL reads this as a snapshot: `xmin:xmax:` and the sorted ids between them."""
    match = _SNAPSHOT.fullmatch(text)
    if match is None:
        return False
    low, high, *running = int(match[1]), int(match[2]), *(int(xid) for xid in match[3].split(",") if xid)
    return 0 < low <= high <= _LARGEST and running == sorted(running) and all(low <= xid < high for xid in running)


def _invalid_cursor() -> InvalidRequest:
    detail = "this is no cursor of such a page: send next_cursor as it was answered, or none"
    return InvalidRequest([FieldError("", "invalid_cursor", detail, "cursor")])
