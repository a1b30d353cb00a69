"""Every failure the system can name, with the code, HTTP status and exit code it is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class CheckoutError(Exception):
    """Base of every failure that has a name.

    `code` is stable and part of the contract; `status` is the HTTP answer and `exit_code` the command's:
    1 failed, 2 usage, 3 not found, 4 refused because of the order's state, 5 database or Stripe not reachable.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Something went wrong"
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ConfigurationError(CheckoutError):
    """A setting is missing or wrong; the message names it and says what to set."""

    code = "configuration"
    exit_code = 2
    title = "Wrong configuration"


class MalformedJson(CheckoutError):
    code = "malformed_json"
    status = 400
    exit_code = 2
    title = "The body is not JSON"


class InvalidSignature(CheckoutError):
    """The Stripe-Signature header is missing, wrong for every known secret, or too old."""

    code = "invalid_signature"
    status = 400
    title = "The signature does not match"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a request: JSON pointer (RFC 6901) to the field, stable code, a sentence."""

    pointer: str
    code: str
    detail: str


class InvalidRequest(CheckoutError):
    """The request has faults; nothing was written."""

    code = "invalid_request"
    status = 422
    exit_code = 2
    title = "The request has faults"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.errors = errors


class NotFound(CheckoutError):
    code = "not_found"
    status = 404
    exit_code = 3
    title = "Not found"


class OrderNotFound(NotFound):
    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} does not exist")


class AmbiguousOrder(CheckoutError):
    """What the operator typed fits several orders; the message lists them."""

    code = "ambiguous_order"
    status = 409
    exit_code = 2
    title = "Several orders fit"


class IdempotencyConflict(CheckoutError):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency_conflict"
    status = 409
    exit_code = 4
    title = "The Idempotency-Key was used for another request"


class ProbablyPlaced(CheckoutError):
    """The same customer ordered the same goods within an hour; `insist` orders them again.

    The first order's id and number are given only to whoever knows all of its customer's details.
    """

    code = "probably_placed"
    status = 409
    exit_code = 4
    title = "This order was probably placed already"

    def __init__(self, order_id: str | None = None, number: int | None = None) -> None:
        which = "An order" if number is None else f"Order {number}"
        super().__init__(
            f"{which} for the same items was placed less than an hour ago: to order them again, send insist."
        )
        self.order_id = order_id
        self.number = number


class NotPayable(CheckoutError):
    """The order is paid, being paid, canceled, or has a payment that does not match it."""

    code = "not_payable"
    status = 409
    exit_code = 4
    title = "The order cannot be paid"


class StripeRejected(CheckoutError):
    """Stripe refused the request for good, or answered with a total that is not ours."""

    code = "stripe_rejected"
    status = 502
    exit_code = 1
    title = "Stripe refused the request"


class StripeUnavailable(CheckoutError):
    """Stripe did not answer; the same Idempotency-Key finishes the order later."""

    code = "stripe_unavailable"
    status = 503
    exit_code = 5
    title = "Stripe cannot be reached"
    retry_after_seconds = 5


class DatabaseUnavailable(CheckoutError):
    code = "database_unavailable"
    status = 503
    exit_code = 5
    title = "The database cannot be reached"
    retry_after_seconds = 5


class SchemaMismatch(CheckoutError):
    """The database is older than this code needs, or has moved past what this code understands."""

    code = "schema_mismatch"
    status = 503
    exit_code = 1
    title = "The database schema does not fit"
    retry_after_seconds = 5
