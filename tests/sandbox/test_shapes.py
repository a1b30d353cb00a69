"""Every object has the keys and types of the SDK's own resource classes."""

from __future__ import annotations

import importlib
import io
import json
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer
from stripe._object_classes import OBJECT_CLASSES

from checkout_daemon.sandbox.generic.kind_table import KINDS
from checkout_daemon.sandbox.payments import disputing
from tests.sandbox.conftest import AUTHORIZATION, confirm, open_session, wait_for
from tests.sandbox.payment_steps import act, advance, becomes, debit, dispute_of, pay, refund_becomes
from tests.sandbox.sdk_presence import structure_of
from tests.sandbox.sdk_shapes import CLASSES, NOT_SENT, class_hints, faults, is_optional


async def _everything(client: stripe.StripeClient) -> None:
    """Create at least one object of every kind, in every state."""
    address: Any = {"line1": "x"}
    endpoint: Any = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.succeeded"], "description": "d"}
    await client.v1.webhook_endpoints.create_async(params=endpoint)
    customer = await client.v1.customers.create_async(
        params={
            "email": "a@example.com",
            "address": address,
            "shipping": {"name": "n", "address": address},
        }
    )
    product = await client.v1.products.create_async(
        params={"name": "P", "package_dimensions": {"height": 1.5, "length": 2, "weight": 3, "width": 4}}
    )
    yearly: Any = {"currency": "usd", "unit_amount": 5, "product": product.id, "recurring": {"interval": "year"}}
    await client.v1.prices.create_async(params=yearly)
    price = await client.v1.prices.create_async(params={"currency": "usd", "unit_amount": 900, "product": product.id})
    await client.v1.coupons.create_async(params={"id": "HALF", "percent_off": 50, "duration": "once"})
    await client.v1.promotion_codes.create_async(params={"promotion": {"type": "coupon", "coupon": "HALF"}})
    await _rich_session(client, customer.id)
    lines = [{"price": price.id, "quantity": 2}]
    await open_session(client, line_items=lines, customer=customer.id, discounts=[{"coupon": "HALF"}])
    for card in (
        "visa",
        "chargeDeclined",
        "authenticationRequired",
        "createDispute",
        "createDisputeInquiry",
        "refundFail",
    ):
        session = await open_session(client, customer_email="b@example.com")
        try:
            answer = await confirm(client, session.id, payment_method=f"pm_card_{card}")
        except stripe.CardError:
            continue
        if card in ("visa", "refundFail"):
            await client.v1.refunds.create_async(
                params={"payment_intent": answer["payment_intent"]["id"], "amount": 500}
            )
    for iban in ("AT611904300234573201", "IT60X0542811101000000123456"):
        session = await open_session(client, currency="eur", customer_creation="always")
        method = await client.v1.payment_methods.create_async(
            params={"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": {"email": "c@example.com"}}
        )
        await confirm(client, session.id, payment_method=method.id)
    await wait_for(client, "checkout.session.async_payment_failed")
    await wait_for(client, "checkout.session.async_payment_succeeded")
    await wait_for(client, "refund.failed")
    receipt: Any = {"purpose": "dispute_evidence", "file": io.BytesIO(b"%PDF-1.4")}
    await client.v1.files.create_async(params=receipt)
    disputes = await client.v1.disputes.list_async()
    for dispute in disputes.data:
        await client.v1.disputes.update_async(
            dispute.id, params={"evidence": {"uncategorized_text": "winning_evidence"}}
        )


async def _rich_session(client: stripe.StripeClient, customer: str) -> None:
    """Open a session that asks for everything, and expire it."""
    names = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    texts: Any = {name: {"message": "Thanks"} for name in names}
    label = {"type": "custom", "custom": "Gift"}
    session = await open_session(
        client,
        customer=customer,
        after_expiration={"recovery": {"enabled": True, "allow_promotion_codes": True}},
        allow_promotion_codes=True,
        allowed_payment_method_types=["card", "us_bank_account"],
        branding_settings={"display_name": "Mugs", "icon": {"type": "url", "url": "https://shop.example/i.png"}},
        consent_collection={"terms_of_service": "required", "promotions": "auto"},
        custom_fields=[
            {"key": "a", "type": "text", "label": label},
            {"key": "b", "type": "numeric", "label": label, "numeric": {"minimum_length": 2}},
            {"key": "c", "type": "dropdown", "label": label, "dropdown": {"options": [{"label": "x", "value": "y"}]}},
        ],
        custom_text=texts,
        excluded_payment_method_types=["klarna"],
        invoice_creation={"enabled": False, "invoice_data": {"issuer": {"type": "self"}, "footer": "Bye"}},
        name_collection={"business": {"enabled": True, "optional": True}},
        saved_payment_method_options={"payment_method_save": "enabled"},
        shipping_address_collection={"allowed_countries": ["US"]},
        shipping_options=[
            {
                "shipping_rate_data": {
                    "display_name": "Post",
                    "fixed_amount": {"amount": 500, "currency": "usd"},
                    "delivery_estimate": {"minimum": {"unit": "day", "value": 2}},
                }
            }
        ],
        wallet_options={"link": {"display": "never"}},
    )
    expand = ["line_items.data.discounts", "shipping_cost.shipping_rate", "total_details.breakdown"]
    await client.v1.checkout.sessions.retrieve_async(session.id, params={"expand": expand})
    await client.v1.checkout.sessions.expire_async(session.id)


def _check(body: dict[str, Any]) -> list[str]:
    kind = body["object"]
    return [f"{kind}{fault}" for fault in faults(body, CLASSES[kind])]


