"""A window on a long list: far jumps are read from the nearer end, also where the length is only an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checkout_daemon.orders.terminal_windows import Length
from tui.listing import Item, Listing, Source

ROWS = 30_000


class Numbers(Source[int]):
    """The numbers from ROWS down to 1, and how many were skipped."""

    def __init__(self, length: Length) -> None:
        self.length, self.skipped = length, 0

    async def count(self) -> Length:
        return self.length

    async def page(self, after: Any | None, limit: int) -> Sequence[Item[int]]:
        first = ROWS if after is None else after[0] - 1
        return [Item(str(number), (number,), number) for number in range(first, max(first - limit, 0), -1)]

    async def skip(self, after: Any | None, count: int) -> Any | None:
        self.skipped += count
        place = (ROWS + 1 if after is None else after[0]) - count
        return (place,) if place > 0 else None

    async def skip_from_end(self, count: int) -> Any | None:
        self.skipped += count
        return (count + 1,) if count < ROWS else None


@pytest.mark.parametrize(
    "length", [Length(ROWS, exact=True), Length(ROWS - 900, exact=False), Length(ROWS + 900, exact=False)]
)
async def test_the_end_of_a_list_is_read_from_its_end(length: Length) -> None:
    source = Numbers(length)
    listing = Listing(source)
    await listing.load(0)
    await listing.count()
    await listing.load(listing.height - 1)
    last = listing.at(listing.height - 1)
    assert last is not None
    assert last.row == 1
    assert source.skipped < 1000
    await listing.load(20_000)
    far = listing.at(20_000)
    assert far is not None
    if length.exact:
        assert far.row == ROWS - 20_000
