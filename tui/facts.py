"""An order's facts as text: what was agreed, by whom, and what Stripe holds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import attention_words, tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.settings import STRIPE_API_BASE, Settings
from tui.context import AppContext
from tui.texts import short_id
from tui.theme import COLOURS

if TYPE_CHECKING:
    from tui.order_details import OrderDetails

Colour = Callable[[str], str]


def headline(whole: OrderDetails, colour: Colour) -> Text:
    """Number, status, total, and what asks for attention."""
    order = whole.view.order
    status_colour = colour(COLOURS[tone("order", order.status)])
    text = Text.assemble(
        (f"Order {order.number}", "bold"), "   ",
        (words(order.status), f"bold {status_colour}"), "   ",
        (money(order.amount_total, order.currency), "bold"),
    )  # fmt: skip
    if order.attention:
        text.append(f"   ! {attention_words(order.attention)}", f"bold {colour('error')}")
    return text


def facts(whole: OrderDetails, context: AppContext, colour: Colour) -> Text:
    """Sections, without those that are empty. Long ids are shortened: what is copied is whole."""
    view, order, muted = whole.view, whole.view.order, colour("muted")

    def at(time: datetime | None) -> str:
        return clock(time, context.time_zone)

    text = Text()
    for name, fact in (
        ("Customer", context.customer(order)),
        ("Contact", f"{context.name(order.customer_email)}  {context.phone(order.customer_phone)}".strip()),
        ("Made", f"{at(order.created_at)}  {'live' if order.livemode else 'test'}"),
        ("Paid", at(order.paid_at) if order.paid_at else ""),
        ("Refunded", money(order.amount_refunded, order.currency) if order.amount_refunded else ""),
        ("Id", order.id),
    ):
        if fact:
            text.append(f"{name:<9}", muted).append(f"{fact}\n")
    _section(text, "Items", muted, (
        f"{each.quantity} × {plain(each.name)}  {money(each.amount, order.currency)}" for each in view.items
    ))  # fmt: skip
    if order.amount_discount:
        code = f" {plain(order.discount_code)}" if order.discount_code else ""
        text.append(f"  less {money(order.amount_discount, order.currency)}{code}\n")
    _section(text, "Sessions", muted, (
        f"{words(each.status)}, {words(each.payment_status)}"
        + (f", until {at(each.expires_at)}" if each.status == "open" else "")
        + f"\n  {short_id(each.id)}"
        for each in reversed(view.sessions)
    ))  # fmt: skip
    _section(text, "Payments", muted, (
        f"{money(each.amount, each.currency)}  {'valid' if each.valid else '! not valid'}  {at(each.paid_at)}"
        f"\n  {short_id(each.id)}"
        for each in view.payments
    ))  # fmt: skip
    _section(text, "Refunds", muted, (
        f"{money(each.amount, each.currency)}  {words(each.status)}  {at(each.created_at)}\n  {short_id(each.id)}"
        for each in view.refunds
    ))  # fmt: skip
    _section(text, "Disputes", muted, (
        f"{money(each.amount, each.currency)}  {words(each.status)}"
        + (f", respond by {at(each.due_by)}" if each.due_by else "")
        + (f", funds {each.funds}" if each.funds else "")
        + f"\n  {short_id(each.id)}"
        for each in view.disputes
    ))  # fmt: skip
    return text


def _section(text: Text, title: str, muted: str, lines: Iterable[str]) -> None:
    for place, line in enumerate(lines):
        if place == 0:
            text.append(f"\n{title}\n", muted)
        text.append(f"  {line}\n")


def copies(whole: OrderDetails) -> list[tuple[str, str]]:
    """What one may want to copy: a name and the text, newest session and payment first."""
    view, order = whole.view, whole.view.order
    found = [("number", str(order.number)), ("order id", order.id)]
    found += [("payment link", each.url) for each in reversed(view.sessions) if each.status == "open" and each.url]
    found += [("session", each.id) for each in reversed(view.sessions)]
    found += [("payment", each) for each in dict.fromkeys(each.id for each in reversed(view.payments))]
    found += [("refund", each.id) for each in reversed(view.refunds)]
    found += [("dispute", each.id) for each in reversed(view.disputes)]
    found.append(("email", order.customer_email))
    return found


def dashboard_url(settings: Settings, object_id: str, *, livemode: bool) -> str:
    """Return the page of Stripe's dashboard for a payment or session; the sandbox has pages of its own."""
    if settings.stripe_api_base != STRIPE_API_BASE:
        page = "payments" if object_id.startswith("pi_") else "sessions"
        return f"{settings.stripe_api_base}/#/{page}/{object_id}"
    test = "" if livemode else "test/"
    path = f"payments/{object_id}" if object_id.startswith("pi_") else f"search?query={object_id}"
    return f"https://dashboard.stripe.com/{test}{path}"
