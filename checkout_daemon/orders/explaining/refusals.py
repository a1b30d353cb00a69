"""Why a try to pay was refused: as Stripe's event of it says."""

from __future__ import annotations

from collections.abc import Sequence

from checkout_daemon.events.event_lists import EventLine
from checkout_daemon.model.json_text import read_json

_TYPES = ("payment_intent.payment_failed", "charge.failed")


def refused_tries(events: Sequence[EventLine]) -> tuple[EventLine, ...]:
    """One event of each try, oldest first. Stripe tells of one by its intent and by its charge."""
    of_intents = [each for each in events if each.type == _TYPES[0]]
    found = of_intents or [each for each in events if each.type == _TYPES[1]]
    return tuple(sorted(found, key=lambda each: each.created_at or each.received_at))


def read_refusal(payload: str) -> str | None:
    """`Your card has insufficient funds (insufficient_funds)`, from an event's JSON; None where it does not say.

    An intent has its last_payment_error, a charge failure_code and failure_message.
    https://docs.stripe.com/api/errors, https://docs.stripe.com/declines/codes
    """
    subject = read_json(payload)["data"]["object"]
    error = subject.get("last_payment_error")
    error = error if isinstance(error, dict) else {}
    codes = (error.get("decline_code"), error.get("code"), subject.get("failure_code"))
    messages = (error.get("message"), subject.get("failure_message"))
    code = next((each for each in codes if isinstance(each, str) and each), None)
    message = next((each.rstrip(".") for each in messages if isinstance(each, str) and each), "")
    return f"{message} ({code})" if message and code else message or code
