"""Subscriptions: their start, first invoice, trials, pauses and end. They never renew."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, bad_parameter, missing_object, missing_parameter
from checkout_daemon.sandbox.generic import collecting, invoices
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.generic.plans import plan_of_price
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.objects.paging import page_of
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import change_later, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

PATH = "/v1/subscriptions"
_ITEMS = "/v1/subscription_items"
_DAY = 24 * 3600
_NOTICE_SECONDS = 3 * _DAY
ENDED = ("canceled", "incomplete_expired")
"""The statuses of subscriptions that have ended."""


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a subscription: its items and periods, and a first invoice, paid now if possible.

    A trial postpones the invoice's amount. Raise ApiError (400) if the customer cannot be charged.
    """
    if not params.get("items"):
        raise missing_parameter("items")
    body, customer = record.body, box.get(params["customer"], "customer", "customer").body
    body["test_clock"] = customer["test_clock"]
    moment = moment_of(box, body)
    ends = _trial_end(params, moment)
    body |= {"start_date": moment, "billing_cycle_anchor": ends or moment}
    body |= {"trial_start": moment if ends else None, "trial_end": ends}
    for position, line in enumerate(params["items"]):
        body["items"]["data"].append(_item(box, record.id, line, f"items[{position}]", moment, ends))
    body["currency"] = body["items"]["data"][0]["price"]["currency"]
    if ends:
        body["status"] = "trialing"
    elif body["collection_method"] == "send_invoice":
        body["status"] = "active"
    _invoice(box, record, customer, params)


def announce(box: Box, record: Stored, _: Params) -> None:
    """Announce the end of a trial three days before it, or immediately if it is closer."""
    if record.body["status"] != "trialing":
        return
    left = record.body["trial_end"] - moment_of(box, record.body)
    if left <= _NOTICE_SECONDS:
        emit(box, "customer.subscription.trial_will_end", record.body)
    else:
        change_later(box, record, left - _NOTICE_SECONDS, "customer.subscription.trial_will_end")


def revise(box: Box, record: Stored, params: Params) -> None:
    """End a trial if asked to. Without a payment method that may pause or cancel the subscription."""
    body = record.body
    if params.get("trial_end") == "now":
        body["trial_end"] = moment_of(box, body)
        if body["status"] == "trialing":
            customer = box.get(body["customer"], "customer").body
            behavior = body["trial_settings"]["end_behavior"]["missing_payment_method"]
            payable = collecting.payer(box, customer, body["default_payment_method"]) is not None
            body["status"] = {"pause": "paused", "cancel": "canceled"}.get("" if payable else behavior, "active")
    if "cancel_at_period_end" in params:
        leaving = params["cancel_at_period_end"] is True
        body["cancel_at"] = body["items"]["data"][0]["current_period_end"] if leaving else None
        body["canceled_at"] = moment_of(box, body) if leaving else None


def announce_pause(box: Box, record: Stored, params: Params) -> None:
    """Announce that the end of a trial has paused the subscription."""
    if params.get("trial_end") == "now" and record.body["status"] == "paused":
        emit(box, "customer.subscription.paused", record.body)


def cancel(box: Box, record: Stored, params: Params) -> None:
    """Cancel a subscription immediately. Raise ApiError (404) if it has ended already."""
    if record.body["status"] in ENDED:
        raise missing_object("subscription", record.id, in_path=True)
    moment = moment_of(box, record.body)
    given = params.get("cancellation_details") or {}
    details = {**record.body["cancellation_details"], **given, "reason": "cancellation_requested"}
    fields = {"status": "canceled", "canceled_at": moment, "ended_at": moment, "cancellation_details": details}
    update_and_emit(box, record, "customer.subscription.deleted", **fields)


def start(box: Box, customer: str, items: list[Params], **fields: str) -> Stored:
    """Start a subscription for a quote or a schedule."""
    record = Stored(new_body("subscription", "sub_1", PATH, customer=customer, **fields), customer=customer)
    build(box, record, {"customer": customer, "items": items, "unpayable": "accept"})
    box.storage.add(record)
    emit(box, "customer.subscription.created", record.body)
    return record


def moment_of(box: Box, body: Body) -> int:
    """Return the time on the test clock of an object, or on the sandbox's if it has none."""
    clock = box.storage.find(body["test_clock"] or "", "test_helpers.test_clock")
    return stamp() if clock is None else int(clock.body["frozen_time"])


