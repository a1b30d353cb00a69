"""Every input that fuzzing kept is still read or refused as documented, and quickly."""

from __future__ import annotations

import time

import pytest

from tests.faults.fuzz.targets import TARGETS
from tests.faults.fuzzing import CORPUS

INPUTS = sorted(CORPUS.glob("*/*"))


def test_every_target_has_a_corpus() -> None:
    assert {file.parent.name for file in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_kept_is_read_or_refused(name: str) -> None:
    for file in sorted((CORPUS / name).glob("*")):
        begun = time.process_time()
        TARGETS[name](file.read_bytes())
        assert time.process_time() - begun < 1.0, file


def test_a_corpus_is_small() -> None:
    sizes = {name: sum(file.stat().st_size for file in (CORPUS / name).glob("*")) for name in TARGETS}
    assert {name: size for name, size in sizes.items() if size > 20_000} == {}
