"""Turn failures into application/problem+json: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

from uuid import UUID

import msgspec
from aiohttp import web

from checkout_daemon.catalog.pricing import PriceChanged
from checkout_daemon.errors import CheckoutError, InvalidRequest, ProbablyPlaced
from checkout_daemon.web.failures import (
    BodyTooLarge,
    InsufficientScope,
    MethodNotAllowed,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from checkout_daemon.web.schemas import FieldFault, Problem, quote_answer

CONTENT_TYPE = "application/problem+json"

# What a shopper may read about a failure that is not theirs. The error's detail names hosts, accounts and requests and
# goes only to the log.
_SAFE_DETAILS = {
    "stripe_rejected": "The payment provider refused this request. The order is kept, and no money was taken.",
    "stripe_unavailable": "The payment provider is not responding. The order is kept. Send the same request again.",
    "database_unavailable": "Send the same request again in a moment. With its Idempotency-Key, nothing happens twice.",
    "server_busy": "Nothing was written. Send the same request again in a moment.",
    "stopping": "Send the request to another daemon of this shop.",
    "schema_mismatch": "The versions of the database and the program do not match. The operator must upgrade one.",
}
_UNKNOWN_DETAIL = "The failure was logged under the request id in the X-Request-Id header of this response."


def problem_response(error: CheckoutError) -> web.Response:
    """Return the answer to a known failure, with its Retry-After, Allow or Accept headers."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.wait_seconds)
    elif error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed
    if isinstance(error, Unauthorized | InsufficientScope):
        headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, UnsupportedMediaType):
        headers.update([error.accepted])
    answer = web.Response(
        body=msgspec.json.encode(to_problem(error)), status=error.status, content_type=CONTENT_TYPE, headers=headers
    )
    if isinstance(error, BodyTooLarge):
        answer.force_close()  # the rest of the body is not read, so the connection cannot carry another request
    return answer


def to_problem(error: CheckoutError) -> Problem:
    """Convert a failure to its problem document. The details of failures on our side are written for shoppers."""
    if error.status == 500:  # its title is not meant for shoppers
        return Problem(problem_type(CheckoutError.code), CheckoutError.title, 500, CheckoutError.code, _UNKNOWN_DETAIL)
    return Problem(
        type=problem_type(error.code),
        title=error.title,
        status=error.status,
        code=error.code,
        detail=_SAFE_DETAILS.get(error.code, _UNKNOWN_DETAIL) if error.status > 500 else error.detail,
        errors=[
            FieldFault(
                fault.pointer, fault.code, fault.detail, fault.parameter, fault.left, fault.amount, fault.currency
            )
            for fault in error.errors
        ]
        if isinstance(error, InvalidRequest)
        else None,
        quote=quote_answer(error.quote) if isinstance(error, PriceChanged) else None,
        order_id=UUID(error.order_id) if isinstance(error, ProbablyPlaced) and error.order_id else None,
        number=error.number if isinstance(error, ProbablyPlaced) else None,
    )


def problem_type(code: str) -> str:
    """Return the stable name of a failure: a URN, since there is nothing to fetch."""
    return f"urn:checkout-daemon:problem:{code}"
