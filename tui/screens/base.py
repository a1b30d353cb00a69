"""What every screen has: the top line, the banner, the equivalent command, help and copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from checkout_daemon.ledger.change_log import ChangeLine
from tui.actions import Action, bindings
from tui.context import AppContext
from tui.widgets.banner import Banner
from tui.widgets.chips import Chips
from tui.widgets.command_line import CommandLine
from tui.widgets.line import Line
from tui.widgets.table import LiveTable
from tui.widgets.top_line import TopLine

COMMON = (
    Action("T", "open_trigger", "Trigger a test event at Stripe", "trigger EVENT"),
    Action("H", "open_health", "Health checks, and how to fix what fails", "doctor"),
    Action("C", "copy_command", "Copy the equivalent command"),
    Action("m", "mask", "Mask or show personal data"),
    Action("question_mark", "help", "Help on this screen", foot="Help", show_key="?"),
    Action("q", "quit", "Quit", foot="Quit"),
)


class BaseScreen(Screen[None]):
    """A screen whose keys, help and palette come from its `ACTIONS`."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    PLACE: ClassVar[str] = ""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.app_context = context

    def __init_subclass__(cls, **arguments: bool) -> None:
        """Bind the keys of the actions. A class without actions gets no bindings: they would precede a subclass's."""
        cls.BINDINGS = bindings(cls.all_actions()) if cls.ACTIONS else []
        super().__init_subclass__(**arguments)

    @classmethod
    def all_actions(cls) -> tuple[Action, ...]:
        """Return the screen's own actions, and the common ones that it does not override."""
        own = {action.name for action in cls.ACTIONS}
        return (*cls.ACTIONS, *(action for action in COMMON if action.name not in own))

    def compose(self) -> ComposeResult:
        yield TopLine(self.app_context, self.PLACE)
        yield Banner(self.app_context)
        yield from self.body()
        yield CommandLine()
        yield Footer(show_command_palette=False, compact=True)

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the banner and the command line."""
        raise NotImplementedError

    async def changed(self, changes: list[ChangeLine]) -> None:
        """Handle a batch of order changes."""

    async def reload(self) -> None:
        """Read everything again, because the database is back or an action ran."""

    def look_every(self, seconds: float, look: Callable[[], object]) -> None:
        """Poll for what no notification covers, while the screen is in front and the database answers."""

        def look_if_seen() -> None:
            if self.is_current and self.app_context.lost_at is None:
                look()

        self.set_interval(seconds, look_if_seen)

    @property
    def gone(self) -> bool:
        """Whether the screen is closed or closing: its widgets go one by one, so a late answer must not draw.

        Textual stops displaying a node as soon as it begins to remove it.
        """
        return not self.display

    def redraw(self) -> None:
        """Draw the same data again: masking, marks or colours have changed."""
        for line in self.query(Line):
            line.redraw()
        for table in self.query(LiveTable):
            table.refresh()
        self.set_class(self.app_context.lost_at is not None, "-stale")

    def colour(self, name: str) -> str:
        """Return a colour of the current theme."""
        return self.app.theme_variables[name]

    def show_command(self, command: str) -> None:
        """Show the equivalent command."""
        self.query_one(CommandLine).show(command)

    @property
    def command(self) -> str:
        return self.query_one(CommandLine).command

    def copy(self, text: str, name: str) -> None:
        """Copy text to the clipboard and name what it is."""
        self.app.copy_to_clipboard(text)
        self.notify(text, title=f"Copied: {name}", timeout=3, markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable writing actions in read-only mode."""
        writes = any(known.name == action and known.writes for known in self.ACTIONS)
        return False if writes and self.app_context.read_only else super().check_action(action, parameters)

    def on_chips_pressed(self, event: Chips.Pressed) -> None:
        self.run_worker(self.run_action(event.action))

    def action_events(self) -> None:
        self.app_context.navigation.events()

    def action_open_trigger(self) -> None:
        self.app_context.navigation.trigger()

    def action_open_health(self) -> None:
        self.app_context.navigation.health()

    def action_copy_command(self) -> None:
        self.copy(self.command, "command")

    def action_mask(self) -> None:
        self.app_context.masked = not self.app_context.masked
        for screen in self.app.screen_stack:
            if isinstance(screen, BaseScreen):
                screen.redraw()

    def palette(self) -> Iterable[SystemCommand]:
        """Yield the screen's actions for the command palette."""
        for action in self.all_actions():
            if not self.check_action(action.name, ()):
                continue
            command = f"checkout {action.command}" if action.command else f"key {action.shown_key}"
            yield SystemCommand(action.description, command, partial(self.run_action, action.name))

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.PLACE, self.all_actions()))

    def action_quit(self) -> None:
        self.app.exit()
