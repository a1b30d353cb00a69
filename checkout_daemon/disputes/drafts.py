"""A dispute with its evidence: staged from what we hold, or the draft that an operator has edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import in_utc, record_of
from checkout_daemon.disputes.evidence_fields import Evidence, check_evidence
from checkout_daemon.disputes.receipt import Receipt, receipt_of
from checkout_daemon.disputes.staging import Policies, stage_evidence
from checkout_daemon.errors import CheckoutError, ConfigurationError, NotFound
from checkout_daemon.ledger.derive import UNANSWERED_DISPUTES
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Merged, Update, locked_order
from checkout_daemon.model.disputes import DeskState, ListedDispute
from checkout_daemon.orders.dispute_lists import DisputeFilter, list_disputes, read_dispute
from checkout_daemon.orders.erasing import read_erasure_state
from checkout_daemon.orders.lookup import find_order
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.outbox.listing import all_messages
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
from checkout_daemon.settings import Settings

_MOST_MESSAGES = 200
_MOST_DISPUTES = 20
_TEXTS = msgspec.json.Decoder(dict[str, str])
_IDS = ("du_", "dp_")


class NotAnswerable(CheckoutError, code="not_answerable", status=409, exit_code=4, title="The dispute takes no answer"):
    """The dispute is over, answered already, or of no order that is known here."""


class SeveralDisputes(CheckoutError, code="several_disputes", status=409, exit_code=2, title="Several disputes fit"):
    """The order has several disputes; the message lists them."""


class DraftChanged(CheckoutError, code="draft_changed", status=409, exit_code=4, title="The evidence has changed"):
    """Somebody changed the draft after it was shown."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The evidence as an operator saved it."""

    evidence: Evidence
    saved_by: str
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeCase:
    """A dispute with what would be submitted: the draft if there is one, else what is staged, and the receipt.

    `staged` is empty if there is a draft, or if it was not asked for. `submitted` is what was last submitted from here.
    """

    dispute: ListedDispute
    order_id: str
    staged: Evidence
    draft: Draft | None
    receipt: Receipt
    submitted: Evidence | None = None

    @property
    def is_submitted(self) -> bool:
        """Return whether the evidence is what was submitted: the dispute waits for no other."""
        return self.submitted is not None and not self.dispute.waits

    @property
    def evidence(self) -> Evidence:
        """Return the evidence that would be submitted; once the dispute waits no more, what was submitted."""
        if self.submitted is not None and self.is_submitted:
            return self.submitted
        return self.staged if self.draft is None else self.draft.evidence


async def find_dispute(database: Readable, text: str, *, livemode: bool) -> ListedDispute:
    """Return the dispute with this id, or the one of the order that the text names, as for find_order.

    Of several the only one that waits for an answer. Raise NotFound, AmbiguousOrder, or SeveralDisputes.
    """
    if text.startswith(_IDS):
        return await read_dispute(database, text)
    order = await find_order(database, text)
    found = await list_disputes(database, DisputeFilter(order_id=order.id), livemode=livemode, limit=_MOST_DISPUTES)
    if not found:
        raise NotFound(f"order {order.number} has no dispute: `checkout disputes list` shows those that are known")
    waiting = [one for one in found if one.waits]
    if len(found) == 1 or len(waiting) == 1:
        return (waiting or found)[0]
    listed = ", ".join(f"{one.id} ({one.status})" for one in found)
    raise SeveralDisputes(f"order {order.number} has several disputes; name one of them: {listed}")


async def read_case(
    database: Readable, settings: Settings, dispute: ListedDispute, *, stage: bool = True
) -> DisputeCase:
    """Return a dispute with its evidence. Without `stage`, what we hold is not staged: accepting needs none.

    Raise NotAnswerable without an order, and ConfigurationError if a policy that is staged cannot be read.
    """
    if dispute.order_id is None:
        raise NotAnswerable(
            f"dispute {dispute.id} is of a payment that belongs to no order here, so there is no evidence of it: "
            "answer it in Stripe's Dashboard"
        )
    async with database.connection() as connection:
        view = await read_view(connection, dispute.order_id)
        draft = await read_draft(connection, dispute)
        frozen = await connection.fetchval(sql("read_submitted_texts"), dispute.id, dispute.livemode)
    if view is None:
        raise NotFound(f"the order of dispute {dispute.id} was deleted meanwhile")
    submitted = None
    if frozen is not None:
        submitted = Evidence({name: text for name, text in _TEXTS.decode(frozen).items() if text})
    shop = replace(settings.shop, name=settings.shop_name)
    receipt = receipt_of(view, shop)
    case = DisputeCase(dispute, dispute.order_id, Evidence({}), draft, receipt, submitted)
    if not stage or draft is not None or case.is_submitted:
        return case
    messages: list[MessageLine] = []
    async for page in all_messages(database, MessageFilter(order_id=dispute.order_id), limit=_MOST_MESSAGES):
        messages += page
    policies = Policies(
        _text_of(settings.refund_policy, "CHECKOUT_REFUND_POLICY"),
        _text_of(settings.cancellation_policy, "CHECKOUT_CANCELLATION_POLICY"),
    )
    return replace(case, staged=stage_evidence(view, messages, receipt, policies, shop, settings.public_url))


