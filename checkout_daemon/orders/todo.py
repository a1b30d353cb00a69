"""What needs a person: disputes, failed refunds, wrong and double payments, and what is dead, stuck or missing.

Each item has what happens without a person, and the command or page that fixes it. All of it is read from what is
stored, also the differences from Stripe that `checkout reconcile` has found and not applied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import FAR_FUTURE, in_utc
from checkout_daemon.model.money import currencies_with, exponent
from checkout_daemon.model.orders import AttentionCode, Order
from checkout_daemon.model.todo import OF_NO_ORDER, Todo, TodoItem
from checkout_daemon.orders.attention_commands import command_for
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.dispute_advice import dispute_advice
from checkout_daemon.orders.drift_store import decode_drift
from checkout_daemon.orders.explaining.troubles import (
    ATTENTION_DESCRIPTIONS,
    FRAUD_ADVICE,
    concerned,
    failed_refund,
    subject_words,
)
from checkout_daemon.orders.figures import OVERDUE_AFTER, SLOW_AFTER
from checkout_daemon.orders.loose_items import read_loose_items
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_lists import (
    DisputeLine,
    FraudWarningLine,
    OrderSession,
    OrderView,
    PaymentLine,
    RefundLine,
    read_orders,
)
from checkout_daemon.orders.order_pages import orders_that_fit
from checkout_daemon.orders.stripe_pages import dispute_url
from checkout_daemon.settings import Settings

SOON = timedelta(days=7)
"""Before its deadline, a dispute that waits for an answer is shown even if it was acknowledged."""

_MOST = 200  # of each kind
_MOST_FILTERED = 10_000  # of each kind, before a filter
_DISPUTE = AttentionCode.DISPUTE_NEEDS_RESPONSE
_TOGETHER = (AttentionCode.PAID_TWICE, AttentionCode.PAID_AFTER_CANCEL, AttentionCode.OVERSOLD)
_NEXT = {
    AttentionCode.REFUND_FAILED: "Nothing: refund again, or pay the customer in another way and acknowledge it.",
    AttentionCode.OVERSOLD: "Nothing: refund it, or acknowledge it to deliver it all the same, which takes its pieces.",
    AttentionCode.UNKNOWN_STATUS: "Stripe's current answer settles it, if this version knows it.",
    AttentionCode.FRAUD_WARNING: FRAUD_ADVICE,
    AttentionCode.PAYMENT_CANCELED: "Stripe's current answer settles it.",
}


class _Care(msgspec.Struct):
    owner: str | None = None
    snoozed_until: datetime | None = None
    snoozed: tuple[str, ...] = ()


_ORDER = msgspec.json.Decoder(Order)
_CARE = msgspec.json.Decoder(_Care)
_REMARK = msgspec.json.Decoder(tuple[str, str, datetime])
_ACKNOWLEDGED = msgspec.json.Decoder(set[tuple[str, str]])
_LINES: dict[str, msgspec.json.Decoder[Any]] = {
    "charges": msgspec.json.Decoder(tuple[ChargeLine, ...]),
    "sessions": msgspec.json.Decoder(tuple[OrderSession, ...]),
    "payments": msgspec.json.Decoder(tuple[PaymentLine, ...]),
    "refunds": msgspec.json.Decoder(tuple[RefundLine, ...]),
    "disputes": msgspec.json.Decoder(tuple[DisputeLine, ...]),
    "fraud_warnings": msgspec.json.Decoder(tuple[FraudWarningLine, ...]),
}


async def read_todo(
    database: Readable, settings: Settings, now: datetime | None = None, *, filtered: bool = False
) -> Todo:
    """Return what needs a person in the mode of the settings' key; more of it if it is filtered afterwards."""
    now = now or datetime.now(UTC)
    most = _MOST_FILTERED if filtered else _MOST
    async with database.connection() as connection:
        items, left_out = await _of_orders(connection, settings, now, asleep=False, most=most)
        asleep, more_asleep = await _of_orders(connection, settings, now, asleep=True, most=most)
        loose, more_loose = await read_loose_items(connection, now, most, livemode=settings.livemode)
    items += [*asleep, *loose]
    items.sort(key=_urgency)
    return Todo(
        now,
        tuple(item for item in items if item.snoozed_until is None),
        tuple(item for item in items if item.snoozed_until is not None),
        left_out=left_out + more_asleep + more_loose,
    )


