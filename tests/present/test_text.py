"""Text from outside, words and counts."""

from __future__ import annotations

import pytest

from checkout_daemon.present.text import counted, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        ("one\r\ntwo", "one\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}two"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}evil", "\N{REPLACEMENT CHARACTER}evil"),
        ("Anne\N{NO-BREAK SPACE}Marie", "Anne Marie"),
        ("山田\N{IDEOGRAPHIC SPACE}太郎", "山田 太郎"),
        ("علی\N{ZERO WIDTH NON-JOINER}رضا", "علی\N{ZERO WIDTH NON-JOINER}رضا"),
        ("👩\N{ZERO WIDTH JOINER}👧", "👩👧"),
        ("\N{ZERO WIDTH JOINER}a", "a"),
    ],
)
def test_hostile_text_keeps_one_line_and_its_letters(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_counts_agree_with_their_noun() -> None:
    counts = [counted(0, "order"), counted(1, "order"), counted(2000, "order"), counted(2, "delivery", "deliveries")]
    assert counts == ["0 orders", "1 order", "2,000 orders", "2 deliveries"]
