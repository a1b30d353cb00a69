"""The stock of a product, and its changes, as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StockLine:
    """The stock of a product, None if it is not counted: pieces that are not sold, of which `free` are not reserved.

    `oversold`: pieces of paid orders that are not there for them.
    """

    sku: str
    name: str
    stock: int | None
    reserved: int
    free: int | None
    oversold: int


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of the stock. `stock` is what it led to, None if the product is not counted from then on."""

    seq: int
    at: datetime
    kind: str
    change: int
    stock: int | None
    order_number: int | None
    actor: str
    note: str
