"""What the order screen shows: everything about an order, read together, and its facts as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from checkout_daemon.database.reading import Reads
from checkout_daemon.events.event_lists import read_unapplied
from checkout_daemon.model.events import EventLine
from checkout_daemon.orders.caring import Care, read_care
from checkout_daemon.orders.explaining import Finding, explain_order
from checkout_daemon.orders.history import History, read_history
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_items import items_text
from checkout_daemon.outbox.listing import all_messages
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import Subject, attention_words, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.settings import Settings

from .context import AppContext
from .texts import hanging, short_id
from .theme import COLOURS

_MOST_MESSAGES = 200

Colour = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class OrderDetails:
    """An order with its messages, its history, and the findings that explain its status.

    `unapplied`: the failed and dead events that name it, newest first.
    """

    view: OrderView
    messages: tuple[MessageLine, ...]
    findings: tuple[Finding, ...]
    history: History
    care: Care
    unapplied: tuple[EventLine, ...] = ()


async def read_order_details(reads: Reads, reference: str, settings: Settings) -> OrderDetails:
    """Read an order by its id or number. Raise NotFound."""
    view = await show_order(reads, reference)
    wanted = MessageFilter(order_id=view.order.id)
    messages = [message async for page in all_messages(reads, wanted, limit=_MOST_MESSAGES) for message in page]
    explanation = await explain_order(reads, view.order.id, settings.time_zone, settings.stripe_api_base)
    history = await read_history(reads, view.order.id)
    care = await read_care(reads, view.order.id)
    unapplied = await read_unapplied(reads, view.order.id)
    return OrderDetails(view, tuple(messages), explanation.findings, history, care, tuple(unapplied))


def headline(details: OrderDetails, colour: Colour) -> Text:
    """Return the order's number, status, total and attention codes."""
    order = details.view.order
    status_colour = colour(COLOURS[tone("order", order.status)])
    text = Text.assemble(
        (f"Order {order.number}", "bold"), "   ",
        (words(order.status), f"bold {status_colour}"), "   ",
        (money(order.amount_total, order.currency), "bold"),
    )  # fmt: skip
    if order.attention:
        text.append(f"   ! {attention_words(order.attention)}", f"bold {colour('error')}")
    return text


def _send_to(view: OrderView, context: AppContext) -> list[str]:
    """Return how and where the order is sent; the lines of the address as a masked name."""
    sent = view.shipping
    if sent is None:
        return []
    how = ", ".join(filter(None, (sent.label, sent.estimate)))
    return [plain(how), *(context.name(plain(line)) for line in sent.address.lines())]


def _shipped(view: OrderView, at: str, context: AppContext) -> str:
    sent = view.shipping
    tracking = context.name(sent.tracking_number) if sent and sent.tracking_number else ""
    return "  ".join(filter(None, (at, plain(sent.carrier) if sent else "", tracking)))


