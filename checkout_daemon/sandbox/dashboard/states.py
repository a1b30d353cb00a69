"""Describe the states of objects in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from checkout_daemon.sandbox.dashboard.views import Badge, Tone

DISPUTE_KINDS = ("fraudulent", "product_not_received", "inquiry")
"""The disputes that the page can open."""

_INTENTS: dict[str, Badge] = {
    "canceled": Badge("Canceled", "quiet"),
    "processing": Badge("Waiting for the bank", "wait"),
    "requires_action": Badge("Waiting for 3-D Secure", "wait"),
    "requires_capture": Badge("To be captured", "wait"),
    "requires_confirmation": Badge("To be confirmed", "wait"),
    "succeeded": Badge("Paid", "good"),
}
_DISPUTES: dict[str, Badge] = {
    "appeal_needs_response": Badge("Appeal needs a response", "bad"),
    "appeal_under_review": Badge("Appeal under review", "wait"),
    "lost": Badge("Lost", "bad"),
    "needs_response": Badge("Needs a response", "bad"),
    "prevented": Badge("Prevented", "good"),
    "under_review": Badge("Under review", "wait"),
    "warning_closed": Badge("Inquiry closed", "quiet"),
    "warning_needs_response": Badge("Inquiry needs a response", "wait"),
    "warning_under_review": Badge("Inquiry under review", "wait"),
    "won": Badge("Won", "good"),
}
_TONES: dict[str, Tone] = {"succeeded": "good", "failed": "bad", "canceled": "quiet"}
_ERRORS = {
    "ClientConnectorDNSError": "Could not connect: the host is unknown.",
    "ClientConnectorError": "Could not connect: the connection was refused.",
    "ConnectionTimeoutError": "Connecting timed out.",
    "ServerDisconnectedError": "The connection was closed before an answer arrived.",
    "ServerTimeoutError": "The answer timed out.",
    "ClientOSError": "The connection broke before an answer arrived.",
    "TimeoutError": "The answer timed out.",
}
"""The beginnings of a delivery's error, and what to show instead."""


def session_state(session: dict[str, Any], intent: dict[str, Any] | None) -> Badge:
    """Return the badge of a session. A completed one has that of its intent, which may still be unpaid."""
    if session["status"] == "open":
        return Badge("Open", "wait")
    if session["status"] == "expired":
        return Badge("Expired", "quiet")
    if session["payment_status"] == "paid":
        return Badge("Paid", "good")
    if session["payment_status"] == "no_payment_required":
        return Badge("Nothing to pay", "good")
    return Badge("Completed", "good") if intent is None else intent_state(intent)


def intent_state(intent: dict[str, Any]) -> Badge:
    """Return the badge of a PaymentIntent."""
    status = str(intent["status"])
    if status == "requires_payment_method":
        return Badge("Failed", "bad") if intent.get("last_payment_error") else Badge("Not paid yet", "quiet")
    return _INTENTS.get(status) or other_state(status)


def charge_states(charge: dict[str, Any]) -> tuple[Badge, ...]:
    """Return the badges of a charge: its status, and whether money went back."""
    states = [other_state(str(charge["status"]))]
    if charge["status"] == "succeeded" and not charge["captured"]:
        states = [Badge("Authorized", "wait")]
    return (*states, *money_back(charge))


def money_back(charge: dict[str, Any]) -> tuple[Badge, ...]:
    """Return the badges of a charge whose money went back: refunded, disputed."""
    states = []
    if charge.get("amount_refunded"):
        states.append(Badge("Refunded" if charge["refunded"] else "Partly refunded", "quiet"))
    if charge.get("disputed"):
        states.append(Badge("Disputed", "bad"))
    return tuple(states)


def dispute_state(dispute: dict[str, Any]) -> Badge:
    """Return the badge of a dispute."""
    return _DISPUTES.get(str(dispute["status"])) or other_state(str(dispute["status"]))


def other_state(status: str) -> Badge:
    """Return a badge with the status itself as its text."""
    return Badge(readable(status), _TONES.get(status, "wait"))


def readable(name: str) -> str:
    """Return a name such as `product_not_received` for people to read."""
    return name.replace("_", " ").capitalize()


def delivery_state(state: str, attempts: int) -> Badge:
    """Return the badge of a delivery. A pending one is bad once an attempt has failed."""
    if state == "delivered":
        return Badge("Delivered", "good")
    if state == "pending":
        return Badge("Trying again", "bad") if attempts else Badge("On its way", "wait")
    return Badge("Dropped" if state == "dropped" else "Failed", "bad")


def event_state(deliveries: Sequence[tuple[str, int]]) -> Badge:
    """Return the combined badge of an event's deliveries, given as their states and attempts."""
    if not deliveries:
        return Badge("No receivers", "quiet")
    states = [delivery_state(*delivery) for delivery in deliveries]
    bad = sum(1 for state in states if state.tone == "bad")
    if bad:
        worst = next(state for state in states if state.tone == "bad")
        return worst if bad == len(states) else Badge(f"{worst.text}: {bad} of {len(states)}", "bad")
    return next((state for state in states if state.tone == "wait"), states[0])


def error_text(error: str) -> str:
    """Return an error for people to read, or unchanged if it is unknown."""
    return next((text for name, text in _ERRORS.items() if error.startswith(name)), error)


def attempt_state(status: int | None, error: str | None) -> Badge:
    """Return the badge of an attempt. `stripe listen` without a program to forward to has neither status nor error."""
    if status is None:
        return Badge("No answer", "bad") if error else Badge("Shown by the CLI", "good")
    return Badge(status_text(status), "good" if error is None and 200 <= status < 300 else "bad")


def request_state(status: int | None) -> Badge:
    """Return the badge of a request. Without a status nothing was answered."""
    if status is None:
        return Badge("No answer", "bad")
    return Badge(status_text(status), "good" if status < 400 else "bad")


def status_text(status: int) -> str:
    """Return an HTTP status with its phrase: `200 OK`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: `1 attempt`, `2 attempts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def method_text(charge: dict[str, Any] | None) -> str:
    """Return how a charge was paid: `Visa ending in 4242`."""
    details = (charge or {}).get("payment_method_details") or {}
    kind = details.get("type")
    if not isinstance(kind, str):
        return ""
    part = details.get(kind) or {}
    name = str(part.get("brand") or {"sepa_debit": "bank debit", "us_bank_account": "bank debit"}.get(kind, kind))
    last = part.get("last4")
    return f"{name.capitalize()} ending in {last}" if last else name.capitalize()
