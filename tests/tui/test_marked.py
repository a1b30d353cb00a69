"""Orders are marked and acted on together: one box with their number and money, then a batch that can be left."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator, act_as
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.batches.listing import show_batch
from checkout_daemon.batches.planning import plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.proposals.deciding import reject
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.orders import add_order
from tests.support.shopping import check_out, paid_order
from tests.tui.conftest import Sit
from tui.screens.batch import BatchScreen
from tui.screens.batches import BatchesScreen
from tui.screens.dialogs import Ask, Choose
from tui.screens.orders import OrdersScreen
from tui.screens.proposals import ProposalsScreen

pytestmark = pytest.mark.usefixtures("stocked")


async def statuses(connection: asyncpg.Connection) -> dict[int, str]:
    return {row["number"]: row["status"] for row in await connection.fetch("SELECT number, status FROM orders")}


async def test_space_marks_u_and_esc_unmark_and_a_star_marks_all_that_match(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for place in range(30):
        await add_order(connection, status="failed" if place % 3 == 0 else "pending")
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        await seat.press("home", "space", "space")
        await seat.sees("2 marked")
        assert [line[0] for line in seat.lines()[:3]] == ["●", "●", "▌"]
        await seat.press("home", "space")
        await seat.sees("1 marked")
        await seat.press("u")
        await seat.sees("t any time")
        await seat.press("/", *"pending", "enter")
        await seat.press("escape")
        await seat.press("s", "space", "enter")  # pending
        await seat.until(lambda: screen.table.listing.height == 20)
        await seat.press("*")
        await seat.sees("20 marked")
        await seat.press("escape")
        await seat.until(lambda: not screen.marked)


async def test_marks_outside_the_list_are_said_in_the_chip_and_in_the_box(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    for place in range(5):
        await add_order(connection, status="failed" if place == 0 else "pending")
    async with sit(size=(120, 30)) as seat:
        await seat.until(lambda: len(seat.numbers()) == 5)
        await seat.press("*")
        await seat.sees("5 marked, €")
        await seat.press("/", *"status:failed", "enter")
        await seat.sees("5 marked, 4 not in this list")
        await seat.press("n")
        await seat.sees("for 5 orders, 4 not in this list")


async def test_marked_orders_are_refunded_after_one_box_and_the_batch_is_shown(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(3):
        await paid_order(runtime)
    await check_out(runtime)
    async with sit(size=(100, 30), STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: len(seat.numbers()) == 4)
        await seat.press("*")
        await seat.sees("4 marked, €135.96")
        await seat.press("f")
        await seat.screen_of(Ask)
        await seat.sees("Refund 3 orders of €101.97", "Skipped: 1 order", "nothing was paid for order 1004")
        await seat.press("4", "enter")
        await seat.sees("That is not 3. Nothing was done.")
        await seat.press("backspace", "3", "enter")
        screen = await seat.screen_of(BatchScreen)
        await seat.sees("Batch 1   refund   finished", "4 of 4", "3 done, 0 failed, 1 skipped", "€101.97 of €135.96")
        await seat.until(lambda: seat.screen(BatchScreen) is screen)
        await seat.until(lambda: "S Stop" not in seat.text() and "R Resume" not in seat.text())
        await seat.press("escape")
        await seat.press("B")
        await seat.screen_of(BatchesScreen)
        await seat.sees("finished")
        await seat.press("enter")
        await seat.screen_of(BatchScreen)
    assert await statuses(connection) == {1001: "refunded", 1002: "refunded", 1003: "refunded", 1004: "pending"}


async def test_marked_refunds_above_the_limit_in_sum_are_proposed_and_nothing_is_refunded(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(2):
        await paid_order(runtime)
    ada = Operator("ada", "desk")
    admin = NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada")
    await add_operator(runtime.database, admin, operator=ada)
    limited = NewOperator("bo", OperatorRole.REFUND, {"eur": 5000}, os_user="bo")
    await add_operator(runtime.database, limited, operator=ada)
    async with sit(size=(120, 30), STRIPE_API_BASE=stripe.base) as seat:
        act_as("bo")
        try:
            await seat.until(lambda: len(seat.numbers()) == 2)
            await seat.press("*", "f")
            await seat.screen_of(Ask)
            await seat.press("2", "enter")
            await seat.screen_of(ProposalsScreen)
            await seat.sees("refund €67.98 of batch 1")
            await seat.press("enter")
            await seat.screen_of(BatchScreen)
            await seat.sees("Stopped  waits for the approval of another operator")
            await seat.until(lambda: "R Resume" not in seat.text())
            await seat.press("R")
            await seat.notices("Batch 1 waits for the approval of another operator.")
            await reject(runtime, 1, operator=ada)
            await seat.sees("Stopped  was rejected")
        finally:
            act_as(None)
    assert set((await statuses(connection)).values()) == {"completed"}
    assert (await show_batch(runtime.database, 1)).batch.status == "stopped"


async def test_a_batch_that_stopped_is_resumed_with_r_and_one_left_behind_is_found(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(3):
        await paid_order(runtime)
    refused: list[Trouble] = ["reject_400"]

    def plan(_: int, request: Request) -> Trouble | None:
        is_refund = request.path == "/v1/refunds" and request.method == "POST"
        return refused.pop() if is_refund and refused else None

    stripe.plan = plan
    async with sit(size=(110, 30), STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: len(seat.numbers()) == 3)
        await seat.press("*", "f")
        await seat.screen_of(Ask)
        await seat.press("3", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("stopped", "1 of 3", "0 done, 1 failed, 0 skipped, 2 left", "1 × stripe_rejected")
        await seat.press("R")
        await seat.sees("finished", "3 of 3", "2 done, 1 failed")
        await seat.press("R")
        await seat.sees("Batch 1 is finished.")
    assert sorted((await statuses(connection)).values()) == ["completed", "refunded", "refunded"]


async def test_a_running_batch_of_another_process_is_followed_and_stopped(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    orders = [((await show_order(runtime.database, await add_order(connection))).order, None) for _ in range(2)]
    plan = await plan_orders(runtime, BatchAct.NOTE, orders, BatchOptions())
    started = await start_batch(runtime, plan, operator=Operator("bo", "desk"), note="called")
    async with sit() as seat:
        await seat.press("B")
        await seat.screen_of(BatchesScreen)
        await seat.sees("running", "bo@desk")
        await seat.press("enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("Batch 1   note   running", "0 of 2", started.holder)
        await seat.press("S")
        await seat.sees("stopped by")
        assert (await show_batch(runtime.database, 1)).batch.status == "stopped"
        await connection.execute("UPDATE batches SET holder = NULL, leased_until = NULL")
        await seat.press("R")
        await seat.sees("finished", "2 of 2")
    causes = await connection.fetch("SELECT cause, actor FROM order_changes WHERE cause = 'order.noted'")
    assert [tuple(row) for row in causes] == [("order.noted", "bo@desk")] * 2


async def test_other_acts_ask_once_and_s_and_a_act_on_what_is_marked(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, sit: Sit
) -> None:
    for _ in range(2):
        await check_out(runtime)
    async with sit(size=(100, 30), STRIPE_API_BASE=stripe.base) as seat:
        await seat.until(lambda: len(seat.numbers()) == 2)
        await seat.press("f")
        await seat.sees("No order is marked")
        await seat.press("*", "a")
        await seat.sees("No marked order needs attention.")
        await seat.press("s")
        await seat.screen_of(Choose)
        await seat.sees("Sync with Stripe 2 orders of €67.98")
        await seat.press("down", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("2 done")
        await seat.press("escape", "*", "n")
        await seat.screen_of(Ask)
        await seat.press(*"all", "enter")
        await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("Batch 2   note   finished", "2 done")
        await seat.press("escape", "*", "X")
        await seat.screen_of(Ask)
        await seat.press("2", "enter")
        await seat.sees("Batch 3   cancel   finished", "2 done")
    assert await statuses(connection) == {1001: "canceled", 1002: "canceled"}


async def test_nothing_is_acted_on_in_read_only_mode(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit(read_only=True) as seat:
        await seat.until(lambda: len(seat.numbers()) == 1)
        await seat.press("*")
        await seat.sees("1 marked")
        await seat.press("f", "n", "X")
        assert isinstance(seat.app.screen, OrdersScreen)
        await seat.press("s")  # filters, as if nothing was marked
        await seat.sees("Show orders with status")
        assert await connection.fetchval("SELECT count(*) FROM batches") == 0


async def test_marked_orders_get_an_owner_or_are_written_to_a_new_file(
    connection: asyncpg.Connection, sit: Sit, tmp_path: Path
) -> None:
    for _ in range(3):
        await add_order(connection)
    file = tmp_path / "orders.csv"
    async with sit(size=(120, 30)) as seat:
        await seat.until(lambda: len(seat.numbers()) == 3)
        await seat.press("*", "A")
        await seat.screen_of(Ask)
        await seat.sees("Who takes care of 3 orders?")
        await seat.press(*"anna", "enter")
        await seat.sees("anna takes care of 3 orders", "$ checkout orders assign 1003 1002 1001 anna")
        await seat.press("home", "space", "E")
        await seat.screen_of(Ask)
        await seat.press(*str(file), "enter")
        await seat.sees("1 order in")
        await seat.press("home", "space", "E")
        await seat.screen_of(Ask)
        await seat.press(*str(file), "enter")
        await seat.sees("exists: name another file")
    assert [row["owner"] for row in await connection.fetch("SELECT owner FROM order_care")] == ["anna"] * 3
    lines = file.read_text().splitlines()
    assert (len(lines), ",1003," in lines[1]) == (2, True)


async def test_a_file_in_a_home_that_does_not_exist_is_not_written(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("*", "E")
        await seat.screen_of(Ask)
        await seat.press(*"~orders.csv", "enter")
        await seat.notices("write ./~orders.csv for a file")
        assert seat.screen(OrdersScreen).marked
