"""The terminal UI: opens the database, follows order changes, and holds the screens."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.events import Event, Key, Paste
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerFailed

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError, ConfigurationError, DatabaseUnavailable
from checkout_daemon.ledger.watching import ConnectionChange, Lost, Regained, follow_changes
from checkout_daemon.operations.schema import check_schema
from checkout_daemon.orders.terminal_windows import may_write
from checkout_daemon.present.text import plain_lines
from checkout_daemon.runtime import open_runtime, standby_of
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_sync.pulse import read_pulse

from .context import AppContext
from .failures import failure_of, named_failures
from .navigation import ScreenNavigation, import_screens
from .remembered import Remembered, memory_path, recall, remember
from .screens.base import BaseScreen
from .screens.orders import OrdersScreen
from .stack import ScreenStack
from .theme import DARK, THEMES
from .typeahead import TypeAhead
from .user_config import UserConfig, read_config
from .wire import Changes, Wire

CONNECTIONS = 4

_PULSE_EVERY_SECONDS = 2.0

# Draw changes of this span together: nobody can tell, and a busy shop costs less.
_DRAW_EVERY_SECONDS = 0.06
_FIRST_TRIES = 3  # to subscribe, before the start has failed
_TRY_AGAIN_SECONDS = 0.5


def _everything() -> type[Provider]:
    from .palette import Everything

    return Everything


class Terminal(App[CheckoutError | None]):
    """The Textual app. It exits with the error that ended it, or None."""

    TITLE = "checkout"
    CSS_PATH = "styles/terminal.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_everything}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,super+c", "copy_or_quit", "Copy what is selected, or quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, priority=True),
        Binding("f2", "next_theme", "Theme", show=False),
        Binding("ctrl+l", "draw_again", "Draw the screen again", show=False),
    ]

    def __init__(
        self,
        context: AppContext,
        listen_url: str,
        on_shown: Callable[[], None] | None = None,
        *,
        memory: Path | None = None,
    ) -> None:
        """`memory` is the file of what is remembered from one start to the next; without it nothing is."""
        # With NO_COLOR Textual still draws in greys, unless it uses the terminal's own colours.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self.app_context = context
        context.navigation = ScreenNavigation(context, ScreenStack(self))
        self._listen_url = listen_url
        self._on_shown = on_shown
        self._typing = TypeAhead(self)
        self._wire = Wire()
        self._feeling = asyncio.Lock()
        self.following = False  # whether the app is subscribed to all further changes
        for theme in THEMES:
            self.register_theme(theme)
        self._memory = memory
        self._remembered, self._forgotten = (Remembered(), "") if memory is None else recall(memory)
        context.sorts |= self._remembered.sorts
        context.columns |= {place: tuple(names) for place, names in self._remembered.columns.items()}
        known = self._remembered.theme in {theme.name for theme in THEMES}
        self.theme = self._remembered.theme if known else DARK.name

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _: self._redraw())
        self.app_resume_signal.subscribe(self, lambda _: self.action_draw_again())
        self.push_screen(OrdersScreen(self.app_context))
        self.set_interval(_PULSE_EVERY_SECONDS, self._feel_pulse)
        self._follow()

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self._typing.holds(event):
            if isinstance(event, Key) and event.key == "escape":
                self.clear_notifications()
            if isinstance(event, Key) and isinstance(self.screen, BaseScreen) and not isinstance(self.focused, Input):
                self.screen.explain(event.key)
            await super().on_event(event)
            self._typing.follow(event)

    def _display(self, screen: Screen[object], renderable: Any) -> None:
        """Write only what an update changes. Textual has no other place where all updates pass."""
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            renderable = Changes(self._wire, renderable, screen.outer_size)
        super()._display(screen, renderable)

    @property
    def _background_screens(self) -> list[Screen[object]]:
        """The screens that are seen through the one in front. Textual also counts one below a screen that is opaque.

        It then draws the front screen again, as a whole, for every change below it.
        """
        return [] if self.screen.styles.background.a == 1 else super()._background_screens

    @on(OrdersScreen.Shown)
    def _shown(self) -> None:
        if self._forgotten:
            self.notify(self._forgotten, severity="warning", timeout=10)
        if why := self.app_context.why_read_only:
            self.notify(f"Nothing can be changed: {why}.", title="Read-only", severity="warning", timeout=10)
        if self.app_context.user_config.path is not None:
            self.run_worker(self._tell_faults, thread=True, group="shown")
        if isinstance(self.screen, OrdersScreen) and (open_screen := self._places().get(self._remembered.screen)):
            open_screen()
        self._feel_pulse()
        if self._on_shown is not None:
            self.run_worker(self._on_shown, thread=True, group="shown")

    def _tell_faults(self) -> None:
        """Show in one line what is wrong with `tui.toml`. Runs in a thread, as it imports other screens."""
        from .config_check import all_faults

        faults = all_faults(self.app_context.user_config)
        if faults:
            more = f" (and {len(faults) - 1} more: `checkout tui --check-config`)" if len(faults) > 1 else ""
            self.call_from_thread(self.notify, f"{faults[0].text}{more}", severity="warning", timeout=15)

    @work(group="pulse")
    async def _feel_pulse(self) -> None:
        """Read whether a daemon is at work, and whether Stripe answers it and its events arrive.

        End if the operator's token was revoked since the start, or its operator disabled.
        """
        from checkout_daemon.tokens.acting import check_token

        context = self.app_context
        if self._feeling.locked():  # to cancel that read would cost a connection
            return
        with suppress(DatabaseUnavailable):
            async with self._feeling:
                try:
                    await check_token(context.database, context.settings.operator_token)
                except ConfigurationError as error:
                    self.exit(error)
                    return
                async with context.database.connection() as connection:
                    context.pulse = await read_pulse(connection)

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        """Follow the changes. The database was there a moment ago, so a first connection that fails is tried again."""
        tries = 0
        while True:
            try:
                with named_failures():
                    await self._follow_changes()
            except DatabaseUnavailable as error:
                tries += 1
                if not self.following and tries == _FIRST_TRIES:
                    self.exit(error)
                    return
                self._trouble(Lost(error.detail))
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
            except CheckoutError as error:
                self.exit(error)
                return

    async def _follow_changes(self) -> None:
        changes = follow_changes(self._listen_url, on_trouble=self._trouble, on_ready=self._caught_up)
        async with aclosing(changes) as batches:
            async for batch in batches:
                await self.app_context.reads.await_changes()
                for screen in self._live_screens():
                    if screen.is_mounted:
                        await screen.changed(batch)
                    else:  # its first read may have begun
                        screen.call_later(screen.changed, batch)
                await asyncio.sleep(_DRAW_EVERY_SECONDS)

    def _caught_up(self) -> None:
        self.following = True
        if self.app_context.lost_at is not None:
            self._trouble(Regained())
            return
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
            if screen.is_mounted:
                screen.redraw()

    def _reload(self) -> None:
        for screen in self._live_screens():
            screen.call_later(screen.reload)

    def _live_screens(self) -> Iterator[BaseScreen]:
        """Yield the screens that are not closing. One that is not mounted yet has no widgets."""
        for screen in self.screen_stack:
            if isinstance(screen, BaseScreen) and not screen.gone:
                yield screen

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message. It may contain text from Stripe: by default nothing in it is markup, or obeyed."""
        super().notify(plain_lines(message), title=title, severity=severity, timeout=timeout, markup=markup)

    def _handle_exception(self, error: Exception) -> None:
        """Show a failure with a name that a worker ended with. Textual has no other place where all of them arrive."""
        failure = failure_of(error.error) if isinstance(error, WorkerFailed) else None
        if failure is None:
            super()._handle_exception(error)
            return
        text = plain_lines(failure.detail)
        if all(shown.message != text for shown in self._notifications):  # what is read again may fail each time
            self.notify(text, title="Not done", severity="error", timeout=10)

    async def action_copy_or_quit(self) -> None:
        """Copy the text that was selected with the mouse, or quit if none is."""
        text = self.screen.get_selected_text()
        if not text:
            await self.action_quit()
            return
        self.copy_to_clipboard(text)
        self.screen.clear_selection()
        self.notify("Selected text", title="Copied", timeout=3)

    def action_draw_again(self) -> None:
        """Send the whole screen: something else wrote on the terminal."""
        self._wire.forget()
        self.refresh(layout=True)

    def _places(self) -> dict[str, Callable[[], object]]:
        """Return what opens the screens that are about the whole shop, by their names."""
        go = self.app_context.navigation
        return {
            "To do": go.todo,
            "Events": go.events,
            "Dead letters": go.dead_letters,
            "Batches": go.batches,
            "Proposals": go.proposals,
            "Disputes": go.disputes,
            "Stock": go.stock,
            "Health": go.health,
            "Money": go.money,
            "Trigger": go.trigger,
        }

    def remember(self) -> None:
        """Write what the next start continues with."""
        if self._memory is None:
            return
        places = [screen.PLACE for screen in self.screen_stack if isinstance(screen, BaseScreen)]
        last = next((place for place in reversed(places) if place in self._places()), "")
        remember(self._memory, Remembered(self.theme, last, self.app_context.sorts, self.app_context.columns))

    def exit(self, *arguments: Any, **options: Any) -> None:
        self.remember()
        super().exit(*arguments, **options)

    def action_next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]


