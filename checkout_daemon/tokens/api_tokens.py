"""Creates, lists, revokes and checks bearer tokens. Only the hash of a token's secret is stored.

A token is `ckt_ID_SECRET`. The id finds its row; the secret has 256 random bits, so a plain hash of it protects it.
Every request reads the row, so that a revocation holds from the next request on.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import OperatorRole, require_role
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound
from checkout_daemon.model.names import faults_of_name

PREFIX = "ckt_"
_TOKEN = re.compile(r"ckt_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_ID_BYTES = 8
_ID_LENGTH = 12
_SECRET_BYTES = 32
_NOBODY = sha256(b"").digest()


class Scope(StrEnum):
    """What a token is for. Writing includes reading the order that was written."""

    READ = "orders:read"
    WRITE = "orders:write"


class TokenExists(CheckoutError, code="token_exists", status=409, exit_code=4, title="The name is in use"):
    """A token that is in use has this name already."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without its secret. `last_used_at` is exact to the minute; `expired`: by the database's clock.

    `disabled`: its operator is disabled, and it is refused.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    expired: bool
    disabled: bool = False

    @property
    def status(self) -> str:
        """Return whether it can be used: active, disabled, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expired else "disabled" if self.disabled else "active"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token came with a request, and what it is for. `operator`: the operator who acts with it, if one does."""

    id: str
    name: str
    scopes: frozenset[str]
    operator: str | None = None


async def create_token(
    database: Database,
    name: str,
    scopes: tuple[Scope, ...],
    *,
    operator: Operator,
    expires_at: datetime | None = None,
    note: str = "",
) -> tuple[ApiToken, str]:
    """Create a token and return it with its text, which nobody can read again.

    Raise InvalidRequest for the name, the note or a time that has passed, and TokenExists.
    """
    if faults := faults_of_name(name, "a token", "label-printer"):
        raise InvalidRequest(faults)
    if expires_at is not None and expires_at <= datetime.now(UTC):
        detail = f"a token cannot expire at {expires_at:%Y-%m-%d %H:%M} UTC, which has passed: give a later time"
        raise InvalidRequest([FieldError("/expires_at", "invalid_time", detail)])
    note = check_note(note)
    token_id = b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()[:_ID_LENGTH]
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    wanted = tuple(dict.fromkeys(scopes))
    token = await database.run(_create, token_id, name, wanted, _hash(secret), expires_at, operator, note)
    return token, f"{PREFIX}{token_id}_{secret}"


async def list_tokens(database: Readable, *, revoked: bool = False) -> list[ApiToken]:
    """Return the tokens, newest first; those that were revoked only if wanted."""
    async with database.connection() as connection:
        return [record_of(ApiToken, row) for row in await connection.fetch(sql("list_tokens"), revoked)]


async def named_token(database: Readable, name: str) -> ApiToken:
    """Return the token in use with this name or id. Raise NotFound."""
    for token in await list_tokens(database):
        if name in (token.id, token.name):
            return token
    raise _unknown(name)


async def revoke_token(database: Database, name: str, *, operator: Operator, note: str = "") -> ApiToken:
    """Revoke the token with this name or id, from the next request on. Raise NotFound."""
    return await database.run(_revoke, name, operator, check_note(note))


async def check_bearer(database: Database, text: str) -> Bearer | None:
    """Return whose token this is, and note its use.

    Return None if it does not exist, was revoked or has expired, or if its operator is disabled.
    """
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    token_id, secret = match.groups()
    async with database.connection() as connection:
        row = await connection.fetchrow(sql("find_token"), token_id)
        # A token that does not exist takes as long as a wrong secret.
        if not hmac.compare_digest(_NOBODY if row is None else row["secret_hash"], _hash(secret)) or row is None:
            return None
        if row["stale"]:
            await connection.execute(sql("note_use_of_token"), token_id)
    return Bearer(token_id, row["name"], frozenset(row["scopes"]), row["operator"])


async def _create(
    connection: asyncpg.Connection,
    token_id: str,
    name: str,
    scopes: tuple[Scope, ...],
    secret_hash: bytes,
    expires_at: datetime | None,
    operator: Operator,
    note: str,
) -> ApiToken:
    await require_role(connection, operator, OperatorRole.ADMIN)
    words = [scope.value for scope in scopes]
    try:
        row = await connection.fetchrow(
            sql("insert_token"), token_id, name, words, secret_hash, operator.actor, expires_at
        )
    except asyncpg.UniqueViolationError as error:
        raise TokenExists(
            f"a token named {name} is in use: choose another name, or `checkout tokens revoke {name}` first"
        ) from error
    assert row is not None
    details = {"token": token_id, "name": name, "scopes": words}
    details |= {} if expires_at is None else {"expires_at": expires_at.isoformat()}
    await record_without_order(connection, [OperatorAction("token.created", operator, note, details)])
    return record_of(ApiToken, row)


async def _revoke(connection: asyncpg.Connection, name: str, operator: Operator, note: str) -> ApiToken:
    await require_role(connection, operator, OperatorRole.ADMIN)
    row = await connection.fetchrow(sql("revoke_token"), name, operator.actor)
    if row is None:
        raise _unknown(name)
    token = record_of(ApiToken, row)
    details = {"token": token.id, "name": token.name}
    await record_without_order(connection, [OperatorAction("token.revoked", operator, note, details)])
    return token


def _unknown(name: str) -> NotFound:
    return NotFound(f"no token in use is called {name}: `checkout tokens list --all` shows every one")


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
