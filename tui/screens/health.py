"""The checks of `checkout doctor`, live, with the command that fixes each fault."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets.option_list import Option

from checkout_daemon.operations.doctor import Check
from checkout_daemon.present.columns import WIDE
from checkout_daemon.present.text import counted, plain, words
from checkout_daemon.present.times import span

from ..actions import Action, command_line
from ..checkup import ORDER, Checkup
from ..context import AppContext
from ..typeahead import ACTING, READING
from ..widgets.line import Block
from ..widgets.pick_list import PickList
from ..widgets.vitals import Vitals
from .base import BaseScreen
from .dialogs import ShowResult

_LOOK_SECONDS = 0.5
_STATES = {True: (" ✓ ok    ", "success"), None: (" - skip  ", "warning"), False: (" ✗ FAULT ", "error")}
_NAME_WIDTH = max(map(len, ORDER)) + 2


class HealthScreen(BaseScreen):
    """Reads the database and this machine every two seconds, and asks Stripe every thirty."""

    PLACE = "Health"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "read", "Show the whole result", "doctor", foot="Read"),
        Action("c", "copy_fix", "Copy the command that fixes it", foot="Copy"),
        Action("n", "next_fault", "Go to the next fault", foot="Next fault"),
        Action("r", "again", "Check again now", "doctor", foot="Again"),
        Action("e", "events", "Stripe's events as they arrive", "events list", foot="Events"),
    )

    def body(self) -> Iterable[Widget]:
        yield Block(id="headline")
        detail = VerticalScroll(Block(id="detail"), id="details")
        detail.can_focus = False
        yield Container(Vertical(self.list, id="left"), Vertical(detail, Vitals(self.checkup), id="right"), id="halves")

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.list = PickList(*(Option("") for _ in ORDER))
        self._drawn: dict[str, Check | None] = {}  # the result that each line shows
        self._moved = False  # once the user moves, the cursor no longer jumps to the first fault

    def on_mount(self) -> None:
        self.list.highlighted = 0
        self.list.focus()
        self.set_interval(_LOOK_SECONDS, self._look)
        self._read_first()
        self._look()

    def on_resize(self) -> None:
        self.set_class(self.size.width < WIDE, "-narrow")
        self._drawn = {}
        self._show()

    @property
    def checkup(self) -> Checkup:
        return self.app_context.checkup

    @property
    def name_chosen(self) -> str:
        return ORDER[self.list.highlighted or 0]

    @property
    def chosen(self) -> Check | None:
        return self.checkup.found.get(self.name_chosen)

    # Looking

    def _look(self) -> None:
        if self.is_current:
            if self.checkup.due:
                # A worker of the app survives this screen: Stripe should not be asked again so soon.
                self.app.run_worker(self.checkup.examine(self.app_context.settings), group="checkup")
            if self.checkup.signs_due:
                self._read_signs()
        self._show()

    @work(group="signs")
    async def _read_signs(self, *, now: bool = False) -> None:
        await self.checkup.read_signs(self.app_context.runtime, now=now)
        if not self.gone:
            self._show()

    @work(group=READING)
    async def _read_first(self) -> None:
        """Read the signs that the first keys may ask about; the checks that ask Stripe take longer."""
        await self.checkup.read_signs(self.app_context.runtime)
        if not self.gone:
            self._show()

    async def reload(self) -> None:
        self._read_signs(now=True)

    # Showing

    def redraw(self) -> None:
        super().redraw()
        self._drawn = {}
        self._show()

    def _show(self) -> None:
        for index, (name, check) in enumerate(self.checkup.checks()):
            if name not in self._drawn or self._drawn[name] != check:
                self._drawn[name] = check
                self.list.replace_option_prompt_at_index(index, self._line(name, check))
        if not self._moved and self.checkup.faults:
            self._move_to(self.checkup.faults[0])
        self._show_headline()
        self._show_chosen()
        self.query_one(Vitals).redraw()

    def _line(self, name: str, check: Check | None) -> Text:
        named = f"{words(name):<{_NAME_WIDTH}}"
        if check is None:
            return Text(f" …        {named}", self.colour("muted"))
        state, tone = _STATES[check.ok]
        text = Text.assemble(
            (state, f"bold {self.colour(tone)}" if check.fault else self.colour(tone)), " ",
            (named, "bold" if check.fault else ""), plain(check.detail),
        )  # fmt: skip
        if check.fix is not None and not self.has_class("-narrow"):
            text.append(f"\n{'':10}{'→':>{_NAME_WIDTH - 1}} {plain(check.fix)}", self.colour("muted"))
        return text

    def _show_headline(self) -> None:
        faults, unknown = self.checkup.faults, sum(check is None for _, check in self.checkup.checks())
        skipped = [words(name) for name, check in self.checkup.checks() if check is not None and check.ok is None]
        if faults:
            text = Text(
                f" ✗ {counted(len(faults), 'fault')}: {', '.join(map(words, faults))}", f"bold {self.colour('error')}"
            )
        elif unknown:
            text = Text(f" … {unknown} not known yet", self.colour("muted"))
        elif skipped:
            text = Text(f" ✓ No faults; skipped: {', '.join(skipped)}", f"bold {self.colour('warning')}")
        else:
            text = Text(" ✓ All is well", f"bold {self.colour('success')}")
        right = Text(f"{self._when()} ", self.colour("muted"))
        text.truncate(max(self.size.width - right.cell_len - 2, 0), overflow="ellipsis")
        gap = " " * max(self.size.width - text.cell_len - right.cell_len, 1)
        self.query_one("#headline", Block).show_text(Text.assemble(text, gap, right))

    def _when(self) -> str:
        if self.checkup.busy:
            return "asking Stripe …"
        if self.checkup.asked_at is None:
            return ""
        return f"Stripe asked {span(monotonic() - self.checkup.asked_at)} ago"

    def _show_chosen(self) -> None:
        check, muted = self.chosen, self.colour("muted")
        self.show_command(check.fix if check is not None and check.fix else command_line("doctor"))
        text = Text.assemble((words(self.name_chosen), "bold"), "\n")
        if check is None:
            text.append("not known yet", muted)
        else:
            text.append(plain(check.detail))
        if check is not None and check.fix:
            text.append("\n\nTo fix it (c copies this):\n", muted).append(plain(check.fix), "bold")
        self.query_one("#detail", Block).show_text(text)

    def on_option_list_option_highlighted(self, event: PickList.OptionHighlighted) -> None:
        self._show_chosen()

    def on_key(self) -> None:
        self._moved = True

    def on_click(self) -> None:
        self._moved = True

    def _move_to(self, name: str) -> None:
        self.list.highlighted = ORDER.index(name)

    # Acting

    @work(group=ACTING)
    async def action_read(self) -> None:
        check = self.chosen
        if check is None:
            return
        fix = f"\n\nTo fix it:\n{plain(check.fix)}" if check.fix else ""
        await self.app.push_screen_wait(
            ShowResult(words(check.check), f"{plain(check.detail)}{fix}", copies=check.fix or check.detail)
        )

    def action_copy_fix(self) -> None:
        check = self.chosen
        if check is None:
            self.notify("This check has not run yet.", markup=False)
            return
        if check.fix is None:
            self.notify("This check was skipped." if check.ok is None else "This check passed.", markup=False)
            return
        self.copy(check.fix, f"fix for {words(check.check)}")

    def action_next_fault(self) -> None:
        faults = self.checkup.faults
        if not faults:
            self.notify("No check found a fault.", markup=False)
            return
        at = self.list.highlighted or 0
        self._move_to(next((name for name in faults if ORDER.index(name) > at), faults[0]))

    def action_again(self) -> None:
        self._read_signs(now=True)
        if self.checkup.due:
            self._look()
        else:
            wait = max(1, round(self.checkup.wait_seconds))
            self.notify(f"Stripe can be asked again in {wait} s.", timeout=3, markup=False)

    def action_open_health(self) -> None:
        """Do nothing: this is the health screen."""
