"""The places that `:` and the palette go to by name: screens, and the order list with a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.present.text import words

from .context import Navigation
from .filters import Choice
from .user_config import OwnTab


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its name, other names for it, and the key that opens it from most screens, if there is one.

    `open` takes the navigation.
    """

    name: str
    aliases: tuple[str, ...]
    description: str
    open: Callable[[Navigation], object]
    key: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


def orders_with(choice: Choice) -> Callable[[Navigation], object]:
    """Return what opens the order list with a filter."""

    def open_orders(navigation: Navigation) -> None:
        navigation.orders(choice)

    return open_orders


def _of_status(status: OrderStatus) -> Place:
    return Place(
        status.value.replace("_", "-"),
        (),
        f"Orders that are {words(status)}",
        orders_with(Choice(statuses=(status.value,))),
    )


PLACES: tuple[Place, ...] = (
    Place("orders", ("o", "home"), "The list of orders", orders_with(Choice())),
    Place("todo", ("t", "to-do"), "What needs a person, by deadline and money", lambda go: go.todo(), "D"),
    Place("attention", ("a",), "Orders that need attention", orders_with(Choice(attention=True))),
    Place("dead", ("d", "dl", "dead-letters"), "Dead letters: what failed, by error", lambda go: go.dead_letters()),
    Place("events", ("e", "ev"), "Stripe's events as they arrive", lambda go: go.events()),
    Place("batches", ("b",), "Batches: acts on many orders", lambda go: go.batches(), "B"),
    Place("stock", ("st", "inventory"), "The stock of products, and who changed it", lambda go: go.stock()),
    Place("proposals", ("pr",), "Proposals: approve or reject them", lambda go: go.proposals(), "P"),
    Place("disputes", ("dp",), "Disputes: answer or accept them", lambda go: go.disputes()),
    Place("trigger", ("tr",), "Trigger a test event at Stripe", lambda go: go.trigger(), "T"),
    Place("health", ("h", "doctor"), "Health checks, and how to fix what fails", lambda go: go.health(), "H"),
    Place("money", ("m", "report", "payouts"), "Orders, fees, net and payouts, by day and more", lambda go: go.money()),
    *map(_of_status, OrderStatus),
)


def places_of(tabs: Iterable[OwnTab]) -> tuple[Place, ...]:
    """Return all places, also those of saved filters, whose names have hyphens for blanks; built-in names win."""
    known = {name for place in PLACES for name in place.names} | {*QUIT, *HELP}
    own = [
        Place(name, (), f"Saved filter: {tab.name}", orders_with(Choice(search=tab.filter)))
        for tab in tabs
        if (name := tab.name.lower().replace(" ", "-").replace("_", "-")) not in known
    ]
    return (*PLACES, *own)


QUIT = ("q", "quit", "q!", "exit")
HELP = ("help", "?")
COMMANDS = {"q": "Quit", "help": "Help on this screen"}


def place_named(text: str, places: Sequence[Place] = PLACES) -> Place | None:
    """Return the place with this name or alias."""
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    return next((place for place in places if name in place.names), None)


def suggestions(text: str, places: Sequence[Place] = PLACES) -> list[tuple[str, str]]:
    """Return names that complete the text, each with its aliases and description; those that begin with it first."""
    typed = text.strip().lower().replace("_", "-")
    rows = [(place.name, place.aliases, place.description) for place in places]
    rows += [(name, (), description) for name, description in COMMANDS.items()]
    begin = [row for row in rows if row[0].startswith(typed)]
    alias = [row for row in rows if row not in begin and any(name.startswith(typed) for name in row[1])]
    inside = [row for row in rows if row not in begin + alias and len(typed) > 1 and typed in row[0]]
    return [
        (name, f"{', '.join(aliases)}  {description}" if aliases else description)
        for name, aliases, description in begin + alias + inside
    ]
