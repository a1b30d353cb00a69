"""The inbox of events, and a payload that folds and is searched."""

from __future__ import annotations

import json

import asyncpg
import pytest

from checkout_daemon.ledger.apply import WHY_IGNORED
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order
from tests.support.stripe_events import deliver, event_body, insert_order, refund_object, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.batch import BatchScreen
from tui.screens.dialogs import Ask, Choose
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen


async def completed(intake: Intake, url: str, **fields: object) -> str:
    order_id = await insert_order(url)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1", **fields)))
    return order_id


async def open_events(seat: Seat) -> EventsScreen:
    await seat.press("e")
    return await seat.screen_of(EventsScreen)


async def test_events_come_in_by_themselves(database_url: str, intake: Intake, sit: Sit) -> None:
    async with sit() as seat:
        await open_events(seat)
        await seat.sees("No events yet")
        await completed(intake, database_url)
        await seat.sees("checkout.session.completed")
        await seat.until(lambda: len(seat.lines()) == 1)
        (line,) = seat.lines()
        assert line.split()[2:4] == ["applied", "1001"]
        await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}))
        await seat.until(lambda: len(seat.lines()) == 2)
        assert "ignored" in seat.lines()[0]
        await seat.press("down", "o")
        await seat.screen_of(OrderScreen)


async def test_o_opens_the_order_that_a_failed_event_names(database_url: str, intake: Intake, sit: Sit) -> None:
    await completed(intake, database_url)
    spoiled = refund_object("re_1", "pi_1", 1300) | {"amount": "much"}
    await deliver(intake, event_body("refund.created", spoiled))
    await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}))
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 3)
        await seat.press("home", "o")
        await seat.notices("This event is about no order of ours.")
        await seat.press("down", "o")
        await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001   completed")


async def test_u_shows_only_what_failed(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash) VALUES"
        " ('evt_1', 'charge.failed', 'applied', now(), ''), ('evt_2', 'charge.succeeded', 'dead', now(), '')"
    )
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("u")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("dead", "charge.succeeded", "events list --status failed --status dead")


async def test_status_type_and_order_narrow_the_inbox_also_as_it_changes(
    database_url: str, intake: Intake, connection: asyncpg.Connection, sit: Sit
) -> None:
    order_id = await completed(intake, database_url)
    await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}))
    async with sit() as seat:
        screen = await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("s", "space", "enter")
        await seat.until(lambda: [line.split()[2] for line in seat.lines()] == ["applied"])
        await seat.sees("s applied", "$ checkout events list --status applied")
        await connection.execute("UPDATE stripe_events SET status = 'dead' WHERE status = 'applied'")
        await seat.sees("No event matches")
        await seat.press("0", "t", "end", "space", "enter")
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.sees("$ checkout events list --type customer.created")
        await seat.press("0", "slash", *"1001")
        await seat.sees("€50.00", "Matching orders")
        await seat.press("enter")
        await seat.sees("/ order 1001", "$ checkout events list --order 1001")
        assert screen.choice.order == (order_id, 1001)
        await seat.until(lambda: len(seat.lines()) == 1)


async def test_p_holds_the_inbox_still(database_url: str, intake: Intake, sit: Sit) -> None:
    async with sit() as seat:
        screen = await open_events(seat)
        await seat.sees("No events yet")
        await seat.press("p")
        await seat.sees("paused")
        await completed(intake, database_url)
        screen._look()
        await seat.press("c")  # nothing to copy, and a turn for what was looked for
        assert seat.lines()[0].strip().startswith("No events yet")
        await seat.press("p")
        await seat.sees("checkout.session.completed", "following")


@pytest.mark.usefixtures("stocked")
async def test_y_applies_an_event_again_and_r_has_stripe_send_it_again(
    runtime: Runtime, stripe: FlakyStripe, intake: Intake, connection: asyncpg.Connection, sit: Sit
) -> None:
    await paid_order(runtime)
    listed = await runtime.gateway.call(
        "events", lambda client: client.v1.events.list_async(params={"limit": 1, "type": "checkout.session.completed"})
    )
    event = listed.object["data"][0]
    await deliver(intake, json.dumps(event).encode())
    async with sit(size=(130, 24), STRIPE_API_BASE=stripe.base) as seat:
        await open_events(seat)
        await seat.until(lambda: event["id"] in seat.text())
        await seat.press("r")
        await seat.sees(f"$ checkout events resend {event['id']}", "duplicate: delivered before")
        await seat.press("y")
        await seat.sees(f"$ checkout events replay {event['id']}")
        await seat.sees("applied to #1001: still")  # it changed nothing this time
    kinds = [row["kind"] for row in await connection.fetch("SELECT kind FROM operator_log")]
    assert kinds == ["event.replayed"]


async def test_a_payload_is_folded_searched_and_masked(database_url: str, intake: Intake, sit: Sit) -> None:
    details = {"email": "ada@example.com", "address": {"country": "AT"}}
    await completed(intake, database_url, customer_details=details)
    async with sit(size=(100, 45)) as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        screen = await seat.screen_of(EventScreen)
        await seat.sees("id: cs_1", "▶ customer_details {2}", "1 attempt\n")
        await seat.press("slash", *"country", "enter")
        await seat.sees("country: AT", "email: ada@example.com")
        await seat.until(lambda: str(getattr(screen.payload.cursor_node, "label", "")) == "country: AT")
        await seat.press("v")
        assert seat.app.clipboard == "AT"
        await seat.press("m", "z")
        await seat.sees("email: a•••@e•••")
        await seat.press("z")
        await seat.until(lambda: "id: cs_1" not in seat.text())


