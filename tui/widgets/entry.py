"""A text input that handles keys in the order in which they were pressed."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class Entry(Input):
    """An input without reordering.

    Textual inserts a character at once, but sends keys such as Backspace to the app and back first, so characters typed
    after them overtake them: over a slow line 15, Backspace, 2 would become 15.
    """

    async def _on_key(self, event: events.Key) -> None:
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return


class SearchBox(Entry):
    """An input that is hidden until it is opened."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True)
        self.display = False

    def open(self) -> None:
        """Show the input and move the focus into it."""
        self.display = True
        self.focus()
