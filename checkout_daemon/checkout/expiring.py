"""Expires sessions at Stripe, so that they can be paid no more."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.audit.log import OperatorAction, check_note, record, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.sessions import merge_session, session_update
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.facts import SessionStatus
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session


class SessionNotOpen(CheckoutError):
    """The session is not open, or not any more; the message has what was found."""

    code = "session_not_open"
    status = 409
    exit_code = 4
    title = "The session is not open"


@dataclass(frozen=True, slots=True)
class Expired:
    """The order afterwards, and the sessions that were expired."""

    order: Order
    session_ids: tuple[str, ...]


async def expire_sessions(
    runtime: Runtime, order_id: str, session_id: str | None = None, *, operator: Operator, note: str = ""
) -> Expired:
    """Expire one session of an order, or all that are open. Read at Stripe first; what is found there is merged.

    Raises NotFound, SessionNotOpen, StripeUnavailable.
    """
    note = check_note(note)
    held = await runtime.database.run(locked_order, order_id)
    sessions = held.facts(order_id).sessions
    if session_id is not None:
        chosen = [session_id]
    else:
        chosen = [each.id for each in sessions if each.status is SessionStatus.OPEN]
        # None is open as far as we know: Stripe's word for it, of the last one.
        chosen = chosen or [each.id for each in sorted(sessions, key=lambda each: each.attempt)[-1:]]
    found: list[str] = []
    expired: list[str] = []
    for each in chosen:
        fetched = await retrieve_session(runtime.gateway, each)
        if fetched.object.get("status") == "open":
            fetched = await expire_session(runtime.gateway, each)
            if fetched.object.get("status") == "expired":
                update = session_update(fetched, "session.expired", operator.actor)
                action = OperatorAction("session.expired", operator, note, {"session": each})
                await runtime.database.run(_record, order_id, update, action)
                expired.append(each)
                continue
        await merge_session(runtime, fetched, cause="session.read", actor=operator.actor)
        status, paid = fetched.object.get("status"), fetched.object.get("payment_status")
        found.append(f"{each} is {status}{f' and {paid}' if status == 'complete' else ''}")
    async with runtime.database.connection() as connection:
        order = await read_order(connection, order_id)
    if found or not chosen:
        what = "; ".join(found) or "it has no session"
        raise SessionNotOpen(f"no open session to expire: {what}; order {order.number} is {order.status}")
    return Expired(order, tuple(expired))


async def _record(connection: asyncpg.Connection, order_id: str, update: Update, action: OperatorAction) -> None:
    merged = await merge(connection, [update])
    before, after = merged.orders[order_id].state, state_of(merged, order_id)
    await record(connection, order_id, action, before=before, after=after)
