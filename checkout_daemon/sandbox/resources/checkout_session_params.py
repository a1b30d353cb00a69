"""The parameters of a Checkout session: all of Stripe's, taken or refused."""

from __future__ import annotations

from checkout_daemon.sandbox.objects.shapes import METHOD_CURRENCIES, METHOD_TYPES
from checkout_daemon.sandbox.parameters.specs import Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.parameters.stripe_types import names_inside

SESSIONS = "/v1/checkout/sessions"
NO_ACCOUNTS_V2 = "The offline sandbox supports customers, not accounts in their place."

_NO_TAXES = "The offline sandbox does not compute taxes."
NO_CONNECT = "The offline sandbox has one account and no Connect."
_NO_RECURRING = "You must use mode=subscription for recurring prices, which the offline sandbox lacks."
_HOSTED_ONLY = "The offline sandbox has hosted Checkout pages only."
_NOT_HOSTED = "Stripe takes it only for sessions with another ui_mode than hosted_page."
_OTHER_METHODS = {
    f"The offline sandbox has no payment method {name}.": f"payment_method_options[{name}]"
    for name in names_inside(f"POST {SESSIONS}", "payment_method_options")
    if name not in METHOD_CURRENCIES
}
_SHIPPING_LIMITS = {"shipping_options": 5, "shipping_options[][shipping_rate_data][display_name]": 100}

CREATE = Rules(
    filled=True,
    own={
        "payment_method_types": METHOD_TYPES,  # older than Stripe's table; the CLI's triggers send it
        "ui_mode": Text(),  # what is not hosted is refused in words
    },
    refuse={
        **_OTHER_METHODS,
        _NO_TAXES: "tax_details tax_id_collection tax_rates",
        NO_CONNECT: "account application_fee_amount on_behalf_of transfer_data",
        _NO_RECURRING: "recurring",
        _HOSTED_ONLY: "redirect_on_completion return_url",
        _NOT_HOSTED: "permissions",
        "Stripe takes it only with mode=subscription.": "payment_method_collection",
        NO_ACCOUNTS_V2: "customer_account",
        "The offline sandbox supports one currency per price.": "currency_options",
        "The offline sandbox's Checkout supports only mode=payment, not setup.": "setup_intent_data",
        "The offline sandbox's Checkout supports only mode=payment, not subscriptions.": "subscription_data",
        "The offline sandbox's Checkout has no optional items.": "optional_items",
    },
    least={
        "amount": 0,
        "line_items[][adjustable_quantity][maximum]": 1,
        "line_items[][adjustable_quantity][minimum]": 0,
        "line_items[][quantity]": 1,
        "minimum_length": 0,
        "value": 1,
    },
    most={
        **_SHIPPING_LIMITS,
        "allowed_countries": 250,
        "client_reference_id": 200,
        "custom": 50,
        "custom_fields": 3,
        "custom_fields[][key]": 200,
        "custom_fields[][dropdown][default_value]": 5000,
        "customer_email": 800,
        "default_value": 255,
        "description": 1500,
        "discounts": 1,
        "invoice_creation[invoice_data][custom_fields]": 4,
        "invoice_creation[invoice_data][custom_fields][][name]": 40,
        "invoice_creation[invoice_data][custom_fields][][value]": 140,
        "label": 100,
        "line_items[][adjustable_quantity][maximum]": 999_999,
        "line_items[][adjustable_quantity][minimum]": 999_998,
        "line_items[][price_data][product_data][description]": 5000,
        "line_items[][quantity]": 999_999,
        "message": 1200,
        "options": 200,
        "payment_intent_data[description]": 1000,
        "receipt_email": 800,
        "reference_prefix": 12,
        "statement_descriptor_suffix_kana": 22,
        "statement_descriptor_suffix_kanji": 17,
        "custom_fields[][dropdown][options][][value]": 100,
    },
)
UPDATE = Rules(
    refuse={
        "The offline sandbox supports one currency per price.": "currency_options",
        "The offline sandbox cannot change the lines of a session.": "line_items",
        _NOT_HOSTED: "collected_information payment_intent_data",
    },
    least={"amount": 0, "value": 1},
    most=_SHIPPING_LIMITS,
)
