"""One batch: its progress, money and failures; it can be stopped, resumed, left and found again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.audit.rights import require_acting
from checkout_daemon.batches.listing import BatchView, all_items, show_batch, stop_batch
from checkout_daemon.batches.records import BatchItem, BatchStatus
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock

from ..actions import Action, command_line
from ..context import AppContext
from ..running_batches import run_resumed
from ..theme import COLOURS
from ..typeahead import ACTING
from ..widgets.key_line import KeyLine
from ..widgets.line import Block
from .acting import DetailScreen

_LOOK_SECONDS = 0.5
_BAR = 40
_MOST_LISTED = 50


class BatchScreen(DetailScreen):
    """One batch. It runs on when the screen is closed."""

    PLACE = "Batch"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back; the batch goes on", foot="Back"),
        Action("S", "stop", "Stop after the item under way", "batches stop BATCH", "Stop", writes=True),
        Action("R", "resume", "Continue a stopped batch", "batches resume BATCH", "Resume", writes=True),
        Action("c", "copy_number", "Copy the batch's number", foot="Copy"),
    )

    def __init__(self, context: AppContext, number: int) -> None:
        super().__init__(context)
        self.number = number
        self.view: BatchView | None = None
        self._troubles: list[BatchItem] = []

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.number)

    def body(self) -> Iterable[Widget]:
        yield Block(id="headline")
        yield VerticalScroll(Block(id="detail"), id="batch")

    def on_mount(self) -> None:
        self.query_one("#batch").focus()
        self.show_command(command_line("batches", "show", self.number))
        self.look_every(_LOOK_SECONDS, self._look_while_open)

    def _look_while_open(self) -> None:
        """Read the batch again while it runs, or waits for an approval: neither sends a notification."""
        batch = None if self.view is None else self.view.batch
        if batch is None or batch.status == BatchStatus.RUNNING or batch.approval == "open":
            self._look()

    def obstacle(self, action: Action) -> str | None:
        batch = None if self.view is None else self.view.batch
        if batch is not None and action.name == "stop" and batch.status != BatchStatus.RUNNING:
            return f"Batch {self.number} is {words(batch.status)}: nothing of it is running."
        if batch is not None and action.name == "resume" and batch.status == BatchStatus.FINISHED:
            return f"Batch {self.number} is finished."
        if batch is not None and action.name == "resume" and batch.is_unapproved:
            return f"Batch {self.number} {batch.why}."
        return super().obstacle(action)

    async def read(self) -> None:
        reads = self.app_context.reads
        view = await show_batch(reads, self.number)
        pages = all_items(reads, self.number, ("failed", "skipped"), limit=_MOST_LISTED)
        troubles = [item async for page in pages for item in page]
        if not self.gone:
            self.view, self._troubles = view, troubles
            self._show()

    def redraw(self) -> None:
        super().redraw()
        self._show()

    def _show(self) -> None:
        if self.view is None:
            return
        batch = self.view.batch
        status = Text(words(batch.status), f"bold {self.colour(COLOURS[tone('batch', batch.status)])}")
        self.query_one("#headline", Block).show_text(
            Text.assemble((f" Batch {batch.number}", "bold"), f"   {words(batch.act)}   ", status)
        )
        self.query_one("#detail", Block).show_text(self._detail(self.view))
        self.query_one(KeyLine).redraw()

    def _detail(self, view: BatchView) -> Text:
        batch, muted = view.batch, self.colour("muted")
        ended = batch.total - batch.waiting
        filled = _BAR * ended // max(batch.total, 1)
        text = Text(f"\n {'█' * filled}{'░' * (_BAR - filled)}  {ended:,} of {batch.total:,}\n\n")
        zone = self.app_context.time_zone
        sums = "; ".join(f"{money(one.done, one.currency)} of {money(one.amount, one.currency)}" for one in view.money)
        stopped = batch.status == BatchStatus.STOPPED
        waits = batch.status == BatchStatus.RUNNING and not batch.held
        facts = {
            "Items": batch.counts,
            "Money": sums,
            "Stopped": plain(batch.why or "") if stopped else "",
            "By": plain(batch.operator.actor),
            "Note": self.app_context.name(batch.note) if batch.note else "",
            "Started": clock(batch.created_at, zone),
            "Ended": clock(batch.ended_at, zone) if batch.ended_at else "",
            "Run by": (batch.runner or "") if batch.held else "nobody: a daemon continues it, or R" if waits else "",
        }
        for name, fact in facts.items():
            if fact:
                text.append(f" {name:<9}", muted).append(f"{fact}\n", self.colour("error") if name == "Stopped" else "")
        for kind, count in view.failures:
            text.append(f"\n {count} × {plain(kind)}", self.colour("error"))
        for item in self._troubles:
            text.append(f"\n {item.subject}  {item.status}  {plain(item.outcome or '')}", muted)
        return text

    @work(group=ACTING)
    async def action_stop(self) -> None:
        async with self.doing(command_line("batches", "stop", self.number)):
            await require_acting(self.app_context.database)
            await stop_batch(self.app_context.database, self.number, operator=this_operator())
            self.done(f"Batch {self.number} stops after the item under way")

    @work(group=ACTING)
    async def action_resume(self) -> None:
        batch = None if self.view is None else self.view.batch
        if batch is None:
            return
        question = f"Batch {self.number} is being run by {batch.runner}. Take it over?"
        if batch.held and batch.status == BatchStatus.RUNNING and not await self.confirm("Resume", question):
            return
        async with self.doing(command_line("batches", "resume", self.number)):
            await require_acting(self.app_context.database)
            run_resumed(self.app, self.app_context, self.number)

    def action_copy_number(self) -> None:
        self.copy(str(self.number), "batch number")
