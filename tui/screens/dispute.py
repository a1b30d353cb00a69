"""One dispute: its state, our answer, and the evidence that would be submitted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from checkout_daemon.bank.order_lines import OrderLine, lines_of_source
from checkout_daemon.disputes.drafts import DisputeCase, NotAnswerable, find_dispute, read_case, read_desk
from checkout_daemon.disputes.evidence_fields import MOST_CHARACTERS, TEXTS, masked_evidence, wanted_for
from checkout_daemon.model.disputes import DeskState, ListedDispute
from checkout_daemon.present.columns import View
from checkout_daemon.present.dispute_columns import due
from checkout_daemon.present.disputes import answer_state, draft_state, evidence_state
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import plain, plain_lines, words
from checkout_daemon.present.times import clock

from ..actions import Action, command_line
from ..context import AppContext
from ..theme import COLOURS
from .acting import DetailScreen
from .dispute_actions import DISPUTE_ACTIONS, DisputeActions


class DisputeScreen(DetailScreen, DisputeActions):
    """Shows a dispute with its evidence, and keeps it current."""

    PLACE = "Dispute"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        *DISPUTE_ACTIONS,
        Action("o", "order", "Open its order", "orders show ORDER", foot="Order"),
        Action("c", "copy_id", "Copy the dispute's id", foot="Copy"),
    )

    def __init__(self, context: AppContext, dispute_id: str) -> None:
        super().__init__(context)
        self._dispute_id = dispute_id
        self.dispute: ListedDispute | None = None
        self.shown: DisputeCase | None = None
        self._desk: DeskState | None = None
        self._why = ""
        self._lines: list[OrderLine] = []

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self._dispute_id)

    @property
    def dispute_id(self) -> str | None:
        return self._dispute_id

    def obstacle(self, action: Action) -> str | None:
        return super().obstacle(action) or (None if self.dispute is None else _obstacle(action.name, self.dispute))

    def body(self) -> Iterable[Widget]:
        yield Static(" …", id="headline", markup=False)
        yield VerticalScroll(Static(id="state", markup=False), id="payload")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#payload").focus()
        self.show_command(command_line("disputes", "evidence", self._dispute_id))

    async def read(self) -> None:
        context = self.app_context
        found = await find_dispute(context.reads, self._dispute_id, livemode=context.livemode)
        desk = await read_desk(context.reads, found)
        lines = await lines_of_source(context.reads, found.id)
        shown, why = None, ""
        try:
            shown = await read_case(context.reads, context.settings, found)
        except NotAnswerable as error:
            why = error.detail
        if not self.gone:
            self.dispute, self.shown, self._desk, self._why = found, shown, desk, why
            self._lines = lines
            self.redraw()

    def redraw(self) -> None:
        super().redraw()
        dispute, desk, zone = self.dispute, self._desk, self.app_context.time_zone
        if dispute is None or desk is None:
            return
        muted, colour = self.colour("muted"), self.colour(COLOURS[tone("dispute", dispute.status)])
        left = due(dispute, View(datetime.now(UTC)))
        self.query_one("#headline", Static).update(
            Text.assemble(
                " ",
                (f"Order {dispute.number or '—'}", "bold"),
                "   ",
                (plain(words(dispute.unknown_words or dispute.status)), f"bold {colour}"),
                f"   {money(dispute.amount, dispute.currency)}",
                (f"   {left}" if left else "", f"bold {self.colour('error')}"),
            )
        )
        code = f" ({dispute.network_reason})" if dispute.network_reason else ""
        text = Text()
        for name, fact in (
            ("Reason", f"{words(dispute.reason or '')}{code}"),
            ("Due", clock(dispute.due_by, zone) if dispute.due_by and dispute.waits else ""),
            ("At Stripe", evidence_state(dispute)),
            ("Draft", draft_state(desk, zone)),
            ("Answer", answer_state(desk, zone)),
            *(("Balance", _booked(line)) for line in self._lines),
            ("Dispute", dispute.id),
        ):
            if fact.strip():
                text.append(f"{name:<11}", muted).append(f"{plain(fact)}\n")
        self._add_evidence(text, muted)
        self.query_one("#state", Static).update(text)

    def _add_evidence(self, text: Text, muted: str) -> None:
        if self.shown is None:
            text.append(f"\n{plain(self._why)}\n")
            return
        evidence = self.shown.evidence
        whose = "from what we hold" if self.shown.draft is None else "as it was saved"
        if self.shown.is_submitted:
            whose = "as it was submitted"
        text.append(f"\nEvidence {whose}: {evidence.characters:,} of {MOST_CHARACTERS:,} characters\n", "bold")
        missing = [name for name in wanted_for(self.shown.dispute.reason) if name not in evidence.texts]
        if missing:
            text.append(f"Without a text that matters: {', '.join(missing)}\n", self.colour("warning"))
        shown = masked_evidence(evidence).texts if self.app_context.masked else evidence.texts
        for name in TEXTS:
            if name in shown:
                text.append(f"\n{name}\n", muted)
                text.append(plain_lines(shown[name]) + "\n")

    def action_order(self) -> None:
        if self.dispute is not None and self.dispute.order_id is not None:
            self.app_context.navigation.order(self.dispute.order_id)

    def action_copy_id(self) -> None:
        self.copy(self._dispute_id, "dispute id")


def _obstacle(action: str, dispute: ListedDispute) -> str | None:
    """Return the reason why a dispute in this state cannot be answered so, as far as its facts show it."""
    if action not in ("edit", "submit", "accept"):
        return None
    if dispute.order_id is None:
        return "This dispute belongs to no order here: answer it in Stripe's Dashboard."
    if not dispute.waits:
        status = plain(words(dispute.unknown_words or dispute.status))
        return f"This dispute is {status}: there is nothing to answer."
    if dispute.status == "appeal_needs_response" and action != "accept":
        return "Stripe takes evidence of an appeal in its Dashboard only."
    return None


def _booked(line: OrderLine) -> str:
    """Return what a line of the balance took or gave back."""
    fee = f", fee {money(line.fee, line.currency)}" if line.fee else ""
    return f"{money(line.net, line.currency)} ({words(line.category)}{fee})"
