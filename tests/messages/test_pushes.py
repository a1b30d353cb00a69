"""Alerts through Apprise, to real receivers: each once, resolved once the problem has ended, quiet at night."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from checkout_daemon.messages.delivering import deliver_due, deliver_pushes, spread_waiting
from checkout_daemon.messages.pushes import owe_resolved, push_targets, skip_unknown_pushes
from checkout_daemon.model.messages import Alert, Channel, MessageKind
from checkout_daemon.outbox.alert_store import owe_once
from checkout_daemon.outbox.channels import is_quiet, read_backlogs
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.support.old_outbox import OLD_CLAIM
from tests.support.orders import add_order

MAKE_DUE = "UPDATE outbox SET next_attempt_at = now() WHERE status = 'failed'"
ALERT = Alert("2 Stripe events could not be applied", 2, ("evt_1", "evt_2"), "checkout events list --status dead")
Open = Callable[..., Awaitable[Runtime]]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise imports


@dataclass
class Chat:
    """A receiver of Apprise's JSON notifications."""

    url: str = ""
    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.taken.append(await request.json())
        return web.Response(status=self.status)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.taken]


@pytest.fixture
async def chats() -> AsyncIterator[list[Chat]]:
    async with AsyncExitStack() as stack:
        found = []
        for name in ("team", "night"):
            chat = Chat()
            app = web.Application()
            app.router.add_post("/{path:.*}", chat.take)
            server = await stack.enter_async_context(TestServer(app))
            chat.url = f"json://127.0.0.1:{server.port}/{name}"
            found.append(chat)
        yield found


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(*chats: Chat, **environ: str) -> Runtime:
            settings = {"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_none"}
            settings["CHECKOUT_ALERT_URLS"] = ",".join(chat.url for chat in chats)
            return await stack.enter_async_context(open_runtime(load_settings(settings | environ, cwd=tmp_path)))

        yield opened


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def deliver(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await connection.execute(MAKE_DUE)
    await deliver_due(runtime, Channel.ALERT)
    await deliver_pushes(runtime)


async def test_an_alert_comes_once_with_its_command_and_is_resolved_once(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    runtime = await shop(*chats)
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1", "evt_2"], ALERT)
    for _ in range(2):
        await deliver(runtime, connection)
        assert await owe_resolved(runtime) == 0
    for chat in chats:
        (message,) = chat.taken
        assert message["title"] == "[Checkout] 2 Stripe events could not be applied"
        assert message["message"] == "evt_1\nevt_2\nWhat to do: checkout events list --status dead"
        assert message["type"] == "failure"
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, [], ALERT)
    assert (await owe_resolved(runtime), await owe_resolved(runtime)) == (2, 0)
    await deliver(runtime, connection)
    assert [chat.titles[1:] for chat in chats] == [["[Checkout] Resolved: 2 Stripe events could not be applied"]] * 2


async def test_pushes_do_not_wait_for_a_mail_server_that_hangs(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    mail = {"CHECKOUT_SMTP_URL": "smtp://127.0.0.1:9", "CHECKOUT_MAIL_FROM": "shop@example.com"}
    runtime = await shop(*chats, CHECKOUT_ALERT_TO="boss@example.com", **mail)
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    await connection.execute("UPDATE outbox SET next_attempt_at = now() - interval '6 seconds'")
    assert (await spread_waiting(runtime), await spread_waiting(runtime)) == (2, 0)
    await deliver_pushes(runtime)
    assert [len(chat.taken) for chat in chats] == [1, 1]
    await deliver(runtime, connection)  # the mail is claimed now, and nothing is pushed twice
    assert [len(chat.taken) for chat in chats] == [1, 1]


async def test_one_that_fails_is_tried_again_and_the_other_gets_nothing_twice(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    runtime = await shop(*chats)
    team, night = chats
    team.status = 500
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    await deliver(runtime, connection)
    assert (len(team.taken), len(night.taken)) == (0, 1)
    team.status = 200
    await deliver(runtime, connection)
    assert (len(team.taken), len(night.taken)) == (1, 1)
    errors = [row["last_error"] for row in await connection.fetch("SELECT last_error FROM outbox")]
    assert not any(error and "127.0.0.1" in error for error in errors)


async def test_an_order_that_needs_attention_is_named_and_resolved(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    runtime = await shop(chats[0])
    order_id = await add_order(connection, attention=["paid_twice"], status="completed")
    await connection.execute("INSERT INTO payments (id, order_id) VALUES ('pi_0', $1), ('pi_1', $1)", order_id)
    await connection.execute("INSERT INTO payment_observations SELECT id, 1250, 'eur', false, now() FROM payments")
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, subject_id, channel)"
        " VALUES ($1, 'order.attention', 'paid_twice:pi_0,pi_1', 'alert')",
        order_id,
    )
    await deliver(runtime, connection)
    assert chats[0].titles == ["[Checkout] Order 1001 needs attention: paid twice"]
    assert "checkout orders refund 1001 --payment pi_1" in chats[0].taken[0]["message"]
    await connection.execute("UPDATE orders SET attention = '{}'")
    assert await owe_resolved(runtime) == 1
    await deliver(runtime, connection)
    assert chats[0].titles[1] == "[Checkout] Resolved: order 1001 needs no attention any more (paid twice)"


def remembered(kind: str) -> tuple[str, str]:
    """Return how a problem begins and ends that the table `alerts` remembers."""
    return f"INSERT INTO alerts (kind, subject) VALUES ('{kind}', 'one')", "DELETE FROM alerts"


PROBLEMS = {
    MessageKind.ORDER_ATTENTION: (
        "UPDATE orders SET attention = '{paid_twice}'",
        "UPDATE orders SET attention = '{}'",
    ),
    MessageKind.EVENTS_DEAD: remembered("events.dead"),
    MessageKind.OUTBOX_DEAD: remembered("outbox.dead"),
    MessageKind.EVENTS_SILENT: remembered("events.silent"),
    MessageKind.ENDPOINT_DISABLED: remembered("endpoint.disabled"),
    MessageKind.KEY_DENIED: remembered("key.denied"),
    MessageKind.CLOCKS_DIFFER: remembered("clocks.differ@shop1"),
    MessageKind.ORDERS_MISSING: remembered("orders.missing"),
    MessageKind.RECEIVER_DISABLED: (
        "INSERT INTO webhook_endpoints (name, url, secret, created_by, disabled_at, disabled_why)"
        " VALUES ('1', 'https://erp.example', '', 'ada', now(), 'it took nothing')",
        "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_why = NULL",
    ),
    MessageKind.PROPOSAL_OPEN: (
        "INSERT INTO proposals (id, act, order_id, state, proposed_by, host, expires_at)"
        " SELECT gen_random_uuid(), 'cancel', id, '', 'bo', 'desk', now() + interval '1 day' FROM orders",
        "UPDATE proposals SET status = 'rejected', decided_by = 'cy', decided_at = now()",
    ),
}
"""How the problem behind each kind of alert begins and ends. The alert's only subject is 1."""


def test_every_kind_of_alert_has_a_problem_that_ends() -> None:
    alerts = {kind for kind in MessageKind if Channel.ALERT in kind.channels}
    assert alerts - PROBLEMS.keys() == {MessageKind.DISPUTE_DUE}  # its order is resolved


async def pushed(runtime: Runtime, connection: asyncpg.Connection, kind: MessageKind, order_id: str) -> None:
    """Add an alert that was pushed: about an order, or about the whole shop."""
    (name,) = push_targets(runtime.settings)
    is_order = kind is MessageKind.ORDER_ATTENTION
    alert = Alert("something is wrong", 1, ("1",), "checkout doctor")
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, subject_id, channel, endpoint, status, sent_at, payload)"
        " VALUES ($1, $2, $3, 'alert', $4, 'sent', now(), $5)",
        order_id if is_order else None,
        kind.value,
        f"paid_twice:pi_1@{name}",
        name,
        None if is_order else msgspec.json.encode(alert).decode(),
    )


