"""Spans surround what takes time, name nobody, and are nothing while traces are off."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.model.messages import Channel
from checkout_daemon.observability.tracing import check_traces, span, start_traces, trace_with
from checkout_daemon.runtime import Runtime
from tests.support.shopping import paid_order

Begun = list[tuple[str, dict[str, str | int], int]]


@pytest.fixture
def begun() -> Iterator[Begun]:
    """Yield the spans as they begin: name, attributes and how many spans are around it."""
    found: Begun = []
    depth = 0

    @contextmanager
    def begin(name: str, attributes: dict[str, str | int]) -> Iterator[None]:
        nonlocal depth
        found.append((name, attributes, depth))
        depth += 1
        yield
        depth -= 1

    trace_with(begin)
    yield found
    trace_with(None)


@pytest.mark.usefixtures("connection")
async def test_calls_to_stripe_and_messages_are_spans(runtime: Runtime, begun: Begun) -> None:
    await paid_order(runtime)
    await deliver_due(runtime, Channel.MAIL)
    names = [name for name, _, _ in begun]
    assert "stripe checkout.sessions.create" in names
    assert not any("@" in str(attributes) for _, attributes, _ in begun)


def test_a_span_is_one_object_while_traces_are_off() -> None:
    check_traces("off")
    start_traces("off")()
    assert span("checkout") is span("events batch", events=3)


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'checkout-daemon\[otel\]'"):
        check_traces("otlp")
