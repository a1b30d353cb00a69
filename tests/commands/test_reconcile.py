"""`checkout reconcile` and `checkout sessions sync`: orders compared with Stripe."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run, away, go
from tests.support.background import BackgroundStripe
from tests.support.shopping import check_out, pay


@pytest.fixture
def drifted(do: Do) -> CheckoutAnswer:
    """Order 1001, paid at Stripe, whose events never arrived."""

    async def work(runtime: Runtime) -> CheckoutAnswer:
        answer = await check_out(runtime)
        await pay(runtime, answer.session_id, answer.amount_total)
        return answer

    return do(work)


def test_differences_are_shown_first_and_merged_with_apply(run: Run, drifted: CheckoutAnswer) -> None:
    looked, planned = run("reconcile"), run("sessions", "sync", "1001", "--dry-run")
    difference = [
        "Order 1001  pending, would become completed",
        f"  {drifted.session_id}",
        "    status: open here, complete at Stripe",
        "    payment_status: unpaid here, paid at Stripe",
    ]
    assert looked.code == 1
    assert looked.out.splitlines()[:4] == planned.out.splitlines()[:4] == difference
    assert "Compared 1 order with Stripe" in looked.out
    assert "`checkout reconcile --apply`" in looked.out
    assert (planned.code, planned.err) == (0, "A dry run: nothing was changed.\n")
    quiet = run("reconcile", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (1, "", "error: 1 order still differs from Stripe\n")
    assert run("orders", "show", "1001", "--json").json["status"] == "pending"

    applied = run("reconcile", "--apply", "--json")
    order, tally = applied.lines
    fixed = {difference["mended"] for difference in order["differences"]}  # kept: JSON key
    assert (applied.code, order["status"], fixed) == (0, "completed", {True})
    counts = {"compared": 1, "differed": 1, "mended": 1, "left": 0, "failed": 0}  # kept: JSON key
    assert tally == counts | {"applied": True}
    again = run("reconcile", "--apply", "--json")
    assert (again.code, again.json["differed"]) == (0, 0)
    assert run("sessions", "sync", "1001").err == "Order 1001 agrees with Stripe: completed.\n"


async def add_dispute(database_url: str) -> None:
    """Add a dispute of the only payment that Stripe does not have."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO disputes (id, livemode, payment_id, status, observed_at, event_id) "
        "SELECT 'dp_nobodys', FALSE, id, 'needs_response', now(), 'evt_1' FROM payments"
    )
    await connection.close()


def test_what_cannot_be_merged_is_not_promised_to_be(run: Run, paid: CheckoutAnswer, database_url: str) -> None:
    go(add_dispute(database_url))
    ran = run("reconcile")
    assert (ran.code, "--apply" in ran.out) == (1, False)
    assert "needs response here, but not at Stripe" in ran.out.replace("_", " ")


def test_a_sync_that_leaves_something_to_a_person_is_1(
    run: Run, paid: CheckoutAnswer, do: Do, database_url: str
) -> None:
    go(add_dispute(database_url))
    do(check_out)
    dry = run("sessions", "sync", "1001", "--dry-run")
    assert (dry.code, "but not at Stripe" in dry.out) == (1, True), dry.out
    several = run("sessions", "sync", "1001", "1002", "--yes")
    assert (several.code, "error: 1 order still differs from Stripe" in several.err) == (1, True), several.err
    assert several.out.splitlines()[1] == "1002  done  agrees with Stripe"
    assert run("sessions", "sync", "1001").code == 1
    quiet = run("sessions", "sync", "1001", "--quiet")
    assert (quiet.code, quiet.out, quiet.err.startswith("error: order 1001 differs")) == (1, "", True)
    assert run("sessions", "sync", "1002").code == 0


def test_a_stripe_that_is_down_is_5_and_nothing_was_compared(
    run: Run, drifted: CheckoutAnswer, stripe: BackgroundStripe
) -> None:
    away(stripe)
    ran = run("reconcile", "--apply", "--json")
    assert (ran.code, ran.out, "Stripe" in ran.err) == (5, "", True)
    assert run("orders", "show", "1001", "--json").json["status"] == "pending"
