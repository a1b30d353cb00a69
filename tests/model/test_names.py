"""The names of operators, tokens and endpoints follow one rule."""

from __future__ import annotations

import pytest

from checkout_daemon.model.names import faults_of_name


@pytest.mark.parametrize("name", ["a", "7", "label-printer", "anna.b_2", "a" * 40])
def test_small_letters_digits_and_three_signs_name_something(name: str) -> None:
    assert faults_of_name(name, "a token", "erp", taken="settings") == []


@pytest.mark.parametrize("name", ["", "Anna", ".a", "-a", "a b", "a\n", "ä", "a" * 41, "settings"])
def test_any_other_name_is_refused_with_an_example(name: str) -> None:
    (fault,) = faults_of_name(name, "a token", "erp", taken="settings")
    assert (fault.pointer, fault.code) == ("/name", "invalid_name")
    assert f"{name!r} cannot name a token" in fault.detail
    assert fault.detail.endswith("such as erp")
