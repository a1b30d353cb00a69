"""Several endpoints: each gets what it wants, signed with its secret; one that fails for days is disabled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import DatabaseUnavailable, InvalidRequest, NotFound
from checkout_daemon.ledger.merge import merge
from checkout_daemon.messages.delivering import deliver_due, deliver_to_endpoints, skip_unconfigured, spread_waiting
from checkout_daemon.messages.webhook_endpoints import (
    ReceiverExists,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    find_endpoint,
    list_endpoints,
    remove_endpoint,
    rotate_secret,
    skip_removed,
)
from checkout_daemon.model.messages import Channel
from checkout_daemon.outbox import outbox_store
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.old_outbox import OLD_CLAIM, OLD_REPLAY
from tests.support.payments import paid
from tests.support.receiver import SECRET, Receiver
from tests.support.stripe_events import insert_order
from tests.support.waiting import until

ADA = Operator("ada", "desk")
MAKE_DUE = "UPDATE outbox SET next_attempt_at = now() WHERE status = 'failed'"
WAITED = "UPDATE outbox SET next_attempt_at = now() - interval '6 seconds' WHERE status = 'queued'"


@pytest.fixture
async def receivers() -> AsyncIterator[list[Receiver]]:
    found = [Receiver() for _ in range(3)]
    for receiver in found:
        receiver.url = await receiver.start()
    yield found
    for receiver in found:
        await receiver.stop()


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A daemon without CHECKOUT_SHOP_WEBHOOK_URL."""
    environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_none"}
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        yield runtime


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def add(runtime: Runtime, name: str, receiver: Receiver, *events: str) -> None:
    receiver.secret = (await add_endpoint(runtime.database, name, receiver.url, events, operator=ADA)).secret


async def pay(runtime: Runtime, database_url: str) -> str:
    order_id = await insert_order(database_url)
    await runtime.database.run(merge, [paid(order_id, f"pi_{order_id}")])
    return order_id


async def deliver(runtime: Runtime) -> None:
    await deliver_due(runtime, Channel.WEBHOOK)
    await deliver_to_endpoints(runtime)


async def statuses(connection: asyncpg.Connection, name: str | None) -> list[str]:
    rows = await connection.fetch(
        "SELECT status FROM outbox WHERE channel = 'webhook' AND endpoint IS NOT DISTINCT FROM $1 ORDER BY created_at",
        name,
    )
    return [row["status"] for row in rows]


