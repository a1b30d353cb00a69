"""Refunds that an operator requests: Stripe makes each once, despite crashes, lost answers and concurrent requests.

A request is a row written under the order's lock before Stripe is asked, and its id is the idempotency key. Without a
definite answer, which a 5xx is not, it stays open: a job looks for its refund at Stripe, by the request's id in the
metadata, and asks again with the same key and bytes, at growing intervals. A refusal closes it, and so do hours of 5xx,
or a key that Stripe has forgotten. A refund that appears even later asks for attention.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record, state_of
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.audit.rights import check_refund
from checkout_daemon.catalog.pricing import PricedLine
from checkout_daemon.clocks import require_clocks
from checkout_daemon.database.pool import Database
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import FieldError, IdempotencyConflict, InvalidRequest, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.derive import LIVE_REFUNDS
from checkout_daemon.ledger.merge import Merged, Update, locked_order, merge
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.ledger.stock import restock
from checkout_daemon.ledger.translate import refund as refund_events
from checkout_daemon.ledger.translate.stripe_objects import ObjectSnapshot, livemodes
from checkout_daemon.model.money import format_money
from checkout_daemon.orders import refund_request_store
from checkout_daemon.orders.approvals import Approval
from checkout_daemon.orders.order_store import read_items
from checkout_daemon.orders.refund_items import RefundedItem, WantedItem, price_items, units_left
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.refund_rules import (
    NotRefundable,
    RefundOptions,
    RefundPlan,
    choose_payment,
    plan,
    plan_amount,
)
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api import payments as stripe_payments
from checkout_daemon.stripe_api.client import KEY_LIFETIME, Fetched, StripeDenied, StripeFailed

log = logging.getLogger(__name__)

# Longer than all attempts of a call together: while the command still waits, no job need ask as well.
RESUME_AFTER = timedelta(seconds=60)
# Stripe may complete a request that it answered with 5xx much later: https://docs.stripe.com/error-low-level#server-errors
GIVEN_UP_AFTER = timedelta(hours=6)
_REQUEST = "refund_request"
_WHICH_ITEMS = "to put items of a partial refund back into stock, name them: --item SKU:QTY instead of an amount"
_MOST_RESUMED_A_TURN = 50


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund as Stripe answered it, and the state of the order with it. Amounts in minor units."""

    order_id: str
    number: int
    refund_id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    order_status: str
    amount_refunded: int
    items: tuple[RefundedItem, ...] = ()


async def plan_refund(
    database: Database, order_id: str, options: RefundOptions, *, livemode: bool | None = None
) -> RefundPlan:
    """Return what a refund would give back. Raise as `refund` does; for an order of the other mode with `livemode`."""
    return await database.run(plan_in, order_id, options, livemode=livemode)


async def refundable_items(database: Database, planned: RefundPlan) -> tuple[RefundedItem, ...]:
    """Return the items that can still be refunded of the plan's payment, with what all that is left of each costs."""
    return await database.run(_refundable_items, planned)


async def refund(
    runtime: Runtime,
    order_id: str,
    options: RefundOptions,
    *,
    operator: Operator,
    note: str = "",
    request_id: str | None = None,
    requested_at: datetime | None = None,
    asked: bytes | None = None,
    approval: Approval | None = None,
) -> Refunded:
    """Ask Stripe for a refund, and merge its answer.

    With a `request_id` that is used already, continue that request, or return its answer: it is never made twice. If it
    may have been asked for since `requested_at`, before this database was restored from a backup, and Stripe may have
    forgotten its key, it is looked for at Stripe first. `asked` is a hash of what the caller wants: if the request was
    written for something else, raise IdempotencyConflict. With an `approval`, no limit counts.
    Raise NotAnOperator, RoleTooLow, AboveLimit; NotFound, NotRefundable, RefundUnderWay, SeveralPayments,
    InvalidRequest; StripeRejected with Stripe's words;
    StripeUnavailable, after which a running daemon continues the refund.
    """
    note = check_note(note)
    livemode = runtime.settings.livemode
    claimed = Stopwatch()
    request = await runtime.database.run(
        begin_refund, order_id, options, operator, note, request_id, asked, approval, livemode=livemode
    )
    if requested_at is not None and datetime.now(UTC) - requested_at > KEY_LIFETIME:
        request = replace(request, attempts=max(1, request.attempts))
    return await answer_request(runtime, request, operator, claimed)


