"""The settings of mails: the URL of the mail server, and the addresses in the headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import parse_qs, unquote, urlsplit

from checkout_daemon.settings.values import BadValue

_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_STARTTLS = {"auto": None, "always": True, "never": False}
_ADDRESS = re.compile(
    r'(?:"(?P<quoted>[^"<>]*)"|(?P<name>[^"<>]*))\s*<(?P<named>[^\s<>,;@]+@[^\s<>,;@]+)>|(?P<bare>[^\s<>,;@]+@[^\s<>,;@]+)'
)


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server to send through. `starttls`: True always, False never, None if offered.

    Certificates are verified in every case.
    """

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool
    starttls: bool | None


def parse_smtp_url(url: str) -> MailServer:
    """Read `smtp://user:password@host:port?starttls=always`, or `smtps://` for TLS from the first byte.

    With a password, STARTTLS is required unless the server is on this machine. Raise BadValue, which does not repeat
    the password.
    """
    try:
        parts = urlsplit(url)
        default_port = _PORTS[parts.scheme]
        port = parts.port or default_port
        choice = parse_qs(parts.query, strict_parsing=bool(parts.query))
        asked = choice.pop("starttls", ["auto"])[-1]
        starttls = _STARTTLS[asked]
        good = bool(parts.hostname) and not choice and parts.path in ("", "/")
    except (KeyError, ValueError):
        good = False
    if not good:
        raise BadValue(
            "is not of the form smtp://user:password@host:port, with smtps:// for TLS, "
            "or ?starttls=always, auto or never"
        )
    host = str(parts.hostname)
    if parts.password and host not in _LOOPBACK and asked == "auto":
        starttls = True
    return MailServer(
        host=host,
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
        starttls=False if parts.scheme == "smtps" else starttls,
    )


def read_address(text: str) -> Address:
    """Read `shop@example.com`, or `Shop <shop@example.com>`. Raise BadValue."""
    found = _ADDRESS.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("no address")
        name = (found["quoted"] or found["name"] or "").strip()
        return Address(display_name=name, addr_spec=found["named"] or found["bare"])
    except (ValueError, IndexError, MessageError) as error:  # the parser raises the last two for some input
        raise BadValue("must hold an address such as shop@shop.example, or Shop <shop@shop.example>") from error


def read_addresses(text: str) -> list[Address]:
    """Read several addresses with commas between them, at least one. Raise BadValue."""
    found = [read_address(part) for part in text.split(",") if part.strip()]
    if not found:
        raise BadValue("holds no address: give at least one, such as ops@shop.example")
    return found