async def narrow_todo(database: Readable, todo: Todo, wanted: OrderFilter) -> Todo:
    """Return only the items of orders that a filter matches. What was left out may have matched too."""
    ids = {item.order_id for item in (*todo.items, *todo.snoozed) if item.order_id is not None}
    async with database.connection() as connection:
        orders = await read_orders(connection, ids)
    fitting = await orders_that_fit(database, orders, wanted)
    items, snoozed = (tuple(item for item in items if item.order_id in fitting) for items in (todo.items, todo.snoozed))
    left_out = Counter({kind: count for kind, count in todo.left_out.items() if kind not in OF_NO_ORDER})
    return replace(todo, items=items, snoozed=snoozed, left_out=left_out)


async def read_items_of(
    database: Readable, settings: Settings, order_id: str, now: datetime | None = None
) -> list[TodoItem]:
    """Return what an order needs, also what is snoozed."""
    async with database.connection() as connection:
        items, _ = await _of_orders(connection, settings, now or datetime.now(UTC), order_id=order_id)
    return items


async def _of_orders(
    connection: asyncpg.Connection,
    settings: Settings,
    now: datetime,
    *,
    asleep: bool = False,
    order_id: str | None = None,
    most: int = _MOST,
) -> tuple[list[TodoItem], Counter[str]]:
    """Return the items of orders without a snooze, or of those with one, and how many orders of a kind are left out.

    New items of an order with a snooze are awake.
    """
    livemode, which = settings.livemode, (asleep, order_id)
    first = (*which, currencies_with(0), currencies_with(3))  # those with the most money
    times = (now - OVERDUE_AFTER, now - SLOW_AFTER)
    rows = {
        "attention": await connection.fetch(sql("todo_orders"), livemode, now, now + SOON, most, *first),
        "order_stuck": await connection.fetch(sql("todo_stuck"), livemode, *times, most, now, *first),
        "order_drifted": await connection.fetch(sql("todo_drifts"), livemode, now, most, *first),
        # A shop that sends nothing has no such orders, and does not look for any.
        "order_unshipped": []
        if settings.shop.shipping is None
        else await connection.fetch(sql("todo_unshipped"), livemode, now, most, *which),
    }
    items = [item for row in rows["attention"] for item in _flagged(row, settings, now)]
    items += [_stuck(row, now) for row in rows["order_stuck"]]
    items += [_drifted(row, now) for row in rows["order_drifted"]]
    items += [_unshipped(row, now) for row in rows["order_unshipped"]]
    return items, Counter({kind: found[0]["total"] - len(found) for kind, found in rows.items() if found})


def _urgency(item: TodoItem) -> tuple[Any, ...]:
    """Sort by deadline, then by money in whole units of whatever currency, then by age."""
    units = 0.0 if item.amount is None or item.currency is None else item.amount / 10 ** exponent(item.currency)
    return (item.due_by or FAR_FUTURE, -units, item.since, item.key)


