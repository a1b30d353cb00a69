"""Compare what a mass of deliveries left behind with what happened at Stripe, to the unit and one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from checkout_daemon.model.messages import Channel, MessageKind
from tests.faults.playing import id_of
from tests.faults.report import Result

if TYPE_CHECKING:
    from tests.faults.deliveries import Shop

_ORDERS = """
SELECT id::text, status, attention, amount_refunded, currency,
       (SELECT coalesce(sum(amount), 0)::bigint FROM payment_observations JOIN payments ON payments.id = payment_id
        WHERE order_id = orders.id) AS charged,
       (SELECT coalesce(sum(amount), 0)::bigint FROM refunds JOIN payments ON payments.id = payment_id
        WHERE order_id = orders.id AND refunds.status IN ('pending', 'succeeded')) AS returned,
       ARRAY(SELECT coalesce(from_status, '-') || ' ' || to_status
             FROM order_changes WHERE order_id = orders.id ORDER BY seq) AS log
FROM orders
"""
_EVENTS = """
SELECT id, status, reason, (SELECT count(*) FROM stripe_event_payloads WHERE event_id = id) AS payloads
FROM stripe_events
"""
_MESSAGES = "SELECT id::text, order_id::text, kind, subject_id, channel, status, last_error FROM outbox"
_OPERATOR = ("operator@example.com",)
_COUNTED = ("balance", "no_order", "unhandled_type")


async def compare(shop: Shop) -> list[Result]:
    """Return what was promised, with counts, and every difference."""
    connection = await asyncpg.connect(shop.server.url())
    orders = {row["id"]: row for row in await connection.fetch(_ORDERS)}
    events = {row["id"]: row for row in await connection.fetch(_EVENTS)}
    messages = await connection.fetch(_MESSAGES)
    await connection.close()
    return [_events(shop, events), _states(shop, orders), _money(shop, orders), _messages(shop, messages)]


def _events(shop: Shop, held: Mapping[str, Any]) -> Result:
    """Compare the events that were acknowledged with those that are stored."""
    lost = shop.delivered.keys() - held.keys()
    faults = [f"event {event} was answered 200 and is not stored" for event in sorted(lost)]
    faults += [f"event {event} is stored and was never answered 200" for event in held.keys() - shop.delivered.keys()]
    foreign = {event_id for event_id in held if held[event_id]["reason"] == "no_order"} - _foreign(shop)
    faults += [f"event {event} found no order" for event in sorted(foreign)]
    for event_id, row in held.items():
        if row["status"] not in ("applied", "ignored") or row["reason"] not in (None, *_COUNTED):
            faults.append(f"event {event_id} is {row['status']}: {row['reason']}")
        if row["payloads"] != 1:
            faults.append(f"event {event_id} has {row['payloads']} payloads")
    faults += [f"a delivery was answered {status}" for status in shop.refusals.keys() - {0, 503}]
    deliveries = shop.delivered.total()
    counts = {
        "deliveries": deliveries, "events": len(held), "duplicates": deliveries - len(shop.delivered),
        "answered 503": shop.refusals[503], "not answered": shop.refusals[0], **shop.faults, "lost": len(lost),
        "applied": sum(row["status"] == "applied" for row in held.values()),
    }  # fmt: skip
    return Result("an event that was answered 200 is stored, once", counts, tuple(faults))


def _foreign(shop: Shop) -> set[str]:
    return {id_of(template, copy) for template in shop.others for copy in range(shop.plan.copies)}


def _states(shop: Shop, orders: Mapping[str, Any]) -> Result:
    """Compare status and attention of each order, and read its log: every change starts where the last one ended."""
    faults: list[str] = []
    counts: Counter[str] = Counter()
    for (life, _), order_id in shop.order_ids.items():
        row, script = orders[order_id], shop.lives[life].script
        counts[row["status"]] += 1
        found, expected = (row["status"], *sorted(row["attention"])), (script.status, *sorted(script.attention))
        if found != expected:
            faults.append(f"order {order_id} ({script.name}) is {found}, at Stripe {expected}")
        steps = [step.split() for step in row["log"]]
        ends = [*(after[0] for after in steps[1:]), row["status"]]
        if [step[1] for step in steps] != ends and (steps or row["status"] != "pending"):
            faults.append(f"the log of order {order_id} is no chain: {row['log']}")
    counts["orders"] = len(shop.order_ids)
    counts["found later"] = len(shop.late)
    return Result("every order is as Stripe has it", dict(counts.most_common()), tuple(faults))


def _money(shop: Shop, orders: Mapping[str, Any]) -> Result:
    """Compare what each order took and returned with Stripe's balance, and the sums by currency."""
    faults: list[str] = []
    ours: Counter[str] = Counter()
    stripes: Counter[str] = Counter()
    for (index, _), order_id in shop.order_ids.items():
        row, life = orders[order_id], shop.lives[index]
        ours[row["currency"]] += row["charged"] - row["returned"]
        stripes[life.currency] += life.charged - life.returned
        shown = 0 if "amount_mismatch" in life.script.attention else life.returned
        found = (row["charged"], row["returned"], row["amount_refunded"])
        if found != (life.charged, life.returned, shown):
            faults.append(f"order {order_id} ({life.script.name}) took, returned and shows {found}, at Stripe "
                          f"{(life.charged, life.returned)}")  # fmt: skip
    if ours != stripes:
        faults.append(f"the orders kept {dict(ours)}, Stripe's balance is {dict(stripes)}")
    return Result("money is conserved to the unit", {f"kept {name}": ours[name] for name in sorted(ours)},
                  tuple(faults))  # fmt: skip


