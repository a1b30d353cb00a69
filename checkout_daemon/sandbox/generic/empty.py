"""Lists of what cannot be made in the sandbox: they are empty, so programs that load everything find nothing."""

from __future__ import annotations

from functools import partial

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.objects.paging import list_page
from checkout_daemon.sandbox.parameters.specs import PAGING, Open, Params
from checkout_daemon.sandbox.parameters.stripe_types import parameters
from checkout_daemon.sandbox.storage import Body

_KINDS = {
    "/v1/application_fees": "application_fee",
    "/v1/entitlements/active_entitlements": "entitlements.active_entitlement",
    "/v1/file_links": "file_link",
    "/v1/files": "file",
    "/v1/identity/verification_reports": "identity.verification_report",
    "/v1/issuing/disputes": "issuing.dispute",
    "/v1/radar/early_fraud_warnings": "radar.early_fraud_warning",
    "/v1/reviews": "review",
    "/v1/tax_ids": "tax_id",
}
_PARTS = {
    "/v1/customers/{id}/tax_ids": ("customer", "tax_id"),
    "/v1/products/{id}/features": ("product", "product_feature"),
}
"""Lists that belong to an object, and the types of both."""


def list_none(path: str, kind: str, box: Box, params: Params, _: str) -> Body:
    return list_page(box, kind, path, params)


def list_parts(path: str, owner: str, kind: str, box: Box, params: Params, owner_id: str) -> Body:
    return list_page(box, kind, path.format(id=box.get(owner_id, owner).id), params)


def retrieve(kind: str, _: Box, __: Params, object_id: str) -> Body:
    raise missing_object(kind.rpartition(".")[2], object_id, in_path=True)


OPERATIONS = (
    *(Operation("GET", path, partial(list_none, path, kind), Open(PAGING)) for path, kind in _KINDS.items()),
    *(
        Operation("GET", f"{path}/{{id}}", partial(retrieve, kind), Open({}))
        for path, kind in _KINDS.items()
        if parameters("GET", f"{path}/{{id}}") is not None
    ),
    *(
        Operation("GET", path, partial(list_parts, path, owner, kind), Open(PAGING))
        for path, (owner, kind) in _PARTS.items()
    ),
)
