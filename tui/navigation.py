"""Opening screens, and the way back. Each is imported when it is first opened, so that the first rows do not wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

from .actions import Action
from .context import AppContext
from .filters import Choice, EventChoice
from .screens.base import BaseScreen

_LISTS = ("todo", "events", "dead_letters", "batches", "stock", "proposals", "disputes")
MOST_SCREENS = 20
"""How many screens the way back has; the oldest but the first one are closed."""


class Stack(Protocol):
    """The stack of screens of an app: the front is the last one."""

    def push(self, screen: BaseScreen) -> None: ...
    def raise_to_front(self, screen: BaseScreen) -> None: ...
    def close(self, screen: BaseScreen) -> None: ...
    def open_screens(self) -> list[BaseScreen]: ...


class ScreenNavigation:
    """The implementation of tui.context.Navigation.

    Screens lie on a stack, so that Esc goes back to the one before, as it was. The same place is there only once: who
    goes there again finds it as they left it, and then comes back from it to where they were.
    """

    def __init__(self, context: AppContext, stack: Stack) -> None:
        self.app_context = context
        self._stack = stack

    def _go(self, place: tuple[object, ...], make: Callable[[], BaseScreen]) -> BaseScreen | None:
        """Show a place, and return its screen if it was open already."""
        screens = self._stack.open_screens()
        if screens and screens[-1].place == place:
            return screens[-1]
        # The first screen stays the first: there is no way back from it.
        known = next((screen for screen in screens[1:] if screen.place == place), None)
        if known is not None:
            self._stack.raise_to_front(known)
            return known
        if len(screens) >= MOST_SCREENS:
            self._stack.close(screens[1])
        self._stack.push(make())
        return None

    def orders(self, choice: Choice) -> None:
        from .screens.orders import OrdersScreen

        self._go(("Orders", choice), lambda: OrdersScreen(self.app_context, choice))

    def order(self, order_id: str, then: str = "") -> None:
        from .screens.order import OrderScreen

        known = self._go(("Order", order_id), lambda: OrderScreen(self.app_context, order_id, then))
        if known is not None and then:
            known.run_worker(known.act(then))

    def order_actions(self) -> Sequence[Action]:
        from .screens.order import OrderScreen

        return OrderScreen.ACTIONS

    def events(self, choice: EventChoice | None = None) -> None:
        from .screens.events import EventsScreen

        self._go(("Events", choice or EventChoice()), lambda: EventsScreen(self.app_context, choice))

    def event(self, event_id: str) -> None:
        from .screens.event import EventScreen

        self._go(("Event", event_id), lambda: EventScreen(self.app_context, event_id))

    def dead_letters(self) -> None:
        from .screens.dead_letters import DeadLettersScreen

        self._go((DeadLettersScreen.PLACE,), lambda: DeadLettersScreen(self.app_context))

    def message(self, message_id: str) -> None:
        from .screens.message import MessageScreen

        self._go(("Message", message_id), lambda: MessageScreen(self.app_context, message_id))

    def todo(self) -> None:
        from .screens.todo import TodoScreen

        self._go((TodoScreen.PLACE,), lambda: TodoScreen(self.app_context))

    def batch(self, number: int) -> None:
        from .screens.batch import BatchScreen

        self._go(("Batch", number), lambda: BatchScreen(self.app_context, number))

    def batches(self) -> None:
        from .screens.batches import BatchesScreen

        self._go((BatchesScreen.PLACE,), lambda: BatchesScreen(self.app_context))

    def stock(self) -> None:
        from .screens.stock import StockScreen

        self._go((StockScreen.PLACE,), lambda: StockScreen(self.app_context))

    def proposals(self) -> None:
        from .screens.proposals import ProposalsScreen

        self._go((ProposalsScreen.PLACE,), lambda: ProposalsScreen(self.app_context))

    def disputes(self) -> None:
        from .screens.disputes import DisputesScreen

        self._go((DisputesScreen.PLACE,), lambda: DisputesScreen(self.app_context))

    def dispute(self, dispute_id: str) -> None:
        from .screens.dispute import DisputeScreen

        self._go(("Dispute", dispute_id), lambda: DisputeScreen(self.app_context, dispute_id))

    def trigger(self, order_number: int | None = None) -> None:
        from .screens.trigger import TriggerScreen

        self._go(("Trigger", order_number), lambda: TriggerScreen(self.app_context, order_number))

    def health(self) -> None:
        from .screens.health import HealthScreen

        self._go((HealthScreen.PLACE,), lambda: HealthScreen(self.app_context))

    def money(self) -> None:
        from .screens.money import MoneyScreen

        self._go((MoneyScreen.PLACE,), lambda: MoneyScreen(self.app_context))


def import_screens() -> None:
    """Import all screens, so that the first key that opens one does not wait."""
    for name in (
        *_LISTS,
        "order",
        "event",
        "message",
        "dispute",
        "batch",
        "trigger",
        "health",
        "money",
        "help",
        "dialogs",
        "goto",
    ):
        import_module(f".screens.{name}", __package__)
    import_module(".palette", __package__)
