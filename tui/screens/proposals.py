"""What operators may not do alone: the proposals, to approve or reject them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import work
from textual.widget import Widget

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.database.reading import Readable
from checkout_daemon.present.proposal_columns import PROPOSALS, details, summary
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import clock
from checkout_daemon.proposals.deciding import approve, reject
from checkout_daemon.proposals.listing import page_of_proposals
from checkout_daemon.proposals.records import Proposal

from ..actions import Action, command_line
from ..context import AppContext
from ..listing import Item, Listing, Source
from ..typeahead import ACTING
from ..widgets.table import LiveTable
from .acting import ActingScreen
from .dialogs import Ask
from .lists import ListScreen
from .looks import Looks
from .sorting import look_actions

_LOOK_SECONDS = 1.0
_NEWEST = 50
_NONE = "No proposals. What exceeds an operator's limit comes here, for another one to approve."


class ProposalSource(Source[Proposal]):
    """Reads the proposals. They are not counted: people read the newest."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[Proposal]]:
        before = None if after is None else after[0]
        found = await page_of_proposals(self._database, limit=limit, before=before)
        return [Item(str(one.number), (one.number,), one) for one in found]


class ProposalsScreen(Looks, ListScreen[Proposal], ActingScreen):
    """The list of proposals."""

    PLACE = "Proposals"
    LOOK = PROPOSALS
    LIST_COMMAND = ("proposals", "list")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("enter", "open", "Open the order or the batch", "orders show ORDER", foot="Open"),
        Action("y", "approve", "Approve it, and do it", "proposals approve PROPOSAL", "Approve", writes=True),
        Action("n", "reject", "Reject it, or withdraw your own", "proposals reject PROPOSAL", "Reject", writes=True),
        *look_actions("proposals list"),
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.table = self.look_table(self._listing(), empty=_NONE)

    def _listing(self) -> Listing[Proposal]:
        return Listing(self.in_sort(ProposalSource(self.app_context.reads)))

    def body(self) -> Iterable[Widget]:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self._show_command()
        self.look_every(_LOOK_SECONDS, self.look_again)
        self.look_every(1.0, self.table.tick)
        self.load(0)

    def _show_command(self) -> None:
        self.show_command(command_line("proposals", "list", *self.sort_options))

    def show_in_sort(self) -> None:
        self.table.show(self._listing())
        self._show_command()
        self.load(0)

    async def look(self) -> None:
        """Read the newest proposals again: they send no notification."""
        await self.read_newest(_NEWEST)

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        if event.by_hand and event.key is not None:
            self.show_command(command_line("proposals", "show", event.key))

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        proposal = self._row(event.key)
        if proposal is None:
            return
        if proposal.batch is not None:
            self.app_context.navigation.batch(proposal.batch)
        elif proposal.order_id is not None:
            self.app_context.navigation.order(proposal.order_id)

    def _row(self, key: str | None) -> Proposal | None:
        rank = None if key is None else self.table.listing.rank_of(key)
        item = None if rank is None else self.table.listing.at(rank)
        return None if item is None else item.row

    @work(group=ACTING)
    async def action_approve(self) -> None:
        if (proposal := self._row(self.table.cursor_key)) is None:
            return
        if proposal.is_changed:
            self.failed(f"{proposal.subject} has changed since: look, reject the proposal, and propose it again")
            return
        if not await self.confirm("Approve", self._question(proposal), yes="Yes, approve"):
            return
        async with self.doing(command_line("proposals", "approve", proposal.number)):
            done = await approve(self.app_context.runtime, proposal.number, operator=this_operator())
            self.done(f"Proposal {proposal.number} is {done.proposal.status}")

    def _question(self, proposal: Proposal) -> str:
        """Return what is approved, line by line."""
        context = self.app_context
        lines = ["LIVE MODE: this is real money.", ""] if context.livemode else []
        lines += [summary(proposal), *(f"{name.capitalize()}: {value}" for name, value in details(proposal))]
        lines += [f"Note: {context.name(proposal.note)}"] if proposal.note else []
        expires = clock(proposal.expires_at, context.time_zone)
        return "\n".join([*lines, f"Proposed by {plain(proposal.proposed_by)}, expires {expires}."])

    @work(group=ACTING)
    async def action_reject(self) -> None:
        if (proposal := self._row(self.table.cursor_key)) is None:
            return
        note = await self.app.push_screen_wait(Ask("Reject", f"Why is this rejected: {summary(proposal)}?"))
        if note is None:
            return
        async with self.doing(command_line("proposals", "reject", proposal.number, "--note", note)):
            await reject(self.app_context.runtime, proposal.number, operator=this_operator(), note=note)
            self.done(f"Proposal {proposal.number} is rejected")