async def test_each_gets_what_it_wants_once_with_its_own_id_and_signature(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    every, some, none = receivers
    await add(shop, "every", every)
    await add(shop, "some", some, "order.completed", "order.refunded")
    await add(shop, "none", none, "dispute.due")
    order_id = await pay(shop, database_url)
    for _ in range(2):
        await deliver(shop)
    bodies = [list(receiver.taken.values()) for receiver in receivers]
    assert [[body["data"]["order"]["id"] for body in taken] for taken in bodies] == [[order_id], [order_id], []]
    assert every.taken.keys() != some.taken.keys()
    assert await statuses(connection, None) == ["skipped"]
    assert await skip_unconfigured(shop) == 0


def addressed(database_url: str, receiver: Receiver) -> dict[str, str]:
    """Return the settings of a shop whose own address is this receiver's."""
    return {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": "sk_test_none",
        "CHECKOUT_SHOP_WEBHOOK_URL": receiver.url,
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
    }


async def test_the_url_of_the_settings_is_one_more(
    receivers: list[Receiver], database_url: str, tmp_path: Path
) -> None:
    first, second, _ = receivers
    async with open_runtime(load_settings(addressed(database_url, first), cwd=tmp_path)) as runtime:
        await add(runtime, "second", second)
        await pay(runtime, database_url)
        await deliver(runtime)
    assert (len(first.taken), len(second.taken)) == (1, 1)


async def test_a_message_has_items_and_the_customer_only_if_wanted(
    receivers: list[Receiver], database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    for wanted in ("off", "on"):
        environ = {"DATABASE_URL": database_url, "CHECKOUT_WEBHOOK_CUSTOMER": wanted, "STRIPE_API_KEY": "sk_test_none"}
        async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
            receiver = receivers[wanted == "on"]
            await add(runtime, wanted, receiver)
            order_id = await insert_order(database_url)
            await connection.execute(
                "INSERT INTO order_items VALUES ($1, 1, 'NOTE', 'Notebook', '', 2500, 2, 5000, 0)", order_id
            )
            await runtime.database.run(merge, [paid(order_id, f"pi_{order_id}")])
            await deliver(runtime)
        order = list(receiver.taken.values())[-1]["data"]["order"]
        assert [(item["sku"], item["quantity"], item["amount"]) for item in order["items"]] == [("NOTE", 2, 5000)]
        assert ("customer_email" in order) is (wanted == "on")


async def test_one_that_hangs_holds_up_no_other(shop: Runtime, receivers: list[Receiver], database_url: str) -> None:
    slow, quick, _ = receivers
    slow.hold_first = True
    await add(shop, "a-slow", slow)
    await add(shop, "b-quick", quick)
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    sending = asyncio.create_task(deliver_to_endpoints(shop))
    await until(lambda: bool(slow.tries) and len(quick.taken) == 1)
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    await until(lambda: len(quick.taken) == 2)
    assert not sending.done()
    slow.release.set()
    assert await sending >= 3


async def test_endpoints_do_not_wait_for_an_address_in_the_settings_that_hangs(
    receivers: list[Receiver], database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    first, second, _ = receivers
    async with open_runtime(load_settings(addressed(database_url, first), cwd=tmp_path)) as runtime:
        await add(runtime, "second", second)
        for _ in range(3):
            await pay(runtime, database_url)
        await connection.execute(WAITED)
        assert (await spread_waiting(runtime), await spread_waiting(runtime)) == (3, 0)
        await deliver_to_endpoints(runtime)
        assert (len(first.taken), len(second.taken)) == (0, 3)
        await deliver(runtime)
        assert (len(first.taken), len(second.taken)) == (3, 3)
    assert await statuses(connection, "second") == ["sent"] * 3


async def test_messages_are_spread_before_their_claim_only_if_they_wait_and_somebody_wants_them(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    await pay(shop, database_url)
    await connection.execute(WAITED)
    assert await spread_waiting(shop) == 0
    await add(shop, "erp", receivers[0])
    await pay(shop, database_url)
    await connection.execute("UPDATE outbox SET next_attempt_at = now() + interval '1 hour'")
    assert await spread_waiting(shop) == 0
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE spread") == 0
    await connection.execute(WAITED)
    assert await spread_waiting(shop) == 1  # the other is older than the endpoint


async def test_one_that_fails_for_days_is_disabled_with_an_alert_and_gets_what_it_missed(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    receiver, *_ = receivers
    await add(shop, "erp", receiver)
    receiver.answer = lambda *_: 500
    await pay(shop, database_url)
    await deliver(shop)
    assert (await find_endpoint(shop.database, "erp")).status == "failing"
    await connection.execute("UPDATE webhook_endpoints SET failing_since = now() - interval '4 days 23 hours'")
    await connection.execute(MAKE_DUE)
    await deliver(shop)
    assert (await find_endpoint(shop.database, "erp")).status == "failing"
    await connection.execute("UPDATE webhook_endpoints SET failing_since = now() - interval '5 days 1 minute'")
    await connection.execute(MAKE_DUE)
    await deliver(shop)
    assert (await find_endpoint(shop.database, "erp")).status == "disabled"
    payload = await connection.fetchval(
        "SELECT payload FROM outbox WHERE kind = 'receiver.disabled' AND channel = 'alert'"
    )
    assert "checkout outbox endpoints enable erp --replay" in payload
    await pay(shop, database_url)
    await deliver(shop)
    assert set(await statuses(connection, "erp")) == {"skipped"}
    receiver.answer = lambda *_: 204
    _, queued = await enable_endpoint(shop.database, "erp", replay=True, operator=ADA)
    await deliver(shop)
    assert queued == len(receiver.taken) == 3  # two orders, and the alert
    assert (await find_endpoint(shop.database, "erp")).status == "enabled"


async def test_a_success_ends_the_count_of_failures(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    receiver, *_ = receivers
    await add(shop, "erp", receiver)
    receiver.answer = lambda message_id, before: 500 if before == 0 else 204
    await pay(shop, database_url)
    await deliver(shop)
    await connection.execute(MAKE_DUE)
    await deliver(shop)
    endpoint = await find_endpoint(shop.database, "erp")
    assert (endpoint.failing_since, endpoint.status) == (None, "enabled")


async def test_the_old_secret_signs_for_a_day(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    receiver, *_ = receivers
    await add(shop, "erp", receiver)
    old = receiver.secret
    new = (await rotate_secret(shop.database, "erp", operator=ADA)).secret
    for secret in (old, new):
        receiver.secret = secret
        await pay(shop, database_url)
        await deliver(shop)
    assert len(receiver.taken) == 2
    await connection.execute("UPDATE webhook_endpoints SET old_secret_until = now()")
    await pay(shop, database_url)
    await deliver(shop)
    assert len(receiver.headers["webhook-signature"].split()) == 1


async def test_what_waits_for_a_removed_one_is_skipped(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    await add(shop, "erp", receivers[0])
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    assert [endpoint.waiting for endpoint in await list_endpoints(shop.database)] == [1]
    assert await remove_endpoint(shop.database, "erp", operator=ADA) == 1
    await deliver(shop)
    assert (await statuses(connection, "erp"), receivers[0].taken) == (["skipped"], {})
    with pytest.raises(NotFound):
        await disable_endpoint(shop.database, "erp", operator=ADA)


async def test_what_is_owed_while_one_is_being_disabled_is_skipped_and_sent_once_it_is_enabled(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    await add(shop, "erp", receivers[0])
    await pay(shop, database_url)
    async with connection.transaction():
        await connection.execute("UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'by ada@desk'")
        await deliver_due(shop, Channel.WEBHOOK)
    assert await statuses(connection, "erp") == ["queued"]
    assert (await skip_removed(shop.database), await skip_removed(shop.database)) == (1, 0)
    await deliver(shop)
    assert (await statuses(connection, "erp"), receivers[0].taken) == (["skipped"], {})
    assert (await enable_endpoint(shop.database, "erp", replay=True, operator=ADA))[1] == 1
    assert await skip_removed(shop.database) == 0
    await deliver(shop)
    assert (await statuses(connection, "erp"), len(receivers[0].taken)) == (["sent"], 1)


async def test_what_is_queued_again_for_a_disabled_one_does_not_wait_for_ever(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    for name, receiver in zip(("erp", "wms"), receivers, strict=False):
        await add(shop, name, receiver)
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    await disable_endpoint(shop.database, "erp", operator=ADA)
    row = await connection.fetchrow("SELECT id::text, last_error FROM outbox WHERE endpoint = 'erp'")
    assert row is not None
    assert await outbox_store.replay_messages(connection, [row["id"]]) == {row["id"]}
    assert await statuses(connection, "erp") == ["queued"]
    assert await skip_removed(shop.database) == 1
    again = await connection.fetchrow("SELECT id::text, last_error FROM outbox WHERE endpoint = 'erp'")
    assert again == row
    assert (await statuses(connection, "erp"), await statuses(connection, "wms")) == (["skipped"], ["queued"])


async def test_an_older_release_claims_nothing_for_an_endpoint(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    await add(shop, "erp", receivers[0])
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    assert await statuses(connection, "erp") == ["queued"]
    assert await connection.fetch(OLD_CLAIM, "webhook", 10, 120.0) == []
    receivers[0].answer = lambda *_: 500
    await deliver(shop)
    assert await statuses(connection, "erp") == ["failed"]
    (row,) = await connection.fetch("SELECT id FROM outbox WHERE endpoint = 'erp'")
    assert len(await connection.fetch(OLD_REPLAY, [row["id"]])) == 1
    assert await connection.fetch(OLD_CLAIM, "webhook", 10, 120.0) == []
    receivers[0].answer = lambda *_: 204
    await deliver(shop)
    assert await statuses(connection, "erp") == ["sent"]


@pytest.mark.parametrize("sent", [True, False])
async def test_what_an_older_release_claims_first_reaches_the_endpoints_once(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection, sent: bool
) -> None:
    await add(shop, "erp", receivers[0])
    await pay(shop, database_url)
    await pay(shop, database_url)
    assert len(await connection.fetch(OLD_CLAIM, "webhook", 10, 120.0)) == 2
    if sent:
        await connection.execute("UPDATE outbox SET status = 'sent', sent_at = now() WHERE channel = 'webhook'")
        assert (await spread_waiting(shop), await spread_waiting(shop)) == (2, 0)
    else:
        await connection.execute("UPDATE outbox SET next_attempt_at = now()")  # the lease of the older daemon ends
    for _ in range(2):
        await deliver(shop)
        await spread_waiting(shop)
    assert len(receivers[0].taken) == 2
    assert await statuses(connection, "erp") == ["sent", "sent"]


async def test_a_later_endpoint_of_the_name_gets_nothing_of_the_removed_one(
    shop: Runtime, receivers: list[Receiver], database_url: str, connection: asyncpg.Connection
) -> None:
    await add(shop, "erp", receivers[0])
    for _ in range(2):
        await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    await connection.execute(
        "UPDATE outbox SET status = 'dead' WHERE id = (SELECT min(id::text)::uuid FROM outbox WHERE endpoint = 'erp')"
    )
    assert await remove_endpoint(shop.database, "erp", operator=ADA) == 1
    assert await statuses(connection, "erp") == ["skipped", "skipped"]
    rows = await connection.fetch("SELECT id::text FROM outbox WHERE endpoint = 'erp'")
    await outbox_store.replay_messages(connection, [row["id"] for row in rows])
    assert (await skip_removed(shop.database), await skip_removed(shop.database)) == (2, 0)
    await outbox_store.replay_messages(connection, [row["id"] for row in rows])
    await add(shop, "erp", receivers[1])
    await deliver(shop)
    assert receivers[1].taken == {}
    assert await skip_removed(shop.database) == 2
    await pay(shop, database_url)
    await deliver(shop)
    assert (len(receivers[0].taken), len(receivers[1].taken), await skip_removed(shop.database)) == (0, 1, 0)


async def test_what_is_under_way_ends_when_the_database_goes_away(
    shop: Runtime, receivers: list[Receiver], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, *_ = receivers
    slow.hold_first = True
    await add(shop, "erp", slow)
    await pay(shop, database_url)
    await deliver_due(shop, Channel.WEBHOOK)
    sending = asyncio.create_task(deliver_to_endpoints(shop))
    await until(lambda: bool(slow.tries))
    looked = 0

    def away(*_: object, **__: object) -> NoReturn:
        nonlocal looked
        looked += 1
        raise DatabaseUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(shop.database, "connection", away)
        await until(lambda: looked >= 2)  # by the reader of names, and by the delivery
        assert not sending.done()
    slow.release.set()
    with pytest.raises(DatabaseUnavailable):
        await sending
    assert len(slow.taken) == 1


async def test_a_disabled_one_is_disabled_once(
    shop: Runtime, receivers: list[Receiver], connection: asyncpg.Connection
) -> None:
    await add(shop, "erp", receivers[0])
    for _ in range(2):
        assert (await disable_endpoint(shop.database, "erp", operator=ADA)).disabled_why == "by ada@desk"
    rows = await connection.fetch("SELECT kind FROM operator_log ORDER BY number")
    assert [row["kind"] for row in rows] == ["endpoint.added", "endpoint.disabled"]


async def test_a_wrong_name_or_kind_is_refused(shop: Runtime, receivers: list[Receiver]) -> None:
    await add(shop, "erp", receivers[0])
    with pytest.raises(ReceiverExists):
        await add(shop, "erp", receivers[0])
    for name, events in (("settings", ()), ("A", ()), ("b", ("order.complete",)), ("b", ("session.link",))):
        with pytest.raises(InvalidRequest):
            await add_endpoint(shop.database, name, receivers[0].url, events, operator=ADA)
    assert [endpoint.name for endpoint in await list_endpoints(shop.database)] == ["erp"]