def facts(details: OrderDetails, context: AppContext, colour: Colour, room: int) -> Text:
    """Return the order's facts in sections, omitting empty ones, for so many columns.

    Ids are shortened here, and copied whole.
    """
    view, order, muted = details.view, details.view.order, colour("muted")
    care = details.care

    def at(time: datetime | None) -> str:
        return clock(time, context.time_zone)

    def status(subject: Subject, value: str) -> tuple[str, str]:
        return words(value), colour(COLOURS[tone(subject, value)])

    bought = view.public_items if context.masked else view.items
    items = [f"{item.quantity} × {plain(item.name)}  {money(item.amount, order.currency)}" for item in bought]
    if order.amount_discount:
        code = f" {plain(order.discount_code)}" if order.discount_code else ""
        items.append(f"less {money(order.amount_discount, order.currency)}{code}")
    paid_with = [plain(charge.name) for charge in view.charges if charge.status == "succeeded"]
    text = Text()
    for name, fact in (
        ("Customer", context.customer(order)),
        ("Email", context.name(order.customer_email)),
        ("Phone", context.phone(order.customer_phone) if order.customer_phone else ""),
        *(("" if place else "Items", item) for place, item in enumerate(items)),
        *(("" if place else "Send to", line) for place, line in enumerate(_send_to(view, context))),
        ("Created", f"{at(order.created_at)}  {'live' if order.livemode else 'test'}"),
        ("Paid", f"{at(order.paid_at)}  {', '.join(paid_with)}".rstrip() if order.paid_at else ""),
        ("Shipped", _shipped(view, at(order.shipped_at), context) if order.shipped_at else ""),
        ("Owner", plain(care.owner or "")),
        ("Snoozed", f"until {at(care.snoozed_until)}" if care.snoozed_until else ""),
        ("Refunded", money(order.amount_refunded, order.currency) if order.amount_refunded else ""),
        ("Imported", f"from {plain(order.imported_from)}" if order.imported_from else ""),
        ("Id", order.id),
    ):
        if fact:
            text.append(f"{name:<9}", muted).append(f"{hanging(fact, ' ' * 9, room, first='')}\n")
    _section(text, "Sessions", muted, (
        Text.assemble(
            status("session", session.status), ", ", status("payment_status", session.payment_status),
            f", until {at(session.expires_at)}" if session.status == "open" else "", f"\n  {short_id(session.id)}",
        )
        for session in reversed(view.sessions)
    ))  # fmt: skip
    _section(text, "Payments", muted, (
        f"{money(payment.amount, payment.currency)}  {'valid' if payment.valid else '! not valid'}"
        f"  {at(payment.paid_at)}\n  {short_id(payment.id)}"
        for payment in view.payments
    ))  # fmt: skip
    _section(text, "Charges", muted, (
        Text.assemble(
            f"{plain(charge.described)}  ", status("charge", charge.status), f"\n  {at(charge.created_at)}",
            f", {plain(charge.risk)}" if charge.risk else "",
            f"\n  {plain(charge.declined)}" if charge.declined else "", f"\n  {short_id(charge.id)}",
        )
        for charge in view.charges
    ))  # fmt: skip
    _section(text, "Refunds", muted, (
        Text.assemble(
            f"{money(refund.amount, refund.currency)}  ", status("refund", refund.status),
            f"  {at(refund.created_at)}\n  {short_id(refund.id)}",
            f"\n  {plain(items_text(refund.items))}" if refund.items else "",
        )
        for refund in view.refunds
    ))  # fmt: skip
    _section(text, "Disputes", muted, (
        Text.assemble(
            f"{money(dispute.amount, dispute.currency)}  ", status("dispute", dispute.status),
            f"\n  {words(plain(dispute.reason))}" if dispute.reason else "",
            f"\n  respond by {at(dispute.due_by)}" if dispute.due_by else "",
            f"\n  funds {dispute.funds}" if dispute.funds else "", f"\n  {short_id(dispute.id)}",
        )
        for dispute in view.disputes
    ))  # fmt: skip
    _section(text, "Fraud warnings", muted, (
        Text.assemble(
            f"{money(warning.amount, warning.currency)}  ", words(plain(warning.fraud_type or "")),
            f"\n  {at(warning.created_at)}", "" if warning.actionable else "\n  no longer actionable",
            f"\n  decided: {warning.decision}" if warning.decision else "", f"\n  {short_id(warning.id)}",
        )
        for warning in view.fraud_warnings
    ))  # fmt: skip
    return text


def _section(text: Text, title: str, muted: str, lines: Iterable[Text | str]) -> None:
    for index, line in enumerate(lines):
        if index == 0:
            text.append(f"\n{title}\n", muted)
        text.append("  ").append(line).append("\n")


def copies(details: OrderDetails) -> list[tuple[str, str]]:
    """Return names and texts that are worth copying, with the newest session and payment first."""
    view, order = details.view, details.view.order
    found = [("number", str(order.number)), ("order id", order.id)]
    sessions = list(reversed(view.sessions))
    found += [("payment link", session.url) for session in sessions if session.status == "open" and session.url]
    found += [("session", session.id) for session in sessions]
    # view.payments has a line for each amount that was reported of a payment.
    payment_ids = dict.fromkeys(payment.id for payment in reversed(view.payments))
    found += [("payment", payment_id) for payment_id in payment_ids]
    found += [("refund", refund.id) for refund in reversed(view.refunds)]
    found += [("fraud warning", warning.id) for warning in reversed(view.fraud_warnings)]
    found += [("dispute", dispute.id) for dispute in reversed(view.disputes)]
    found.append(("email", order.customer_email))
    return found
