"""The values of a customer's mail: names, amounts and times as the customer's language writes them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from checkout_daemon.messages.outcomes import REFUND_KINDS, NotNeeded, check_still_true, refund_of
from checkout_daemon.messages.rendering import DEFAULT_LANGUAGE, one_line
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.model.text import names_address
from checkout_daemon.orders.order_lists import OrderSession, OrderView
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.settings import Settings
from checkout_daemon.shop.colors import complete

_LONGEST_GREETING = 60
_ACCENT = "#1d1d1b"
_LINK_SIGNS = re.compile(r"[.:/\\@\u3002\uff0e\uff61\uff1a\uff0f\uff20]")


def customer_values(
    settings: Settings, message: ClaimedMessage, view: OrderView, language: str, locale: str | None, now: datetime
) -> dict[str, Any]:
    """Return the values for the message's template. Raise NotNeeded if the message is no longer true.

    `now` is by Stripe's clock, which decides when a session ends.
    """
    place = _place(language, locale)
    order = view.order

    def money(amount: int) -> str:
        return format_money(amount, order.currency, place)

    def time(at: datetime | None) -> str | None:
        return None if at is None else _time(at, place, settings.time_zone)

    values: dict[str, Any] = shop_values(settings, language) | {
        "language": language,
        "name": greeted(order.customer_name),
        "number": order.number,
        "items": [
            {"name": one_line(item.name), "quantity": item.quantity, "amount": money(item.amount)}
            for item in view.items
        ],
        "subtotal": money(order.amount_subtotal),
        "discount": money(-order.amount_discount) if order.amount_discount else None,
        "total": money(order.amount_total),
        "ordered_at": time(order.created_at),
    }
    kind = MessageKind(message.kind)
    check_still_true(order, kind)
    match kind:
        case MessageKind.ORDER_COMPLETED:
            values["paid_at"] = time(order.paid_at)
        case MessageKind.PAYMENT_FAILED:
            if order.status != OrderStatus.FAILED:
                raise NotNeeded(f"the order is {order.status} by now")
            values["url"] = f"{settings.public_url}/cancel?order_id={order.id}"
        case _ if kind in REFUND_KINDS:
            refund = refund_of(view, kind, message.subject_id)
            values["refunded"] = format_money(refund.amount, refund.currency, place)
            values["refunded_in_all"] = money(_refunded(view))
        case MessageKind.SESSION_LINK:
            session = _open_session(message, view, now)
            values |= {"url": session.url, "expires_at": time(session.expires_at)}
        case _:
            raise NotNeeded("customers get no mail of this kind")
    return values


def shop_values(settings: Settings, language: str) -> dict[str, Any]:
    """Return what every mail has of the shop: its name, address, links, and the colours of its buttons."""
    shop = settings.shop
    labels = shop.link_labels(language)
    colors = complete(shop.light, dark=False)
    return {
        "shop": one_line(settings.shop_name),
        "public_url": settings.public_url,
        "shop_links": [
            {"label": labels[name], "url": settings.public_url + url if url.startswith("/") else url}
            for name, url in shop.links.items()
        ],
        "accent": colors.get("accent", _ACCENT),
        "on_accent": colors.get("on_accent", "#ffffff"),
    }


def greeted(name: str) -> str:
    """Return a customer's name as mails print it: short, and without anything that a mail program makes a link of.

    Anybody may order with any name and a stranger's address, so the shop's mail must not carry a message in the name.
    """
    name = one_line(name)
    if names_address(name):  # stored before such names were refused
        name = " ".join(_LINK_SIGNS.sub(" ", name).split())
    return name if len(name) <= _LONGEST_GREETING else name[: _LONGEST_GREETING - 1].rstrip() + "…"


def _refunded(view: OrderView) -> int:
    """Return the sum of the refunds that succeeded. Those that are pending or wait for the customer do not count."""
    valid = {payment.id for payment in view.payments if payment.valid}
    return sum(refund.amount for refund in view.refunds if refund.payment_id in valid and refund.status == "succeeded")


def _open_session(message: ClaimedMessage, view: OrderView, now: datetime) -> OrderSession:
    order = view.order
    if order.status != OrderStatus.PENDING or any(code.endswith("_mismatch") for code in order.attention):
        raise NotNeeded(f"the order is {order.status} by now, and must not be paid by this link")
    session_id = msgspec.json.decode(message.payload or "{}").get("session_id")
    for session in view.sessions:
        if session.id == session_id and session.status == "open" and session.url:
            if session.expires_at is not None and session.expires_at <= now:
                break
            return session
    raise NotNeeded("the session of this link is over")


def _place(language: str, locale: str | None) -> str:
    """Return the locale for amounts and times: the customer's, if it has the mail's language, else the language's."""
    from babel import Locale, UnknownLocaleError

    wanted = [locale] if locale and locale.partition("-")[0] == language.partition("-")[0] else []
    for tag in (*wanted, language):
        try:
            return str(Locale.parse(tag, sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
    return DEFAULT_LANGUAGE


def _time(time: datetime, place: str, time_zone: str) -> str:
    """Return a time to the minute with its time zone: 1 July 2026, 12:00 CEST."""
    from babel.dates import format_date, format_time, get_timezone_name

    local = time.astimezone(ZoneInfo(time_zone))
    clock = format_time(local, "short", tzinfo=local.tzinfo, locale=place)
    return f"{format_date(local, 'long', locale=place)}, {clock} {get_timezone_name(local, 'short', locale=place)}"