async def answer_request(runtime: Runtime, request: RefundRequest, operator: Operator, claimed: Stopwatch) -> Refunded:
    """Return what became of a request that `begin_refund` wrote or claimed, or ask Stripe for the refund.

    `claimed` was started before that. Raise as `refund` does.
    """
    if request.error is not None:
        raise StripeRejected(request.error)
    if request.refund_id is not None:
        return await runtime.database.run(_made_before, request, request.refund_id)
    try:
        return await send_request(runtime, request, operator, claimed)
    except StripeFailed as error:
        raise StripeFailed(
            f"{error.detail}, so it is not known whether the refund was or will be made. It is under way: do not ask "
            "for it again; a running daemon looks for it at Stripe for up to "
            f"{_hours(GIVEN_UP_AFTER)} hours and records the result: `checkout orders explain` shows it"
        ) from error
    except StripeUnavailable as error:
        raise StripeUnavailable(
            "there is no answer from Stripe, so it is not known whether the refund was made. It is under way: do not "
            "ask for it again; a running daemon continues it and records the result: `checkout orders explain` shows it"
        ) from error


async def resume_refunds(runtime: Runtime) -> int:
    """Resume refunds whose answer never came: the command was killed, or Stripe was away. Return how many.

    Each request is claimed first, so no two daemons resume the same one. Without an answer it stays open.
    """
    operator = Operator(DAEMON, socket.gethostname())
    livemode = runtime.settings.livemode
    for resumed in range(_MOST_RESUMED_A_TURN):
        claimed = Stopwatch()
        request = await runtime.database.run_unconfirmed(
            refund_request_store.claim_request, RESUME_AFTER, livemode=livemode
        )
        if request is None:
            return resumed
        try:
            await send_request(runtime, request, operator, claimed)
        except (StripeRejected, StripeFailed) as error:
            log.warning("refund request %s of order %s: %s", request.id, request.order_id, error.detail)
    return _MOST_RESUMED_A_TURN


async def begin_refund(
    connection: asyncpg.Connection,
    order_id: str,
    options: RefundOptions,
    operator: Operator,
    note: str,
    request_id: str | None = None,
    asked: bytes | None = None,
    approval: Approval | None = None,
    *,
    livemode: bool,
) -> RefundRequest:
    """Write the request, before Stripe is asked. Claim it instead if it was written before. Raise as `refund` does."""
    if request_id is not None:
        await locked_order(connection, order_id)
        written = await refund_request_store.claim_named_request(connection, request_id, RESUME_AFTER)
        if written is not None:
            if asked is not None and (written.asked, written.order_id) != (asked, order_id):
                raise IdempotencyConflict("this Idempotency-Key was used for another refund: use a new one")
            return written
    planned = await plan_in(connection, order_id, options, livemode=livemode)
    if approval is None:
        await check_refund(connection, order_id, operator, planned.amount, planned.currency)
    request_id = request_id or str(uuid4())
    parameters: dict[str, Any] = {
        stripe_payments.payment_parameter(planned.payment_id): planned.payment_id,
        "amount": planned.amount,
        "metadata": {"order_id": order_id, _REQUEST: request_id},
    } | ({"reason": options.reason} if options.reason else {})
    request = RefundRequest(
        request_id,
        order_id,
        planned.payment_id,
        planned.amount,
        planned.currency,
        msgspec.json.encode(parameters).decode(),
        await read_now(connection),
        items=planned.items,
        asked=asked,
        restock=options.restock,
        operator=operator.user,
        proposal=None if approval is None else approval.proposal,
    )
    await refund_request_store.insert_request(connection, request, request.started_at + RESUME_AFTER)
    details: dict[str, Any] = {"request": request_id, "payment": planned.payment_id, "amount": planned.amount}
    details |= {"currency": planned.currency, "reason": options.reason}
    if approval is not None:
        details |= {"proposal": approval.proposal, "proposed_by": approval.proposed_by}
    if planned.items:
        details["items"] = [f"{item.sku}:{item.quantity}" for item in planned.items]
    if options.restock:
        details["restock"] = True
    update = Update("refund.requested", operator.actor, note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, OperatorAction("refund.requested", operator, note, details), update)
    return request


