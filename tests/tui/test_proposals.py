"""The screen of proposals: what exceeds a limit is approved there by another operator, and refused for the first."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator, act_as
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.orders.notes import note_order
from tests.support.orders import add_order
from tests.tui.conftest import Sit
from tui.screens.dialogs import Ask, Choose
from tui.screens.order import OrderScreen
from tui.screens.proposals import ProposalsScreen

ANNA, BO = Operator("anna", "desk"), Operator("bo", "desk")


@pytest.fixture(autouse=True)
def nobody_in_particular() -> Iterator[None]:
    yield
    act_as(None)


@pytest.fixture
async def proposed(database_url: str, connection: asyncpg.Connection) -> str:
    """Order 1001, which bo proposes to cancel."""
    order_id = await add_order(connection)
    database = Database(database_url, max_size=1)
    await add_operator(database, NewOperator("anna", OperatorRole.ADMIN, {}, os_user="anna"), operator=ANNA)
    await add_operator(database, NewOperator("bo", OperatorRole.APPROVE, {}, os_user="bo"), operator=ANNA)
    await note_order(database, order_id, "hello", operator=BO)
    await database.close()
    await connection.execute(
        "INSERT INTO proposals (id, act, order_id, note, state, proposed_by, host, expires_at)"
        " VALUES (gen_random_uuid(), 'cancel', $1, 'ordered twice', '', 'bo', 'desk', now() + interval '1 day')",
        order_id,
    )
    return order_id


async def propose_refund(connection: asyncpg.Connection, order_id: str) -> None:
    await connection.execute(
        "INSERT INTO proposals (id, act, order_id, payment_id, amount, currency, items, reason, restock, state,"
        " proposed_by, host, expires_at)"
        " VALUES (gen_random_uuid(), 'refund', $1, 'pi_second', 2400, 'eur', $2, 'duplicate', true, '', 'bo', 'desk',"
        " now() + interval '1 day')",
        order_id,
        '[{"sku":"NOTE","quantity":2,"amount":2400}]',
    )


async def status(connection: asyncpg.Connection) -> tuple[str, str]:
    row = await connection.fetchrow("SELECT status, decided_by FROM proposals")
    assert row is not None
    return row["status"], row["decided_by"]


@pytest.mark.usefixtures("proposed")
async def test_who_proposed_it_cannot_approve_it_and_another_rejects_it(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    act_as("bo")
    async with sit(size=(120, 24)) as seat:
        await seat.press("P")
        await seat.screen_of(ProposalsScreen)
        await seat.until(lambda: len(seat.lines()) == 1)
        assert "cancel order 1001" in seat.lines()[0]
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("Proposed by bo")
        await seat.press("down", "enter")
        await seat.sees("was made by bo")
        assert (await status(connection))[0] == "open"
        act_as("anna")
        await seat.press("n")
        await seat.screen_of(Ask)
        await seat.press(*"no", "enter")
        await seat.sees("Proposal 1 is rejected")
        assert await status(connection) == ("rejected", "anna")
        await seat.press("enter")
        await seat.screen_of(OrderScreen)


async def test_whoever_approves_is_shown_the_payment_the_items_the_reason_and_the_stock(
    connection: asyncpg.Connection, sit: Sit, proposed: str
) -> None:
    await propose_refund(connection, proposed)
    async with sit(size=(120, 24)) as seat:
        await seat.press("P")
        await seat.screen_of(ProposalsScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("y")
        await seat.screen_of(Choose)
        await seat.sees("refund €24.00 of order 1001", "Payment: pi_second", "Items: 2 × NOTE (€24.00)")
        await seat.sees("Reason: duplicate", "Stock: puts it back into stock", "Proposed by bo")
