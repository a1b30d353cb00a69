"""Accept-Encoding in all its spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.web.fields import choose_encoding

BOTH = ("identity", "br", "gzip")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, br", "br"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.2,gzip;q=0.9", "gzip"),
        ("br ; Q=1.000 , gzip", "br"),
        ("br;q=0, gzip;q=0.001", "gzip"),
        ("br;q=0.0, gzip;q=0.000", "identity"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", "identity"),
        ("identity", "identity"),
        ("identity, br", "br"),
        ("identity;q=0.5, br;q=0.4", "identity"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("deflate, zstd", "identity"),
        ("identity;q=0", "identity"),
        ("br;q=2, gzip", "gzip"),
        ("br;level=3", "identity"),
    ],
)
def test_the_most_welcome_form_is_chosen(header: str | None, chosen: str) -> None:
    assert choose_encoding(header, BOTH) == chosen


def test_only_what_is_there_is_chosen() -> None:
    assert choose_encoding("br, gzip;q=0.1", ("identity", "gzip")) == "gzip"
    assert choose_encoding("br, gzip", ("identity",)) == "identity"


@given(st.text(alphabet="brgzipdentyq=;,.01* \t-", max_size=60))
def test_any_header_has_an_answer(header: str) -> None:
    assert choose_encoding(header, BOTH) in BOTH
