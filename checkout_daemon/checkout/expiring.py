"""Expires sessions at Stripe, so that they can no longer be paid."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.session_lists import read_sessions_of_order
from checkout_daemon.checkout.sessions import merge_session, session_update
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.facts import SessionStatus
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.ledger.order_states import check_mode
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session


class SessionNotOpen(CheckoutError):
    """No session of the order can be expired; the message states what was found."""

    code = "session_not_open"
    status = 409
    exit_code = 4
    title = "The session is not open"


@dataclass(frozen=True, slots=True)
class Expired:
    """The order afterwards, and the sessions that were expired."""

    order: Order
    session_ids: tuple[str, ...]


async def check_open(database: Readable, order: Order, session_id: str | None = None) -> None:
    """Raise SessionNotOpen unless the session, or one of the order's, is open as far as we know."""
    sessions = await read_sessions_of_order(database, order.id)
    if not any(session.status == "open" and session_id in (None, session.id) for session in sessions):
        which = f"session {session_id} of order {order.number} is not open"
        raise SessionNotOpen(which if session_id else f"order {order.number} has no open session")


async def expire_sessions(
    runtime: Runtime, order_id: str, session_id: str | None = None, *, operator: Operator, note: str = ""
) -> Expired:
    """Expire one session of an order, or all open ones. Read them from Stripe first, and merge what is found.

    Raise NotFound, SessionNotOpen or StripeUnavailable.
    """
    note = check_note(note)
    merged = await runtime.database.run(locked_order, order_id)
    check_mode(merged.orders[order_id], SessionNotOpen, livemode=runtime.settings.livemode)
    sessions = merged.facts(order_id).sessions
    if session_id is not None:
        chosen = [session_id]
    else:
        chosen = [session.id for session in sessions if session.status is SessionStatus.OPEN]
        # If none is open as far as we know, ask Stripe about the last one.
        chosen = chosen or [session.id for session in sorted(sessions, key=lambda session: session.attempt)[-1:]]
    found: list[str] = []
    expired: list[str] = []
    for chosen_id in chosen:
        fetched = await retrieve_session(runtime.gateway, chosen_id)
        if fetched.object.get("status") == "open":
            details = {"session": chosen_id}
            requested = OperatorAction("session.expiry_requested", operator, note, details)
            await runtime.database.run(_request, order_id, requested)
            fetched = await expire_session(runtime.gateway, chosen_id)
            if fetched.object.get("status") == "expired":
                update = session_update(fetched, "session.expired", operator.actor)
                action = OperatorAction("session.expired", operator, details=details)
                await runtime.database.run(_record, order_id, update, action)
                expired.append(chosen_id)
                continue
        await merge_session(runtime, fetched, cause="session.read", actor=operator.actor)
        status, paid = fetched.object.get("status"), fetched.object.get("payment_status")
        found.append(f"{chosen_id} is {status}{f' and {paid}' if status == 'complete' else ''}")
    async with runtime.database.connection() as connection:
        order = await read_order(connection, order_id)
    if found or not chosen:
        what = "; ".join(found) or "it has no session"
        raise SessionNotOpen(f"no open session to expire: {what}; order {order.number} is {order.status}")
    return Expired(order, tuple(expired))


async def _request(connection: asyncpg.Connection, order_id: str, action: OperatorAction) -> None:
    """Record who asks, before Stripe does it: this process may end before it can record the answer."""
    state = state_of(await locked_order(connection, order_id), order_id)
    await record(connection, order_id, action, before=state, after=state)


async def _record(connection: asyncpg.Connection, order_id: str, update: Update, action: OperatorAction) -> None:
    merged = await merge(connection, [update])
    before, after = merged.orders[order_id].state, state_of(merged, order_id)
    await record(connection, order_id, action, before=before, after=after)
