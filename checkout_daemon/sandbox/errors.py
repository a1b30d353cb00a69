"""Errors with Stripe's bodies, types and codes."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than success. What the request stored is undone, unless `keep` is true."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        stored: bool = True,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        self.stored = stored
        self.headers = headers or {}
        self.error: dict[str, Any] = {"type": kind, "message": message}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.error["param"] = param
        self.error |= extra or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"error": self.error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the error for a request that is not possible in the current state."""
    return ApiError(message, param=param, code=code)


def only_one(*names: str, param: str | None = None) -> ApiError:
    """Return the error for parameters that exclude each other."""
    return ApiError(f"You may only specify one of these parameters: {', '.join(names)}.", param=param)


def received_both(one: str, other: str) -> ApiError:
    """Return the error for two parameters that exclude each other, in Stripe's other words."""
    return ApiError(f"Received both {one} and {other} parameters. Please pass in only one.", stored=False)


def bad_parameter(message: str, code: str, param: str) -> ApiError:
    """Return the error for a refused parameter. Such an answer is not stored for its idempotency key."""
    return ApiError(message, code=code, param=param, stored=False)


def missing_object(noun: str, object_id: str, param: str = "id", *, in_path: bool = False) -> ApiError:
    """Return the error for an unknown identifier: 404 for one in the path, 400 for one in a parameter."""
    status = 404 if in_path else 400
    return ApiError(f"No such {noun}: '{object_id}'", status=status, code="resource_missing", param=param)


def unknown_url(method: str, path: str) -> ApiError:
    """Return the error for an unknown method and path, which mentions an empty identifier at the path's end."""
    advice = ""
    if path.endswith("/"):
        advice = (
            "If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, "
            "make sure you passed a valid (non-empty) identifier in your code. "
        )
    return ApiError(
        f"Unrecognized request URL ({method}: {path}). {advice}Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
        stored=False,
    )


def not_modelled(what: str, param: str | None = None, advice: str = "") -> ApiError:
    """Return the error for a parameter, value or expandable field that Stripe has and the sandbox does not."""
    message = f"Stripe has {what}; the offline Stripe does not."
    return ApiError(f"{message} {advice}".rstrip(), param=param, stored=False)


def unmodelled_url(method: str, path: str) -> ApiError:
    """Return the error for a method and path that Stripe has and the sandbox does not."""
    advice = " Use the list and its filters." if path.endswith("/search") else ""
    return ApiError(f"Stripe has {method} {path}; the offline Stripe does not.{advice}", status=404, stored=False)


class UnknownParameter(ApiError):
    """One or more unknown parameters. `param` is the first."""

    def __init__(self, *names: str) -> None:
        noun = "parameter" if len(names) == 1 else "parameters"
        message = f"Received unknown {noun}: {', '.join(names)}"
        super().__init__(message, code="parameter_unknown", param=names[0], stored=False)
        self.names = names


class BadChoice(ApiError):
    """A parameter with a value that is not one of its choices."""

    def __init__(self, name: str, value: str, choices: tuple[str, ...]) -> None:
        *first, last = choices
        comma = "," if len(first) > 1 else ""
        listed = f"{', '.join(first)}{comma} or {last}" if first else last
        super().__init__(f"Invalid {name}: must be one of {listed}", param=name, stored=False)
        self.name = name
        self.value = value
        self.choices = choices


def missing_parameter(name: str) -> ApiError:
    """Return the error for a required parameter that was not given."""
    return bad_parameter(f"Missing required param: {name}.", "parameter_missing", name)


def empty_parameter(name: str) -> ApiError:
    """Return the error for an empty parameter that cannot be unset."""
    message = (
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
    )
    return bad_parameter(message, "parameter_invalid_empty", name)
