"""Every failure that the system can name, with its code, HTTP status and exit code."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import ClassVar


class CheckoutError(Exception):
    """The base of every failure with a name. A subclass sets what differs from its parent as class arguments.

    `code` is stable and part of the contract; `status` is the HTTP status, and `exit_code` the command's:
    1 failed, 2 usage, 3 not found, 4 refused because of the order's state, 5 database or Stripe not reachable.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Something went wrong"
    retry_after_seconds: ClassVar[int | None] = None

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        status: int | None = None,
        exit_code: int | None = None,
        title: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        """Set the class arguments that are given."""
        super().__init_subclass__()
        cls.code = code or cls.code
        cls.status = status or cls.status
        cls.exit_code = exit_code or cls.exit_code
        cls.title = title or cls.title
        cls.retry_after_seconds = retry_after_seconds or cls.retry_after_seconds

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ConfigurationError(CheckoutError, code="configuration", exit_code=2, title="Wrong configuration"):
    """A setting is missing or wrong; the message names it and what to set."""


class MalformedJson(CheckoutError, code="malformed_json", status=400, exit_code=2, title="The body is not JSON"):
    """A request's body, or a signed delivery, is not JSON."""


class InvalidSignature(CheckoutError, code="invalid_signature", status=400, title="The signature does not match"):
    """The Stripe-Signature header is missing, wrong for every known secret, or too old."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a request: a JSON pointer (RFC 6901) to the field, a stable code and a sentence.

    The pointer is empty if the fault is not in a field; `parameter` then names the parameter of the query.
    `left`: how many pieces of a product are left, if it is out of stock. `amount`: the limit that the fault is about,
    in minor units of `currency`, which alone is what a code is for.
    """

    pointer: str
    code: str
    detail: str
    parameter: str | None = None
    left: int | None = None
    amount: int | None = None
    currency: str | None = None


class InvalidRequest(CheckoutError, code="invalid_request", status=422, exit_code=2, title="The request has faults"):
    """The request has faults; nothing was written."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.errors = errors


class OutOfStock(InvalidRequest, code="out_of_stock", exit_code=4, title="There is not enough left"):
    """There is less left of a product than was asked for. Nothing was written or reserved."""


class NotFound(CheckoutError, code="not_found", status=404, exit_code=3, title="Not found"):
    """The object does not exist."""


class OrderNotFound(NotFound):
    """The order does not exist."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} does not exist")


class AmbiguousOrder(CheckoutError, code="ambiguous_order", status=409, exit_code=2, title="Several orders fit"):
    """What the operator typed fits several orders; the message lists them."""


class IdempotencyConflict(
    CheckoutError,
    code="idempotency_conflict",
    status=409,
    exit_code=4,
    title="The Idempotency-Key was used for another request",
):
    """The Idempotency-Key was used before with another body."""


class ProbablyPlaced(
    CheckoutError, code="probably_placed", status=409, exit_code=4, title="This order was probably placed already"
):
    """The same customer ordered the same goods within an hour; `insist` orders them again.

    Only a caller who knows all details of the first order's customer gets its id and number.
    """

    def __init__(self, order_id: str | None = None, number: int | None = None) -> None:
        which = "An order" if number is None else f"Order {number}"
        super().__init__(
            f"{which} for the same items was placed less than an hour ago: to order them again, send insist."
        )
        self.order_id = order_id
        self.number = number


class NotPayable(CheckoutError, code="not_payable", status=409, exit_code=4, title="The order cannot be paid"):
    """The order is paid, being paid, canceled, or has a payment that does not match it."""


class DiscountUsedUp(NotPayable):
    """The order gave back its redemption of a discount code with a limit, and others have used the code up since."""


class StripeRejected(CheckoutError, code="stripe_rejected", status=502, title="Stripe refused the request"):
    """Stripe refused the request permanently, or returned a total that is not ours."""


class StripeUnavailable(
    CheckoutError,
    code="stripe_unavailable",
    status=503,
    exit_code=5,
    title="Stripe cannot be reached",
    retry_after_seconds=5,
):
    """Stripe did not answer; the same Idempotency-Key finishes the order later."""


class DatabaseUnavailable(
    CheckoutError,
    code="database_unavailable",
    status=503,
    exit_code=5,
    title="The database cannot be reached",
    retry_after_seconds=5,
):
    """The database did not answer, or refused the connection."""


class DatabaseRefused(DatabaseUnavailable, exit_code=2):
    """The database answers, but not this user, password, database name or certificate: the settings must change."""


class DatabaseReadOnly(DatabaseUnavailable, exit_code=4):
    """The database answers and accepts no writes: it is a standby, or read-only."""


class NotPermitted(CheckoutError, code="not_permitted", exit_code=4, title="The database user lacks a right"):
    """The user of DATABASE_URL may not do this."""


class ServerBusy(CheckoutError, code="server_busy", status=503, title="The server is busy", retry_after_seconds=5):
    """More is under way than can be done soon. Nothing was written."""


class Stopping(CheckoutError, code="stopping", status=503, title="The daemon is stopping", retry_after_seconds=1):
    """The daemon was asked to stop: it still answers, and asks for no further requests."""


class SchemaMismatch(
    CheckoutError,
    code="schema_mismatch",
    status=503,
    title="The database schema does not fit",
    retry_after_seconds=5,
):
    """The database is older than this code needs, or newer than this code understands."""


class CannotMigrate(CheckoutError, code="cannot_migrate", title="The schema could not be brought up to date"):
    """A migration failed and was rolled back."""


# For errors that are raised where it is not known whether a person or a program reads them.
_NEXT: dict[type[CheckoutError], str] = {
    NotPermitted: "; use a DATABASE_URL whose user may",
    DatabaseReadOnly: "; use a DATABASE_URL of the server that accepts writes",
    DatabaseRefused: "; correct DATABASE_URL: `checkout doctor` gives details",
    DatabaseUnavailable: "; start it, or correct DATABASE_URL: `checkout doctor` gives details",
    StripeUnavailable: "; `checkout doctor` gives details",
}


def next_step(error: CheckoutError) -> str:
    """Return what a person may do about the error, to be appended to its text, or an empty string."""
    return next((step for kind, step in _NEXT.items() if isinstance(error, kind)), "")


_WORDS = {"TimeoutError": "no answer in time", "SMTPServerDisconnected": "the server closed the connection"}
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def why(error: BaseException) -> str:
    """Return the kind of an error in words, without its text, which may have an address or a secret.

    A system error, or one that was caused by one, is described as the system does: `connection refused`.
    """
    for found in (error, getattr(error, "os_error", None), error.__cause__, error.__context__):
        if isinstance(found, OSError) and found.errno:
            number = found.errno if found.errno > 0 else -found.errno
            return os.strerror(number).lower()
    name = type(error).__name__
    words = _CAPITAL.sub(" ", name.removesuffix("Error").removesuffix("Exception") or name)
    return _WORDS.get(name, words if words.isupper() else _lower(words))


def _lower(words: str) -> str:
    return " ".join(word if word.isupper() else word.lower() for word in words.split())
