"""A small plot of amounts by interval: bars of one or two lines."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = " ▁▂▃▄▅▆▇█"
_GROUND = "▁"
_STEPS = len(_BARS) - 1


def bars(amounts: Sequence[int], lines: int = 1) -> list[str]:
    """A column for each amount, the lines from the top down. Anything above nothing is more than the ground line."""
    most = max([*amounts, 0])
    heights = [0 if each <= 0 or most == 0 else max(2, round(each * lines * _STEPS / most)) for each in amounts]
    drawn = [
        "".join(_BARS[min(max(height - _STEPS * line, 0), _STEPS)] for height in heights)
        for line in reversed(range(lines))
    ]
    return [*drawn[:-1], drawn[-1].replace(" ", _GROUND)]


def resampled(amounts: Sequence[int], columns: int) -> list[int]:
    """The last intervals, put together so that they fit."""
    if columns <= 0:
        return []
    together = max(1, -(-len(amounts) // columns))
    start = len(amounts) % together
    head = [sum(amounts[:start])] if start else []
    return [*head, *(sum(amounts[place : place + together]) for place in range(start, len(amounts), together))]
