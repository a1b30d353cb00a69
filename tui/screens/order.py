"""One order: its facts, its history, and what an operator can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import clock
from checkout_daemon.services.explaining import Finding
from checkout_daemon.store.change_reads import ChangeLine
from tui.actions import Action
from tui.context import AppContext
from tui.facts import facts, headline
from tui.latest import Latest
from tui.order_details import read_order_details
from tui.screens.order_actions import OrderActions
from tui.texts import hanging
from tui.timeline import Moment, moments

_WIDE = 110
_LOOK_SECONDS = 2.0  # events that change nothing in the order, mails, notes
_INDENT = " " * 12
_BESIDE = 3  # what the timeline's padding and scroll bar take


class OrderScreen(OrderActions):
    """Follows its order while it is open."""

    PLACE = "Order"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "back", "Back to the list", foot="Back"),
        Action("r", "resend", "A link to pay with, by mail on request", "sessions resend ORDER", "Resend", writes=True),
        Action("f", "refund", "Give money back", "orders refund ORDER --amount MINOR", foot="Refund", writes=True),
        Action("x", "expire", "Expire the open session", "sessions expire ORDER", foot="Expire", writes=True),
        Action("X", "cancel", "Cancel the order", "orders cancel ORDER", writes=True),
        Action("s", "sync", "Show what differs at Stripe, then merge it", "sessions sync ORDER", "Sync", writes=True),
        Action("y", "replay", "Apply one of its events again", "events replay EVENT", "Replay", writes=True),
        Action(
            "t",
            "open_trigger",
            "Have Stripe make a test event for it",
            "trigger EVENT --order ORDER",
            "Test",
            writes=True,
        ),
        Action("a", "acknowledge", "Say that an attention is dealt with", "orders ack ORDER REASON", writes=True),
        Action("n", "note", "Keep a note", "orders note ORDER TEXT", writes=True),
        Action("w", "copy_mend", "Copy the command that puts it right", "orders explain ORDER", "Mend"),
        Action("o", "dashboard", "The address in Stripe's dashboard"),
        Action("c", "copy_one", "Copy an id or a link"),
        Action("tab", "app.focus_next", "To the next part"),
    )

    def __init__(self, context: AppContext, order_id: str) -> None:
        super().__init__(context, order_id)
        self._reads = Latest(self._read)

    def body(self) -> Iterable[Widget]:
        yield Static(" …", id="headline", markup=False)
        yield Container(
            VerticalScroll(Static(id="facts", markup=False), id="left"),
            Vertical(
                VerticalScroll(Static(id="history", markup=False), id="timeline"),
                VerticalScroll(Static(id="findings", markup=False), id="why"),
                id="right",
            ),
            id="halves",
        )

    def on_mount(self) -> None:
        timeline = self.query_one("#timeline")
        timeline.focus()
        self.watch(timeline, "container_size", self.redraw, init=False)  # only once it is laid out is its width known
        self.query_one("#why").border_title = "Why"
        self.look_every(_LOOK_SECONDS, self._load)
        self._load()

    def on_resize(self) -> None:
        self.set_class(self.size.width < _WIDE, "-narrow")
        self.redraw()

    # Reading

    @property
    def settled(self) -> bool:
        return self.whole is not None

    @work(group="order")
    async def _load(self) -> None:
        try:
            await self._reads.ask(None)
        except DatabaseUnavailable:
            return
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)
            self.dismiss()

    async def _read(self, _: None) -> None:
        first = self.whole is None
        whole = await read_order_details(self.app_context.runtime, self.order_id)
        if self.gone:
            return
        self.whole = whole
        if first:
            self.say_command(self.command_for("orders", "show"))
        self.redraw()

    async def reload(self) -> None:
        self._load()

    async def changed(self, changes: list[ChangeLine]) -> None:
        if any(change.order_id == self.order_id for change in changes):
            self._load()

    def redraw(self) -> None:
        super().redraw()
        if self.whole is None:
            return
        self.query_one("#headline", Static).update(Text(" ").append_text(headline(self.whole, self._colour)))
        self.query_one("#facts", Static).update(facts(self.whole, self.app_context, self._colour))
        self.query_one("#history", Static).update(self._history(moments(self.whole)))
        self.query_one("#findings", Static).update(self._why(self.whole.findings))

    def _history(self, found: Iterable[Moment]) -> Text:
        text, muted = Text(), self._colour("muted")
        room = self.query_one("#timeline").outer_size.width - _BESIDE
        day = ""
        for each in found:
            at = clock(each.at, self.app_context.time_zone)
            if at[:10] != day:
                day = at[:10]
                text.append(f"{day}\n", muted)
            text.append(f"{at[11:]}  ", muted).append(f"{each.mark} {each.what}", self._colour(each.colour))
            if each.step:
                text.append(f"  {each.step}", "bold")
            text.append("\n")
            for line in filter(None, each.detail.split("\n")):
                text.append(f"{hanging(line, _INDENT, room)}\n", muted)
        return text

    def _why(self, findings: Iterable[Finding]) -> Text:
        """As `orders explain` says it: why it is so, what puts it right; with room for it, what comes by itself."""
        text, muted = Text(), self._colour("muted")
        roomy = self.size.width >= _WIDE
        for each in findings:
            text.append(f"{plain(each.says)}\n")
            if each.command is not None:
                text.append("  → ", muted).append(f"{plain(each.command)}\n", "bold")
            if each.next is not None and (roomy or each.command is None):
                text.append(f"  next: {plain(each.next)}\n", muted)
        text.rstrip()
        return text

    def _colour(self, name: str) -> str:
        return self.app.theme_variables[name]

    def action_back(self) -> None:
        self.dismiss()
