"""A process killed or frozen at any point loses nothing and doubles nothing: a share of what `make faults` tries.

`make faults PARTS=crashes` tries every point of every scenario.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.crashes.part import try_all
from tests.faults.crashes.scenarios import SCENARIOS
from tests.support.cluster import Cluster

SEED = 1
SHARE = 0.1
TRIED = ("checkout with a discount", "intake", "checkout orders refund {part} --amount 700 --yes")


async def test_a_process_killed_or_frozen_anywhere_changes_nothing_in_what_follows(
    cluster: Cluster, tmp_path: Path
) -> None:
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in TRIED]
    results = await try_all(cluster, tmp_path, scenarios, SHARE, SEED, freeze=True)
    assert len(results) == len(TRIED)
    assert [(result.promise, result.differences) for result in results if not result.passed] == []
    assert all(result.counts["killed"] > 0 for result in results)
    frozen = {result.promise for result in results if "frozen" in result.counts}
    assert frozen == set(TRIED) - {"intake"}, "only acts that call Stripe or others are frozen, and all of them"


async def test_a_daemon_killed_while_it_refunds_an_early_fraud_warning_refunds_it_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    scenarios = [scenario for scenario in SCENARIOS if scenario.name == "job decide-fraud-warnings"]
    (result,) = await try_all(cluster, tmp_path, scenarios, 3 * SHARE, SEED, freeze=False)
    assert result.differences == ()
    assert result.counts["killed"] > SHARE * result.counts["points"]


async def test_an_operator_killed_while_they_approve_a_refund_leaves_one_refund(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Also between the approval, which writes the refund request, and the refund: the jobs of a daemon make it."""
    scenarios = [scenario for scenario in SCENARIOS if scenario.name == "checkout proposals approve {proposal} --yes"]
    (result,) = await try_all(cluster, tmp_path, scenarios, 3 * SHARE, SEED, freeze=False)
    assert result.differences == ()
    assert result.counts["killed"] > SHARE * result.counts["points"]


async def test_evidence_is_submitted_once_whenever_the_command_or_the_job_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    names = ("checkout disputes submit {disputed} --yes", "job resume-disputes")
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in names]
    results = await try_all(cluster, tmp_path, scenarios, 3 * SHARE, SEED, freeze=False)
    assert len(results) == len(names)
    assert [(result.promise, result.differences) for result in results if not result.passed] == []
    assert all(result.counts["killed"] > 0 for result in results)