async def read_desk(database: Readable, dispute: ListedDispute) -> DeskState:
    """Return what is under way at the desk about a dispute."""
    async with database.connection() as connection:
        (row,) = await connection.fetch(sql("read_dispute_desk"), dispute.id, dispute.livemode)
    return in_utc(record_of(DeskState, row))


async def check_editable(database: Database, case: DisputeCase) -> None:
    """Raise NotAnswerable if no draft of the evidence would be saved. The operator's role is not looked at."""
    await database.run(_check_editable, case)


async def save_draft(
    database: Database, case: DisputeCase, texts: Mapping[str, str], *, operator: Operator
) -> Evidence:
    """Save the evidence of a dispute, unless it has changed since the case was read.

    Raise InvalidRequest for its faults; NotAnswerable if it could not be submitted, or the customer was erased;
    DraftChanged, NotAnOperator, RoleTooLow.
    """
    evidence = check_evidence(texts)
    await database.run(_save, case, evidence, operator)
    return evidence


async def discard_draft(database: Database, case: DisputeCase, *, operator: Operator) -> None:
    """Forget the draft, so that the evidence is what we hold. Raise DraftChanged, NotAnOperator or RoleTooLow."""
    await database.run(_save, case, None, operator)


async def check_draft(connection: asyncpg.Connection, case: DisputeCase) -> None:
    """Raise DraftChanged unless the draft is the one of the case. The order's row must be locked."""
    if await read_draft(connection, case.dispute) != case.draft:
        raise DraftChanged(
            f"the evidence of dispute {case.dispute.id} was changed meanwhile: look at it again with "
            f"`checkout disputes evidence {case.dispute.id}`"
        )


def waiting_fact(merged: Merged, case: DisputeCase, *, evidence: bool) -> DisputeFact:
    """Return the dispute as the order's facts have it. Raise NotAnswerable if no answer, or evidence, is awaited."""
    number = merged.orders[case.order_id].number
    dispute = next((fact for fact in merged.facts(case.order_id).disputes if fact.id == case.dispute.id), None)
    if dispute is None:
        raise NotAnswerable(f"dispute {case.dispute.id} does not belong to order {number} any more")
    if dispute.status not in UNANSWERED_DISPUTES:
        words = (dispute.unknown or dispute.status.value).replace("_", " ")
        raise NotAnswerable(
            f"dispute {dispute.id} of order {number} is {words}: there is nothing to answer. If Stripe's page differs, "
            f"`checkout sessions sync {number}` reads it again"
        )
    if evidence and dispute.status is DisputeStatus.APPEAL_NEEDS_RESPONSE:
        raise NotAnswerable(
            f"dispute {dispute.id} is appealed: Stripe takes evidence of an appeal in its Dashboard only"
        )
    return dispute


async def read_draft(connection: asyncpg.Connection, dispute: ListedDispute) -> Draft | None:
    """Return the draft of a dispute's evidence, or None."""
    row = await connection.fetchrow(sql("read_dispute_draft"), dispute.id, dispute.livemode)
    return None if row is None else Draft(Evidence(_TEXTS.decode(row["texts"])), row["saved_by"], row["saved_at"])


async def _check_editable(connection: asyncpg.Connection, case: DisputeCase) -> None:
    """Lock the order, and raise NotAnswerable if the dispute takes no evidence, or the customer was erased."""
    merged = await locked_order(connection, case.order_id)
    waiting_fact(merged, case, evidence=True)
    if (await read_erasure_state(connection, case.order_id)).erased_at is not None:
        raise NotAnswerable(
            f"the customer of order {case.dispute.number} was erased, and a draft could name them again: nothing was "
            "saved. Edit the evidence in Stripe's Dashboard"
        )


async def _save(
    connection: asyncpg.Connection, case: DisputeCase, evidence: Evidence | None, operator: Operator
) -> None:
    if evidence is None:
        await locked_order(connection, case.order_id)
    else:
        await _check_editable(connection, case)
    await check_draft(connection, case)
    dispute = case.dispute
    # Names of fields only: their texts are about a person, and nothing erases the audit log's details.
    details = {"dispute": dispute.id, "fields": sorted(evidence.texts) if evidence else []}
    kind = "dispute.drafted" if evidence else "dispute.discarded"
    update = Update(kind, operator.actor, dispute.id, order_ids=[case.order_id], always_logged=True)
    await act(connection, case.order_id, OperatorAction(kind, operator, details=details), update)
    texts = None if evidence is None else msgspec.json.encode(evidence.texts).decode()
    await connection.execute(
        sql("save_dispute_draft"), dispute.id, dispute.livemode, case.order_id, texts, operator.user
    )


def _text_of(path: Path | None, name: str) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{name} cannot be read from {path}: {why}") from error
