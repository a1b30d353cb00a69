"""The table of a flame graph: each part's time without what it calls."""

from __future__ import annotations

import pytest

from bench.flame import REST, shares


def box(name: str, samples: int, x: int, y: int) -> str:
    return (
        f'<g><title>{name} ({samples} samples, 1.00%)</title><rect x="1%" y="{y}" width="1%" height="15"'
        f' fill="rgb(1,2,3)" fg:x="{x}" fg:w="{samples}"/></g>'
    )


def test_a_part_has_the_time_of_its_files_and_of_strangers_that_they_call() -> None:
    picture = "\n".join((
        box("all", 100, 0, 36),
        box("WebhookRoute.answer (checkout_daemon/web/webhook.py:10)", 90, 0, 52),
        box("Intake.receive (checkout_daemon/ledger/intake.py:20)", 60, 10, 68),
        box("verify (checkout_daemon/ledger/signature.py:5)", 20, 10, 84),
        box("EnumType.__call__ (enum.py:686)", 30, 30, 84),
        box("watch_loop (checkout_daemon/observability/watchdog.py:21)", 4, 96, 52),
    ))  # fmt: skip
    assert shares(picture) == pytest.approx({
        "queue, batches, remembered events": 0.40,
        "HTTP: reading, answering": 0.30,
        "the signature": 0.20,
        REST: 0.06,
        "metrics": 0.04,
    })  # fmt: skip


def test_of_two_boxes_side_by_side_only_the_caller_pays() -> None:
    picture = "\n".join((
        box("all", 10, 0, 36),
        box("one (checkout_daemon/web/edge.py:1)", 5, 0, 52),
        box("two (checkout_daemon/ledger/merge.py:1)", 5, 5, 52),
        box("execute (asyncpg/connection.py:320)", 5, 5, 68),
    ))  # fmt: skip
    assert shares(picture) == pytest.approx(
        {"HTTP: reading, answering": 0.5, "the statements: arguments, sending, rows": 0.5}
        | dict.fromkeys((REST, "joining facts and deriving the order"), 0.0)
    )


def test_without_boxes_there_is_no_table() -> None:
    assert shares("<svg></svg>") == {}
