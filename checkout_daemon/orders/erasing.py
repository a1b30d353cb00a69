"""Forgets a customer and keeps the books: amounts, ids, facts and the chain of the operator log stay as they are.

Gone are name, email and phone, the parameters that repeat the email to Stripe, links to pay, notes, mails that wait,
and the payloads of Stripe's events, also of events of no order that name one of its objects. What Stripe itself keeps
is Stripe's, and backups are the operator's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.audit.audit_store import blank_personal
from checkout_daemon.audit.log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.fact_store import load_links
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders import erasure_store
from checkout_daemon.orders.order_store import read_order

# Orders that nobody paid for are forgotten after this long.
UNPAID_KEPT = timedelta(days=90)
_UNPAID = (OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.EXPIRED, OrderStatus.CANCELED)
_BATCH = 200
_WINDOW = timedelta(days=7)  # of events looked through by one statement
_BEFORE = timedelta(days=1)  # clocks differ


class NotErasable(CheckoutError):
    """The order is still being paid, or an event about it has not been applied."""

    code = "not_erasable"
    status = 409
    exit_code = 4
    title = "The order cannot be erased yet"


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What erasing would reach: the orders, and the numbers of others of the same email, which it would not."""

    orders: tuple[Order, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """The orders afterwards, and how many payloads of events are gone."""

    orders: tuple[Order, ...]
    payloads: int


async def plan_erasure(database: Database, order_id: str, *, customer: bool) -> ErasurePlan:
    """The order, or with `customer` all orders of its email. Raises NotFound or NotErasable."""
    async with database.connection() as connection:
        found = await erasure_store.read_erasure(connection, order_id)
        same = await erasure_store.orders_of_customer(connection, found.customer_email) if found.customer_email else {}
        reached = list(dict.fromkeys([order_id, *same])) if customer else [order_id]
        for each in reached:
            await _check(connection, each)
        orders = [await read_order(connection, each) for each in reached]
    others = tuple(number for each, number in same.items() if each not in reached)
    return ErasurePlan(tuple(orders), others)


async def erase(database: Database, plan: ErasurePlan, *, operator: Operator, note: str = "") -> Erased:
    """Forget the customer of the plan's orders. Safe to do again. Raises NotErasable, and then that order is kept."""
    note = check_note(note)
    payloads = 0
    async with database.connection() as connection:
        texts = {text for order in plan.orders for text in await _names(connection, order.id)}
    # Nobody else's order has this email: then all that holds it is about this customer.
    emails = {order.customer_email for order in plan.orders if order.customer_email} if not plan.others else set()
    since = min(order.created_at for order in plan.orders) - _BEFORE
    payloads += await _sweep(database, since, sorted(texts | emails))
    for order in plan.orders:
        payloads += await database.run(_erase, order.id, operator, note)
    async with database.connection() as connection:
        orders = [await read_order(connection, order.id) for order in plan.orders]
    return Erased(tuple(orders), payloads)


async def forget_unpaid(database: Database) -> int:
    """Erase orders that were never paid and are older than UNPAID_KEPT, by the database's clock; how many."""
    async with database.connection() as connection:
        now = await read_now(connection)
        order_ids = await erasure_store.forgettable_orders(connection, now - UNPAID_KEPT, _BATCH)
        texts = {text for order_id in order_ids for text in await _names(connection, order_id)}
        oldest = [(await erasure_store.read_erasure(connection, order_id)).created_at for order_id in order_ids[:1]]
    if not order_ids:
        return 0
    await _sweep(database, oldest[0] - _BEFORE, sorted(texts), refuse=False)
    return sum([await database.run(_forget, order_id, now - UNPAID_KEPT) for order_id in order_ids])


async def _erase(connection: asyncpg.Connection, order_id: str, operator: Operator, note: str) -> int:
    await locked_order(connection, order_id)
    await _check(connection, order_id)
    payloads = await _blank(connection, order_id)
    update = Update("order.erased", operator.actor, note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, OperatorAction("order.erased", operator, note), update)
    return payloads


async def _forget(connection: asyncpg.Connection, order_id: str, made_before: datetime) -> int:
    merged = await locked_order(connection, order_id)
    order = await erasure_store.read_erasure(connection, order_id)
    if (
        merged.derived(order_id).status not in _UNPAID
        or merged.facts(order_id).payments
        or order.has_open_session
        or order.has_unapplied_event
        or order.created_at >= made_before
    ):
        return 0
    await _blank(connection, order_id)
    note = f"never paid in {UNPAID_KEPT.days} days"
    await merge(connection, [Update("order.erased", DAEMON, note, order_ids=[order_id], always_logged=True)])
    return 1


async def _blank(connection: asyncpg.Connection, order_id: str) -> int:
    await erasure_store.erase_order(connection, order_id)
    await blank_personal(connection, order_id)
    return await erasure_store.drop_payloads_of_order(connection, order_id)


async def _check(connection: asyncpg.Connection, order_id: str) -> None:
    order = await erasure_store.read_erasure(connection, order_id)
    if order.status == OrderStatus.PROCESSING:
        raise NotErasable(f"order {order.number} is being paid: wait until it is completed or failed")
    if order.has_open_session or order.status == OrderStatus.PENDING:
        raise NotErasable(
            f"order {order.number} can still be paid: `checkout orders cancel {order.number}` ends that first"
        )
    if order.has_unapplied_event:
        raise NotErasable(
            f"an event of order {order.number} is not applied, and could not be any more: `checkout events list "
            f"--order {order.number} --status failed --status dead` shows it; have it applied first"
        )
    if order.has_refund_under_way:
        raise NotErasable(f"a refund of order {order.number} has no answer of Stripe's yet: wait for it")


async def _names(connection: asyncpg.Connection, order_id: str) -> set[str]:
    """The order's id, and the ids of everything at Stripe that is linked with it."""
    links = await load_links(connection, [order_id])
    return {order_id} | {link.source_id for link in links} | {link.target_id for link in links}


async def _sweep(database: Database, since: datetime, texts: Sequence[str], *, refuse: bool = True) -> int:
    """Drop payloads of events of no order that hold one of the texts, a week at a time; how many."""
    windows = []
    dropped = 0
    async with database.connection() as connection:
        end = await read_now(connection) + _BEFORE
        while since < end:
            windows.append((since, min(since + _WINDOW, end)))
            since += _WINDOW
        for window in windows if refuse else ():
            if events := await erasure_store.unapplied_events_about(connection, *window, texts):
                raise NotErasable(
                    f"{', '.join(events)} could not be applied and may be about it: "
                    f"`checkout events show {events[0]}` says why; have it applied first"
                )
        for window in windows:
            dropped += await erasure_store.drop_unowned_payloads_about(connection, *window, texts)
    return dropped
