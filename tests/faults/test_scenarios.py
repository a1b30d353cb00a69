"""Every command that changes something, and every job, is killed by `make faults PARTS=crashes`."""

from __future__ import annotations

import json
from collections import Counter

from checkout_daemon.jobs.table import JOBS
from tests.commands.every_command import AT_STRIPE, OTHERWISE, WRITING
from tests.faults.crashes.scenarios import NOT_TRIED, SCENARIOS
from tests.faults.crashes.state import State, differences, without_races

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


def test_only_who_was_first_is_forgiven() -> None:
    """A message may be sent or skipped, whichever job was first; not sent twice, unheard of, owed or lost."""
    skipped, sent, owed = (_after(status) for status in ("skipped", "sent", "queued"))
    received = sent + Counter({"received: mail order.completed 1 ": 1})
    assert differences(*without_races(skipped, received)) == differences(*without_races(received, skipped)) == []
    for wrong in (received + received, sent, owed, State()):
        assert differences(*without_races(received, wrong))
    assert differences(*without_races(skipped, owed))
    assert differences(*without_races(skipped, sent)), "it counts as sent, and nobody has it"
    assert differences(*without_races(received, skipped + received - sent)), "it was sent, and counts as skipped"
    assert differences(*without_races(received + received, sent + skipped)), "one of two is lost"
    assert differences(*without_races(skipped, received + Counter({"received: mail order.refunded 1 ": 1})))


def _after(status: str) -> State:
    row = {"channel": "mail", "kind": "order.completed", "order_id": "1", "subject_id": "", "status": status}
    return Counter({f"outbox {json.dumps(row)}": 1})
