"""Payouts equal the sum of their lines to the unit, or what is missing is named."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.bank.order_lines import lines_of_order, sums_of
from checkout_daemon.bank.payouts import NotListed, PayoutFilter, compare_payouts, lines_of, list_payouts, read_payout
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.errors import NotFound
from checkout_daemon.runtime import Runtime
from tests.support.balance import advance, ask, post
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order


@pytest.fixture
async def paid_out(runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe) -> str:
    """Return a payout of two orders, one of which was refunded in part."""
    first = await paid_order(runtime)
    await paid_order(runtime, discount_code="TEN")
    payment = await connection.fetchval("SELECT id FROM payments WHERE order_id = $1", first.order_id)
    await post(stripe, "/v1/refunds", {"payment_intent": payment, "amount": "500"})
    await read_balance(runtime)
    await advance(stripe, "5d")
    await read_balance(runtime, at_once=True)
    (payout,) = await list_payouts(runtime.database, PayoutFilter(), livemode=False, limit=10)
    return payout.id


async def test_a_payout_equals_the_sum_of_its_lines(runtime: Runtime, paid_out: str, stripe: FlakyStripe) -> None:
    payout = await read_payout(runtime.database, paid_out)
    assert (payout.lines, payout.difference, payout.status) == (3, 0, "paid")
    assert payout.net == payout.amount == 3399 - 129 + 3059 - 119 - 500
    (compared,) = [found async for found in compare_payouts(runtime, PayoutFilter())]
    assert compared.agrees


async def test_a_planted_missing_line_is_named_and_stored_again(
    runtime: Runtime, connection: asyncpg.Connection, paid_out: str
) -> None:
    planted = await connection.fetchval("DELETE FROM balance_transactions WHERE type = 'refund' RETURNING id")
    assert (await read_payout(runtime.database, paid_out)).difference == -500
    (found,) = [found async for found in compare_payouts(runtime, PayoutFilter())]
    assert (found.agrees, found.missing, found.extra, found.applied) == (False, (planted,), (), False)
    (found,) = [found async for found in compare_payouts(runtime, PayoutFilter(), paid_out, apply=True)]
    assert (found.missing, found.applied, found.payout.difference) == ((planted,), True, 0)
    (found,) = [found async for found in compare_payouts(runtime, PayoutFilter(), paid_out)]
    assert found.agrees


async def test_a_line_that_stripe_does_not_list_is_named(
    runtime: Runtime, connection: asyncpg.Connection, paid_out: str
) -> None:
    await connection.execute(
        "INSERT INTO balance_transactions SELECT 'txn_planted', livemode, type, category, amount, fee, net, currency,"
        " NULL, 'ch_planted', NULL, NULL, NULL, payout_id, created_at, available_on FROM balance_transactions"
        " WHERE type = 'charge' LIMIT 1"
    )
    (found,) = [found async for found in compare_payouts(runtime, PayoutFilter())]
    assert (found.agrees, found.missing, found.extra) == (False, (), ("txn_planted",))


async def test_lines_name_their_orders_oldest_first(runtime: Runtime, paid_out: str) -> None:
    lines = [line async for page in lines_of(runtime.database, paid_out) for line in page]
    assert [line.created_at for line in lines] == sorted(line.created_at for line in lines)
    assert {(line.category, line.net, line.number) for line in lines} == {
        ("charge", 3270, 1001),
        ("charge", 2940, 1002),
        ("refund", -500, 1001),
    }


async def test_an_order_has_its_gross_fee_refunds_and_net(
    runtime: Runtime, connection: asyncpg.Connection, paid_out: str, stripe: FlakyStripe
) -> None:
    order = await connection.fetchval("SELECT id::text FROM orders WHERE number = 1001")
    charge = await connection.fetchval("SELECT id FROM charges WHERE order_id = $1", order)
    await post(stripe, f"/v1/test_helpers/charges/{charge}/dispute", {"reason": "fraudulent"})
    await read_balance(runtime, at_once=True)
    lines = await lines_of_order(runtime.database, order)
    (sums,) = sums_of((line.currency, line.category, line.amount, line.fee) for line in lines)
    assert (sums.gross, sums.fees, sums.refunds + 500 + 0, sums.disputes, sums.dispute_fees) in {
        (3399, 129, 0, -3399, 1500),
        (3399, 129, 500, -3399, 1500),  # a chargeback fails a refund that is recent
    }
    assert sums.net == sum(line.net for line in lines)


async def test_a_payout_that_was_made_by_hand_is_not_compared(
    runtime: Runtime, connection: asyncpg.Connection, paid_out: str, stripe: FlakyStripe
) -> None:
    await paid_order(runtime)
    await advance(stripe, "2d")
    available = (await ask(stripe, "/v1/balance"))["available"][0]
    made = await post(stripe, "/v1/payouts", {"amount": str(available["amount"] or 1), "currency": "eur"})
    with pytest.raises(NotListed, match="made by hand"):
        [found async for found in compare_payouts(runtime, PayoutFilter(), made["id"], apply=True)]
    await read_balance(runtime, at_once=True)
    by_hand = await read_payout(runtime.database, made["id"])
    assert (by_hand.automatic, by_hand.difference) == (False, None)


async def test_pages_go_on_after_a_payout(runtime: Runtime, connection: asyncpg.Connection, paid_out: str) -> None:
    await connection.execute(
        "INSERT INTO payouts SELECT id || number, livemode, amount, currency, 'failed', automatic, reconciliation,"
        " NULL, created_at, arrives_at FROM payouts, generate_series(1, 3) AS number"
    )
    found = await list_payouts(runtime.database, PayoutFilter(), livemode=False, limit=2)
    after = await list_payouts(runtime.database, PayoutFilter(), livemode=False, limit=5, after=found[-1])
    assert len({payout.id for payout in (*found, *after)}) == 4
    failed = PayoutFilter(("failed",))
    assert len(await list_payouts(runtime.database, failed, livemode=False, limit=5)) == 3
    assert await list_payouts(runtime.database, PayoutFilter(), livemode=True, limit=5) == []


async def test_a_payout_that_nobody_knows_is_not_found(runtime: Runtime, connection: asyncpg.Connection) -> None:
    with pytest.raises(NotFound, match="po_none"):
        await read_payout(runtime.database, "po_none")
    with pytest.raises(NotFound, match="po_none"):
        [found async for found in compare_payouts(runtime, PayoutFilter(), "po_none")]
    with pytest.raises(NotFound, match="Stripe has no payout"):
        [found async for found in compare_payouts(runtime, PayoutFilter(), "po_none", apply=True)]


def test_sums_of_two_currencies_are_never_added() -> None:
    parts = [("eur", "charge", 1000, 59), ("jpy", "charge", 500, 45), ("eur", "fee", -200, 0), ("eur", "new", 7, 0)]
    eur, jpy = sums_of(parts)
    assert (eur.currency, eur.gross, eur.fees, eur.other, eur.net) == ("eur", 1000, 259, 7, 748)
    assert (jpy.currency, jpy.net) == ("jpy", 455)
