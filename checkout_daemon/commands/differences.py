"""How what differs from Stripe is printed: by `sessions sync` and `reconcile`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from checkout_daemon.commands.output import answer
from checkout_daemon.present.text import plain, words
from checkout_daemon.services.syncing import Difference, Synced


def print_differences(done: Synced) -> None:
    """Nothing, where all agrees."""
    if not done.differences:
        return
    becomes = "becomes" if done.applied else "would become"
    moved = f", {becomes} {words(done.status)}" if done.status != done.status_before else ""
    answer(f"Order {done.number}  {words(done.status_before)}{moved}")
    for object_id, differences in groupby(done.differences, key=lambda each: each.object_id):
        answer(f"  {plain(object_id)}")
        for each in differences:
            answer(f"    {each.field}: {_sides(each)}")


def _sides(each: Difference) -> str:
    if each.stripe is None:
        return f"{plain(each.held or 'held')} here, and Stripe does not have it: look at it, nothing can be merged"
    return f"{plain(each.held or 'nothing')} here, {plain(each.stripe)} at Stripe"


def synced_object(done: Synced) -> dict[str, Any]:
    return {
        "order_id": done.order_id,
        "number": done.number,
        "status_before": done.status_before,
        "status": done.status,
        "amount_refunded": done.amount_refunded,
        "attention": done.attention,
        "applied": done.applied,
        "differences": [
            {
                "object_id": each.object_id,
                "field": each.field,
                "held": each.held,
                "stripe": each.stripe,
                "mended": done.applied and each.mendable,
            }
            for each in done.differences
        ],
    }