async def test_the_evidence_of_a_dispute_is_masked_but_for_the_texts_of_the_shop(intake: Intake, sit: Sit) -> None:
    evidence = {
        "customer_name": "Ada Lovelace", "billing_address": "Ring 1, Wien", "uncategorized_text": "Ada phoned",
        "product_description": "Notebook", "receipt": None,
    }  # fmt: skip
    dispute = {"id": "dp_1", "object": "dispute", "evidence": evidence}
    await deliver(intake, event_body("charge.dispute.created", dispute))
    async with sit(size=(100, 45)) as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        await seat.screen_of(EventScreen)
        await seat.sees("evidence {5}")
        await seat.press("m", "z")
        await seat.sees("customer_name: A••• L•••", "billing_address: R••• 1••• W•••", "uncategorized_text: A••• p•••")
        await seat.sees("product_description: Notebook", "receipt: null")


async def test_what_payment_methods_and_texts_tell_of_a_person_is_masked_too(intake: Intake, sit: Sit) -> None:
    method = {
        "verified_name": "Ada Lovelace", "payer_email": "ada@example.com", "bank_name": "Erste Bank",
        "statement": "paid by ada@example.com",
    }  # fmt: skip
    await deliver(intake, event_body("customer.created", {"id": "cus_1", "object": "customer", "ideal": method}))
    async with sit(size=(100, 45)) as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        screen = await seat.screen_of(EventScreen)
        await seat.sees("ideal {4}")
        await seat.press("m", "z")
        await seat.sees("verified_name: A••• L•••", "payer_email: a•••@e•••", "bank_name: Erste Bank")
        await seat.sees("statement: paid by a•••@e•••")
        await seat.press("slash", *"payer", "enter")
        await seat.until(lambda: "payer_email" in str(getattr(screen.payload.cursor_node, "label", "")))
        await seat.press("v")
        assert seat.app.clipboard == "ada@example.com"
        assert not [shown for shown in seat.app._notifications if "ada" in shown.message]


async def test_an_open_event_is_followed_and_stays_as_it_was_folded(
    database_url: str, intake: Intake, connection: asyncpg.Connection, sit: Sit
) -> None:
    await completed(intake, database_url)
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        screen = await seat.screen_of(EventScreen)
        await seat.sees("applied", "amount_total")
        await seat.press("down", "down", "z", "z")
        line = screen.payload.cursor_line
        await connection.execute("UPDATE stripe_events SET status = 'dead', last_error = 'no such price', attempts = 8")
        await seat.sees("dead", "8 attempts", "no such price")
        assert (screen.payload.cursor_line, line > 0) == (line, True)
        assert "amount_total" not in seat.text()


async def test_a_payload_that_retention_has_dropped_is_explained(connection: asyncpg.Connection, sit: Sit) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.failed', 'applied', now(), '')"
    )
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        await seat.sees("no longer stored")


@pytest.mark.parametrize(
    "body",
    [
        b"7",
        b"null",
        b"[]",
        b'{"id":"e","type":"t","data":{"object":{"name":"Zo\\ud83d","x":1e400,"d":'
        + b"[" * 9000
        + b"]" * 9000
        + b"}}}",
        b'{"id":"e","type":"v2.core.event_destination.ping","object":"v2.core.event","data":null}',
    ],
)
async def test_what_is_no_event_is_listed_and_opened(intake: Intake, sit: Sit, body: bytes) -> None:
    await deliver(intake, body)
    async with sit() as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 1)
        await seat.press("enter")
        screen = await seat.screen_of(EventScreen)
        await seat.press("F")
        await seat.until(lambda: screen.event is not None)
        assert screen.event is not None
        await seat.sees("ignored", WHY_IGNORED[screen.event.reason or ""][:40])


async def test_marked_events_are_dismissed_or_replayed_as_a_batch(connection: asyncpg.Connection, sit: Sit) -> None:
    for place in range(3):
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
            " VALUES ($1, 'charge.refunded', 'dead', 'KeyError: amount', now(), '')",
            f"evt_{place}",
        )
    async with sit(size=(120, 30)) as seat:
        screen = await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 3)
        await seat.press("space", "space")
        await seat.sees("2 marked")
        await seat.press("escape")
        await seat.until(lambda: not screen.marked)
        await seat.press("home", "space", "X")
        await seat.screen_of(Ask)
        await seat.sees("Why are 1 event dismissed?")
        await seat.press(*"old", "enter")
        await seat.sees("1 event dismissed.")
        await seat.press("*", "y")
        await seat.screen_of(Choose)
        await seat.sees("Replay 3 events?")
        await seat.press("end", "enter")
        await seat.screen_of(BatchScreen)
        await seat.sees("Batch 1   replay events")
    assert await connection.fetchval("SELECT count(*) FROM stripe_events WHERE status = 'dismissed'") == 1
    assert await connection.fetchval("SELECT act FROM batches") == "replay_events"


async def test_of_marked_events_those_that_are_dead_by_then_are_dismissed(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " SELECT 'evt_' || n, 'charge.refunded', 'dead', 'KeyError: amount', now(), '' FROM generate_series(1, 2) AS n"
    )
    async with sit(size=(120, 30)) as seat:
        await open_events(seat)
        await seat.until(lambda: len(seat.lines()) == 2)
        await seat.press("*")
        await seat.sees("2 marked")
        await connection.execute("UPDATE stripe_events SET status = 'applied' WHERE id = 'evt_1'")
        await seat.press("X")
        await seat.screen_of(Ask)
        await seat.press(*"old", "enter")
        await seat.sees("1 event dismissed.")
    statuses = await connection.fetch("SELECT status FROM stripe_events ORDER BY id")
    assert [row["status"] for row in statuses] == ["applied", "dismissed"]
