"""What was measured: one row for each phase of a target in a round, and medians and ratios of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Value = Callable[["Row"], float]


@dataclass(frozen=True, slots=True)
class Row:
    """A measured phase. Processor times are microseconds per request; `foreign_cores`: used by others meanwhile.

    `batch` is the mean number of events in a transaction, or 0 if unknown. `slowest` are the slowest requests, as in
    load.Result: those of one stall have about the same start.
    """

    scenario: str
    phase: str
    target: str
    round: int
    per_second: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    server_us: float = 0.0
    postgres_us: float = 0.0
    stub_us: float = 0.0
    generator_us: float = 0.0
    foreign_cores: float = 0.0
    resident_mb: float = 0.0
    batch: float = 0.0
    requests: int = 0
    ran_out: bool = False
    slowest: tuple[tuple[float, float], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def cpu_us(self) -> float:
        """Return the CPU of the server and PostgreSQL per request."""
        return self.server_us + self.postgres_us


@dataclass(frozen=True, slots=True)
class Key:
    """Names the rows of all rounds of one target in one phase."""

    scenario: str
    phase: str
    target: str


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a run."""

    rows: tuple[Row, ...]

    def of(self, key: Key) -> list[Row]:
        """Return the rows of a key, by round."""
        found = [row for row in self.rows if Key(row.scenario, row.phase, row.target) == key]
        return sorted(found, key=lambda row: row.round)

    def median(self, key: Key, value: Value) -> float | None:
        """Return the median over the rounds, or None if the key was not measured."""
        found = self.of(key)
        return statistics.median(value(row) for row in found) if found else None

    def ratio(self, key: Key, base: Key, value: Value) -> float | None:
        """Return the median of the ratios within each round, or None if one of them was not measured."""
        bases = {row.round: value(row) for row in self.of(base)}
        ratios = [value(row) / bases[row.round] for row in self.of(key) if bases.get(row.round)]
        return statistics.median(ratios) if ratios else None

    def keys(self, scenario: str) -> list[Key]:
        """Return the keys of a scenario, in the order of their first rows."""
        found = (Key(row.scenario, row.phase, row.target) for row in self.rows if row.scenario == scenario)
        return list(dict.fromkeys(found))


def per_second(row: Row) -> float:
    """Return the rate."""
    return row.per_second


def cpu_us(row: Row) -> float:
    """Return the CPU of the server and PostgreSQL."""
    return row.cpu_us


def p50(row: Row) -> float:
    """Return the median time."""
    return row.p50_ms


def p99(row: Row) -> float:
    """Return the 99th percentile."""
    return row.p99_ms


def most_foreign(rows: Iterable[Row]) -> float:
    """Return the most cores that other processes used during one of the rows."""
    return max((row.foreign_cores for row in rows), default=0.0)


def faults(rows: Iterable[Row]) -> list[str]:
    """Return what was wrong in these rows."""
    return [
        f"{row.scenario}, {row.phase}, {row.target}, round {row.round + 1}: {problem}"
        for row in rows
        for problem in row.problems
    ]
