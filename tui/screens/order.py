"""One order: its facts, its history, and what an operator can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.orders.explaining import Finding
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import clock
from tui.actions import Action
from tui.order_facts import facts, headline, read_order_details
from tui.screens.order_actions import OrderActions
from tui.texts import hanging
from tui.timeline import Moment, moments

_WIDE = 110
_INDENT = " " * 12
_MARGIN = 3  # the timeline's padding and scroll bar


class OrderScreen(OrderActions):
    """Shows an order and keeps it current."""

    PLACE = "Order"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back to the list", foot="Back"),
        Action("r", "resend", "Show a payment link, or mail it too", "sessions resend ORDER", "Resend", writes=True),
        Action(
            "f",
            "refund",
            "Refund a payment or a part of it",
            "orders refund ORDER --amount MINOR",
            foot="Refund",
            writes=True,
        ),
        Action("x", "expire", "Expire the open session", "sessions expire ORDER", foot="Expire", writes=True),
        Action("X", "cancel", "Cancel the order", "orders cancel ORDER", writes=True),
        Action("s", "sync", "Show what differs at Stripe, then apply it", "sessions sync ORDER", "Sync", writes=True),
        Action("y", "replay", "Replay one of its events", "events replay EVENT", "Replay", writes=True),
        Action(
            "t",
            "open_trigger",
            "Trigger a test event for this order",
            "trigger EVENT --order ORDER",
            "Test",
            writes=True,
        ),
        Action("a", "acknowledge", "Mark an attention code as dealt with", "orders ack ORDER REASON", writes=True),
        Action("n", "note", "Add a note", "orders note ORDER TEXT", writes=True),
        Action("w", "copy_fix", "Copy the command that fixes it", "orders explain ORDER", "Fix"),
        Action("o", "dashboard", "Show its page in Stripe's dashboard"),
        Action("c", "copy_one", "Copy an id or a link"),
        Action("tab", "app.focus_next", "Go to the next pane"),
    )

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
        self.watch(timeline, "container_size", self.redraw, init=False)  # its width is known only after layout
        self.query_one("#why").border_title = "Why"

    def on_resize(self) -> None:
        self.set_class(self.size.width < _WIDE, "-narrow")
        self.redraw()

    # Reading

    @property
    def settled(self) -> bool:
        return self.details is not None

    async def read(self) -> None:
        first = self.details is None
        details = await read_order_details(self.app_context.runtime, self.order_id)
        if self.gone:
            return
        self.details = details
        if first:
            self.show_command(self.command_for("orders", "show"))
        self.redraw()

    async def changed(self, changes: list[ChangeLine]) -> None:
        if any(change.order_id == self.order_id for change in changes):
            self.load()

    def redraw(self) -> None:
        super().redraw()
        if self.details is None:
            return
        self.query_one("#headline", Static).update(Text(" ").append_text(headline(self.details, self.colour)))
        self.query_one("#facts", Static).update(facts(self.details, self.app_context, self.colour))
        self.query_one("#history", Static).update(self._history(moments(self.details)))
        self.query_one("#findings", Static).update(self._why(self.details.findings))

    def _history(self, found: Iterable[Moment]) -> Text:
        text, muted = Text(), self.colour("muted")
        room = self.query_one("#timeline").outer_size.width - _MARGIN
        day = ""
        for moment in found:
            at = clock(moment.at, self.app_context.time_zone)
            if at[:10] != day:
                day = at[:10]
                text.append(f"{day}\n", muted)
            text.append(f"{at[11:]}  ", muted).append(f"{moment.mark} {moment.text}", self.colour(moment.colour))
            if moment.step:
                text.append(f"  {moment.step}", "bold")
            text.append("\n")
            for line in filter(None, moment.detail.split("\n")):
                text.append(f"{hanging(line, _INDENT, room)}\n", muted)
        return text

    def _why(self, findings: Iterable[Finding]) -> Text:
        """Return the findings as `orders explain` prints them. Where it fits, also what happens next."""
        text, muted = Text(), self.colour("muted")
        roomy = self.size.width >= _WIDE
        for finding in findings:
            text.append(f"{plain(finding.description)}\n")
            if finding.command is not None:
                text.append("  → ", muted).append(f"{plain(finding.command)}\n", "bold")
            if finding.next is not None and (roomy or finding.command is None):
                text.append(f"  next: {plain(finding.next)}\n", muted)
        text.rstrip()
        return text
