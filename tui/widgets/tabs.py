"""A line of tabs, each with the key that switches to it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual import events

from checkout_daemon.present.text import plain

from .line import Line


class Tabs(Line):
    """Shows tabs, and takes no room without any. A click switches as the key does."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._tabs: Sequence[tuple[str, bool]] = ()

    def show(self, tabs: Sequence[tuple[str, bool]]) -> None:
        """Show tabs by name, each with whether it is the present one."""
        self._tabs = tabs
        self.display = bool(tabs)
        self.redraw()

    def redraw(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        present, other = f"bold {self.colour('background')} on {self.colour('primary')}", self.colour("muted")
        for place, (name, is_present) in enumerate(self._tabs, start=1):
            style = Style.parse(present if is_present else other) + Style(meta={"tab": place})
            text.append(f" {'▸' if is_present else ''}{place} {plain(name)} ", style).append(" ")
        self.show_text(text)

    async def on_click(self, event: events.Click) -> None:
        if place := event.style.meta.get("tab"):
            await self.screen.run_action(f"tab({place})")
