"""Colours that follow from the shop's, and their contrast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.shop import colors

ANY = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_the_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert colors.contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert colors.contrast(other, one) == colors.contrast(one, other)


@given(accent=ANY)
def test_every_accent_has_a_legible_text_on_it_and_a_legible_form_for_dark_paper(accent: str) -> None:
    light = colors.complete({"accent": accent}, dark=False)
    assert colors.contrast(light["on_accent"], accent) >= colors.LEAST_CONTRAST - 0.1
    dark = colors.complete(colors.for_dark({"accent": accent}), dark=True)
    assert not list(colors.unreadable(dark, dark=True))


def test_what_was_given_is_kept() -> None:
    assert colors.complete({"accent": "#2d5a4a", "on_accent": "#eeeeee"}, dark=False)["on_accent"] == "#eeeeee"
    assert colors.complete({"ink": "#000000"}, dark=False) == {"ink": "#000000"}
    assert colors.for_dark({"ink": "#000000"}) == {}


def test_the_defaults_are_those_of_the_storefront() -> None:
    theme = (Path(__file__).parents[2] / "frontend/src/styles/theme.css").read_text()
    light, dark = theme.split("@media screen and (prefers-color-scheme: dark)")
    for text, defaults in ((light, colors._LIGHT), (dark, colors._DARK)):
        for name, color in defaults.items():
            assert re.search(rf"--{name.replace('_', '-')}: (#\w+);", text)[1] == color  # type: ignore[index]
    assert not list(colors.unreadable(colors._LIGHT, dark=False))
    assert not list(colors.unreadable(colors._DARK, dark=True))
