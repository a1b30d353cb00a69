"""Failures of HTTP requests, besides those in errors.py."""

from __future__ import annotations

from typing import ClassVar

from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest


class BadRequest(CheckoutError, code="bad_request", status=400, title="The request is not well-formed HTTP"):
    """The request is not valid HTTP."""


class Unauthorized(CheckoutError, code="token_required", status=401, title="A bearer token is required"):
    """The request has no valid token. `challenge` is the answer's WWW-Authenticate (RFC 6750, section 3)."""

    challenge: str = 'Bearer realm="checkout-daemon"'


class TokenRequired(Unauthorized):
    """The request has no token."""

    def __init__(self) -> None:
        super().__init__("send `Authorization: Bearer TOKEN`; `checkout tokens create` makes a token")


class InvalidToken(Unauthorized, code="invalid_token", title="The token is not valid"):
    """The token does not exist, was revoked or has expired."""

    challenge = 'Bearer realm="checkout-daemon", error="invalid_token"'

    def __init__(self) -> None:
        super().__init__("this token does not exist, was revoked or has expired")


class InsufficientScope(CheckoutError, code="insufficient_scope", status=403, title="The token may not do this"):
    """The token lacks the scope. `challenge` is the answer's WWW-Authenticate."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"this needs a token with the scope {scope}")
        self.challenge = f'Bearer realm="checkout-daemon", error="insufficient_scope", scope="{scope}"'


class NoSuchPage(CheckoutError, code="not_found", status=404, title="Not found"):
    """No route, page or file has this path."""


class MethodNotAllowed(CheckoutError, code="method_not_allowed", status=405, title="The method is not allowed here"):
    """The path exists, but not for this method. `allowed` lists the methods that it has."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this method is not allowed here; allowed: {allowed}")
        self.allowed = allowed


class ClientGone(Exception):
    """The client closed its connection before its request was read, so nobody can be answered."""


class BodyTimeout(CheckoutError, code="request_timeout", status=408, title="The body did not arrive in time"):
    """The body came too slowly; the client may try again."""


class BodyTooLarge(CheckoutError, code="body_too_large", status=413, title="The body is too large"):
    """The body exceeds the limit that the detail states."""


class AddressTooLong(CheckoutError, code="uri_too_long", status=414, title="The address is too long"):
    """The request's address is too long, or has too many parts."""


class UnsupportedMediaType(
    CheckoutError, code="unsupported_media_type", status=415, title="The body's type is not supported"
):
    """The body has another media type. `accepted` is the header that names the supported ones (RFC 9110, 15.5.16)."""

    accepted: ClassVar[tuple[str, str]] = ("Accept", "application/json")


class UnsupportedCoding(UnsupportedMediaType):
    """The body is compressed: it could expand without bound, and Stripe signs the bytes as sent."""

    accepted = ("Accept-Encoding", "identity")


class UnknownExpectation(CheckoutError, code="unknown_expectation", status=417, title="The expectation cannot be met"):
    """Expect names something else than 100-continue."""


class HeadersTooLarge(CheckoutError, code="headers_too_large", status=431, title="The headers are too large"):
    """A header, their number or all of them together exceed a limit."""


class TooManyRequests(CheckoutError, code="too_many_requests", status=429, title="Too many requests"):
    """The client exceeded a limit. It may try again after `wait_seconds`."""

    def __init__(self, wait_seconds: int, why: str) -> None:
        super().__init__(f"{why}: try again in {wait_seconds} s")
        self.wait_seconds = wait_seconds


class ChallengeRequired(TooManyRequests, code="challenge_required", title="A solved challenge is required"):
    """The next try must wait, or bring a solved challenge."""


def pointer_part(name: str) -> str:
    """Escape the name of a field for a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def refuse_field(pointer: str, code: str, detail: str) -> InvalidRequest:
    """Return the refusal of one field. `pointer` is a JSON pointer (RFC 6901), empty if it is not about the body."""
    return InvalidRequest([FieldError(pointer, code, detail)])
