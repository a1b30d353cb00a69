"""Proposes what an operator may not do alone, and alerts those who decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import (
    AboveLimit,
    OperatorRole,
    check_limit,
    find_rights,
    refunded_alone,
    require_role,
)
from checkout_daemon.batches import batch_store
from checkout_daemon.batches.planning import BatchPlan, Started, start_batch
from checkout_daemon.batches.records import UNAPPROVED, BatchAct
from checkout_daemon.batches.running import new_holder
from checkout_daemon.checkout.canceling import NotCancelable, check_cancelable
from checkout_daemon.errors import IdempotencyConflict
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.model.counts import counted
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.model.money import format_money
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import Refunded, plan_in, refund
from checkout_daemon.outbox.alert_store import owe_alert
from checkout_daemon.proposals import proposal_store as store
from checkout_daemon.proposals.listing import find_proposal
from checkout_daemon.proposals.records import Proposal, ProposalAct
from checkout_daemon.runtime import Runtime

_DECIDED = ("approved", "done", "failed")


async def refund_or_propose(
    runtime: Runtime,
    order_id: str,
    options: RefundOptions,
    *,
    operator: Operator,
    note: str = "",
    request_id: str | None = None,
    asked: bytes | None = None,
) -> Refunded | Proposal:
    """Refund as `refund` does, or propose the refund if it is above the operator's limit.

    With a `request_id` that was proposed before, return that proposal, and its refund once it was approved.
    """
    if request_id is not None and (known := await runtime.database.run(_with_id, request_id)) is not None:
        if known.order_id != order_id or not _is_same(known, options, note):
            raise IdempotencyConflict("this Idempotency-Key was used for another refund: use a new one")
        if known.status not in _DECIDED:
            return known
        asked = None
    try:
        return await refund(
            runtime, order_id, options, operator=operator, note=note, request_id=request_id, asked=asked
        )
    except AboveLimit:
        return await propose_refund(runtime, order_id, options, operator=operator, note=note, proposal_id=request_id)


def _is_same(known: Proposal, options: RefundOptions, note: str) -> bool:
    """Return whether a proposal is what a request with its id asks for. An erased order's proposal has no note.

    An item without a quantity was proposed with all that was left of it.
    """
    proposed = {item.sku: item.quantity for item in known.items}
    wanted = {item.sku: item.quantity for item in options.items}
    payment = options.payment_id
    return (
        options.amount in (None, known.amount)
        and wanted.keys() == proposed.keys()
        and all(quantity in (None, proposed[sku]) for sku, quantity in wanted.items())
        and (options.reason, options.restock) == (known.reason, known.restock)
        and known.note in ("", check_note(note))
        # A charge or session may be named instead of its PaymentIntent.
        and (payment is None or not payment.startswith("pi_") or payment == known.payment_id)
    )


async def propose_refund(
    runtime: Runtime,
    order_id: str,
    options: RefundOptions,
    *,
    operator: Operator,
    note: str = "",
    proposal_id: str | None = None,
) -> Proposal:
    """Propose a refund of an exact amount. Return the proposal that is open already if it is the same.

    Raise as `plan_refund` does, NotAnOperator and RoleTooLow.
    """
    hours, livemode = runtime.settings.proposal_hours, runtime.settings.livemode
    number = await runtime.database.run(
        _propose_refund, order_id, options, operator, check_note(note), proposal_id, hours, livemode=livemode
    )
    return await find_proposal(runtime.database, number)


async def propose_cancel(runtime: Runtime, order_id: str, *, operator: Operator, note: str = "") -> Proposal:
    """Propose to cancel an order. Raise NotCancelable, NotFound, NotAnOperator and RoleTooLow."""
    await check_cancelable(runtime.database, order_id)
    hours, livemode = runtime.settings.proposal_hours, runtime.settings.livemode
    number = await runtime.database.run(_propose_cancel, order_id, operator, check_note(note), hours, livemode=livemode)
    return await find_proposal(runtime.database, number)


async def start_or_propose(
    runtime: Runtime, plan: BatchPlan, *, operator: Operator, note: str = ""
) -> Started | Proposal:
    """Start a batch, or propose it as one if its refunds are above the operator's limit, together or of one order.

    Raise as start_batch does, NotAnOperator and RoleTooLow.
    """
    above = await runtime.database.run(_is_above, plan, operator) if plan.act is BatchAct.REFUND else False
    if not (above and plan.wanted):
        return await start_batch(runtime, plan, operator=operator, note=note)
    hours, livemode = runtime.settings.proposal_hours, runtime.settings.livemode
    number = await runtime.database.run(_propose_batch, plan, operator, check_note(note), hours, livemode=livemode)
    return await find_proposal(runtime.database, number)


async def _with_id(connection: asyncpg.Connection, proposal_id: str) -> Proposal | None:
    number = await store.find_by_id(connection, proposal_id)
    return None if number is None else await store.read_proposal(connection, number)


async def _propose_refund(
    connection: asyncpg.Connection,
    order_id: str,
    options: RefundOptions,
    operator: Operator,
    note: str,
    proposal_id: str | None,
    hours: int,
    *,
    livemode: bool,
) -> int:
    await require_role(connection, operator, OperatorRole.ACT)
    planned = await plan_in(connection, order_id, options, livemode=livemode)
    items = msgspec.json.encode(planned.items).decode() if planned.items else None
    same = await store.find_same(
        connection,
        order_id,
        ProposalAct.REFUND,
        operator.user,
        payment_id=planned.payment_id,
        amount=planned.amount,
        items=items,
        restock=options.restock,
    )
    if same is not None and proposal_id is None:
        return same
    number = await store.insert_proposal(
        connection,
        proposal_id or str(uuid4()),
        ProposalAct.REFUND,
        operator=operator,
        hours=hours,
        order_id=order_id,
        payment_id=planned.payment_id,
        amount=planned.amount,
        currency=planned.currency,
        items=items,
        reason=options.reason,
        restock=options.restock,
        note=note,
    )
    if number is None:  # at once with another request of the same key
        existing = await store.find_by_id(connection, proposal_id or "")
        assert existing is not None
        return existing
    details = {"payment": planned.payment_id, "amount": planned.amount, "currency": planned.currency}
    await _record(connection, order_id, operator, note, number, ProposalAct.REFUND, details)
    what = f"to refund {format_money(planned.amount, planned.currency)} of order {planned.number}"
    await _alert(connection, number, operator, what)
    return number


async def _propose_cancel(
    connection: asyncpg.Connection, order_id: str, operator: Operator, note: str, hours: int, *, livemode: bool
) -> int:
    await require_role(connection, operator, OperatorRole.ACT)
    order = (await locked_order(connection, order_id)).orders[order_id]
    check_mode(order, NotCancelable, livemode=livemode)
    same = await store.find_same(connection, order_id, ProposalAct.CANCEL, operator.user)
    if same is not None:
        return same
    number = await store.insert_proposal(
        connection, str(uuid4()), ProposalAct.CANCEL, operator=operator, hours=hours, order_id=order_id, note=note
    )
    assert number is not None
    await _record(connection, order_id, operator, note, number, ProposalAct.CANCEL, {})
    await _alert(connection, number, operator, f"to cancel order {order.number}")
    return number


async def _propose_batch(
    connection: asyncpg.Connection, plan: BatchPlan, operator: Operator, note: str, hours: int, *, livemode: bool
) -> int:
    holder = new_holder()
    batch = await batch_store.insert_batch(
        connection, plan.act, plan.options, plan.items, holder, operator=operator, note=note, livemode=livemode
    )
    await batch_store.release_batch(connection, batch, holder, why=UNAPPROVED["open"])
    amount, currency = next((sum_, code) for code, sum_ in plan.sums.items()) if len(plan.sums) == 1 else (None, None)
    number = await store.insert_proposal(
        connection,
        str(uuid4()),
        ProposalAct.BATCH,
        operator=operator,
        hours=hours,
        batch=batch,
        amount=amount,
        currency=currency,
        reason=plan.options.reason,
        restock=bool(plan.options.restock),
        note=note,
    )
    assert number is not None
    details = {"proposal": number, "act": ProposalAct.BATCH.value, "batch": batch, "sums": plan.sums}
    await record_without_order(connection, [OperatorAction("proposal.created", operator, note, details)])
    sums = " and ".join(format_money(sum_, code) for code, sum_ in plan.sums.items())
    await _alert(connection, number, operator, f"to refund {sums} of {counted(len(plan.wanted), 'order')}")
    return number


async def _is_above(connection: asyncpg.Connection, plan: BatchPlan, operator: Operator) -> bool:
    """Return whether all refunds together are above the limit, or those of one order with what was refunded of it."""
    rights = await find_rights(connection, operator)
    if rights is None:
        return False
    await require_role(connection, operator, OperatorRole.ACT)
    of_order: Counter[tuple[str, str]] = Counter()
    for item in plan.wanted:
        if item.order_id is not None and item.currency is not None:
            of_order[item.order_id, item.currency] += item.amount or 0
    before = await refunded_alone(connection, operator, [order_id for order_id, _ in of_order])
    try:
        for currency, amount in plan.sums.items():
            check_limit(rights, amount, currency)
        for (order_id, currency), amount in of_order.items():
            check_limit(rights, amount, currency, before.get((order_id, currency), 0))
    except AboveLimit:
        return True
    return False


async def _record(
    connection: asyncpg.Connection,
    order_id: str,
    operator: Operator,
    note: str,
    number: int,
    proposed: ProposalAct,
    details: Mapping[str, Any],
) -> None:
    action = OperatorAction("proposal.created", operator, note, {"proposal": number, "act": proposed.value, **details})
    update = Update("proposal.created", operator.actor, note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, action, update)


async def _alert(connection: asyncpg.Connection, number: int, operator: Operator, what: str) -> None:
    alert = Alert(f"{operator.user} proposes {what}", 1, (str(number),), f"checkout proposals show {number}")
    await owe_alert(connection, MessageKind.PROPOSAL_OPEN, alert)
