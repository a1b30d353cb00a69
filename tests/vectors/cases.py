"""A case of tests/vectors/pricing.json: reading it, and what the daemon's rules make of it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from checkout_daemon.catalog.cart import CartLine, Product, check_cart
from checkout_daemon.catalog.pricing import Discount, Quote, price_cart
from checkout_daemon.errors import FieldError, InvalidRequest

FOLDER = Path(__file__).parent
PRICING = FOLDER / "pricing.json"
CURRENCIES = FOLDER / "currencies.json"

Case = dict[str, Any]


def read_cases(section: str) -> list[Case]:
    """`cases` are written by hand, `generated` by tests/vectors/make.py."""
    cases: list[Case] = json.loads(PRICING.read_text(encoding="utf-8"))[section]
    return cases


def outcome(case: Case) -> dict[str, Any]:
    """The quote, or every fault."""
    cart, errors = check_cart([CartLine(item["sku"], item["quantity"]) for item in case["items"]])
    if cart is None:
        return {"errors": _shown(errors)}
    products = {each["sku"]: _read_product(each, case["currency"]) for each in case["products"]}
    now = datetime.fromisoformat(case["now"])
    try:
        quote = price_cart(cart, products, _read_discount(case["discount"]), currency=case["currency"], now=now)
    except InvalidRequest as error:
        return {"errors": _shown(error.errors)}
    return {"quote": _shown_quote(quote)}


def _read_product(told: dict[str, Any], currency: str) -> Product:
    return Product(
        sku=told["sku"],
        name=told["sku"],
        description="",
        image_url=None,
        unit_amount=told["unit_amount"],
        currency=told.get("currency", currency),
        available=told.get("available", True),
    )


def _read_discount(told: dict[str, Any] | None) -> Discount | None:
    if told is None:
        return None
    return Discount(
        code=told["code"],
        percent_off=Decimal(told["percent_off"]) if "percent_off" in told else None,
        amount_off=told.get("amount_off"),
        currency=told.get("currency"),
        minimum_subtotal=told.get("minimum_subtotal", 0),
        starts_at=datetime.fromisoformat(told["starts_at"]) if "starts_at" in told else None,
        ends_at=datetime.fromisoformat(told["ends_at"]) if "ends_at" in told else None,
        redemption_limit=None,
    )


def _shown(errors: list[FieldError]) -> list[dict[str, str]]:
    return [{"pointer": error.pointer, "code": error.code} for error in errors]


def _shown_quote(quote: Quote) -> dict[str, Any]:
    return {
        "lines": [
            {
                "sku": line.sku,
                "unit_amount": line.unit_amount,
                "quantity": line.quantity,
                "amount": line.amount,
                "amount_discount": line.amount_discount,
            }
            for line in quote.lines
        ],
        "amount_subtotal": quote.amount_subtotal,
        "amount_discount": quote.amount_discount,
        "amount_total": quote.amount_total,
    }
