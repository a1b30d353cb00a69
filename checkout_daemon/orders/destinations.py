"""What a text typed to go somewhere names: an order, an event, or orders to search for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import AmbiguousOrder, NotFound
from checkout_daemon.events.event_lists import show_event
from checkout_daemon.model.text import cleaned
from checkout_daemon.orders.lookup import NEWEST_SEARCHED, find_order

_NUMBER = re.compile(r"#?[0-9]{1,19}")
_EVENT = re.compile(r"evt_[A-Za-z0-9_]{1,250}")
_REQUEST = re.compile(r"req_[A-Za-z0-9_]{1,250}")
_AT_STRIPE = re.compile(r"(cs|pi|ch|py|re|pyr|dp|du|issfr|cus|req)_[A-Za-z0-9_]{1,250}")
_ORDER_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a text leads: to one order, to one event, or to the orders that a search for the text finds."""

    order_id: str | None = None
    event_id: str | None = None
    search: str = ""


async def find_destination(database: Readable, text: str) -> Destination:
    """Return where a text leads: a number, an id of ours or Stripe's, or any other text, which is searched for.

    Raise NotFound for a number or id that nothing has.
    """
    word = cleaned(text)
    if _EVENT.fullmatch(word):
        event, _ = await show_event(database, word)
        return Destination(event_id=event.id)
    if not (_NUMBER.fullmatch(word) or _AT_STRIPE.fullmatch(word) or _ORDER_ID.fullmatch(word)):
        return Destination(search=text.strip())
    try:
        return Destination(order_id=(await find_order(database, word)).id)
    except AmbiguousOrder:  # the orders of a customer
        return Destination(search=word)
    except NotFound:
        if _REQUEST.fullmatch(word) and (event_id := await _event_of_request(database, word)):
            return Destination(event_id=event_id)
        what = f"order {word.removeprefix('#')}" if _NUMBER.fullmatch(word) else f"order of {word}"
        raise NotFound(f"there is no {what}") from None


async def _event_of_request(database: Readable, request_id: str) -> str | None:
    async with database.connection() as connection:
        found: str | None = await connection.fetchval(sql("find_event_naming"), request_id, NEWEST_SEARCHED)
    return found
