"""Everything that the grammar of JSON allows is read, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.model import json_text
from checkout_daemon.model.json_text import DEEPEST, decode, number, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_json_writes_is_read_back(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read_json(text) == value


@given(st.text(st.sampled_from('[]{},:"0123.eE-+ntfalsrue \\u\n'), max_size=12))
def test_what_is_not_json_is_refused(text: str) -> None:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse)
        good = True
    except ValueError:
        good = False
    if good:
        read_json(text)
    else:
        with pytest.raises(ValueError, match=r".*"):
            read_json(text)


def cut(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [cut(item, levels - 1) for item in value] if levels else None
    if isinstance(value, dict):
        return {cut(key, 1): cut(item, levels - 1) for key, item in value.items()} if levels else None
    return value


@given(
    VALUES,
    st.integers(1, 3),
    st.integers(0, 200),
    st.sampled_from(["", "[", "]", "{", "}", '"', "\\", ",", "1", "[[", "}]"]),
)
def test_every_piece_of_a_deep_text_is_read(value: Any, deepest: int, place: int, other: str) -> None:
    """Also in a text that is JSON no more: what is cut out for its depth is checked as well."""
    text = json.dumps(value)
    broken = text[:place] + other + text[place + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "DEEPEST", deepest)
        assert read_json(text) == cut(value, deepest)
        try:
            expected = cut(json.loads(broken, parse_int=number, parse_float=number), deepest)
        except ValueError:
            with pytest.raises(ValueError, match=r".*"):
                read_json(broken)
        else:
            assert read_json(broken) == expected


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "01", "[1,]", '{"a":1,}', "[1 2]", '"\x01"', "1 2", "[" * 100_000, "\u00a01", "[}"]
)
def test_what_only_looks_like_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1450.0", 1450),
        ("1.45e+03", 1450),
        ("14500e-1", 1450),
        ("-0.0", 0),
        ("1450.5", 1450.5),
        ("1450.00000000000000000001", 1450.0),
        ("1e400", "1e400"),
        ("-1e400", "-1e400"),
        ("1e9999999999999999999999", "1e9999999999999999999999"),
        ("1" * 500, "1" * 500),
    ],
)
def test_a_number_is_the_same_however_it_is_written(text: str, value: object) -> None:
    found = number(text)
    assert (found, type(found)) == (value, type(value))
    assert read_json(f"[{text}]") == [value]


def test_half_a_surrogate_pair_and_any_depth_are_read() -> None:
    deep = "[" * 300_000 + "]" * 300_000
    value = decode('{"name":"Zo\\ud83d","whole":"\\ud83d\\ude00","deep":' + deep + ',"last":1}')
    assert (value["name"], value["whole"], value["last"]) == ("Zo\ufffd", "\U0001f600", 1)
    depth, inner = 0, value["deep"]
    while inner:
        depth, inner = depth + 1, inner[0]
    assert depth < DEEPEST
