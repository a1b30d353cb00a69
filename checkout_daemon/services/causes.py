"""Names the cause of a failure so that what failed for the same cause reads the same, and nothing personal is in it."""

from __future__ import annotations

import traceback

import asyncpg

from checkout_daemon.domain.events.reading import UnreadableObject

_OURS = "checkout_daemon."


def error_fingerprint(error: Exception) -> str:
    """The fault and where in our code it came up; no values, ids or line numbers.

    An UnreadableObject names fields, never values. Anything else could quote personal data, so only its type is kept,
    and the constraint that was violated.
    """
    if isinstance(error, UnreadableObject):
        return str(error)
    what = type(error).__name__
    if isinstance(error, asyncpg.PostgresError) and (constraint := getattr(error, "constraint_name", None)):
        what = f"{what} ({constraint})"
    return f"{what} while it was applied{_place(error)}"


def _place(error: Exception) -> str:
    """The innermost function of ours that the failure passed through."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS):
            return f", in {module.removeprefix(_OURS)}.{frame.f_code.co_name}"
    return ""