async def test_objects_are_as_the_sdk_annotates_them(client: stripe.StripeClient, server: TestServer) -> None:
    await _everything(client)
    lists = (
        "balance_transactions charges checkout/sessions coupons customers disputes events files payment_intents prices "
        "products promotion_codes refunds webhook_endpoints"
    )
    seen: dict[str, int] = {}
    found: set[str] = set()
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:

        async def get(path: str) -> Any:
            async with http.get(server.make_url(f"/v1/{path}")) as response:
                assert response.status == 200
                return await response.json()

        bodies: list[dict[str, Any]] = [await get("account"), await get("balance")]
        for name in lists.split():
            bodies += (await get(f"{name}?limit=100"))["data"]
        for body in list(bodies):
            if body["object"] == "event":
                bodies.append(body["data"]["object"])
            elif body["object"] == "checkout.session":
                bodies += (await get(f"checkout/sessions/{body['id']}/line_items"))["data"]
            elif body["object"] == "charge":
                bodies.append(await get(f"payment_methods/{body['payment_method']}"))
                path = f"charges/{body['id']}?expand[]=refunds"
                bodies.append(await get(f"{path}&expand[]=customer&expand[]=payment_intent"))
    for body in bodies:
        seen[body["object"]] = seen.get(body["object"], 0) + 1
        if not body.get("deleted"):
            found |= set(_check(body))
    assert seen.keys() == CLASSES.keys() - {"payout"}  # made at midnight: below
    assert "\n".join(sorted(found)) == ""
    assert json.loads(json.dumps(bodies)) == bodies


async def _payments_in_every_state(client: stripe.StripeClient, server: TestServer) -> None:
    held = await pay(client, capture_method="manual", shipping={"name": "n", "address": {"line1": "x"}})
    await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 1500})
    await client.v1.payment_intents.cancel_async((await pay(client, capture_method="manual")).id)
    await pay(
        client, "pm_card_authenticationRequired", return_url="https://shop.example/", confirmation_method="manual"
    )
    waiting: Any = {"payment_intent": held.id, "amount": 300, "instructions_email": "a@example.com"}
    await client.v1.refunds.cancel_async((await client.v1.refunds.create_async(params=waiting)).id)
    intent_ids = [(await pay(client, "pm_card_pendingRefund")).id]
    for method in ("pm_usBankAccount_success", "pm_sepaDebit_success_at"):
        intent_ids.append((await debit(client, method)).id)
        await becomes(client, intent_ids[-1], "succeeded")
    for intent_id in intent_ids:
        made = await client.v1.refunds.create_async(params={"payment_intent": intent_id})
        await refund_becomes(client, made.id, "succeeded")
    for method in ("pm_usBankAccount_noAccount", "pm_usBankAccount_dispute", "pm_sepaDebit_disputed_de"):
        await debit(client, method)
    await client.v1.payment_intents.cancel_async((await debit(client, "pm_usBankAccount_processing")).id)
    inquiry = await dispute_of(client, (await pay(client, "pm_card_createDisputeInquiry")).id)
    act(server, inquiry.id, disputing.escalate_inquiry)
    act(server, inquiry.id, lambda box, dispute: disputing.end_dispute(box, dispute, won=False))
    act(server, inquiry.id, disputing.appeal_dispute)
    act(server, inquiry.id, lambda box, dispute: disputing.end_dispute(box, dispute, won=True))
    act(server, str(held.latest_charge), lambda box, charge: disputing.open_dispute(box, charge, "prevented"))
    await advance(server, "10d")


async def test_payments_are_as_the_sdk_annotates_them_in_every_state(
    client: stripe.StripeClient, server: TestServer
) -> None:
    await _payments_in_every_state(client, server)
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    paths: set[str] = set()
    page = await client.v1.events.list_async(params={"limit": 100})
    async for event in page.auto_paging_iter():
        body = event.to_dict()["data"]["object"]
        if body["object"] != "payout":  # how far one is depends on the time of the day
            seen.add((body["object"], body.get("status", "")))
        found |= set(_check(body))
        if body["object"] == "charge":
            paths.add(f"payment_methods/{body['payment_method']}")
    async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:
        for path in (*paths, "balance_transactions?limit=100"):
            async with http.get(server.make_url(f"/v1/{path}")) as response:
                body = await response.json()
            for listed in body.get("data", [body]):
                found |= set(_check(listed))
    assert "\n".join(sorted(found)) == ""
    assert seen == {
        *(("charge", status) for status in ("failed", "pending", "succeeded")),
        *(("dispute", status) for status in _DISPUTES),
        *(("payment_intent", status) for status in _INTENTS),
        *(("refund", status) for status in ("canceled", "pending", "requires_action", "succeeded")),
    }


_DISPUTES = ("appeal_needs_response", "lost", "needs_response", "prevented", "warning_needs_response", "won")
_INTENTS = (
    "canceled",
    "processing",
    "requires_action",
    "requires_capture",
    "requires_payment_method",
    "succeeded",
)


@pytest.mark.parametrize("wrong", [{"id": 5}, {"nonsense": 1}, {"name": None}])
def test_the_comparison_finds_faults(wrong: dict[str, Any]) -> None:
    assert list(faults({"id": "prod_1", **wrong}, stripe.Product))


@pytest.mark.parametrize("kind", [*CLASSES, *(kind.object for kind in KINDS if kind.object not in CLASSES)])
def test_it_is_known_which_fields_may_be_absent(kind: str) -> None:
    """The types of stripe-node and of the installed Python SDK are of the same version."""
    module, name = OBJECT_CLASSES[kind]
    cls = getattr(importlib.import_module(module), name)
    known = structure_of(cls)

    assert known is not None
    assert known.keys() - NOT_SENT == class_hints(cls).keys() - NOT_SENT
    assert [name for name, hint in class_hints(cls).items() if not is_optional(hint) and known[name]] == []
