"""The short form of `make faults PARTS=deliveries`."""

from __future__ import annotations

from pathlib import Path

from tests.faults.deliveries import Plan, attack

SHORT = Plan(variants=1, copies=5, kills=5)


async def test_shuffled_deliveries_to_killed_daemons_lose_nothing_and_apply_nothing_twice(state_dir: Path) -> None:
    results = await attack(state_dir, SHORT, seed=7)
    assert [result.differences for result in results] == [()] * 4
    counts = {name: count for result in results for name, count in result.counts.items()}
    assert counts["PostgreSQL restarts"] == 3
    assert counts["workers killed"] + counts["daemons killed"] == SHORT.kills
    assert counts["deliveries"] == counts["events"] + counts["duplicates"]
