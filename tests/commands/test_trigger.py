"""`checkout trigger` and `checkout events resend`, with the official Stripe CLI and a running demo."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from checkout_daemon.ledger.event_types import EVENT_TYPES
from tests.support.commands import run_command
from tests.support.dev import running_dev
from tests.support.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = ["id", "type", "status", "reason", "order_id", "number", "from", "to"]
ENDS = {
    "checkout.session.completed": "completed",
    "checkout.session.async_payment_succeeded": "completed",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
    "payment_intent.succeeded": "completed",
    "payment_intent.payment_failed": "pending",
    "payment_intent.processing": "processing",
    "payment_intent.canceled": "expired",
    "charge.succeeded": "completed",
    "charge.failed": "pending",
    "charge.refunded": "refunded",
    "charge.refund.updated": "refunded",
    "charge.dispute.created": "disputed",
    "charge.dispute.updated": "disputed",
    "charge.dispute.closed": "disputed",
    "charge.dispute.funds_withdrawn": "disputed",
    "charge.dispute.funds_reinstated": "completed",
    "refund.created": "refunded",
    "refund.updated": "refunded",
    "refund.failed": "completed",
    "radar.early_fraud_warning.created": "completed",
    "radar.early_fraud_warning.updated": "refunded",
}
# A trigger of the CLI's of each kind, and those that it has no name for.
ALONE = (
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.payment_failed",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "radar.early_fraud_warning.created",
)
FIRST = {"paid": "checkout.session.completed", "disputed": "charge.dispute.created"}


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-trigger-"))
    state_dir.chmod(0o755)
    async with running_dev(state_dir) as dev, aiohttp.ClientSession() as http:
        yield Shop(dev, http)
    shutil.rmtree(state_dir)


async def test_every_type_that_is_understood_is_listed_and_tested() -> None:
    assert set(ENDS) == set(EVENT_TYPES)


async def test_an_order_is_made_for_it(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "checkout.session.expired", "--order", "new")
    assert ran.code == 0, ran.err
    number = ran.out.partition("Created order ")[2].split()[0]
    assert f"applied to #{number}: pending -> expired" in ran.out
    refused = await run_command(shop.dev, "trigger", "charge.refunded", "--order", "new")
    assert refused.code == 4
    assert "checkout trigger checkout.session.completed --order new" in refused.err


async def test_an_order_is_made_of_what_is_not_sold_out(shop: Shop) -> None:
    first = (await run_command(shop.dev, "catalog", "list", "--quiet")).out.split()[0]
    await run_command(shop.dev, "stock", "set", first, "0")
    ran = await run_command(shop.dev, "trigger", "checkout.session.expired", "--order", "new")
    await run_command(shop.dev, "stock", "set", first, "off")
    assert ran.code == 0, ran.err
    shown = await run_command(shop.dev, "orders", "show", ran.out.partition("Created order ")[2].split()[0])
    assert f"({first})" not in shown.out


async def test_an_order_is_completed_with_its_own_amount(shop: Shop) -> None:
    """bench/trigger.py measures how long it takes."""
    order = await shop.check_out()
    ran = await run_command(shop.dev, "trigger", "checkout.session.completed", "--order", order["number"])
    assert ran.code == 0, ran.err
    assert "Running fixture for: confirm" in ran.out
    assert f"applied to #{order['number']}: pending -> completed" in ran.out
    shown = await shop.show(order["number"])
    assert (shown["status"], len(shown["sessions"])) == ("completed", 1)
    assert [(payment["amount"], payment["currency"]) for payment in shown["payments"]] == [
        (order["amount_total"], "eur")
    ]


@pytest.mark.parametrize("event", EVENT_TYPES)
async def test_every_event_can_happen_to_an_order(shop: Shop, event: str) -> None:
    order = await shop.check_out()
    if first := FIRST.get(EVENT_TYPES[event].needs):
        before = await run_command(shop.dev, "trigger", first, "--order", order["number"])
        assert before.code == 0, before.err

    ran = await run_command(shop.dev, "trigger", event, "--order", order["order_id"], "--json")

    assert ran.code == 0, ran.err
    assert "Running fixture for:" in ran.err
    assert all(list(line) == KEYS for line in ran.lines)
    assert all((line["status"], line["number"]) == ("applied", order["number"]) for line in ran.lines)
    assert event in [line["type"] for line in ran.lines]
    if ENDS[event] == "processing":  # for a second only, then the debit settles
        changes = (await shop.show(order["number"]))["changes"]
        assert "processing" in [change["to"] for change in changes]
    else:
        await shop.becomes(order, ENDS[event])


@pytest.mark.parametrize("event", ALONE)
async def test_events_can_be_triggered_without_an_order(shop: Shop, event: str) -> None:
    ran = await run_command(shop.dev, "trigger", event, "--json")
    assert ran.code == 0, ran.err
    assert event in [line["type"] for line in ran.lines]
    assert {(line["status"], line["reason"], line["order_id"]) for line in ran.lines} == {("ignored", "no_order", None)}


async def test_triggers_at_the_same_time_do_not_take_each_others_events(shop: Shop) -> None:
    orders = [await shop.check_out() for _ in range(3)]
    runs = await asyncio.gather(
        *(
            run_command(shop.dev, "trigger", "checkout.session.completed", "--order", order["number"], "--json")
            for order in orders
        ),
        run_command(shop.dev, "trigger", "checkout.session.completed", "--json"),
    )
    assert [ran.code for ran in runs] == [0, 0, 0, 0]
    assert [{line["number"] for line in ran.lines} for ran in runs] == [{order["number"]} for order in orders] + [
        {None}
    ]
    assert len({line["id"] for ran in runs for line in ran.lines}) == sum(len(ran.lines) for ran in runs)


async def test_a_refund_can_be_partial_and_never_more_than_is_left(shop: Shop) -> None:
    order = await shop.check_out()
    trigger = ("trigger", "charge.refunded", "--order", order["number"])
    unpaid = await run_command(shop.dev, *trigger)
    await run_command(shop.dev, "trigger", "charge.succeeded", "--order", order["number"])
    partial = await run_command(shop.dev, *trigger, "--amount", 100)
    too_much = await run_command(shop.dev, *trigger, "--amount", order["amount_total"])
    rest = await run_command(shop.dev, *trigger)
    nothing = await run_command(shop.dev, *trigger)

    assert [ran.code for ran in (unpaid, partial, too_much, rest, nothing)] == [4, 0, 4, 0, 4]
    assert "checkout trigger checkout.session.completed" in unpaid.err
    assert "completed -> partially refunded" in partial.out
    refunds = (await shop.show(order["number"]))["refunds"]
    assert [refund["amount"] for refund in refunds] == [100, order["amount_total"] - 100]


async def test_what_was_changed_can_be_changed_again(shop: Shop) -> None:
    order = await shop.check_out()
    await run_command(shop.dev, "trigger", "charge.succeeded", "--order", order["number"])
    change = ("trigger", "charge.refund.updated", "--order", order["number"])
    first, again = await run_command(shop.dev, *change), await run_command(shop.dev, *change)
    assert (first.code, again.code) == (0, 0), again.err


async def test_an_order_that_costs_nothing_is_completed_and_never_charged(shop: Shop) -> None:
    await _import_discount(shop)
    order = await shop.check_out(discount_code="ALLFREE")
    charged = await run_command(shop.dev, "trigger", "charge.succeeded", "--order", order["number"])
    completed = await run_command(shop.dev, "trigger", "checkout.session.completed", "--order", order["number"])
    assert (charged.code, completed.code) == (4, 0), completed.err
    assert "costs nothing" in charged.err
    await shop.becomes(order, "completed")


async def test_without_an_open_session_it_names_what_creates_one(shop: Shop) -> None:
    order = await shop.check_out()
    pay = ("trigger", "checkout.session.completed", "--order", order["number"])
    await run_command(shop.dev, "trigger", "checkout.session.expired", "--order", order["number"])
    refused = await run_command(shop.dev, *pay)
    assert (refused.code, refused.out) == (4, "")
    command = refused.err.strip().rpartition(": ")[2]
    assert command == f"checkout sessions resend {order['number']}"

    resent = await run_command(shop.dev, *command.split()[1:])
    paid = await run_command(shop.dev, *pay)
    again = await run_command(shop.dev, *pay)
    assert (resent.code, paid.code, again.code) == (0, 0, 4)
    assert "is completed" in again.err


async def test_a_payment_that_came_long_ago_is_disputed_and_refused_to_be_twice(shop: Shop) -> None:
    order = await shop.check_out()
    await run_command(shop.dev, "trigger", "checkout.session.completed", "--order", order["number"])
    [payment] = (await shop.becomes(order, "completed"))["payments"]
    dispute = ("trigger", "charge.dispute.created", "--order", order["number"])
    ran, again = await run_command(shop.dev, *dispute), await run_command(shop.dev, *dispute)
    assert ran.code == 0, ran.err
    shown = await shop.becomes(order, "disputed")
    assert [(disputed["payment_id"], disputed["amount"]) for disputed in shown["disputes"]] == [
        (payment["id"], order["amount_total"])
    ]
    assert again.code == 1
    assert "already been disputed" in again.err


async def test_an_event_that_the_daemon_does_not_use_is_ignored(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "product.created", "--json")
    assert ran.code == 0, ran.err
    assert [(line["type"], line["status"], line["reason"]) for line in ran.lines] == [
        ("product.created", "ignored", "unhandled_type")
    ]
    about = await run_command(shop.dev, "trigger", "product.created", "--order", "1001")
    assert (about.code, about.out) == (2, "")


async def test_an_unknown_event_is_a_usage_error_with_close_matches(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "charge.refundet")
    assert (ran.code, ran.out) == (2, "")
    assert "charge.refunded" in ran.err
    assert (await run_command(shop.dev, "trigger", "./file.json")).code == 2
    assert (await run_command(shop.dev, "trigger")).code == 2


async def test_an_unknown_order_is_exit_3(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", "--order", "999999")
    assert (ran.code, ran.out) == (3, "")


async def test_without_a_database_nothing_happens_at_stripe(shop: Shop) -> None:
    _, before = await shop.stripe("GET", "/v1/payment_intents?limit=100")
    away = shop.dev.env | {"DATABASE_URL": "postgresql://shop@127.0.0.1:1/shop"}
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", "--json", **away)
    _, after = await shop.stripe("GET", "/v1/payment_intents?limit=100")
    assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1)
    assert [intent["id"] for intent in after["data"]] == [intent["id"] for intent in before["data"]]


async def test_a_live_key_is_refused(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", STRIPE_API_KEY="sk_live_0123456789abcdef")
    assert (ran.code, ran.out) == (2, "")
    assert "live key" in ran.err


async def test_a_missing_cli_is_named_with_the_command_that_installs_it(shop: Shop) -> None:
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", STRIPE_CLI="/nonexistent/stripe")
    assert (ran.code, ran.out) == (1, "")
    assert "npm --prefix frontend ci" in ran.err


async def test_a_refusal_by_stripe_is_reported_in_words(shop: Shop) -> None:
    order = await shop.check_out()
    # Expired at Stripe, of which the daemon hears nothing: its endpoint is disabled meanwhile.
    endpoint = json.loads((shop.dev.state_dir / "endpoint.json").read_text())["id"]
    await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "true"})
    try:
        await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
        ran = await run_command(shop.dev, "trigger", "charge.succeeded", "--order", order["number"])
    finally:
        await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "false"})
    assert ran.code == 1
    assert "step confirm" in ran.err
    assert "no longer open" in ran.err
    assert "{" not in ran.err


async def test_an_event_that_is_not_delivered_in_time_is_exit_1(shop: Shop) -> None:
    endpoint = json.loads((shop.dev.state_dir / "endpoint.json").read_text())["id"]
    await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "true"})
    try:
        ran = await run_command(shop.dev, "trigger", "charge.succeeded", "--timeout", "0.5", "--json")
    finally:
        await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "false"})
    assert (ran.code, ran.out) == (1, "")
    assert "Stripe made" in ran.err
    assert "checkout doctor" in ran.err
    assert "checkout listen" in ran.err


async def test_an_event_that_is_held_is_sent_again_and_changes_nothing(shop: Shop) -> None:
    order = await shop.check_out()
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", "--order", order["number"], "--json")
    event = ran.lines[-1]["id"]

    again = await run_command(shop.dev, "events", "resend", event, "--json")
    text = await run_command(shop.dev, "events", "resend", event)

    assert (again.code, text.code) == (0, 0), again.err
    assert list(again.lines[0]) == KEYS
    assert (again.lines[0]["status"], again.lines[0]["reason"]) == ("duplicate", "applied")
    assert again.lines[0]["number"] == order["number"]
    assert f"duplicate: delivered before, applied for #{order['number']}" in text.out
    assert len((await shop.show(order["number"]))["events"]) == len(ran.lines)


async def test_an_event_that_was_missed_is_applied_when_it_is_sent_again(shop: Shop) -> None:
    order = await shop.check_out()
    endpoint = json.loads((shop.dev.state_dir / "endpoint.json").read_text())["id"]
    await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "true"})
    try:
        await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
        _, listed = await shop.stripe("GET", "/v1/events?type=checkout.session.expired&limit=1")
        event = listed["data"][0]["id"]
        nobody = await run_command(shop.dev, "events", "resend", event, "--timeout", "0.3")
    finally:
        await shop.stripe("POST", f"/v1/webhook_endpoints/{endpoint}", {"disabled": "false"})

    ran = await run_command(shop.dev, "events", "resend", event)

    assert (nobody.code, ran.code) == (1, 0), ran.err
    assert "did not arrive" in nobody.err
    assert f"applied to #{order['number']}: pending -> expired" in ran.out


async def test_an_event_that_stripe_does_not_have_is_exit_3(shop: Shop) -> None:
    unknown = await run_command(shop.dev, "events", "resend", "evt_nonesuch0123")
    nonsense = await run_command(shop.dev, "events", "resend", "--", "-x")
    assert (unknown.code, nonsense.code) == (3, 3)
    assert (unknown.out, nonsense.out) == ("", "")
    assert "evt_nonesuch0123" in unknown.err


async def test_the_list_has_a_line_for_each_type(shop: Shop) -> None:
    listed = await run_command(shop.dev, "trigger", "--list")
    as_json = await run_command(shop.dev, "trigger", "--list", "--json")
    assert [row["type"] for row in as_json.lines] == list(EVENT_TYPES)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["event", *EVENT_TYPES]


async def test_the_users_own_login_is_not_touched(shop: Shop, tmp_path: Path) -> None:
    ran = await run_command(shop.dev, "trigger", "charge.succeeded", HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    assert ran.code == 0, ran.err
    assert list(tmp_path.iterdir()) == []


async def _import_discount(shop: Shop) -> None:
    file = shop.dev.state_dir / "discounts.csv"
    file.write_text("code,percent_off\nALLFREE,100\n")
    ran = await run_command(shop.dev, "catalog", "import", file, "--discounts")
    assert ran.code == 0, ran.err
