"""What pasting adds to a text is removed, and the text itself stays."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.model.text import (
    cleaned,
    is_visible,
    names_address,
    storable,
    terminal_json,
    tidied,
    trimmed,
    unusable,
)

INVISIBLE = [
    *"\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2064\u2066\u2067\u2068\u2069",
    *"\ufeff\u034f\u115f\u1160\u180e\ufff9\ufe0f\U000e0001\U000e0041",
]
BLANKS = [chr(code) for code in range(0x3001) if unicodedata.category(chr(code)) == "Zs"]


@pytest.mark.parametrize("char", INVISIBLE)
def test_invisible_characters_are_removed_from_a_known_alphabet(char: str) -> None:
    assert cleaned(f"{char}AB{char}C{char}") == "ABC"


@pytest.mark.parametrize("char", [*BLANKS, "\t", "\u2800", "\u3164", "\uffa0"])
def test_blanks_of_all_kinds_become_spaces(char: str) -> None:
    assert cleaned(f"{char}AB{char}") == "AB"
    assert tidied(f"{char}A{char}{char}B{char}") == "A B"


def test_full_width_forms_become_plain_and_other_letters_stay() -> None:
    assert cleaned("ＡＢ－１２＿．＠") == "AB-12_.@"
    assert cleaned("½²①ﬁé１") == "½²①ﬁé1"
    assert cleaned("A\u2010B\u2011C\u2013D\u2212E") == "A-B-C-D-E"


@given(st.text())
def test_cleaning_is_idempotent(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)
    assert tidied(tidied(text)) == tidied(text)


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    names_address(text)
    is_visible(text)
    assert unusable(text) is None or str(unusable(text)).startswith("U+")


@given(st.text())
def test_trimming_removes_only_what_surrounds_a_text(text: str) -> None:
    assert trimmed(f" \u2068\u202ea{text}b\u202c\u2069\u00a0\ufeff") == f"a{text}b"


@given(st.text())
def test_json_for_terminals_is_equal_json_without_control_characters(text: str) -> None:
    text += "\x9b31m\u202e\u200f\u2028\U000e0041\u200d\u0085"
    written = terminal_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert not set(written) & set("\x7f\x85\x9b\u061c\u200b\u200e\u200f\u2028\u2029\u202e\u2066\u2069\ufeff\U000e0041")
    assert "\u200d" in written


def test_visible_characters_stay_as_they_are() -> None:
    assert terminal_json('"José می\u200cخواهم 👨\u200d👩 \\u202e"') == '"José می\u200cخواهم 👨\u200d👩 \\u202e"'


@given(st.text(st.characters()))
def test_what_can_be_stored_is_utf_8_without_nul(text: str) -> None:
    assert "\0" not in storable(f"\0{text}\udc80")
    assert storable(f"\0{text}\udc80").encode().endswith(b"?")
    assert storable(storable(text)) == storable(text)
