"""Spans as the real SDK of OpenTelemetry has them: their tree, their errors, and nothing that names anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import asyncpg
import pytest

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.model.messages import Channel
from checkout_daemon.observability.tracing import start_traces
from checkout_daemon.runtime import Runtime
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import event_body, session_object, signed
from tests.web.conftest import OpenClient

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class Traces:
    """The spans that were exported."""

    def __init__(self, memory: Any, end: Any) -> None:
        self._memory, self._end = memory, end

    def finished(self) -> list[Any]:
        """End the traces, and return all spans by their begin."""
        self._end()
        return sorted(self._memory.get_finished_spans(), key=lambda one: one.start_time)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    memory = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    monkeypatch.setattr(import_module(EXPORTER), "OTLPSpanExporter", lambda: memory)
    end = start_traces("otlp")
    yield Traces(memory, end)
    end()


def parent_of(found: list[Any], child: Any) -> str | None:
    """Return the name of the span around this one."""
    return next((one.name for one in found if child.parent and one.context.span_id == child.parent.span_id), None)


async def test_a_request_its_event_and_its_message_are_spans_of_what_they_are_part_of(
    open_client: OpenClient,
    database_url: str,
    connection: asyncpg.Connection,
    stripe: FlakyStripe,
    traces: Traces,
) -> None:
    client = await open_client(DATABASE_URL=database_url, STRIPE_API_KEY=KEY, STRIPE_API_BASE=stripe.base)
    order = {
        "items": [{"sku": "NOTE", "quantity": 1}],
        "customer": {"name": "Ada", "email": "ada@example.com", "phone": "+4930901820"},
    }
    answer = await client.post("/api/stripe-checkout", json=order)
    made = await answer.json()
    assert answer.status == 201, made
    session = session_object(made["order_id"], made["session_id"], "pi_1", amount_total=made["amount_total"])
    body = event_body("checkout.session.completed", session)
    delivered = await client.post("/api/webhook", data=body, headers={"Stripe-Signature": signed(body)})
    assert delivered.status == 200

    found = traces.finished()
    by_name = {one.name: one for one in found}
    created, batch = by_name["stripe checkout.sessions.create"], by_name["events batch"]
    assert (parent_of(found, created), created.context.trace_id) == ("checkout", by_name["checkout"].context.trace_id)
    assert (batch.parent, batch.attributes["events"]) == (None, 1)
    assert batch.resource.attributes["service.name"] == "checkout-daemon"
    assert all(one.end_time >= one.start_time for one in found)
    described = " ".join(f"{one.name} {dict(one.attributes or {})}" for one in found)
    assert not [word for word in ("@", "Ada", "+49", made["order_id"], made["session_id"]) if word in described]


async def test_a_message_that_is_sent_is_a_span(
    runtime: Runtime, connection: asyncpg.Connection, traces: Traces
) -> None:
    await paid_order(runtime)
    sending = replace(runtime, settings=replace(runtime.settings, shop_webhook_url="http://127.0.0.1:9/nobody"))
    await deliver_due(sending, Channel.WEBHOOK)
    (delivery,) = [one for one in traces.finished() if one.name == "outbox delivery"]
    assert dict(delivery.attributes) == {"channel": "webhook", "kind": "order.completed"}


async def test_a_call_that_fails_has_the_kind_of_its_error_and_no_text(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe, traces: Traces
) -> None:
    stripe.plan = lambda number, request: "refuse_429" if request.method == "POST" else None
    with pytest.raises(StripeUnavailable):
        await check_out(runtime)
    calls = [one for one in traces.finished() if one.name == "stripe checkout.sessions.create"]
    assert [one.status.status_code.name for one in calls] == ["ERROR"]
    assert calls[0].attributes["error.type"] == "RateLimitError"
    assert (list(calls[0].events), calls[0].status.description) == ([], None)
