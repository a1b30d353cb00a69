"""Orders of another system are imported: as Stripe has them, once each, through a kill, and nobody is told."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.placing import retry_checkout
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.database.leases import leased
from checkout_daemon.errors import NotPayable
from checkout_daemon.jobs.table import JOBS
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.own_account import remember_account
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.explaining.explain import explain_order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.stripe_sync.comparing import sync_order
from checkout_daemon.stripe_sync.customer_file import read_customers
from checkout_daemon.stripe_sync.importing import (
    CURSOR,
    Fate,
    ImportRun,
    ImportUnderWay,
    OtherAccount,
    Seen,
    UnknownAccount,
    import_orders,
)
from tests.orders.test_erasing import everything
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble, deny
from tests.support.jobs import run_job
from tests.support.old_shop import CARD, DEBIT, DISPUTED, OldShop, at_once
from tests.support.shopping import count_rows, paid_order
from tests.support.stripe_events import SECRET, deliver
from tests.support.waiting import until

ADA = Operator("ada", "shop1")
LATER = timedelta(days=60)


@pytest.fixture
def shop(runtime: Runtime, stripe: FlakyStripe) -> OldShop:
    return OldShop(runtime, stripe)


def begin() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


async def imported(runtime: Runtime, since: datetime, **options: Any) -> tuple[ImportRun, list[Seen]]:
    seen: list[Seen] = []
    run = await import_orders(
        runtime,
        since=since,
        until=datetime.now(UTC).replace(microsecond=0) + LATER,
        operator=ADA,
        on_seen=seen.append,
        calls_per_second=90,
        **options,
    )
    return run, seen


async def rows(connection: asyncpg.Connection) -> dict[str, asyncpg.Record]:
    found = await connection.fetch("SELECT * FROM orders WHERE imported_from IS NOT NULL ORDER BY number")
    return {row["imported_from"]: row for row in found}


async def told(runtime: Runtime) -> None:
    """Run every job that tells somebody something."""
    for job in JOBS:
        if job.name.startswith(("deliver-", "tell-", "spread-", "owe-", "count-")):
            await run_job(runtime, job.name)


async def test_erasing_deletes_what_the_other_system_called_a_payment(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    donation = "Donation by bo@old.example"
    alone = await shop.intent(4200, description=donation, receipt_email="bo@old.example")
    await imported(runtime, begin())
    order_id = str((await rows(connection))[alone["id"]]["id"])
    assert [item.name for item in (await show_order(runtime.database, order_id)).items] == [donation]
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=ADA)
    assert [item.name for item in (await show_order(runtime.database, order_id)).items] == ["Payment"]
    assert "bo@old.example" not in await everything(connection)


async def test_every_order_is_as_stripe_has_it_and_a_second_run_adds_nothing(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    ours = await paid_order(runtime)
    plain = await shop.paid(1999)
    refunded = await shop.paid(1000)
    await shop.refund(refunded)
    partly = await shop.paid(2000, quantity=2)
    await shop.refund(partly, 1500)
    disputed = await shop.paid(3000, DISPUTED)
    open_session = await shop.session(500)
    expired = await shop.session(600)
    await shop.ask("post", f"/v1/checkout/sessions/{expired['id']}/expire")
    alone = await shop.intent(4200, description="Invoice 77", receipt_email="bo@old.example")
    since = begin()

    dry, _ = await imported(runtime, since, dry_run=True)
    assert (dry.count(Fate.IMPORTED), await count_rows(connection, "orders")) == (5, 1)
    assert await connection.fetch("SELECT kind FROM operator_log WHERE kind LIKE 'orders.import%'") == []

    run, seen = await imported(runtime, since)
    made = await rows(connection)
    assert {sid: made[sid]["status"] for sid in made} == {
        plain["id"]: "completed",
        refunded["id"]: "refunded",
        partly["id"]: "partially_refunded",
        disputed["id"]: "disputed",
        alone["id"]: "completed",
    }
    assert [run.count(fate) for fate in (Fate.IMPORTED, Fate.UNPAID, Fate.REFUSED)] == [5, 2, 0]
    assert {item.id for item in seen if item.fate is Fate.UNPAID} == {open_session["id"], expired["id"]}
    assert ours.session_id in {item.id for item in seen if item.fate is Fate.OURS}
    assert [made[sid]["amount_refunded"] for sid in (refunded["id"], partly["id"])] == [1000, 1500]
    assert (made[partly["id"]]["amount_total"], made[partly["id"]]["currency"]) == (4000, "eur")
    assert made[plain["id"]]["customer_email"] == "buyer@old.example"
    assert (made[alone["id"]]["customer_email"], made[alone["id"]]["amount_total"]) == ("bo@old.example", 4200)
    charged = datetime.fromtimestamp(plain["payment_intent"]["latest_charge"]["created"], UTC)
    assert (made[plain["id"]]["paid_at"], made[plain["id"]]["created_at"].timestamp()) == (charged, plain["created"])
    items = await connection.fetch(
        "SELECT name, quantity, unit_amount FROM order_items WHERE order_id = $1", made[partly["id"]]["id"]
    )
    assert [tuple(item) for item in items] == [("Old mug", 2, 2000)]

    again, seen = await imported(runtime, since)
    assert (again.count(Fate.IMPORTED), again.count(Fate.HERE)) == (0, 5)
    assert await count_rows(connection, "orders") == 6
    for row in made.values():  # nothing differs from Stripe
        assert (await sync_order(runtime, str(row["id"]), cause="test", actor="test", apply=False)).differences == ()
    kinds = await connection.fetch("SELECT kind, operator FROM operator_log WHERE kind LIKE 'orders.import%'")
    assert [tuple(row) for row in kinds] == 2 * [("orders.import_begun", "ada"), ("orders.imported", "ada")]
    assert (await verify(runtime.database)).faults == []


async def test_nobody_is_told_of_what_was_and_everybody_of_what_comes(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    sold = await shop.paid(1999)
    refunded = await shop.paid(1000)
    await shop.refund(refunded)
    await shop.paid(3000, DISPUTED)
    await imported(runtime, begin())
    found = await connection.fetch("SELECT kind, channel, status FROM outbox")
    assert {row["status"] for row in found} == {"skipped"}
    assert {"order.completed", "order.refunded", "order.attention"} <= {row["kind"] for row in found}
    await told(runtime)
    assert {row["status"] for row in await connection.fetch("SELECT status FROM outbox")} == {"skipped"}
    assert await count_rows(connection, "alerts") == 0

    refund = await shop.refund(sold, 500)
    order_id = str((await rows(connection))[sold["id"]]["id"])
    await sync_order(runtime, order_id, cause="test", actor="test")
    waiting = await connection.fetch("SELECT kind, subject_id FROM outbox WHERE status = 'queued'")
    assert {tuple(row) for row in waiting} == {("order.refunded", refund["id"])}


async def test_a_debit_on_its_way_is_processing_until_it_arrives(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, stripe: FlakyStripe
) -> None:
    sold = await shop.paid(700, DEBIT, payment_method_types=["sepa_debit"])

    def on_its_way(request: Request, content: bytes) -> bytes:
        if request.path != "/v1/checkout/sessions":
            return content
        listed = json.loads(content)
        for session in listed["data"]:
            session["payment_status"] = "unpaid"
            session["payment_intent"] |= {"status": "processing", "amount_received": 0}
            session["payment_intent"]["latest_charge"] |= {"status": "pending", "captured": False}
        return json.dumps(listed).encode()

    stripe.rewrite = on_its_way
    await imported(runtime, begin())
    row = (await rows(connection))[sold["id"]]
    assert row["status"] == "processing"
    stripe.rewrite = lambda request, content: content

    async def arrived() -> bool:
        return bool((await shop.read(sold["id"]))["payment_status"] == "paid")

    await until(arrived)
    synced = await sync_order(runtime, str(row["id"]), cause="test", actor="test")
    assert synced.status == "completed"
    waiting = await connection.fetch("SELECT kind FROM outbox WHERE status = 'queued'")
    assert {message["kind"] for message in waiting} == {"order.completed"}


async def test_a_refused_debit_cannot_be_paid_on_a_page_of_ours(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    refused = DEBIT | {"sepa_debit": {"iban": "IT60X0542811101000000123456"}}
    sold = await shop.paid(700, refused, payment_method_types=["sepa_debit"])

    async def failed() -> bool:
        return bool((await shop.read(sold["id"]))["payment_intent"]["status"] == "requires_payment_method")

    await until(failed)
    await imported(runtime, begin())
    row = (await rows(connection))[sold["id"]]
    assert row["status"] == "failed"
    assert (await show_to_shopper(runtime, sold["id"])).retry_url is None
    with pytest.raises(NotPayable, match="imported from another system"):
        await retry_checkout(runtime, sold["id"])
    explained = await explain_order(runtime.database, str(row["number"]))
    assert not [found for found in explained.findings if found.command and "resend" in found.command]


async def test_an_imported_order_is_refunded_as_any_other(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    sold = await shop.paid(700)
    await imported(runtime, begin())
    await refund(runtime, str((await rows(connection))[sold["id"]]["id"]), RefundOptions(), operator=ADA)
    assert (await rows(connection))[sold["id"]]["status"] == "refunded"
    waiting = await connection.fetch("SELECT kind FROM outbox WHERE status = 'queued'")
    assert {message["kind"] for message in waiting} == {"order.refunded"}


async def test_events_that_came_before_are_its_events_and_later_ones_move_it(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    sold = await shop.paid(1999)
    listed = await shop.ask("get", "/v1/events", {"types": ["checkout.session.completed"]})
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    await deliver(intake, json.dumps(listed["data"][0]).encode())
    await intake.close()
    assert await connection.fetchval("SELECT reason FROM stripe_events") == "no_order"
    await imported(runtime, begin())
    row = (await rows(connection))[sold["id"]]
    event = await connection.fetchrow("SELECT status, order_id FROM stripe_events")
    assert event is not None
    assert tuple(event) == ("applied", row["id"])


async def test_lines_with_shipping_discount_and_tax_add_up_to_what_was_paid(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    coupon = await shop.ask("post", "/v1/coupons", {"amount_off": 300, "currency": "eur", "duration": "once"})
    rate = {"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 490, "currency": "eur"}}
    sold = await shop.paid(
        1000, quantity=2, discounts=[{"coupon": coupon["id"]}], shipping_options=[{"shipping_rate_data": rate}]
    )
    assert sold["amount_total"] == 2190
    await imported(runtime, begin())
    row = (await rows(connection))[sold["id"]]
    assert [row[f"amount_{name}"] for name in ("subtotal", "discount", "total")] == [2490, 300, 2190]
    assert row["status"] == "completed"
    items = await connection.fetch(
        "SELECT sku, amount FROM order_items WHERE order_id = $1 ORDER BY position", row["id"]
    )
    assert [item["amount"] for item in items] == [2000, 490]
    assert items[1]["sku"] == "SHIPPING"
    await run_job(runtime, "delete-coupons")
    assert not [request for request in shop.stripe.requests if request.method == "DELETE"]  # no coupon of theirs


async def test_two_hundred_sessions_through_a_kill(
    runtime: Runtime,
    connection: asyncpg.Connection,
    shop: OldShop,
    stripe: FlakyStripe,
    database_url: str,
    tmp_path: Path,
) -> None:
    """The command is killed while it works; the next run continues, and every order is there once."""
    since = begin()

    async def make(place: int) -> dict[str, Any]:
        sold = await shop.paid(1000 + place, DISPUTED if place % 20 == 7 else CARD)
        if place % 10 == 3:
            await shop.refund(sold)
        elif place % 10 == 5:
            await shop.refund(sold, 400)
        return sold

    made: list[dict[str, Any]] = []
    for _ in range(5):
        made += await at_once(40, make)
        await shop.advance("9d")
    until = f"{since + LATER:%Y-%m-%dT%H:%M:%SZ}"
    arguments = ("import", "stripe", "--since", f"{since:%Y-%m-%dT%H:%M:%SZ}", "--until", until, "--rate", "90")

    process: asyncio.subprocess.Process | None = None

    async def run() -> tuple[int | None, bytes]:
        nonlocal process
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "checkout_daemon", *arguments, "--json"),
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "DATABASE_URL": database_url,
                "STRIPE_API_KEY": KEY,
                "STRIPE_API_BASE": stripe.base,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        return process.returncode, out

    refunds = 0

    def kill_at_the_25th(number: int, request: Request) -> Trouble | None:
        nonlocal refunds
        refunds += request.path == "/v1/refunds"
        if refunds == 25 and process is not None and process.returncode is None:
            process.kill()
        return None

    stripe.plan = kill_at_the_25th
    code, _ = await run()
    stripe.plan = lambda number, request: None
    part = await count_rows(connection, "orders")
    assert (code, 0 < part < 200) == (-9, True)
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status <> 'skipped'") == 0

    with pytest.raises(ImportUnderWay, match="try again in 2 m"):  # its lease is not over yet
        await imported(runtime, since)
    await connection.execute("UPDATE cursors SET leased_until = now() - interval '1 second'")
    code, out = await run()
    summary = json.loads(out)
    assert (code, summary["imported"], summary["refused"]) == (0, 200 - part, 0)

    orders = await rows(connection)
    assert orders.keys() == {session["id"] for session in made}
    assert await count_rows(connection, "orders") == 200
    for session in [await shop.read(session["id"]) for session in made]:
        row, charge = orders[session["id"]], session["payment_intent"]["latest_charge"]
        assert (row["amount_total"], row["currency"]) == (session["amount_total"], session["currency"])
        assert row["amount_refunded"] == charge["amount_refunded"]
        part_back = "partially_refunded" if charge["amount_refunded"] else "completed"
        expected = "disputed" if charge["disputed"] else "refunded" if charge["refunded"] else part_back
        assert (row["status"], row["livemode"]) == (expected, session["livemode"])
    by_number = sorted(orders.values(), key=lambda row: row["number"])
    assert [row["created_at"] for row in by_number] == sorted(row["created_at"] for row in by_number)
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status <> 'skipped'") == 0

    code, out = await run()
    summary = json.loads(out)
    assert (code, summary["imported"], summary["here"]) == (0, 0, 200)


async def test_two_imports_at_once_make_each_order_once(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    """The second one took over a lease that had ended while the first was only slow."""
    await at_once(12, lambda place: shop.paid(1000 + place))
    since = begin()

    async def take_over(run: ImportRun) -> None:
        await connection.execute("UPDATE cursors SET leased_until = now() - interval '1 second'")
        await imported(runtime, since)

    tasks: list[asyncio.Task[None]] = []

    def start(run: ImportRun) -> None:
        if not tasks:
            tasks.append(asyncio.create_task(take_over(run)))

    first = asyncio.create_task(imported(runtime, since, on_start=start))
    await asyncio.gather(first, return_exceptions=True)
    await tasks[0]
    assert await count_rows(connection, "orders") == 12


async def test_a_charge_from_before_payment_intents_is_an_order(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, stripe: FlakyStripe
) -> None:
    made = await shop.intent(1500, description="Telephone order")

    def old(request: Request, content: bytes) -> bytes:
        if request.path == "/v1/payment_intents":
            return b'{"object": "list", "data": [], "has_more": false, "url": "/v1/payment_intents"}'
        if request.path != "/v1/charges":
            return content
        listed = json.loads(content)
        for charge in listed["data"]:
            charge["payment_intent"] = None
        return json.dumps(listed).encode()

    stripe.rewrite = old
    await imported(runtime, begin())
    row = (await rows(connection))[made["latest_charge"]]
    assert (row["amount_total"], row["status"], row["customer_name"]) == (1500, "completed", "unknown")


async def test_what_contradicts_itself_is_refused_and_nothing_of_it_is_written(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, stripe: FlakyStripe
) -> None:
    sold = await shop.paid(1000)
    fine = await shop.paid(1100)

    def wrong(request: Request, content: bytes) -> bytes:
        return content.replace(b'"amount_received": 1000', b'"amount_received": 900').replace(
            b'"amount_received":1000', b'"amount_received":900'
        )

    stripe.rewrite = wrong
    run, seen = await imported(runtime, begin())
    (refused,) = [item for item in seen if item.fate is Fate.REFUSED]
    assert (refused.id, refused.why) == (sold["id"], "Stripe's objects about it disagree: amount_mismatch")
    assert (await rows(connection)).keys() == {fine["id"]}
    assert await connection.fetchval("SELECT count(*) FROM links WHERE source_id = $1", sold["id"]) == 0
    assert run.count(Fate.REFUSED) == 1


async def test_a_payment_of_a_session_made_before_is_no_order_of_its_own(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    sold = await shop.session(1000)
    await shop.advance("1h")
    method = (await shop.ask("post", "/v1/payment_methods", CARD))["id"]
    await shop.ask(
        "post", f"/v1/payment_pages/{sold['id']}/confirm", {"payment_method": method, "expected_amount": 1000}
    )
    since = datetime.fromtimestamp(sold["created"] + 1, UTC)
    run, _ = await imported(runtime, since)
    assert (run.count(Fate.IMPORTED), run.count(Fate.OF_SESSION)) == (0, 1)


async def test_a_dry_run_counts_what_a_run_would_import(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    """A session that we do not know has a payment that names an order of ours."""
    ours = await paid_order(runtime)
    await shop.paid(1000, payment_intent_data={"metadata": {"order_id": str(ours.order_id)}})
    await shop.paid(1200)
    counts = [(await imported(runtime, begin(), dry_run=dry_run))[0].fates for dry_run in (True, False)]
    assert counts[0] == counts[1]
    assert counts[0]["imported"] == 1


async def test_a_key_of_another_account_is_refused(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop
) -> None:
    await shop.paid(1000)
    await runtime.database.run(remember_account, "acct_another", livemode=False)
    with pytest.raises(OtherAccount, match="acct_another"):
        await imported(runtime, begin())
    assert await count_rows(connection, "orders") == 0


async def test_a_key_that_hides_its_account_is_refused_once_that_of_the_orders_is_known(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, stripe: FlakyStripe
) -> None:
    await shop.paid(1000)
    await deny(stripe, "rak_accounts_kyc_basic_read")
    settings = replace(runtime.settings, stripe_api_key="rk_test_services0123456789")
    async with open_runtime(settings) as restricted:
        run, _ = await imported(restricted, begin(), dry_run=True)
        assert run.count(Fate.IMPORTED) == 1
        await runtime.database.run(remember_account, "acct_another", livemode=False)
        with pytest.raises(UnknownAccount, match=r"acct_another.*'rak_accounts_kyc_basic_read' permission"):
            await imported(restricted, begin())
    assert await count_rows(connection, "orders") == 0


@pytest.mark.parametrize("livemode", [True, None])
async def test_a_run_that_was_interrupted_under_a_key_of_the_other_mode_is_not_continued(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, livemode: bool | None
) -> None:
    sold = await shop.paid(1000)
    since = begin()
    far = since + timedelta(days=50)
    async with leased(runtime.database, CURSOR) as lease:
        assert lease is not None
        interrupted = ImportRun(since, since + LATER, far, datetime.now(UTC), livemode=livemode)
        await lease.save(msgspec.json.encode(interrupted).decode())
    await imported(runtime, since)
    assert set(await rows(connection)) == {sold["id"]}


FILE = """session_id,payment_intent_id,email,name,phone
{session},,,Ada Lovelace,+43 664 1234567
,,buyer@old.example,Buyer of old,
,{intent},bo@old.example,Bo Ek,
"""


async def test_a_file_completes_what_stripe_lacks(
    runtime: Runtime, connection: asyncpg.Connection, shop: OldShop, tmp_path: Path
) -> None:
    sold, other, alone = await shop.paid(1000), await shop.paid(1100), await shop.intent(1200)
    path = tmp_path / "old.csv"
    path.write_text(FILE.format(session=sold["id"], intent=alone["id"]), encoding="utf-8")
    customers = read_customers(path)
    await imported(runtime, begin(), customers=customers)
    made = await rows(connection)
    columns = ("customer_name", "customer_email", "customer_phone")
    assert [made[sold["id"]][name] for name in columns[1:]] == ["buyer@old.example", "+436641234567"]
    assert made[other["id"]]["customer_phone"] == ""
    assert [made[alone["id"]][name] for name in columns] == ["Bo Ek", "bo@old.example", ""]
