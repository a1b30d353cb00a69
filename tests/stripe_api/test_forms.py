"""Parameters are encoded byte for byte as the SDK encodes them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from checkout_daemon.stripe_api.forms import form_encoded

texts = st.text() | st.sampled_from(["", "a b", "x[1]", "%5B", "\x01", "Tüte & Co = ½", "https://a.b/c?d={E}"])
scalars = texts | st.integers() | st.booleans() | st.none()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(texts, values, max_size=4))
def test_any_parameters(parameters: dict[str, Any]) -> None:
    assert form_encoded(parameters) == sdk_encoded(parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"empty": {}, "list": [], "nested": {"list": [[]]}},
        {"yes": True, "list": [True, None, {"yes": False, "none": None}, [1, [2]]]},
        {"a[b]": "c[d]", "{}": "{}", "%5D": "%5D"},
    ],
)
def test_odd_parameters(parameters: dict[str, Any]) -> None:
    assert form_encoded(parameters) == sdk_encoded(parameters)


def sdk_encoded(parameters: dict[str, Any]) -> str:
    """Return what the SDK sends: see _APIRequestor._args_for_request_with_retries."""
    return urlencode(list(_api_encode(parameters))).replace("%5B", "[").replace("%5D", "]")
