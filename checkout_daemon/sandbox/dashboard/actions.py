"""The actions of the page. Each returns a sentence about what it did, or raises ApiError and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from checkout_daemon.sandbox.amounts import decimals, money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout import sessions
from checkout_daemon.sandbox.dashboard.states import DISPUTE_KINDS, counted, readable
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.payments import debits, disputing, refunding
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli import listeners
from checkout_daemon.sandbox.webhooks import events


def act(box: Box, name: str, given: Mapping[str, str]) -> str:
    """Run an action in a transaction, and wake the scheduler. Raise ApiError."""
    if name not in ACTIONS:
        raise ApiError(f"Unknown action: {name}.", status=404)
    kind, action = ACTIONS[name]
    try:
        with box.storage.transaction():
            return action(box, box.get(given.get("id", ""), kind, "id"), given)
    finally:
        box.wake.set()


def _expire_session(box: Box, session: Stored, _: Mapping[str, str]) -> str:
    sessions.check_open(session.body)
    sessions.expire(box, session)
    return "The session has expired."


def _resend(box: Box, event: Stored, given: Mapping[str, str]) -> str:
    """Send an event again to one receiver, or to all that want its type now."""
    receivers = [
        endpoint
        for endpoint in box.storage.select("webhook_endpoint", ascending=True)
        if endpoint.body["status"] == "enabled" and (given.get("to") or events.wants(endpoint, event.body["type"]))
    ]
    receivers += listeners.listeners(box)
    if wanted := given.get("to"):
        receivers = [receiver for receiver in receivers if receiver.id == wanted]
        if not receivers:
            raise invalid("Nothing was sent: this receiver no longer exists or is disabled.")
    if not receivers:
        raise invalid("No one would receive it: no endpoint is enabled for this type, and no listener is connected.")
    for receiver in receivers:
        events.plan_delivery(box, event.id, receiver.id)
    return f"Sent again to {counted(len(receivers), 'receiver')}."


def _settle(box: Box, intent: Stored, given: Mapping[str, str]) -> str:
    came = debits.settle_now(box, intent, _choice(given, "outcome", ("succeed", "fail")) == "succeed")
    return "The debit has succeeded." if came else "The debit has failed."


def _refund(box: Box, charge: Stored, given: Mapping[str, str]) -> str:
    """Refund an amount as typed, in the charge's currency."""
    currency = str(charge.body["currency"])
    refund = refunding.create_refund(box, charge, _amount(given.get("amount", ""), currency), None, {})
    return f"{money_text(refund.body['amount'], currency)} refunded."


def _amount(text: str, currency: str) -> int | None:
    if not text.strip():
        return None
    places = decimals(currency)
    example = f"{12:.{places}f}"
    try:
        amount = Decimal(text.strip().replace(",", ".")).scaleb(places)
        whole = amount.is_finite() and 0 < amount < 10**12 and amount == amount.to_integral_value()
    except InvalidOperation:
        whole = False
    if not whole:
        raise invalid(f"{text.strip()[:20]} is not a valid amount in {currency.upper()}. Use the form {example}.")
    return int(amount)


def _fail_refund(box: Box, refund: Stored, _: Mapping[str, str]) -> str:
    if refund.body["status"] not in ("succeeded", "pending", "requires_action"):
        raise invalid(f"This refund can no longer fail: its status is {refund.body['status']}.")
    refunding.fail_refund(box, refund)
    return "The refund has failed. The money was returned."


def _dispute(box: Box, charge: Stored, given: Mapping[str, str]) -> str:
    kind = _choice(given, "kind", DISPUTE_KINDS)
    disputing.open_dispute(box, charge, kind)
    return "The bank has opened an inquiry." if kind == "inquiry" else f"Disputed: {readable(kind).lower()}."


def _answer_dispute(box: Box, dispute: Stored, given: Mapping[str, str]) -> str:
    evidence = given.get("evidence", "").strip()
    if not evidence:
        raise invalid("Enter some evidence first.")
    disputing.answer_dispute(box, dispute, {"uncategorized_text": evidence}, submit=True)
    return "The evidence was submitted to the bank."


def _end_dispute(box: Box, dispute: Stored, given: Mapping[str, str]) -> str:
    won = _choice(given, "outcome", ("won", "lost")) == "won"
    disputing.end_dispute(box, dispute, won)
    if dispute.body["status"] == "warning_closed":
        return "The inquiry is closed."
    return "The dispute is won." if won else "The dispute is lost."


def _appeal(box: Box, dispute: Stored, _: Mapping[str, str]) -> str:
    disputing.appeal_dispute(box, dispute)
    return "The appeal is open and needs a response."


def _escalate(box: Box, dispute: Stored, _: Mapping[str, str]) -> str:
    disputing.escalate_inquiry(box, dispute)
    return "The inquiry has become a dispute."


ACTIONS: Mapping[str, tuple[str, Callable[[Box, Stored, Mapping[str, str]], str]]] = {
    "answer_dispute": ("dispute", _answer_dispute),
    "appeal": ("dispute", _appeal),
    "dispute": ("charge", _dispute),
    "end_dispute": ("dispute", _end_dispute),
    "escalate": ("dispute", _escalate),
    "expire_session": ("checkout.session", _expire_session),
    "fail_refund": ("refund", _fail_refund),
    "refund": ("charge", _refund),
    "resend": ("event", _resend),
    "settle": ("payment_intent", _settle),
}
"""The type of object that each action takes, and its function."""


def read_given(given: Any) -> Mapping[str, str]:
    """Return the JSON object that the page sent. Raise ApiError if its values are not texts."""
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ApiError("An action takes a JSON object whose values are texts.")
    return given


def _choice(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    if (value := given.get(name)) not in choices:
        raise ApiError(f"{name} must be one of {', '.join(choices)}.")
    return value
