"""Lists of objects that the sandbox cannot create. They are empty, so that programs that load everything work."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.objects.operations import listing, listing_parts, operation
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.parameters.stripe_types import parameters
from checkout_daemon.sandbox.storage import Body

_KINDS = {
    "/v1/application_fees": "application_fee",
    "/v1/entitlements/active_entitlements": "entitlements.active_entitlement",
    "/v1/file_links": "file_link",
    "/v1/identity/verification_reports": "identity.verification_report",
    "/v1/issuing/disputes": "issuing.dispute",
    "/v1/reviews": "review",
    "/v1/tax_ids": "tax_id",
}
_PARTS = {
    "/v1/customers/{id}/tax_ids": ("customer", "tax_id"),
    "/v1/products/{id}/features": ("product", "product_feature"),
}
"""Lists inside an object: the types of both."""


def _none(kind: str, path: str) -> Operation:
    def retrieve(_: Box, __: Params, object_id: str) -> Body:
        raise missing_object(kind.rpartition(".")[2], object_id, in_path=True)

    return operation(f"GET {path}/{{id}}", retrieve)


OPERATIONS = (
    *(listing(path, kind) for path, kind in _KINDS.items()),
    *(_none(kind, path) for path, kind in _KINDS.items() if parameters("GET", f"{path}/{{id}}") is not None),
    *(listing_parts(path, owner, kind) for path, (owner, kind) in _PARTS.items()),
)
