"""The rule for the names of operators, API tokens and webhook endpoints. The database has it as constraints."""

from __future__ import annotations

import re

from checkout_daemon.errors import FieldError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def faults_of_name(name: str, kind: str, example: str, *, taken: str | None = None) -> list[FieldError]:
    """Return the fault of a name, if it has one. `kind` is what it names, such as `a token`; `taken` has a meaning."""
    if _NAME.fullmatch(name) and name != taken:
        return []
    detail = f"{name!r} cannot name {kind}: use at most 40 small letters, digits and . _ -, such as {example}"
    return [FieldError("/name", "invalid_name", detail)]