def _messages(shop: Shop, rows: Iterable[Any]) -> Result:
    """Compare what is owed, by Stripe's truth, with the outbox, and the outbox with what the shop's systems got."""
    got: dict[str, Counter[str]] = {
        Channel.WEBHOOK: Counter({message: shop.receiver.tries[message] for message in shop.receiver.taken}),
        Channel.MAIL: Counter(), Channel.ALERT: Counter(),
    }  # fmt: skip
    addressed: dict[str, set[str]] = defaultdict(set)
    for mail in shop.mails.taken:
        kind_of_mail = Channel.ALERT if mail.recipients == _OPERATOR else Channel.MAIL
        message_id = str(mail.mail["Message-ID"]).strip("<>").partition("@")[0]
        got[kind_of_mail][message_id] += 1
        addressed[message_id].update(mail.recipients)
    faults: list[str] = []
    sent: set[tuple[str, str, str, str]] = set()
    owed: dict[str, set[str]] = {channel: set() for channel in got}
    for row in rows:
        message_id, order_id, kind, subject, channel = row[:5]
        name = f"message {message_id}, {kind} {subject} of order {order_id} by {channel}"
        owed[channel].add(message_id)
        if row["status"] not in ("sent", "skipped"):
            faults.append(f"{name} is {row['status']}: {row['last_error']}")
        if row["status"] == "sent":
            if message_id not in got[channel]:
                faults.append(f"{name} is sent and was never received")
            sent.add((order_id, kind, subject, channel))
        if channel == Channel.WEBHOOK and (taken := shop.receiver.taken.get(message_id)):
            if (taken["type"], taken["data"].get("order", {}).get("id")) != (kind, order_id):
                faults.append(f"{name} was received as {taken['type']}")
        elif channel == Channel.MAIL and addressed[message_id] - {f"{order_id}@example.com"}:
            faults.append(f"{name} went to another customer")
    for channel in owed:
        faults += [f"{message} was received and is no message" for message in got[channel].keys() - owed[channel]]
    faults += _missing(shop, sent)
    counts = {f"{channel}s": len(got[channel]) for channel in got}
    counts["received again"] = sum(count - 1 for channel in got for count in got[channel].values())
    return Result("what an order owes is sent, at least once and under one id", counts, tuple(faults))


def _missing(shop: Shop, sent: set[tuple[str, str, str, str]]) -> list[str]:
    """Return the messages that Stripe's truth demands and that were not sent, and the payments that never were."""
    short = {(order_id, kind, subject.partition(":")[0] if kind == "order.attention" else subject, channel)
             for order_id, kind, subject, channel in sent}  # fmt: skip
    failures = {(order_id, channel) for order_id, kind, _, channel in sent if kind == "payment.failed"}
    completed = {order_id for order_id, kind, *_ in sent if kind == "order.completed"}
    faults = []
    for (index, copy), order_id in shop.order_ids.items():
        life = shop.lives[index]
        for kind, subject in life.messages:
            subject += f"x{copy}" if subject.startswith(("re_", "pyr_")) else ""
            # A customer hears of a failed refund only if a mail announced it.
            channels = (Channel.WEBHOOK,) if kind == "refund.failed" else MessageKind(kind).channels
            for channel in channels:
                found = (order_id, channel) in failures if kind == "payment.failed" else (
                    (order_id, kind, subject, channel) in short)  # fmt: skip
                if not found:
                    faults.append(f"order {order_id} ({life.script.name}): {kind} {subject} was not sent by {channel}")
        if order_id in completed and ((not life.charged and life.total) or life.script.status == "pending"):
            faults.append(f"order {order_id} ({life.script.name}) was announced as paid")
    return faults