async def plan_in(
    connection: asyncpg.Connection, order_id: str, options: RefundOptions, *, livemode: bool | None = None
) -> RefundPlan:
    """Lock the order, and return what a refund would give back. Raise as `plan_refund` does."""
    merged = await locked_order(connection, order_id)
    if livemode is not None:
        check_mode(merged.orders[order_id], NotRefundable, livemode=livemode)
    unanswered = await refund_request_store.unanswered_request(connection, order_id)
    if not options.items:
        planned = plan(merged, order_id, options, unanswered)
        if options.restock and planned.left_afterwards:
            raise InvalidRequest([FieldError("/restock", "items_needed", _WHICH_ITEMS)])
        return planned
    order, payment = merged.orders[order_id], choose_payment(merged, order_id, options, unanswered)
    if payment.currency != order.currency:
        raise NotRefundable(
            f"payment {payment.id} of order {order.number} is in {payment.currency.upper()}, and its items are in "
            f"{order.currency.upper()}: refund an amount instead"
        )
    lines, refunded = await _items(connection, merged, order_id, payment.id)
    items = price_items(lines, options.items, refunded, order.currency)
    amount = sum(item.amount for item in items)
    if not amount:
        raise NotRefundable(f"these items of order {order.number} were free: there is nothing to give back")
    if options.amount not in (None, amount):
        raise NotRefundable(
            f"these items of order {order.number} cost {format_money(amount, order.currency)}, not "
            f"{format_money(options.amount, order.currency)}"
        )
    return plan_amount(order, payment, amount, items)


async def _items(
    connection: asyncpg.Connection, merged: Merged, order_id: str, payment_id: str
) -> tuple[Sequence[PricedLine], list[RefundedItem]]:
    """Return the lines of an order, and the items that refunds of the payment gave back."""
    live = [refund for refund in merged.facts(order_id).refunds if refund.status in LIVE_REFUNDS]
    refunded = await refund_request_store.refunds_of_items(connection, order_id, payment_id, live)
    return await read_items(connection, order_id), refunded


async def _refundable_items(connection: asyncpg.Connection, planned: RefundPlan) -> tuple[RefundedItem, ...]:
    merged = await locked_order(connection, planned.order_id)
    if planned.currency != merged.orders[planned.order_id].currency:
        return ()
    lines, refunded = await _items(connection, merged, planned.order_id, planned.payment_id)
    wanted = [WantedItem(sku) for sku, left in units_left(lines, refunded).items() if left > 0]
    return price_items(lines, wanted, refunded, planned.currency)


async def send_request(runtime: Runtime, request: RefundRequest, operator: Operator, claimed: Stopwatch) -> Refunded:
    """Have a request answered. Raise StripeRejected once it is closed; StripeUnavailable while it stays open.

    `claimed` was started before `begin_refund` wrote the request or claimed it.
    """
    found, why = None, "Stripe had no such refund a day after it was requested: request it again"
    if request.attempts:
        try:
            found = await _find(runtime, request)
        except StripeFailed as error:
            if request.age <= KEY_LIFETIME or not isinstance(error.__cause__, StripeRejected):
                raise
            why = f"{error.detail}, also a day later: look there whether it was made before you request it again"
    if found is not None:
        return await _take(runtime, request, operator, found)
    if request.age > KEY_LIFETIME:
        await require_clocks(runtime)
        await runtime.database.run(_refuse, request, operator, why)
        raise StripeRejected(why)
    if claimed.seconds > RESUME_AFTER.total_seconds():
        # This process was suspended, perhaps for days: others have resumed the request, and Stripe may have forgotten
        # its key and make a second refund.
        raise StripeUnavailable(f"refund request {request.id} was not sent: this process was suspended for too long")
    try:
        parameters = msgspec.json.decode(request.parameters)
        fetched = await stripe_payments.create_refund(runtime.gateway, parameters, request.id)
    except StripeRejected as error:
        if request.attempts:
            # It was asked before, and the answer was lost: a refusal of our API key does not answer that request.
            if isinstance(error, StripeDenied):
                raise StripeFailed(error.detail) from error
            if (found := await _find(runtime, request)) is not None:
                return await _take(runtime, request, operator, found)
        await runtime.database.run(_refuse, request, operator, error.detail)
        raise
    except StripeFailed as error:
        # Indeterminate: the refund may have been made, or may still be.
        if (found := await _find(runtime, request)) is not None:
            return await _take(runtime, request, operator, found)
        if request.age <= GIVEN_UP_AFTER:
            raise
        await require_clocks(runtime)
        why = f"{error.detail}, for {_hours(GIVEN_UP_AFTER)} hours, and it has no such refund: request it again"
        await runtime.database.run(_refuse, request, operator, why)
        raise StripeRejected(why) from error
    return await _take(runtime, request, operator, fetched)


