"""The keys of the filter language: what each compares, which values it takes, and what completes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from checkout_daemon.model.orders import AttentionCode, OrderStatus


def _as_typed(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class QueryKey:
    """A key. `values` are those that are known; if `closed`, there are no others. `takes`: what a value is."""

    name: str
    help: str
    takes: str
    values: tuple[str, ...] = ()
    closed: bool = False
    shape: re.Pattern[str] | None = None
    form: Callable[[str], str] = _as_typed


_WORD = re.compile(r"[a-z0-9_]{1,64}")
_CODE = re.compile(r"[a-z0-9._*?-]{1,64}")
_AMOUNTS = "an amount as 50, 49.90, >50, <=50 or 20..30, in the currency of each order"
_TIMES = (
    "1h", "24h", "7d", "30d", "today", "yesterday", "this week", "last week", "this month", "last month",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip

_BRANDS = (
    "visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "eftpos_au", "interac", "cartes_bancaires",
    "link", "unknown",
)  # fmt: skip
_WALLETS = (
    "apple_pay", "google_pay", "link", "samsung_pay", "amex_express_checkout", "masterpass", "visa_checkout",
)  # fmt: skip
# https://docs.stripe.com/declines/codes
_DECLINES = (
    "insufficient_funds", "generic_decline", "do_not_honor", "lost_card", "stolen_card", "expired_card",
    "incorrect_cvc", "card_declined", "approve_with_id", "authentication_not_handled",
    "authentication_required", "call_issuer", "card_not_supported", "card_velocity_exceeded",
    "currency_not_supported", "do_not_try_again", "duplicate_transaction", "fraudulent", "incorrect_address",
    "incorrect_number", "incorrect_pin", "incorrect_zip", "invalid_account", "invalid_amount", "invalid_cvc",
    "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin", "issuer_not_available",
    "merchant_blacklist", "mobile_device_authentication_required", "new_account_information_available",
    "no_action_taken", "not_permitted", "offline_pin_required", "online_or_offline_pin_required",
    "pickup_card", "pin_try_exceeded", "processing_error", "reenter_transaction", "restricted_card",
    "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
    "service_not_allowed", "stop_payment_order", "testmode_decline", "transaction_not_allowed",
    "try_again_later", "withdrawal_count_limit_exceeded",
)  # fmt: skip
# https://docs.stripe.com/api/charges/object: `type` of payment_method_details
_METHODS = (
    "card", "link", "paypal", "klarna", "sepa_debit", "eps", "bancontact", "ideal", "p24", "sofort",
    "giropay", "twint", "affirm", "afterpay_clearpay", "alipay", "wechat_pay", "amazon_pay", "revolut_pay",
    "cashapp", "us_bank_account", "acss_debit", "au_becs_debit", "bacs_debit", "blik", "boleto",
    "customer_balance", "fpx", "grabpay", "kakao_pay", "konbini", "kr_card", "mb_way", "mobilepay",
    "multibanco", "naver_pay", "nz_bank_account", "oxxo", "pay_by_bank", "payco", "paynow", "pix",
    "promptpay", "samsung_pay", "satispay", "swish", "zip", "billie", "crypto", "stripe_account",
)  # fmt: skip

_KEYS = (
    QueryKey("status", "the order's status", "a status", tuple(OrderStatus), closed=True, form=str.lower),
    QueryKey(
        "attention", "what needs a person", "a reason", ("any", "none", *AttentionCode), closed=True, form=str.lower
    ),
    QueryKey("amount", "the total, as >50, 49.90, 20..30", _AMOUNTS),
    QueryKey("refunded", "what was refunded, as >0", _AMOUNTS),
    QueryKey(
        "currency", "the currency", "three letters", ("eur", "usd", "gbp", "chf", "jpy"),
        shape=re.compile("[a-z]{3}"), form=str.lower,
    ),
    QueryKey("email", "the email, part of it, or @domain", "an email, part of one, @example.com, or one with *"),
    QueryKey("name", "part of the name", "part of a name"),
    QueryKey("phone", "the phone number, or part of it", "at least four digits, as 0664, +43664 or 123456"),
    QueryKey("sku", "an item's SKU, as TEE-*", "a SKU, or a pattern with *", shape=_CODE, form=str.lower),
    QueryKey("discount", "the discount code", "a code, or a pattern with *", shape=_CODE, form=str.lower),
    QueryKey("since", "made at or after", "a time", _TIMES),
    QueryKey("until", "made before", "a time", _TIMES),
    QueryKey(
        "shipped", "whether it was sent; no: it must be", "yes or no", ("yes", "no"), closed=True, form=str.lower
    ),
    QueryKey("is", "test or live orders", "test or live", ("test", "live"), closed=True, form=str.lower),
    QueryKey("imported", "orders of another system", "yes or no", ("yes", "no"), closed=True, form=str.lower),
    QueryKey(
        "last4", "last four digits of the card or account", "four digits",
        shape=re.compile("[0-9A-Z]{4}"), form=str.upper,
    ),
    QueryKey(
        "brand", "the card's brand", "a brand of Stripe's",
        _BRANDS,
        shape=_WORD, form=str.lower,
    ),
    QueryKey(
        "decline", "why a payment was declined", "a decline code of Stripe's",
        _DECLINES,
        shape=_WORD, form=str.lower,
    ),
    QueryKey(
        "method", "how it was paid", "a payment method of Stripe's",
        _METHODS,
        shape=_WORD, form=str.lower,
    ),
    QueryKey(
        "funding", "the card's funding", "a funding", ("credit", "debit", "prepaid", "unknown"), closed=True,
        form=str.lower,
    ),
    QueryKey(
        "country", "the card's country", "two letters", ("AT", "CH", "DE", "FR", "GB", "IT", "US"),
        shape=re.compile("[A-Z]{2}"), form=str.upper,
    ),
    QueryKey(
        "wallet", "the wallet", "a wallet of Stripe's", _WALLETS,
        shape=_WORD, form=str.lower,
    ),
    QueryKey(
        "network", "the card's network", "a network of Stripe's",
        ("visa", "mastercard", "amex", "cartes_bancaires", "discover", "interac", "jcb", "unionpay"),
        shape=_WORD, form=str.lower,
    ),
    QueryKey(
        "risk", "Stripe's assessment", "a risk level", ("normal", "elevated", "highest", "not_assessed", "unknown"),
        closed=True, form=str.lower,
    ),
)  # fmt: skip

KEYS = {key.name: key for key in _KEYS}

ALIASES = {"total": "amount", "code": "discount"}
"""Other names of keys."""
