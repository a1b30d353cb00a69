"""Corrects an order's email or phone: asks for them, shows what follows, and does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.correcting import Contact, Correction, check_contact, correct_order, plan_correction
from checkout_daemon.present.text import counted, words

from .forms import FillIn, Values

if TYPE_CHECKING:
    from .order_actions import OrderActions


async def correct(screen: OrderActions, order: Order) -> None:
    """Ask for the right email and phone, confirm, and correct the order."""
    context = screen.app_context
    # While personal data is masked, nobody may read over the operator's shoulder what is there.
    email, phone = ("", "") if context.masked else (order.customer_email, order.customer_phone)
    kept = " (empty: unchanged)" if context.masked else ""
    lines = ((f"Email{kept}", email), (f"Phone{kept}", phone), ("Why, for the history", ""))
    filled = await screen.app.push_screen_wait(FillIn("Correct", lines, check=lambda values: _fault(order, values)))
    if filled is None:
        return
    contact, note = _contact(order, filled), filled[2]
    shown = (
        *(("--email", context.name(contact.email)) if contact.email else ()),
        *(("--phone", context.phone(contact.phone)) if contact.phone else ()),
        *(("--note", note) if note else ()),
    )
    async with screen.doing(screen.command_for("orders", "correct", rest=shown)):
        planned = await plan_correction(context.database, order.id, contact)
        if not await screen.confirm("Correct", _question(screen, planned), yes="Yes, correct"):
            return
        done = await correct_order(context.database, order.id, contact, operator=this_operator(), note=note)
        mailed = f"; {counted(len(done.mails), 'mail')} to the new email" if done.mails else ""
        screen.done(f"Order {done.order.number} has the right {' and '.join(done.fields)}{mailed}")


def _contact(order: Order, values: Values) -> Contact:
    """Return what was changed. Raise InvalidRequest."""
    email, phone = values[0], values[1]
    return check_contact(
        None if email in ("", order.customer_email) else email, None if phone in ("", order.customer_phone) else phone
    )


def _fault(order: Order, values: Values) -> str | None:
    if values[0] in ("", order.customer_email) and values[1] in ("", order.customer_phone):
        return "Neither the email nor the phone is changed."
    try:
        _contact(order, values)
    except InvalidRequest as refusal:
        return refusal.detail
    return None


def _question(screen: OrderActions, planned: Correction) -> str:
    order, context = planned.order, screen.app_context
    values = {"email": context.name(order.customer_email), "phone": context.phone(order.customer_phone)}
    lines = [f"{field}: {values[field]}" for field in planned.fields]
    lines.append("\nWhat the order had before is not kept.")
    if planned.mails:
        lines.append(f"To the new email: {', '.join(map(words, planned.mails))}.")
    if planned.open_sessions:
        lines.append("The open session keeps the old email, which Stripe cannot change: r replaces it.")
    return "\n".join(lines)
