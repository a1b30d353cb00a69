"""Approves and rejects proposals, and carries out what was approved.

Approving writes the refund request in the same transaction, so that whoever approves may die at once: the job that
resumes refunds finishes it. An approved cancellation is continued by a job of its own, an approved batch by the job of
batches.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import OperatorRole, require_role
from checkout_daemon.checkout.canceling import NotCancelable, cancel_order
from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.approvals import Approval
from checkout_daemon.orders.refund_items import WantedItem
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import Refunded, answer_request, begin_refund
from checkout_daemon.patience import Stopwatch
from checkout_daemon.proposals import proposal_store as store
from checkout_daemon.proposals.listing import find_proposal
from checkout_daemon.proposals.records import Proposal, ProposalAct, ProposalStatus
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

_MOST_A_TURN = 50
_REFUSED = 4  # the exit code of a refusal because of the order's state


class NotOpen(CheckoutError, code="proposal_not_open", status=409, exit_code=4, title="The proposal is not open"):
    """The proposal has expired, or somebody has decided it."""


class OwnProposal(CheckoutError, code="own_proposal", status=403, exit_code=4, title="Another operator must approve"):
    """Who proposes something cannot approve it."""


class ProposalStale(CheckoutError, code="proposal_stale", status=409, exit_code=4, title="The order has changed"):
    """What the proposal is about has changed since it was made."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A proposal after its approval, with the refund that it led to, if Stripe answered in time."""

    proposal: Proposal
    refunded: Refunded | None = None


async def approve(runtime: Runtime, number: int, *, operator: Operator, note: str = "") -> Approved:
    """Approve a proposal and carry it out; of a batch, have a daemon do so.

    Raise NotFound, NotOpen, OwnProposal, ProposalStale, NotAnOperator, RoleTooLow, and what a refund or a cancellation
    raises. After StripeUnavailable it is approved, and a running daemon continues it.
    """
    note = check_note(note)
    claimed = Stopwatch()
    approved, request = await runtime.database.run(_approve, number, operator, note, livemode=runtime.settings.livemode)
    refunded = None
    if request is not None:
        refunded = await answer_request(runtime, request, operator, claimed)
    elif approved.act == ProposalAct.CANCEL:
        await _cancel(runtime, approved, operator)
    return Approved(await find_proposal(runtime.database, number), refunded)


async def reject(runtime: Runtime, number: int, *, operator: Operator, note: str = "") -> Proposal:
    """Reject a proposal, or withdraw one's own. Raise NotFound, NotOpen, NotAnOperator and RoleTooLow."""
    await runtime.database.run(_reject, number, operator, check_note(note))
    return await find_proposal(runtime.database, number)


async def carry_out_approved(runtime: Runtime) -> int:
    """Carry out approved cancellations whose approver died, and return how many."""
    done = 0
    for number in await runtime.database.run(
        store.approved_cancellations, _MOST_A_TURN, livemode=runtime.settings.livemode
    ):
        proposal = await find_proposal(runtime.database, number)
        try:
            await _cancel(runtime, proposal, Operator(proposal.decided_by or "", proposal.host))
        except CheckoutError as error:
            log.warning("proposal %d: %s", number, error.detail)
            continue
        done += 1
    return done


def _options(proposal: Proposal) -> RefundOptions:
    """Return the options that lead to exactly the refund that was proposed, or are refused."""
    items = tuple(WantedItem(item.sku, item.quantity) for item in proposal.items)
    return RefundOptions(proposal.amount, proposal.payment_id, proposal.reason, items, proposal.restock)


async def _cancel(runtime: Runtime, proposal: Proposal, operator: Operator) -> None:
    try:
        await cancel_order(runtime, proposal.order_id or "", operator=operator, note=proposal.note)
    except CheckoutError as error:
        if error.exit_code != _REFUSED or await runtime.database.run(_fail, proposal, error.detail):
            raise
        # Another process has canceled it meanwhile: whoever approved it, or the job that took it for dead.


