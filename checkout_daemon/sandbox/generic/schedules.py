"""Subscription schedules, and the test clocks that advance them."""

from __future__ import annotations

from typing import Any

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid, missing_parameter
from checkout_daemon.sandbox.generic import subscriptions
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.generic.plans import plan_of_price
from checkout_daemon.sandbox.objects.shapes import new_part
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import change_later, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_DAY = 24 * 3600
_NOTICE_SECONDS = 10 * _DAY
"""Stripe documents seven days. The CLI's own trigger expects the event nine days ahead."""
_CLOCK_LIFETIME_SECONDS = 30 * _DAY
_INCOMPLETE_SECONDS = 23 * 3600
"""How long Stripe waits for the first payment of a subscription."""
_RUNNING = ("active", "trialing", "past_due", "incomplete")


def build(box: Box, record: Stored, params: Params) -> None:
    """Build the phases in sequence, and start the subscription if the first has begun."""
    body = record.body
    customer = box.get(params["customer"], "customer", "customer").body
    body["test_clock"] = customer["test_clock"]
    moment = subscriptions.moment_of(box, body)
    starts = moment if params.get("start_date") in (None, "now") else params["start_date"]
    if not params.get("phases"):
        raise missing_parameter("phases")
    body["phases"] = []
    for position, phase in enumerate(params["phases"]):
        made = _phase(box, phase, f"phases[{position}]", starts)
        body["phases"].append(made)
        starts = made["end_date"]
    if body["phases"][0]["start_date"] <= moment:
        first = body["phases"][0]
        lines = [{"price": item["price"], "quantity": item["quantity"]} for item in first["items"]]
        subscription = subscriptions.start(box, body["customer"], lines, schedule=record.id)
        body |= {"status": "active", "subscription": subscription.id, "current_phase": _dates(first)}


def cancel(box: Box, record: Stored, _: Params) -> None:
    """Cancel a schedule. One that never began is aborted as well: Stripe's CLI waits for that event."""
    body = record.body
    aborted = body["status"] == "not_started"
    if body["subscription"] is not None:
        subscriptions.cancel(box, box.get(body["subscription"], "subscription"), {})
    events = ["subscription_schedule.canceled", *(["subscription_schedule.aborted"] if aborted else [])]
    update_and_emit(box, record, *events, status="canceled", canceled_at=stamp(), current_phase=None)


def release(box: Box, record: Stored, _: Params) -> None:
    """End the schedule and let the subscription continue without it."""
    _leave(box, record, "subscription_schedule.released", status="released", released_at=stamp())


def build_clock(_: Box, record: Stored, __: Params) -> None:
    """Set when the test clock is deleted."""
    record.body["deletes_after"] = stamp() + _CLOCK_LIFETIME_SECONDS


def advance_clock(box: Box, clock: Stored, params: Params) -> None:
    """Advance a test clock, and with it the schedules of its customers."""
    body, target = clock.body, params["frozen_time"]
    if target <= body["frozen_time"]:
        raise invalid("Test clocks only go forward: frozen_time must be later than it is.", param="frozen_time")
    _check_renewals(box, clock, target)
    details = {"advancing": {"target_frozen_time": target}}
    update_and_emit(box, clock, "test_helpers.test_clock.advancing", status="advancing", status_details=details)
    on_clock = [("json_extract(body, '$.test_clock') = ?", clock.id), ("json_extract(body, '$.status') = ?", "active")]
    for schedule in box.storage.select("subscription_schedule", conditions=on_clock, ascending=True):
        _advance(box, schedule, body["frozen_time"], target)
    fields: dict[str, Any] = {"status": "ready", "frozen_time": target, "status_details": {}}
    change_later(box, clock, 0, "test_helpers.test_clock.ready", **fields)


def _check_renewals(box: Box, clock: Stored, target: int) -> None:
    """Raise ApiError if a subscription on this clock would have to renew or end, which the sandbox does not do."""
    for record in box.storage.select(
        "subscription", conditions=[("json_extract(body, '$.test_clock') = ?", clock.id)], ascending=True
    ):
        if record.body["status"] not in _RUNNING:
            continue
        ends = _end_of(record.body)
        schedule = box.storage.find(record.body["schedule"] or "", "subscription_schedule")
        if schedule is not None and schedule.body["phases"][-1]["end_date"] <= ends:
            continue  # its schedule cancels or releases it by then
        if ends <= target:
            message = (
                "Stripe renews and ends subscriptions as a test clock advances; the offline Stripe does not. "
                f"{record.id} is due at {ends}: advance to an earlier time, or cancel the subscription first."
            )
            raise invalid(message, param="frozen_time")


def _end_of(body: Body) -> int:
    """Return when the period of a subscription ends, or the subscription itself if that is earlier."""
    ends: list[int] = [item["current_period_end"] for item in body["items"]["data"]]
    if isinstance(body["cancel_at"], int):
        ends.append(body["cancel_at"])
    if body["status"] == "incomplete":
        ends.append(body["start_date"] + _INCOMPLETE_SECONDS)
    return min(ends)


def _advance(box: Box, schedule: Stored, before: int, now: int) -> None:
    body = schedule.body
    ends = body["phases"][-1]["end_date"]
    if before < ends - _NOTICE_SECONDS <= now:
        emit(box, "subscription_schedule.expiring", body)
    if now < ends:
        current = next(phase for phase in body["phases"] if now < phase["end_date"])
        update_and_emit(box, schedule, current_phase=_dates(current))
        return
    if body["end_behavior"] == "cancel" and body["subscription"] is not None:
        subscriptions.cancel(box, box.get(body["subscription"], "subscription"), {})
    _leave(box, schedule, "subscription_schedule.completed", status="completed", completed_at=now)


def _leave(box: Box, record: Stored, event: str, **fields: Any) -> None:
    subscription = box.storage.find(record.body["subscription"] or "", "subscription")
    if subscription is not None:
        fields |= {"released_subscription": subscription.id, "subscription": None}
        update_and_emit(box, subscription, "customer.subscription.updated", schedule=None)
    update_and_emit(box, record, event, current_phase=None, **fields)


def _phase(box: Box, given: Params, at: str, starts: int) -> Body:
    items: list[Body] = []
    length: Body | None = None
    for position, line in enumerate(given["items"]):
        price = box.get(str(line.get("price")), "price", f"{at}[items][{position}][price]").body
        if price["recurring"] is None:
            raise invalid("Subscription schedules take recurring prices only.", param=f"{at}[items][{position}][price]")
        length = length or price["recurring"]
        quantity, plan = number(line, "quantity", 1), plan_of_price(price)["id"]
        items.append(new_part("subscription_schedule.phase.item", plan=plan, price=price["id"], quantity=quantity))
    if not items:
        raise missing_parameter(f"{at}[items]")
    price_currency = box.get(items[0]["price"], "price").body["currency"]
    iterations = number(given, "iterations", 1)
    ends = number(given, "end_date", subscriptions.period_end(starts, length, iterations))
    dates = {"start_date": starts, "end_date": ends}
    return new_part("subscription_schedule.phase", currency=price_currency, items=items, **dates)


def _dates(phase: Body) -> Body:
    return {"start_date": phase["start_date"], "end_date": phase["end_date"]}