async def why_read_only(database: Database) -> str:
    """Return why nothing may be changed from this process, or an empty text if it may."""
    from checkout_daemon.audit.rights import NotAnOperator, RoleTooLow, require_acting

    if not await may_write(database):
        return "the database user may not write"
    try:
        await require_acting(database)
    except (NotAnOperator, RoleTooLow) as error:
        return error.detail
    return ""


async def _run(
    settings: Settings, listen_url: str, user_config: UserConfig, *, read_only: bool
) -> tuple[CheckoutError | None, int]:
    from checkout_daemon.tokens.acting import recognize_operator

    async with open_runtime(settings, pool_size=CONNECTIONS) as runtime, standby_of(settings, CONNECTIONS) as standby:
        await check_schema(runtime.database)
        await recognize_operator(runtime.database, settings.operator_token)
        why = "" if read_only else await why_read_only(runtime.database)
        context = AppContext(runtime, read_only or bool(why), why, masked=settings.mask, standby=standby)
        context.user_config = user_config
        terminal = Terminal(context, listen_url, _settle, memory=memory_path())
        failure = await terminal.run_async()
        return failure, terminal.return_code or 0


def _settle() -> None:
    """Import the other screens once the first rows are shown, before the first key needs them."""
    import_screens()
    # A full collection takes 40 ms, during which no key is handled. What is loaded now stays until the end.
    gc.collect()
    gc.freeze()
    gc.enable()


def run(settings: Settings, listen_url: str, *, read_only: bool, config: Path | None = None) -> int:
    """Run until the user quits and return the exit code, 1 after a crash. Raise CheckoutError.

    `config` is the `tui.toml` to use instead of the usual one.
    """
    gc.disable()  # until _settle: start-up leaves no garbage
    user_config = read_config(config, time_zone=settings.time_zone)
    failure, code = asyncio.run(_run(settings, listen_url, user_config, read_only=read_only))
    if failure is not None:
        raise failure
    return code
