"""A table over a listing: draws the lines that are seen and nothing else, and keeps its cursor on its row.

Textual's DataTable holds every row and repaints all of them for one changed cell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar, Generic

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.listing import Listing, R
from tui.texts import fit

FLASH_SECONDS = 0.9
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """`right`: numbers stand under each other."""

    title: str
    width: int
    right: bool = False


Cell = tuple[str, str]
"""A text, and the component class that colours it; empty for none."""


class LiveTable(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """Rows of a listing. `draw` gives a row's cells, one for each of the columns that `layout` gives for a width."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--cursor",
        "table--flash",
        "table--title",
        "table--muted",
        "table--good",
        "table--busy",
        "table--waiting",
        "table--back",
        "table--bad",
        "table--alarm",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
    ]

    @dataclass
    class RowsWanted(Message):
        """The view has moved to where rows are not held: around this rank."""

        rank: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.RowsWanted)

    @dataclass
    class Moved(Message):
        """The cursor stands on another row, or on none; `by_hand`: somebody moved it there."""

        key: str | None
        by_hand: bool

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.Moved)

    @dataclass
    class Chosen(Message):
        """A row was opened."""

        key: str

    def __init__(
        self,
        listing: Listing[R],
        layout: Callable[[int], Sequence[Column]],
        draw: Callable[[R, Sequence[Column]], Iterable[Cell]],
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        empty: str = "",
    ) -> None:
        """`empty`: what is said of a list without rows."""
        super().__init__(id=id)
        self.empty = empty
        self.listing = listing
        self._layout_columns = layout
        self._draw = draw
        self.cursor_rank = 0
        self.cursor_key: str | None = None
        self._following = True  # the newest are wanted: until the cursor is moved
        self._flashes: dict[str, float] = {}
        self._columns: Sequence[Column] = ()

    # What is shown

    def show(self, listing: Listing[R]) -> None:
        """Another list, from its top."""
        self.listing = listing
        self._following = True
        self.cursor_rank, self.cursor_key = 0, None
        self._flashes.clear()
        self.scroll_to(y=0, animate=False)
        self.rows_arrived()

    def rows_arrived(self) -> None:
        """The listing has loaded."""
        if self.cursor_key is None or self.listing.rank_of(self.cursor_key) is None:
            row = self.listing.at(min(self.cursor_rank, max(self.listing.height - 1, 0)))
            self._stand_on(self.cursor_rank if row is None else self.listing.rank_of(row.key) or 0)
        self._fit_height()
        self.refresh()

    def update(self, fresh: Sequence[R], gone: Collection[str] = (), new: Collection[str] = ()) -> None:
        """Rows as they are now: in place, lit once. The view holds still unless it is at the top."""
        held = self.cursor_key is not None and self.listing.rank_of(self.cursor_key) is not None
        before, top = self.cursor_rank, int(self.scroll_offset.y)
        above = self.listing.at(top)
        moved = self.listing.update(fresh, gone, new)
        rank = self.listing.rank_of(self.cursor_key) if held and self.cursor_key is not None else None
        if rank is not None:
            self.cursor_rank = rank
        elif held:  # its row is gone
            self._stand_on(min(before, max(self.listing.height - 1, 0)))
        else:
            self.cursor_rank += moved.inserted_above
        self._fit_height()
        if top > 0:
            now = self.listing.rank_of(above.key) if above is not None else None
            self._scroll_now(now if now is not None else top + moved.inserted_above)
        elif not self._following and self.cursor_rank >= self._lines > 0:
            self._scroll_now(self.cursor_rank - self._lines + 1)
        until = monotonic() + FLASH_SECONDS
        self._flashes.update((key, until) for key in moved.changed)
        if moved.changed:
            self.set_timer(FLASH_SECONDS + 0.02, self._end_flashes)
        self.refresh()

    @property
    def cursor_row(self) -> R | None:
        return self.listing.at(self.cursor_rank)

    @property
    def flashing(self) -> frozenset[str]:
        now = monotonic()
        return frozenset(key for key, until in self._flashes.items() if until > now)

    def _end_flashes(self) -> None:
        now = monotonic()
        self._flashes = {key: until for key, until in self._flashes.items() if until > now}
        self.refresh()

    # The cursor

    def action_move(self, by: int) -> None:
        self._go(self.cursor_rank + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor_rank + by * max(self._lines - 1, 1))

    def action_first(self) -> None:
        self._go(0)
        self._following = True

    def action_last(self) -> None:
        self._go(self.listing.height - 1)

    def action_choose(self) -> None:
        if self.cursor_row is not None:
            self.post_message(self.Chosen(self.cursor_row.key))

    def _go(self, rank: int) -> None:
        self._following = False
        rank = max(0, min(rank, self.listing.height - 1))
        top = int(self.scroll_offset.y)
        if rank < top:
            self._scroll_now(rank)
        elif rank >= top + self._lines:
            self._scroll_now(rank - self._lines + 1)
        self._stand_on(rank, by_hand=True)
        self._want_rows()
        self.refresh()

    def _stand_on(self, rank: int, *, by_hand: bool = False) -> None:
        row = self.listing.at(rank)
        key = None if row is None else row.key
        self.cursor_rank = rank
        if key != self.cursor_key or by_hand:
            self.cursor_key = key
            self.post_message(self.Moved(key, by_hand))

    def on_click(self, event: events.Click) -> None:
        rank = int(self.scroll_offset.y) + event.y - 1
        if event.y < 1 or self.listing.at(rank) is None:
            return
        again = rank == self.cursor_rank
        self._go(rank)
        if again or event.chain > 1:
            self.action_choose()

    # Where it is scrolled to

    @property
    def _lines(self) -> int:
        """Rows in view: the first line holds the titles."""
        return max(self.scrollable_content_region.height - 1, 0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want_rows()

    def on_resize(self) -> None:
        self._fit_height()
        self._want_rows()

    def _scroll_now(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False, force=True)

    def _fit_height(self) -> None:
        size = Size(self.scrollable_content_region.width, self.listing.height + 1)
        if size != self.virtual_size:
            self.virtual_size = size

    def _want_rows(self) -> None:
        top = int(self.scroll_offset.y)
        bottom = min(top + self._lines, self.listing.height)
        margin = self._lines
        if not self.listing.covers(max(top - margin, 0), min(bottom + margin, self.listing.height)):
            self.post_message(self.RowsWanted(top))

    # Lines

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            self._columns = self._layout_columns(width)
            return self._strip([(each.title, "table--title") for each in self._columns], width, self.rich_style)
        rank = int(self.scroll_offset.y) + y - 1
        row = self.listing.at(rank)
        if row is None:
            said = "  …" if rank < self.listing.height else ""
            if self.listing.counted and self.listing.height == 0 and y == 2:
                said = f"  {self.empty}"
            style = self.rich_style + self._foreground("table--muted")
            return Strip([Segment(fit(said, width), style)], width)
        base = self.rich_style
        marked = rank == self.cursor_rank
        if marked:
            base += self._style("table--cursor")
        elif row.key in self._flashes:
            base += self._style("table--flash")
        cells = list(self._draw(row, self._columns or self._layout_columns(width)))
        return self._strip(cells, width, base, "▌" if marked else " ")

    def _strip(self, cells: Sequence[Cell], width: int, base: Style, mark: str = " ") -> Strip:
        segments = [Segment(mark, base + self._style("table--busy") if mark != " " else base)]
        used = 1
        for place, (column, (text, name)) in enumerate(zip(self._columns, cells, strict=True)):
            gap = _GAP if place else ""
            shown = text.rjust(column.width) if column.right and len(text) <= column.width else fit(text, column.width)
            style = base if not name else base + self._foreground(name)
            segments.append(Segment(gap + shown, style))
            used += len(gap) + column.width
        segments.append(Segment(" " * max(width - used, 0), base))
        return Strip(segments).crop(0, width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _foreground(self, name: str) -> Style:
        style = self._style(name)
        return Style(color=style.color, bold=style.bold, italic=style.italic)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return viewport.width

    def scroll_to_region(self, region: Region, **_: Any) -> Any:  # focus must not scroll
        return region.offset
