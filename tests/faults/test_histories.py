"""The short form of `make faults PARTS=history`, and histories that once ended wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.histories import ShopMachine, World
from tests.faults.stack import running_stack

SHORT = settings(
    max_examples=4, stateful_step_count=12, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def world(state_dir: Path) -> Iterator[World]:
    with World(running_stack(state_dir, seed=1, clocks=False)).running() as world:
        yield world


def test_random_histories_end_as_stripe_has_them(world: World) -> None:
    run_state_machine_as_test(ShopMachine, settings=SHORT)
    assert world.counts["histories"] >= SHORT.max_examples
    assert world.counts["orders"] > 0
    assert world.compared() == []
