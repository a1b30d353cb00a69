"""Steps that the billing tests share."""

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import Ask


async def invoice(ask: Ask, customer: str, amount: int = 2000) -> dict[str, Any]:
    await ask("POST", "/v1/invoiceitems", {"amount": amount, "currency": "usd", "customer": customer})
    return await ask("POST", "/v1/invoices", {"customer": customer, "pending_invoice_items_behavior": "include"})


async def attached(ask: Ask, card: str, customer: str) -> str:
    return str((await ask("POST", f"/v1/payment_methods/pm_card_{card}/attach", {"customer": customer}))["id"])


async def fund(ask: Ask, amount: int) -> None:
    """Take a payment whose money is available immediately."""
    paid = {"amount": amount, "currency": "usd", "confirm": "true", "payment_method": "pm_card_bypassPending"}
    await ask("POST", "/v1/payment_intents", {**paid, "payment_method_types[]": "card"})
