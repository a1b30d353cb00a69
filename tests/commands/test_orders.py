"""`checkout orders list` and `show`, for people and for scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from tests.commands.conftest import Run, go
from tests.support.orders import NOW, add_charge, add_order
from tests.support.stripe_events import SECRET, deliver, event_body, refund_object, session_object

ORDER_KEYS = [
    "id",
    "number",
    "status",
    "attention",
    "currency",
    "amount_subtotal",
    "amount_discount",
    "amount_total",
    "amount_refunded",
    "customer_name",
    "customer_email",
    "customer_phone",
    "discount_code",
    "livemode",
    "created_at",
    "updated_at",
    "paid_at",
    "imported_from",
    "amount_shipping",
    "amount_tax",
    "shipped_at",
]
CHARGE_KEYS = [
    "id",
    "payment_id",
    "status",
    "created_at",
    "method",
    "brand",
    "last4",
    "funding",
    "country",
    "wallet",
    "network",
    "decline_code",
    "decline_message",
    "risk_level",
    "risk_score",
]
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "payment_intent": "pi_1",
    "amount": 5000,
    "currency": "eur",
    "status": "succeeded",
    "payment_method_details": {
        "type": "card",
        "card": {
            "brand": "visa",
            "last4": "4242",
            "funding": "debit",
            "country": "AT",
            "network": "visa",
            "wallet": {"type": "apple_pay"},
        },
    },
    "outcome": {"type": "authorized", "risk_level": "normal", "risk_score": 12},
}
PAID_KEYS = [
    "payment_method",
    "card_brand",
    "last4",
    "card_funding",
    "card_country",
    "card_wallet",
    "card_network",
    "decline_code",
    "decline_message",
    "risk_level",
    "risk_score",
]
EVENT_KEYS = [
    "id",
    "type",
    "status",
    "reason",
    "order_id",
    "api_version",
    "livemode",
    "created_at",
    "received_at",
    "applied_at",
    "attempts",
    "next_attempt_at",
    "last_error",
    "fingerprint",
    "number",
]


def test_a_list_has_the_keys_of_the_contract_newest_first(run: Run, add: Callable[..., str]) -> None:
    add(ago=timedelta(hours=2), status="completed", attention=["paid_twice"], paid_at=NOW)
    add(ago=timedelta(hours=1))
    newer, older = run("orders", "list", "--json").lines
    assert list(older) == ORDER_KEYS + PAID_KEYS
    assert [newer["number"], older["number"]] == [1002, 1001]
    assert older["attention"] == ["paid_twice"]
    assert (newer["attention"], newer["paid_at"], newer["amount_total"]) == ([], None, 1250)
    assert older["paid_at"] == f"{NOW:%Y-%m-%dT%H:%M:%S}Z"


DECLINED = {"status": "failed", "decline_source": 3, "decline_code": "insufficient_funds", "declined_at": NOW}


def test_orders_are_found_by_card_and_by_decline_code(run: Run, database_url: str) -> None:
    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        ids = [await add_order(connection, ago=timedelta(hours=hours)) for hours in (30, 20, 3, 2, 1)]
        await add_charge(connection, ids[0], last4="9995", **DECLINED)
        await add_charge(connection, ids[1], last4="9995", **DECLINED)
        await add_charge(connection, ids[1], last4="4242")
        await add_charge(connection, ids[2], last4="9995", **DECLINED)
        await add_charge(connection, ids[3], method="sepa_debit", brand=None, last4="3201")
        await connection.close()

    go(fill())

    def found(*arguments: str) -> list[int]:
        return [line["number"] for line in run("orders", "list", "--json", *arguments).lines]

    assert found("--last4", "4242") == [1002]
    assert found("--decline", "insufficient_funds") == [1003, 1002, 1001]
    assert found("--decline", "insufficient_funds", "--since", "24h") == [1003, 1002]
    assert found("--decline", "insufficient_funds", "--limit", "1") == [1003]
    assert found("--decline", "insufficient_funds", "--last4", "4242") == []
    assert found("--decline", "insufficient_funds", "--last4", "9995", "--until", "24h") == [1001]
    assert found("--decline", "lost_card") == []
    assert found("--last4", "9995", "--status", "completed") == []
    assert found("--last4", "9995", "--status", "pending", "--email", "ada@example.com") == [1003, 1002, 1001]
    assert found("--last4", "9995", "--search", "ada") == [1003, 1002, 1001]
    assert found("--last4", "9995", "--search", "1002") == [1002]
    assert found("--last4", "9995", "--search", "pi_none") == []
    assert found("--search", "9995") == [1003, 1002, 1001]
    assert found("--search", "9995", "--since", "24h") == [1003, 1002]

    listed = run("orders", "list", "--last4", "3201").out
    assert "SEPA debit 3201" in listed
    paid, declined = [run("orders", "list", "--json", "--search", number).lines[0] for number in ("1002", "1003")]
    assert (paid["last4"], paid["decline_code"]) == ("4242", None)
    assert (declined["last4"], declined["decline_code"]) == ("9995", "insufficient_funds")
    assert "Visa 9995, insufficient funds" in run("orders", "list", "--search", "1003").out
    assert "payment" not in run("orders", "list", "--search", "1005").out


def test_last_four_digits_that_are_none_are_refused(run: Run) -> None:
    for text in ("42", "42424", "4 42", "****"):
        ran = run("orders", "list", "--last4", text)
        assert (ran.code, ran.out) == (2, "")
        assert "is not the last four digits" in ran.err


def test_filters_reach_the_list(run: Run, add: Callable[..., str]) -> None:
    add(ago=timedelta(days=3), status="failed", customer_email="bo@example.com")
    add(ago=timedelta(hours=3), status="failed", attention=["paid_twice"])
    add(ago=timedelta(minutes=3))

    def found(*arguments: str) -> list[int]:
        return [line["number"] for line in run("orders", "list", "--json", *arguments).lines]

    assert found("--status", "failed") == [1002, 1001]
    assert found("--status", "failed", "--status", "pending") == [1003, 1002, 1001]
    assert found("--since", "24h") == [1003, 1002]
    assert found("--until", "1h") == [1002, 1001]
    assert found("--since", "7d", "--until", "2d") == [1001]
    assert found("--since", f"{NOW - timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}") == [1003, 1002]
    assert found("--email", "BO@example.com") == [1001]
    assert found("--attention") == [1002]
    assert found("--search", "lovelace", "--limit", "1") == [1003]
    assert found("--filter", "status:failed -attention:any") == [1001]
    assert found("--filter", "amount:12.50 lovelace", "--since", "24h") == [1003, 1002]
    assert found("--filter", "-status:pending", "--status", "failed", "--email", "bo@example.com") == [1001]
    refused = run("orders", "list", "--filter", "stauts:failed")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("error: there is no filter 'stauts' (did you mean status?)")


def test_a_search_of_a_large_shop_says_that_it_left_out_older_orders(
    run: Run, add: Callable[..., str], environment: pytest.MonkeyPatch
) -> None:
    add(customer_name="Bo", customer_email="bo@example.com")
    for _ in range(2):
        add()
    assert "newest orders were searched" not in run("orders", "list", "--search", "bo", "--limit", "1").err
    for limit, low in (("_TRIED", 1), ("_MOST_LOOKED_AT", 1), ("_SMALL_SHOP", -1)):
        environment.setattr(f"checkout_daemon.orders.order_search.{limit}", low)
    assert run("orders", "export", "--json", "--search", "bo").lines[0]["number"] == 1001
    for arguments in (["list", "--limit", "1"], ["list", "--json", "--limit", "1"]):
        result = run("orders", *arguments, "--search", "bo")
        assert "Only the newest orders were searched" in result.err
        assert "No order matches" not in result.err


def test_a_date_is_a_day_of_the_shop_s_time_zone(
    run: Run, add: Callable[..., str], environment: pytest.MonkeyPatch
) -> None:
    add(created_at=NOW.replace(year=2026, month=5, day=1, hour=23, minute=30))
    environment.setenv("CHECKOUT_TIME_ZONE", "Europe/Vienna")  # where it is May 2nd
    assert len(run("orders", "list", "--json", "--since", "2026-05-02").lines) == 1
    assert len(run("orders", "list", "--json", "--until", "2026-05-02").lines) == 0


@pytest.mark.usefixtures("on_80_columns")
def test_a_table_fits_80_columns_and_needs_no_colours(run: Run, add: Callable[..., str]) -> None:
    add(
        status="partially_refunded",
        attention=["dispute_needs_response", "amount_mismatch"],
        customer_name="Wolfeschlegelsteinhausenbergerdorff " * 3,
        amount_subtotal=99_999_999,
        amount_total=99_999_999,
    )
    ran = run("orders", "list")
    assert max(map(len, ran.out.splitlines())) <= 80
    row = ran.out.splitlines()[1]
    assert row.split()[0] == "1001"
    assert "partially refunded" in row
    assert "€999,999.99" in row
    assert "dispute" in row
    assert "\x1b" not in ran.out


def test_names_cannot_command_the_terminal(run: Run, add: Callable[..., str]) -> None:
    add(customer_name="\x1b[2J\rAda [red]x")
    ran = run("orders", "list")
    assert "\x1b" not in ran.out
    assert "[red]x" in ran.out
    assert "\x1b" not in run("orders", "show", "1001").out
    add(customer_name="می\u200cخواهم")
    assert "می\u200cخواهم" in run("orders", "list").out
    add(customer_name="A\x9b31m\u200f\u202eB")
    for command in (("list", "--json"), ("show", "1003", "--json"), ("export", "--format", "jsonl")):
        ran = run("orders", *command)
        assert not set(ran.out) & set("\x1b\x9b\u200f\u202e")
        assert "A\x9b31m\u200f\u202eB" in {json.loads(line)["customer_name"] for line in ran.out.splitlines()}
    assert "می\u200cخواهم" in run("orders", "list", "--json").out


def test_an_empty_list_is_reported_on_stderr_only(run: Run) -> None:
    empty, filtered = run("orders", "list"), run("orders", "list", "--status", "failed")
    assert (empty.code, empty.out) == (0, "")
    assert "No orders yet" in empty.err
    assert "No order matches" in filtered.err
    assert run("orders", "list", "--json").out == ""


def test_a_list_that_was_cut_is_reported_as_such(run: Run, add: Callable[..., str]) -> None:
    add()
    add()
    cut, whole = run("orders", "list", "--limit", "1"), run("orders", "list", "--limit", "2")
    assert "Showing the newest 1." in cut.err
    assert len(cut.out.splitlines()) == 2
    assert whole.err == ""


def test_an_order_is_shown_whole(run: Run, add: Callable[..., str], database_url: str) -> None:
    order_id = add(amount_subtotal=5000, amount_total=5000)

    async def pay() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
            " VALUES ($1, 1, 'NOTE', 'Notebook', 2500, 2, 5000, 0)",
            order_id,
        )
        await connection.close()
        database = Database(database_url, max_size=2)
        intake = Intake(database, lambda: (SECRET,))
        await intake.start()
        session = session_object(order_id, "cs_test_1", "pi_1")
        await deliver(intake, event_body("checkout.session.completed", session, event_id="evt_paid"))
        await deliver(intake, event_body("charge.succeeded", CHARGE))
        await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 1000)))
        dispute = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "status": "won", "amount": 5000}
        await deliver(
            intake, event_body("charge.dispute.closed", dispute | {"currency": "eur", "reason": "fraudulent"})
        )
        await intake.close()
        await database.close()

    go(pay())
    shown = run("orders", "show", "pi_1", "--json").json
    lists = ["items", "sessions", "payments", "charges", "refunds", "disputes", "fraud_warnings", "events", "changes"]
    assert {*shown} == {*ORDER_KEYS, *lists, "taxes", "shipping", "owner", "snoozed_until"}
    assert (shown["status"], shown["amount_refunded"]) == ("partially_refunded", 1000)
    assert shown["fraud_warnings"] == []
    assert [list(shown[items][0]) for items in lists if items != "fraud_warnings"] == [
        ["sku", "name", "unit_amount", "quantity", "amount", "amount_discount"],
        ["id", "attempt", "status", "payment_status", "url", "expires_at", "created_at", "unknown"],
        ["id", "session_id", "amount", "currency", "livemode", "paid_at", "valid"],
        CHARGE_KEYS,
        ["id", "payment_id", "amount", "currency", "status", "created_at", "unknown", "items"],
        ["id", "payment_id", "status", "reason", "amount", "currency", "due_by", "unknown", "funds"],
        EVENT_KEYS,
        ["seq", "order_id", "at", "from", "to", "cause", "actor", "note"],
    ]
    assert (shown["changes"][0]["from"], shown["changes"][0]["to"]) == ("pending", "completed")
    assert shown["events"][0]["received_at"].endswith("Z")

    page = run("orders", "show", "1001").out
    for text in (
        "Order 1001",
        "partially refunded",
        "€50.00",
        order_id,
        "cs_test_1",
        "pi_1",
        "re_1",
        "dp_1",
        "evt_paid",
        "Visa 4242, debit, AT, Apple Pay  succeeded",
        "normal risk (12)",
    ):
        assert text in page
    explained = " ".join(run("orders", "explain", "1001").out.split())
    assert "with Visa 4242, debit, AT, Apple Pay, normal risk (12)" in explained


def test_what_is_not_found_is_exit_3(run: Run) -> None:
    ran = run("orders", "show", "4711", "--json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "4711" in ran.err


def test_several_that_fit_are_exit_2_and_listed(run: Run, add: Callable[..., str]) -> None:
    add(status="completed")
    add()
    ran = run("orders", "show", "ada@example.com", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert [line.split()[:3] for line in ran.err.splitlines()[1:]] == [
        ["1002", "pending", "€12.50"],
        ["1001", "completed", "€12.50"],
    ]


@pytest.mark.parametrize("colour", [True, False])
def test_colour_is_for_terminals_without_no_color(
    database_url: str, add: Callable[..., str], tmp_path: Path, colour: bool
) -> None:
    import pty

    add(status="failed")
    outer, inner = pty.openpty()
    environ = {**os.environ, "DATABASE_URL": database_url, "TERM": "xterm-256color", "COLUMNS": "80"}
    environ.pop("NO_COLOR", None)
    if not colour:
        environ["NO_COLOR"] = "1"
    command = [sys.executable, "-P", "-m", "checkout_daemon", "orders", "list"]
    process = subprocess.Popen(command, stdout=inner, stderr=subprocess.PIPE, env=environ, cwd=tmp_path)
    _, message = process.communicate(timeout=30)
    os.close(inner)
    shown = os.read(outer, 65_536).decode()
    os.close(outer)
    assert (process.returncode, message) == (0, b"")
    assert "failed" in shown
    assert ("\x1b[31m" in shown) is colour


def test_an_order_is_shown_as_of_a_time(run: Run, paid: CheckoutAnswer) -> None:
    now = run("orders", "show", "1001", "--json").json
    (created, *_) = now["changes"]
    then = run("orders", "show", "1001", "--at", created["at"], "--json").json
    assert (then["status"], then["payments"], then["paid_at"]) == ("pending", [], None)
    assert (then["at"], [change["to"] for change in then["changes"]]) == (created["at"], ["pending"])
    page = run("orders", "show", "1001", "--at", created["at"]).out
    assert page.startswith("Order 1001  pending")
    assert "As of" in page
    assert run("orders", "show", "1001", "--at", "30d").code == 3
    assert run("orders", "show", "1001", "--at", "25:00").code == 2
