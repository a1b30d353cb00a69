"""What the daemon counts and times, for Prometheus.

Only the daemon creates a `Metrics`; commands and the terminal never import prometheus-client. Several workers write to
one directory (`PROMETHEUS_MULTIPROC_DIR`, prometheus-client's multiprocess mode), so that every worker's /metrics
covers all of them.
"""

from __future__ import annotations

import logging
import os
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import isfunction
from typing import TYPE_CHECKING, Any, Literal

from checkout_daemon.observability.ages import Ages
from checkout_daemon.observability.histograms import observe_all

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

log = logging.getLogger(__name__)

_Mode = Literal["livesum", "livemax", "mostrecent"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MULTIPROCESS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
_LAG = (0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86_400)
_SIZES = (1, 2, 4, 8, 16, 32, 64)
# An event type becomes a label, and whoever can sign could invent any number of them.
_MOST_TYPES = 300
# Answers of one kind that are counted together, or in the next second if there are fewer.
_MOST_PENDING = 64


def _unfailing(metrics: type[Metrics]) -> type[Metrics]:
    """Make every public method but `render` log its errors: monitoring must not stop what it monitors."""
    for name, method in vars(metrics).copy().items():
        if isfunction(method) and name != "render" and not name.startswith("_"):
            setattr(metrics, name, _logging_errors(method))
    return metrics


def _logging_errors(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def counted(self: Metrics, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            known = method.__name__ in self.failing
            self.failing.add(method.__name__)
            log.log(logging.DEBUG if known else logging.ERROR, "%s is not counted", method.__name__, exc_info=True)

    return counted


@_unfailing
class Metrics:
    """Every metric with its name, help and labels, in its own registry."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

        self.registry = registry = CollectorRegistry()
        self._multiprocess = MULTIPROCESS_DIRECTORY in os.environ
        if not self._multiprocess:
            ProcessCollector(registry=registry)

        def counter(name: str, description: str, *labels: str) -> Counter:
            return Counter(name, description, labels, registry=registry)

        def histogram(name: str, description: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(name, description, labels, buckets=buckets, registry=registry)

        # livesum adds up the living workers; of several workers that count the same, mostrecent shows the latest.
        def gauge(name: str, description: str, mode: _Mode, *labels: str) -> Gauge:
            return Gauge(name, description, labels, multiprocess_mode=mode, registry=registry)

        self.requests = counter("checkout_http_requests", "HTTP requests answered", "route", "method", "status")
        self.request_seconds = histogram("checkout_http_request_seconds", "From request to answer", _FAST, "route")
        self.connections = gauge("checkout_http_connections", "HTTP connections open", "livesum")
        self.connections_dropped = counter(
            "checkout_http_connections_dropped",
            "Connections closed to make room (idle, sending) or refused because no other could be closed",
            "reason",
        )
        self.descriptors_exhausted = counter(
            "checkout_descriptors_exhausted", "Checks, one per second, that found no free file descriptor"
        )
        self.body_bytes = gauge("checkout_body_bytes", "Bytes held by request bodies under way", "livesum")
        self.guessers_slowed = counter(
            "checkout_guessers_slowed",
            "Requests refused after too many wrong discount codes (code) or declined payments (payment)",
            "what",
        )
        self.deliveries = counter(
            "checkout_webhook_events",
            "Webhook events by outcome: applied, ignored, failed, duplicate",
            "type",
            "outcome",
        )
        self.refusals = counter(
            "checkout_webhook_refusals", "Webhook deliveries not stored, by the problem's code", "code"
        )
        self.secrets = counter(
            "checkout_webhook_secret_matches", "Deliveries by position of the secret that signed them, from 0", "place"
        )
        self.batch_size = histogram("checkout_webhook_batch_size", "Events committed together", _SIZES)
        self.commit_seconds = histogram("checkout_webhook_commit_seconds", "The transaction of a batch", _FAST)
        self.received_lag = histogram(
            "checkout_webhook_received_to_committed_seconds", "From the receipt of an event to its commit", _FAST
        )
        self.created_lag = histogram(
            "checkout_webhook_created_to_committed_seconds",
            "From an event's creation at Stripe (whole seconds) to its commit",
            _LAG,
        )
        self.stripe_calls = counter("checkout_stripe_calls", "Calls to Stripe by outcome", "method", "outcome")
        self.stripe_seconds = histogram(
            "checkout_stripe_call_seconds", "Calls to Stripe, with retries", _SLOW, "method"
        )
        self.breaker_open = gauge(
            "checkout_stripe_breaker_open",
            "Workers that refuse shoppers' calls to Stripe, because it does not answer",
            "livesum",
        )
        self.compared_events = counter(
            "checkout_stripe_events_compared",
            "Events in Stripe's list, by how they were found here: held, new, failed",
            "outcome",
        )
        self.events_made = gauge(
            "checkout_stripe_events_made", "Events of the last compared period that Stripe made", "mostrecent"
        )
        self.events_held = gauge(
            "checkout_stripe_events_held", "Those of them that are held here, after fetching", "mostrecent"
        )
        self.messages = counter(
            "checkout_outbox_attempts",
            "Attempts to send a message, by outcome: sent, failed, dead, skipped",
            "channel",
            "outcome",
        )
        self.message_seconds = histogram(
            "checkout_outbox_attempt_seconds", "An attempt to send a message", _SLOW, "channel"
        )
        self.backlog = gauge(
            "checkout_outbox_messages",
            "Messages that are queued, failed (to be retried) or dead",
            "mostrecent",
            "channel",
            "status",
        )
        self.backlog_age = gauge(
            "checkout_outbox_oldest_seconds", "The age of the oldest one to be sent", "mostrecent", "channel", "status"
        )
        self.recovered_orders = gauge(
            "checkout_recovered_orders", "Orders paid after a reminder of the last 90 days", "mostrecent", "currency"
        )
        self.recovered_amount = gauge(
            "checkout_recovered_amount", "The totals of these orders, in minor units", "mostrecent", "currency"
        )
        self.orders_attention = gauge(
            "checkout_orders_needing_attention", "Orders that a person must look at", "mostrecent"
        )
        self.orders_stuck = gauge(
            "checkout_orders_stuck",
            "Sessions that Stripe has not reported as ended, and orders that have been processing for two weeks",
            "mostrecent",
        )
        self.events_unapplied = gauge(
            "checkout_stripe_events_unapplied",
            "Stored events that could not be applied: failed (to be retried) or dead",
            "mostrecent",
            "status",
        )
        self.events_oldest = gauge(
            "checkout_stripe_events_oldest_unapplied_seconds", "How long ago the oldest of them arrived", "mostrecent"
        )
        self.backfill_gap = gauge(
            "checkout_stripe_backfill_gap_seconds",
            "How long ago the end is up to which our events were compared with Stripe's",
            "mostrecent",
        )
        self.balance_age = gauge(
            "checkout_stripe_balance_age_seconds", "How long ago the balance at Stripe was last read", "mostrecent"
        )
        self.orders = counter("checkout_orders", "Orders made", "currency")
        self.pool_size = gauge("checkout_database_connections", "Connections open", "livesum", "pool")
        self.pool_idle = gauge("checkout_database_connections_idle", "Connections open and idle", "livesum", "pool")
        self.pool_waits = counter(
            "checkout_database_waits", "Times a connection was waited for, for over 10 ms", "pool"
        )
        self.pool_wait_seconds = counter(
            "checkout_database_wait_seconds", "The seconds of these waits together", "pool"
        )
        self.loop_stalls = counter(
            "checkout_loop_stalls",
            "Times the event loop stood still for over 50 ms: computing (work), or kept waiting (machine)",
            "cause",
        )
        self.longest_stall = gauge(
            "checkout_loop_longest_stall_seconds", "The longest of them since the start", "livemax"
        )
        self.failing: set[str] = set()
        """What could not be counted, and was logged once."""
        self._longest_stall_seconds = 0.0
        self._types: set[str] = set()
        self._recovered: set[str] = set()
        self._waited: dict[str, tuple[int, float]] = {}
        self._ages = Ages()
        self._ages.measured(self.backfill_gap, 0.0)  # a daemon that never measures it must not keep it at 0
        self._delivered: dict[tuple[str, str], Counter] = {}
        self._refused: dict[str, Counter] = {}
        self._signed: dict[int, Counter] = {}
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram, list[float]]] = {}

    def request_answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an HTTP request that was answered. `route` is a pattern, never a path.

        A single process adds the answers of a kind together, before its metrics are read. With several workers each
        answer is added at once, because another worker may be asked.
        """
        # Looking up a child by its labels costs more than counting, so the hot path caches children.
        if (kept := self._answered.get((route, method, status))) is None:
            kept = self.requests.labels(route, method, str(status)), self.request_seconds.labels(route), []
            self._answered[route, method, status] = kept
        kept[2].append(seconds)
        if self._multiprocess or len(kept[2]) >= _MOST_PENDING:
            _add(*kept)

    def add_pending(self) -> None:
        """Count the answers that wait for others of their kind. To be called every second, and at the end."""
        for kept in self._answered.values():
            if kept[2]:
                _add(*kept)

    def loop_stalled(self, cause: str, seconds: float) -> None:
        """Count a stall of the event loop."""
        self.loop_stalls.labels(cause).inc()
        self._longest_stall_seconds = max(self._longest_stall_seconds, seconds)
        self.longest_stall.set(self._longest_stall_seconds)

    def sampled(self, connections: int, body_bytes: int) -> None:
        """Set the number of open connections, the bytes of request bodies under way, and the present ages."""
        self._ages.grow()
        self.connections.set(connections)
        self.body_bytes.set(body_bytes)

    def descriptors_gone(self) -> None:
        """Count a moment when no file could be opened."""
        self.descriptors_exhausted.inc()

    def guesser_slowed(self, what: str) -> None:
        """Count a request that was refused because too many earlier tries had failed."""
        self.guessers_slowed.labels(what).inc()

    def connection_dropped(self, reason: str) -> None:
        """Count a connection that was closed to make room, or refused."""
        self.connections_dropped.labels(reason).inc()

    def batch_committed(
        self,
        seconds: float,
        outcomes: Iterable[tuple[str, str]],
        received_lags: Sequence[float],
        created_lags: Sequence[float],
    ) -> None:
        """Count a committed transaction, with the type and outcome of its events, and the seconds since their receipt.

        `created_lags` are the seconds since their creation at Stripe, of those that have that time.
        """
        self.batch_size.observe(len(received_lags))
        self.commit_seconds.observe(seconds)
        observe_all(self.received_lag, received_lags)
        observe_all(self.created_lag, [max(lag, 0.0) for lag in created_lags])
        for (event_type, outcome), count in Tally(outcomes).items():
            self._events_of(event_type, outcome).inc(count)

    def _events_of(self, event_type: str, outcome: str) -> Counter:
        if event_type not in self._types:
            if len(self._types) >= _MOST_TYPES:
                event_type = "other"
            self._types.add(event_type)
        if (kept := self._delivered.get((event_type, outcome))) is None:
            kept = self._delivered[event_type, outcome] = self.deliveries.labels(event_type, outcome)
        return kept

    def stripe_called(self, name: str, outcome: str, seconds: float) -> None:
        """Count a call to Stripe with its name, its outcome (listed in stripe_api/client.py) and its duration."""
        self.stripe_calls.labels(name, outcome).inc()
        self.stripe_seconds.labels(name).observe(seconds)

    def message_tried(self, channel: str, outcome: str, seconds: float) -> None:
        """Count an attempt to send a message."""
        self.messages.labels(channel, outcome).inc()
        self.message_seconds.labels(channel).observe(seconds)

    def backlog_counted(self, channel: str, status: str, messages: int, oldest_seconds: float | None) -> None:
        """Set the number of a channel's messages in a status, and the age of the oldest, None without one."""
        self.backlog.labels(channel, status).set(messages)
        self._ages.measured(self.backlog_age.labels(channel, status), oldest_seconds)

    def events_compared(self, made: int, held: int, new: int, failed: int) -> None:
        """Count a comparison with Stripe's events: `new` were missing here, of which `failed` could not be applied."""
        for outcome, count in (("held", held), ("new", new - failed), ("failed", failed)):
            self.compared_events.labels(outcome).inc(count)
        self.events_made.set(made)
        self.events_held.set(held + new)

    def trouble_counted(self, *, attention: int, stuck: int, events: Mapping[str, int], oldest: float | None) -> None:
        """Set what needs a person: orders, and stored events by their status, with the age of the oldest, if any."""
        self.orders_attention.set(attention)
        self.orders_stuck.set(stuck)
        for status, count in events.items():
            self.events_unapplied.labels(status).set(count)
        self._ages.measured(self.events_oldest, oldest)

    def recovered_counted(self, found: Mapping[str, tuple[int, int]]) -> None:
        """Set what was paid after a reminder, by currency: orders, and their totals in minor units. Others have 0."""
        self._recovered.update(found)
        for currency in self._recovered:
            orders, amount = found.get(currency, (0, 0))
            self.recovered_orders.labels(currency).set(orders)
            self.recovered_amount.labels(currency).set(amount)

    def comparison_aged(self, seconds: float) -> None:
        """Set how long ago the end of the last comparison with Stripe's events is."""
        self._ages.measured(self.backfill_gap, seconds)

    def balance_aged(self, seconds: float) -> None:
        """Set how long ago the balance at Stripe was last read."""
        self._ages.measured(self.balance_age, seconds)

    def pool_waited(self, pool: str, waits: int, seconds: float) -> None:
        """Set how often, and for how long in all, connections of a pool were waited for since the start."""
        before, seconds_before = self._waited.get(pool, (0, 0.0))
        self._waited[pool] = waits, seconds
        self.pool_waits.labels(pool).inc(waits - before)
        self.pool_wait_seconds.labels(pool).inc(seconds - seconds_before)

    def pool_used(self, pool: str, size: int, idle: int) -> None:
        """Set the number of open database connections, and how many of them are idle."""
        self.pool_size.labels(pool).set(size)
        self.pool_idle.labels(pool).set(idle)

    def order_created(self, currency: str) -> None:
        """Count a new order."""
        self.orders.labels(currency).inc()

    def delivery_refused(self, code: str) -> None:
        """Count a delivery that was not stored."""
        if (kept := self._refused.get(code)) is None:
            kept = self._refused[code] = self.refusals.labels(code)
        kept.inc()

    def secret_matched(self, place: int) -> None:
        """Count a delivery signed with the secret at this position."""
        if (kept := self._signed.get(place)) is None:
            kept = self._signed[place] = self.secrets.labels(str(place))
        kept.inc()

    def breaker_changed(self, is_open: bool) -> None:
        """Set whether shoppers' calls to Stripe are refused."""
        self.breaker_open.set(int(is_open))

    def render(self) -> bytes:
        """Return all metrics, of all workers, in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        self.add_pending()
        if not self._multiprocess:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _add(answers: Counter, durations: Histogram, pending: list[float]) -> None:
    seconds = pending.copy()
    pending.clear()
    answers.inc(len(seconds))
    observe_all(durations, seconds)


def forget_process(pid: int) -> None:
    """Delete the gauges of a worker that has died."""
    from prometheus_client.multiprocess import mark_process_dead

    try:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
    except OSError as error:
        log.warning("the gauges of process %d could not be deleted: %s", pid, error.strerror)
