"""The own keys of `tui.toml` on a screen with a current order."""

from __future__ import annotations

from textual import work
from textual.app import SuspendNotSupported

from checkout_daemon.model.orders import Order

from ..actions import Action
from ..context import AppContext
from ..own_keys import action_of, taken_by
from ..typeahead import ACTING
from .base import BaseScreen


class OwnActions(BaseScreen):
    """A screen on which own keys work. `CONFIG_NAME` is its name in `tui.toml`."""

    CONFIG_NAME = ""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        for action in self.own_actions():
            self._bindings.bind(action.key, action.name, action.description, show=False)

    @property
    def current_order(self) -> Order | None:
        """The order that a command is about."""
        raise NotImplementedError

    def own_actions(self) -> list[Action]:
        keys = self.app_context.user_config.keys
        return [
            action_of(own, place)
            for place, own in enumerate(keys)
            if self.CONFIG_NAME in own.screens and taken_by(own.key, self.all_actions()) is None
        ]

    def obstacle(self, action: Action) -> str | None:
        reason = super().obstacle(action)
        if reason is None and action.name.startswith("own(") and self.current_order is None:
            return "There is no order under the cursor."
        return reason

    @work(group=ACTING)
    async def action_own(self, place: int) -> None:
        from ..own_commands import CommandBox, run_in_terminal

        own, order = self.app_context.user_config.keys[place], self.current_order
        if order is None:
            return
        if own.where == "box":
            await self.app.push_screen_wait(CommandBox(self.app_context, own, order))
            return
        try:
            with self.app.suspend():
                run_in_terminal(own, order)
        except SuspendNotSupported:
            self.notify("This terminal cannot be suspended.", severity="error", markup=False)
