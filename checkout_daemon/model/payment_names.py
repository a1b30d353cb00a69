"""Cards, accounts and refusals as people name them."""

from __future__ import annotations

_NAMES = {
    "acss_debit": "ACSS debit",
    "amex": "American Express",
    "au_becs_debit": "BECS debit",
    "bacs_debit": "Bacs debit",
    "jcb": "JCB",
    "sepa_debit": "SEPA debit",
    "unionpay": "UnionPay",
    "us_bank_account": "US bank account",
}


def method_name(method: str | None, brand: str | None, last4: str | None) -> str:
    """Return a card or account in short, such as `Visa 4242` or `SEPA debit 3201`; empty if nothing is known."""
    code = brand if brand and brand != "unknown" else method
    return " ".join(filter(None, (code_words(code) if code else "", last4)))


def code_words(code: str) -> str:
    """Return a payment method, brand or network of Stripe as people know it."""
    return _NAMES.get(code) or code.replace("_", " ").capitalize()


def decline_words(message: str | None, code: str | None) -> str:
    """Return why a charge was declined: `Your card has insufficient funds (insufficient_funds)`; empty for neither."""
    message = (message or "").rstrip(".")
    return f"{message} ({code})" if message and code else message or code or ""
