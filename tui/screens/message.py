"""One message to a customer, an operator or the shop's systems: why it was not sent, and sending it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Column, Table
from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches.running import WAITED
from checkout_daemon.messages.dismissing import dismiss_messages
from checkout_daemon.outbox.listing import show_message
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock

from ..actions import Action, command_line
from ..context import AppContext
from ..theme import COLOURS
from ..typeahead import ACTING
from .acting import DetailScreen
from .dialogs import Ask
from .sending_again import LEFT, send_again


class MessageScreen(DetailScreen):
    """Shows a message and keeps it current."""

    PLACE = "Message"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("y", "replay", "Send it again", "outbox replay MESSAGE", foot="Send", writes=True),
        Action(
            "X", "dismiss_message", "Dismiss it, if it is dead", "outbox dismiss MESSAGE --note TEXT", "Dismiss",
            writes=True,
        ),
        Action("o", "order", "Open its order", "orders show ORDER", foot="Order"),
        Action("c", "copy_id", "Copy the message's id", foot="Copy"),
    )  # fmt: skip

    def __init__(self, context: AppContext, message_id: str) -> None:
        super().__init__(context)
        self.message_id = message_id
        self.message: MessageLine | None = None

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.message_id)

    def body(self) -> Iterable[Widget]:
        yield Static(" …", id="headline", markup=False)
        yield VerticalScroll(Static(id="state", markup=False), id="payload")

    def on_mount(self) -> None:
        self.query_one("#payload").focus()
        self.show_command(command_line("outbox", "show", self.message_id))

    def obstacle(self, action: Action) -> str | None:
        message = self.message
        if message is not None and action.name == "dismiss_message" and message.status != "dead":
            return f"Only a dead message is dismissed, and this one is {words(message.status)}."
        if message is not None and action.name == "order" and message.order_id is None:
            return "The message is about no order."
        return super().obstacle(action)

    async def read(self) -> None:
        self.message, _ = await show_message(self.app_context.reads, self.message_id)
        if not self.gone:
            self.redraw()

    def redraw(self) -> None:
        super().redraw()
        message, muted, zone = self.message, self.colour("muted"), self.app_context.time_zone
        if message is None:
            return
        colour = self.colour(COLOURS[tone("message", message.status)])
        self.query_one("#headline", Static).update(
            Text.assemble(" ", (plain(message.kind), "bold"), "   ", (words(message.status), f"bold {colour}"))
        )
        facts = Table.grid(Column(style=muted, no_wrap=True, width=8), Column(overflow="fold"), padding=(0, 1))
        for name, fact in (
            ("Error", message.last_error or ""),
            ("Order", str(message.number or "")),
            ("By", message.route),
            ("About", message.subject_id),
            ("Created", clock(message.created_at, zone)),
            ("Sent", clock(message.sent_at, zone) if message.sent_at else ""),
            ("Attempts", str(message.attempts)),
            ("Next", clock(message.next_attempt_at, zone) if message.next_attempt_at else ""),
            ("Id", message.id),
        ):
            if fact:
                facts.add_row(name, Text(plain(fact)))
        self.query_one("#state", Static).update(facts)

    @work(group=ACTING)
    async def action_replay(self) -> None:
        message = self.message
        if message is None:
            return
        if message.status == "sent" and not await self.confirm(
            "Send again", "It was sent. Send it again?", yes="Yes, send again"
        ):
            return
        async with self.doing(command_line("outbox", "replay", self.message_id)):
            (outcome,) = await send_again(self.app_context, [message.id], (message.status,))
            if outcome is None:
                self.done("It will be sent again.")
            elif outcome == WAITED or outcome.startswith(LEFT):
                self.done(f"It {outcome}.")
            else:
                self.failed(f"It {outcome}: look at it, and press y again to send it.")

    @work(group=ACTING)
    async def action_dismiss_message(self) -> None:
        note = await self.app.push_screen_wait(Ask("Dismiss", "Why does nobody need this message?"))
        if note is None:
            return
        async with self.doing(command_line("outbox", "dismiss", self.message_id, "--note", note)):
            await dismiss_messages(self.app_context.database, [self.message_id], operator=this_operator(), note=note)
            self.done("Dismissed: no alarm counts it any more.")

    def action_order(self) -> None:
        if self.message is not None and self.message.order_id is not None:
            self.app_context.navigation.order(self.message.order_id)

    def action_copy_id(self) -> None:
        self.copy(self.message_id, "message id")
