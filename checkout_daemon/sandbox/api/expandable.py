"""Which properties of each kind of object hold an identifier that can be expanded."""

from __future__ import annotations

from collections.abc import Mapping

_DEBIT = ("generated_sepa_debit", "generated_sepa_debit_mandate")

EXPANDABLE: Mapping[str, frozenset[str]] = {
    "account": frozenset(
        (
            "company.verification.document.back",
            "company.verification.document.front",
            "settings.branding.icon",
            "settings.branding.logo",
            "settings.invoices.default_account_tax_ids",
        )
    ),
    "balance": frozenset(),
    "balance_transaction": frozenset(("source",)),
    "charge": frozenset(
        (
            "application",
            "application_fee",
            "balance_transaction",
            "customer",
            "failure_balance_transaction",
            "on_behalf_of",
            "outcome.rule",
            "payment_intent",
            *(f"payment_method_details.{each}.{name}" for each in ("bancontact", "ideal", "sofort") for name in _DEBIT),
            "payment_method_details.card.mandate",
            "payment_method_details.us_bank_account.mandate",
            "review",
            "source_transfer",
            "transfer",
            "transfer_data.destination",
        )
    ),
    "checkout.session": frozenset(
        (
            "automatic_tax.liability.account",
            "customer",
            "discounts.coupon",
            "discounts.promotion_code",
            "invoice",
            "invoice_creation.invoice_data.account_tax_ids",
            "invoice_creation.invoice_data.issuer.account",
            "payment_intent",
            "payment_link",
            "setup_intent",
            "shipping_cost.shipping_rate",
            "shipping_options.shipping_rate",
            "subscription",
        )
    ),
    "coupon": frozenset(),
    "customer": frozenset(("default_source", "invoice_settings.default_payment_method", "test_clock")),
    "discount": frozenset(("customer", "promotion_code", "source.coupon")),
    "dispute": frozenset(
        (
            "charge",
            "evidence.cancellation_policy",
            "evidence.customer_communication",
            "evidence.customer_signature",
            "evidence.duplicate_charge_documentation",
            "evidence.receipt",
            "evidence.refund_policy",
            "evidence.service_documentation",
            "evidence.shipping_documentation",
            "evidence.uncategorized_file",
            "payment_intent",
        )
    ),
    "event": frozenset(),
    "item": frozenset(),
    "list": frozenset(),
    "payment_intent": frozenset(
        (
            "application",
            "customer",
            "latest_charge",
            "on_behalf_of",
            "payment_method",
            "payment_record",
            "review",
            "source",
            "transfer_data.destination",
        )
    ),
    "payment_method": frozenset(
        (
            "card.generated_from.setup_attempt",
            "customer",
            "sepa_debit.generated_from.charge",
            "sepa_debit.generated_from.setup_attempt",
        )
    ),
    "price": frozenset(("product",)),
    "product": frozenset(("default_price", "tax_code")),
    "promotion_code": frozenset(("customer", "promotion.coupon")),
    "refund": frozenset(
        (
            "balance_transaction",
            "charge",
            "customer",
            "failure_balance_transaction",
            "payment_intent",
            "payment_method",
            "source_transfer_reversal",
            "transfer_reversal",
        )
    ),
    "webhook_endpoint": frozenset(),
}
"""As the official SDK annotates its classes; a test compares them. Kinds that are not here expand what they name."""
