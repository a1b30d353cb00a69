"""What a part of `make faults` takes, and what it reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class MissingPackage(Exception):
    """A program outside this project is not installed; the message names its package."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long and with which seed a part runs, and where.

    `seconds` is what a part with a random history plays; a part of a fixed length ignores it. `folder` has what the
    Makefile installed, and `directory` is empty and for this part alone. `previous` is a tag or commit of the release
    before this one.
    """

    seconds: float
    seed: int
    folder: Path
    directory: Path
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One promise that was tried: how often, what was counted, and every difference that was found."""

    promise: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the long run. `run` reports each promise as soon as it is tried."""

    name: str
    summary: str
    run: Callable[[Options], Awaitable[list[Result]]]


def show(part: str, result: Result) -> None:
    """Print a result in a few lines."""
    counts = ", ".join(f"{name} {value}" for name, value in result.counts.items())
    sys.stdout.write(f"{'pass' if result.passed else 'FAIL'} {part}: {result.promise}{counts and f' ({counts})'}\n")
    sys.stdout.writelines(f"     {difference}\n" for difference in result.differences[:30])
    sys.stdout.flush()


def save(file: Path, results: Mapping[str, list[Result]], missing: Mapping[str, str]) -> None:
    """Write all results as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "parts": {
            part: [
                {"promise": one.promise, "counts": dict(one.counts), "differences": list(one.differences)}
                for one in reported
            ]
            for part, reported in results.items()
        },
        "not_run": dict(missing),
    }
    file.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
