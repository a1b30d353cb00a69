"""Answering a dispute: edit its evidence in $EDITOR, submit it, or accept the dispute."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click
from textual import work
from textual.app import SuspendNotSupported

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.audit.rights import require_acting
from checkout_daemon.disputes.answering import accept_dispute, check_answer, submit_evidence
from checkout_daemon.disputes.drafts import (
    DisputeCase,
    check_editable,
    discard_draft,
    find_dispute,
    read_case,
    save_draft,
)
from checkout_daemon.disputes.editing import EvidenceEditing, kept
from checkout_daemon.disputes.evidence_fields import Evidence, wanted_for, write_evidence
from checkout_daemon.disputes.receipt_pdf import receipt_file
from checkout_daemon.disputes.request_store import DisputeAct
from checkout_daemon.errors import CheckoutError, InvalidRequest
from checkout_daemon.model.disputes import ListedDispute
from checkout_daemon.present.money import money
from checkout_daemon.present.text import counted, plain, words

from ..actions import Action, command_line
from ..failures import named_failures
from ..typeahead import ACTING
from .acting import ActingScreen
from .dialogs import Choose

DISPUTE_ACTIONS = (
    Action("e", "edit", "Edit the evidence in $EDITOR", "disputes evidence DISPUTE --edit", "Edit", writes=True),
    Action("s", "submit", "Submit the evidence, once", "disputes submit DISPUTE", "Submit", writes=True),
    Action("x", "accept", "Accept the dispute: the customer keeps the money", "disputes accept DISPUTE", "Accept",
           writes=True),
    Action("X", "discard", "Forget the draft of the evidence", "disputes evidence DISPUTE --discard", writes=True),
)  # fmt: skip


def named(dispute: ListedDispute) -> str:
    """Return a dispute in a few words."""
    reason = f", {plain(words(dispute.reason))}" if dispute.reason else ""
    return f"dispute {dispute.id} of {money(dispute.amount, dispute.currency)}{reason}, order {dispute.number}"


def as_text(case: DisputeCase) -> str:
    """Return the evidence as a text to edit."""
    return write_evidence(case.evidence, case.dispute.reason, f"Evidence for {named(case.dispute)}.")


class DisputeActions(ActingScreen):
    """A screen with a current dispute."""

    @property
    def dispute_id(self) -> str | None:
        """The id of the dispute to act on."""
        raise NotImplementedError

    async def case(self, dispute_id: str, *, stage: bool = True) -> DisputeCase:
        """Return the dispute with its evidence, as it is now. Raise CheckoutError."""
        context = self.app_context
        found = await find_dispute(context.database, dispute_id, livemode=context.livemode)
        return await read_case(context.database, context.settings, found, stage=stage)

    @work(group=ACTING)
    async def action_edit(self) -> None:
        if (dispute_id := self.dispute_id) is None:
            return
        async with self.doing(command_line("disputes", "evidence", dispute_id, "--edit")):
            await require_acting(self.app_context.database)
            case = await self.case(dispute_id)
            await check_editable(self.app_context.database, case)
            if self.gone:  # no editor opens on another screen
                return
            editing = EvidenceEditing(as_text(case))
            try:
                texts = await self._edited(editing)
            except click.ClickException as error:
                self.failed(f"{error.format_message()}. {editing.keep()}".rstrip())
                return
            except BaseException:  # the terminal ends while it asks
                editing.keep()
                raise
            if texts is None:
                self.done("Nothing was saved.")
                return
            try:
                with named_failures():
                    await save_draft(self.app_context.database, case, texts, operator=this_operator())
            except CheckoutError as error:  # nobody should have to write it again
                heading = f"Evidence for {named(case.dispute)}, not saved."
                self.failed(f"{error.detail}. {kept(write_evidence(Evidence(texts), case.dispute.reason, heading))}")
                return
            self.done("The evidence is saved as a draft.")

    async def _edited(self, editing: EvidenceEditing) -> Mapping[str, str] | None:
        """Return the evidence as it was edited, or None if it was left as it is. Ask again while it has faults.

        Raise ClickException if there is no editor, or if it is not to be edited again.
        """
        while True:
            try:
                with self.app.suspend():
                    edited = click.edit(editing.text, extension=".txt")
                return editing.take(edited)
            except SuspendNotSupported as error:
                raise click.ClickException("This terminal cannot be suspended") from error
            except InvalidRequest as error:
                faults = "\n".join(fault.detail for fault in error.errors)
                if not await self.confirm("Faults", f"{plain_faults(faults)}\n\nEdit it again?", yes="Edit again"):
                    raise click.ClickException("Nothing was saved") from error

    @work(group=ACTING)
    async def action_submit(self) -> None:
        if (dispute_id := self.dispute_id) is None:
            return
        async with self.doing(command_line("disputes", "submit", dispute_id)):
            await require_acting(self.app_context.database)
            case = await self.case(dispute_id)
            await check_answer(self.app_context.runtime, case, DisputeAct.SUBMIT)
            receipt = await asyncio.to_thread(receipt_file, case.receipt)
            evidence, missing = (
                case.evidence,
                [n for n in wanted_for(case.dispute.reason) if n not in case.evidence.texts],
            )
            lines = [
                f"Submit the evidence for {named(case.dispute)}?",
                f"{counted(len(evidence.texts), 'text')}, {evidence.characters:,} characters, "
                f"{'a receipt as PDF' if receipt else 'no receipt as PDF'}.",
                *([f"In the receipt, {plain(receipt.remark)}."] if receipt and receipt.remark else []),
                *([f"Without: {', '.join(missing)}."] if missing else []),
                "It can be submitted once, and not be changed after that.",
            ]
            if not await self.confirm("Submit", self._real("\n".join(lines)), yes="Yes, submit it"):
                self.canceled()
                return
            content = None if receipt is None else receipt.content
            done = await submit_evidence(self.app_context.runtime, case, content, operator=this_operator())
            self.done(f"Submitted. The dispute is {words(done.status)}.")

    @work(group=ACTING)
    async def action_accept(self) -> None:
        if (dispute_id := self.dispute_id) is None:
            return
        async with self.doing(command_line("disputes", "accept", dispute_id)):
            await require_acting(self.app_context.database)
            case = await self.case(dispute_id, stage=False)
            await check_answer(self.app_context.runtime, case, DisputeAct.ACCEPT)
            inquiry = case.dispute.status == "warning_needs_response"
            loss = "This only closes the inquiry." if inquiry else "The customer keeps the money."
            first = self._real(f"Accept {named(case.dispute)}? {loss}")
            if not await self.confirm("Accept", first, yes="Yes, accept it"):
                self.canceled()
                return
            sure = [("", "No"), ("yes", "Yes, I am sure")]
            question = "Are you sure? Nothing takes it back, and no evidence can be sent any more."
            if await self.ask(Choose("Accept", sure, question=question)) != "yes":
                self.canceled()
                return
            done = await accept_dispute(self.app_context.runtime, case, operator=this_operator())
            self.done(f"Accepted. The dispute is {words(done.status)}.")

    @work(group=ACTING)
    async def action_discard(self) -> None:
        if (dispute_id := self.dispute_id) is None:
            return
        async with self.doing(command_line("disputes", "evidence", dispute_id, "--discard")):
            case = await self.case(dispute_id)
            if case.draft is None:
                self.done("There is no draft.")
                return
            if not await self.confirm("Discard", f"Forget the draft of {plain(case.draft.saved_by)}?", yes="Yes"):
                self.canceled()
                return
            await discard_draft(self.app_context.database, case, operator=this_operator())
            self.done("The evidence is what we hold.")

    def _real(self, question: str) -> str:
        return f"LIVE MODE: this is real money.\n\n{question}" if self.app_context.livemode else question


def plain_faults(text: str) -> str:
    """Return faults of a text, line by line, as a terminal may show them."""
    return "\n".join(map(plain, text.split("\n")))
