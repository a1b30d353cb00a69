"""Makes the ids of orders."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

_WINDOW_SECONDS = 600
_WINDOW_BITS = 16


def new_order_id(now: datetime) -> str:
    """Return a new id: a UUID of version 4 whose first 16 bits follow the time and whose other 106 bits are random.

    Whoever has the id may see the order, so it must not be guessed. Orders of the same ten minutes are neighbours in
    every index, so that with ten million orders a webhook writes to pages that were just written. With ids that are all
    random, each index needs a page of its own, read from the disk and written whole to the log.
    """
    window = int(now.timestamp()) // _WINDOW_SECONDS % (1 << _WINDOW_BITS)
    random = uuid4().int & ((1 << (128 - _WINDOW_BITS)) - 1)
    return str(UUID(int=window << (128 - _WINDOW_BITS) | random))
