"""What can be asked of PaymentIntents."""

from __future__ import annotations

from checkout_daemon.sandbox.objects.shapes import INTENT_METHOD_TYPES, METHOD_OPTIONS, SHIPPING
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    Anything,
    Fields,
    Flag,
    Integer,
    ListOf,
    Map,
    Metadata,
    Text,
)
from checkout_daemon.sandbox.resources.payment_methods import CREATE as METHOD

_FUTURE = Text(choices=("off_session", "on_session"))
_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_CAPTURE = Text(choices=("automatic", "automatic_async", "manual"))
CONFIRM: Fields = {
    **EXPAND,
    "capture_method": _CAPTURE,
    "mandate_data": Anything(),
    "off_session": Text(choices=("true", "false", "one_off", "recurring")),
    "payment_method": Text(),
    "payment_method_data": Map(METHOD),
    "payment_method_options": Map(METHOD_OPTIONS),
    "payment_method_types": INTENT_METHOD_TYPES,
    "receipt_email": Text(email=True),
    "return_url": Text(),
    "setup_future_usage": _FUTURE,
    "shipping": Map(SHIPPING),
    "use_stripe_sdk": Flag(),
    "error_on_requires_action": Flag(),
}
CREATE: Fields = {
    **CONFIRM,
    "allowed_payment_method_types": ListOf(Text()),
    "excluded_payment_method_types": ListOf(Text()),
    "amount": Integer(required=True, minimum=1),
    "automatic_payment_methods": Map(
        {"enabled": Flag(required=True), "allow_redirects": Text(choices=("always", "never"))}
    ),
    "confirm": Flag(),
    "confirmation_method": Text(choices=("automatic", "manual")),
    "currency": Text(required=True),
    "customer": Text(),
    "description": Text(maximum=1000),
    "metadata": Metadata(),
    "statement_descriptor": Text(maximum=22),
    "statement_descriptor_suffix": Text(maximum=22),
    "transfer_group": Text(),
}
UPDATE: Fields = {
    **EXPAND,
    "amount": Integer(minimum=1),
    "capture_method": _CAPTURE,
    "currency": Text(),
    "customer": Text(),
    "description": Text(maximum=1000),
    "metadata": Metadata(),
    "payment_method": Text(),
    "payment_method_data": Map(METHOD),
    "payment_method_options": Map(METHOD_OPTIONS),
    "payment_method_types": INTENT_METHOD_TYPES,
    "receipt_email": Text(email=True),
    "setup_future_usage": _FUTURE,
    "shipping": Map(SHIPPING),
    "statement_descriptor": Text(maximum=22),
    "statement_descriptor_suffix": Text(maximum=22),
    "transfer_group": Text(),
}
CANCEL: Fields = {**EXPAND, "cancellation_reason": Text(choices=_REASONS)}
CAPTURE: Fields = {
    **EXPAND,
    "amount_to_capture": Integer(minimum=1),
    "final_capture": Flag(),
    "metadata": Metadata(),
}
