"""The worlds in which processes are killed: a shop at rest, and one in which every job has something to do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg

from checkout_daemon.audit.operators import Operator
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.database.leases import LeaseLost
from checkout_daemon.database.migrations import INDEXES
from checkout_daemon.disputes.beginning import begin_answer
from checkout_daemon.disputes.request_store import DisputeAct
from checkout_daemon.errors import DatabaseUnavailable, StripeUnavailable
from checkout_daemon.jobs.runner import run_once
from checkout_daemon.jobs.table import JOBS
from checkout_daemon.ledger.apply import ReceivedEvent, _store_failed, apply_batch
from checkout_daemon.ledger.event_store import NewEvent, Verdict
from checkout_daemon.ledger.merge import merge
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.writes import Writes, record
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import begin_refund
from checkout_daemon.proposals.proposing import propose_refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api import disputes as stripe_disputes
from checkout_daemon.stripe_api import payments as stripe_payments
from checkout_daemon.stripe_api.sessions import expire_session
from tests.faults.crashes.places import Place
from tests.faults.crashes.state import State
from tests.support.disputes import case_of, dispute
from tests.support.payments import paid
from tests.support.shopping import check_out, pay
from tests.support.stripe_events import event_body

MOST_ROUNDS = 12
_LOCKED_SECONDS = 5.0
"""How long a job tries to do its work while a frozen process may hold locks."""

# Its trigger lets nobody change what was decided.
DECIDED_LONG_AGO = (
    "SET session_replication_role = replica;"
    "UPDATE proposals SET decided_at = now() - interval '2 minutes' WHERE status = 'approved';"
    "RESET session_replication_role"
)
# What had to wait for its turn or for a lease need not any more.
_LATER = (
    "UPDATE outbox SET next_attempt_at = now() WHERE status IN ('queued', 'failed')",
    "UPDATE dispute_requests SET next_attempt_at = now() WHERE answered_at IS NULL",
    "UPDATE refund_requests SET next_attempt_at = now() WHERE answered_at IS NULL",
    "UPDATE stripe_events SET next_attempt_at = now() WHERE status = 'failed'",
    "UPDATE cursors SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL",
    DECIDED_LONG_AGO,
    "UPDATE batches SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL",
    "UPDATE doubtful_attempts SET since = since - interval '2 hours' WHERE closed_at IS NULL",
)
_CATALOG = """
INSERT INTO products (sku, name, unit_amount, currency, stock) VALUES
    ('NOTE', 'Notebook', 1200, 'eur', NULL), ('PEN', 'Pen', 333, 'eur', 200);
