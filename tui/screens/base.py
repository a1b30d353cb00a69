"""What every screen has: the top line, the banner, the equivalent command, help and copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult, SystemCommand
from textual.events import Unmount
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, get_current_worker

from checkout_daemon.ledger.change_log import ChangeLine

from ..actions import Action, bindings, shown
from ..context import AppContext
from ..typeahead import READING
from ..widgets.banner import Banner
from ..widgets.chips import Chips
from ..widgets.command_line import CommandLine
from ..widgets.key_line import KeyLine
from ..widgets.line import Line
from ..widgets.table import LiveTable
from ..widgets.top_line import TopLine

_READ_AGAIN_SECONDS = 0.5
_LEFT = "left"  # the worker group of acts whose screen was left: no key waits for them

T = TypeVar("T")

COMMON = (
    Action("colon", "go_to", "Go anywhere: :1320, :dead, :disputes, :bo@", show_key=":"),
    Action("D", "open_todo", "What needs a person", "todo"),
    Action("T", "open_trigger", "Trigger a test event at Stripe", "trigger EVENT"),
    Action("H", "open_health", "Health checks, and how to fix what fails", "doctor"),
    Action("B", "open_batches", "Batches: acts on many orders", "batches list"),
    Action("P", "open_proposals", "Proposals: approve or reject them", "proposals list"),
    Action("C", "copy_command", "Copy the equivalent command"),
    Action("m", "mask", "Mask or show personal data"),
    Action("question_mark", "help", "Help on this screen", foot="Help", show_key="?"),
    Action("q", "quit", "Quit", foot="Quit"),
    Action("f2", "app.next_theme", "Next colours: dark, light, high contrast", foot="Colours", show_key="F2"),
)


class BaseScreen(Screen[None]):
    """A screen whose keys, help and palette come from its `ACTIONS`."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    PLACE: ClassVar[str] = ""
    REMARKS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.app_context = context
        self._reads_again = False
        self._under_way: set[Worker[Any]] = set()  # those that come to their end without the screen

    @property
    def place(self) -> tuple[object, ...]:
        """What is shown, and of what: two screens of the same place show the same."""
        return (self.PLACE,)

    @property
    def in_view(self) -> bool:
        """Whether no other screen hides this one; a dialog does not."""
        above = self.app.screen_stack[self.app.screen_stack.index(self) + 1 :]
        return not any(isinstance(screen, BaseScreen) for screen in above)

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
        yield KeyLine(self.foot_actions)

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the banner and the command line."""
        raise NotImplementedError

    async def changed(self, changes: list[ChangeLine]) -> None:
        """Handle a batch of order changes."""

    async def reload(self) -> None:
        """Read everything again, because the database is back or an action ran."""

    def read_again_soon(self) -> None:
        """Reload in a moment: a read has failed, and no reload follows unless the database is away altogether."""
        if not self._reads_again:
            self._reads_again = True
            self.set_timer(_READ_AGAIN_SECONDS, self._reload_after_failure)

    async def _reload_after_failure(self) -> None:
        self._reads_again = False
        if not self.gone and self.app_context.lost_at is None:
            await self.reload()

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

    @contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Let the worker that runs this come to its end, although the screen is left meanwhile."""
        worker = get_current_worker()
        self._under_way.add(worker)
        try:
            yield
        finally:
            self._under_way.discard(worker)

    def on_unmount(self, event: Unmount) -> None:
        if not self._under_way:
            return
        event.prevent_default()  # Textual would cancel all workers of the screen
        for worker in self.workers:
            if worker in self._under_way:
                worker.group = _LEFT
            elif worker.node is self:
                worker.cancel()

    async def ask(self, dialog: Screen[T]) -> T | None:
        """Return the answer to a dialog; None without showing it if the screen was left: nobody expects it by now."""
        if self.gone:
            return None
        return await self.app.push_screen_wait(dialog)

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
        """Show the equivalent command, unless the screen was left."""
        if not self.gone:
            self.query_one(CommandLine).show(command)

    @property
    def command(self) -> str:
        return "" if self.gone else self.query_one(CommandLine).command

    def copy(self, text: str, name: str, shown: str | None = None) -> None:
        """Copy text to the clipboard and name what it is; `shown`: the text as it may be shown, if that differs."""
        self.app.copy_to_clipboard(text)
        self.notify(text if shown is None else shown, title=f"Copied: {name}", timeout=3, markup=False)

    def remarks(self) -> Sequence[str]:
        """Return what the help adds about what is shown."""
        return self.REMARKS

    def own_actions(self) -> list[Action]:
        """Return the actions of the operator's own keys and saved filters."""
        return []

    def actions(self) -> list[Action]:
        """Return all actions of the screen, the operator's own last."""
        return [*self.all_actions(), *self.own_actions()]

    def obstacle(self, action: Action) -> str | None:
        """Return the reason why an action cannot work now, as a sentence, or None."""
        context = self.app_context
        why = f": {context.why_read_only}" if context.why_read_only else ""
        return f"This terminal is read-only{why}." if action.writes and context.read_only else None

    def foot_actions(self) -> list[Action]:
        """Return the actions that the last line shows: those that can work now."""
        return [action for action in self.actions() if action.foot and self.obstacle(action) is None]

    def _obstacle_of(self, name: str) -> str | None:
        known = next((action for action in self.actions() if action.name == name), None)
        return None if known is None else self.obstacle(known)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that cannot work now."""
        name = f"own({parameters[0]})" if action == "own" else action
        return False if self._obstacle_of(name) else super().check_action(action, parameters)

    def explain(self, key: str) -> None:
        """Name the reason why a key does nothing."""
        for known in self.actions():
            if known.key == key and (reason := self.obstacle(known)):
                self.notify(reason, severity="warning", timeout=10, markup=False)

    async def act(self, name: str) -> None:
        """Run an action, or name the reason why it cannot work now."""
        if reason := self._obstacle_of(name):
            self.notify(reason, severity="warning", timeout=10, markup=False)
        else:
            await self.run_action(name)

    def on_chips_pressed(self, event: Chips.Pressed) -> None:
        self.run_worker(self.run_action(event.action))

    @work(group=READING)
    async def action_go_to(self) -> None:
        from .goto import GoTo

        go = await self.app.push_screen_wait(GoTo(self))
        if go is not None:
            go()

    def action_events(self) -> None:
        self.app_context.navigation.events()

    def action_dead_letters(self) -> None:
        self.app_context.navigation.dead_letters()

    def action_open_trigger(self) -> None:
        self.app_context.navigation.trigger()

    def action_open_todo(self) -> None:
        self.app_context.navigation.todo()

    def action_open_batches(self) -> None:
        self.app_context.navigation.batches()

    def action_open_proposals(self) -> None:
        self.app_context.navigation.proposals()

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
        for action in self.actions():
            if self.obstacle(action):
                continue
            command = f"   checkout {action.command}" if action.command else ""
            yield SystemCommand(
                action.description, f"key {shown(action.shown_key)}{command}", partial(self.run_action, action.name)
            )

    def action_help(self) -> None:
        from .help import HelpScreen

        rows = [(action, self.obstacle(action)) for action in self.actions()]
        self.app.push_screen(HelpScreen(self.PLACE, rows, self.remarks()))

    def action_quit(self) -> None:
        self.app.exit()
