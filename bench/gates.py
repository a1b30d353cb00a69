"""The gates: what a run must reach, and what it is meant to reach in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bench.scenarios import (
    checkouts,
    flat,
    memory,
    openloop,
    payments,
    refusals,
    replay,
    routes,
    start,
    stripe,
    webhooks,
)
from bench.support.rows import Key, Rows, Value, cpu_us, p50, p99, per_second
from bench.support.targets import BARE, DAEMON, FLASK, GROUP_COMMIT, OTHER_DAEMON

Measured = Callable[[Rows], float | None]


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate. `measured` returns None if its scenario was not part of the run."""

    scenario: str
    name: str
    sense: Literal[">=", "<="]
    limit: float
    measured: Measured
    goal: float | None = None
    digits: int = 2

    def verdict(self, value: float | None) -> str:
        """Return whether the value is good enough, or by what share it falls short."""
        if value is None:
            return "not measured"
        if self._reaches(value, self.limit):
            return "goal reached" if self.goal is not None and self._reaches(value, self.goal) else "met"
        short = 1 - value / self.limit if self.sense == ">=" else value / self.limit - 1
        return f"SHORT by {100 * short:.0f} %"

    def _reaches(self, value: float, limit: float) -> bool:
        return value >= limit if self.sense == ">=" else value <= limit


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate after a run, in words: `wanted`, `goal` and `measured` have the gate's digits."""

    scenario: str
    gate: str
    wanted: str
    goal: str
    measured: str
    verdict: str


def judge(rows: Rows, scenarios: Iterable[str]) -> list[Judged]:
    """Return the gates of these scenarios."""
    chosen = set(scenarios)
    return [_judged(gate, gate.measured(rows)) for gate in GATES if gate.scenario in chosen]


def _judged(gate: Gate, value: float | None) -> Judged:
    measured = "-" if value is None else f"{value:.{gate.digits}f}"
    goal = "-" if gate.goal is None else f"{gate.goal:g}"
    return Judged(gate.scenario, gate.name, f"{gate.sense} {gate.limit:g}", goal, measured, gate.verdict(value))


def ratio(scenario: str, phase: str, value: Value, base: str, *, target: str = DAEMON) -> Measured:
    """Measure a target against another one in the same phase."""
    return lambda rows: rows.ratio(Key(scenario, phase, target), Key(scenario, phase, base), value)


def to_phase(scenario: str, phase: str, value: Value, base: str) -> Measured:
    """Measure the daemon in a phase against another phase."""
    return lambda rows: rows.ratio(Key(scenario, phase, DAEMON), Key(scenario, base, DAEMON), value)


def median(scenario: str, phase: str, value: Value) -> Measured:
    """Measure the daemon alone."""
    return lambda rows: rows.median(Key(scenario, phase, DAEMON), value)


def _resident(rows: Rows) -> float | None:
    found = [rows.median(Key(memory.SCENARIO, name, DAEMON), lambda row: row.resident_mb) for name in memory.SLICES]
    return max((value for value in found if value is not None), default=None)


def _growth(rows: Rows) -> float | None:
    first, last = (
        rows.median(Key(memory.SCENARIO, name, DAEMON), lambda row: row.resident_mb)
        for name in (memory.SLICES[1], memory.SLICES[-1])  # the first slice fills what is filled once
    )
    return last / first if first and last else None


W, C, R, D, O = (module.SCENARIO for module in (webhooks, checkouts, routes, refusals, openloop))  # noqa: E741
_AT_ONCE = next(iter(checkouts.DELAYS))
GATES = (
    Gate(
        W, "32 connections: rate to the Flask design", ">=", 3.0, ratio(W, webhooks.MANY, per_second, FLASK.name), 6.0
    ),
    Gate(
        W, "128 connections: rate to the Flask design", ">=", 4.0, ratio(W, webhooks.MORE, per_second, FLASK.name), 10.0
    ),
    Gate(
        W, "32 connections: CPU to the group commit", "<=", 2.5, ratio(W, webhooks.MANY, cpu_us, GROUP_COMMIT.name), 1.5
    ),
    Gate(W, "32 connections: events in a batch", ">=", 14, median(W, webhooks.MANY, lambda row: row.batch), digits=1),
    Gate(W, "1 connection: p50 to --against", "<=", 0.7, ratio(W, webhooks.ONE, p50, OTHER_DAEMON)),
    Gate(C, "Stripe at 0 ms: rate to the Flask design", ">=", 1.5, ratio(C, _AT_ONCE, per_second, FLASK.name), 3.0),
    Gate(C, "Stripe at 0 ms: CPU, ms", "<=", 4.0, median(C, _AT_ONCE, lambda row: row.cpu_us / 1000), 2.0),
    Gate(R, "products: rate to bare aiohttp", ">=", 0.5, ratio(R, routes.PRODUCTS, per_second, BARE.name), 0.8),
    Gate(R, "quotes: rate to bare aiohttp", ">=", 0.4, ratio(R, routes.QUOTES, per_second, BARE.name), 0.6),
    Gate(D, "duplicates: rate to new events", ">=", 2.5, to_phase(D, refusals.DUPLICATE, per_second, refusals.NEW)),
    Gate(D, "bad signatures: rate to new events", ">=", 2.5, to_phase(D, refusals.FORGED, per_second, refusals.NEW)),
    Gate(
        payments.SCENARIO,
        "all events of a payment: CPU per event to first events",
        "<=",
        1.3,
        to_phase(payments.SCENARIO, payments.WHOLE, cpu_us, payments.FIRST_EVENTS),
    ),
    Gate(O, "200 a second: p99 to the group commit", "<=", 1.5, ratio(O, openloop.SLOW, p99, GROUP_COMMIT.name)),
    Gate(O, "1,000 a second: p99 to the group commit", "<=", 1.5, ratio(O, openloop.FAST, p99, GROUP_COMMIT.name)),
    Gate(
        flat.SCENARIO,
        "with history: CPU to without",
        "<=",
        1.1,
        to_phase(flat.SCENARIO, flat.FULL, cpu_us, flat.EMPTY),
    ),
    Gate(replay.SCENARIO, "events a second", ">=", 5000, median(replay.SCENARIO, replay.PHASE, per_second), digits=0),
    *(
        Gate(
            stripe.SCENARIO,
            f"{phase}: calls a second, of 20",
            ">=",
            19,
            median(stripe.SCENARIO, phase, per_second),
            digits=1,
        )
        for phase in (stripe.BACKFILL, stripe.RECONCILE)
    ),
    Gate(memory.SCENARIO, "at full rate: last slice to the second", "<=", 1.05, _growth),
    Gate(memory.SCENARIO, "at full rate: most MB", "<=", 120, _resident, digits=0),
    Gate(
        start.SCENARIO,
        "until ready, to the imports alone",
        "<=",
        2.0,
        ratio(start.SCENARIO, start.PHASE, p50, start.IMPORTS),
    ),
)
