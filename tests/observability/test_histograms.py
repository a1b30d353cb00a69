"""Many amounts observed at once count as if one by one, in the library's text format and in its folder of workers."""

from __future__ import annotations

from random import Random

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from checkout_daemon.observability.histograms import observe_all

BUCKETS = (0.001, 0.01, 0.1, 1)


def histogram() -> tuple[CollectorRegistry, Histogram]:
    registry = CollectorRegistry()
    return registry, Histogram("seconds", "A histogram", ["route"], buckets=BUCKETS, registry=registry).labels("/")


def without_times(registry: CollectorRegistry) -> list[bytes]:
    return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]


@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_many_amounts_at_once_are_the_same_as_one_by_one(count: int) -> None:
    random = Random(count)
    amounts = [random.choice([*BUCKETS, 0.0, random.random() / 8, 2.0, 4.0]) for _ in range(count)]
    (some, together), (others, alone) = histogram(), histogram()
    observe_all(together, amounts)
    for amount in amounts:
        alone.observe(amount)
    assert together._sum.get() == pytest.approx(alone._sum.get())
    for metrics in (together, alone):
        metrics._sum.set(0)  # whose digits depend on the order of the additions
    assert without_times(some) == without_times(others)


def test_the_library_has_what_makes_it_fast() -> None:
    _, child = histogram()
    assert list(child._upper_bounds) == [*BUCKETS, float("inf")]
    assert len(child._buckets) == len(BUCKETS) + 1


def test_another_version_of_the_library_counts_the_same() -> None:
    class Other:
        def __init__(self) -> None:
            self.seen: list[float] = []

        def observe(self, amount: float) -> None:
            self.seen.append(amount)

    other = Other()
    observe_all(other, [1.0, 2.0])  # type: ignore[arg-type]
    assert other.seen == [1.0, 2.0]
