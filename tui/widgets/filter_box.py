"""The box for a text of the filter language, with a line below: the keys or values that continue it, or its fault."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from checkout_daemon.orders.order_query import InvalidQuery, begun_query, parse_query
from checkout_daemon.orders.query_completion import complete_query
from checkout_daemon.present.text import plain

from .entry import SearchBox
from .line import Line


class FilterHint(Line):
    """What continues a filter, or what is wrong with it. Hidden while its box is."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._typed = ""
        self._fault = ""

    def show(self, typed: str, fault: str) -> None:
        """Show what continues a text, or its fault if nothing does."""
        self._typed, self._fault = typed, fault
        self.redraw()

    def redraw(self) -> None:
        found = complete_query(self._typed)
        text = Text("  ", no_wrap=True, overflow="ellipsis")
        if self._fault and not found:
            text.append(plain(self._fault), self.colour("error"))
        elif found:
            text.append("Tab ", self.colour("muted"))
            text.append("  ".join(one.part for one in found), self.colour("primary"))
            if len(found) == 1:
                text.append(f"  {found[0].help}", self.colour("muted"))
        self.show_text(text)


class FilterBox(SearchBox):
    """A box for a filter. Tab completes its last term as far as it is certain."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", show=False)]

    def __init__(self, hint: FilterHint, time_zone: str) -> None:
        super().__init__('muller hugo  or  status:failed amount:>50 sku:TEE-* since:monday -country:AT "a b"')
        self._hint = hint
        self._time_zone = time_zone

    def open(self) -> None:
        super().open()
        self._hint.display = True
        self.check()

    def close(self) -> None:
        """Hide the box and its line."""
        self.display = self._hint.display = False

    def check(self) -> str | None:
        """Return the filter as far as it can be read, and show what continues it or its fault. None: it is faulty."""
        text, fault = self.value.strip(), ""
        try:
            parse_query(text, time_zone=self._time_zone, now=datetime.now(UTC))
        except InvalidQuery as error:
            fault = error.detail
            text = begun_query(text)
        self._hint.show(self.value, fault)
        try:
            parse_query(text, time_zone=self._time_zone, now=datetime.now(UTC))
        except InvalidQuery:
            return None
        return text

    @property
    def faulty(self) -> bool:
        """Whether the text as it is cannot be read."""
        return self.check() != self.value.strip()

    def action_complete(self) -> None:
        texts = [found.text for found in complete_query(self.value)]
        if texts:
            first, last = min(texts), max(texts)
            common = next((first[:end] for end in range(len(first), 0, -1) if last.startswith(first[:end])), "")
            self.value = common if len(common) > len(self.value) else texts[0]
            self.cursor_position = len(self.value)
