"""Draw the plots of docs/PERFORMANCE.md from the results of `python -m bench scaling flat`.

    .bench/venv/bin/python bench/plots.py RESULTS.json [RESULTS.json ...]

Several files may hold runs of `flat` with histories of different length. It runs in the peers' environment, which has
matplotlib.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes

FOLDER = Path(__file__).resolve().parents[1] / "docs/performance"
Lines = Mapping[str, list[tuple[float, float]]]


def main(files: Iterable[str]) -> None:
    """Draw every plot for which there are rows."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "the same file for the same figures"
    runs = [json.loads(Path(name).read_text(encoding="utf-8")) for name in files]
    scaling = [row for run in runs for row in run["rows"] if row["scenario"] == "scaling"]
    FOLDER.mkdir(exist_ok=True)
    if scaling:
        _draw("rate-by-connections", _by_connections(scaling, "per_second"), "connections", "events a second", log=True)
        _draw("cpu-by-batch", _by_batch(scaling), "mean events in a transaction", "CPU per event, µs", log=True)
    if history := _by_history(runs):
        _draw("cpu-by-history", history, "orders in the database", "CPU per event, to an empty database", ratio=True)


def _by_connections(rows: Iterable[dict[str, Any]], value: str) -> Lines:
    """Return a line for each target: the medians by connections."""
    found: defaultdict[str, defaultdict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["target"]][float(row["phase"])].append(row[value])
    return {target: sorted((x, statistics.median(of_x)) for x, of_x in line.items()) for target, line in found.items()}


def _by_batch(rows: list[dict[str, Any]]) -> Lines:
    """Return two lines for the daemon of one process: its own CPU and PostgreSQL's by the mean batch."""
    own = [row for row in rows if row["batch"] and "workers" not in row["target"]]
    batches, lines = _by_connections(own, "batch"), {}
    for name, value in (("daemon", "server_us"), ("PostgreSQL", "postgres_us")):
        for target, line in _by_connections(own, value).items():
            lines[name] = sorted((batch, y) for (_, batch), (_, y) in zip(batches[target], line, strict=True))
    return lines


def _by_history(runs: Iterable[dict[str, Any]]) -> Lines:
    """Return the median ratio within a round, by the length of the history."""
    line: dict[float, float] = {}
    for run in runs:
        rounds: defaultdict[int, dict[str, float]] = defaultdict(dict)
        for row in run["rows"]:
            if row["scenario"] == "flat":
                rounds[row["round"]][row["phase"]] = row["server_us"] + row["postgres_us"]
        ratios = [both["with history"] / both["without history"] for both in rounds.values() if len(both) == 2]
        if ratios:
            line[float(run["orders"])] = statistics.median(ratios)
    return {"daemon and PostgreSQL": sorted(line.items())} if line else {}


def _draw(name: str, lines: Lines, x: str, y: str, *, log: bool = False, ratio: bool = False) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for label, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    _label(axes, x, y)
    if log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.set_xscale("log")
    if ratio:
        axes.axhline(1.1, color="grey", linestyle="--", label="the gate: 1.10")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main(sys.argv[1:])