def _flagged(row: asyncpg.Record, settings: Settings, now: datetime) -> Iterator[TodoItem]:
    """Yield the items of an order with attention, or with a dispute that is due soon."""
    lines = {name: tuple(map(in_utc, decoder.decode(row[name] or "[]"))) for name, decoder in _LINES.items()}
    order = in_utc(_ORDER.decode(row["order"]))
    view = OrderView(order, items=(), events=(), changes=(), shipping=None, **lines)
    acknowledged = _ACKNOWLEDGED.decode(row["acknowledged"] or "[]")
    for code in AttentionCode:
        if code in order.attention:
            items = list(_attention(view, code, acknowledged, settings, now))
            if code is AttentionCode.OVERSOLD:
                items = [replace(item, description=f"{item.description} ({row['oversold']})") for item in items]
        elif code is _DISPUTE:
            items = [item for item in _disputes(view, settings, now) if _is_soon(item, now)]
        else:
            continue
        yield from (_cared_for(_with_charge(item, view), row, now) for item in items)


def _with_charge(item: TodoItem, view: OrderView) -> TodoItem:
    """Return the item with the charge of the payment that it is about, or else with the order's."""
    of_object = {refund.id: refund.payment_id for refund in view.refunds}
    of_object |= {dispute.id: dispute.payment_id for dispute in view.disputes}
    of_object |= {warning.id: warning.payment_id for warning in view.fraud_warnings}
    payment_id = of_object.get(item.subject, item.subject)
    charges = [charge for charge in view.charges if charge.payment_id == payment_id] or view.charges
    if not charges:
        return item
    charge = charges[0]
    return replace(
        item,
        payment_method=charge.method,
        card_brand=charge.brand,
        last4=charge.last4,
        decline_code=charge.decline_code,
        decline_message=charge.decline_message,
    )


def _is_soon(item: TodoItem, now: datetime) -> bool:
    return item.due_by is not None and now < item.due_by < now + SOON


def _attention(
    view: OrderView, code: AttentionCode, acknowledged: set[tuple[str, str]], settings: Settings, now: datetime
) -> Iterable[TodoItem]:
    if code is _DISPUTE:
        yield from (
            item
            for item in _disputes(view, settings, now)
            if (code.value, item.subject) not in acknowledged or _is_soon(item, now)
        )
        return
    lines = [line for line in concerned(view, code) if (code.value, line.id) not in acknowledged]
    order = view.order
    if code in _TOGETHER or not lines:
        subject = ",".join(sorted({line.id for line in lines}))
        yield _item(view, code, subject, subject_words(lines), order.amount_total, order.paid_at)
        return
    for line in {line.id: line for line in lines}.values():
        amount = order.amount_total if isinstance(line, OrderSession) else line.amount
        since = line.paid_at if isinstance(line, PaymentLine) else getattr(line, "created_at", None)
        currency = order.currency if isinstance(line, OrderSession) else line.currency
        item = replace(_item(view, code, line.id, subject_words([line]), amount, since), currency=currency)
        if code is AttentionCode.REFUND_FAILED and isinstance(line, RefundLine):
            description, following, command = failed_refund(view, line, "acknowledge it")
            item = replace(item, description=description, next=following, command=command)
        yield item


def _item(
    view: OrderView, code: AttentionCode, subject: str, words: str, amount: int | None, since: datetime | None
) -> TodoItem:
    order, command = view.order, command_for(view, code, subject)
    if code is AttentionCode.REFUND_FAILED:
        command = f"checkout orders refund {order.number}" + (f" --amount {amount}" if amount else "")
    elif command == f"checkout orders explain {order.number}":
        command = f"checkout orders ack {order.number} {code.value}"
    return _of_order(
        order,
        kind=code.value,
        subject=subject,
        description=ATTENTION_DESCRIPTIONS[code].format(subject=words),
        next=_NEXT.get(code, "Nothing: a person must decide."),
        since=since or order.updated_at,
        command=command,
        amount=amount,
    )