def period_end(start: int, recurring: Body | None, times: int = 1) -> int:
    """Return the end of a number of a price's periods. Short months end on their last day."""
    interval = (recurring or {}).get("interval", "month")
    count = (recurring or {}).get("interval_count", 1) * times
    begins = datetime.fromtimestamp(start, UTC)
    if interval in ("day", "week"):
        return int((begins + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = begins.month - 1 + count * (12 if interval == "year" else 1)
    year, month = begins.year + months // 12, months % 12 + 1
    day = min(begins.day, monthrange(year, month)[1])
    return int(begins.replace(year=year, month=month, day=day).timestamp())


def _trial_end(params: Params, moment: int) -> int | None:
    days = number(params, "trial_period_days", 0)
    ends = moment + days * _DAY if days > 0 else None
    if params.get("trial_end") not in (None, "now"):
        ends = params["trial_end"]
    return ends if ends is None or ends > moment else None


def _item(box: Box, subscription: str, line: Params, at: str, moment: int, trial_end: int | None) -> Body:
    if not line.get("price"):
        raise missing_parameter(f"{at}[price]")
    price = box.get(line["price"], "price", f"{at}[price]").body
    if price["recurring"] is None:
        message = "The price specified is set to `type=one_time` but this field only accepts prices with "
        raise bad_parameter(f"{message}`type=recurring`.", "parameter_invalid", f"{at}[price]")
    return new_body(
        "subscription_item",
        "si_",
        current_period_start=moment,
        current_period_end=trial_end or period_end(moment, price["recurring"]),
        plan=plan_of_price(price),
        price=price,
        quantity=number(line, "quantity", 1),
        subscription=subscription,
    )


def _invoice(box: Box, record: Stored, customer: Body, params: Params) -> None:
    body = record.body
    details = {"metadata": body["metadata"], "subscription": record.id}
    parent = {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
    invoice = invoices.new_invoice(box, customer, "subscription_create", parent)
    invoice.body |= {"collection_method": body["collection_method"], "auto_advance": True}
    for item in body["items"]["data"]:
        product = box.storage.find(item["price"]["product"], "product")
        line = invoices.line_of_subscription(item, product.body["name"] if product else "")
        if body["status"] == "trialing":
            line |= {"amount": 0, "subtotal": 0, "description": "Trial period"}
        invoices.add_line(invoice.body, line)
    method = collecting.payer(box, customer, body["default_payment_method"])
    automatic = body["collection_method"] == "charge_automatically"
    unpayable = automatic and invoice.body["amount_due"] > 0 and method is None
    waits = params.get("payment_behavior") == "default_incomplete"
    if unpayable and not waits and params.get("unpayable") != "accept":
        raise collecting.no_method()
    invoices.store_new(box, invoice)
    body["latest_invoice"] = invoice.id
    collecting.finalize(box, invoice, {})
    if invoice.body["status"] == "paid" or not automatic:
        body["status"] = body["status"] or "active"
    elif method is None or waits:
        body["status"] = "active" if params.get("unpayable") == "accept" else "incomplete"
    else:
        _charge(box, record, invoice, method, params)


def _charge(box: Box, record: Stored, invoice: Stored, method: Stored, params: Params) -> None:
    try:
        collecting.charge(box, invoice, method)
    except ApiError as refused:
        if not refused.keep or params.get("payment_behavior") == "error_if_incomplete":
            refused.keep = False
            raise
        record.body["status"] = "incomplete"
    else:
        record.body["status"] = "active"


def _list_items(box: Box, params: Params, _: str) -> Body:
    found = box.get(params["subscription"], "subscription", "subscription").body["items"]["data"]
    return page_of(found, _ITEMS, params, "subscription item")


def _retrieve_item(box: Box, _: Params, item_id: str) -> Body:
    holding = [
        ("EXISTS (SELECT 1 FROM json_each(body, '$.items.data') WHERE json_extract(value, '$.id') = ?)", item_id)
    ]
    for record in box.storage.select("subscription", conditions=holding, limit=1):
        return next(item for item in record.body["items"]["data"] if item["id"] == item_id)
    raise missing_object("subscription item", item_id, "item", in_path=True)


OPERATIONS = (
    operation(f"GET {_ITEMS}", _list_items),
    operation(f"GET {_ITEMS}/{{id}}", _retrieve_item),
)
