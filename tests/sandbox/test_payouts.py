"""Fees by a table, conversion, and automatic payouts at the midnights of the sandbox's clock."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.payments.fees import Settlement, dispute_fee, fee_of, rounded
from tests.sandbox.payment_steps import advance, booked, debit, pay


async def test_a_payment_is_paid_out_with_all_of_its_lines(server: TestServer, client: stripe.StripeClient) -> None:
    first = await pay(client)
    await pay(client, amount=5000)
    await client.v1.refunds.create_async(params={"payment_intent": first.id, "amount": 500})
    await advance(server, "4d")
    (payout,) = (await client.v1.payouts.list_async()).data
    lines = await _lines(client, payout.id)
    assert sorted((line.type, line.net) for line in lines) == [
        ("charge", 1912),
        ("charge", 4825),
        ("payout", -6237),
        ("refund", -500),
    ]
    assert (payout.amount, payout.automatic, payout.reconciliation_status) == (6237, True, "completed")
    assert await _balance(client) == {"usd": 0}


async def test_a_payout_is_announced_when_it_is_made_complete_and_paid(
    server: TestServer, client: stripe.StripeClient
) -> None:
    await pay(client)
    await advance(server, "5d")
    (payout,) = (await client.v1.payouts.list_async()).data
    events = (await client.v1.events.list_async(params={"limit": 100})).data
    assert [event.type for event in reversed(events) if event.type.startswith("payout.")] == [
        "payout.created",
        "payout.reconciliation_completed",
        "payout.paid",
        "payout.updated",
    ]
    assert payout.status == "paid"
    assert payout.created % 86_400 < 5
    assert payout.arrival_date - payout.created == 86_400


async def test_each_currency_has_its_own_payout(server: TestServer, client: stripe.StripeClient) -> None:
    await pay(client)
    await pay(client, amount=3000, currency="jpy")
    await pay(client, amount=5000, currency="kwd")
    await advance(server, "3d")
    made = {payout.currency: payout.amount for payout in (await client.v1.payouts.list_async()).data}
    assert made == {"usd": 2000 - 88, "jpy": 3000 - 117, "kwd": 5000 - 445}


async def test_a_negative_balance_waits_for_payments(server: TestServer, client: stripe.StripeClient) -> None:
    first = await pay(client)
    await advance(server, "3d")
    await client.v1.refunds.create_async(params={"payment_intent": first.id})
    await advance(server, "2d")
    assert len((await client.v1.payouts.list_async()).data) == 1
    await pay(client, amount=5000)
    await advance(server, "3d")
    newest = (await client.v1.payouts.list_async()).data[0]
    assert newest.amount == 4825 - 2000


async def test_a_failed_payout_returns_its_money(server: TestServer, client: stripe.StripeClient) -> None:
    await pay(client)
    await advance(server, "4d")
    (payout,) = (await client.v1.payouts.list_async()).data
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url(f"/sandbox/payouts/{payout.id}/fail")) as answer,
    ):
        assert answer.status == 200
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url(f"/sandbox/payouts/{payout.id}/fail")) as answer,
    ):
        assert answer.status == 400
    failed = await client.v1.payouts.retrieve_async(payout.id)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert await booked(client, payout.id) == [("payout", -1912, 0), ("payout_failure", 1912, 0)]
    await advance(server, "1d")
    assert [known.amount for known in (await client.v1.payouts.list_async()).data] == [1912, 1912]


async def test_an_expanded_transaction_becomes_available(client: stripe.StripeClient, server: TestServer) -> None:
    intent = await pay(client, capture_method="automatic")
    for days, status in (("1d", "pending"), ("2d", "available")):
        await advance(server, days)
        params: Any = {"expand": ["balance_transaction"]}
        charge: Any = await client.v1.charges.retrieve_async(str(intent.latest_charge), params=params)
        assert charge.balance_transaction.status == status


async def test_lines_of_a_manual_payout_cannot_be_listed(client: stripe.StripeClient) -> None:
    await pay(client, "pm_card_bypassPending", amount=9000)
    payout = await client.v1.payouts.create_async(params={"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="automatic transfers"):
        await _lines(client, payout.id)


async def test_payments_settle_in_another_currency(server: TestServer, client: stripe.StripeClient) -> None:
    given = {"currency": "eur", "rates": {"usd": 0.915, "jpy": 0.0061}}
    async with aiohttp.ClientSession() as http:
        async with http.post(server.make_url("/sandbox/settlement"), json=given) as answer:
            assert await answer.json() == given
        async with http.get(server.make_url("/sandbox/settlement")) as answer:
            assert await answer.json() == given
    intent = await pay(client, expand=["latest_charge"])
    await pay(client, amount=1000, currency="jpy")
    lines = (await client.v1.balance_transactions.list_async(params={"limit": 5})).data
    assert [(line.amount, line.currency, line.fee, line.exchange_rate) for line in lines] == [
        (610, "eur", 48, 0.0061),
        (1830, "eur", 83, 0.915),
    ]
    await client.v1.refunds.create_async(params={"payment_intent": intent.id})
    newest = (await client.v1.balance_transactions.list_async(params={"limit": 1})).data[0]
    assert (newest.amount, newest.currency) == (-1830, "eur")


async def test_a_payout_is_not_converted(server: TestServer, client: stripe.StripeClient) -> None:
    await pay(client)
    async with aiohttp.ClientSession() as http:
        await http.post(server.make_url("/sandbox/settlement"), json={"currency": "eur", "rates": {"usd": 0.9}})
    await advance(server, "4d")
    (payout,) = (await client.v1.payouts.list_async()).data
    own = await client.v1.balance_transactions.retrieve_async(str(payout.balance_transaction))
    assert (payout.currency, payout.amount, own.currency, own.amount) == ("usd", 1912, "usd", -1912)
    assert await _balance(client) == {"usd": 0}


@pytest.mark.parametrize(
    "given", [{"rates": {"usd": 0}}, {"rates": 3}, {"currency": "xxx"}, {"rates": {"xxx": 1}}, {"other": 1}]
)
async def test_an_odd_settlement_is_refused(server: TestServer, given: dict[str, Any]) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url("/sandbox/settlement"), json=given) as answer,
    ):
        assert answer.status == 400


async def test_a_debit_has_its_own_fee(server: TestServer, client: stripe.StripeClient) -> None:
    intent = await debit(client, "pm_usBankAccount_success")
    await advance(server, "1d")
    found = await client.v1.payment_intents.retrieve_async(intent.id)
    assert await booked(client, str(found.latest_charge)) == [("payment", 2000, 35)]


@pytest.mark.parametrize(
    ("kind", "amount", "currency", "fee"),
    [
        ("charge", 1000, "eur", 59),
        ("charge", 50, "usd", 31),
        ("charge", 1000, "jpy", 59),
        ("charge", 10_000, "kwd", 590),
        ("payment", 1000, "eur", 35),
        ("refund", -1000, "eur", 0),
    ],
)
def test_fees_follow_the_table(kind: str, amount: int, currency: str, fee: int) -> None:
    assert fee_of(kind, amount, currency) == fee


def test_the_fee_of_a_dispute_has_the_decimals_of_its_currency() -> None:
    assert [dispute_fee(currency) for currency in ("usd", "jpy", "kwd")] == [1500, 1500, 15_000]


def test_a_conversion_scales_by_decimals_and_rounds_half_away_from_zero() -> None:
    settlement = Settlement("eur", {"kwd": 3.0, "usd": 0.5})
    assert settlement.convert(10_000, "kwd") == (3000, "eur", 3.0)
    assert [settlement.convert(amount, "usd")[0] for amount in (1, -1, 3)] == [1, -1, 2]
    assert settlement.convert(5, "eur") == (5, "eur", None)
    assert rounded(Fraction(-5, 2)) == -3


async def _lines(client: stripe.StripeClient, payout: str) -> list[stripe.BalanceTransaction]:
    page = await client.v1.balance_transactions.list_async(params={"payout": payout, "limit": 100})
    return page.data


async def _balance(client: stripe.StripeClient) -> dict[str, int]:
    balance = await client.v1.balance.retrieve_async()
    return {part.currency: part.amount for part in balance.available}
