"""Counted nouns agree with their number, in every sentence of the program."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_daemon.model.counts import counted

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for folder in ("checkout_daemon", "tui")
    for path in (ROOT / folder).rglob("*.py")
    if "sandbox" not in path.parts  # it imitates Stripe's sentences
]
NOUNS = {
    *("orders", "sessions", "payments", "refunds", "disputes", "events", "messages", "mails", "items", "batches"),
    *("entries", "checks", "faults", "rows", "products", "discounts", "deliveries", "secrets", "anchors", "lines"),
    *("webhooks", "notes", "charges", "times"),
}
# Numbers that are never 1.
NEVER_ONE = ("EVENT_TYPES", "MAXIMUM_LINES")
# A type of events, headings, and what is said of a cart with too many lines
OTHER = ("MOST", "request.event", "'Matching' if text else 'Newest'", "len(items)")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 orders"), (1, "1 order"), (2, "2 orders"), (2000, "2,000 orders"), (-1, "-1 orders")]
)
def test_a_noun_agrees_with_its_number(number: int, text: str) -> None:
    assert counted(number, "order") == text
    assert counted(number, "entry", "entries") == text.replace("orders", "entries").replace("order", "entry")


def plurals(tree: ast.AST, chosen: bool = False) -> Iterator[ast.JoinedStr]:
    """Yield the f-strings that have a plural noun after a number and are not one of the branches of an `if`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr) and not chosen:
            for number, text in zip(node.values, node.values[1:], strict=False):
                if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant):
                    first, *words = str(text.value).split(" ")
                    if first == "" and words and words[0].rstrip(".,;:") in NOUNS and not _harmless(number):
                        yield node
        yield from plurals(node, chosen or isinstance(node, ast.IfExp))


def _harmless(number: ast.FormattedValue) -> bool:
    return any(name in ast.unparse(number) for name in NEVER_ONE + OTHER)


def test_the_search_finds_a_plural_that_stays_one() -> None:
    wrong = 'say(f"{len(found)} events are missing")'
    right = 'say(f"1 event" if len(found) == 1 else f"{len(found)} events")'
    assert [len(list(plurals(ast.parse(line)))) for line in (wrong, right)] == [1, 0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_counts_one_thing_in_the_plural(path: Path) -> None:
    assert [ast.unparse(node) for node in plurals(ast.parse(path.read_text(encoding="utf-8")))] == []