async def _fail(connection: asyncpg.Connection, proposal: Proposal, why: str) -> bool:
    """Record that a cancellation could not be carried out. Return False if the order is canceled."""
    order_id = proposal.order_id or ""
    merged = await locked_order(connection, order_id)
    if merged.derived(order_id).status is OrderStatus.CANCELED:
        return False
    await store.fail(connection, proposal.number, why)
    return True


async def _approve(
    connection: asyncpg.Connection, number: int, operator: Operator, note: str, *, livemode: bool
) -> tuple[Proposal, RefundRequest | None]:
    proposal, request = await _locked(connection, number), None
    await require_role(connection, operator, OperatorRole.APPROVE)
    _require_open(proposal)
    if operator.user == proposal.proposed_by:
        raise OwnProposal(f"proposal {number} was made by {operator.user}: another operator must approve it")
    if proposal.is_changed:
        raise ProposalStale(
            f"{proposal.subject} has changed since proposal {number} was made: reject it, look, and propose it again"
        )
    if proposal.act == ProposalAct.CANCEL and proposal.order_id is not None:  # so that it stays open for the other key
        order = (await locked_order(connection, proposal.order_id)).orders[proposal.order_id]
        check_mode(order, NotCancelable, livemode=livemode)
    await _decide(connection, proposal, ProposalStatus.APPROVED, operator, note)
    if proposal.act == ProposalAct.REFUND and proposal.order_id is not None:
        approval = Approval(number, proposal.proposed_by)
        options = _options(proposal)
        request = await begin_refund(
            connection,
            proposal.order_id,
            options,
            operator,
            proposal.note,
            proposal.id,
            None,
            approval,
            livemode=livemode,
        )
    if proposal.batch is not None:
        await store.release_batch(connection, proposal.batch)
    return proposal, request


async def _reject(connection: asyncpg.Connection, number: int, operator: Operator, note: str) -> None:
    proposal = await _locked(connection, number)
    own = operator.user == proposal.proposed_by
    await require_role(connection, operator, OperatorRole.ACT if own else OperatorRole.APPROVE)
    _require_open(proposal)
    await _decide(connection, proposal, ProposalStatus.REJECTED, operator, note)


async def _locked(connection: asyncpg.Connection, number: int) -> Proposal:
    """Lock the order, then the proposal, and return it. Raise NotFound."""
    known = await store.read_proposal(connection, number)
    if known is not None and known.order_id is not None:
        await locked_order(connection, known.order_id)
    await store.lock_proposal(connection, number)
    if (proposal := await store.read_proposal(connection, number)) is None:
        raise NotFound(f"proposal {number} does not exist: `checkout proposals list` shows the proposals")
    return proposal


def _require_open(proposal: Proposal) -> None:
    if proposal.status == ProposalStatus.EXPIRED:
        raise NotOpen(
            f"proposal {proposal.number} expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC: propose it again"
        )
    if proposal.status != ProposalStatus.OPEN:
        how = "rejected" if proposal.status == ProposalStatus.REJECTED else "approved"
        raise NotOpen(f"proposal {proposal.number} was {how} by {proposal.decided_by} already")


async def _decide(
    connection: asyncpg.Connection, proposal: Proposal, status: ProposalStatus, operator: Operator, note: str
) -> None:
    if not await store.decide(connection, proposal.number, status.value, operator):
        raise NotOpen(f"proposal {proposal.number} was decided by somebody else meanwhile")
    kind = f"proposal.{status.value}"
    details = {"proposal": proposal.number, "act": proposal.act, "proposed_by": proposal.proposed_by}
    known = {"amount": proposal.amount, "currency": proposal.currency, "batch": proposal.batch}
    action = OperatorAction(kind, operator, note, details | {name: value for name, value in known.items() if value})
    if proposal.order_id is None:
        await record_without_order(connection, [action])
        return
    update = Update(kind, operator.actor, note, order_ids=[proposal.order_id], always_logged=True)
    await act(connection, proposal.order_id, action, update)
