"""Stripe's test cards and declines, and what happens when one pays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CardOutcome(StrEnum):
    """What happens when a test card pays."""

    SUCCEED = "succeed"
    DECLINE = "decline"
    AUTHENTICATE = "authenticate"


@dataclass(frozen=True, slots=True)
class Decline:
    """A reason to refuse a payment. `failure_code` is the charge's, if it differs from the error's code."""

    code: str
    decline_code: str | None
    message: str
    failure_code: str | None = None


@dataclass(frozen=True, slots=True)
class TestCard:
    """A test card and what happens when it pays.

    A card that authenticates may pay without its holder always (`off_session`), or once it was saved for that
    (`unless_saved`). An `optional` one authenticates only if asked to.
    """

    number: str
    outcome: CardOutcome = CardOutcome.SUCCEED
    decline: str = ""
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    dispute: str = ""
    refund: str = ""
    off_session: bool = False
    unless_saved: bool = False
    optional: bool = False


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": Decline("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": Decline("card_declined", "stolen_card", "Your card was declined."),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired."),
    "incorrect_cvc": Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "incorrect_number": Decline("incorrect_number", "incorrect_number", "Your card number is incorrect."),
    "card_velocity_exceeded": Decline(
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "fraudulent": Decline("card_declined", "fraudulent", "Your card was declined."),
    "authentication_failed": Decline(
        "payment_intent_authentication_failure",
        None,
        "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    ),
    "test_mode_live_card": Decline(
        "card_declined",
        "test_mode_live_card",
        "Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    ),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
    "authentication_not_handled": Decline(
        "authentication_required",
        "authentication_not_handled",
        "Your card was declined. This transaction requires authentication.",
    ),
    "debit_failed": Decline(
        "payment_intent_payment_attempt_failed", None, "The payment failed.", "bank_account_restricted"
    ),
    "charge_exceeds_source_limit": Decline(
        "charge_exceeds_source_limit",
        None,
        "The payment amount causes the account to exceed its weekly payment volume limit.",
    ),
    "charge_exceeds_weekly_limit": Decline(
        "charge_exceeds_weekly_limit",
        None,
        "The payment amount exceeds the account's transaction volume limit.",
    ),
    "insufficient_funds_debit": Decline(
        "insufficient_funds", None, "The customer's account has insufficient funds to cover this payment."
    ),
    "account_closed": Decline("account_closed", None, "The customer's bank account has been closed."),
    "no_account": Decline("no_account", None, "The customer's bank account could not be located."),
    "debit_not_authorized": Decline(
        "debit_not_authorized", None, "The customer has notified their bank that this payment was unauthorized."
    ),
    "invalid_currency": Decline(
        "invalid_currency", None, "The bank was unable to process this transaction because of its currency."
    ),
    "account_number_deactivated": Decline(
        "tokenized_account_number_deactivated", None, "The tokenized account number has been deactivated."
    ),
    "debit_canceled": Decline("payment_intent_canceled", None, "The payment was canceled before it was sent."),
    "settlement_failed": Decline(
        "payment_intent_payment_attempt_failed", None, "The payment failed.", "could_not_process"
    ),
}


def _declined(number: str, decline: str) -> TestCard:
    return TestCard(number, CardOutcome.DECLINE, decline)


def _asks(number: str, decline: str = "", *, off_session: bool = False, unless_saved: bool = False) -> TestCard:
    return TestCard(number, CardOutcome.AUTHENTICATE, decline, off_session=off_session, unless_saved=unless_saved)


_DECLINING = {
    "chargeDeclined": _declined("4000000000000002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declined("4000000000009995", "insufficient_funds"),
    "chargeDeclinedLostCard": _declined("4000000000009987", "lost_card"),
    "chargeDeclinedStolenCard": _declined("4000000000009979", "stolen_card"),
    "chargeDeclinedExpiredCard": _declined("4000000000000069", "expired_card"),
    "chargeDeclinedIncorrectCvc": _declined("4000000000000127", "incorrect_cvc"),
    "chargeDeclinedProcessingError": _declined("4000000000000119", "processing_error"),
    "chargeDeclinedIncorrectNumber": _declined("4242424242424241", "incorrect_number"),
    "chargeDeclinedVelocityLimitExceeded": _declined("4000000000006975", "card_velocity_exceeded"),
    "chargeDeclinedFraudulent": _declined("4100000000000019", "fraudulent"),
    "chargeCustomerFail": _declined("4000000000000341", "generic_decline"),
}

CARDS: dict[str, TestCard] = {
    "visa": TestCard("4242424242424242"),
    "visa_debit": TestCard("4000056655665556", funding="debit"),
    "mastercard": TestCard("5555555555554444", brand="mastercard"),
    "mastercard_debit": TestCard("5200828282828210", brand="mastercard", funding="debit"),
    "mastercard_prepaid": TestCard("5105105105105100", brand="mastercard", funding="prepaid"),
    "amex": TestCard("378282246310005", brand="amex"),
    "discover": TestCard("6011111111111117", brand="discover"),
    "diners": TestCard("3056930009020004", brand="diners"),
    "jcb": TestCard("3566002020360505", brand="jcb"),
    "unionpay": TestCard("6200000000000005", brand="unionpay"),
    "us": TestCard("4242424242424242"),
    "de": TestCard("4000002760000016", country="DE"),
    "fr": TestCard("4000002500000003", country="FR"),
    "gb": TestCard("4000008260000000", country="GB"),
    "at": TestCard("4000000400000008", country="AT"),
    "br": TestCard("4000000760000002", country="BR"),
    "ca": TestCard("4000001240000000", country="CA"),
    "mx": TestCard("4000004840008001", country="MX"),
    "es": TestCard("4000007240000007", country="ES"),
    "it": TestCard("4000003800000008", country="IT"),
    "nl": TestCard("4000005280000002", country="NL"),
    "jp": TestCard("4000003920000003", country="JP"),
    "au": TestCard("4000000360000006", country="AU"),
    "bypassPending": TestCard("4000000000000077"),
    **_DECLINING,
    **{f"visa_{name}": card for name, card in _DECLINING.items()},
    "radarBlock": _declined("4100000000000019", "fraudulent"),
    "authenticationRequired": _asks("4000002760003184"),
    "authenticationRequiredOnSetup": _asks("4000002500003155", unless_saved=True),
    "authenticationRequiredSetupForOffSession": _asks("4000003800000446", off_session=True),
    "threeDSecure2Required": _asks("4000000000003220"),
    "threeDSecureRequired": _asks("4000000000003063"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": _asks("4000008260003178", "insufficient_funds"),
    "threeDSecureRequiredChargeDeclined": _asks("4000008400001629", "generic_decline"),
    "threeDSecureOptional": TestCard("4000000000003055", optional=True),
    "createDispute": TestCard("4000000000000259", dispute="fraudulent"),
    "createDisputeProductNotReceived": TestCard("4000000000002685", dispute="product_not_received"),
    "createDisputeInquiry": TestCard("4000000000001976", dispute="inquiry"),
    "createMultipleDisputes": TestCard("4000000404000079", dispute="multiple"),
    "refundFail": TestCard("4000000000005126", refund="fail"),
    "pendingRefund": TestCard("4000000000007726", refund="pending"),
}

_BY_NUMBER = {card.number: name for name, card in reversed(CARDS.items())}

PAGE_CARDS = (
    ("4242 4242 4242 4242", "Succeeds"),
    ("4000 0000 0000 0002", "Declined"),
    ("4000 0000 0000 9995", "Declined: insufficient funds"),
    ("4000 0000 0000 0069", "Declined: expired card"),
    ("4000 0000 0000 0127", "Declined: wrong CVC"),
    ("4000 0027 6000 3184", "Asks for 3-D Secure"),
)
"""The test cards that the hosted page lists, with their outcome."""


def card_by_number(number: str) -> str | None:
    """Return the name of the test card with this number."""
    return _BY_NUMBER.get(number)


def card_by_token(token: str) -> str | None:
    """Return the name of the test card for `tok_NAME` or `pm_card_NAME`."""
    for prefix in ("pm_card_", "tok_"):
        name = token.removeprefix(prefix)
        if name != token and name in CARDS:
            return name
    return None


def passes_luhn(number: str) -> bool:
    """Return whether the check digit of a card number is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