def _disputes(view: OrderView, settings: Settings, now: datetime) -> Iterator[TodoItem]:
    """Yield the disputes that wait for an answer. Their command is never `orders ack`, which answers nothing."""
    order = view.order
    for dispute in concerned(view, _DISPUTE):
        assert isinstance(dispute, DisputeLine)
        over = dispute.due_by is not None and dispute.due_by <= now
        advice = dispute_advice(dispute.id, dispute.status, order.number, over=over)
        reason = f", reason {dispute.reason.replace('_', ' ')}" if dispute.reason else ""
        yield replace(
            _of_order(
                order,
                kind=_DISPUTE.value,
                subject=dispute.id,
                description=f"The dispute {dispute.id} waits for an answer{reason}",
                next=f"{advice.action} {advice.otherwise}",
                since=order.updated_at,
                command=advice.command or f"checkout orders explain {order.number}",
                amount=order.amount_total if dispute.amount is None else dispute.amount,
            ),
            page=dispute_url(settings.stripe_api_base, dispute.id, dispute.payment_id, livemode=order.livemode),
            due_by=dispute.due_by,
            currency=dispute.currency or order.currency,
        )


def _stuck(row: asyncpg.Record, now: datetime) -> TodoItem:
    order = in_utc(_ORDER.decode(row["order"]))
    session_id: str | None = row["session_id"]
    if session_id is not None:
        what = f"Its session {session_id} should have ended, and nothing has arrived about it"
    else:
        what = "It has been processing for longer than any bank debit takes"
    item = _of_order(
        order,
        kind="order_stuck",
        subject=session_id or order.id,
        description=what,
        next="A running daemon asks Stripe about it every minute." if session_id else "Stripe reports when it ends.",
        since=row["since"].astimezone(UTC),
        command=f"checkout sessions sync {order.number}",
        amount=order.amount_total,
    )
    return _cared_for(item, row, now)


def _drifted(row: asyncpg.Record, now: datetime) -> TodoItem:
    order, found = in_utc(_ORDER.decode(row["order"])), decode_drift(row["differences"])
    first, fixable = found[0], any(one.fixable for one in found)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    item = _of_order(
        order,
        kind="order_drifted",
        subject=order.id,
        description=f"It differs from Stripe: {first.field} of {first.object_id} is {first.stored or 'nothing'} here, "
        f"and {first.at_stripe or 'nothing'} at Stripe{more}",
        next="Nothing, until Stripe reports about it again." if fixable else "Nothing: it cannot be merged.",
        since=row["found_at"].astimezone(UTC),
        command=f"checkout {'sessions sync' if fixable else 'orders show'} {order.number}",
        amount=order.amount_total,
        count=len(found),
    )
    return _cared_for(item, row, now)


def _unshipped(row: asyncpg.Record, now: datetime) -> TodoItem:
    order = in_utc(_ORDER.decode(row["order"]))
    how = " to ".join(filter(None, (row["label"], row["country"])))
    item = _of_order(
        order,
        kind="order_unshipped",
        subject=order.id,
        description=f"It is paid and must be sent{f': {how}' if how else ''}",
        next="The customer waits, and hears nothing until it is marked as shipped.",
        since=order.paid_at or order.created_at,
        command=f"checkout orders ship {order.number}",
        amount=order.amount_total,
    )
    return _cared_for(item, row, now)


def _of_order(order: Order, **fields: Any) -> TodoItem:
    return TodoItem(
        order_id=order.id,
        number=order.number,
        customer=order.customer_name or None,
        currency=order.currency,
        **fields,
    )


def _cared_for(item: TodoItem, row: asyncpg.Record, now: datetime) -> TodoItem:
    """Return the item with its order's owner, snooze and last note."""
    care = _Care() if row["care"] is None else _CARE.decode(row["care"])
    note, note_by, note_at = (None, None, None) if row["remark"] is None else _REMARK.decode(row["remark"])
    asleep = care.snoozed_until is not None and care.snoozed_until > now and item.key in care.snoozed
    return replace(
        item,
        owner=care.owner,
        snoozed_until=care.snoozed_until if asleep and care.snoozed_until else None,
        note=note,
        note_by=note_by,
        note_at=None if note_at is None else note_at.astimezone(UTC),
    )
