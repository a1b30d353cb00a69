"""What all screens share: the data, what they may do, and the news of the shop as it comes in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from checkout_daemon.present.text import plain
from tui.data import ChangeLine, Data, Order
from tui.texts import masked, masked_digits

if TYPE_CHECKING:
    from tui.checkup import Checkup
    from tui.filters import EventChoice

Listener = Callable[[list[ChangeLine]], Awaitable[None]]


class Doors(Protocol):
    """Opens screens, so that no screen need know another."""

    def order(self, order_id: str) -> None: ...
    def events(self, choice: EventChoice | None = None) -> None: ...
    def event(self, event_id: str) -> None: ...
    def dead_letters(self) -> None: ...
    def trigger(self, order_number: int | None = None) -> None: ...
    def health(self) -> None: ...


@dataclass
class Desk:
    """`doors`: the app's, set by it. `lost_at`: since when the database has not answered; None while it does."""

    data: Data
    read_only: bool
    masked: bool = False
    lost_at: datetime | None = None
    lost_reason: str = ""
    doors: Doors = field(init=False)
    _listeners: list[Listener] = field(default_factory=list)

    @cached_property
    def checkup(self) -> Checkup:
        """Imported when first asked for, with the door to the shop."""
        from tui.checkup import Checkup

        return Checkup()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every batch of changes, once; what is answered takes oneself off."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def tell(self, changes: list[ChangeLine]) -> None:
        for listener in list(self._listeners):
            await listener(changes)

    def name(self, text: str) -> str:
        """A person's name or address, as it may be shown."""
        return masked(text) if self.masked else plain(text)

    def customer(self, order: Order) -> str:
        """The customer's name, as it may be shown; every order has one until it is erased."""
        return self.name(order.customer_name) or "erased"

    def phone(self, text: str) -> str:
        return masked_digits(text) if self.masked else plain(text)
