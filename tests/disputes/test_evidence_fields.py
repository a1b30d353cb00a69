"""The texts of evidence: Stripe's names and limits, and their form as a text to edit."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checkout_daemon.disputes.evidence_fields import (
    MOST_CHARACTERS,
    TEXTS,
    Evidence,
    check_evidence,
    read_evidence,
    wanted_for,
    write_evidence,
)
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.sandbox.payments.evidence import EVIDENCE, FILES, most_characters

LINES = st.sampled_from(["Ada", "[customer_name]", "[x]", " [y] ", "# no", "", "  two", "größer", "王"])


def test_the_texts_and_limits_are_those_of_stripe() -> None:
    assert {*TEXTS} == {*EVIDENCE} - {*FILES}
    assert dict(TEXTS) == {name: most_characters(name) for name in TEXTS}


@given(
    st.dictionaries(st.sampled_from(list(TEXTS)), st.lists(LINES).map("\n".join)), st.sampled_from(["fraudulent", None])
)
def test_what_is_written_is_read_again(texts: dict[str, str], reason: str | None) -> None:
    evidence = check_evidence(texts)
    assume(evidence.texts)
    read = read_evidence(write_evidence(evidence, reason, "Evidence."))
    again = read_evidence(write_evidence(read, reason, "Evidence."))
    assert {name: [line.strip() for line in text.split("\n")] for name, text in read.texts.items()} == {
        name: [line.strip() for line in text.split("\n")] for name, text in evidence.texts.items()
    }
    assert again == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello\n[customer_name]\nAda", "line 1 is before the first"),
        ("[customer_nam]\nAda", r"\[customer_nam\] is no text of evidence"),
        ("[customer_name]\nAda\n[customer_name]\nBo", "is there twice"),
        ("[customer_name]\nA\x07", r"cannot be used: U\+0007"),
        ("", "there is no text of evidence in it"),
        ("# remarks\n\n[customer_name]\n \n", "there is no text of evidence in it"),
        (f"[customer_name]\n{'x' * 5001}", "has 5,001 characters, and Stripe takes 5,000"),
        (f"[product_description]\n{'x' * 20_001}", "has 20,001 characters, and Stripe takes 20,000"),
    ],
)
def test_a_text_with_faults_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read_evidence(text)


def test_all_texts_together_have_a_limit() -> None:
    texts = {name: "x" * most for name, most in TEXTS.items()}
    assert sum(map(len, texts.values())) > MOST_CHARACTERS
    with pytest.raises(InvalidRequest, match="the banks take 150,000"):
        check_evidence(texts)


def test_texts_that_matter_for_the_reason_are_offered_empty() -> None:
    text = write_evidence(Evidence({"customer_name": "Ada"}), "product_not_received", "Evidence of du_1.")
    assert text.startswith("# Evidence of du_1.\n")
    assert "\n[shipping_tracking_number]\n" in text
    assert "\n[duplicate_charge_id]\n" not in text
    assert "duplicate_charge_id" in text.partition("[customer_name]")[0]
    assert {*wanted_for("nonsense")} < {*wanted_for("fraudulent")}
