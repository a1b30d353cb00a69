"""Lists of the stored kinds: pages, dates, filters, and lists that are always empty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Ask

VAT = {"display_name": "VAT", "inclusive": "false", "percentage": "19.5"}


async def test_lists_come_in_pages_and_by_date(ask: Ask) -> None:
    made = [await ask("POST", "/v1/tax_rates", {**VAT, "display_name": name}) for name in ("a", "b", "c")]

    first = await ask("GET", "/v1/tax_rates", {"limit": 2})
    second = await ask("GET", "/v1/tax_rates", {"limit": 2, "starting_after": first["data"][-1]["id"]})
    later = await ask("GET", "/v1/tax_rates", {"created[gt]": made[-1]["created"] + 60})

    assert [item["display_name"] for item in first["data"]] == ["c", "b"]
    assert first["has_more"]
    assert [item["id"] for item in second["data"]] == [made[0]["id"]]
    assert not second["has_more"]
    assert later["data"] == []


async def test_lists_are_filtered_by_fields(ask: Ask, customer: str) -> None:
    other = await ask("POST", "/v1/customers", {})
    await ask("POST", "/v1/invoices", {"customer": other["id"]})
    mine = await ask("POST", "/v1/invoices", {"customer": customer})

    page = await ask("GET", "/v1/invoices", {"customer": customer, "status": "draft"})

    assert [item["id"] for item in page["data"]] == [mine["id"]]


async def test_subscriptions_are_listed_as_documented(ask: Ask, customer: str, price: str) -> None:
    kept = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    gone = await ask("POST", "/v1/subscriptions", {"customer": customer, "items[0][price]": price})
    await ask("DELETE", f"/v1/subscriptions/{gone['id']}")
    ends = kept["items"]["data"][0]["current_period_end"]

    async def listed(path: str = "/v1/subscriptions", **params: Any) -> list[str]:
        return [item["id"] for item in (await ask("GET", path, params))["data"]]

    assert await listed() == [kept["id"]]
    assert await listed(status="all") == [gone["id"], kept["id"]]
    assert await listed(status="ended") == [gone["id"]]
    assert await listed(status="canceled") == [gone["id"]]
    assert await listed(price=price, status="all") == [gone["id"], kept["id"]]
    assert await listed(**{"current_period_end[gt]": ends}) == []
    assert await listed(**{"current_period_end[lte]": ends}) == [kept["id"]]
    assert await listed("/v1/invoices", subscription=kept["id"]) == [kept["latest_invoice"]]
    assert (await ask("GET", "/v1/subscriptions", {"status": "al"}, status=400))["error"]["param"] == "status"


@pytest.mark.parametrize(
    "path", ["/v1/payment_methods", "/v1/charges", "/v1/subscriptions", "/v1/invoices", "/v1/checkout/sessions"]
)
async def test_a_list_for_an_unknown_object_is_refused(ask: Ask, path: str) -> None:
    error = (await ask("GET", path, {"customer": "cus_nobody"}, status=400))["error"]

    assert (error["code"], error["param"]) == ("resource_missing", "customer")


async def test_lists_of_stored_objects_take_their_filters(ask: Ask, customer: str, price: str) -> None:
    on = await ask("POST", "/v1/tax_rates", VAT)
    await ask("POST", "/v1/tax_rates", {**VAT, "active": "false"})
    item = await ask("POST", "/v1/invoiceitems", {"amount": 5, "currency": "usd", "customer": customer})
    await ask("POST", "/v1/invoices", {"customer": customer, "pending_invoice_items_behavior": "include"})
    waiting = await ask("POST", "/v1/invoiceitems", {"amount": 6, "currency": "usd", "customer": customer})

    async def listed(path: str, **params: Any) -> list[str]:
        return [item["id"] for item in (await ask("GET", path, params))["data"]]

    assert await listed("/v1/tax_rates", active="true") == [on["id"]]
    assert await listed("/v1/invoiceitems", pending="true") == [waiting["id"]]
    assert await listed("/v1/invoiceitems", pending="false") == [item["id"]]
    assert await listed("/v1/plans", active="true") == []
    assert await listed("/v1/prices", **{"recurring[interval]": "month", "recurring[usage_type]": "licensed"}) == [
        price
    ]
    assert await listed("/v1/prices", **{"recurring[interval]": "year"}) == []
    assert await listed("/v1/issuing/cards", last4="1234") == []


@pytest.mark.parametrize("path", ["/v1/tax_ids", "/v1/reviews"])
async def test_lists_of_unsupported_objects_are_empty(ask: Ask, path: str) -> None:
    page = await ask("GET", path, {"limit": 3})
    missing = await ask("GET", f"{path}/x_1", status=404)

    assert (page["data"], page["has_more"], page["url"]) == ([], False, path)
    assert missing["error"]["code"] == "resource_missing"


async def test_a_customers_tax_ids_and_a_products_features_are_empty(ask: Ask, customer: str) -> None:
    product = (await ask("POST", "/v1/products", {"name": "P"}))["id"]

    assert (await ask("GET", f"/v1/customers/{customer}/tax_ids"))["data"] == []
    assert (await ask("GET", f"/v1/products/{product}/features"))["data"] == []
    await ask("GET", "/v1/products/prod_none/features", status=404)
    refused = await ask("POST", f"/v1/products/{product}/features", {"entitlement_feature": "feat_1"}, status=404)
    assert refused["error"]["message"].startswith("Stripe has POST /v1/products/")
