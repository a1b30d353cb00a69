"""Opening screens. Each is imported when it is first opened, so that the first rows do not wait for the others."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from textual.screen import Screen

from tui.context import AppContext
from tui.filters import EventChoice


class ScreenNavigation:
    """The implementation of tui.context.Navigation; `push` shows a screen."""

    def __init__(self, context: AppContext, push: Callable[[Screen[None]], object]) -> None:
        self.app_context = context
        self._push = push

    def order(self, order_id: str) -> None:
        from tui.screens.order import OrderScreen

        self._push(OrderScreen(self.app_context, order_id))

    def events(self, choice: EventChoice | None = None) -> None:
        from tui.screens.events import EventsScreen

        self._push(EventsScreen(self.app_context, choice))

    def event(self, event_id: str) -> None:
        from tui.screens.event import EventScreen

        self._push(EventScreen(self.app_context, event_id))

    def dead_letters(self) -> None:
        from tui.screens.dead_letters import DeadLettersScreen

        self._push(DeadLettersScreen(self.app_context))

    def trigger(self, order_number: int | None = None) -> None:
        from tui.screens.trigger import TriggerScreen

        self._push(TriggerScreen(self.app_context, order_number))

    def health(self) -> None:
        from tui.screens.health import HealthScreen

        self._push(HealthScreen(self.app_context))


def import_screens() -> None:
    """Import all screens, so that the first key that opens one does not wait."""
    for name in ("order", "events", "event", "dead_letters", "trigger", "health", "help", "dialogs"):
        import_module(f"tui.screens.{name}")