INSERT INTO discounts (code, percent_off, redemption_limit) VALUES ('TEN', 10, NULL), ('ONCE', 10, 1);
"""
_PRODUCTS = [
    {"sku": "NOTE", "name": "Notebook", "unit_amount": 1300, "currency": "eur"},
    {"sku": "CUP", "name": "Cup", "unit_amount": 800, "currency": "eur"},
]


def events_at_stripe(place: Place) -> list[dict[str, Any]]:
    """Return the events that Stripe has made, oldest first."""
    return [record.body for record in place.box.storage.select("event", ascending=True)]


async def deliver(runtime: Runtime, events: Sequence[dict[str, Any]]) -> None:
    """Deliver events, one after the other."""
    for event in events:
        await apply_batch(runtime.database, [ReceivedEvent(parse_event(json.dumps(event).encode()), datetime.now(UTC))])


async def settle(
    place: Place, bodies: Sequence[bytes] = (), *, first: str | None = None, beside_a_frozen_process: bool = False
) -> State:
    """Have Stripe deliver its new events, and every job run, until nothing changes any more. Return the state then.

    The job named `first` has the first turn: which of two jobs came first may decide what the other still finds, crash
    or not. A frozen process may hold locks: what waits for one of them gives up, and succeeds later. So does whoever
    looks at the state, which is empty then.
    """
    runtime = place.hurried if beside_a_frozen_process else place.runtime
    before = await _state(place)
    jobs = [*(job for job in JOBS if job.name == first), *JOBS]
    for number in range(MOST_ROUNDS):
        for statement in _LATER:
            with suppress(asyncpg.LockNotAvailableError):
                await place.connection.execute(statement)
        for job in jobs if number == 0 else JOBS:
            if beside_a_frozen_process and job.name == "finish-migrations":
                continue  # PostgreSQL builds no index concurrently before every open transaction has ended
            with suppress(DatabaseUnavailable, StripeUnavailable, LeaseLost, TimeoutError):  # it runs again
                if job.name == "backfill-events":  # it looks for what is older than any delivery takes
                    await _deliver_new(place, runtime, bodies)
                # One statement of forget-customers has a time limit of its own.
                async with asyncio.timeout(_LOCKED_SECONDS if beside_a_frozen_process else None):
                    await run_once(runtime, job)
                if job.name == "read-balance":
                    await _read_newest_line(place, runtime)
        state = await _state(place)
        if state == before and (number or state):
            return state
        before = state
    raise TimeoutError(f"the shop still changes after {MOST_ROUNDS} rounds")


async def _state(place: Place) -> State:
    try:
        return await place.state()
    except asyncpg.LockNotAvailableError:
        return State()


async def _read_newest_line(place: Place, runtime: Runtime) -> None:
    """Read the balance again if Stripe has a line of this second: the job has read up to its beginning."""
    newest = place.box.storage.connection.execute(
        "SELECT id, created FROM objects WHERE type = 'balance_transaction' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    known = "SELECT count(*) FROM balance_transactions WHERE id = $1"
    if newest is not None and not await place.connection.fetchval(known, newest[0]):
        await asyncio.sleep(max(0.0, newest[1] + 1 - time.time()))
        await read_balance(runtime, at_once=True)


async def _deliver_new(place: Place, runtime: Runtime, bodies: Sequence[bytes]) -> None:
    """Deliver what Stripe has not had an answer to: these bodies, and the events that the world did not have."""
    held = {row["id"] for row in await place.connection.fetch("SELECT id FROM stripe_events")}
    had = held | place.world.known.ids
    await deliver(runtime, [event for event in events_at_stripe(place) if event["id"] not in had])
    for body in bodies:
        await apply_batch(runtime.database, [ReceivedEvent(parse_event(body), datetime.now(UTC))])


async def quiet(place: Place) -> dict[str, Any]:
    """Make orders in every state that an operator acts on, with nothing left to do."""
    runtime, connection = place.runtime, place.connection
    await connection.execute(_CATALOG)
    made: dict[str, Any] = {}
    for name in ("open", "expired", "paid", "part", "twice", "lost", "failing", "disputed", "given_up"):
        made[name] = await check_out(runtime)
    for name in ("paid", "part", "twice", "lost", "failing", "disputed", "given_up"):
        await pay(runtime, made[name].session_id, made[name].amount_total)
    await expire_session(runtime.gateway, made["expired"].session_id)
    await deliver(runtime, events_at_stripe(place))
    for name in ("disputed", "given_up"):
        await dispute(runtime, made[name])
    part = await connection.fetchval("SELECT id FROM payments WHERE order_id = $1", made["part"].order_id)
    await stripe_payments.create_refund(runtime.gateway, {"payment_intent": part, "amount": 500}, "a refund")
    await runtime.database.run(
        merge, [paid(str(made["twice"].order_id), "pi_second", amount=made["twice"].amount_total)]
    )
    await settle(place)
    await connection.execute("DELETE FROM orders WHERE id = $1", made["lost"].order_id)
    await connection.execute(
        "INSERT INTO missing_orders VALUES ($1, $2, $3, false, $4, 'eur')",
        made["lost"].session_id, made["lost"].order_id, made["lost"].number, made["lost"].amount_total,
    )  # fmt: skip
    dead = "UPDATE {} SET status = 'dead' WHERE order_id = $1 AND {} RETURNING id::text"
    names = {name: str(answer.order_id) for name, answer in made.items()}
    names["lost_session"] = made["lost"].session_id
    names["dead_message"] = await connection.fetchval(
        dead.format("outbox", "channel = 'webhook'"), made["failing"].order_id
    )
    names["dead_event"] = await connection.fetchval(
        dead.format("stripe_events", "type = 'checkout.session.completed'"), made["failing"].order_id
    )
    wanted, bo = RefundOptions(amount=900), Operator("bo", "desk")
    proposal = await propose_refund(runtime, names["paid"], wanted, operator=bo)
    names["proposal"] = str(proposal.number)
    products = place.directory / "products.json"
    products.write_text(json.dumps(_PRODUCTS), encoding="utf-8")
    names["products"] = str(products)
    await settle(place)
    return names


async def paying(place: Place) -> dict[str, Any]:
    """Make orders that shoppers have just paid, of which Stripe has not told us yet, and return Stripe's deliveries."""
    runtime = place.runtime
    await place.connection.execute(_CATALOG)
    made = [await check_out(runtime) for _ in range(3)]
    for answer in made[:2]:
        await pay(runtime, answer.session_id, answer.amount_total)
    await expire_session(runtime.gateway, made[2].session_id)
    events = events_at_stripe(place)
    payment = next(event for event in events if event["type"] == "payment_intent.succeeded")["data"]["object"]["id"]
    await stripe_payments.create_refund(runtime.gateway, {"payment_intent": payment, "amount": 500}, "a refund")
    bodies = [json.dumps(event).encode() for event in events_at_stripe(place)]
    return {"bodies": tuple(bodies + bodies[::3])}


