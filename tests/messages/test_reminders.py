"""A reminder of an unpaid order: one, only if turned on, never to somebody who has paid, and its money counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.ledger.merge import merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.messages.reminders import RecoveredMoney, count_recovered, owe_reminders, read_recovered
from checkout_daemon.model.messages import Channel
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.mail_server import MailServer
from tests.support.orders import add_expired_order, add_order
from tests.support.payments import paid

YESTERDAY = timedelta(hours=25)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def server() -> Any:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
async def runtime(request: Any, database_url: str, tmp_path: Path, server: MailServer) -> AsyncIterator[Runtime]:
    environ = {
        "DATABASE_URL": database_url,
        "CHECKOUT_SMTP_URL": server.start(),
        "CHECKOUT_MAIL_FROM": "shop@example.com",
        "CHECKOUT_PUBLIC_URL": "https://shop.example.com",
    } | getattr(request, "param", {"CHECKOUT_REMINDER_HOURS": "24"})
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        yield runtime


async def reminded(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("SELECT order_id FROM outbox WHERE kind = 'order.reminder'")
    return {str(row["order_id"]) for row in rows}


async def test_an_order_left_unpaid_is_reminded_of_once(
    runtime: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await add_order(connection, ago=YESTERDAY)
    assert [await owe_reminders(runtime) for _ in range(3)] == [1, 0, 0]
    await deliver_due(runtime, Channel.MAIL)
    (taken,) = server.taken
    assert taken.mail["Subject"] == "Your order 1001 at Checkout is not paid yet"
    assert f"https://shop.example.com/success?order_id={order_id}" in taken.part("plain")


@pytest.mark.parametrize("runtime", [{}], indirect=True)
async def test_nobody_is_reminded_unless_it_is_turned_on(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await add_order(connection, ago=YESTERDAY)
    assert await owe_reminders(runtime) == 0


async def test_who_must_not_be_reminded(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await add_order(connection, customer_email="new@example.com", ago=timedelta(hours=1))
    await add_order(connection, customer_email="old@example.com", ago=timedelta(days=5))
    await add_order(connection, customer_email="flagged@example.com", ago=YESTERDAY, attention=["amount_mismatch"])
    await add_order(connection, customer_email="canceled@example.com", ago=YESTERDAY, status="canceled")
    await add_order(connection, customer_email="", ago=YESTERDAY)
    await add_order(connection, customer_email="free@example.com", ago=YESTERDAY, amount_discount=1250, amount_total=0)
    await add_order(connection, customer_email="again@example.com", ago=YESTERDAY)
    await add_order(connection, customer_email="Again@example.com", ago=timedelta(hours=20))
    await add_order(connection, customer_email="debit@example.com", ago=timedelta(days=4), status="processing")
    await add_order(connection, customer_email="debit@example.com", ago=YESTERDAY)
    expired = await add_expired_order(connection, customer_email="expired@example.com", ago=YESTERDAY)
    assert await owe_reminders(runtime) == 1
    assert await reminded(connection) == {expired}
    # The same person is not reminded of another order within the month.
    await add_order(connection, customer_email="expired@example.com", ago=timedelta(hours=24, minutes=5))
    assert await owe_reminders(runtime) == 0


async def test_those_who_were_reminded_do_not_keep_others_from_it(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.messages.reminders._MOST", 1)
    first = await add_order(connection, customer_email="first@example.com", ago=timedelta(hours=26))
    second = await add_order(connection, customer_email="second@example.com", ago=YESTERDAY)
    assert [await owe_reminders(runtime) for _ in range(3)] == [1, 1, 0]
    assert await reminded(connection) == {first, second}


async def test_an_order_that_is_paid_before_the_mail_goes_out_gets_none(
    runtime: Runtime, connection: asyncpg.Connection, server: MailServer
) -> None:
    order_id = await add_order(connection, ago=YESTERDAY)
    assert await owe_reminders(runtime) == 1
    await runtime.database.run(merge, [paid(order_id, "pi_1", amount=1250)])
    await deliver_due(runtime, Channel.MAIL)
    kinds = [str(taken.mail["Subject"]) for taken in server.taken]
    assert kinds == ["Your order 1001 at Checkout"]
    assert await read_recovered(connection, livemode=False) == []


async def test_money_that_came_after_a_reminder_is_counted(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, ago=YESTERDAY)
    await add_order(connection, ago=timedelta(days=9), status="completed", customer_email="bo@example.com")
    await owe_reminders(runtime)
    await deliver_due(runtime, Channel.MAIL)
    await connection.execute("UPDATE orders SET status = 'completed', paid_at = now() WHERE id = $1", order_id)
    found = await read_recovered(connection, livemode=False)
    assert found == [RecoveredMoney("eur", 1, 1250)]
    counting = replace(runtime, metrics=(metrics := Metrics()))
    await count_recovered(counting)
    assert b'checkout_recovered_amount{currency="eur"} 1250.0' in metrics.render()
    await connection.execute("UPDATE outbox SET created_at = created_at - interval '91 days'")
    assert await read_recovered(connection, livemode=False) == []
    await count_recovered(counting)
    assert b'checkout_recovered_orders{currency="eur"} 0.0' in metrics.render()
    assert b'checkout_recovered_amount{currency="eur"} 0.0' in metrics.render()
