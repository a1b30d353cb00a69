"""Send only the cells that differ from what the terminal already shows.

Textual writes whole lines, or whole screens, where one cell changed. Over a slow line that is most of the traffic.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

_NEAR = 8  # cells: to send that many unchanged ones is shorter than to move the cursor


class _Line:
    """One line as the terminal shows it: a character and a look for each cell.

    A cell of None is not known. A text with wide or combining characters is in its first cell as a whole, because
    terminals do not agree on the width of all of them: a line with such a text is sent whole.
    """

    __slots__ = ("looks", "text")

    def __init__(self, width: int) -> None:
        self.text: list[str | None] = [None] * width
        self.looks: list[str] = [""] * width


class Wire:
    """What the terminal shows."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._size = (0, 0)

    def forget(self) -> None:
        """Assume nothing about the terminal: the next update is sent whole."""
        self._lines = []
        self._size = (0, 0)

    def reduce(self, update: CompositorUpdate, console: Console, size: tuple[int, int]) -> str:
        """Return what must be written to apply an update to a terminal of `size`. The caller must write it."""
        if self._size != size:
            self._lines = [_Line(size[0]) for _ in range(size[1])]
            self._size = size
        colours = console._color_system or ColorSystem.TRUECOLOR
        return "".join(self._put(y, x, strip, colours) for y, x, strip in _pieces(update) if y < size[1])

    def _put(self, y: int, x: int, strip: Strip, colours: ColorSystem) -> str:
        """Note a piece of a line, and return what must be written to show it."""
        line, before = self._lines[y], x
        text: list[str | None] = []
        looks: list[str] = []
        even = True  # whether each character takes one cell, also for terminals that measure differently
        for part, style, control in strip:
            if control:
                continue
            wide = cell_len(part)
            if wide == len(part):
                text += part
            elif wide:
                even = False
                text += [part, *[""] * (wide - 1)]
            looks += [_look(style, colours)] * wide
        end = min(before + len(text), self._size[0])
        text, looks = text[: end - before], looks[: end - before]
        old_text, old_looks = line.text[before:end], line.looks[before:end]
        if text == old_text and looks == old_looks:
            return ""
        known = even and all(cell is not None and len(cell) == 1 for cell in old_text)
        line.text[before:end], line.looks[before:end] = text, looks
        if not known:
            whole = strip.crop(0, end - before)
            written = "".join(_styled(part, _look(style, colours)) for part, style, control in whole if not control)
            return _move(before, y) + written
        differs = [a != b or one != other for a, b, one, other in zip(text, old_text, looks, old_looks, strict=True)]
        return "".join(
            _move(before + begin, y) + _drawn(text[begin:until], looks[begin:until]) for begin, until in _runs(differs)
        )


class Changes(CompositorUpdate):
    """An update of which only what differs is written. Textual asks for the text only when it writes it."""

    def __init__(self, wire: Wire, update: CompositorUpdate, size: tuple[int, int]) -> None:
        self._wire = wire
        self._update = update
        self._size = size

    def render_segments(self, console: Console) -> str:
        """Return the text with its escape sequences."""
        return self._wire.reduce(self._update, console, self._size)


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield the line, the column and the cells of each piece of an update."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            yield y, update.region.x, Strip.join(list(strips))
    elif isinstance(update, ChopsUpdate):
        for y, left, right in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or x > right or end <= left:
                    continue
                yield y, x, strip if right > x >= left and end <= right else strip.crop(0, min(end, right) - x)


def _runs(differs: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield where changed cells begin and end; runs that lie close to each other are one."""
    begin = until = -1
    for place, changed in enumerate(differs):
        if not changed:
            continue
        if begin >= 0 and place - until <= _NEAR:
            until = place + 1
            continue
        if begin >= 0:
            yield begin, until
        begin, until = place, place + 1
    if begin >= 0:
        yield begin, until


def _drawn(text: list[str | None], looks: list[str]) -> str:
    """Return cells with their escape sequences, one for each run of the same look."""
    written: list[str] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or looks[place] != looks[start]:
            written.append(_styled("".join(cell or "" for cell in text[start:place]), looks[start]))
            start = place
    return "".join(written)


def _styled(text: str, look: str) -> str:
    return f"\x1b[{look}m{text}\x1b[0m" if look else text


def _move(x: int, y: int) -> str:
    return Control.move_to(x, y).segment.text


def _look(style: Style | None, colours: ColorSystem) -> str:
    """Return the codes of a style. Styles that differ only in what is behind a click look the same."""
    if style is None:
        return ""
    return style._ansi if style._ansi is not None else Strip.render_ansi(style, colours)
