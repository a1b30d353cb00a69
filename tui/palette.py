"""The command palette: what the present screen can do, every place, orders by number or customer, and the colours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape

from checkout_daemon.errors import CheckoutError
from checkout_daemon.orders.lookup import find_order, read_filter
from checkout_daemon.orders.order_pages import page_of_orders
from checkout_daemon.present.money import money
from checkout_daemon.present.text import words

from .context import AppContext
from .filters import Choice
from .places import places_of
from .screens.base import BaseScreen
from .theme import THEMES

_SEARCH_PAUSE_SECONDS = 0.15
_LEAST_SEARCHED = 2  # letters
_MOST_FOUND = 5
_EXACT = 1000.0
_PER_LETTER = 3.0  # how a found order ranks, between a match of whole words and one of scattered letters
_OF_HELP = 0.5  # what a match in the help of an entry counts, against one in its title


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """An entry of the palette."""

    title: str
    help: str
    run: Callable[[], object]


def entries(screen: BaseScreen) -> Iterator[PaletteEntry]:
    """Yield the entries in their order: the screen's own actions, the places, and last the colours."""
    for command in screen.palette():
        yield PaletteEntry(command.title, command.help, command.callback)
    navigation = screen.app_context.navigation
    for place in places_of(screen.app_context.user_config.tabs):
        key = f", key {place.key}" if place.key else ""
        yield PaletteEntry(f"Go to: {place.description}", f":{place.name}{key}", partial(place.open, navigation))
    for theme in THEMES:
        name = theme.name.removeprefix("checkout-")
        yield PaletteEntry(f"Theme: {name}", "colours, key F2", partial(setattr, screen.app, "theme", theme.name))


class Everything(Provider):
    """Offers all entries, and while something is typed, also the orders that it finds."""

    async def discover(self) -> Hits:
        if isinstance(self.screen, BaseScreen):
            for entry in entries(self.screen):
                yield DiscoveryHit(Text(entry.title), entry.run, help=escape(entry.help), text=entry.title)

    async def search(self, query: str) -> Hits:
        screen, text = self.screen, query.strip()
        if not isinstance(screen, BaseScreen):
            return
        matcher = self.matcher(query)
        for entry in entries(screen):
            score, in_help = matcher.match(entry.title), matcher.match(entry.help) * _OF_HELP
            if max(score, in_help) > 0:
                title = Text(entry.title) if "[" in entry.title or not score else matcher.highlight(entry.title)
                yield Hit(max(score, in_help), title, entry.run, help=escape(entry.help), text=entry.title)
        number = text.removeprefix("#")
        if number.isdecimal() and len(number) <= 18:
            # That it exists is seen when it is opened.
            yield Hit(_EXACT, f"Order {number}", partial(_open, screen, number), help=f"checkout orders show {number}")
        elif len(text) >= _LEAST_SEARCHED:
            await asyncio.sleep(_SEARCH_PAUSE_SECONDS)  # wait for the typing to pause
            # Not canceled with the search: a query canceled half-way costs a database connection.
            for hit in await asyncio.shield(_found(screen.app_context, text)):
                yield hit


async def _found(context: AppContext, text: str) -> list[Hit]:
    """Return the newest orders that a search finds, and the list of all of them."""
    navigation = context.navigation
    try:
        wanted = await read_filter(context.reads, text, time_zone=context.time_zone, now=datetime.now(UTC))
        orders = await page_of_orders(context.reads, wanted, limit=_MOST_FOUND)
    except CheckoutError:
        return []
    hits = [
        Hit(
            _PER_LETTER * len(text) - place / 100,
            Text(f"Order {order.number}: {context.customer(order)}"),
            partial(navigation.order, order.id),
            text=str(order.number),
            help=escape(f"{words(order.status)}, {money(order.amount_total, order.currency)}"),
        )
        for place, order in enumerate(orders)
    ]
    if hits:
        every = partial(navigation.orders, Choice(search=text))
        title = Text(f"Orders with {text}")
        score = _PER_LETTER * len(text) - 1
        hits.append(Hit(score, title, every, text=text, help=escape(f"orders list --filter {text}   :{text}")))
    return hits


async def _open(screen: BaseScreen, number: str) -> None:
    try:
        order = await find_order(screen.app_context.reads, number)
    except CheckoutError as error:
        screen.notify(error.detail, severity="error", markup=False)
        return
    screen.app_context.navigation.order(order.id)
