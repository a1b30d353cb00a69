"""Failures of HTTP requests, besides those in errors.py."""

from __future__ import annotations

from typing import ClassVar

from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest


class BadRequest(CheckoutError):
    """The request is not valid HTTP."""

    code = "bad_request"
    status = 400
    title = "The request is not well-formed HTTP"


class NoSuchPage(CheckoutError):
    """No route, page or file has this path."""

    code = "not_found"
    status = 404
    title = "Not found"


class MethodNotAllowed(CheckoutError):
    """The path exists, but not for this method. `allowed` lists the methods that it has."""

    code = "method_not_allowed"
    status = 405
    title = "The method is not allowed here"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this method is not allowed here; allowed: {allowed}")
        self.allowed = allowed


class ClientGone(Exception):
    """The client closed its connection before its request was read, so nobody can be answered."""


class BodyTimeout(CheckoutError):
    """The body came too slowly; the client may try again."""

    code = "request_timeout"
    status = 408
    title = "The body did not arrive in time"


class BodyTooLarge(CheckoutError):
    """The body exceeds the limit that the detail states."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"


class AddressTooLong(CheckoutError):
    """The request's address is too long, or has too many parts."""

    code = "uri_too_long"
    status = 414
    title = "The address is too long"


class UnsupportedMediaType(CheckoutError):
    """The body has another media type. `accepted` is the header that names the supported ones (RFC 9110, 15.5.16)."""

    code = "unsupported_media_type"
    status = 415
    title = "The body's type is not supported"
    accepted: ClassVar[tuple[str, str]] = ("Accept", "application/json")


class UnsupportedCoding(UnsupportedMediaType):
    """The body is compressed: it could expand without bound, and Stripe signs the bytes as sent."""

    accepted = ("Accept-Encoding", "identity")


class UnknownExpectation(CheckoutError):
    """Expect names something else than 100-continue."""

    code = "unknown_expectation"
    status = 417
    title = "The expectation cannot be met"


class HeadersTooLarge(CheckoutError):
    """A header, their number or all of them together exceed a limit."""

    code = "headers_too_large"
    status = 431
    title = "The headers are too large"


class ServerBusy(CheckoutError):
    """The bodies under way need all the memory that they may use. Nothing was written."""

    code = "server_busy"
    status = 503
    title = "The server is busy"
    retry_after_seconds = 5


class TooManyRequests(CheckoutError):
    """The client exceeded a limit. It may try again after `wait_seconds`."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, wait_seconds: int, why: str) -> None:
        super().__init__(f"{why}: try again in {wait_seconds} s")
        self.wait_seconds = wait_seconds


class ChallengeRequired(TooManyRequests):
    """The next try must wait, or bring a solved challenge."""

    code = "challenge_required"
    title = "A solved challenge is required"


def refuse_field(pointer: str, code: str, detail: str) -> InvalidRequest:
    """Return the refusal of one field. `pointer` is a JSON pointer (RFC 6901), empty if it is not about the body."""
    return InvalidRequest([FieldError(pointer, code, detail)])
