"""Recognizes the operator that commands and the terminal act for, also by a token."""

from __future__ import annotations

from checkout_daemon.audit.registering import recognize
from checkout_daemon.audit.rights import Registered
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.tokens.api_tokens import Bearer, check_bearer


async def recognize_operator(database: Database, token: str | None) -> Registered | None:
    """Return which operator this process acts for, or None, and have `this_operator` return them.

    `token` is that of CHECKOUT_OPERATOR_TOKEN. Raise ConfigurationError as `check_token` does.
    """
    bearer = await check_token(database, token)
    return await recognize(database, None if bearer is None else bearer.name)


async def check_token(database: Database, token: str | None) -> Bearer | None:
    """Return whose token CHECKOUT_OPERATOR_TOKEN is, or None without one.

    A process that runs for long asks again. Raise ConfigurationError if it is not in use, or of a disabled operator.
    """
    if token is None:
        return None
    if (bearer := await check_bearer(database, token)) is None:
        raise ConfigurationError(
            "CHECKOUT_OPERATOR_TOKEN is not a token in use, or its operator is disabled: `checkout tokens create NAME` "
            "makes another one"
        )
    return bearer
