"""The last line: the keys of a screen that can work now, as many as there is room for, and how to see all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from rich.text import Text
from textual import events

from ..actions import Action, shown
from .line import Line

_LAST = (("go_to", ":", "Go"), ("help", "?", "All"))  # always there
_GAP = 2


class KeyLine(Line):
    """Shows keys in the sequence of the actions. A click does what the key does."""

    def __init__(self, actions: Callable[[], Sequence[Action]]) -> None:
        """`actions` returns the ones to show."""
        super().__init__()
        self._actions = actions

    def on_mount(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        last = {name for name, _, _ in _LAST}
        found = [(one.name, shown(one.shown_key), one.foot) for one in self._actions() if one.name not in last]
        end = self._drawn(_LAST)
        while found and self._drawn(found).cell_len + _GAP + end.cell_len > self.size.width - 1:
            found.pop()
        text = Text(" ", no_wrap=True, overflow="crop").append_text(self._drawn(found))
        self.show_text(text.append(" " * (_GAP if found else 0)).append_text(end))

    def _drawn(self, keys: Sequence[tuple[str, str, str]]) -> Text:
        primary, muted = self.colour("primary"), self.colour("muted")
        text = Text()
        for name, key, word in keys:
            text.append(" " * _GAP if text else "")
            meta = Style(meta={"key": name})
            text.append(key, Style.parse(f"bold {primary}") + meta).append(f" {word}", Style.parse(muted) + meta)
        return text

    async def on_click(self, event: events.Click) -> None:
        if name := event.style.meta.get("key"):
            await self.screen.run_action(name)
