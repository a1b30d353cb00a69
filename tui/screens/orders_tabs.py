"""The saved filters of `tui.toml` as tabs above the list of orders, switched by 1 to 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checkout_daemon.model.order_rows import NEWEST_FIRST
from checkout_daemon.model.orders import Order

from ..actions import Action, command_line
from ..filters import Choice
from ..user_config import OwnTab
from ..widgets.tabs import Tabs
from .orders_range import MovingRange
from .own_actions import OwnActions


class TabActions(MovingRange, OwnActions):
    """A list of orders with tabs."""

    @property
    def saved(self) -> tuple[OwnTab, ...]:
        return self.app_context.user_config.tabs

    def own_actions(self) -> list[Action]:
        tabs = [
            Action(str(place), f"tab({place})", f"Tab: {tab.name}", _command(tab))
            for place, tab in enumerate(self.saved, start=1)
        ]
        return [*tabs, *super().own_actions()]

    def remarks(self) -> Sequence[str]:
        """Add the operator's own columns, with the fields that they show."""
        own = [f"{column.title} ({column.field})" for column in self.app_context.user_config.columns]
        return [*super().remarks(), *([f"Own columns, as | chooses them: {', '.join(own)}."] if own else [])]

    def show_tabs(self) -> None:
        """Show the tabs; the present one is that whose filter is chosen, in whatever sequence."""
        present = replace(self.choice, sort=NEWEST_FIRST)
        self.query_one(Tabs).show([(tab.name, present == choice_of(tab)) for tab in self.saved])

    def action_tab(self, place: int) -> None:
        self.choose(replace(choice_of(self.saved[place - 1]), sort=self.choice.sort))

    @property
    def current_order(self) -> Order | None:
        item = self.table.cursor_row
        return None if item is None else item.row.order


def choice_of(tab: OwnTab) -> Choice:
    """Return the filter of a tab."""
    return Choice(search=tab.filter)


def _command(tab: OwnTab) -> str:
    return command_line("orders", "list", "--filter", tab.filter).removeprefix("checkout ")
