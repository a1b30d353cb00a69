"""Make an object of each kind that programs load from Stripe, with the official SDK."""

from __future__ import annotations

from typing import Any

import stripe

MANY = 12  # more than a page of ten


def seed(client: stripe.StripeClient) -> None:
    """Fill the account. Raises stripe.StripeError where anything is refused."""
    v1: Any = client.v1
    customer = v1.customers.create({"email": "ana@example.com", "name": "Ana", "source": "tok_visa"}).id
    product = v1.products.create({"name": "Tea"}).id
    monthly = v1.prices.create(
        {"currency": "usd", "unit_amount": 1500, "product": product, "recurring": {"interval": "month"}}
    ).id
    once = v1.prices.create({"currency": "usd", "unit_amount": 500, "product": product}).id
    v1.plans.create({"amount": 700, "currency": "usd", "interval": "month", "product": product})
    coupon = v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}})
    v1.tax_rates.create({"display_name": "VAT", "inclusive": True, "percentage": 19})
    shipping = {"amount": 5, "currency": "usd"}
    v1.shipping_rates.create({"display_name": "Post", "type": "fixed_amount", "fixed_amount": shipping})
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    wanted = {"customer": customer, "items": [{"price": monthly}], "default_payment_method": card}
    made = [v1.subscriptions.create(wanted).id for _ in range(MANY + 1)]
    v1.subscriptions.cancel(made[-1])
    v1.subscription_schedules.create({"customer": customer, "phases": [{"items": [{"price": monthly}]}]})
    _bill(v1, customer, once)
    _take_payments(v1, customer)
    line = {"price": once, "quantity": 1}
    back = "https://shop.example/back"
    v1.checkout.sessions.create({"mode": "payment", "success_url": back, "customer": customer, "line_items": [line]})
    v1.payment_links.create({"line_items": [line]})
    v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "return_url": back}
    )


def _bill(v1: Any, customer: str, price: str) -> None:
    v1.invoice_items.create({"amount": 900, "currency": "usd", "customer": customer})
    invoice = v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"}).id
    v1.invoices.finalize_invoice(invoice)
    v1.credit_notes.create({"invoice": invoice, "amount": 100})
    v1.invoices.create({"customer": customer})
    v1.quotes.create({"customer": customer, "line_items": [{"price": price}]})


def _take_payments(v1: Any, customer: str) -> None:
    card = {"currency": "usd", "confirm": True, "payment_method_types": ["card"]}
    paid = v1.payment_intents.create({**card, "amount": 5000, "customer": customer, "payment_method": "pm_card_visa"})
    v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    v1.payment_intents.create({**card, "amount": 5000, "payment_method": "pm_card_createDispute"})
    v1.payment_intents.create({**card, "amount": 9000, "payment_method": "pm_card_bypassPending"})
    v1.payouts.create({"amount": 900, "currency": "usd"})
