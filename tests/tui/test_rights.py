"""A database user without rights, and who is no operator of the shop, change nothing and see why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator, act_as
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.batches.listing import stop_batch
from checkout_daemon.batches.planning import plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.tokens.api_tokens import Scope, create_token, revoke_token
from tests.support.orders import add_order
from tests.tui.conftest import Seat, Sit
from tui.app import Terminal, why_read_only
from tui.context import AppContext
from tui.screens.batch import BatchScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.dialogs import Ask, Choose
from tui.screens.message import MessageScreen
from tui.screens.orders import OrdersScreen

ADA = Operator("ada", "desk")
NO_RIGHT = "the database user may not do this: "
NO_OPERATOR = "mallory@"


@pytest.fixture(autouse=True)
def nobody_in_particular() -> Iterator[None]:
    yield
    act_as(None)


@pytest.fixture
async def bystander(database_url: str, connection: asyncpg.Connection) -> AsyncIterator[str]:
    """The URL of a database user who may read everything and write nothing."""
    await connection.execute(
        "CREATE ROLE bystander LOGIN PASSWORD 'looks'; GRANT USAGE ON SCHEMA public TO bystander;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public TO bystander"
    )
    parts = urlsplit(database_url)
    yield f"postgresql://bystander:looks@{parts.hostname}:{parts.port}{parts.path}"
    await connection.execute("DROP OWNED BY bystander; DROP ROLE bystander")


@pytest.fixture
async def stranger(runtime: Runtime) -> None:
    """Somebody who is no operator of a shop that has two."""
    await add_operator(
        runtime.database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada-at-home"), operator=ADA
    )
    await add_operator(
        runtime.database, NewOperator("carol", OperatorRole.VIEW, {}, os_user="carol-at-home"), operator=ADA
    )
    act_as("mallory")


@pytest.fixture
async def unsent(connection: asyncpg.Connection) -> str:
    """The id of a message that was given up."""
    message_id: str = await connection.fetchval(
        "INSERT INTO outbox (order_id, kind, channel, status, last_error)"
        " VALUES ($1, 'payment.failed', 'webhook', 'dead', 'the receiver answered 500') RETURNING id::text",
        await add_order(connection),
    )
    return message_id


async def start_running(runtime: Runtime, connection: asyncpg.Connection) -> None:
    """Start a batch that nobody runs."""
    order = (await show_order(runtime.database, await add_order(connection))).order
    plan = await plan_orders(runtime, BatchAct.NOTE, [(order, None)], BatchOptions())
    await start_batch(runtime, plan, operator=ADA, note="called")


async def open_batch(seat: Seat) -> BatchScreen:
    seat.app.app_context.navigation.batch(1)
    screen = await seat.screen_of(BatchScreen)
    await seat.until(lambda: screen.view is not None)
    return screen


async def status_of(connection: asyncpg.Connection, table: str) -> str:
    status: str = await connection.fetchval(f"SELECT status FROM {table}")
    return status


async def test_a_login_without_rights_stops_no_batch(
    runtime: Runtime, connection: asyncpg.Connection, bystander: str, sit: Sit
) -> None:
    await start_running(runtime, connection)
    async with sit(url=bystander) as seat:
        screen = await open_batch(seat)
        await seat.press("S")
        await seat.notices(NO_RIGHT)
        await seat.notices("; use a DATABASE_URL whose user may")
        assert seat.app.screen is screen
    assert await status_of(connection, "batches") == "running"


async def test_a_login_without_rights_gives_no_order_an_owner(
    connection: asyncpg.Connection, bystander: str, sit: Sit
) -> None:
    await add_order(connection)
    async with sit(url=bystander) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("space", "A")
        await seat.screen_of(Ask)
        await seat.press(*"anna", "enter")
        await seat.notices(NO_RIGHT)
        await seat.screen_of(OrdersScreen)
    assert await connection.fetchval("SELECT count(*) FROM order_care") == 0


@pytest.mark.usefixtures("stranger")
async def test_who_is_no_operator_sends_no_message_again(connection: asyncpg.Connection, unsent: str, sit: Sit) -> None:
    async with sit() as seat:
        seat.app.app_context.navigation.message(unsent)
        screen = await seat.screen_of(MessageScreen)
        await seat.until(lambda: screen.message is not None)
        await seat.press("y")
        await seat.notices(NO_OPERATOR)
    assert await status_of(connection, "outbox") == "dead"


@pytest.mark.usefixtures("stranger", "unsent")
async def test_who_is_no_operator_sends_no_group_of_messages_again(connection: asyncpg.Connection, sit: Sit) -> None:
    async with sit() as seat:
        seat.app.app_context.navigation.dead_letters()
        screen = await seat.screen_of(DeadLettersScreen)
        await seat.until(lambda: screen.group is not None)
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.press("end", "enter")
        await seat.notices(NO_OPERATOR)
    assert await status_of(connection, "outbox") == "dead"


@pytest.mark.usefixtures("stranger")
async def test_who_is_no_operator_stops_and_resumes_no_batch(
    runtime: Runtime, connection: asyncpg.Connection, sit: Sit
) -> None:
    await start_running(runtime, connection)
    async with sit() as seat:
        screen = await open_batch(seat)
        await seat.press("S")
        await seat.notices(NO_OPERATOR)
        assert await status_of(connection, "batches") == "running"
        await stop_batch(runtime.database, 1, operator=ADA)
        await connection.execute("UPDATE batches SET holder = NULL, leased_until = NULL")
        await seat.until(lambda: screen.view is not None and screen.view.batch.status == "stopped")
        seat.app.clear_notifications()
        await seat.press("R")
        await seat.notices(NO_OPERATOR)
    assert await status_of(connection, "batches") == "stopped"


@pytest.mark.usefixtures("stranger")
async def test_the_terminal_knows_why_nothing_may_be_changed(runtime: Runtime, bystander: str) -> None:
    reasons = []
    for name in ("ada", "carol", "mallory"):
        act_as(name)
        reasons.append(await why_read_only(runtime.database))
    assert reasons[:2] == ["", "carol has the role view, and this needs act"]
    assert reasons[2].startswith(NO_OPERATOR)
    assert "is not an operator of this shop" in reasons[2]
    act_as("ada")
    database = Database(bystander, max_size=1)
    assert await why_read_only(database) == "the database user may not write"
    await database.close()


async def test_a_shop_without_operators_may_be_changed_by_everybody(runtime: Runtime) -> None:
    assert await why_read_only(runtime.database) == ""


async def test_the_reason_is_shown_at_the_start_and_for_a_key(runtime: Runtime, database_url: str) -> None:
    why = "carol has the role view, and this needs act"
    app = Terminal(AppContext(runtime, read_only=True, why_read_only=why), database_url)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        seat = Seat(app, pilot)
        await seat.screen_of(OrdersScreen)
        await seat.notices(f"Nothing can be changed: {why}.")
        await seat.press("f")
        await seat.notices(f"This terminal is read-only: {why}.")


async def test_a_token_that_is_revoked_ends_the_terminal(runtime: Runtime, sit: Sit) -> None:
    _, token = await create_token(runtime.database, "bo", (Scope.READ,), operator=ADA)
    async with sit(CHECKOUT_OPERATOR_TOKEN=token) as seat:
        assert seat.app.is_running
        await revoke_token(runtime.database, "bo", operator=ADA)
        await seat.until(lambda: not seat.app.is_running)
    assert isinstance(seat.app.return_value, ConfigurationError)
    assert "CHECKOUT_OPERATOR_TOKEN is not a token in use" in seat.app.return_value.detail
