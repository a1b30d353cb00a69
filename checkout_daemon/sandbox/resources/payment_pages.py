"""Payment pages, through which clients without a browser pay a Checkout session."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.sessions import confirm_session
from checkout_daemon.sandbox.objects.operations import operation, retrieving
from checkout_daemon.sandbox.parameters.specs import EXPAND, Anything, Fields, Flag, Integer, Map, Params, Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.resources.payment_methods import FIELDS as METHOD
from checkout_daemon.sandbox.resources.payment_methods import chosen_method
from checkout_daemon.sandbox.storage import Body


def _confirm(box: Box, params: Params, object_id: str) -> Body:
    """Pay a session, and return it with its intent, which may require an action first."""
    session = box.get(object_id, "checkout.session")
    confirm_session(box, session, chosen_method(box, params), params.get("expected_amount"), params.get("return_url"))
    body = session.body
    if body["payment_intent"] is not None:
        body = {**body, "payment_intent": box.get(body["payment_intent"], "payment_intent").body}
    return body


_PATH = "/v1/payment_pages"
_CONFIRM: Fields = {
    **EXPAND,
    **dict.fromkeys(("eid", "expected_payment_method_type", "key", "payment_method", "return_url"), Text()),
    "consent": Anything(),
    "expected_amount": Integer(minimum=0),
    "payment_method_data": Map(METHOD),
    "use_stripe_sdk": Flag(),
}
OPERATIONS = (
    retrieving(_PATH, "checkout.session", Rules(own={**EXPAND, "key": Text()})),
    operation(f"POST {_PATH}/{{id}}/confirm", _confirm, Rules(own=_CONFIRM)),
)
