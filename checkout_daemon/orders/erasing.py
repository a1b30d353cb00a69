"""Erases customers and keeps the books: amounts, ids, facts and the chain of the audit log stay as they are.

Erased are name, email, phone and address, the parameters that repeat them to Stripe, payment links, notes, waiting
mails, and the payloads of Stripe's events, including events without an order that name one of its objects. The country
stays: taxes depend on it. Stripe's own data and backups are not touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.audit.audit_log import NO_ORDER, OperatorAction, act, check_note
from checkout_daemon.audit.audit_store import blank_personal, blank_personal_about, lock_shop
from checkout_daemon.audit.operators import DAEMON, Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.database.leases import leased
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import CheckoutError, OrderNotFound
from checkout_daemon.ledger.fact_store import load_links
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.orders.order_store import read_order

# Orders that nobody paid for are erased after this long.
UNPAID_KEPT = timedelta(days=90)
_UNPAID = (OrderStatus.PENDING, OrderStatus.FAILED, OrderStatus.EXPIRED, OrderStatus.CANCELED)
_LEASE = "forget-unpaid"
_BATCH = 200
_MOST_BATCHES = 10  # in one run of the job
_SEARCH_SECONDS = 300.0
_WINDOW = timedelta(days=7)  # the events searched by one statement
_BEFORE = timedelta(days=1)  # clocks differ
_LOOKED_AT = 5000  # events that one statement of drop_payloads_after_erasure looks at


class NotErasable(CheckoutError):
    """The order is still being paid, or an event about it has not been applied."""

    code = "not_erasable"
    status = 409
    exit_code = 4
    title = "The order cannot be erased yet"


@dataclass(frozen=True, slots=True)
class ErasureState:
    """What decides whether an order may be erased, and the email by which to find the customer's other orders."""

    number: int
    status: str
    customer_email: str
    created_at: datetime
    erased_at: datetime | None
    has_open_session: bool
    has_refund_under_way: bool
    has_answer_under_way: bool
    has_waiting_dispute: bool
    has_unapplied_event: bool


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """The orders to erase, and the numbers of others with the same email that would stay."""

    orders: tuple[Order, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """The orders afterwards, and how many payloads of events were deleted."""

    orders: tuple[Order, ...]
    payloads: int


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """What operators may have written about an order's customer outside of the order: see remarks_elsewhere."""

    batches: tuple[int, ...]
    items: tuple[str, ...]
    events: tuple[str, ...]
    orders: tuple[str, ...]


async def plan_erasure(database: Database, order_id: str, *, customer: bool) -> ErasurePlan:
    """Plan to erase an order, or with `customer` all orders of its email. Raise OrderNotFound or NotErasable."""
    async with database.connection() as connection:
        email = (await read_erasure_state(connection, order_id)).customer_email
        rows = await connection.fetch(sql("orders_of_customer"), email) if email else []
        same = {str(row["id"]): row["number"] for row in rows}
        reached = list(dict.fromkeys([order_id, *same])) if customer else [order_id]
        for reached_id in reached:
            await _check(connection, reached_id)
        orders = [await read_order(connection, reached_id) for reached_id in reached]
    others = tuple(number for other_id, number in same.items() if other_id not in reached)
    return ErasurePlan(tuple(orders), others)


async def erase(database: Database, plan: ErasurePlan, *, operator: Operator, note: str = "") -> Erased:
    """Erase the customer of the plan's orders. Safe to repeat.

    Raise NotAnOperator or RoleTooLow, and NotErasable, after which that order is kept.
    """
    note = check_note(note)
    await database.run(require_act, [operator])  # before payloads are deleted
    async with database.connection() as connection:
        names = {name for order in plan.orders for name in await _names(connection, order.id)}
    # If no other order has this email, everything that contains it is about this customer.
    emails = {order.customer_email for order in plan.orders if order.customer_email} if not plan.others else set()
    async with database.connection() as connection:
        for order in plan.orders:  # an email that was corrected since
            emails |= {row["email"] for row in await connection.fetch(sql("former_emails"), order.id)}
    since = min(order.created_at for order in plan.orders) - _BEFORE
    payloads = await _sweep(database, since, sorted(names), sorted(emails))
    for order in reversed(plan.orders):  # the order that was named last: by its email, a repetition finds the others
        payloads += await database.run(_erase, order.id, operator, note)
    async with database.connection() as connection:
        orders = [await read_order(connection, order.id) for order in plan.orders]
    return Erased(tuple(orders), payloads)


async def forget_unpaid(database: Database) -> int:
    """Erase orders that were never paid and are older than UNPAID_KEPT by the database's clock. Return how many.

    With many of them, the next run continues. If another process does it, return 0. Raise LeaseLost.
    """
    forgotten = 0
    async with leased(database, _LEASE) as lease:
        if lease is None:
            return 0
        for _ in range(_MOST_BATCHES):
            async with database.connection() as connection:
                made_before = await read_now(connection) - UNPAID_KEPT
                rows = await connection.fetch(sql("forgettable_orders"), made_before, _BATCH)
            done = await _forget_together(database, rows, made_before, lease.renew) if rows else 0
            forgotten += done
            if len(rows) < _BATCH or not done:  # the others cannot be forgotten yet
                break
            await lease.renew()
    return forgotten


async def read_erasure_state(connection: asyncpg.Connection, order_id: str) -> ErasureState:
    """Return what decides whether an order may be erased. Raise OrderNotFound."""
    row = await connection.fetchrow(sql("read_erasure_state"), order_id)
    if row is None:
        raise OrderNotFound(order_id)
    return record_of(ErasureState, row)


async def drop_payloads_after_erasure(connection: asyncpg.Connection, received_since: datetime) -> None:
    """Delete payloads that arrived after their order was erased."""
    drop = sql("drop_payloads_after_erasure")
    last = await connection.fetchrow(drop, received_since, "", _LOOKED_AT)
    while last is not None:
        last = await connection.fetchrow(drop, last["received_at"], last["id"], _LOOKED_AT)


async def _erase(connection: asyncpg.Connection, order_id: str, operator: Operator, note: str) -> int:
    await locked_order(connection, order_id)
    await _check(connection, order_id)
    elsewhere = await _find_elsewhere(connection, order_id)
    payloads = await _blank(connection, order_id, elsewhere)
    update = Update("order.erased", operator.actor, note, order_ids=[order_id], always_logged=True)
    await act(connection, order_id, OperatorAction("order.erased", operator, note), update)
    await _blank_elsewhere(connection, elsewhere)
    return payloads


async def _forget_together(
    database: Database, rows: Sequence[asyncpg.Record], made_before: datetime, renew: Callable[[], Awaitable[None]]
) -> int:
    """Erase orders, oldest first, after the payloads that name one of them. Return how many could be.

    `renew` is awaited between the steps.
    """
    order_ids = [str(row["id"]) for row in rows]
    async with database.connection() as connection:
        names = {name for order_id in order_ids for name in await _names(connection, order_id)}
    await _sweep(database, rows[0]["created_at"] - _BEFORE, sorted(names), refuse=False, renew=renew)
    done = 0
    for order_id in order_ids:
        await renew()
        done += await database.run(_forget, order_id, made_before)
    return done


async def _forget(connection: asyncpg.Connection, order_id: str, made_before: datetime) -> int:
    merged = await locked_order(connection, order_id)
    order = await read_erasure_state(connection, order_id)
    if (
        merged.derived(order_id).status not in _UNPAID
        or merged.facts(order_id).payments
        or order.has_open_session
        or order.has_unapplied_event
        or order.created_at >= made_before
        or order.erased_at is not None  # by another process, which took the lease over, or by an operator
    ):
        return 0
    elsewhere = await _find_elsewhere(connection, order_id)
    await _blank(connection, order_id, elsewhere)
    note = f"never paid in {UNPAID_KEPT.days} days"
    await merge(connection, [Update("order.erased", DAEMON, note, order_ids=[order_id], always_logged=True)])
    await _blank_elsewhere(connection, elsewhere)
    return 1


async def _find_elsewhere(connection: asyncpg.Connection, order_id: str) -> _Elsewhere:
    (row,) = await connection.fetch(sql("remarks_elsewhere"), order_id)
    return record_of(_Elsewhere, row)


async def _blank(connection: asyncpg.Connection, order_id: str, elsewhere: _Elsewhere) -> int:
    """Delete everything about the customer of a locked order. Return how many payloads were deleted."""
    await connection.execute(sql("blank_batch_notes"), list(elsewhere.batches), list(elsewhere.orders))
    await connection.execute(sql("erase_order"), order_id, list(elsewhere.batches))
    await blank_personal(connection, order_id)
    return len(await connection.fetch(sql("drop_payloads_of_order"), order_id))


async def _blank_elsewhere(connection: asyncpg.Connection, elsewhere: _Elsewhere) -> None:
    """Delete the notes of no order, and of batches in the chains of other orders.

    This is the last step, because others wait for the lock.
    """
    if elsewhere.batches or elsewhere.items or elsewhere.events:
        await lock_shop(connection)
        await connection.execute(sql("blank_item_notes"), list(elsewhere.items))
        chains = (NO_ORDER, *elsewhere.orders)
        await blank_personal_about(connection, chains, elsewhere.batches, elsewhere.items, elsewhere.events)


async def _check(connection: asyncpg.Connection, order_id: str) -> None:
    order = await read_erasure_state(connection, order_id)
    if order.status == OrderStatus.PROCESSING:
        raise NotErasable(f"order {order.number} is being paid: wait until it is completed or failed")
    if order.has_open_session or order.status == OrderStatus.PENDING:
        raise NotErasable(
            f"order {order.number} can still be paid: `checkout orders cancel {order.number}` ends that first"
        )
    if order.has_unapplied_event:
        raise NotErasable(
            f"an event of order {order.number} is not applied, and could not be afterwards: `checkout events list "
            f"--order {order.number} --status failed --status dead` shows it; apply it first"
        )
    if order.has_refund_under_way:
        raise NotErasable(f"a refund of order {order.number} has no answer from Stripe yet: wait for it")
    if order.has_answer_under_way:
        raise NotErasable(f"an answer to a dispute of order {order.number} has none from Stripe yet: wait for it")
    if order.has_waiting_dispute and order.erased_at is None:
        raise NotErasable(
            f"a dispute of order {order.number} waits for an answer, and its evidence would be erased: "
            f"`checkout disputes submit {order.number}` or `checkout disputes accept {order.number}` first"
        )


async def _names(connection: asyncpg.Connection, order_id: str) -> set[str]:
    """Return the order's id, and the ids of all objects at Stripe that are linked with it."""
    links = await load_links(connection, [order_id])
    return {order_id} | {link.source_id for link in links} | {link.target_id for link in links}


async def _sweep(
    database: Database,
    since: datetime,
    names: Sequence[str],
    emails: Sequence[str] = (),
    *,
    refuse: bool = True,
    renew: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Delete payloads of ignored events without an order that have one of the names or emails, and return how many.

    It searches a week at a time, and awaits `renew` before each. With `refuse`, raise NotErasable if a failed event has
    one of them.
    """
    search, drop = sql("unapplied_events_about"), sql("drop_unowned_payloads_about")
    windows = []
    async with database.connection() as connection:
        end = await read_now(connection) + _BEFORE
        while since < end:
            windows.append((since, min(since + _WINDOW, end)))
            since += _WINDOW
        for window in windows if refuse else ():
            if events := await connection.fetch(search, *window, names, emails, timeout=_SEARCH_SECONDS):
                raise NotErasable(
                    f"{', '.join(event['id'] for event in events)} could not be applied and may be about the order: "
                    f"`checkout events show {events[0]['id']}` shows why; apply it first"
                )
    dropped = 0
    for window in windows:
        if renew is not None:
            await renew()
        async with database.connection() as connection:
            dropped += len(await connection.fetch(drop, *window, names, emails, timeout=_SEARCH_SECONDS))
    return dropped
