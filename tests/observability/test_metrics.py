"""Metrics: counted in the registry of one application, with labels that cannot grow without bound."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from checkout_daemon.observability.metrics import Metrics


def lines(metrics: Metrics) -> list[str]:
    return metrics.render().decode().splitlines()


def test_event_types_are_labels_until_there_are_too_many() -> None:
    metrics = Metrics()
    for number in range(400):
        metrics.batch_committed(0.001, [(f"type.{number}", "ignored")], [0.001], [])
    metrics.batch_committed(0.001, [("type.0", "ignored")], [0.001], [])
    shown = [line for line in lines(metrics) if line.startswith("checkout_webhook_events_total")]
    assert len(shown) == 301
    assert 'checkout_webhook_events_total{outcome="ignored",type="other"} 100.0' in shown
    assert 'checkout_webhook_events_total{outcome="ignored",type="type.0"} 2.0' in shown


def test_an_event_from_the_future_has_no_negative_lag() -> None:
    metrics = Metrics()
    metrics.batch_committed(0.001, [("a", "applied")], [0.001], [-5.0])
    assert "checkout_webhook_created_to_committed_seconds_sum 0.0" in lines(metrics)


def test_a_batch_is_counted_once_and_its_events_each() -> None:
    metrics = Metrics()
    metrics.batch_committed(0.02, [("a", "applied"), ("b", "ignored"), ("a", "applied")], [0.001, 0.3, 0.3], [2.5, 7.0])
    shown = lines(metrics)
    assert "checkout_webhook_batch_size_sum 3.0" in shown
    assert "checkout_webhook_commit_seconds_count 1.0" in shown
    assert 'checkout_webhook_events_total{outcome="applied",type="a"} 2.0' in shown
    assert 'checkout_webhook_events_total{outcome="ignored",type="b"} 1.0' in shown
    assert "checkout_webhook_received_to_committed_seconds_count 3.0" in shown
    assert "checkout_webhook_created_to_committed_seconds_sum 9.5" in shown


@pytest.mark.parametrize("count", [1, 63, 64, 130])
def test_no_answer_is_missing_when_the_metrics_are_read(count: int) -> None:
    metrics = Metrics()
    for _ in range(count):
        metrics.request_answered("/healthz", "GET", 200, 0.5)
    for _ in range(2):
        shown = lines(metrics)
        assert f'checkout_http_requests_total{{method="GET",route="/healthz",status="200"}} {float(count)}' in shown
        assert f'checkout_http_request_seconds_sum{{route="/healthz"}} {count / 2}' in shown


def test_a_call_to_stripe_is_counted_and_timed() -> None:
    metrics = Metrics()
    metrics.stripe_called("refunds.create", "rejected", 0.2)
    assert 'checkout_stripe_calls_total{method="refunds.create",outcome="rejected"} 1.0' in lines(metrics)
    assert 'checkout_stripe_call_seconds_sum{method="refunds.create"} 0.2' in lines(metrics)


def test_two_sets_of_metrics_do_not_meet() -> None:
    one, other = Metrics(), Metrics()
    one.request_answered("/healthz", "GET", 200, 0.001)
    assert any("/healthz" in line for line in lines(one))
    assert not any("/healthz" in line for line in lines(other))


def test_the_process_is_measured_too() -> None:
    assert any(line.startswith("process_resident_memory_bytes") for line in lines(Metrics()))


def test_what_commands_import_does_not_bring_the_metrics_library() -> None:
    program = (
        "import sys, checkout_daemon.runtime, checkout_daemon.checkout.placing, checkout_daemon.ledger.intake,"
        " checkout_daemon.observability.metrics, checkout_daemon.serve\n"
        "print([name for name in ('prometheus_client', 'aiohttp.web', 'stripe') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert shown.stdout.strip() == "[]"


def test_what_cannot_be_counted_stops_nobody(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    def gone(*_: object) -> None:
        raise FileNotFoundError("/tmp/checkout-metrics-1/counter_1.db")

    for name in ("orders", "requests", "secrets", "stripe_calls", "refusals"):
        monkeypatch.setattr(getattr(metrics, name), "labels", gone)
    for _ in range(2):
        metrics.order_created("eur")
        metrics.request_answered("/api/products", "GET", 200, 0.1)
        metrics.secret_matched(0)
        metrics.stripe_called("refunds.create", "ok", 0.1)
        metrics.delivery_refused("invalid_signature")
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 5  # once for each kind


def test_an_age_grows_until_it_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("checkout_daemon.observability.ages.monotonic", lambda: now)
    metrics = Metrics()
    metrics.comparison_aged(40.0)
    metrics.backlog_counted("mail", "queued", 3, 5.0)
    metrics.backlog_counted("mail", "dead", 0, None)
    now += 600
    metrics.sampled(0, 0)
    assert "checkout_stripe_backfill_gap_seconds 640.0" in lines(metrics)
    assert 'checkout_outbox_oldest_seconds{channel="mail",status="queued"} 605.0' in lines(metrics)
    assert 'checkout_outbox_oldest_seconds{channel="mail",status="dead"} 0.0' in lines(metrics)
    metrics.comparison_aged(31.0)
    metrics.backlog_counted("mail", "queued", 0, None)
    now += 1
    metrics.sampled(0, 0)
    assert "checkout_stripe_backfill_gap_seconds 32.0" in lines(metrics)
    assert 'checkout_outbox_oldest_seconds{channel="mail",status="queued"} 0.0' in lines(metrics)


def test_an_age_of_zero_seconds_grows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("checkout_daemon.observability.ages.monotonic", lambda: now)
    metrics = Metrics()
    metrics.comparison_aged(0.0)
    now += 600
    metrics.sampled(0, 0)
    assert "checkout_stripe_backfill_gap_seconds 600.0" in lines(metrics)


def test_the_age_of_a_comparison_that_was_never_measured_grows_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon without jobs must not hide that no other one compares."""
    now = 1000.0
    monkeypatch.setattr("checkout_daemon.observability.ages.monotonic", lambda: now)
    metrics = Metrics()
    now += 700
    metrics.sampled(0, 0)
    assert "checkout_stripe_backfill_gap_seconds 700.0" in lines(metrics)


def test_every_way_to_count_is_safe() -> None:
    public = [name for name, method in vars(Metrics).items() if callable(method) and not name.startswith("_")]
    assert [name for name in public if not hasattr(getattr(Metrics, name), "__wrapped__")] == ["render"]
