"""What needs a person, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from checkout_daemon.model.payment_names import decline_words, method_name
from checkout_daemon.model.todo import OF_NO_ORDER, TodoItem
from checkout_daemon.present.money import money
from checkout_daemon.present.text import masked as hidden
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age, span


def headline(item: TodoItem, *, masked: bool) -> str:
    """Return `Order 1042  €50.00  Ada Lovelace  dispute needs response`, as far as it is known."""
    parts = [
        f"Order {item.number}" if item.number else "",
        "" if item.amount is None else money(item.amount, item.currency),
        customer(item, masked=masked),
        words(item.kind),
    ]
    return "  ".join(part for part in parts if part)


def customer(item: TodoItem, *, masked: bool) -> str:
    """Return the name of the customer as it may be shown, or an empty text."""
    return "" if item.customer is None else hidden(item.customer) if masked else plain(item.customer)


def deadline(item: TodoItem, now: datetime, time_zone: str) -> str:
    """Return `respond by 15 Dec, in 17 d`; nothing without a deadline."""
    if item.due_by is None:
        return ""
    return f"respond by {day_of(item.due_by, now, time_zone)}, {time_left(item.due_by, now)}"


def time_left(due_by: datetime, now: datetime) -> str:
    """Return `in 17 d`, or `over for 2 d`."""
    left = (due_by - now).total_seconds()
    return f"in {spaced(left)}" if left > 0 else f"over for {spaced(-left)}"


def card(item: TodoItem) -> str:
    """Return the card or account that was charged, such as `Visa 4242`; empty if it is not known."""
    return plain(method_name(item.payment_method, item.card_brand, item.last4))


def declined(item: TodoItem) -> str:
    """Return why the charge was declined: `Your card has insufficient funds (insufficient_funds)`; empty if not."""
    return plain(decline_words(item.decline_message, item.decline_code))


def remarks(item: TodoItem, now: datetime, time_zone: str) -> list[str]:
    """Return the card, its refusal, the owner, the snooze and the last note in words, as far as there are any."""
    found = []
    if name := card(item):
        found.append(f"Card: {name}" if item.payment_method in (None, "card") else f"Payment: {name}")
    if item.decline_code or item.decline_message:
        found.append(f"Declined: {declined(item)}")
    if item.kind in OF_NO_ORDER:
        found.append(f"Name: {plain(item.key)}, for `checkout orders assign` and `snooze`")
    if item.owner:
        found.append(f"Owner: {plain(item.owner)}")
    if item.snoozed_until is not None:
        found.append(f"Snoozed until {day_of(item.snoozed_until, now, time_zone)}")
    if item.note and item.note_at is not None:
        found.append(f"Note of {plain(item.note_by or '')}, {age(item.note_at, now)} ago: {plain(item.note)}")
    return found


def sums(items: Iterable[TodoItem]) -> str:
    """Return `, €1,234.00, $50.00`: the money of the items, by currency, each order's once."""
    largest: dict[tuple[str, str], int] = {}
    for item in items:
        if item.amount is not None and item.currency is not None:
            key = (item.order_id or item.key, item.currency)
            largest[key] = max(largest.get(key, 0), item.amount)
    totals: Counter[str] = Counter()
    for (_, currency), amount in largest.items():
        totals[currency] += amount
    return "".join(f", {money(amount, currency)}" for currency, amount in totals.most_common())


def day_of(time: datetime, now: datetime, time_zone: str) -> str:
    """Return `15 Dec`, with the year if it is not this one, and with the time of day if it is within two days."""
    here, today = time.astimezone(ZoneInfo(time_zone)), now.astimezone(ZoneInfo(time_zone))
    year = f" {here.year}" if here.year != today.year else ""
    clock = f" {here:%H:%M}" if abs((time - now).total_seconds()) < 2 * 86_400 else ""
    return f"{here.day} {here:%b}{year}{clock}"


def spaced(seconds: float) -> str:
    """Return a span as `17 d`."""
    text = span(seconds)
    return f"{text[:-1]} {text[-1]}"
