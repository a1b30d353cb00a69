"""The simulation itself: a seed decides everything that happens, and nothing is wrong at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.simulation.part import play


async def test_a_seed_gives_the_same_trace_again_and_everything_is_as_stripe_has_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # PostgreSQL runs as another user
    reports = await asyncio.gather(
        *(play(seed, 0.001, tmp_path / name) for seed, name in ((1, "a"), (1, "b"), (2, "c")))
    )
    assert [report["faults"] for report in reports] == [[], [], []]
    first, again, other = (report["trace"] for report in reports)
    assert first == again != other
    assert reports[0]["orders"] > 0
