"""What every screen has: the top line, the banner, the command that does the same, help, copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from checkout_daemon.store.change_reads import ChangeLine
from tui.actions import Action, bindings
from tui.context import AppContext
from tui.widgets.banner import Banner
from tui.widgets.chips import Chips
from tui.widgets.command_line import CommandLine
from tui.widgets.table import LiveTable
from tui.widgets.top_line import TopLine

COMMON = (
    Action("T", "open_trigger", "Have Stripe make a test event", "trigger EVENT"),
    Action("H", "open_health", "Whether all is well, and what mends what is not", "doctor"),
    Action("C", "copy_command", "Copy the command line that does the same"),
    Action("m", "mask", "Mask personal data, or show it"),
    Action("question_mark", "help", "Help on this screen", foot="Help", show_key="?"),
    Action("q", "quit", "Leave", foot="Quit"),
)


class BaseScreen(Screen[None]):
    """`ACTIONS` is what can be done here; keys, help and palette follow from it."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    PLACE: ClassVar[str] = ""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.app_context = context
        self._unlisten: Callable[[], None] = lambda: None

    def __init_subclass__(cls, **arguments: bool) -> None:
        # Of those with actions only: bindings are inherited, and come before one's own.
        cls.BINDINGS = bindings(cls.all_actions()) if cls.ACTIONS else []
        super().__init_subclass__(**arguments)

    @classmethod
    def all_actions(cls) -> tuple[Action, ...]:
        """Its own, and those of every screen that it does not name otherwise."""
        own = {each.name for each in cls.ACTIONS}
        return (*cls.ACTIONS, *(each for each in COMMON if each.name not in own))

    def compose(self) -> ComposeResult:
        yield TopLine(self.app_context, self.PLACE)
        yield Banner(self.app_context)
        yield from self.body()
        yield CommandLine()
        yield Footer(show_command_palette=False, compact=True)

    def body(self) -> Iterable[Widget]:
        """What is between the top and the command line."""
        raise NotImplementedError

    def on_mount(self) -> None:
        # Textual calls every class's own handler: one that called its parent's would listen twice.
        self._unlisten = self.app_context.listen(self.changed)

    def on_unmount(self) -> None:
        self._unlisten()

    async def changed(self, changes: list[ChangeLine]) -> None:
        """The shop's orders changed."""

    async def reload(self) -> None:
        """Read again all that is shown: the database answers again."""

    def look_every(self, seconds: float, look: Callable[[], object]) -> None:
        """Have it look for what no change tells of, while it is in front and the database answers."""

        def look_if_seen() -> None:
            if self.is_current and self.app_context.lost_at is None:
                look()

        self.set_interval(seconds, look_if_seen)

    @property
    def gone(self) -> bool:
        """Whether it was left: what was asked for meanwhile finds nothing to draw on."""
        return not self.query(CommandLine)

    def redraw(self) -> None:
        """Draw again what is held: masks, marks or colours have changed."""
        for top in self.query(TopLine):
            top.redraw()
        for banner in self.query(Banner):
            banner.redraw()
        for chips in self.query(Chips):
            chips.redraw()
        for table in self.query(LiveTable):
            table.refresh()
        self.set_class(self.app_context.lost_at is not None, "-stale")

    def say_command(self, command: str) -> None:
        """Show which command does the same."""
        self.query_one(CommandLine).say(command)

    @property
    def command(self) -> str:
        return self.query_one(CommandLine).command

    def copy(self, text: str, what: str) -> None:
        """Into the terminal's clipboard."""
        self.app.copy_to_clipboard(text)
        self.notify(text, title=f"Copied: {what}", timeout=3, markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What writes is not there where nothing may be written."""
        writes = any(each.name == action and each.writes for each in self.ACTIONS)
        return False if writes and self.app_context.read_only else super().check_action(action, parameters)

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
        """What can be done here, for the command palette."""
        for each in self.all_actions():
            if not self.check_action(each.name, ()):
                continue
            command = f"checkout {each.command}" if each.command else f"key {each.shown_key}"
            yield SystemCommand(each.does, command, partial(self.run_action, each.name))

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.PLACE, self.all_actions()))

    def action_quit(self) -> None:
        self.app.exit()
