"""Opens the screens, each imported when it is first opened, so that the first rows wait for none of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from textual.screen import Screen

from tui.desk import Desk
from tui.filters import EventChoice


class ScreenDoors:
    """The one place that knows every screen; `push` shows one. See tui.desk.Doors."""

    def __init__(self, desk: Desk, push: Callable[[Screen[None]], object]) -> None:
        self._desk = desk
        self._push = push

    def order(self, order_id: str) -> None:
        from tui.screens.order import OrderScreen

        self._push(OrderScreen(self._desk, order_id))

    def events(self, choice: EventChoice | None = None) -> None:
        from tui.screens.events import EventsScreen

        self._push(EventsScreen(self._desk, choice))

    def event(self, event_id: str) -> None:
        from tui.screens.event import EventScreen

        self._push(EventScreen(self._desk, event_id))

    def dead_letters(self) -> None:
        from tui.screens.dead_letters import DeadLettersScreen

        self._push(DeadLettersScreen(self._desk))

    def trigger(self, order_number: int | None = None) -> None:
        from tui.screens.trigger import TriggerScreen

        self._push(TriggerScreen(self._desk, order_number))

    def health(self) -> None:
        from tui.screens.health import HealthScreen

        self._push(HealthScreen(self._desk))


def import_screens() -> None:
    """All of them, and what they open: later, the first key that opens one should not wait."""
    for name in ("order", "events", "event", "dead_letters", "trigger", "health", "help", "pick"):
        import_module(f"tui.screens.{name}")
