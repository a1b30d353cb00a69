"""Editing evidence: a text with faults is opened again, and kept however the editing ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.disputes.editing import EvidenceEditing
from checkout_daemon.errors import InvalidRequest

ORIGINAL = "[customer_name]\nAda\n"
FAULTY = f"{ORIGINAL}[no_such]\nx\n"


def test_a_text_left_as_it_is_changes_nothing() -> None:
    editing = EvidenceEditing(ORIGINAL)
    assert editing.take(None) is None
    assert editing.take(ORIGINAL) is None
    assert editing.keep() == ""


def test_a_round_after_a_fault_opens_the_faulty_text_and_leaving_it_is_the_fault_again() -> None:
    editing = EvidenceEditing(ORIGINAL)
    with pytest.raises(InvalidRequest):
        editing.take(FAULTY)
    assert editing.text == FAULTY
    with pytest.raises(InvalidRequest):
        editing.take(None)
    assert editing.take(f"{ORIGINAL}[cancellation_rebuttal]\nx\n") == {
        "customer_name": "Ada",
        "cancellation_rebuttal": "x",
    }


def test_the_last_faulty_text_is_kept_for_its_owner_alone() -> None:
    editing = EvidenceEditing(ORIGINAL)
    for text in (FAULTY, f"{FAULTY}more\n"):
        with pytest.raises(InvalidRequest):
            editing.take(text)
    path = Path(editing.keep().removeprefix("Your text is in "))
    assert path.read_text() == f"{FAULTY}more\n"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
