"""What a batch does with one order: the use case of the single act, so that both obey the same rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from checkout_daemon.audit.audit_log import DoneBefore, done_before
from checkout_daemon.batches.batch_store import approval_of
from checkout_daemon.batches.records import Batch, BatchAct, BatchItem
from checkout_daemon.checkout.canceling import cancel_order
from checkout_daemon.checkout.expiring import SessionNotOpen, expire_sessions
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.errors import CheckoutError
from checkout_daemon.orders.notes import acknowledge, note_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import sync_order


class NoteErased(CheckoutError, code="note_erased", status=409, exit_code=4, title="The note was erased"):
    """The note of the batch was erased with the customer of one of its orders."""


@dataclass(frozen=True, slots=True)
class Done:
    """An item that was done: what became of it in a few words, and the use case's result if it was done just now."""

    outcome: str
    result: Any = None


@dataclass(frozen=True, slots=True)
class OrderAct:
    """An act on an order. `entry` is the audit entry that proves it was done; `calls`: to Stripe for each order."""

    act: Callable[[Runtime, Batch, BatchItem, str], Awaitable[Done]]
    calls: int = 0
    entry: str | None = None


async def _refund(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    # Exactly what was planned, even if something has changed since; the item's id is the request's.
    restock = bool(batch.options.restock)
    options = RefundOptions(item.amount, item.object_id, batch.options.reason, restock=restock)
    proposed = await runtime.database.run(approval_of, batch.number)
    done = await refund(
        runtime,
        order_id,
        options,
        operator=batch.operator,
        note=batch.note,
        request_id=item.id,
        requested_at=batch.created_at,
        approval=proposed[0] if proposed is not None and proposed[1] else None,
    )
    return Done(f"{done.refund_id} {done.status}".rstrip(), done)


async def _resend(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    done = await resend_session(runtime, order_id, operator=batch.operator, note=batch.note, mail=batch.options.mail)
    return Done(f"{done.session_id}{' mailed' if done.mailed else ''}", done)


async def _expire(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    try:
        done = await expire_sessions(runtime, order_id, item.object_id, operator=batch.operator, note=batch.note)
    except SessionNotOpen:
        if item.attempts > 1 and await _was_done(runtime, batch, order_id, "session.expired"):
            return Done("expired before the interruption")
        raise
    return Done(f"{', '.join(done.session_ids)} expired", done)


async def _cancel(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    restock = batch.options.restock is not False
    order = await cancel_order(runtime, order_id, operator=batch.operator, note=batch.note, restock=restock)
    return Done("canceled", order)


async def _sync(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    done = await sync_order(runtime, order_id, cause="session.sync", actor=batch.operator, note=batch.note)
    fixed = len(done.differences) - len(done.left)
    left = f", {len(done.left)} cannot be fixed" if done.left else ""
    return Done(f"{fixed} differences fixed{left}" if done.differences else "agrees with Stripe", done)


async def _acknowledge(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    reason = batch.options.reason or ""
    done = await acknowledge(runtime.database, order_id, reason, operator=batch.operator, note=batch.note)
    return Done(f"{reason} acknowledged", done)


async def _note(runtime: Runtime, batch: Batch, item: BatchItem, order_id: str) -> Done:
    if not batch.note:
        raise NoteErased("the note of this batch was erased with the customer of one of its orders")
    return Done("noted", await note_order(runtime.database, order_id, batch.note, operator=batch.operator))


ORDER_ACTS: Mapping[BatchAct, OrderAct] = {
    BatchAct.REFUND: OrderAct(_refund, calls=1),
    BatchAct.RESEND: OrderAct(_resend, calls=4, entry="session.resent"),
    BatchAct.EXPIRE: OrderAct(_expire, calls=2),
    BatchAct.CANCEL: OrderAct(_cancel, calls=3, entry="order.canceled"),
    BatchAct.SYNC: OrderAct(_sync, calls=4),
    BatchAct.ACK: OrderAct(_acknowledge, entry="order.acknowledged"),
    BatchAct.NOTE: OrderAct(_note, entry="order.noted"),
}


async def act_on_order(runtime: Runtime, batch: Batch, item: BatchItem) -> Done:
    """Do the act of a batch with an order, unless this batch has done it before. Raise as the use cases do."""
    spec, order_id = ORDER_ACTS[batch.act], item.order_id or ""
    before = Done("done before the interruption")
    if item.attempts > 1 and spec.entry is not None and await _was_done(runtime, batch, order_id, spec.entry):
        return before
    try:
        return await spec.act(runtime, batch, item, order_id)
    except DoneBefore:  # by a process that this one took the batch from
        return before


async def _was_done(runtime: Runtime, batch: Batch, order_id: str, kind: str) -> bool:
    return await runtime.database.run(done_before, order_id, batch.number, kind)
