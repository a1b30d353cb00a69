"""Marked orders: an act on all of them, after one box with their number and money, runs as a batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import SystemCommand

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.order_rows import OrderRow
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_filter import Extent, OrderFilter
from checkout_daemon.orders.order_pages import all_orders, orders_that_fit
from checkout_daemon.present.money import extent, money, sums
from checkout_daemon.present.text import counted, plain, words

from ..actions import Action, command_line
from ..context import AppContext
from ..typeahead import ACTING, READING
from ..widgets.table import LiveTable
from .dialogs import Ask, Choose
from .lists import MOST_MARKED, ListScreen

if TYPE_CHECKING:
    from checkout_daemon.batches.planning import BatchPlan

_FIRST = 3  # orders that the box names

MARK_ACTIONS = (
    Action("space", "mark", "Mark the order, or unmark it"),
    Action("asterisk", "mark_all", "Mark all orders that match the filter", show_key="*"),
    Action("u", "unmark", "Unmark all"),
    Action("f", "refund_marked", "Refund all marked orders", "orders refund ORDER", writes=True),
    Action("r", "resend_marked", "Resend the links of all marked orders", "sessions resend ORDER", writes=True),
    Action("x", "expire_marked", "Expire the sessions of all marked orders", "sessions expire ORDER", writes=True),
    Action("X", "cancel_marked", "Cancel all marked orders", "orders cancel ORDER", writes=True),
    Action("A", "assign_marked", "Give all marked orders an owner", "orders assign ORDER NAME", writes=True),
    Action("E", "export_marked", "Write all marked orders to a CSV file", "orders export ORDER --output FILE"),
    Action("n", "note_marked", "Add a note to all marked orders", "orders note ORDER TEXT", writes=True),
)
_ON_MARKED = {action.description for action in MARK_ACTIONS if action.name.endswith("_marked")}
_CHIPS = (
    ("refund_marked", "f refund"),
    ("resend_marked", "r resend"),
    ("expire_marked", "x expire"),
    ("cancel_marked", "X cancel"),
    ("sync_marked", "s sync"),
    ("acknowledge_marked", "a ack"),
    ("note_marked", "n note"),
    ("assign_marked", "A assign"),
    ("export_marked", "E export"),
    ("unmark", "u unmark"),
)
_CHANGING_NOTHING = ("export_marked", "unmark")
_TITLES = {
    BatchAct.REFUND: "Refund",
    BatchAct.RESEND: "Resend",
    BatchAct.EXPIRE: "Expire every open session of",
    BatchAct.CANCEL: "Cancel",
    BatchAct.SYNC: "Sync with Stripe",
    BatchAct.ACK: "Acknowledge",
    BatchAct.NOTE: "Note",
}
_COMMANDS = {
    BatchAct.REFUND: ("orders", "refund"),
    BatchAct.RESEND: ("sessions", "resend"),
    BatchAct.EXPIRE: ("sessions", "expire"),
    BatchAct.CANCEL: ("orders", "cancel"),
    BatchAct.SYNC: ("sessions", "sync"),
    BatchAct.ACK: ("orders", "ack"),
    BatchAct.NOTE: ("orders", "note"),
}
_TYPED = (BatchAct.REFUND, BatchAct.CANCEL)  # confirmed by typing their number: they cannot be undone


class MarkingScreen(ListScreen[OrderRow]):
    """A list of orders that can be marked. While some are, `s` and `a` act on them instead of filtering."""

    def __init__(self, context: AppContext, table: LiveTable[OrderRow], marked: dict[str, Order]) -> None:
        """Take the marked orders by id, whose keys the table shows."""
        super().__init__(context, table)
        self.wanted = OrderFilter()
        self.marked = marked
        self._outside: set[str] = set()

    @property
    def may_act(self) -> bool:
        """Whether keys that otherwise filter act on what is marked."""
        return bool(self.marked) and not self.app_context.read_only

    def palette(self) -> Iterable[SystemCommand]:
        """Yield the acts on marked orders only while some are marked."""
        yield from (entry for entry in super().palette() if self.marked or entry.title not in _ON_MARKED)

    def show_marks(self) -> None:
        """Show which orders are marked, and what can be done with them."""
        self.table.refresh()

    def marks_chips(self) -> tuple[list[tuple[str, str, bool]], str]:
        """Return the chips of the acts on the marked orders, and a note with their number and money."""
        orders = self.marked.values()
        money_of = sums((order.amount_total, order.currency) for order in orders)
        read_only = self.app_context.read_only
        shown = [chip for chip in _CHIPS if not read_only or chip[0] in _CHANGING_NOTHING]
        return [
            (action, text, False) for action, text in shown
        ], f"● {len(orders):,} marked{self._not_here()}, {money_of}"

    async def find_marks(self, wanted: OrderFilter) -> None:
        """Find out which marked orders are not in the list of a filter."""
        if orders := list(self.marked.values()):
            fitting = await orders_that_fit(self.app_context.reads, orders, wanted)
            self._outside = {order.id for order in orders if order.id not in fitting}

    async def move_range(self) -> None:
        """Have `wanted` be of this moment, if its range depends on the time. Raise DatabaseUnavailable."""

    def _not_here(self) -> str:
        """Return `, 4 not in this list`, or nothing if all marked orders are."""
        count = len(self._outside & self.marked.keys())
        return f", {count:,} not in this list" if count else ""

    def _marked_words(self) -> str:
        """Return how many orders are marked, and how many of them are not in the list."""
        return f"{counted(len(self.marked), 'order')}{self._not_here()}"

    def on_live_table_mark_wanted(self, event: LiveTable.MarkWanted) -> None:
        rank = self.table.listing.rank_of(event.key)
        item = None if rank is None else self.table.listing.at(rank)
        if self.marked.pop(event.key, None) is None and item is not None:
            self.marked[event.key] = item.row.order
        self.show_marks()

    def action_mark(self) -> None:
        self.table.action_space()

    @work(group=READING)
    async def action_mark_all(self) -> None:
        """Mark every order that matches the filter, also those that are not in view."""
        found: dict[str, Order] = {}
        searched = Extent()
        try:
            await self.move_range()
            async for page in all_orders(self.app_context.reads, self.wanted, limit=MOST_MARKED + 1, extent=searched):
                found |= {order.id: order for order in page}
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)
            return
        if len(found) > MOST_MARKED:
            text = f"More than {MOST_MARKED:,} orders match: narrow the list first, or use a command."
            self.notify(text, title="Not marked", severity="error", markup=False)
            return
        if not searched.whole:
            self.notify("Only the newest orders were searched: older ones are not marked.", severity="warning")
        self.marked.update(found)
        self.show_marks()

    def action_unmark(self) -> None:
        self.marked.clear()
        if not self.gone:
            self.show_marks()

    @work(group=ACTING)
    async def action_refund_marked(self) -> None:
        await self._act(BatchAct.REFUND, BatchOptions())

    @work(group=ACTING)
    async def action_resend_marked(self) -> None:
        options = [("mail", "Mail each customer the link"), ("link", "Make the links, and mail nothing")]
        if (
            self._any_marked()
            and (
                how := await self.app.push_screen_wait(
                    Choose("Resend", options, question=f"{self._marked_words()} marked.")
                )
            )
            is not None
        ):
            await self._act(BatchAct.RESEND, BatchOptions(mail=how == "mail"))

    @work(group=ACTING)
    async def action_expire_marked(self) -> None:
        await self._act(BatchAct.EXPIRE, BatchOptions())

    @work(group=ACTING)
    async def action_cancel_marked(self) -> None:
        await self._act(BatchAct.CANCEL, BatchOptions())

    @work(group=ACTING)
    async def action_sync_marked(self) -> None:
        await self._act(BatchAct.SYNC, BatchOptions())

    @work(group=ACTING)
    async def action_acknowledge_marked(self) -> None:
        codes = sorted({code for order in self.marked.values() for code in order.attention})
        if not codes:
            self.notify("No marked order needs attention.", markup=False)
            return
        options = [(code, words(code)) for code in codes]
        if (reason := await self.app.push_screen_wait(Choose("Dealt with", options))) is None:
            return
        note = await self.app.push_screen_wait(Ask("Dealt with", f"{words(reason)}: add a note, or leave empty."))
        if note is not None:
            await self._act(BatchAct.ACK, BatchOptions(reason=reason), note)

    @work(group=ACTING)
    async def action_note_marked(self) -> None:
        if self._any_marked() and (
            text := await self.app.push_screen_wait(Ask("Note", f"Text of the note, for {self._marked_words()}"))
        ):
            await self._act(BatchAct.NOTE, BatchOptions(), text)

    @work(group=ACTING)
    async def action_assign_marked(self) -> None:
        from checkout_daemon.orders.caring import assign  # a tenth of the imports, which the first rows do not need

        if not self._any_marked():
            return
        numbers = [order.number for order in self.marked.values()]
        question = f"Who takes care of {self._marked_words()}? Leave empty for yourself; - for nobody."
        if (typed := await self.app.push_screen_wait(Ask("Assign", question))) is None:
            return
        operator = this_operator()
        owner = None if typed == "-" else operator.name if typed in ("", "me") else typed
        self.show_command(
            command_line("orders", "unassign", *numbers)
            if owner is None
            else command_line("orders", "assign", *numbers, owner)
        )
        try:
            with self.to_its_end():
                for order_id in list(self.marked):
                    await assign(self.app_context.database, order_id, owner, operator=operator)
        except CheckoutError as error:
            self.notify(error.detail, title="Not done", severity="error", timeout=10, markup=False)
            return
        self.action_unmark()
        self.notify(f"{owner or 'Nobody'} takes care of {counted(len(numbers), 'order')}", timeout=5, markup=False)

    @work(group=ACTING)
    async def action_export_marked(self) -> None:
        from checkout_daemon.orders.exporting import write_csv

        if not self._any_marked():
            return
        orders = list(self.marked.values())
        question = f"Write {self._marked_words()} to which new CSV file?"
        if not (name := await self.app.push_screen_wait(Ask("Export", question))):
            return
        try:
            path = expanded(name)
        except (OSError, RuntimeError):  # of Path.expanduser
            text = f"{name} names the home directory of a user who does not exist: write ./{name} for a file."
            self.notify(text, title="Not written", severity="error", timeout=10, markup=False)
            return
        numbers = (order.number for order in orders)
        self.show_command(command_line("orders", "export", *numbers, "--output", name))
        try:
            selling = self.app_context.settings.shop.is_selling
            with self.to_its_end():
                count = await write_csv(self.app_context.reads, orders, path, selling=selling)
        except FileExistsError:
            self.notify(f"{name} exists: name another file.", title="Not written", severity="error", markup=False)
        except (OSError, CheckoutError) as error:
            self.notify(plain(str(error)), title="Not written", severity="error", timeout=10, markup=False)
        else:
            self.action_unmark()
            self.notify(f"{counted(count, 'order')} in {path}", timeout=5, markup=False)

    def _any_marked(self) -> bool:
        if not self.marked:
            self.notify("No order is marked: Space marks one, * all that match.", markup=False)
        return bool(self.marked)

    async def _act(self, act: BatchAct, options: BatchOptions, note: str = "") -> None:
        # Here: the first screen waits for nothing that it does not need.
        from checkout_daemon.batches.planning import plan_orders
        from checkout_daemon.proposals.proposing import start_or_propose
        from checkout_daemon.proposals.records import Proposal

        from ..running_batches import run_started

        if not self._any_marked():
            return
        orders = list(self.marked.values())
        last = [options.reason] if act is BatchAct.ACK else [note] if act is BatchAct.NOTE else []
        self.show_command(command_line(*_COMMANDS[act], *(order.number for order in orders), *last))
        runtime = self.app_context.runtime
        with self.to_its_end():
            try:
                plan = await plan_orders(runtime, act, [(order, None) for order in orders], options)
                if not await self._confirm(plan):
                    return
                started = await start_or_propose(runtime, plan, operator=this_operator(), note=note)
            except CheckoutError as error:
                self.notify(error.detail, title="Not done", severity="error", timeout=10, markup=False)
                return
            self.action_unmark()
            if isinstance(started, Proposal):
                number = started.number
                self.notify(f"This is above your limit: it is proposal {number}, for another operator.", markup=False)
            else:
                run_started(self.app, self.app_context, started.number, started.holder)
        if self.gone:
            return
        if isinstance(started, Proposal):
            self.app_context.navigation.proposals()
        else:
            self.app_context.navigation.batch(started.number)

    async def _confirm(self, plan: BatchPlan) -> bool:
        """Ask in one box, with the number of orders, their money, the first of them, and those that are skipped."""
        title = _TITLES[plan.act]
        count = len(plan.wanted)
        lines = ["LIVE MODE: this is real money.", ""] if self.app_context.livemode else []
        lines += [f"{title} {extent((one.amount or 0, one.currency or '') for one in plan.wanted)}.", ""]
        if self._not_here():
            lines += [f"Marked: {self._marked_words()}.", ""]
        lines += [f"  {item.subject}  {money(item.amount, item.currency)}" for item in plan.wanted[:_FIRST]]
        lines += [f"  … and {count - _FIRST:,} more"] if count > _FIRST else []
        lines += _skipped(plan)
        question = "\n".join(lines)
        if not count:
            self.notify(f"All are skipped: {plain(plan.refused[0].refusal or '')}", severity="error", markup=False)
            return False
        if plan.act in _TYPED:
            last = f"Type the number of orders, {count}, to confirm."
            return await self.ask(Ask(title, question, must_be=str(count), last=last)) is not None
        answers = [("", "No"), ("yes", f"Yes, {counted(count, 'order')}")]
        return await self.ask(Choose(title, answers, question=question)) == "yes"


def expanded(name: str) -> Path:
    """Return the path that was typed, with ~ as the home directory."""
    return Path(name).expanduser()


def _skipped(plan: BatchPlan) -> Iterable[str]:
    if plan.refused:
        yield ""
        yield f"Skipped: {counted(len(plan.refused), 'order')}"
        for item in plan.refused[:_FIRST]:
            yield f"  {plain(item.refusal or '')}"
