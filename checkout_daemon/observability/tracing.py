"""Spans for OpenTelemetry: of checkouts, of batches of events, of calls to Stripe and of messages that are sent.

Off unless CHECKOUT_TRACES is otlp; then the packages of the extra `[otel]` send them where the variables of
OpenTelemetry name (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and so on). While it is off, a span is one object for
all, which costs a call. No span has a name, an address or the id of a whole order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from threading import Thread
from typing import Any

from checkout_daemon.errors import ConfigurationError

_OFF: AbstractContextManager[Any] = nullcontext()
_begin: Callable[..., AbstractContextManager[Any]] | None = None

LAST_SPANS_SECONDS = 1.0
"""How long a worker that stops waits until the collector has its last spans."""


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """Return a context manager that is a span, a part of the span around it; nothing while traces are off."""
    return _OFF if _begin is None else _begin(name, attributes=attributes)


def check_traces(traces: str) -> None:
    """Raise ConfigurationError if the packages that traces need are not installed."""
    if traces == "off":
        return
    try:
        for name in ("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter"):
            import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"CHECKOUT_TRACES is {traces}, and its packages are not installed: pip install 'checkout-daemon[otel]'"
        ) from error


def start_traces(traces: str) -> Callable[[], None]:
    """Begin to send spans from this process, unless traces are off. Return what sends the last ones and ends it."""
    if traces == "off":
        return lambda: None
    trace: Any = import_module("opentelemetry.sdk.trace")
    export: Any = import_module("opentelemetry.sdk.trace.export")
    otlp: Any = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resources: Any = import_module("opentelemetry.sdk.resources")
    named = resources.Resource.create({"service.name": "checkout-daemon"}).merge(
        resources.OTELResourceDetector().detect()
    )
    provider = trace.TracerProvider(resource=named)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    tracer = provider.get_tracer("checkout_daemon")
    failed: Any = import_module("opentelemetry.trace").StatusCode.ERROR

    @contextmanager
    def begin(name: str, attributes: dict[str, str | int]) -> Iterator[None]:
        # Of an error only the kind: its text may name a person.
        quiet = {"record_exception": False, "set_status_on_exception": False}
        with tracer.start_as_current_span(name, attributes=attributes, **quiet) as current:
            try:
                yield
            except BaseException as error:
                current.set_attribute("error.type", type(error).__name__)
                current.set_status(failed)
                raise

    trace_with(begin)

    def end() -> None:
        trace_with(None)
        # A collector that hangs keeps the provider for 10 s, and the worker must have stopped by then.
        last = Thread(target=provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(LAST_SPANS_SECONDS)

    return end


def trace_with(begin: Callable[..., AbstractContextManager[Any]] | None) -> None:
    """Begin every further span with this function, given its name and attributes; None: with none."""
    global _begin
    _begin = begin
