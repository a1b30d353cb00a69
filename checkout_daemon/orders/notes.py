"""Operators acknowledge an order's attention, and write notes about it."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.ledger.facts import Act, ActKind
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_store import read_order


class NothingToAcknowledge(CheckoutError):
    """The order does not have this attention."""

    code = "nothing_to_acknowledge"
    status = 409
    exit_code = 4
    title = "The order has no such attention"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The order afterwards, and the payments, refunds or disputes that need no attention any more."""

    order: Order
    reason: str
    subjects: tuple[str, ...]


async def acknowledge(
    database: Database, order_id: str, reason: str, *, operator: Operator, note: str = ""
) -> Acknowledged:
    """End every attention of an order that has this code now. A new one with the same code asks again.

    Raise OrderNotFound, NothingToAcknowledge, or InvalidRequest for the note.
    """
    note = check_note(note)
    outcome = await database.run(_acknowledge, order_id, reason, operator, note)
    if isinstance(outcome, NothingToAcknowledge):
        raise outcome
    return outcome


async def _acknowledge(
    connection: asyncpg.Connection, order_id: str, reason: str, operator: Operator, note: str
) -> Acknowledged | NothingToAcknowledge:
    merged = await locked_order(connection, order_id)
    attention = merged.derived(order_id).attention
    subjects = tuple(item.subject for item in attention if item.code.value == reason)
    if not subjects:
        present = ", ".join(sorted({item.code.value for item in attention})) or "nothing"
        # Raised after the commit, so that what locked_order corrected is kept.
        return NothingToAcknowledge(
            f"order {merged.orders[order_id].number} does not ask for {reason}; it asks for {present}"
        )
    acts = [(order_id, Act(ActKind.ACKNOWLEDGED, reason, subject)) for subject in subjects]
    update = Update("order.acknowledged", operator.actor, note, acts=acts, always_logged=True)
    details = {"reason": reason, "subjects": list(subjects)}
    await act(connection, order_id, OperatorAction("order.acknowledged", operator, note, details), update)
    return Acknowledged(await read_order(connection, order_id), reason, subjects)


async def note_order(database: Database, order_id: str, text: str, *, operator: Operator) -> Order:
    """Add a note to an order's history. Raise OrderNotFound, or InvalidRequest for the text."""
    note = check_note(text)
    if not note:
        raise InvalidRequest([FieldError("/note", "invalid_note", "a note needs text")])
    return await database.run(_note, order_id, operator, note)


async def _note(connection: asyncpg.Connection, order_id: str, operator: Operator, note: str) -> Order:
    order = await read_order(connection, order_id)
    update = Update("order.noted", operator.actor, note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, OperatorAction("order.noted", operator, note), update)
    return order
