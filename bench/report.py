"""The tables that a run prints."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.support.rows import Key, Rows, Value, cpu_us, p50, per_second
from bench.support.targets import BARE, FLASK, GROUP_COMMIT

_RATE_BASES = (FLASK.name, BARE.name)


def table(headers: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned."""
    cells = [list(headers), *(list(line) for line in lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(headers))]

    def text(line: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return f"| {' | '.join([first, *rest])} |"

    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([text(cells[0]), f"|{rule}|", *(text(line) for line in cells[1:])])


def scenario_tables(rows: Rows, scenario: str) -> str:
    """Return a table for each phase of a scenario."""
    phases = list(dict.fromkeys(key.phase for key in rows.keys(scenario)))
    return "\n\n".join(f"### {scenario}: {phase}\n\n{_phase_table(rows, scenario, phase)}" for phase in phases)


def _phase_table(rows: Rows, scenario: str, phase: str) -> str:
    keys = [key for key in rows.keys(scenario) if key.phase == phase]
    bases = [Key(scenario, phase, name) for name in _RATE_BASES if Key(scenario, phase, name) in keys]
    lowest = Key(scenario, phase, GROUP_COMMIT.name)
    headers = ["target", "per s", "min-max", *(f"x {base.target}" for base in bases)]
    headers += ["p50 ms", "p99 ms", "server us", "pg us", "CPU x group commit", "batch", "MB", "gen us", "foreign"]
    lines = []
    for key in keys:
        found = rows.of(key)
        rates = [row.per_second for row in found]
        lines.append([
            key.target,
            _whole(rows.median(key, per_second)),
            f"{min(rates):.0f}-{max(rates):.0f}",
            *(_ratio(rows, key, base, per_second) for base in bases),
            f"{rows.median(key, p50):.2f}",
            f"{statistics.median(row.p99_ms for row in found):.2f}",
            _whole(rows.median(key, lambda row: row.server_us)),
            _whole(rows.median(key, lambda row: row.postgres_us)),
            _ratio(rows, key, lowest, cpu_us),
            _batch(rows.median(key, lambda row: row.batch)),
            _whole(rows.median(key, lambda row: row.resident_mb)),
            _whole(rows.median(key, lambda row: row.generator_us)),
            f"{rows.median(key, lambda row: row.foreign_cores):.2f}",
        ])  # fmt: skip
    return table(headers, lines)


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _batch(value: float | None) -> str:
    return f"{value:.1f}" if value else "-"


def _ratio(rows: Rows, key: Key, base: Key, value: Value) -> str:
    found = rows.ratio(key, base, value)
    return "-" if found is None else f"{found:.2f}"
