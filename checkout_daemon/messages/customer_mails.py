"""What a customer's mail is filled with: names, amounts and times as their language writes them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from checkout_daemon.messages.rendering import DEFAULT_LANGUAGE, one_line
from checkout_daemon.messages.sending import REFUND_KINDS, NotNeeded, check_still_so, refund_of
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.model.text import names_address
from checkout_daemon.orders.order_lists import OrderSession, OrderView
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.settings import Settings

_LONGEST_GREETING = 60
_LINK_SIGNS = re.compile(r"[.:/\\@\u3002\uff0e\uff61\uff1a\uff0f\uff20]")


def customer_values(
    settings: Settings, message: ClaimedMessage, view: OrderView, language: str, locale: str | None, now: datetime
) -> dict[str, Any]:
    """Return the values for the message's template. Raises NotNeeded if what it would say is no longer true.

    `now` is by Stripe's clock, by which sessions end.
    """
    place = _place(language, locale)
    order = view.order

    def money(amount: int) -> str:
        return format_money(amount, order.currency, place)

    values: dict[str, Any] = {
        "language": language,
        "shop": one_line(settings.shop_name),
        "public_url": settings.public_url,
        "name": greeted(order.customer_name),
        "number": order.number,
        "items": [{"name": each.name, "quantity": each.quantity, "amount": money(each.amount)} for each in view.items],
        "subtotal": money(order.amount_subtotal),
        "discount": money(-order.amount_discount) if order.amount_discount else None,
        "total": money(order.amount_total),
        "ordered_at": _time(order.created_at, place, settings.time_zone),
    }
    kind = MessageKind(message.kind)
    check_still_so(order, kind)
    match kind:
        case MessageKind.ORDER_COMPLETED:
            values["paid_at"] = None if order.paid_at is None else _time(order.paid_at, place, settings.time_zone)
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
            values["url"] = session.url
            values["expires_at"] = (
                None if session.expires_at is None else _time(session.expires_at, place, settings.time_zone)
            )
        case _:
            raise NotNeeded("customers hear nothing of it")
    return values


def greeted(name: str) -> str:
    """Return a customer's name as mails print it: short, and nothing that a mail program makes a link of.

    Anybody may order with any name and anybody's address: the shop's mail must not carry a message of theirs.
    """
    name = one_line(name)
    if names_address(name):  # from before names were refused for it
        name = " ".join(_LINK_SIGNS.sub(" ", name).split())
    return name if len(name) <= _LONGEST_GREETING else name[: _LONGEST_GREETING - 1].rstrip() + "…"


def _refunded(view: OrderView) -> int:
    """Return what has been given back; refunds that are on their way, or wait for the customer, have not."""
    valid = {each.id for each in view.payments if each.valid}
    return sum(each.amount for each in view.refunds if each.payment_id in valid and each.status == "succeeded")


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
    """Where amounts and times are written as the customer knows them: their locale, if it is of the mail's language."""
    from babel import Locale, UnknownLocaleError

    wanted = [locale] if locale and locale.partition("-")[0] == language.partition("-")[0] else []
    for tag in (*wanted, language):
        try:
            return str(Locale.parse(tag, sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
    return DEFAULT_LANGUAGE


def _time(time: datetime, place: str, time_zone: str) -> str:
    """To the minute, with the time zone's name: 1 July 2026, 12:00 CEST."""
    from babel.dates import format_date, format_time, get_timezone_name

    local = time.astimezone(ZoneInfo(time_zone))
    clock = format_time(local, "short", tzinfo=local.tzinfo, locale=place)
    return f"{format_date(local, 'long', locale=place)}, {clock} {get_timezone_name(local, 'short', locale=place)}"
