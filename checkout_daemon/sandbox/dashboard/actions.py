"""The actions of the page. Each returns a sentence about what it did, or raises ApiError and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from checkout_daemon.sandbox.amounts import decimals, money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout import sessions
from checkout_daemon.sandbox.dashboard.states import counted, readable
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.payments import debits, disputing, refunding
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli import listeners
from checkout_daemon.sandbox.webhooks import events

_KINDS = ("fraudulent", "product_not_received", "inquiry")


def act(box: Box, name: str, given: Mapping[str, str]) -> str:
    """Run an action in a transaction, and wake the scheduler. Raises ApiError."""
    action = ACTIONS.get(name)
    if action is None:
        raise ApiError(f"Unknown action: {name}.", status=404)
    try:
        with box.storage.transaction():
            return action(box, given)
    finally:
        box.wake.set()


def _expire_session(box: Box, given: Mapping[str, str]) -> str:
    session = _object(box, given, "checkout.session")
    sessions.check_open(session.body)
    sessions.expire(box, session)
    return "The session has expired."


def _resend(box: Box, given: Mapping[str, str]) -> str:
    """Send an event again to one receiver, or to all that want its type now."""
    event = _object(box, given, "event")
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


def _settle(box: Box, given: Mapping[str, str]) -> str:
    intent = _object(box, given, "payment_intent")
    came = debits.settle_now(box, intent, _choice(given, "outcome", ("succeed", "fail")) == "succeed")
    return "The debit has succeeded." if came else "The debit has failed."


def _refund(box: Box, given: Mapping[str, str]) -> str:
    """Refund an amount as typed, in the charge's currency."""
    charge = _object(box, given, "charge")
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


def _fail_refund(box: Box, given: Mapping[str, str]) -> str:
    refund = _object(box, given, "refund")
    if refund.body["status"] not in ("succeeded", "pending", "requires_action"):
        raise invalid(f"This refund can no longer fail: its status is {refund.body['status']}.")
    refunding.fail_refund(box, refund)
    return "The refund has failed. The money was returned."


def _dispute(box: Box, given: Mapping[str, str]) -> str:
    charge = _object(box, given, "charge")
    kind = _choice(given, "kind", _KINDS)
    disputing.open_dispute(box, charge, kind)
    return "The bank has opened an inquiry." if kind == "inquiry" else f"Disputed: {readable(kind).lower()}."


def _answer_dispute(box: Box, given: Mapping[str, str]) -> str:
    dispute = _object(box, given, "dispute")
    evidence = given.get("evidence", "").strip()
    if not evidence:
        raise invalid("Enter some evidence first.")
    disputing.answer_dispute(box, dispute, {"uncategorized_text": evidence}, submit=True)
    return "The evidence was submitted to the bank."


def _end_dispute(box: Box, given: Mapping[str, str]) -> str:
    dispute = _object(box, given, "dispute")
    won = _choice(given, "outcome", ("won", "lost")) == "won"
    disputing.end_dispute(box, dispute, won)
    if dispute.body["status"] == "warning_closed":
        return "The inquiry is closed."
    return "The dispute is won." if won else "The dispute is lost."


def _appeal(box: Box, given: Mapping[str, str]) -> str:
    disputing.appeal_dispute(box, _object(box, given, "dispute"))
    return "The appeal is open and needs a response."


def _escalate(box: Box, given: Mapping[str, str]) -> str:
    disputing.escalate_inquiry(box, _object(box, given, "dispute"))
    return "The inquiry has become a dispute."


ACTIONS: Mapping[str, Callable[[Box, Mapping[str, str]], str]] = {
    "answer_dispute": _answer_dispute,
    "appeal": _appeal,
    "dispute": _dispute,
    "end_dispute": _end_dispute,
    "escalate": _escalate,
    "expire_session": _expire_session,
    "fail_refund": _fail_refund,
    "refund": _refund,
    "resend": _resend,
    "settle": _settle,
}


def read_given(given: Any) -> Mapping[str, str]:
    """Return the JSON object that the page sent. Raises ApiError if its values are not texts."""
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ApiError("An action takes a JSON object whose values are texts.")
    return given


def _object(box: Box, given: Mapping[str, str], kind: str) -> Stored:
    return box.get(given.get("id", ""), kind, "id")


def _choice(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    if (value := given.get(name)) not in choices:
        raise ApiError(f"{name} must be one of {', '.join(choices)}.")
    return value
