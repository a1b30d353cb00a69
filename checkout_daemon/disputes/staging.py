"""Stages the evidence of a dispute from what we hold: order, customer, address, parcel, mails, timeline, policies.

Left out is what only the shop is to know: notes, operators, the risk that Stripe saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from checkout_daemon.disputes.evidence_fields import TEXTS, Evidence
from checkout_daemon.disputes.receipt import Receipt, address_lines, one_line
from checkout_daemon.model.messages import Channel
from checkout_daemon.model.money import format_money
from checkout_daemon.model.text import WORD_MARKS, unusable
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.shop.records import Shop

MAILS = {
    "order.received": "the order was received",
    "order.completed": "confirmation of the order",
    "order.shipped": "the order was sent",
    "order.refunded": "a refund",
    "order.reminder": "reminder of the unpaid order",
    "payment.failed": "a payment failed",
    "refund.requires_action": "a refund needs the customer",
    "refund.pending": "a refund is on its way",
    "refund.canceled": "a refund was canceled",
    "refund.failed": "a refund failed",
    "session.link": "link to pay",
}
"""What a mail of each kind is about, in words for a bank."""
_STATUSES = {
    "completed": "payment received",
    "processing": "payment is being processed",
    "partially_refunded": "refunded in part",
    "refunded": "refunded",
}
_PAID = ("completed", "disputed", "partially_refunded", "refunded")
_REFUNDS = {("completed", "partially_refunded"), ("completed", "refunded"), ("partially_refunded", "refunded")}
"""From these statuses an order returns to others when a dispute ends or a refund fails: nothing was paid again then."""
_SHARE = 0.5
"""The part of a text's limit that a list may take."""


@dataclass(frozen=True, slots=True)
class Policies:
    """How the shop refunds and how an order is canceled, in the shop's own words; empty if it states neither."""

    refund: str = ""
    cancellation: str = ""


def stage_evidence(
    view: OrderView,
    messages: Sequence[MessageLine],
    receipt: Receipt,
    policies: Policies,
    shop: Shop,
    public_url: str,
) -> Evidence:
    """Return the evidence as far as we hold it. Texts that would be too long are cut, where their lines end."""
    order, shipping = view.order, view.shipping
    texts = {
        "customer_name": one_line(order.customer_name),
        "customer_email_address": one_line(order.customer_email),
        "product_description": _items(view),
        "refund_policy_disclosure": _policy(policies.refund, shop, public_url, "returns", "terms"),
        "cancellation_policy_disclosure": _policy(policies.cancellation, shop, public_url, "terms"),
        "uncategorized_text": _story(view, messages, receipt, shop),
    }
    if shipping is None:
        texts["service_date"] = "" if order.paid_at is None else f"{order.paid_at:%Y-%m-%d}"
    else:
        texts |= {
            "shipping_address": "\n".join(address_lines(shipping.address)) if shipping.address.is_known else "",
            "shipping_date": "" if order.shipped_at is None else f"{order.shipped_at:%Y-%m-%d}",
            "shipping_carrier": one_line(shipping.carrier),
            "shipping_tracking_number": one_line(shipping.tracking_number),
        }
    cut = {name: _cut(_usable(text).strip(), TEXTS[name]) for name, text in texts.items()}
    return Evidence({name: cut[name] for name in TEXTS if cut.get(name)})


def _items(view: OrderView) -> str:
    currency = view.order.currency
    return "\n".join(
        f"{item.quantity} x {one_line(item.name)} ({one_line(item.sku)}): {format_money(item.amount, currency)}"
        for item in view.items
    )


def _policy(text: str, shop: Shop, public_url: str, *links: str) -> str:
    """Return a policy, and the shop's page about it."""
    pages = [_address(shop.links[name], public_url) for name in links if name in shop.links]
    return "\n\n".join(filter(None, (text, f"The shop shows this at {pages[0]}" if pages else "")))


def _address(link: str, public_url: str) -> str:
    return f"{public_url}{link}" if link.startswith("/") else link


def _story(view: OrderView, messages: Sequence[MessageLine], receipt: Receipt, shop: Shop) -> str:
    """Return what happened, when, and the receipt."""
    order = view.order
    lines: list[tuple[datetime, str]] = [(order.created_at, f"order {order.number} placed at {one_line(shop.name)}")]
    lines += [
        (change.at, _STATUSES[change.to_status])
        for change in view.changes
        if (change.to_status in _STATUSES and change.from_status not in (change.to_status, *_PAID))
        or (change.from_status, change.to_status) in _REFUNDS
    ]
    if order.shipped_at is not None:
        parcel = " ".join(filter(None, (view.shipping.carrier, view.shipping.tracking_number))) if view.shipping else ""
        lines.append((order.shipped_at, f"sent{f' with {one_line(parcel)}' if parcel else ''}"))
    lines += [
        (message.sent_at, f"mail to the customer: {MAILS[message.kind]}")
        for message in messages
        if message.channel == Channel.MAIL and message.sent_at is not None and message.kind in MAILS
    ]
    timeline = [f"{at:%Y-%m-%d %H:%M}  {text}" for at, text in sorted(lines)]
    parts = ["Timeline (UTC)", *timeline]
    if view.shipping is not None and view.shipping.tracking_url:
        parts += ["", f"The parcel can be followed at {one_line(view.shipping.tracking_url)}"]
    most = int(TEXTS["uncategorized_text"] * _SHARE)
    timeline_text = "\n".join(parts)
    return f"{_cut(timeline_text, most)}\n\nReceipt\n\n{_cut(receipt.text(), most - 20)}"


def _usable(text: str) -> str:
    """Return a text without the characters that check_evidence refuses: a catalog or an import may have them."""
    return "".join(char for char in text if unusable(char, allow="\n\t" + WORD_MARKS) is None)


def _cut(text: str, most: int) -> str:
    """Return at most so many characters of a text, and state what is left out."""
    if len(text) <= most:
        return text
    mark = "\n(cut)"
    return text[: most - len(mark)].rpartition("\n")[0] + mark if "\n" in text[: most - len(mark)] else text[:most]
