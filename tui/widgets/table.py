"""A table of a listing that draws only the visible lines and keeps its cursor on its row.

Textual's DataTable holds every row, and repaints all of them for one changed cell.
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
from textual.timer import Timer

from checkout_daemon.present.statuses import Tone

from ..listing import Item, Listing, T
from ..texts import fit
from .columns import GAP, Cell, Column, column_at, placed, title_of

FLASH_SECONDS = 0.9
_FLASHES_END_EVERY_SECONDS = 0.1


class LiveTable(ScrollView, Generic[T], can_focus=True, inherit_bindings=False):
    """A table of a listing. `layout` returns the columns for a width, `draw` a row's cells, one per column."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--cursor",
        "table--flash",
        "table--title",
        *(f"table--{tone}" for tone in Tone),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("space", "space", "Mark, or page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
    ]

    @dataclass
    class RowsWanted(Message):
        """Rows around this rank are in view and not loaded."""

        rank: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.RowsWanted)

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or on none. `by_hand` is true if the user moved it."""

        key: str | None
        by_hand: bool

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.Moved)

    @dataclass
    class Chosen(Message):
        """The user opened a row."""

        key: str

    @dataclass
    class CursorLeft(Message):
        """The row under the cursor has another place in the sort, out of what is loaded."""

        key: str
        place: tuple[Any, ...]

    @dataclass
    class TitleClicked(Message):
        """The title of a column was clicked: the name of its sort."""

        sort: str

    @dataclass
    class MarkWanted(Message):
        """The user marks or unmarks a row."""

        key: str

    def __init__(
        self,
        listing: Listing[T],
        layout: Callable[[int], Sequence[Column]],
        draw: Callable[[T, Sequence[Column]], Iterable[Cell]],
        *,
        empty: str = "",
        marks: Collection[str] | None = None,
    ) -> None:
        """`empty` is shown for a list without rows. Rows with a key in `marks` are marked; None: no row can be."""
        super().__init__()
        self.marks = marks
        self.empty = empty
        self.sorted_by: tuple[str, bool] | None = None  # the name of the sort, and whether it is descending
        self.listing = listing
        self._layout_columns = layout
        self._draw = draw
        self.cursor_rank = 0
        self.cursor_key: str | None = None
        self._following = True  # keep the newest in view until the user moves the cursor
        self._flashes: dict[str, float] = {}
        self._flash_timer: Timer | None = None
        self._ground = Style.null()  # that the styles in use are for
        self._in_use: dict[tuple[str, str], Style] = {}
        self._columns: Sequence[Column] = ()
        self._drawn: dict[int, tuple[str, list[Cell]]] = {}  # line -> the row that was drawn there last, and its cells

    # What is shown

    def show(self, listing: Listing[T], *, keep: bool = False) -> None:
        """Show another list from its top; with `keep`, stay on the selected row if it is among the first."""
        chosen = None if self._following or self.cursor_key is None else self.cursor_key
        rank = listing.rank_of(chosen) if keep and chosen is not None else None
        self.listing = listing
        self._following = rank is None
        self.cursor_rank, self.cursor_key = (0, None) if rank is None else (rank, chosen)
        self._flashes.clear()
        self.rows_arrived()
        self._scroll_now(0 if rank is None or rank < self._lines else rank - self._lines // 2)

    def go_to(self, rank: int, key: str) -> None:
        """Put the cursor on a row that is not loaded yet, and have the rows around it read."""
        self.cursor_rank, self.cursor_key = rank, key
        self._scroll_now(rank - self._lines // 2)
        self.post_message(self.RowsWanted(rank))

    def rows_arrived(self) -> None:
        """Redraw after the listing has loaded."""
        rank = None if self.cursor_key is None else self.listing.rank_of(self.cursor_key)
        if rank is not None:
            self.cursor_rank = rank
        else:
            row = self.listing.at(min(self.cursor_rank, max(self.listing.height - 1, 0)))
            self._move_cursor(self.cursor_rank if row is None else self.listing.rank_of(row.key) or 0)
        self._fit_height()
        self.refresh()

    def update(self, fresh: Sequence[Item[T]], gone: Collection[str] = (), new: Collection[str] = ()) -> None:
        """Update rows in place and highlight them briefly. The view stays where it is unless it is at the top."""
        was_loaded = self.cursor_key is not None and self.listing.rank_of(self.cursor_key) is not None
        before, top = self.cursor_rank, int(self.scroll_offset.y)
        above = self.listing.at(top)
        moved = self.listing.update(fresh, gone, new)
        rank = self.listing.rank_of(self.cursor_key) if was_loaded and self.cursor_key is not None else None
        if rank is not None:
            self.cursor_rank = rank
        elif was_loaded and self.cursor_key in moved.left:
            self.post_message(self.CursorLeft(self.cursor_key or "", moved.left[self.cursor_key or ""]))
        elif was_loaded:  # its row left the list
            self._move_cursor(min(before, max(self.listing.height - 1, 0)))
        else:
            self.cursor_rank += moved.inserted_above
        self._fit_height()
        if top > 0:
            stays = above is not None and above.key not in moved.moved
            now = self.listing.rank_of(above.key) if above is not None and stays else None
            now = top + moved.inserted_above if now is None else now
            was_seen = top <= before < top + self._lines
            is_seen = now <= self.cursor_rank < now + self._lines
            self._scroll_now(now if is_seen or not was_seen else self.cursor_rank - (before - top))
        elif not self._following and self.cursor_rank >= self._lines > 0:
            self._scroll_now(self.cursor_rank - self._lines + 1)
        until = monotonic() + FLASH_SECONDS
        self._flashes.update((key, until) for key in moved.changed)
        if self._flashes and self._flash_timer is None:
            self._flash_timer = self.set_timer(FLASH_SECONDS, self._end_flashes)
        if moved.shifted:
            self.refresh()
        else:
            self._refresh_rows(moved.changed)

    @property
    def cursor_row(self) -> Item[T] | None:
        return self.listing.at(self.cursor_rank)

    @property
    def keys_in_view(self) -> list[str]:
        top = int(self.scroll_offset.y)
        rows = (self.listing.at(rank) for rank in range(top, top + self._lines))
        return [row.key for row in rows if row is not None]

    @property
    def flashing(self) -> frozenset[str]:
        now = monotonic()
        return frozenset(key for key, until in self._flashes.items() if until > now)

    def _end_flashes(self) -> None:
        now = monotonic()
        ended = {key for key, until in self._flashes.items() if until <= now}
        for key in ended:
            del self._flashes[key]
        self._flash_timer = None
        if self._flashes:
            # Draw together those that end close together.
            wait = max(min(self._flashes.values()) - now, _FLASHES_END_EVERY_SECONDS)
            self._flash_timer = self.set_timer(wait, self._end_flashes)
        self._refresh_rows(ended)

    def tick(self) -> None:
        """Draw the rows again whose cells have changed with the time."""
        top = int(self.scroll_offset.y)
        for y in range(1, self._lines + 1):
            row = self.listing.at(top + y - 1)
            drawn = self._drawn.get(y)
            if row is not None and drawn is not None and drawn != (row.key, list(self._draw(row.row, self._columns))):
                self.refresh_line(top + y)

    def _refresh_rows(self, keys: Collection[str]) -> None:
        """Redraw the visible lines of these rows."""
        top = int(self.scroll_offset.y)
        for rank in range(top, top + self._lines):
            row = self.listing.at(rank)
            if row is not None and row.key in keys:
                self.refresh_line(rank + 1)

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

    def action_space(self) -> None:
        """Mark the row and go to the next; a page down in a table without marks."""
        if self.marks is None:
            self.action_page(1)
        elif self.cursor_row is not None:
            self.post_message(self.MarkWanted(self.cursor_row.key))
            self.action_move(1)

    def action_choose(self) -> None:
        if self.cursor_row is not None:
            self._following = False
            self.post_message(self.Chosen(self.cursor_row.key))

    def _go(self, rank: int) -> None:
        self._following = False
        left = self.cursor_rank
        rank = max(0, min(rank, self.listing.height - 1))
        top = int(self.scroll_offset.y)
        if rank < top:
            self._scroll_now(rank)
        elif rank >= top + self._lines:
            self._scroll_now(rank - self._lines + 1)
        self._move_cursor(rank, by_hand=True)
        self._want_rows()
        self.refresh_line(left + 1)
        self.refresh_line(rank + 1)

    def _move_cursor(self, rank: int, *, by_hand: bool = False) -> None:
        row = self.listing.at(rank)
        key = None if row is None else row.key
        self.cursor_rank = rank
        if key != self.cursor_key or by_hand:
            self.cursor_key = key
            self.post_message(self.Moved(key, by_hand))

    def on_click(self, event: events.Click) -> None:
        rank = int(self.scroll_offset.y) + event.y - 1
        if event.y == 0 and (column := column_at(self._columns, event.x)) is not None and column.sort:
            self.post_message(self.TitleClicked(column.sort))
        if event.y < 1 or self.listing.at(rank) is None:
            return
        again = rank == self.cursor_rank
        self._go(rank)
        if again or event.chain > 1:
            self.action_choose()

    @property
    def sorts(self) -> list[str]:
        """The names of the sorts by the columns in view, from the left."""
        return [column.sort for column in self._columns if column.sort]

    # Where it is scrolled to

    @property
    def _lines(self) -> int:
        """The number of rows in view, below the titles."""
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

    def render_lines(self, crop: Region) -> list[Strip]:
        ground = self.rich_style
        if ground != self._ground:
            self._ground = ground
            self._in_use.clear()
        return super().render_lines(crop)

    def notify_style_update(self) -> None:
        """Forget the styles: a theme, the focus or a class has changed them."""
        super().notify_style_update()
        self._in_use.clear()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            self._columns = self._layout_columns(width)
            return self._strip(
                [(title_of(column, self.sorted_by), "table--title") for column in self._columns], width, ""
            )
        rank = int(self.scroll_offset.y) + y - 1
        row = self.listing.at(rank)
        if row is None:
            text = "  …" if rank < self.listing.height else ""
            if self.listing.counted and self.listing.height == 0 and y == 2:
                text = f"  {self.empty}"
            style = self.rich_style + self._foreground("table--muted")
            return Strip([Segment(fit(text, width), style)], width)
        marked = rank == self.cursor_rank
        ground = "table--cursor" if marked else "table--flash" if row.key in self._flashes else ""
        if not self._columns:
            self._columns = self._layout_columns(width)
        cells = list(self._draw(row.row, self._columns))
        self._drawn[y] = row.key, cells
        chosen = self.marks is not None and row.key in self.marks
        return self._strip(cells, width, ground, "●" if chosen else "▌" if marked else " ")

    def _strip(self, cells: Sequence[Cell], width: int, ground: str, mark: str = " ") -> Strip:
        base = self._style_on(ground, "")
        segments = [Segment(mark, base if mark == " " else self._style_on(ground, "table--busy"))]
        used = 1
        for place, (column, (text, name)) in enumerate(zip(self._columns, cells, strict=True)):
            gap = GAP if place else ""
            segments.append(Segment(gap + placed(column, text), self._style_on(ground, name)))
            used += len(gap) + column.width
        segments.append(Segment(" " * max(width - used, 0), base))
        return Strip(segments).crop(0, width)

    def _style_on(self, ground: str, name: str) -> Style:
        """Return the style of text with one component class on a line with the background of another."""
        found = self._in_use.get((ground, name))
        if found is None:
            found = self._ground + self._style(ground) if ground else self._ground
            if name:
                found += self._foreground(name)
            self._in_use[ground, name] = found
        return found

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _foreground(self, name: str) -> Style:
        style = self._style(name)
        return Style(color=style.color, bold=style.bold, italic=style.italic)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return viewport.width

    def scroll_to_region(self, region: Region, **_: Any) -> Any:  # focusing must not scroll
        return region.offset
