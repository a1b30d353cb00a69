"""checkout orders explain: every rule has an example, and the facts that it needs are read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import asyncpg
import click
import pytest

import cli
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import merge
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.orders import AttentionCode, Order, OrderStatus
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.explaining.case import Case, HintLine
from checkout_daemon.orders.explaining.explain import findings_of
from checkout_daemon.orders.explaining.state import STATE_RULES
from checkout_daemon.orders.explaining.troubles import ATTENTION_DESCRIPTIONS, TROUBLE_RULES
from checkout_daemon.orders.order_lists import DisputeLine, OrderSession, OrderView, PaymentLine, RefundLine
from checkout_daemon.orders.refund_request_store import RefundRequest
from checkout_daemon.orders.session_attempt_store import Attempt
from checkout_daemon.outbox.outbox_store import MessageLine
from checkout_daemon.runtime import Runtime
from tests.support.orders import NOW, add_order
from tests.support.payments import paid
from tests.support.stripe_events import SECRET, deliver, event_body, session_object

HOUR = timedelta(hours=1)
ORDER_ID = "0a0a0a0a-0000-4000-8000-000000000001"


def order(status: str, **fields: Any) -> Order:
    paid_at = NOW - HOUR if status in ("completed", "refunded", "partially_refunded", "disputed") else None
    values: dict[str, Any] = {
        "id": ORDER_ID, "number": 1001, "status": status, "attention": (), "currency": "eur", "amount_subtotal": 5000,
        "amount_discount": 0, "amount_total": 5000, "amount_refunded": 0, "customer_name": "Ada",
        "customer_email": "ada@example.com", "customer_phone": "+1", "discount_code": None, "livemode": False,
        "created_at": NOW - 3 * HOUR, "updated_at": NOW, "paid_at": paid_at,
    }  # fmt: skip
    return Order(**values | fields)


def session(status: str = "open", payment_status: str = "unpaid", expires_in: timedelta = HOUR) -> OrderSession:
    return OrderSession("cs_1", 1, status, payment_status, "https://x", NOW + expires_in, NOW - 2 * HOUR)


def payment(payment_id: str = "pi_1", *, valid: bool = True, amount: int = 5000) -> PaymentLine:
    return PaymentLine(payment_id, "cs_1", amount, "eur", False, NOW - HOUR, valid)


def event(event_type: str, status: str = "applied", event_id: str = "evt_1") -> EventLine:
    return EventLine(
        event_id, event_type, status, None, ORDER_ID, "v", False, NOW - HOUR, NOW - HOUR, None, 4,
        NOW + HOUR if status == "failed" else None, "KeyError while it was applied" if status != "applied" else None,
    )  # fmt: skip


def message(status: str) -> MessageLine:
    return MessageLine(
        "6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11", ORDER_ID, "order.completed", "", "webhook", status, 9, NOW, NOW + HOUR,
        None, "HTTP 500",
    )  # fmt: skip


PAID_BY = event("checkout.session.completed")
ATTEMPT = Attempt(1, "{}", NOW - 2 * HOUR, "cs_1")
REFUND = RefundLine("re_1", "pi_1", 1300, "eur", "succeeded", NOW)
DISPUTE = DisputeLine("dp_1", "pi_1", "needs_response", "fraudulent", 5000, "eur", NOW + HOUR)
CANCELED = ChangeLine(1, ORDER_ID, 1001, NOW, "pending", "canceled", "order.canceled", "ada@shop1", "twice")
REQUEST = RefundRequest("r", ORDER_ID, "pi_1", 1300, "eur", "{}", NOW - HOUR)


@dataclass(frozen=True)
class Example:
    """A case, and the findings expected: (code, command)."""

    order: Order
    findings: list[tuple[str, str | None]]
    sessions: tuple[OrderSession, ...] = ()
    payments: tuple[PaymentLine, ...] = ()
    charges: tuple[ChargeLine, ...] = ()
    refunds: tuple[RefundLine, ...] = ()
    disputes: tuple[DisputeLine, ...] = ()
    events: tuple[EventLine, ...] = (PAID_BY,)
    changes: tuple[ChangeLine, ...] = ()
    stored: dict[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        view = OrderView(
            self.order,
            (),
            self.sessions,
            self.payments,
            self.charges,
            self.refunds,
            self.disputes,
            self.events,
            self.changes,
        )
        return Case(view, NOW, **{"attempt": ATTEMPT, **self.stored})


EXPIRED_CARD = ChargeLine(
    *("ch_1", "pi_1", "failed", NOW),
    method="card",
    brand="visa",
    last4="0069",
    decline_code="expired_card",
    decline_message="Your card has expired.",
)
RESEND, SYNC = "checkout sessions resend 1001", "checkout sessions sync 1001"
AGAIN = "checkout orders refund 1001 --amount 1300 --payment pi_1"
FAILED = replace(REFUND, status="failed")
EXAMPLES = {
    "disputed": Example(
        order("disputed"), [("disputed", None)], payments=(payment(),), disputes=(replace(DISPUTE, status="lost"),)
    ),
    "refunded": Example(
        order("partially_refunded", amount_refunded=1300),
        [("partially_refunded", None)],
        payments=(payment(),),
        refunds=(REFUND,),
    ),
    "completed": Example(order("completed"), [("completed", None)], payments=(payment(),)),
    "processing": Example(order("processing"), [("processing", SYNC)], sessions=(session("complete"),)),
    "canceled": Example(order("canceled"), [("canceled", None)], changes=(CANCELED,)),
    "open": Example(order("pending"), [("session_open", RESEND)], sessions=(session(),)),
    "overdue": Example(order("pending"), [("session_overdue", SYNC)], sessions=(session(expires_in=-HOUR),)),
    "unanswered": Example(
        order("pending"), [("session_unanswered", RESEND)], stored={"attempt": replace(ATTEMPT, session_id=None)}
    ),
    "replacing": Example(
        order("pending"),
        [("session_open", RESEND), ("session_unanswered", RESEND)],
        sessions=(session(),),
        stored={"attempt": replace(ATTEMPT, number=2, session_id=None)},
    ),
    "refused": Example(
        order("pending"),
        [("session_refused", RESEND)],
        stored={"attempt": replace(ATTEMPT, session_id=None, rejected=True, error="Invalid email")},
    ),
    "mismatched": Example(
        order("pending", attention=("amount_mismatch",)),
        [("payment_does_not_match", None), ("amount_mismatch", "checkout orders refund 1001 --payment pi_1")],
        payments=(payment(valid=False, amount=4000),),
    ),
    "failed": Example(order("failed"), [("payment_failed", RESEND)], sessions=(session("complete", "failed"),)),
    "expired": Example(order("expired"), [("session_expired", RESEND)], sessions=(session("expired"),)),
    "unclear": Example(order("pending"), [("nothing_known", SYNC)]),
    "attention": Example(
        order("disputed", attention=("dispute_needs_response",)),
        [("disputed", None), ("dispute_needs_response", f"checkout disputes evidence {DISPUTE.id}")],
        payments=(payment(),),
        disputes=(DISPUTE,),
    ),
    "inquiry": Example(
        order("disputed", attention=("dispute_needs_response",)),
        [("disputed", None), ("dispute_needs_response", f"checkout disputes evidence {DISPUTE.id}")],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="warning_needs_response"),),
    ),
    "dispute past due": Example(
        order("disputed", attention=("dispute_needs_response",)),
        [("disputed", None), ("dispute_needs_response", None)],
        payments=(payment(),),
        disputes=(replace(DISPUTE, due_by=NOW - HOUR),),
    ),
    "inquiry past due": Example(
        order("disputed", attention=("dispute_needs_response",)),
        [("disputed", None), ("dispute_needs_response", "checkout orders refund 1001")],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="warning_needs_response", due_by=NOW - HOUR),),
    ),
    "refused payments": Example(
        order("pending"),
        [("payment_refused", None), ("session_open", RESEND)],
        sessions=(session(),),
        events=(event("payment_intent.payment_failed"), event("charge.failed")),
        charges=(EXPIRED_CARD,),
    ),
    "failed event": Example(
        order("pending"),
        [("session_open", RESEND), ("event_failed", "checkout events replay evt_1")],
        sessions=(session(),),
        stored={"unapplied": (event("checkout.session.completed", "failed"),)},
    ),
    "dead event": Example(
        order("pending"),
        [("session_open", RESEND), ("event_dead", "checkout events replay evt_1")],
        sessions=(session(),),
        stored={"unapplied": (event("checkout.session.completed", "dead"),)},
    ),
    "missing event": Example(
        order("completed"),
        [
            ("completed", None),
            ("event_missing", f"checkout events backfill --since {NOW - HOUR - HOUR / 12:%Y-%m-%dT%H:%M:00Z}"),
        ],
        payments=(payment(),),
        events=(),
    ),
    "refund unanswered": Example(
        order("completed"),
        [("completed", None), ("refund_unanswered", None)],
        payments=(payment(),),
        stored={"refund_request": REQUEST},
    ),
    "refund on its way": Example(
        order("partially_refunded", amount_refunded=1300),
        [("partially_refunded", None), ("refund_on_its_way", SYNC)],
        payments=(payment(),),
        refunds=(replace(REFUND, status="pending"),),
    ),
    "refund that needs the customer": Example(
        order("refunded", amount_refunded=5000),
        [("refunded", None), ("refund_on_its_way", SYNC)],
        payments=(payment(),),
        refunds=(replace(REFUND, status="requires_action"),),
    ),
    "canceled refund": Example(
        order("completed"),
        [("completed", None), ("refund_canceled", AGAIN)],
        payments=(payment(),),
        refunds=(replace(REFUND, status="canceled"),),
    ),
    "canceled refund that was made again": Example(
        order("partially_refunded", amount_refunded=1300),
        [("partially_refunded", None)],
        payments=(payment(),),
        refunds=(replace(REFUND, status="canceled"), replace(REFUND, id="re_2")),
    ),
    "failed refunds, one acknowledged": Example(
        order("completed", attention=("refund_failed",)),
        [("completed", None), ("refund_failed", AGAIN), ("refund_failed", AGAIN)],
        payments=(payment(),),
        refunds=(FAILED, replace(FAILED, id="re_2"), replace(FAILED, id="re_3")),
        stored={"acknowledged": frozenset({("refund_failed", "re_2")})},
    ),
    "failed refund that was made again": Example(
        order("partially_refunded", attention=("refund_failed",), amount_refunded=1300),
        [("partially_refunded", None), ("refund_failed", "checkout orders ack 1001 refund_failed")],
        payments=(payment(),),
        refunds=(FAILED, replace(REFUND, id="re_2", status="escalated", unknown="status=escalated")),
    ),
    "paid twice, and the second payment is disputed": Example(
        order("disputed", attention=("paid_twice",)),
        [("disputed", None), ("paid_twice", "checkout orders ack 1001 paid_twice")],
        payments=(payment(), payment("pi_2")),
        disputes=(replace(DISPUTE, payment_id="pi_2", status="under_review"),),
    ),
    "a mismatched payment that is refunded": Example(
        order("pending", attention=("amount_mismatch",)),
        [("payment_does_not_match", None), ("amount_mismatch", "checkout orders ack 1001 amount_mismatch")],
        payments=(payment(valid=False, amount=1300),),
        refunds=(REFUND,),
    ),
    "won and not reinstated": Example(
        order("completed"),
        [("completed", None), ("dispute_won_unpaid", SYNC)],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="won", funds="withdrawn"),),
    ),
    "lost and reinstated": Example(
        order("disputed", attention=("dispute_reinstated",)),
        [("disputed", None), ("dispute_reinstated", "checkout orders ack 1001 dispute_reinstated")],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="lost", funds="reinstated"),),
    ),
    "prevented and withdrawn": Example(
        order("completed", attention=("dispute_withdrawn",)),
        [("completed", None), ("dispute_withdrawn", "checkout orders ack 1001 dispute_withdrawn")],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="prevented", funds="withdrawn"),),
    ),
    "a status of next year": Example(
        order("disputed", attention=("unknown_status",)),
        [("disputed", None), ("unknown_status", SYNC)],
        payments=(payment(),),
        disputes=(replace(DISPUTE, status="escalated", unknown="status=escalated"),),
    ),
    "a payment status of next year": Example(
        order("processing", attention=("unknown_status",)),
        [("processing", SYNC), ("unknown_status", SYNC)],
        sessions=(replace(session("complete", "partly"), unknown="payment_status=partly"),),
    ),
    "authorized and never captured": Example(
        order("processing", attention=("payment_canceled",)),
        [("processing", SYNC), ("payment_canceled", SYNC)],
        sessions=(session("complete"),),
    ),
    "hint": Example(
        order("completed"),
        [("completed", None), ("refund_not_held", SYNC)],
        payments=(payment(),),
        stored={"hints": (HintLine("ch_1", 1300, 0),)},
    ),
    "payable though paid": Example(
        order("completed"),
        [("completed", None), ("second_session_open", "checkout sessions expire cs_1")],
        payments=(payment(),),
        sessions=(session(),),
    ),
    "dead message": Example(
        order("completed"),
        [("completed", None), ("message_dead", "checkout outbox replay 6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11")],
        payments=(payment(),),
        stored={"undelivered": (message("dead"),)},
    ),
    "failed message": Example(
        order("completed"),
        [("completed", None), ("message_failed", None)],
        payments=(payment(),),
        stored={"undelivered": (message("failed"),)},
    ),
    "erased": Example(
        order("completed"),
        [("completed", None), ("customer_erased", None)],
        payments=(payment(),),
        stored={"erased": True},
    ),
    "imported": Example(
        order("completed", imported_from="cs_old"),
        [("completed", None), ("imported", None)],
        payments=(payment(),),
    ),
    "expired and erased": Example(
        order("expired"),
        [("session_expired", None), ("customer_erased", None)],
        sessions=(session("expired"),),
        stored={"erased": True},
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_case_is_explained(name: str) -> None:
    findings = findings_of(EXAMPLES[name].case)
    assert [(finding.code, finding.command) for finding in findings] == EXAMPLES[name].findings
    if "unknown_status" in EXAMPLES[name].case.order.attention:
        (attention,) = [finding for finding in findings if finding.code == "unknown_status"]
        assert "else `checkout orders ack 1001 unknown_status`" in (attention.next or "")
    text = " ".join(f"{finding.description} {finding.next or ''}" for finding in findings)
    assert not re.search(r"None|\{|_[a-z]+_", text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attention", ["needs our response by", "bank decides against us", "Submit evidence, or accept"]),
        ("inquiry", ["needs our response by", "bank may open a dispute", "refund the order, which ends the inquiry"]),
        ("dispute past due", ["needed our response by", "time to answer is over", "Stripe reports how the bank"]),
        ("inquiry past due", ["needed our response by", "A refund still ends the inquiry", "may open a dispute"]),
    ],
)
def test_a_dispute_is_explained_as_far_as_something_helps(name: str, expected: list[str]) -> None:
    state, attention = findings_of(EXAMPLES[name].case)
    text = f"{attention.description} {attention.next}"
    assert [words for words in expected if words not in text] == []
    assert ("Submit evidence" in text) == ("past due" not in name)
    assert ("is lost" in text) == (name == "attention")
    assert ("closes the inquiry" in str(state.next)) == ("inquiry" in name)


def test_every_rule_and_every_status_has_an_example() -> None:
    cases = [example.case for example in EXAMPLES.values()]
    rules = {*TROUBLE_RULES, *(rule for rules in STATE_RULES.values() for rule in rules)}
    assert {rule for rule in rules for case in cases if list(rule(case))} == rules
    assert {case.order.status for case in cases} == {status.value for status in OrderStatus} == set(STATE_RULES)
    assert set(ATTENTION_DESCRIPTIONS) == set(AttentionCode)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_command_that_fixes_it_can_be_typed(name: str) -> None:
    for _, line in EXAMPLES[name].findings:
        words = (line or "").split()[1:]
        command: click.Command = cli.checkout
        while isinstance(command, click.Group) and words:
            command = command.commands[words.pop(0)]
        if line is not None:
            command.make_context(command.name, words)  # raises UsageError for arguments that it does not accept


@asynccontextmanager
async def received(database_url: str, *events: bytes) -> AsyncIterator[Database]:
    """Yield a database that has received these events."""
    database = Database(database_url, max_size=2)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    for event in events:
        await deliver(intake, event)
    await intake.close()
    yield database
    await database.close()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"last_payment_error": {"code": "card_declined", "decline_code": "lost_card", "message": "Was declined."}},
            "Was declined (lost_card)",
        ),
        ({"last_payment_error": {"code": "processing_error"}}, "processing_error"),
        ({"failure_code": "expired_card", "failure_message": "Has expired."}, "Has expired (expired_card)"),
        ({"last_payment_error": None}, None),
    ],
)
async def test_a_refused_payment_is_explained_with_its_reason(
    database_url: str, connection: asyncpg.Connection, fields: dict[str, Any], reason: str | None
) -> None:
    order_id = await add_order(connection)
    kind = "charge.failed" if "failure_code" in fields else "payment_intent.payment_failed"
    subject = {"id": "ch_1", "object": kind.split(".")[0], "metadata": {"order_id": order_id}, **fields}
    async with received(database_url, event_body(kind, subject)) as database:
        explained = await explain_order(database, order_id)
    (refused,) = [finding.description for finding in explained.findings if finding.code == "payment_refused"]
    assert refused.endswith(f" ago): {reason}." if reason else " ago).")
    assert "tried to pay once" in refused


async def test_an_event_that_could_not_be_read_is_found_by_the_ids_in_it(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection)
    other = await add_order(connection)
    await connection.execute(
        "INSERT INTO session_attempts (order_id, attempt, parameters, started_at) VALUES ($1, 1, '{}', now())", order_id
    )
    spoiled = session_object(order_id, "cs_1", "pi_1", amount_total="much")
    body = event_body("checkout.session.completed", spoiled, event_id="evt_spoiled")
    async with received(database_url, body) as database:
        explained = await explain_order(database, order_id)
        neighbour = await explain_order(database, other)
    assert [finding.code for finding in explained.findings] == ["session_unanswered", "event_failed"]
    assert "evt_spoiled arrived but could not be applied" in explained.findings[1].description
    assert "amount_total" in explained.findings[1].description
    assert "attempt 2 of 10" in (explained.findings[1].next or "")
    assert [finding.code for finding in neighbour.findings] == ["nothing_known"]


async def test_a_daemon_that_has_asked_for_refunds_is_not_said_to_ask_again(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await runtime.database.run(merge, [paid(order_id, "pi_1")])
    await connection.execute(
        "INSERT INTO refund_hints (charge_id, livemode, payment_id, amount_refunded, observed_at, event_id)"
        " VALUES ('ch_1', false, 'pi_1', 1300, now(), 'evt_1')"
    )
    codes = [finding.code for finding in (await explain_order(runtime.database, order_id)).findings]
    assert "refund_not_held" in codes
    await connection.execute("UPDATE refund_hints SET checked_at = now()")
    codes = [finding.code for finding in (await explain_order(runtime.database, order_id)).findings]
    assert "refund_not_held" not in codes
