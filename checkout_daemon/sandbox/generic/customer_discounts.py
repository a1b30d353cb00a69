"""The discount that a customer has from a coupon."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.totals import usable_coupon
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.generic.subscriptions import period_end
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import previous_values
from checkout_daemon.sandbox.webhooks.events import emit

_PATH = "/v1/customers/{id}/discount"


def set_coupon(box: Box, customer: Stored, coupon_id: str | None) -> None:
    """Replace the customer's discount with that of a coupon, or remove it, and emit the event. The caller stores it."""
    body = customer.body
    old: Body | None = body["discount"]
    if coupon_id is None:
        body["discount"] = None
        if old is not None:
            emit(box, "customer.discount.deleted", old)
        return
    moment = stamp()
    coupon = usable_coupon(box, coupon_id, body["currency"], moment, "coupon")
    months = coupon["duration_in_months"]
    body["discount"] = new = new_body(
        "discount",
        "di_1",
        customer=customer.id,
        end=period_end(moment, None, months) if months else None,
        source={"coupon": coupon_id, "type": "coupon"},
        start=moment,
    )
    record = box.get(coupon_id, "coupon")
    record.body["times_redeemed"] += 1
    box.storage.save(record)
    if old is None:
        emit(box, "customer.discount.created", new)
    else:
        emit(box, "customer.discount.updated", new, previous_values({**old, "id": new["id"]}, new))


def _retrieve(box: Box, _: Params, customer_id: str) -> Body:
    found: Body | None = box.get(customer_id, "customer").body["discount"]
    if found is None:
        raise missing_object("discount", customer_id, in_path=True)
    return found


def _delete(box: Box, _: Params, customer_id: str) -> Body:
    customer = box.get(customer_id, "customer")
    gone = _retrieve(box, {}, customer_id)
    set_coupon(box, customer, None)
    box.storage.save(customer)
    return {**gone, "deleted": True}


OPERATIONS = (operation(f"GET {_PATH}", _retrieve), operation(f"DELETE {_PATH}", _delete))
