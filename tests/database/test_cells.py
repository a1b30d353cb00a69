"""Rows as one text: a batch is encoded column by column, a single row cell by cell, and both come to the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checkout_daemon.database.cells import encode, plain, text

COLUMNS = (text, plain, text)
# With the separators, other control characters, and what is no text at all.
TEXTS = st.none() | st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\x1d\x1e\x1f\n\x7f"))
ROWS = st.lists(st.tuples(TEXTS, st.none() | st.integers(), TEXTS), min_size=1, max_size=8)


@given(ROWS)
def test_a_batch_is_encoded_as_its_rows_are(rows: list[tuple[str | None, int | None, str | None]]) -> None:
    batch = encode(rows, COLUMNS)
    assert batch is not None
    alone = [(encode([row], COLUMNS) or "").split("\x1d") for row in rows]
    assert batch.split("\x1d") == ["".join(column) for column in zip(*alone, strict=True)]


@given(ROWS)
def test_no_text_adds_a_cell_or_a_column(rows: list[tuple[str | None, int | None, str | None]]) -> None:
    columns = (encode(rows, COLUMNS) or "").split("\x1d")
    assert [column.count("\x1f") for column in columns] == [len(rows)] * len(COLUMNS)
