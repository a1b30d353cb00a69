"""Lists that may be cut at --limit, and pages of named facts."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from checkout_daemon.commands.output import console, print_json_lines, say

if TYPE_CHECKING:
    from rich.text import Text

T = TypeVar("T")


async def read_pages(
    pages: AsyncIterable[Sequence[T]], *, as_json: bool, shape: Callable[[T], Any] | None = None
) -> list[T]:
    """Print the pages as JSON Lines as they arrive, or return all of their records for a table."""
    found: list[T] = []
    async for page in pages:
        if as_json:
            print_json_lines(page if shape is None else map(shape, page))
        else:
            found += page
    return found


def say_if_cut(found: Sequence[object], limit: int) -> None:
    """Say that there are more. `found` was read with one record more than `limit`."""
    if len(found) > limit:
        say(f"Showing the newest {limit}; for more, use --limit {limit * 10} or a filter.")


def print_facts(facts: Mapping[str, str | Text], width: int = 10) -> None:
    """Print a line for each fact that is not empty."""
    from rich.text import Text

    printer = console()
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<{width}}").append(fact), soft_wrap=True)
