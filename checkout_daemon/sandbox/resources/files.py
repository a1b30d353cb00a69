"""Files: evidence for disputes, uploaded as multipart/form-data and named by a dispute's evidence."""

from __future__ import annotations

import base64
from datetime import timedelta

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.objects.operations import listing, operation, retrieving
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, Upload
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments.evidence import EVIDENCE_PURPOSE
from checkout_daemon.sandbox.storage import Body, Stored

_MOST_BYTES = 5_000_000
_KEPT = timedelta(days=3650)
_TYPES = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
"""The types of evidence that Stripe takes, by how such a file begins: https://docs.stripe.com/file-upload"""
_NO_LINKS = "The offline sandbox has no links to files."
_ONLY_EVIDENCE = "The offline sandbox takes files for disputes only: purpose=dispute_evidence."


def _create(box: Box, params: Params, _: str) -> Body:
    if params["purpose"] != EVIDENCE_PURPOSE:
        raise ApiError(_ONLY_EVIDENCE, param="purpose", stored=False)
    name, content = params["file"]
    if len(content) > _MOST_BYTES:
        raise invalid(f"The file is too large: at most {_MOST_BYTES // 1_000_000} MB for this purpose.", param="file")
    kind = next((kind for start, kind in _TYPES.items() if content.startswith(start)), None)
    if kind is None:
        raise invalid("Invalid file type: evidence is a PDF, a JPEG or a PNG.", param="file")
    body = new_body(
        "file",
        "file_1",
        "/v1/files",
        expires_at=int(now() + _KEPT.total_seconds()),
        filename=name,
        purpose=params["purpose"],
        size=len(content),
        type=kind,
    )
    box.storage.add(Stored(body, {"content": base64.b64encode(content).decode()}))
    return body


_PATH = "/v1/files"
OPERATIONS = (
    operation(f"POST {_PATH}", _create, Rules(own={"file": Upload()}, refuse={_NO_LINKS: "file_link_data"})),
    retrieving(_PATH, "file"),
    listing(_PATH, "file"),
)
