"""The cases that the storefront runs too: tests/vectors/pricing.json."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from checkout_daemon.domain.cart import CartLine, Product, check_cart
from checkout_daemon.domain.pricing import Discount, Quote, price_cart
from checkout_daemon.errors import FieldError, InvalidRequest

VECTORS = Path(__file__).parents[1] / "vectors" / "pricing.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]


def read_product(told: dict[str, Any], currency: str) -> Product:
    return Product(
        sku=told["sku"],
        name=told["sku"],
        description="",
        image_url=None,
        unit_amount=told["unit_amount"],
        currency=told.get("currency", currency),
        available=told.get("available", True),
    )


def read_discount(told: dict[str, Any] | None) -> Discount | None:
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


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    cart, errors = check_cart([CartLine(item["sku"], item["quantity"]) for item in case["items"]])
    if cart is None:
        return {"errors": shown(errors)}
    products = {each["sku"]: read_product(each, case["currency"]) for each in case["products"]}
    now = datetime.fromisoformat(case["now"])
    try:
        quote = price_cart(cart, products, read_discount(case["discount"]), currency=case["currency"], now=now)
    except InvalidRequest as error:
        return {"errors": shown(error.errors)}
    return {"quote": shown_quote(quote)}


def shown(errors: list[FieldError]) -> list[dict[str, str]]:
    return [{"pointer": error.pointer, "code": error.code} for error in errors]


def shown_quote(quote: Quote) -> dict[str, Any]:
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_outcome_is_the_one_written_down(case: dict[str, Any]) -> None:
    expected = {name: case[name] for name in ("quote", "errors") if name in case}
    assert outcome(case) == expected


def test_the_cases_have_different_names() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) >= 40
