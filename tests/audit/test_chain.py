"""What the hashes of the audit log cover has one form, whichever encoder writes it."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from checkout_daemon.audit.chain import canonical

CHARACTERS = st.text(st.characters(codec=None, exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | CHARACTERS,
    lambda inner: st.lists(inner) | st.dictionaries(CHARACTERS, inner),
    max_leaves=8,
)


@given(st.dictionaries(CHARACTERS, VALUES))
@example({"note": "".join(map(chr, range(128)))})
@example({"note": "\udc80"})
@example({"amount": 2**70})
def test_the_fast_encoder_writes_what_the_standard_one_does(value: dict[str, object]) -> None:
    assert canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))
