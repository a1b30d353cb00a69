"""The terminal UI: opens the database, follows order changes, and holds the screens."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.screen import Screen

from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.watching import ConnectionChange, Lost, follow_changes
from checkout_daemon.operations.schema import check_schema
from checkout_daemon.orders.terminal_windows import may_write
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import Settings
from tui.context import AppContext
from tui.navigation import ScreenNavigation, import_screens
from tui.screens.base import BaseScreen
from tui.screens.orders import OrdersScreen
from tui.theme import DARK, THEMES
from tui.typeahead import TypeAhead

CONNECTIONS = 4

# Draw changes of this span together: nobody can tell, and a busy shop costs less.
_DRAW_EVERY_SECONDS = 0.06


class Terminal(App[CheckoutError | None]):
    """The Textual app. It exits with the error that ended it, or None."""

    TITLE = "checkout"
    CSS_PATH = "styles/terminal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("f2", "next_theme", "Theme", show=False),
    ]

    def __init__(self, context: AppContext, listen_url: str, on_shown: Callable[[], None] | None = None) -> None:
        # With NO_COLOR Textual still draws in greys, unless it uses the terminal's own colours.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.app_context = context
        context.navigation = ScreenNavigation(context, self.push_screen)
        self._listen_url = listen_url
        self._on_shown = on_shown
        self._typing = TypeAhead(self)
        self.following = False  # whether the app is subscribed to all further changes
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _: self._redraw())
        self.push_screen(OrdersScreen(self.app_context))
        self._follow()

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self._typing.holds(event):
            await super().on_event(event)
            self._typing.follow(event)

    @on(OrdersScreen.Shown)
    def _shown(self) -> None:
        if self._on_shown is not None:
            self.run_worker(self._on_shown, thread=True, group="shown")

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        changes = follow_changes(self._listen_url, on_trouble=self._trouble, on_ready=self._caught_up)
        try:
            async with aclosing(changes) as batches:
                async for batch in batches:
                    for screen in self._live_screens():
                        await screen.changed(batch)
                    await asyncio.sleep(_DRAW_EVERY_SECONDS)
        except CheckoutError as error:
            self.exit(error)

    def _caught_up(self) -> None:
        self.following = True
        # No notification covers what changed between the first read and the subscription.
        self._reload()

    def _trouble(self, trouble: ConnectionChange) -> None:
        lost = isinstance(trouble, Lost)
        self.app_context.lost_at = datetime.now(UTC) if lost else None
        self._redraw()
        if not lost:
            self._reload()

    def _redraw(self) -> None:
        """Redraw every screen: masking, colours or the connection have changed."""
        for screen in self._live_screens():
            screen.redraw()

    def _reload(self) -> None:
        for screen in self._live_screens():
            screen.call_later(screen.reload)

    def _live_screens(self) -> Iterator[BaseScreen]:
        """Yield the screens that have all their widgets; one that is not mounted yet starts with the current state."""
        for screen in self.screen_stack:
            if isinstance(screen, BaseScreen) and screen.is_mounted and not screen.gone:
                yield screen

    def action_next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        if isinstance(screen, BaseScreen):
            yield from screen.palette()
        for theme in THEMES:
            name = theme.name.removeprefix("checkout-")
            yield SystemCommand(f"Colours: {name}", "key F2", partial(setattr, self, "theme", theme.name))


async def _run(settings: Settings, listen_url: str, *, read_only: bool) -> tuple[CheckoutError | None, int]:
    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime:
        await check_schema(runtime.database)
        read_only = read_only or not await may_write(runtime.database)
        context = AppContext(runtime, read_only=read_only, masked=settings.mask)
        terminal = Terminal(context, listen_url, _settle)
        failure = await terminal.run_async()
        return failure, terminal.return_code or 0


def _settle() -> None:
    """Import the other screens once the first rows are shown, before the first key needs them."""
    import_screens()
    # A full collection takes 40 ms, during which no key is handled. What is loaded now stays until the end.
    gc.collect()
    gc.freeze()
    gc.enable()


def run(settings: Settings, listen_url: str, *, read_only: bool) -> int:
    """Run until the user quits and return the exit code, 1 after a crash. Raise CheckoutError."""
    gc.disable()  # until _settle: start-up leaves no garbage
    failure, code = asyncio.run(_run(settings, listen_url, read_only=read_only))
    if failure is not None:
        raise failure
    return code
