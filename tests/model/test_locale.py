"""The language of a shopper follows from the headers that browsers send."""

from __future__ import annotations

import pytest

from checkout_daemon.model.locale import known_locale, preferred_locale, stripe_locale


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        ("en;q=0.5, de", "de"),
        ("EN-us", "en-US"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("*", None),
        ("", None),
        ("de;q=0", None),
        ("de;q=x, fr;q=0.1", "fr"),
        ("de ; Q = 0.2, fr;q=0.3", "fr"),
        ("de;q=0.9;x=1, fr;x=1;q=0.5", "de"),
        ("de;q=1e400, fr;q=0.5", "fr"),
        ("de;q=-1, fr;q=0.5", "fr"),
        (",, de ,", "de"),
        ("de\r\nBcc: x, <script>", None),
        ("x" * 100_000, None),
    ],
)
def test_the_most_wanted_language_is_chosen(header: str, locale: str | None) -> None:
    assert preferred_locale(header) == locale


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("fr,de;q=0.8", "de"),
        ("fr;q=0.9, DE-at;q=0.1", "de-AT"),
        ("en;q=0.5, de;q=0.6", "de"),
        ("deu, fr", None),
    ],
)
def test_the_most_wanted_of_some_languages_is_chosen(header: str, locale: str | None) -> None:
    assert preferred_locale(header, ("en", "de")) == locale


@pytest.mark.parametrize(
    ("tags", "locale"),
    [
        (("de-AT", "en"), "de_AT"),
        (("de-XX", "en"), "de"),
        (("sm", "de-AT"), "de_AT"),
        (("sm-WS", "", "no tag"), "en"),
    ],
)
def test_amounts_are_written_as_in_a_locale_that_cldr_has(tags: tuple[str, ...], locale: str) -> None:
    assert known_locale(*tags) == locale


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("de-AT", "de"),
        ("en-GB", "en-GB"),
        ("en-US", "en"),
        ("pt-BR", "pt-BR"),
        ("nn-NO", "nb"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-Hans-CN", "zh"),
        ("ar-EG", None),
        (None, None),
    ],
)
def test_stripes_pages_are_in_the_language_if_they_have_it(tag: str | None, locale: str | None) -> None:
    assert stripe_locale(tag) == locale
