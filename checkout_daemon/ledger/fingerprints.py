"""Describes an error so that events which failed for the same reason read the same, without personal data."""

from __future__ import annotations

import traceback

import asyncpg

from checkout_daemon.ledger.translate.stripe_objects import UnreadableObject

_OURS = "checkout_daemon."


def error_fingerprint(error: Exception) -> str:
    """Return the error and the place in our code where it came up, without values, ids or line numbers.

    An UnreadableObject names fields, never values. Any other message could quote personal data, so only the type is
    kept, and the constraint that was violated.
    """
    if isinstance(error, UnreadableObject):
        return str(error)
    what = type(error).__name__
    if isinstance(error, asyncpg.PostgresError) and (constraint := getattr(error, "constraint_name", None)):
        what = f"{what} ({constraint})"
    return f"{what} while it was applied{_place(error)}"


def _place(error: Exception) -> str:
    """Return the innermost function of ours that the error passed through."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS):
            return f", in {module.removeprefix(_OURS)}.{frame.f_code.co_name}"
    return ""
