"""Redaction of log text takes time that grows at most linearly with its length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checkout_daemon.observability.redaction import redact
from tests.support.growth import growth_fault

HOSTILE: dict[str, Callable[[int], str]] = {
    "a word before a sign": lambda length: "a" * length + "@",
    "signs": lambda length: "@" * length,
    "words and signs": lambda length: "a@" * (length // 2),
    "labels": lambda length: "a@" + "a." * (length // 2),
    "hyphens": lambda length: "a@" + "a-" * (length // 2),
    "schemes": lambda length: "://a:" * (length // 5) + " @",
    "schemes alone": lambda length: "://" * (length // 3) + "@",
    "a scheme and a long user": lambda length: "://" + "a" * length + "@",
    "plus signs": lambda length: "+1" * (length // 2),
    "digits": lambda length: "+1" + "- 1" * (length // 3),
    "keys": lambda length: "sk_" * (length // 3),
    "secrets": lambda length: "whsec_" * (length // 6),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_redaction_takes_no_longer_than_the_text_asks_for(hostile: str) -> None:
    def redacting(length: int) -> Callable[[], object]:
        text = HOSTILE[hostile](length)
        return lambda: redact(text)

    assert growth_fault(redacting) is None
