"""The columns of lists of orders by name: one registry for `--columns`, the terminal's picker, and its own columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime

from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.order_rows import OrderRow, Part
from checkout_daemon.model.orders import Order
from checkout_daemon.model.payment_names import code_words
from checkout_daemon.present.columns import RowColumn, View, alarm, muted, short_card
from checkout_daemon.present.event_columns import short_event
from checkout_daemon.present.money import money, short_money
from checkout_daemon.present.statuses import Tone, attention_words, tone
from checkout_daemon.present.text import masked, plain, words
from checkout_daemon.present.times import age, clock, span

OrderColumn = RowColumn[OrderRow]


def masked_order(order: Order) -> Order:
    """Return an order with its personal data as a masked list shows it."""
    return replace(
        order,
        customer_name=masked(order.customer_name) if order.customer_name else "",
        customer_email=masked(order.customer_email) if order.customer_email else "",
        customer_phone=_masked_phone(order.customer_phone),
    )


def masked_row(row: OrderRow) -> OrderRow:
    """Return a row with the personal data of its order masked."""
    return replace(row, order=masked_order(row.order))


def _masked_phone(phone: str) -> str:
    return f"••••{phone[-2:]}" if phone else ""


def _amount(amount: int, row: OrderRow) -> str:
    return money(amount, row.order.currency) if amount else ""


def _method(row: OrderRow) -> str:
    code = row.paid.card_wallet or row.paid.payment_method
    return plain(code_words(code)) if code else ""


def card(paid: PaidWith) -> str:
    """Return `Visa •••• 4242`, or what is known of it."""
    code = paid.card_brand if paid.card_brand and paid.card_brand != "unknown" else paid.payment_method
    return plain(" ".join(filter(None, (code_words(code) if code else "", f"•••• {paid.last4}" if paid.last4 else ""))))


def _customer(row: OrderRow, view: View) -> str:
    mode = ("TEST " if view.livemode else "LIVE ") if view.livemode not in (None, row.order.livemode) else ""
    return mode + (view.name(row.order.customer_name) or "erased")


def _phone(row: OrderRow, view: View) -> str:
    phone = row.order.customer_phone
    return _masked_phone(phone) if view.masked else plain(phone)


def _updated(row: OrderRow, view: View) -> str:
    return age(row.order.updated_at, view.now)


def _paid(row: OrderRow, view: View) -> str:
    return "" if row.order.paid_at is None else age(row.order.paid_at, view.now)


def _shipped(row: OrderRow, view: View) -> str:
    if row.order.shipped_at is not None:
        return age(row.order.shipped_at, view.now)
    return "" if row.order.amount_shipping is None else "no"


def _items(row: OrderRow) -> str:
    return plain(", ".join(f"{item.quantity} × {item.sku}" for item in row.items))


def _due(row: OrderRow, view: View) -> str:
    if row.due_by is None:
        return ""
    left = (row.due_by - view.now).total_seconds()
    return f"in {span(left)}" if left > 0 else "over"


def _event(row: OrderRow, view: View) -> str:
    event = row.last_event
    return "" if event is None else f"{age(event.received_at, view.now):>4} {plain(event.type)}"


def _short(text: str) -> str:
    return f"{text[:5]}{short_event(text[5:])}"


_ALL: tuple[OrderColumn, ...] = (
    RowColumn("order", "Order", "number", lambda row, _: str(row.order.number), 7, right=True, sort="number"),
    RowColumn("age", "Age", "created_at", lambda row, view: age(row.order.created_at, view.now), 4, right=True,
                sort="created", tone=muted),
    RowColumn("status", "Status", "status", lambda row, _: words(row.order.status), 18, sort="status",
                tone=lambda row: tone("order", row.order.status)),
    RowColumn("total", "Total", "amount_total", lambda row, _: money(row.order.amount_total, row.order.currency), 10,
                18, 1, right=True, sort="amount", short=short_money),
    RowColumn("card", "Card", "last4", lambda row, _: card(row.paid), 15, 24, 1, sort="card", part=Part.CHARGE,
                short=short_card),
    RowColumn("country", "Country", "card_country", lambda row, _: plain(row.paid.card_country or ""), 8,
                sort="country", part=Part.CHARGE, tone=muted),
    RowColumn("method", "Method", "payment_method", lambda row, _: _method(row), 10, 16, 1, sort="method",
                part=Part.CHARGE),
    RowColumn("decline", "Declined", "decline_code", lambda row, _: words(plain(row.paid.decline_code or "")), 18, 28,
                1, sort="decline", part=Part.CHARGE, tone=lambda _: Tone.BAD),
    RowColumn("customer", "Customer", "customer_name", _customer, 12, 40, 3, sort="customer"),
    RowColumn("email", "Email", "customer_email", lambda row, view: view.name(row.order.customer_email), 12, 40, 3,
                sort="email", tone=muted),
    RowColumn("phone", "Phone", "customer_phone", _phone, 15, sort="phone", tone=muted),
    RowColumn("items", "Items", "items", lambda row, _: _items(row), 13, 40, 2, sort="items", part=Part.ITEMS),
    RowColumn("discount", "Discount", "amount_discount", lambda row, _: _amount(row.order.amount_discount, row), 10,
                18, 1, right=True, sort="discount", short=short_money),
    RowColumn("refunded", "Refunded", "amount_refunded", lambda row, _: _amount(row.order.amount_refunded, row), 10,
                18, 1, right=True, sort="refunded", tone=lambda _: Tone.RETURNED, short=short_money),
    RowColumn("currency", "Cur", "currency", lambda row, _: row.order.currency.upper(), 4, sort="currency"),
    RowColumn("updated", "Updated", "updated_at", _updated, 8, right=True,
                sort="updated", tone=muted),
    RowColumn("paid", "Paid", "paid_at", _paid, 5, right=True, sort="paid", tone=muted),
    RowColumn("shipped", "Shipped", "shipped_at", _shipped, 8, right=True, sort="shipped", tone=muted),
    RowColumn("owner", "Owner", "owner", lambda row, _: plain(row.owner or ""), 10, 16, 1, sort="owner",
                part=Part.CARE, tone=lambda _: Tone.BUSY),
    RowColumn("deadline", "Respond", "due_by", _due, 8, right=True, sort="deadline", part=Part.DISPUTE, tone=alarm),
    RowColumn("imported", "Imported", "imported_from", lambda row, _: "yes" if row.order.imported_from else "", 9,
                sort="imported", tone=muted),
    RowColumn("event", "Last event", "last_event", _event, 22, 40, 1, sort="event", part=Part.EVENT, tone=muted,
              short=_short),
    RowColumn("attention", "Attention", "attention",
                lambda row, _: f"! {attention_words(row.order.attention)}" if row.order.attention else "", 18, 40, 2,
                sort="attention", tone=alarm),
)  # fmt: skip

COLUMNS: Mapping[str, OrderColumn] = {column.name: column for column in _ALL}
"""Every column by its name."""

FIELDS = tuple(field.name for kind in (Order, PaidWith) for field in fields(kind))
"""The fields of an order, as its JSON has them, of which a column can be made."""


def field_column(name: str, title: str, field: str, width: int = 0) -> OrderColumn:
    """Return a column of one of FIELDS, as wide as its values need if no width is given. Raise KeyError for another."""
    if field not in FIELDS:
        raise KeyError(field)
    of_charge = field not in Order.__dataclass_fields__

    def text(row: OrderRow, view: View) -> str:
        value = getattr(row.paid if of_charge else row.order, field)
        if value is None or value == "":
            return ""
        if isinstance(value, datetime):
            return clock(value, view.time_zone)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if field.startswith("amount"):
            return money(value, row.order.currency)
        if field == "customer_phone":
            return _phone(row, view)
        shown = ", ".join(map(words, value)) if isinstance(value, tuple) else str(value)
        return view.name(shown) if field.startswith("customer") else plain(shown)

    return RowColumn(
        name,
        title,
        field,
        text,
        width or max(len(title) + 1, 8),
        width or 30,
        0 if width else 1,
        right=field.startswith("amount"),
        short=short_money if field.startswith("amount") else None,
        sort=next((column.sort for column in _ALL if column.key == field), ""),
        part=Part.CHARGE if of_charge else None,
    )


def latest_text(row: OrderRow, view: View) -> str:
    """Return why an order needs attention, or else the last event about it: where there is little room, both share."""
    if row.order.attention:
        return f"! {attention_words(row.order.attention)}"
    return "" if row.last_event is None else short_event(plain(row.last_event.type))


LATEST: OrderColumn = RowColumn(
    "latest", "Last event", "last_event", latest_text, 17, 40, 2, sort="event", part=Part.EVENT,
    tone=lambda row: Tone.ALARM if row.order.attention else Tone.MUTED,
)  # fmt: skip
NARROW_STATUS: OrderColumn = replace(
    COLUMNS["status"], least=11, short=lambda text: text.replace("partially refunded", "part refund")
)
"""The status where there is little room: all but one fit into 10 cells, and a name needs more."""


def parts_of(columns: Iterable[OrderColumn]) -> frozenset[Part]:
    """Return the parts of rows that columns need."""
    return frozenset(column.part for column in columns if column.part is not None)
