"""A line to type into that takes keys in the order they were pressed."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class Entry(Input):
    """Textual inserts a character at once, but has keys like Backspace go up to the app and back first: what is typed
    behind them overtakes them, so that over a slow line 15, Backspace, 2 would become 15."""

    async def _on_key(self, event: events.Key) -> None:
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
