"""The tables that a run prints: one for each phase of a scenario, and the gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields

from bench.gates import Judged
from bench.support.rows import Key, Rows, Value, cpu_us, p50, p99, per_second
from bench.support.targets import BARE, FLASK, GROUP_COMMIT, OTHER_DAEMON


def table(headers: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, without those that hold nothing but "-"."""
    cells = [list(headers), *(list(line) for line in lines)]
    columns = [column for column in zip(*cells, strict=True) if set(column[1:]) != {"-"}]
    widths = [max(map(len, column)) for column in columns]

    def text(line: Sequence[str]) -> str:
        first, *rest = zip(line, widths, strict=True)
        return " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])

    header, *rest = (f"| {text(line)} |" for line in zip(*columns, strict=True))
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([header, f"|{rule}|", *rest])


def scenario_tables(rows: Rows, scenario: str) -> str:
    """Return a table for each phase of a scenario."""
    phases = list(dict.fromkeys(key.phase for key in rows.keys(scenario)))
    return "\n\n".join(f"### {scenario}: {phase}\n\n{_phase_table(rows, scenario, phase)}" for phase in phases)


def matrix(rows: Rows, scenario: str, name: str, value: Value, digits: int = 0) -> str:
    """Return a table with a value of every target in every phase."""
    phases = list(dict.fromkeys(key.phase for key in rows.keys(scenario)))
    targets = list(dict.fromkeys(key.target for key in rows.keys(scenario)))
    lines = [
        [target, *(_number(rows.median(Key(scenario, phase, target), value), digits) for phase in phases)]
        for target in targets
    ]
    return f"### {scenario}: {name}\n\n{table(['target', *phases], lines)}"


def gates_table(gates: Iterable[Judged]) -> str:
    """Return what is wanted, what was measured, and whether that suffices."""
    return table([field.name for field in fields(Judged)], [astuple(judged) for judged in gates])


def _phase_table(rows: Rows, scenario: str, phase: str) -> str:
    keys = [key for key in rows.keys(scenario) if key.phase == phase]

    def against(key: Key, name: str, value: Value) -> str:
        return _number(rows.ratio(key, Key(scenario, phase, name), value), 2)

    def median(key: Key, value: Value, digits: int = 0) -> str:
        found = rows.median(key, value)
        return _number(found if found else None, digits)

    def rates(key: Key) -> str:
        found = [row.per_second for row in rows.of(key)]
        return f"{min(found):.0f}-{max(found):.0f}"

    columns: dict[str, Callable[[Key], str]] = {
        "target": lambda key: key.target,
        "per s": lambda key: median(key, per_second, 1),
        "min-max": rates,
        "to Flask": lambda key: against(key, FLASK.name, per_second),
        "to bare": lambda key: against(key, BARE.name, per_second),
        "to other": lambda key: against(key, OTHER_DAEMON, per_second),
        "p50 ms": lambda key: median(key, p50, 2),
        "p99 ms": lambda key: median(key, p99, 2),
        "p50 to other": lambda key: against(key, OTHER_DAEMON, p50),
        "p99 to other": lambda key: against(key, OTHER_DAEMON, p99),
        "p99 to group commit": lambda key: against(key, GROUP_COMMIT.name, p99),
        "server us": lambda key: median(key, lambda row: row.server_us),
        "pg us": lambda key: median(key, lambda row: row.postgres_us),
        "stub us": lambda key: median(key, lambda row: row.stub_us),
        "Flask's CPU to its": lambda key: _number(rows.ratio(Key(scenario, phase, FLASK.name), key, cpu_us), 2),
        "CPU to group commit": lambda key: against(key, GROUP_COMMIT.name, cpu_us),
        "CPU to other": lambda key: against(key, OTHER_DAEMON, cpu_us),
        "batch": lambda key: median(key, lambda row: row.batch, 1),
        "MB": lambda key: median(key, lambda row: row.resident_mb),
        "generator us": lambda key: median(key, lambda row: row.generator_us),
        "foreign cores": lambda key: _number(rows.median(key, lambda row: row.foreign_cores), 2),
    }
    return table(list(columns), [[cell(key) for cell in columns.values()] for key in keys])


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
