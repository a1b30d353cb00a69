"""`checkout orders assign`, `unassign`, `snooze` and `unsnooze`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus, RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.todo import OF_NO_ORDER
from checkout_daemon.tokens.api_tokens import Scope, create_token
from tests.commands.conftest import Run, faults_of_log, go
from tests.support.orders import add_order
from tests.support.payments import paid

NOW = datetime.now(UTC).replace(microsecond=0)
DUE = NOW + timedelta(days=9)


@pytest.fixture
def orders(database_url: str) -> list[str]:
    """Return the ids of two orders: of the first a refund failed, the second has a dispute."""

    async def work() -> list[str]:
        connection = await asyncpg.connect(database_url)
        ids = [await add_order(connection, amount_subtotal=5000, amount_total=5000) for _ in range(2)]
        await connection.close()
        await merged(database_url, paid(ids[0], "pi_1"), paid(ids[1], "pi_2"))
        await merged(database_url, refund("re_1"), dispute())
        return ids

    found: list[str] = go(work())
    return found


async def merged(database_url: str, *updates: Update) -> None:
    database = Database(database_url, max_size=1)
    for update in updates:
        await database.run(merge, [update])
    await database.close()


def refund(name: str) -> Update:
    fact = RefundFact(name, False, "pi_1", RefundStatus.FAILED, 1300, "eur")
    return Update("refund.failed", "stripe", subject_id="pi_1", facts=[fact])


def dispute() -> Update:
    asked = DisputeStatus.NEEDS_RESPONSE
    fact = DisputeFact("dp_1", False, "pi_2", asked, DUE, 5000, "eur", "fraudulent", NOW, "evt_1")
    return Update("charge.dispute.created", "stripe", subject_id="pi_2", facts=[fact])


def to_do(run: Run, *options: str) -> dict[int, str | None]:
    return {item["number"]: item["owner"] for item in run("todo", "--json", *options).lines}


def test_an_owner_is_stored_shown_and_taken_away(run: Run, orders: list[str], database_url: str) -> None:
    done = run("orders", "assign", "1001", "1002", "anna", "--note", "until Monday")
    assert done.out == "Order 1001: anna takes care of it.\nOrder 1002: anna takes care of it.\n"
    assert to_do(run) == {1001: "anna", 1002: "anna"}
    assert "Owner: anna" in run("todo").out
    assert "Owner     anna" in run("orders", "show", "1001").out
    assert run("orders", "show", "1001", "--json").json["owner"] == "anna"
    assert run("orders", "unassign", "1001", "--json").json["owner"] is None
    mine = run("orders", "assign", "1001", "--json").json["owner"]
    assert mine == run("orders", "assign", "1001", "me", "--json").json["owner"]
    assert mine not in (None, "me")
    assert "order.assigned" in run("orders", "show", "1001").out
    assert faults_of_log(database_url) == []


def test_a_name_that_looks_like_an_order_is_an_order(run: Run, orders: list[str]) -> None:
    assert run("orders", "assign", "1001", "1002", "--json").lines[1]["number"] == 1002
    assert run("orders", "assign", "1001", "4711").code == 3
    assert to_do(run)[1001] is not None
    refused = run("orders", "assign", "1001", "n" * 65)
    assert (refused.code, "cannot be an owner" in refused.err) == (2, True)


@pytest.mark.parametrize(
    "last",
    [
        *("#1002", "5f3a0c1", "5f3a0c11-1111-4111-8111-111111111111", "bo@example.com", "99999999999999999999"),
        *("cs_1Abc", "pi_1Abc", "ch_1Abc", "py_1Abc", "pyr_1Abc", "re_1Abc", "dp_1Abc", "du_1Abc", "evt_1Abc"),
        *("issfr_1Abc", "cus_1Abc", "req_1Abc", *(f"{kind}:12" for kind in OF_NO_ORDER)),
    ],
)
def test_whatever_can_name_an_order_or_an_item_never_becomes_an_owner(run: Run, orders: list[str], last: str) -> None:
    ran = run("orders", "assign", "1001", last)
    assert (ran.code, "takes care" in ran.out) == (0 if last == "#1002" else 3, last == "#1002"), ran.err
    assert last not in to_do(run).values()


def test_a_short_word_of_letters_is_a_name_although_an_id_may_begin_with_it(run: Run, orders: list[str]) -> None:
    assert run("orders", "assign", "1001", "ada", "--json").json["owner"] == "ada"


def test_a_file_and_filters_together_are_refused_and_change_nothing(
    run: Run, orders: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "orders.txt"
    file.write_text("1002\n")
    run("orders", "assign", "1001", "1002", "anna")
    for line in (["assign", "bo"], ["unassign"]):
        ran = run("orders", *line, "--from-file", file, "--attention", "--yes")
        assert (ran.code, "--from-file or with filters such as --attention, not both" in ran.err) == (2, True), ran.err
    assert to_do(run) == {1001: "anna", 1002: "anna"}


def test_a_file_that_is_not_utf_8_is_named_in_one_line(
    run: Run, orders: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(b"1001\n\xff\n")
    ran = run("orders", "unassign", "--from-file", file, "--yes")
    assert (ran.code, ran.err.count("\n"), f"{file} is not UTF-8 text" in ran.err) == (2, 1, True), ran.err
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"1001\n\xff\n"), encoding="latin-1"))
    ran = run("orders", "unassign", "--from-file", "-", "--yes")
    assert (ran.code, ran.err.count("\n"), "stdin is not UTF-8 text" in ran.err) == (2, 1, True), ran.err


def test_what_is_snoozed_is_left_out_until_its_time_but_not_what_is_new(
    run: Run, orders: list[str], database_url: str
) -> None:
    assert run("orders", "snooze", "1001", "2d").code == 2
    done = run("orders", "snooze", "1001", "2d", "--note", "the bank answers on Friday", "--json").json
    until = datetime.fromisoformat(done["snoozed_until"])
    assert timedelta(days=1, hours=23) < until - NOW < timedelta(days=2, hours=1)
    assert set(to_do(run)) == {1002}
    assert "1 more snoozed" in run("todo").err
    assert set(to_do(run, "--snoozed")) == {1001}
    assert "Snoozed   until" in run("orders", "show", "1001").out
    go(merged(database_url, refund("re_2")))
    new = [item["subject"] for item in run("todo", "--json").lines if item["number"] == 1001]
    assert new == ["re_2"]
    assert run("orders", "unsnooze", "1001", "--json").json["snoozed_until"] is None
    assert len(run("todo", "--json").lines) == 3
    assert faults_of_log(database_url) == []


def test_the_end_of_a_snooze_is_printed_in_the_shops_time_zone(
    run: Run, orders: list[str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_TIME_ZONE", "Asia/Tokyo")
    done = run("orders", "snooze", "1001", "2d", "--note", "the bank answers on Friday")
    until = datetime.fromisoformat(run("orders", "show", "1001", "--json").json["snoozed_until"])
    there = until.astimezone(ZoneInfo("Asia/Tokyo"))
    assert done.out == f"Order 1001 is snoozed until {there:%Y-%m-%d %H:%M:%S} JST.\n"


def test_what_was_snoozed_comes_back_when_its_time_is_over(run: Run, orders: list[str], database_url: str) -> None:
    run("orders", "snooze", "1001", "2d", "--note", "the bank answers on Friday")

    async def wait() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE order_care SET snoozed_until = now() - interval '1 second'")
        await connection.close()

    go(wait())
    assert set(to_do(run)) == {1001, 1002}
    assert run("orders", "show", "1001", "--json").json["snoozed_until"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["1002", "10d"], 4, "must be answered by"),
        (["1002", "2001-01-01"], 2, "within the next year"),
        (["1002", "500d"], 2, "within the next year"),
        (["1002", "soon"], 2, "WHEN takes a span"),
        (["4711", "2d"], 3, "4711"),
    ],
)
def test_what_cannot_be_snoozed_is_refused(
    run: Run, orders: list[str], arguments: list[str], code: int, message: str
) -> None:
    refused = run("orders", "snooze", *arguments, "--note", "later")
    assert (refused.code, message in refused.err) == (code, True)
    assert set(to_do(run)) == {1001, 1002}


def test_an_order_that_needs_nothing_cannot_be_snoozed(run: Run, database_url: str) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(database_url)
        await add_order(connection)
        await connection.close()

    go(add())
    refused = run("orders", "snooze", "1001", "2d", "--note", "later")
    assert (refused.code, "needs nothing" in refused.err) == (4, True)


def test_filters_and_files_select_the_orders_to_assign_after_a_question(
    run: Run, orders: list[str], tmp_path: Path
) -> None:
    unsure = run("orders", "assign", "--attention", "anna")
    assert (unsure.code, "Give 2 orders of €100.00 to anna?" in unsure.err) == (2, True)
    assert run("orders", "assign", "--attention", "anna", "--yes").out.count("anna takes care") == 2
    file = tmp_path / "orders.txt"
    file.write_text("1002\n")
    assert run("orders", "assign", "--from-file", file, "bo", "--yes", "--json").json["owner"] == "bo"
    assert to_do(run) == {1001: "anna", 1002: "bo"}
    assert run("orders", "unassign", "--attention", "--yes").code == 0
    assert to_do(run) == {1001: None, 1002: None}
    assert run("orders", "assign", "1001", "--attention").code == 2
    assert run("orders", "assign").code == run("orders", "unassign").code == 2
    none = run("orders", "assign", "--status", "canceled", "--yes")
    assert (none.code, none.err) == (0, "No order matches: nothing was changed.\n")


def test_who_acts_by_a_token_takes_orders_in_their_own_name_in_questions_and_dry_runs_too(
    run: Run, orders: list[str], database_url: str, environment: pytest.MonkeyPatch
) -> None:
    async def register() -> str:
        database, admin = Database(database_url, max_size=1), Operator("tester", "desk")
        await add_operator(database, NewOperator("tester", OperatorRole.ADMIN, {}, os_user="tester"), operator=admin)
        _, token = await create_token(database, "carol", (Scope.READ,), operator=admin)
        await add_operator(database, NewOperator("carol", OperatorRole.ACT, {}, token="carol"), operator=admin)
        await database.close()
        return token

    environment.setenv("CHECKOUT_OPERATOR_TOKEN", go(register()))
    assert "Give 2 orders of €100.00 to carol?" in run("orders", "assign", "--attention").err
    assert run("orders", "assign", "1001", "--dry-run", "--json").json["owner"] == "carol"
    assert run("orders", "assign", "1001", "--json").json["owner"] == "carol"


@pytest.mark.parametrize("day", ["tomorrow", "monday", "2040-01-01"])
def test_a_snooze_takes_a_day_by_name(run: Run, orders: list[str], day: str) -> None:
    done = run("orders", "snooze", "1001", day, "--note", "later", "--json")
    if day == "2040-01-01":
        assert (done.code, "within the next year" in done.err) == (2, True)
    else:
        until = datetime.fromisoformat(done.json["snoozed_until"])
        assert NOW < until < NOW + timedelta(days=8)