async def _find(runtime: Runtime, request: RefundRequest) -> Fetched | None:
    """Return the refund that a request made, or None if its payment has no such refund. Raise StripeUnavailable."""
    try:
        refunds = await stripe_payments.list_refunds(runtime.gateway, request.payment_id)
    except StripeRejected as error:
        raise StripeFailed(f"Stripe does not list the refunds of {request.payment_id}: {error.detail}") from error
    return next((made for made in refunds if (made.object.get("metadata") or {}).get(_REQUEST) == request.id), None)


def _hours(span: timedelta) -> int:
    return int(span.total_seconds()) // 3600


async def _take(runtime: Runtime, request: RefundRequest, operator: Operator, fetched: Fetched) -> Refunded:
    """Merge the refund and close its request."""
    refund_id, status = str(fetched.object["id"]), str(fetched.object.get("status"))
    translation = refund_events.translate(
        # A refund does not state its mode: it is the key's.
        ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(runtime.settings.livemode))
    )
    update = Update(
        "refund.made",
        operator.actor,
        refund_id,
        translation.subject_id,
        translation.links,
        translation.facts,
        order_ids=[request.order_id],
    )
    details = {"request": request.id, "refund": refund_id, "amount": request.amount, "status": status}
    action = OperatorAction("refund.made", operator, details=details)
    merged = await runtime.database.run(_record_refund, request, refund_id, update, action)
    return _refunded(merged, request, refund_id, status)


async def _made_before(connection: asyncpg.Connection, request: RefundRequest, refund_id: str) -> Refunded:
    merged = await locked_order(connection, request.order_id)
    status = next((fact.status.value for fact in merged.facts(request.order_id).refunds if fact.id == refund_id), "")
    return _refunded(merged, request, refund_id, status)


def _refunded(merged: Merged, request: RefundRequest, refund_id: str, status: str) -> Refunded:
    derived = merged.derived(request.order_id)
    return Refunded(
        order_id=request.order_id,
        number=merged.orders[request.order_id].number,
        refund_id=refund_id,
        payment_id=request.payment_id,
        amount=request.amount,
        currency=request.currency,
        status=status,
        order_status=derived.status.value,
        amount_refunded=derived.amount_refunded,
        items=request.items,
    )


async def _record_refund(
    connection: asyncpg.Connection, request: RefundRequest, refund_id: str, update: Update, action: OperatorAction
) -> Merged:
    merged = await merge(connection, [update])
    if await refund_request_store.answer_request(connection, request.id, refund_id=refund_id):
        if request.restock:
            await _restock(connection, merged, request, action.operator.actor)
        before, after = merged.orders[request.order_id].state, state_of(merged, request.order_id)
        await record(connection, request.order_id, action, before=before, after=after)
    return merged


async def _restock(connection: asyncpg.Connection, merged: Merged, request: RefundRequest, actor: str) -> None:
    """Put what was refunded back into stock: the items of the request, or all that no other refund of items names."""
    units = {item.sku: item.quantity for item in request.items}
    if not units:
        units = units_left(*await _items(connection, merged, request.order_id, request.payment_id))
    await restock(connection, request.order_id, units, request.id, actor)


async def _refuse(connection: asyncpg.Connection, request: RefundRequest, operator: Operator, why: str) -> None:
    """Close a request that led to no refund, unless another process has closed it meanwhile."""
    await locked_order(connection, request.order_id)
    if await refund_request_store.answer_request(connection, request.id, error=why):
        details = {"request": request.id, "amount": request.amount, "why": why}
        update = Update("refund.refused", operator.actor, why, order_ids=[request.order_id], always_logged=True)
        await act(connection, request.order_id, OperatorAction("refund.refused", operator, details=details), update)
