"""Make values of bytes that a fuzzer invents, without its own library, so that the corpus can be replayed anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Consumes the bytes from the front; once they are used up, every choice is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        """Return how many bytes are left."""
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        """Return up to so many bytes."""
        taken = self._data[self._place : self._place + count]
        self._place += len(taken)
        return taken

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left)

    def below(self, limit: int) -> int:
        """Return a whole number from 0 up to the limit, which it does not reach."""
        return int.from_bytes(self.take(1 if limit <= 256 else 4), "big") % limit

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[self.below(len(choices))]

    def text(self) -> str:
        """Return a text whose length comes first, with any characters, lone surrogates too."""
        return self.take(self.below(256)).decode("utf-8", "surrogateescape")
