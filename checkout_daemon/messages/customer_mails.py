"""The values of a customer's mail: names, amounts and times as the customer's language writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from checkout_daemon.messages.outcomes import REFUND_KINDS, NotNeeded, check_still_true, refund_of
from checkout_daemon.messages.rendering import one_line
from checkout_daemon.messages.words import words_in
from checkout_daemon.model.locale import direction_of, known_locale
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.model.money import format_money
from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.model.text import names_address
from checkout_daemon.orders.order_lists import OrderSession, OrderView
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.settings import Settings
from checkout_daemon.shop.colors import complete, for_dark

_LONGEST_GREETING = 60
# As on the storefront of a shop without colours of its own.
_ACCENT, _DARK_ACCENT, _ON_DARK_ACCENT = "#2d5a4a", "#9ccbb6", "#14231d"
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
        "discount": _less(money(order.amount_discount)) if order.amount_discount else None,
        "total": money(order.amount_total),
        "sums": _sums(view, settings, language, place, money),
        "address": _address(view),
        "ordered_at": time(order.created_at),
        # The order's id is random and long: whoever has the link may see the order, and nobody guesses it.
        "order_url": f"{settings.public_url}/success?order_id={order.id}",
    }
    kind = MessageKind(message.kind)
    check_still_true(order, kind)
    match kind:
        case MessageKind.ORDER_COMPLETED:
            values |= {"paid_at": time(order.paid_at), "paid_with": _paid_with(view), "free": order.amount_total == 0}
        case MessageKind.ORDER_RECEIVED:
            pass
        case MessageKind.ORDER_SHIPPED:
            sent = view.shipping
            for name in ("carrier", "tracking_number", "tracking_url"):
                values[name] = "" if sent is None else one_line(getattr(sent, name))
        case MessageKind.ORDER_REMINDER:
            values["url"] = values["order_url"]
        case MessageKind.PAYMENT_FAILED:
            if order.status != OrderStatus.FAILED:
                raise NotNeeded(f"the order is {order.status} by now")
            values["url"] = f"{settings.public_url}/cancel?order_id={order.id}"
        case _ if kind in REFUND_KINDS:
            refund = refund_of(view, kind, message.subject_id)
            values["refunded"] = format_money(refund.amount, refund.currency, place)
            values["refunded_in_all"] = money(_refunded(view))
            values["paid_in_all"] = money(sum(payment.amount or 0 for payment in view.payments if payment.valid))
            values["paid_with"] = _paid_with(view, refund.payment_id)
            names = {item.sku: one_line(item.name) for item in view.items}
            values["refunded_items"] = [
                {"name": names.get(item.sku, item.sku), "quantity": item.quantity} for item in refund.items
            ]
        case MessageKind.SESSION_LINK:
            session = _open_session(message, view, now)
            values |= {"url": session.url, "expires_at": time(session.expires_at)}
        case _:
            raise NotNeeded("customers get no mail of this kind")
    return values


def shop_values(settings: Settings, language: str) -> dict[str, Any]:
    """Return what every mail has of the shop: its name, address, links, and the colours of its buttons.

    `direction` is that of the language, ltr or rtl. CLDR does not know every language that a shop has texts in.
    """
    shop = settings.shop
    directions = (shop.texts_in(language.partition("-")[0])["language"]["direction"], direction_of(language))
    labels = shop.link_labels(language)
    colors = complete(shop.light, dark=False)
    dark = complete({**for_dark(shop.light), **shop.dark}, dark=True)
    return {
        "shop": one_line(settings.shop_name),
        "public_url": settings.public_url,
        "direction": "rtl" if "rtl" in directions else "ltr",
        "shop_links": [
            {"label": labels[name], "url": settings.public_url + url if url.startswith("/") else url}
            for name, url in shop.links.items()
        ],
        "accent": colors.get("accent", _ACCENT),
        "on_accent": colors.get("on_accent", "#ffffff"),
        "dark_accent": dark.get("accent", _DARK_ACCENT),
        "on_dark_accent": dark.get("on_accent", _ON_DARK_ACCENT),
        "seller": shop.seller,
        "words": words_in(language, settings.mail_templates),
    }


def _sums(
    view: OrderView, settings: Settings, language: str, place: str, money: Callable[[int], str]
) -> list[dict[str, str]]:
    """Return the lines below the items: `label`, `amount` and `kind`, which is total, tax or empty."""
    order, words, tax = view.order, words_in(language, settings.mail_templates), settings.shop.tax
    sums = [("", words["total"], money(order.amount_total))]
    if order.amount_shipping is not None:
        label = f"{words['shipping']}: {one_line(view.shipping.label)}" if view.shipping else words["shipping"]
        sums.insert(0, ("", label, money(order.amount_shipping)))
    if order.amount_discount:
        label = " ".join(filter(None, (words["discount"], one_line(order.discount_code or ""))))
        sums.insert(0, ("", label, _less(money(order.amount_discount))))
    if len(sums) > 1:
        sums.insert(0, ("", words["subtotal"], money(order.amount_subtotal)))
    sums[-1] = ("total", *sums[-1][1:])
    name = tax.label.text(language) if tax is not None else ""
    for line in view.taxes:
        label = " ".join(filter(None, (name, f"({_percent(line.percent, place)} %)")))
        sums.append(("tax", words["tax"].format(amount=money(line.amount), label=label), ""))
    return [{"kind": kind, "label": label, "amount": amount} for kind, label, amount in sums]


def _address(view: OrderView) -> list[str]:
    """Return the lines of the address, without anything that a mail program makes a link of; none if it is unknown."""
    if view.shipping is None or not view.shipping.address.is_known:
        return []
    return [_unlinked(line) for line in view.shipping.address.lines()]


def _paid_with(view: OrderView, payment_id: str | None = None) -> str:
    """Return the card or account that paid, such as `Visa 4242`, or the empty text if it is not known."""
    valid = {payment.id for payment in view.payments if payment.valid}
    for charge in view.charges:
        if charge.status == "succeeded" and charge.payment_id in valid and payment_id in (None, charge.payment_id):
            return one_line(charge.name)
    return ""


def _less(amount: str) -> str:
    return f"−{amount}"


def _percent(percent: Decimal, place: str) -> str:
    from babel.numbers import format_decimal

    return str(format_decimal(percent.normalize(), locale=place))


def greeted(name: str) -> str:
    """Return a customer's name as mails print it: short, and without anything that a mail program makes a link of.

    Anybody may order with any name and a stranger's address, so the shop's mail must not carry a message in the name.
    """
    name = _unlinked(name)
    return name if len(name) <= _LONGEST_GREETING else name[: _LONGEST_GREETING - 1].rstrip() + "…"


def _unlinked(text: str) -> str:
    """Return a customer's text in one line, without anything that a mail program makes a link of."""
    text = one_line(text)
    if names_address(text):  # a street, or a name that was stored before such names were refused
        text = " ".join(_LINK_SIGNS.sub(" ", text).split())
    return text


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
    if locale and locale.partition("-")[0] == language.partition("-")[0]:
        return known_locale(locale, language)
    return known_locale(language)


def _time(time: datetime, place: str, time_zone: str) -> str:
    """Return a time to the minute with its time zone: 1 July 2026, 12:00 CEST."""
    from babel.dates import format_date, format_time, get_timezone_name

    local = time.astimezone(ZoneInfo(time_zone))
    clock = format_time(local, "short", tzinfo=local.tzinfo, locale=place)
    zone = get_timezone_name(local, "short", locale=place)
    if zone[:1] in "+-" or zone.startswith(("GMT", "UTC")):  # CLDR has no abbreviation in English, the zone has
        name = local.tzname() or zone
        zone = name if name.isalpha() else zone
    return f"{format_date(local, 'long', locale=place)}, {clock} {zone}"
