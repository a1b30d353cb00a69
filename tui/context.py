"""What all screens share: the open runtime, and what may be shown and done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from checkout_daemon.database.pool import Database
from checkout_daemon.model.orders import Order
from checkout_daemon.present.text import plain
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from tui.texts import masked, masked_digits

if TYPE_CHECKING:
    from tui.checkup import Checkup
    from tui.filters import EventChoice


class Navigation(Protocol):
    """Opens screens. A protocol, because a screen that imported the implementation would import every other screen."""

    def order(self, order_id: str) -> None: ...
    def events(self, choice: EventChoice | None = None) -> None: ...
    def event(self, event_id: str) -> None: ...
    def dead_letters(self) -> None: ...
    def trigger(self, order_number: int | None = None) -> None: ...
    def health(self) -> None: ...


@dataclass
class AppContext:
    """The state of one terminal UI.

    `navigation` is set by the app. `lost_at` is when the database stopped answering, or None while it answers.
    """

    runtime: Runtime
    read_only: bool
    masked: bool = False
    lost_at: datetime | None = None
    navigation: Navigation = field(init=False)

    @property
    def settings(self) -> Settings:
        return self.runtime.settings

    @property
    def database(self) -> Database:
        return self.runtime.database

    @property
    def time_zone(self) -> str:
        return self.settings.time_zone

    @property
    def livemode(self) -> bool:
        return self.settings.livemode

    @cached_property
    def checkup(self) -> Checkup:
        """The latest health checks, imported when first needed to keep the start quick."""
        from tui.checkup import Checkup

        return Checkup()

    def name(self, text: str) -> str:
        """Return a person's name or address as it may be shown."""
        return masked(text) if self.masked else plain(text)

    def customer(self, order: Order) -> str:
        """Return the customer's name as it may be shown. Only an erased order has none."""
        return self.name(order.customer_name) or "erased"

    def phone(self, text: str) -> str:
        """Return a phone number as it may be shown."""
        return masked_digits(text) if self.masked else plain(text)
