"""Failures that only HTTP knows, beside those in errors.py."""

from __future__ import annotations

from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest


class NoSuchPage(CheckoutError):
    code = "not_found"
    status = 404
    title = "Not found"


class MethodNotAllowed(CheckoutError):
    code = "method_not_allowed"
    status = 405
    title = "The method is not allowed here"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not allowed here; allowed: {allowed}")
        self.allowed = allowed


class BodyTimeout(CheckoutError):
    code = "request_timeout"
    status = 408
    title = "The body did not arrive in time"


class BodyTooLarge(CheckoutError):
    code = "body_too_large"
    status = 413
    title = "The body is too large"


class UnsupportedMediaType(CheckoutError):
    code = "unsupported_media_type"
    status = 415
    title = "The body's type is not supported"


class TooManyRequests(CheckoutError):
    code = "too_many_requests"
    status = 429
    title = "Too many requests"

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"too many checkouts from this address: try again in {wait_seconds} s")
        self.wait_seconds = wait_seconds


def refuse_field(pointer: str, code: str, detail: str) -> InvalidRequest:
    return InvalidRequest([FieldError(pointer, code, detail)])