async def busy(place: Place) -> dict[str, Any]:
    """Make a shop in which every job has something to do."""
    runtime, connection = place.runtime, place.connection
    names = await quiet(place)
    operator = Operator("operator", "here")
    made = {name: await check_out(runtime) for name in ("asked", "unasked", "hinted", "doubtful", "swept", "missed")}
    # release-stock: a reservation whose session surely ended. refund-late-payments: an order that is paid after that.
    for name in ("lapsed", "late"):
        made[name] = await check_out(runtime)
    await connection.execute(
        "UPDATE stock_reservations SET state = 'released', late = 'refund' WHERE order_id = $1", made["late"].order_id
    )
    await pay(runtime, made["late"].session_id, made["late"].amount_total)
    await connection.execute(
        "UPDATE stock_reservations SET held_until = now() WHERE order_id = $1", made["lapsed"].order_id
    )
    made["coupon"] = await check_out(runtime, discount_code="TEN")
    made["old"] = await check_out(runtime)
    # decide-fraud-warnings: an issuer has reported a payment.
    made["warned"] = await check_out(runtime)
    for name in ("contested", "conceded"):
        made[name] = await check_out(runtime)
    for name in ("asked", "unasked", "hinted", "coupon", "warned", "contested", "conceded"):
        await pay(runtime, made[name].session_id, made[name].amount_total)
    await expire_session(runtime.gateway, made["old"].session_id)
    told = events_at_stripe(place)
    await deliver(runtime, told)
    ids = {name: str(answer.order_id) for name, answer in made.items()}
    # resume-refunds: Stripe was asked and nobody read the answer; Stripe was not asked.
    for name in ("asked", "unasked"):
        request = await runtime.database.run(
            begin_refund, ids[name], RefundOptions(amount=300), operator, "", livemode=False
        )
        if name == "asked":
            await stripe_payments.create_refund(runtime.gateway, json.loads(request.parameters), request.id)
    # resume-disputes: Stripe took the evidence and nobody read the answer; Stripe was not asked to close another.
    for name, act in (("contested", DisputeAct.SUBMIT), ("conceded", DisputeAct.ACCEPT)):
        await dispute(runtime, made[name])
        case = await case_of(runtime, made[name])
        asked = await runtime.database.run(begin_answer, case, act, None, operator, "", False)
        if act is DisputeAct.SUBMIT:
            texts, metadata = json.loads(asked.texts or ""), {"evidence_request": asked.id}
            await stripe_disputes.send_evidence(
                runtime.gateway, asked.dispute_id, texts, metadata, asked.key, submit=True
            )
    warned = await connection.fetchval("SELECT id FROM payments WHERE order_id = $1", ids["warned"])
    await connection.execute(
        "INSERT INTO fraud_warnings (id, livemode, payment_id, fraud_type, actionable, observed_at, event_id)"
        " VALUES ('issfr_1ofThisWorld', false, $1, 'misc', true, now(), 'evt_warned')",
        warned,
    )
    # apply-new-types: a release that did not know the type has ignored a warning, about another shop's payment.
    warning = {
        "id": "issfr_1ofAnotherShop", "object": "radar.early_fraud_warning", "actionable": True,
        "charge": "ch_1ofAnotherShop", "payment_intent": "pi_1ofAnotherShop", "fraud_type": "misc", "livemode": False,
        "created": 1_790_000_000,
    }  # fmt: skip
    ignored = parse_event(event_body("radar.early_fraud_warning.created", warning, event_id="evt_1ignoredByAnOlderOne"))
    new = NewEvent(ignored, datetime.now(UTC), Verdict("ignored", reason="unhandled_type"))
    await runtime.database.run(record, Writes(), [new])
    # follow-refund-hints: the charge's event has arrived, those of its refund have not.
    hinted = await connection.fetchval("SELECT id FROM payments WHERE order_id = $1", ids["hinted"])
    await stripe_payments.create_refund(runtime.gateway, {"payment_intent": hinted, "amount": 400}, "by hand")
    charge = [event for event in events_at_stripe(place) if event["type"] == "charge.refunded"][-1]
    await deliver(runtime, [charge])
    # settle-sessions: nobody read the answer about a session, and its order has another one.
    await connection.execute(
        "WITH forgotten AS (UPDATE session_attempts SET session_id = NULL, rejected_at = now(), error = 'planned'"
        " WHERE order_id = $1 RETURNING order_id, attempt)"
        " INSERT INTO doubtful_attempts (order_id, attempt, since)"
        " SELECT order_id, attempt, now() - interval '5 minutes' FROM forgotten",
        ids["doubtful"],
    )
    await connection.execute("DELETE FROM links WHERE source_id = $1", made["doubtful"].session_id)
    await connection.execute("DELETE FROM checkout_sessions WHERE id = $1", made["doubtful"].session_id)
    # sweep-expired, backfill-events, tell-silence: Stripe did not tell us.
    await expire_session(runtime.gateway, made["swept"].session_id)
    await connection.execute(
        "UPDATE checkout_sessions SET expires_at = now() - interval '1 hour' WHERE id = $1", made["swept"].session_id
    )
    seen = len(events_at_stripe(place))
    await pay(runtime, made["missed"].session_id, made["missed"].amount_total)
    for event in events_at_stripe(place)[seen:]:  # an hour ago, and since then nobody has looked
        place.box.storage.connection.execute(
            "UPDATE objects SET created = created - 3600, body = json_set(body, '$.created', created - 3600)"
            " WHERE id = ?",
            (event["id"],),
        )
    await connection.execute(
        "UPDATE cursors SET value = jsonb_set(value::jsonb, '{until}', to_jsonb(now() - interval '2 hours'))::text"
        " WHERE name = 'backfill'"
    )
    # retry-events: an event could not be applied. tell-dead-letters: another never will be, nor a message sent.
    failed = [event for event in events_at_stripe(place) if event["type"] == "refund.created"][-1]
    body = parse_event(json.dumps(failed).encode())
    await _store_failed(runtime.database, ReceivedEvent(body, datetime.now(UTC)), ValueError("planned"))
    await connection.execute("DELETE FROM alerts")
    # delete-coupons, forget-customers, drop-payloads, forget-secret-matches: what is old enough.
    await connection.execute("UPDATE orders SET updated_at = now() - interval '1 hour' WHERE id = $1", ids["coupon"])
    await connection.execute(
        "UPDATE session_attempts SET started_at = now() - interval '1 hour' WHERE order_id = $1", ids["coupon"]
    )
    await connection.execute("UPDATE orders SET created_at = now() - interval '1 year' WHERE id = $1", ids["old"])
    await connection.execute(
        "SELECT ensure_payload_partitions('2025-01-06', 1);"
        "INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash) VALUES"
        " ('evt_old', 'plan.created', 'ignored', 'unhandled_type', '2025-01-07', ''),"
        " ('evt_older', 'plan.created', 'ignored', 'unhandled_type', '2025-01-14', '');"
        "INSERT INTO stripe_event_payloads VALUES ('evt_old', '2025-01-07', '{}'), ('evt_older', '2025-01-14', '{}');"
        "INSERT INTO secret_matches VALUES ('one', '2025-01-07', 1, '2025-01-07'),"
        " ('one', '2025-02-07', 1, '2025-02-07')"
    )
    # learn-account: events that name an account were ignored. tell-missing-orders has the lost order of before.
    foreign = parse_event(
        json.dumps({**told[-1], "id": "evt_ofOurOwnAccount", "account": "acct_1OfflineSandbox00"}).encode()
    )
    await connection.execute("DELETE FROM stripe_accounts")
    await apply_batch(runtime.database, [ReceivedEvent(foreign, datetime.now(UTC))])
    # finish-migrations, payload-partitions: the schema is not finished.
    await connection.execute(
        f"INSERT INTO schema_backfills VALUES (8, '{INDEXES}'), (16, ''), (34, '{INDEXES}');"
        "DROP INDEX orders_to_forget; CREATE INDEX order_texts_trigrams ON order_texts USING gin (trigrams(text));"
        "UPDATE order_texts SET text = upper(text);"
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent ="
        " 'stripe_event_payloads'::regclass AND inhrelid::regclass::text > 'stripe_event_payloads_w'"
        " || to_char(now() + interval '8 days', 'YYYYMMDD') LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; END $$"
    )
    # tell-endpoint: Stripe has given up on our endpoint.
    wanted = {"url": "http://127.0.0.1:9/api/webhook", "enabled_events": ["*"]}
    endpoint = await runtime.gateway.request("webhook_endpoints.create", params=wanted)
    await runtime.gateway.request("webhook_endpoints.update", endpoint.object["id"], params={"disabled": True})
    for statement in _LATER:
        await connection.execute(statement)
    return names | ids
