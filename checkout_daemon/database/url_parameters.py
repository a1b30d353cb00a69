"""Read the parameters of a database URL as libpq does: honour them, ignore them, or refuse them by name.

https://www.postgresql.org/docs/current/libpq-connect.html lists them. Hosting services put them into the URLs that they
give out. asyncpg knows some, and sends every other to the server, which does not know it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.urls import schema_of

WRONG_URL = (
    "DATABASE_URL is not of the form postgresql://user:password@host:port/database "
    "(several hosts: host1:port1,host2:port2): correct it"
)

_LEAST_TIMEOUT_SECONDS = 2  # as in libpq
_SYSTEM = "system"

# Parameters that change nothing of what this program promises.
_IGNORED = frozenset(
    (
        *("channel_binding", "client_encoding", "fallback_application_name", "gssdelegation", "gssencmode"),
        *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts"),
        *("max_protocol_version", "min_protocol_version", "sslcertmode", "sslcompression", "sslkeylogfile", "sslsni"),
        "tcp_user_timeout",
    )
)
# Parameters that ask for something that asyncpg does not do.
_UNSUPPORTED = frozenset(
    (
        *("hostaddr", "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "replication"),
        *("require_auth", "requirepeer", "scram_client_key", "scram_server_key", "sslcrldir"),
    )
)
_VALUES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
_FILES = {"sslrootcert": "PGSSLROOTCERT", "sslcrl": "PGSSLCRL", "sslkey": "PGSSLKEY", "sslcert": "PGSSLCERT"}


def for_asyncpg(url: str) -> tuple[str, dict[str, Any]]:
    """Return the URL with the parameters that asyncpg knows, and options for asyncpg.connect instead of the others.

    Raise ConfigurationError, which names the parameter and never its value.
    """
    address, _, query = url.partition("?")
    kept: list[str] = []
    options: dict[str, Any] = {}
    given = parameters(url)
    system = given.get("sslrootcert") == _SYSTEM
    schema = schema_of(url)
    for part in filter(None, query.split("&")):
        name = unquote_plus(part.partition("=")[0])
        if name in _UNSUPPORTED:
            raise ConfigurationError(f"DATABASE_URL has the parameter {name}, which is not supported: remove it")
        if name == "search_path" and schema is not None:
            continue  # set once it is known whether a pooler is in between, which would refuse it
        if name == "connect_timeout":
            options |= _timeout(given[name])
        elif name not in _IGNORED and not (system and (name in _FILES or name in ("sslmode", "sslpassword"))):
            kept.append(part)
    if system:
        if given.get("sslmode", "verify-full") != "verify-full":
            raise ConfigurationError("sslrootcert=system in DATABASE_URL needs sslmode=verify-full: set it")
        options["ssl"] = _system_context(given.get("sslcert"), given.get("sslkey"), given.get("sslpassword"))
    return address + ("?" + "&".join(kept) if kept else ""), options


def parameters(url: str) -> Mapping[str, str]:
    """Return the parameters of the URL; the last of several with one name counts."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def explain(url: str) -> None:
    """Raise ConfigurationError if a connection fails because of a parameter; the message names it. Else return."""
    given = parameters(url)
    for name, values in _VALUES.items():
        if name in given and given[name] not in values:
            raise ConfigurationError(f"{name} in DATABASE_URL must be one of {', '.join(values)}: correct it")
    files = {name: given.get(name) or os.environ.get(variable) for name, variable in _FILES.items()}
    mode = given.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    if mode == "disable":
        return
    for name, file in files.items():
        if file and file != _SYSTEM:
            _check_file(name, file, files["sslkey"], given.get("sslpassword"))
    own = Path("~/.postgresql/root.crt").expanduser()
    if mode.startswith("verify") and not files["sslrootcert"] and not own.is_file():
        raise ConfigurationError(
            f"sslmode={mode} in DATABASE_URL needs the certificate of the server's CA, and {own} does not exist: add "
            "sslrootcert=FILE, or sslrootcert=system for a CA that this machine trusts"
        )


def _check_file(name: str, file: str, key: str | None, password: str | None) -> None:
    try:
        with open(file, "rb"):
            pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if name == "sslcert":
            context.load_cert_chain(file, key, password=lambda: password or "")
        elif name != "sslkey":
            context.load_verify_locations(file)
    except ssl.SSLError as error:  # an OSError whose numbers are not the system's
        what = "certificate that fits the key" if name == "sslcert" else "certificate in PEM format"
        raise ConfigurationError(f"{name} of DATABASE_URL names {file}, which holds no {what}: correct it") from error
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise ConfigurationError(f"{name} of DATABASE_URL names {file}: {reason}; correct it") from error


def _timeout(text: str) -> dict[str, float]:
    """Return the limit for a host. libpq has none for zero; here the default remains."""
    try:
        seconds = int(text)
    except ValueError as error:
        raise ConfigurationError("connect_timeout in DATABASE_URL must be a number of seconds: correct it") from error
    return {"timeout": float(max(seconds, _LEAST_TIMEOUT_SECONDS))} if seconds > 0 else {}


@lru_cache(4)  # it reads some hundred certificates
def _system_context(certificate: str | None, key: str | None, password: str | None) -> ssl.SSLContext:
    """Return a context that trusts what the machine trusts, or SSL_CERT_FILE, and checks the host name."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["postgresql"])  # sslnegotiation=direct asks for it
    if certificate:
        context.load_cert_chain(certificate, key, password=lambda: password or "")
    return context
