"""Cancels an order, but only after Stripe has confirmed that nothing of it can be paid any more."""

from __future__ import annotations

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.checkout.sessions import close_sessions, refresh_sessions
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import NotPayable
from checkout_daemon.ledger.derive import Derived
from checkout_daemon.ledger.facts import Act, ActKind, SessionStatus
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.ledger.reservations import ReservationState
from checkout_daemon.ledger.stock import withhold
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.orders.session_attempt_store import last_attempt
from checkout_daemon.runtime import Runtime

_MOST_TURNS = 4


class NotCancelable(NotPayable):
    """The order is paid, being paid, already canceled, of the other mode, or has a payment that does not match it."""

    code = "not_cancelable"
    title = "The order cannot be canceled"


async def check_cancelable(database: Database, order_id: str, *, livemode: bool | None = None) -> Order:
    """Return the order, to ask for confirmation. Stripe may know more. Raise NotFound or NotCancelable.

    With `livemode`, an order that was created with a key of the other mode is refused, as `cancel_order` does.
    """
    order, refusal = await database.run(_examine, order_id, livemode=livemode)
    if refusal is not None:
        raise refusal
    return order


async def cancel_order(
    runtime: Runtime, order_id: str, *, operator: Operator, note: str = "", restock: bool = True
) -> Order:
    """Expire every session of an order at Stripe, then cancel it, and return the order afterwards.

    Without `restock`, the pieces that are reserved for it do not go back on sale: they leave the stock at once, also if
    the cancellation then fails.
    Raise NotAnOperator, RoleTooLow, NotFound; NotCancelable, also if only Stripe knew of a payment; StripeUnavailable,
    and then nothing is canceled.
    """
    note = check_note(note)
    await runtime.database.run(require_act, [operator])  # before Stripe is asked to do anything
    await check_cancelable(runtime.database, order_id, livemode=runtime.settings.livemode)
    if not restock:  # before the sessions end, which would put the pieces on sale: a repetition finds them withheld
        await runtime.database.run(_withhold, order_id, operator)
    await refresh_sessions(runtime, order_id, cause="order.checked", actor=operator.actor)
    for _ in range(_MOST_TURNS):
        try:
            attempt = await close_sessions(runtime, order_id, actor=operator.actor)
        except NotPayable:
            await check_cancelable(runtime.database, order_id)  # raises NotCancelable instead
            raise
        if await runtime.database.run(_cancel, order_id, attempt, operator, note):
            async with runtime.database.connection() as connection:
                return await read_order(connection, order_id)
    await check_cancelable(runtime.database, order_id)
    raise NotCancelable(f"order {order_id} kept changing while it was canceled: try again")


async def _examine(
    connection: asyncpg.Connection, order_id: str, *, livemode: bool | None
) -> tuple[Order, NotCancelable | None]:
    """Return the order and why it cannot be canceled, if so."""
    merged = await locked_order(connection, order_id)
    if livemode is not None:
        check_mode(merged.orders[order_id], NotCancelable, livemode=livemode)
    order = await read_order(connection, order_id)
    return order, _refusal(order, merged.derived(order_id))


async def _cancel(
    connection: asyncpg.Connection,
    order_id: str,
    closed_attempt: int,
    operator: Operator,
    note: str,
) -> bool:
    """Cancel the order, or return False if it changed after its sessions were closed."""
    merged = await locked_order(connection, order_id)
    sessions = merged.facts(order_id).sessions
    attempt = await last_attempt(connection, order_id)
    if (
        not merged.derived(order_id).payable
        or attempt is None
        or attempt.number != closed_attempt
        or any(session.status is SessionStatus.OPEN for session in sessions)
    ):
        return False
    update = Update(
        "order.canceled", operator.actor, note, acts=[(order_id, Act(ActKind.CANCELED))], always_logged=True
    )
    details: dict[str, object] = {"sessions": sorted(session.id for session in sessions)}
    held = merged.facts(order_id).reservations
    if withheld := sorted(one.sku for one in held if one.state is ReservationState.WITHHELD):
        details["withheld"] = withheld
    await act(connection, order_id, OperatorAction("order.canceled", operator, note, details), update)
    return True


async def _withhold(connection: asyncpg.Connection, order_id: str, operator: Operator) -> None:
    """Take the reserved pieces out of the stock. A payment that arrives after all gets them nevertheless."""
    held = (await locked_order(connection, order_id)).facts(order_id).reservations
    reserved = [one for one in held if one.state is ReservationState.RESERVED]
    await withhold(connection, order_id, reserved, operator.actor)


def _refusal(order: Order, derived: Derived) -> NotCancelable | None:
    if derived.payable:
        return None
    match derived.status:
        case OrderStatus.CANCELED:
            why = "it is canceled already"
        case OrderStatus.PROCESSING:
            why = "it is processing: a payment is on its way and cannot be stopped; refund it once it has arrived"
        case OrderStatus.PENDING | OrderStatus.FAILED | OrderStatus.EXPIRED:
            codes = ", ".join(derived.attention_codes) or "amount, currency or mode"
            why = f"it has a payment that does not match it ({codes}): `checkout orders refund {order.number}` first"
        case _:
            why = f"it is {derived.status}: `checkout orders refund {order.number}` gives money back"
    return NotCancelable(f"order {order.number} cannot be canceled: {why}")
