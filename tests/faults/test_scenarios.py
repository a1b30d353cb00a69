"""Every command that changes something, and every job, is killed by `make faults PARTS=crashes`."""

from __future__ import annotations

from checkout_daemon.jobs.table import JOBS
from tests.commands.every_command import AT_STRIPE, OTHERWISE, WRITING
from tests.faults.crashes.scenarios import NOT_TRIED, SCENARIOS

_CHANGING = {*WRITING, *AT_STRIPE, "db init", "db migrate", "db move", "db roles", "events resend", "trigger"}


def test_every_command_that_changes_something_is_killed_or_has_a_reason() -> None:
    lines = [scenario.name for scenario in SCENARIOS]
    tried = {name for name in _CHANGING if any(line.startswith(f"checkout {name} ") for line in lines)}
    tried |= {name for name in _CHANGING if f"checkout {name}" in lines}
    assert tried | NOT_TRIED.keys() == _CHANGING
    assert tried & NOT_TRIED.keys() == set()
    assert _CHANGING - WRITING.keys() - AT_STRIPE.keys() <= OTHERWISE.keys()


def test_every_job_is_killed() -> None:
    jobs = {scenario.name.removeprefix("job ") for scenario in SCENARIOS if scenario.name.startswith("job ")}
    assert jobs == {job.name for job in JOBS}
