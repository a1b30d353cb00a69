"""A command that is killed before, during or after Stripe's answer leaves one refund and one session."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.resending import resend_session
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refunding import resume_refunds
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds
from checkout_daemon.stripe_api.sessions import expire_session
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.shopping import SESSIONS, check_out, paid_order, sessions_at_stripe

SECONDS = 30.0
MOMENTS = ["before Stripe hears of it", "before Stripe's answer", "after Stripe's answer"]
Kill = Callable[[str, str], Awaitable[None]]


@pytest.fixture(params=MOMENTS)
async def killed(
    request: pytest.FixtureRequest,
    runtime: Runtime,
    stripe: FlakyStripe,
    database_url: str,
    connection: asyncpg.Connection,
    tmp_path: Path,
) -> AsyncIterator[Kill]:
    """Return a function that runs `checkout …` in a process and kills it at a moment of its POST to a path."""
    blocker: asyncpg.Connection = await asyncpg.connect(database_url)

    async def kill(command: str, path: str) -> None:
        environ = {
            "PATH": "/usr/bin:/bin",
            "DATABASE_URL": database_url,
            "STRIPE_API_KEY": KEY,
            "STRIPE_API_BASE": stripe.base,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "checkout_daemon", *command.split()), cwd=tmp_path, env=environ
        )
        answered = asyncio.Event()

        def before_request(_: int, sent: Request) -> Trouble | None:
            if sent.path != path or sent.method != "POST" or request.param != MOMENTS[0]:
                return None
            process.kill()
            return "lose_request"

        async def before_answer(sent: Request) -> None:
            if sent.path != path or sent.method != "POST":
                return
            if request.param == MOMENTS[1]:
                process.kill()
            else:  # the answer is received but cannot be written
                await blocker.execute("BEGIN")
                await blocker.execute("SELECT FROM orders FOR UPDATE")
                answered.set()

        stripe.plan, stripe.before_answer = before_request, before_answer
        async with asyncio.timeout(SECONDS):
            if request.param == MOMENTS[2]:
                await answered.wait()
                while not await connection.fetchval(  # noqa: ASYNC110 - another process
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ):
                    await asyncio.sleep(0.02)
                process.kill()
            assert await process.wait() == -9
        stripe.plan, stripe.before_answer = (lambda number, sent: None), None
        if blocker.is_in_transaction():
            await blocker.execute("ROLLBACK")

    yield kill
    await blocker.close()


async def test_a_job_finishes_the_refund_and_there_is_one(
    runtime: Runtime, connection: asyncpg.Connection, killed: Kill
) -> None:
    order = await paid_order(runtime)
    await killed(f"orders refund {order.number} --amount 1000 --yes", "/v1/refunds")
    await connection.execute("UPDATE refund_requests SET next_attempt_at = now()")
    assert await resume_refunds(runtime) == 1
    view = await show_order(runtime.database, str(order.number))
    assert (view.order.status, view.order.amount_refunded) == ("partially_refunded", 1000)
    assert [refund.object["amount"] for refund in await list_refunds(runtime.gateway, view.payments[0].id)] == [1000]
    assert (await verify(runtime.database)).faults == []


async def test_the_next_resend_finds_the_session_and_there_is_one(
    runtime: Runtime, connection: asyncpg.Connection, killed: Kill
) -> None:
    order = await check_out(runtime)
    fetched = await expire_session(runtime.gateway, order.session_id)
    await merge_session(runtime, fetched, cause="test", actor="stripe")
    await killed(f"sessions resend {order.number}", SESSIONS)
    resent = await resend_session(runtime, str(order.order_id), operator=Operator("ada", "shop1"))
    at_stripe = {session["id"]: session["status"] for session in await sessions_at_stripe(runtime)}
    assert at_stripe == {order.session_id: "expired", resent.session_id: "open"}
    mails = await connection.fetch("SELECT subject_id FROM outbox WHERE kind = 'session.link'")
    assert [row["subject_id"] for row in mails] == [resent.session_id]