@pytest.mark.parametrize("kind", PROBLEMS)
async def test_an_alert_is_resolved_once_its_problem_has_ended_and_not_before(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection, kind: MessageKind
) -> None:
    runtime = await shop(chats[0])
    order_id = await add_order(connection, status="completed")
    begin, end = PROBLEMS[kind]
    await connection.execute(begin)
    await pushed(runtime, connection, kind, order_id)
    assert await owe_resolved(runtime) == 0
    await connection.execute(end)
    assert (await owe_resolved(runtime), await owe_resolved(runtime)) == (1, 0)


async def test_a_proposal_that_has_expired_is_resolved(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    runtime = await shop(chats[0])
    order_id = await add_order(connection, status="completed")
    begin, _ = PROBLEMS[MessageKind.PROPOSAL_OPEN]
    await connection.execute(begin.replace("now() + interval '1 day'", "now()"))
    await pushed(runtime, connection, MessageKind.PROPOSAL_OPEN, order_id)
    assert await owe_resolved(runtime) == 1


async def test_at_night_only_urgent_ones_come_and_the_others_in_the_morning(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection, tmp_path: Path
) -> None:
    always = await shop(chats[0], CHECKOUT_ALERT_QUIET="00:00-23:59")
    order_id = await add_order(connection, attention=["paid_twice"], status="completed")
    await connection.execute(
        "INSERT INTO outbox (order_id, kind, subject_id, channel)"
        " VALUES ($1, 'order.attention', 'paid_twice:pi_1', 'alert')",
        order_id,
    )
    await always.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    if not is_quiet(always.settings, datetime.now(UTC)):  # one minute a day is not
        always = await shop(chats[0], CHECKOUT_ALERT_QUIET="23:00-22:59")
    await deliver(always, connection)
    assert chats[0].titles == ["[Checkout] 2 Stripe events could not be applied"]
    (held,) = [line for line in await read_backlogs(connection, always.settings) if line.channel == "alert"]
    assert (held.status, held.messages, held.oldest_seconds) == ("queued", 1, None)  # it is not late
    never = await shop(chats[0])
    (due,) = [line for line in await read_backlogs(connection, never.settings) if line.channel == "alert"]
    assert due.oldest_seconds is not None
    await deliver(never, connection)
    assert chats[0].titles[1:] == ["[Checkout] Order 1001 needs attention: paid twice"]


@pytest.mark.parametrize(
    ("quiet", "hour", "expected"),
    [
        ("22:00-07:00", 20, False),  # 21:00 in Vienna
        ("22:00-07:00", 21, True),
        ("22:00-07:00", 5, True),
        ("22:00-07:00", 6, False),
        ("12:00-13:00", 11, True),
        ("12:00-13:00", 12, False),
    ],
)
def test_quiet_hours_are_in_the_shops_time_zone(tmp_path: Path, quiet: str, hour: int, expected: bool) -> None:
    environ = {"CHECKOUT_ALERT_QUIET": quiet, "CHECKOUT_TIME_ZONE": "Europe/Vienna"}
    assert is_quiet(load_settings(environ, cwd=tmp_path), datetime(2026, 1, 15, hour, tzinfo=UTC)) is expected


async def test_what_waits_for_an_address_that_was_removed_is_skipped(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    chats[0].status = 500
    before = await shop(*chats)
    await before.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    await deliver(before, connection)
    after = await shop(chats[1])
    await connection.execute(MAKE_DUE)
    assert (await skip_unknown_pushes(before), await skip_unknown_pushes(after)) == (0, 1)


async def test_without_addresses_the_mail_of_an_alert_waits_and_only_pushes_are_skipped(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    chats[0].status = 500
    before = await shop(chats[0])
    await before.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    await deliver(before, connection)
    await connection.execute("UPDATE outbox SET next_attempt_at = now(), status = 'queued'")
    assert await skip_unknown_pushes(await shop()) == 1
    rows = await connection.fetch("SELECT status FROM outbox WHERE channel = 'alert' ORDER BY endpoint NULLS FIRST")
    assert [row["status"] for row in rows] == ["queued", "skipped"]


async def test_an_older_release_claims_no_push_and_what_it_claims_is_pushed_as_well(
    shop: Open, chats: list[Chat], connection: asyncpg.Connection
) -> None:
    runtime = await shop(*chats)
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    (parent,) = await connection.fetch(OLD_CLAIM, "alert", 10, 120.0)
    await connection.execute("UPDATE outbox SET status = 'sent', sent_at = now() WHERE id = $1", parent["id"])
    assert (await spread_waiting(runtime), await spread_waiting(runtime)) == (2, 0)
    assert await connection.fetch(OLD_CLAIM, "alert", 10, 120.0) == []
    await deliver_pushes(runtime)
    assert [len(chat.taken) for chat in chats] == [1, 1]


async def test_an_address_that_apprise_does_not_know_is_dead_without_naming_it(
    shop: Open, connection: asyncpg.Connection
) -> None:
    runtime = await shop(Chat("nothing://user:secret@here"))
    await runtime.database.run(owe_once, MessageKind.EVENTS_DEAD, ["evt_1"], ALERT)
    await deliver(runtime, connection)
    row = await connection.fetchrow(
        "SELECT status, last_error FROM outbox WHERE endpoint IS NOT NULL AND channel = 'alert'"
    )
    assert row is not None
    assert (row["status"], "secret" in row["last_error"]) == ("dead", False)
