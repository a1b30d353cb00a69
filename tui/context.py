"""What all screens share: the open runtime, and what may be shown and done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from checkout_daemon.database.pool import Database
from checkout_daemon.database.reading import Reads
from checkout_daemon.model.orders import Order
from checkout_daemon.present.text import masked, plain
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings

from .texts import masked_digits
from .user_config import UserConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkout_daemon.orders.figures import Trouble
    from checkout_daemon.stripe_sync.pulse import Pulse

    from .actions import Action
    from .checkup import Checkup
    from .filters import Choice, EventChoice


_MOST_TYPED = 50


class Navigation(Protocol):
    """Opens screens. A protocol, because a screen that imported the implementation would import every other screen."""

    def orders(self, choice: Choice) -> None: ...
    def order(self, order_id: str, then: str = "") -> None: ...
    def events(self, choice: EventChoice | None = None) -> None: ...
    def event(self, event_id: str) -> None: ...
    def dead_letters(self) -> None: ...
    def message(self, message_id: str) -> None: ...
    def order_actions(self) -> Sequence[Action]: ...
    def todo(self) -> None: ...
    def batch(self, number: int) -> None: ...
    def batches(self) -> None: ...
    def stock(self) -> None: ...
    def proposals(self) -> None: ...
    def disputes(self) -> None: ...
    def dispute(self, dispute_id: str) -> None: ...
    def trigger(self, order_number: int | None = None) -> None: ...
    def health(self) -> None: ...
    def money(self) -> None: ...


@dataclass
class AppContext:
    """The state of one terminal UI.

    `navigation` is set by the app. `why_read_only` is the reason for `read_only`, unless the user asked for it.
    `standby` is what lists are read from, if there is one. `lost_at` is when the database stopped answering, or None
    while it answers. `trouble` and `pulse` are None until they are read. `sorts` and `columns` are those chosen for
    lists, by the name of the screen. `typed_places` are what was typed after `:`, the newest last; it is not stored,
    as it may name customers.
    """

    runtime: Runtime
    read_only: bool
    why_read_only: str = ""
    masked: bool = False
    lost_at: datetime | None = None
    standby: Database | None = None
    trouble: Trouble | None = None
    pulse: Pulse | None = None
    sorts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    user_config: UserConfig = field(default_factory=UserConfig)
    navigation: Navigation = field(init=False)
    typed_places: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_TYPED))

    @cached_property
    def reads(self) -> Reads:
        """Where lists are read from."""
        return Reads(self.database, self.standby)

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
        from .checkup import Checkup

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
