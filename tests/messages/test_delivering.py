"""A message is true when it is sent: one that no longer is true is skipped, and one that was sent is corrected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.ledger.facts import (
    Act,
    ActKind,
    DisputeFact,
    DisputeStatus,
    PaymentStatus,
    RefundFact,
    RefundStatus,
    SessionStatus,
    Unknown,
)
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.messages.outcomes import NotNeeded
from checkout_daemon.messages.shop_webhooks import compose
from checkout_daemon.model.messages import Channel, MessageKind
from checkout_daemon.outbox.outbox_store import claim_messages, list_message_groups, owe
from checkout_daemon.runtime import Runtime
from tests.messages.test_mails import daemon, order_of, session
from tests.support.jobs import run_job
from tests.support.mail_server import MailServer
from tests.support.payments import paid

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MAKE_DUE = "UPDATE outbox SET next_attempt_at = now() WHERE status IN ('queued', 'failed')"


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def runtime(database_url: str, server: MailServer, tmp_path: Path) -> AsyncIterator[Runtime]:
    async with daemon(database_url, tmp_path, server.start()) as runtime:
        yield runtime


async def apply(runtime: Runtime, *updates: Update) -> None:
    await runtime.database.run(merge, list(updates))


def refunded(status: RefundStatus, amount: int = 2000, number: int = 1) -> Update:
    fact = RefundFact(f"re_{number}", False, "pi_1", status, amount, "eur")
    return Update("refund.updated", "stripe", subject_id="pi_1", facts=[fact])


async def mailed(runtime: Runtime, server: MailServer, connection: asyncpg.Connection) -> list[str]:
    """Send due mails, and return the subjects of those that the server accepted."""
    before = len(server.taken)
    await connection.execute(MAKE_DUE)
    await deliver_due(runtime, Channel.MAIL)
    return sorted(str(taken.mail["Subject"]).replace(" 1001", "") for taken in server.taken[before:])


async def webhooks(connection: asyncpg.Connection) -> dict[str, str]:
    """Return for each due webhook the refund status it reports, "sent", or why it is skipped."""
    reported: dict[str, str] = {}
    await connection.execute(MAKE_DUE)
    for message in await claim_messages(connection, Channel.WEBHOOK, 100, lease_seconds=9):
        try:
            body = await compose(connection, message)
            reported[message.kind] = body["data"]["refund"]["status"] if "refund" in body["data"] else "sent"
        except NotNeeded as reason:
            reported[message.kind] = str(reason)
    return reported


ON_ITS_WAY = "Your refund for order is on its way"
NEEDS_YOU = "We need your help to refund order"
MADE = "Refund for your order"
PAID = "Your order at Müllers Papier"
NOT_ARRIVED = "Your refund for order did not arrive"
CALLED_OFF = "Your refund for order was canceled"


@pytest.mark.parametrize(
    ("path", "subjects"),
    [
        (["succeeded"], [[MADE]]),
        (["pending", "succeeded"], [[ON_ITS_WAY], [MADE]]),
        (["requires_action", "pending", "succeeded"], [[NEEDS_YOU], [ON_ITS_WAY], [MADE]]),
        (["pending", "failed"], [[ON_ITS_WAY], [NOT_ARRIVED]]),
        (["succeeded", "failed"], [[MADE], [NOT_ARRIVED]]),
        (["requires_action", "canceled"], [[NEEDS_YOU], [CALLED_OFF]]),
        (["failed"], [[]]),
        (["canceled"], [[]]),
        (["succeeded", "pending"], [[MADE], []]),
        (["failed", "succeeded"], [[], []]),
    ],
)
async def test_a_customer_learns_every_true_state_of_a_refund(
    runtime: Runtime,
    server: MailServer,
    connection: asyncpg.Connection,
    path: list[str],
    subjects: list[list[str]],
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    await mailed(runtime, server, connection)
    heard = []
    for status in path:
        await apply(runtime, refunded(RefundStatus(status)))
        heard.append(await mailed(runtime, server, connection))
    assert heard == subjects
    assert await mailed(runtime, server, connection) == []
    assert all(
        "We have refunded" not in taken.part("plain") for taken in server.taken if MADE[:8] not in taken.mail["Subject"]
    )


async def test_a_message_that_is_no_longer_true_is_never_sent(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    await mailed(runtime, server, connection)
    for status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED):
        await apply(runtime, refunded(status))
    assert await mailed(runtime, server, connection) == []
    assert await mailed(runtime, server, connection) == []  # the correction had waited for the others
    rows = await connection.fetch("SELECT status FROM outbox WHERE channel = 'mail' AND subject_id = 're_1'")
    assert [row["status"] for row in rows] == ["skipped"] * 3


async def test_a_pending_refund_does_not_count_as_refunded(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    await apply(runtime, refunded(RefundStatus.SUCCEEDED, 1000), refunded(RefundStatus.PENDING, 500, 2))
    await mailed(runtime, server, connection)
    (made,) = [mail for mail in server.taken if mail.mail["Subject"].startswith(MADE)]
    assert "Total refunded: €10.00 of €50.00" in made.part("plain")


async def test_a_refund_in_an_unknown_state_is_reported_once_its_state_is_known(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    await mailed(runtime, server, connection)
    odd = RefundFact("re_1", False, "pi_1", RefundStatus.UNKNOWN, 2000, "eur", unknown=Unknown(NOW, "status=next_year"))
    await apply(runtime, refunded(RefundStatus.SUCCEEDED), Update("refund.updated", "stripe", facts=[odd]))
    assert await mailed(runtime, server, connection) == []
    known = RefundFact("re_1", False, "pi_1", RefundStatus.SUCCEEDED, 2000, "eur", known_at=datetime.now(UTC))
    await apply(runtime, Update("refund.updated", "stripe", facts=[known]))
    assert await mailed(runtime, server, connection) == [MADE]


@pytest.mark.parametrize("status", list(RefundStatus))
async def test_a_webhook_about_a_refund_reports_its_state(
    runtime: Runtime, connection: asyncpg.Connection, status: RefundStatus
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    for reached in (RefundStatus.PENDING, RefundStatus.SUCCEEDED, status):
        await apply(runtime, refunded(reached))
    reported = {kind: word for kind, word in (await webhooks(connection)).items() if "refund" in kind}
    last = max(status, RefundStatus.SUCCEEDED, key=list(RefundStatus).index)
    kinds = {"succeeded": "order.refunded"} | {state: f"refund.{state}" for state in ("pending", "canceled", "failed")}
    assert reported[kinds[last]] == last
    assert {word for kind, word in reported.items() if kind != kinds[last]} == {f"the refund is {last} by now"}


async def test_the_shop_does_not_ship_an_order_that_is_refunded_by_now(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"), refunded(RefundStatus.SUCCEEDED, 5000))
    assert (await webhooks(connection))["order.completed"] == "the order is refunded by now"
    assert await mailed(runtime, server, connection) == [MADE]


@pytest.mark.parametrize("failed", [True, False], ids=["the refund failed", "another payment"])
async def test_an_order_that_is_not_refunded_after_all_is_reported_as_paid(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection, failed: bool
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"), refunded(RefundStatus.SUCCEEDED, 5000))
    await mailed(runtime, server, connection)
    assert await run_job(runtime, "owe-again") == 0  # it is refunded still
    await apply(runtime, refunded(RefundStatus.FAILED, 5000) if failed else paid(order_id, "pi_2"))
    assert await run_job(runtime, "owe-again") == 1
    assert PAID in await mailed(runtime, server, connection)
    assert await run_job(runtime, "owe-again") == 0


async def test_a_disputed_order_is_still_reported_as_paid(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await order_of(connection)
    dispute = DisputeFact("dp_1", False, "pi_1", DisputeStatus.UNDER_REVIEW, None, 5000, "eur", None, NOW, "evt_1")
    await apply(runtime, paid(order_id, "pi_1"), Update("charge.dispute.created", "stripe", facts=[dispute]))
    assert (await webhooks(connection))["order.completed"] == "sent"


async def test_a_failed_payment_is_not_reported_once_the_order_is_paid(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(
        runtime, session(order_id, "cs_f", SessionStatus.COMPLETE, PaymentStatus.FAILED), paid(order_id, "pi_1")
    )
    assert (await webhooks(connection))["payment.failed"] == "the order is completed by now"


async def test_nobody_gets_a_link_to_pay_again(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    orders = [await order_of(connection) for _ in range(4)]
    link = '{"session_id":"cs_%d"}'
    for number, order_id in enumerate(orders):
        url = f"https://pay.example.com/{number}"
        await apply(runtime, session(order_id, f"cs_{number}", SessionStatus.OPEN, PaymentStatus.UNPAID, url=url))
        await owe(connection, MessageKind.SESSION_LINK, order_id=order_id, subject_id="s", payload=link % number)
    await apply(
        runtime,
        paid(orders[0], "pi_1"),
        Update("order.canceled", "ana", acts=[(orders[1], Act(ActKind.CANCELED))]),
        session(orders[2], "cs_x", SessionStatus.COMPLETE, PaymentStatus.UNPAID),
    )
    await mailed(runtime, server, connection)
    linked = [text for taken in server.taken if "pay.example.com" in (text := taken.part("plain"))]
    assert len(linked) == 1
    assert "https://pay.example.com/3" in linked[0]


async def test_an_acknowledged_attention_is_not_reported(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    order_id = await order_of(connection)
    await apply(runtime, paid(order_id, "pi_1"))
    await apply(runtime, refunded(RefundStatus.FAILED, 1), refunded(RefundStatus.FAILED, 1, 2))
    seen = Act(ActKind.ACKNOWLEDGED, "refund_failed", "re_1")
    await apply(runtime, Update("order.acknowledged", "ana", acts=[(order_id, seen)]))
    await deliver_due(runtime, Channel.ALERT)
    (taken,) = server.taken
    assert "re_2" in taken.part("plain")
    assert "re_1" not in taken.part("plain")


@pytest.mark.parametrize(
    ("answer", "stored"),
    [(b"550 Empf\xe4nger unbekannt", "550 Empf?nger unbekannt"), (b"550 no\0 such user", "550 no such user")],
    ids=["Latin-1", "NUL"],
)
async def test_an_answer_of_a_mail_server_is_recorded_whatever_its_bytes(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection, answer: bytes, stored: str
) -> None:
    server.refuse = lambda _: answer
    await apply(runtime, paid(await order_of(connection), "pi_1"))
    await deliver_due(runtime, Channel.MAIL)
    row = await connection.fetchrow("SELECT status, last_error FROM outbox WHERE channel = 'mail'")
    assert row is not None
    assert tuple(row) == ("dead", f"the mail server refused the address: {stored}")


async def test_an_outcome_whose_error_the_database_refuses_is_recorded_without_it(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RAISE EXCEPTION ''not a text'' USING ERRCODE = ''22021''; END';"
        "CREATE TRIGGER refuses BEFORE UPDATE ON outbox FOR EACH ROW"
        " WHEN (NEW.last_error LIKE '%unknown%') EXECUTE FUNCTION refuse();"
    )
    server.refuse = lambda _: "550 unknown"
    await apply(runtime, paid(await order_of(connection), "pi_1"))
    await deliver_due(runtime, Channel.MAIL)
    row = await connection.fetchrow("SELECT status, last_error FROM outbox WHERE channel = 'mail'")
    assert row is not None
    assert tuple(row) == ("dead", "the receiver's answer is not a text that can be stored")


async def test_refusals_that_differ_in_an_id_alone_are_one_error(
    runtime: Runtime, server: MailServer, connection: asyncpg.Connection
) -> None:
    where = "550 5.1.1 no such user at mx1.example.net"
    server.refuse = lambda _: f"{where} a1b2c3{uuid4().hex}-4si567.{uuid4().int % 90} - gsmtp"
    for payment_id in ("pi_1", "pi_2"):
        await apply(runtime, paid(await order_of(connection), payment_id))
    await deliver_due(runtime, Channel.MAIL)
    (group,) = await list_message_groups(connection)
    assert (group.messages, group.dead) == (2, 2)
    assert group.error == f"the mail server refused the address: {where} … - gsmtp"
