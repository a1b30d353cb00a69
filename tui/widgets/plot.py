"""A small bar chart of amounts by interval, one or more lines high."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = " ▁▂▃▄▅▆▇█"
_GROUND = "▁"
_STEPS = len(_BARS) - 1


def bars(amounts: Sequence[int], lines: int = 1) -> list[str]:
    """Return the chart's lines from the top, one column per amount. Any positive amount rises above the base line."""
    most = max([*amounts, 0])
    heights = [0 if amount <= 0 else max(2, round(amount * lines * _STEPS / most)) for amount in amounts]
    drawn = [
        "".join(_BARS[min(max(height - _STEPS * line, 0), _STEPS)] for height in heights)
        for line in reversed(range(lines))
    ]
    return [*drawn[:-1], drawn[-1].replace(" ", _GROUND)]


def resampled(amounts: Sequence[int], columns: int) -> list[int]:
    """Sum neighbouring intervals until they fit the columns."""
    if columns <= 0:
        return []
    together = max(1, -(-len(amounts) // columns))
    start = len(amounts) % together
    head = [sum(amounts[:start])] if start else []
    return [*head, *(sum(amounts[place : place + together]) for place in range(start, len(amounts), together))]
