"""Read the cases of tests/vectors/pricing.json, and price them by the daemon's rules."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from checkout_daemon.catalog.cart import CartLine, Product, check_cart
from checkout_daemon.catalog.pricing import Discount, Quote, price_cart
from checkout_daemon.catalog.taxes import included_taxes
from checkout_daemon.errors import FieldError, InvalidRequest

FOLDER = Path(__file__).parent
PRICING = FOLDER / "pricing.json"
CURRENCIES = FOLDER / "currencies.json"
TAXES = FOLDER / "taxes.json"

Case = dict[str, Any]


def read_cases(section: str) -> list[Case]:
    """Return a section: `cases` is written by hand, `generated` by tests/vectors/make.py."""
    cases: list[Case] = json.loads(PRICING.read_text(encoding="utf-8"))[section]
    return cases


def outcome(case: Case) -> dict[str, Any]:
    """Return the quote, or every fault."""
    cart, errors = check_cart([CartLine(item["sku"], item["quantity"]) for item in case["items"]])
    if cart is None:
        return {"errors": _shown(errors)}
    products = {product["sku"]: _read_product(product, case["currency"]) for product in case["products"]}
    now = datetime.fromisoformat(case["now"])
    discount = _read_discount(case["discount"])
    shipped = case.get("shipped", False)
    try:
        quote = price_cart(cart, products, discount, currency=case["currency"], now=now, shipped=shipped)
    except InvalidRequest as error:
        return {"errors": _shown(error.errors)}
    return {"quote": _shown_quote(quote)}


def read_tax_cases(section: str) -> list[Case]:
    """Return a section of taxes.json, as read_cases does."""
    cases: list[Case] = json.loads(TAXES.read_text(encoding="utf-8"))[section]
    return cases


def tax_outcome(case: Case) -> list[dict[str, Any]]:
    """Return the tax lines."""
    parts = [(part["tax_class"], Decimal(part["percent"]), part["amount"]) for part in case["parts"]]
    return [
        {
            "tax_class": line.tax_class,
            "percent": f"{line.percent:f}",
            "amount_gross": line.amount_gross,
            "amount": line.amount,
        }
        for line in included_taxes(parts, case["currency"])
    ]


def _read_product(fields: dict[str, Any], currency: str) -> Product:
    return Product(
        sku=fields["sku"],
        name=fields["sku"],
        description="",
        image_url=None,
        unit_amount=fields["unit_amount"],
        currency=fields.get("currency", currency),
        available=fields.get("available", True),
    )


def _read_discount(fields: dict[str, Any] | None) -> Discount | None:
    if fields is None:
        return None
    return Discount(
        code=fields["code"],
        percent_off=Decimal(fields["percent_off"]) if "percent_off" in fields else None,
        amount_off=fields.get("amount_off"),
        currency=fields.get("currency"),
        minimum_subtotal=fields.get("minimum_subtotal", 0),
        starts_at=datetime.fromisoformat(fields["starts_at"]) if "starts_at" in fields else None,
        ends_at=datetime.fromisoformat(fields["ends_at"]) if "ends_at" in fields else None,
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
