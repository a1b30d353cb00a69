"""Money of the stored kinds: payouts, transfers, and what is available."""

from __future__ import annotations

import aiohttp
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.billing_steps import fund
from tests.sandbox.conftest import Ask, wait_for
from tests.sandbox.payment_steps import types_about

DAY = 86_400


async def test_a_payout_arrives_the_next_day_unless_it_is_canceled(
    ask: Ask, server: TestServer, client: stripe.StripeClient
) -> None:
    await fund(ask, 3000)
    first = await ask("POST", "/v1/payouts", {"amount": 1100, "currency": "usd"})
    second = await ask("POST", "/v1/payouts", {"amount": 1100, "currency": "usd"})
    await ask("POST", f"/v1/payouts/{second['id']}/cancel")

    async with aiohttp.ClientSession(server.make_url("/")) as http:
        answer = await http.post("/sandbox/clock", json={"advance": DAY + 60})
        assert answer.status == 200

    assert (await ask("GET", f"/v1/payouts/{first['id']}"))["status"] == "paid"
    assert (await ask("GET", f"/v1/payouts/{second['id']}"))["status"] == "canceled"
    assert (await types_about(client, first["id"])).count("payout.paid") == 1


async def test_a_transfer_is_reversed_in_parts_and_never_beyond(ask: Ask) -> None:
    await fund(ask, 2000)
    account = await ask("POST", "/v1/accounts", {"email": "seller@example.com"})
    given = {"amount": 1000, "currency": "usd", "destination": account["id"]}
    path = f"/v1/transfers/{(await ask('POST', '/v1/transfers', given))['id']}"

    part = await ask("POST", f"{path}/reversals", {"amount": 400})
    await ask("POST", f"{path}/reversals", {"amount": 601}, status=400)
    await ask("POST", f"{path}/reversals")

    whole = await ask("GET", path)
    assert (whole["amount_reversed"], whole["reversed"]) == (1000, True)
    assert [reversal["amount"] for reversal in whole["reversals"]["data"]] == [600, 400]
    assert (await ask("GET", f"{path}/reversals/{part['id']}"))["transfer"] == whole["id"]
    assert (await ask("GET", f"/v1/accounts/{account['id']}"))["email"] == "seller@example.com"


async def test_some_money_is_available_at_once(ask: Ask, client: stripe.StripeClient) -> None:
    given = {"amount": 1000, "currency": "usd", "confirm": "true", "payment_method": "pm_card_bypassPending"}
    given["return_url"] = "https://shop.example/back"
    await ask("POST", "/v1/payment_intents", given)

    balance = await ask("GET", "/v1/balance")

    assert balance["available"] == [{"amount": 941, "currency": "usd", "source_types": {"card": 941}}]
    assert (await wait_for(client, "balance.available")).data.object["available"][0]["amount"] == 941


async def test_nothing_leaves_that_is_not_available(ask: Ask) -> None:
    await fund(ask, 1000)
    account = await ask("POST", "/v1/accounts")
    pending = {"amount": 9000, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    await ask("POST", "/v1/payment_intents", {**pending, "payment_method_types[]": "card"})
    transfer = {"amount": 1001, "currency": "usd", "destination": account["id"]}

    payout = await ask("POST", "/v1/payouts", {"amount": 942, "currency": "usd"}, status=400)
    other = await ask("POST", "/v1/payouts", {"amount": 1, "currency": "eur"}, status=400)
    sent = await ask("POST", "/v1/transfers", transfer, status=400)
    await ask("POST", "/v1/payouts", {"amount": 941, "currency": "usd"})

    codes = [refusal["error"]["code"] for refusal in (payout, other, sent)]
    assert codes == ["balance_insufficient"] * 3
    assert (await ask("GET", "/v1/balance"))["available"][0]["amount"] == 0
    assert len((await ask("GET", "/v1/payouts"))["data"]) == 1
