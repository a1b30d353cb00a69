"""The pieces of a dispute's evidence: Stripe's names and limits, which matter for which reason, and their text form.

https://docs.stripe.com/api/disputes/update and https://docs.stripe.com/disputes/categories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.counts import counted
from checkout_daemon.model.text import WORD_MARKS, unusable

MOST_CHARACTERS = 150_000
"""Of all texts together. The card networks get no more."""
MOST_FILE_BYTES = 5_000_000

_LONG, _SHORT = 20_000, 5_000
TEXTS: Mapping[str, int] = {
    "customer_name": _SHORT,
    "customer_email_address": _SHORT,
    "customer_purchase_ip": _SHORT,
    "billing_address": _SHORT,
    "product_description": _LONG,
    "service_date": _SHORT,
    "shipping_address": _SHORT,
    "shipping_date": _SHORT,
    "shipping_carrier": _SHORT,
    "shipping_tracking_number": _SHORT,
    "access_activity_log": _LONG,
    "refund_policy_disclosure": _LONG,
    "refund_refusal_explanation": _LONG,
    "cancellation_policy_disclosure": _LONG,
    "cancellation_rebuttal": _LONG,
    "duplicate_charge_id": _SHORT,
    "duplicate_charge_explanation": _LONG,
    "uncategorized_text": _LONG,
}
"""The texts of evidence, as they are shown, and how many characters Stripe takes of each."""
OF_THE_SHOP = ("product_description", "refund_policy_disclosure", "cancellation_policy_disclosure")
"""The texts of evidence that name no person. Whatever an operator wrote may be in the others."""

_ALWAYS = ("customer_name", "customer_email_address", "product_description", "uncategorized_text")
_SENT = ("shipping_address", "shipping_date", "shipping_carrier", "shipping_tracking_number")
_BY_REASON: Mapping[str, tuple[str, ...]] = {
    "credit_not_processed": ("refund_policy_disclosure", "refund_refusal_explanation"),
    "duplicate": ("duplicate_charge_id", "duplicate_charge_explanation"),
    "fraudulent": ("customer_purchase_ip", "billing_address", "access_activity_log", *_SENT),
    "product_not_received": ("service_date", *_SENT),
    "product_unacceptable": ("refund_policy_disclosure", "refund_refusal_explanation", *_SENT),
    "subscription_canceled": ("cancellation_policy_disclosure", "cancellation_rebuttal"),
    "unrecognized": ("customer_purchase_ip", "billing_address", "access_activity_log", *_SENT),
}
_HEADING = re.compile(r"\[([A-Za-z0-9_ -]*)\]")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The texts of an answer to a dispute. Those that are empty are left out."""

    texts: Mapping[str, str]

    @property
    def characters(self) -> int:
        """Return how many characters all texts have together."""
        return sum(map(len, self.texts.values()))


def masked_evidence(evidence: Evidence) -> Evidence:
    """Return the evidence as it is shown while personal data is masked: whole are only the texts OF_THE_SHOP."""
    return Evidence(
        {
            name: text if name in OF_THE_SHOP else f"({counted(len(text), 'character')}, masked)"
            for name, text in evidence.texts.items()
        }
    )


def wanted_for(reason: str | None) -> tuple[str, ...]:
    """Return the texts that matter for a reason of Stripe's, in the sequence of TEXTS."""
    wanted = {*_ALWAYS, *_BY_REASON.get(reason or "", ())}
    return tuple(name for name in TEXTS if name in wanted)


def check_evidence(texts: Mapping[str, str]) -> Evidence:
    """Return the texts without surrounding blanks and empty ones. Raise InvalidRequest with every fault."""
    known = ", ".join(TEXTS)
    errors = [
        _fault(name, "unknown_field", f"{name} is no text of evidence: it may be {known}")
        for name in sorted(texts.keys() - TEXTS.keys())
    ]
    found: dict[str, str] = {}
    for name, most in TEXTS.items():
        text = texts.get(name, "").replace("\r\n", "\n").strip()
        if len(text) > most:
            too_long = f"{name} has {len(text):,} characters, and Stripe takes {most:,}: shorten it"
            errors.append(_fault(name, "too_long", too_long))
        elif (wrong := unusable(text, allow="\n\t" + WORD_MARKS)) is not None:
            errors.append(_fault(name, "invalid_text", f"{name} contains a character that cannot be used: {wrong}"))
        elif text:
            found[name] = text
    evidence = Evidence(found)
    if evidence.characters > MOST_CHARACTERS:
        why = f"the texts have {evidence.characters:,} characters, and the banks take {MOST_CHARACTERS:,}: shorten them"
        errors.append(FieldError("", "too_long", why))
    if errors:
        raise InvalidRequest(errors)
    return evidence


def write_evidence(evidence: Evidence, reason: str | None, heading: str) -> str:
    """Return the evidence as a text to edit: `[name]`, then its text; names that matter are there if empty, too."""
    intro = [
        heading,
        "Each [name] begins a piece of evidence; its text follows. One without a text is left out.",
        "Lines before the first [name] are remarks. Others: " + ", ".join(_others(evidence, reason)) + ".",
    ]
    lines = [f"# {line}" for line in intro]
    for name in TEXTS:
        if name in evidence.texts or name in wanted_for(reason):
            lines += ["", f"[{name}]", *_escaped(evidence.texts.get(name, ""))]
    return "\n".join(lines) + "\n"


def read_evidence(text: str) -> Evidence:
    """Return the evidence that a text has, as write_evidence writes it. Raise InvalidRequest with every fault.

    A text without any evidence is one: who wants none discards the draft.
    """
    texts: dict[str, list[str]] = {}
    errors: list[FieldError] = []
    current: list[str] | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if (heading := _HEADING.fullmatch(line.rstrip())) is not None:
            name = heading[1].strip()
            if name not in TEXTS:
                why = f"line {number}: [{name}] is no text of evidence; a line of the text itself begins with a blank"
                errors.append(_fault(name, "unknown_field", why))
            elif name in texts:
                errors.append(_fault(name, "repeated_field", f"line {number}: [{name}] is there twice"))
            current = texts.setdefault(name, [])
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.startswith("#"):
            why = f"line {number} is before the first [name], such as [product_description]"
            errors.append(FieldError("", "no_field", why))
    if errors:
        raise InvalidRequest(errors)
    evidence = check_evidence({name: "\n".join(lines) for name, lines in texts.items()})
    if not evidence.texts:
        why = "there is no text of evidence in it; `checkout disputes evidence DISPUTE --discard` forgets a draft"
        raise InvalidRequest([FieldError("", "no_text", why)])
    return evidence


def _escaped(text: str) -> list[str]:
    """Return the lines of a text; one that looks like a heading gets a blank before it."""
    return [f" {line}" if _HEADING.fullmatch(line.rstrip()) else line for line in text.split("\n")] if text else []


def _others(evidence: Evidence, reason: str | None) -> list[str]:
    return [name for name in TEXTS if name not in evidence.texts and name not in wanted_for(reason)]


def _fault(name: str, code: str, detail: str) -> FieldError:
    return FieldError(f"/{name}", code, detail)
