"""Plots by minute of events, lag and messages, and of the database's response times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from checkout_daemon.operations.vital_signs import MINUTE, MINUTES, VitalSigns

from ..checkup import Checkup
from .line import Line
from .plot import bars

_LABEL = 14
_HIGH = 4  # the least lines of a plot with its title above and its time axis below
_HIGHEST = 9


@dataclass(frozen=True, slots=True)
class _Plot:
    name: str
    amounts: Sequence[int]
    summary: str
    begins: str = f"{MINUTES} minutes ago"


class Vitals(Line):
    """One line per plot, or several if there is room."""

    def __init__(self, checkup: Checkup) -> None:
        super().__init__()
        self._checkup = checkup

    def redraw(self) -> None:
        plots = list(_plots(self._checkup))
        lines = min(self.size.height // len(plots), _HIGHEST)
        if lines >= _HIGH:
            self.show_text(Text("\n").join(self._draw_high(plot, lines) for plot in plots))
            return
        room = max(self.size.width - _LABEL - max(len(plot.summary) for plot in plots) - 3, 1)
        self.show_text(Text("\n").join(self._draw_low(plot, room) for plot in plots))

    def _draw_low(self, plot: _Plot, room: int) -> Text:
        drawn = bars(plot.amounts[-room:])[0]
        return Text.assemble(
            (f" {plot.name:<{_LABEL}}", self.colour("muted")), (drawn, self.colour("primary")), f" {plot.summary}"
        )

    def _draw_high(self, plot: _Plot, lines: int) -> Text:
        room, muted = max(self.size.width - 2, 1), self.colour("muted")
        text = Text.assemble((f" {plot.name}", "bold"), f"  {plot.summary}\n")
        for line in bars(_stretched(plot.amounts, room), max(lines - 3, 1)):
            text.append(f" {line}\n", self.colour("primary"))
        return text.append(f" {plot.begins}{'now':>{max(room - len(plot.begins), 0)}}\n", muted)


def _plots(checkup: Checkup) -> Sequence[_Plot]:
    signs = checkup.signs
    if signs is None:
        return [_Plot(name, [0] * MINUTES, "…") for name in ("events/min", "lag", "messages/min", "database")]
    events = _by_minute(signs, [(minute.at, minute.events) for minute in signs.arrivals])
    lags = _by_minute(signs, [(minute.at, round(1000 * (minute.lag_seconds or 0))) for minute in signs.arrivals])
    owed = _by_minute(signs, [(minute.at, minute.messages) for minute in signs.owed])
    answers = [0] * MINUTES + [round(1_000_000 * seconds) for seconds in checkup.answers]
    lag = signs.trouble.lag_seconds
    return [
        _Plot("events/min", events, f"{events[-1]} now, {sum(events)} in an hour"),
        _Plot("lag", lags, "none" if lag is None else f"{lag:.1f} s, at most {max(lags) / 1000:.1f} s"),
        _Plot("messages/min", owed, f"{owed[-1]} now, {sum(owed)} in an hour"),
        _Plot("database", answers[-MINUTES:], f"{1000 * signs.answered_seconds:.1f} ms", "earlier"),
    ]


def _stretched(amounts: Sequence[int], columns: int) -> list[int]:
    """Return one amount per column: some are repeated, or only the last ones are left."""
    if len(amounts) >= columns:
        return list(amounts[-columns:])
    return [amounts[place * len(amounts) // columns] for place in range(columns)]


def _by_minute(signs: VitalSigns, found: Sequence[tuple[datetime, int]]) -> list[int]:
    """Return the amounts of the last MINUTES minutes, 0 for those without any."""
    last = signs.at.replace(second=0, microsecond=0)
    amounts = [0] * MINUTES
    for at, amount in found:
        place = MINUTES - 1 - (last - at) // MINUTE
        if 0 <= place < MINUTES:
            amounts[place] = amount
    return amounts
