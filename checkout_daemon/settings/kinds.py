"""The kinds of values that settings have: how they are read from text, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from checkout_daemon.settings.rows import Kind
from checkout_daemon.settings.values import (
    STRIPE_API_BASE,
    BadValue,
    check_alert_urls,
    check_amounts,
    check_api_key,
    check_audit_keys,
    check_endpoint_secrets,
    check_hours,
    check_operator,
    check_shop_secrets,
)
from checkout_daemon.urls import (
    SCHEMA_NAME,
    BadUrl,
    bare_host,
    host_and_port,
    http_url,
    reachable_host,
    read_http_url,
    shown_url,
)

if TYPE_CHECKING:
    from datetime import datetime

    from checkout_daemon.shop.records import Shop


def _checked(words: str, check: Callable[[str], object], *, prose: bool = False) -> Kind[str]:
    """Make a kind whose value is the text itself."""

    def read(text: str, _: Path) -> str:
        check(text)
        return text

    return Kind(words, read, prose=prose)


def _listed(words: str, check: Callable[[tuple[str, ...]], object]) -> Kind[tuple[str, ...]]:
    """Make a kind of several values with commas between them."""

    def read(text: str, _: Path) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        check(parts)
        return parts

    return Kind(f"{words}, comma-separated", read)


def whole(least: int, most: int) -> Kind[int]:
    """Make the kind of whole numbers from `least` to `most`."""
    words = f"whole number from {least} to {most}"

    def read(text: str, _: Path) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
            raise BadValue(f"must be a {words}, not {text!r}")
        return int(text)

    return Kind(words, read)


def one_of(*allowed: str) -> Kind[str]:
    """Make the kind of a few words."""

    def check(text: str) -> None:
        if text not in allowed:
            raise BadValue(f"must be one of {', '.join(allowed)}, not {text!r}")

    return _checked(f"one of {', '.join(allowed)}", check)


def _check_time_zone(text: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # not needed for UTC

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadValue(f"must be an IANA time zone such as Europe/Vienna, not {text!r}") from error


def _read_currency(text: str, _: Path) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise BadValue(f"must be a three-letter currency code such as eur, not {text!r}")
    return text.lower()


def _read_host(text: str, _: Path) -> str:
    host = bare_host(text)
    try:
        read_http_url(http_url(reachable_host(host), 1))
    except BadUrl as error:
        raise BadValue(
            f"must be a host name or an address of this machine, such as 127.0.0.1 or ::, not {text!r}"
        ) from error
    return host


def _check_listen(text: str) -> None:
    try:
        host_and_port(text)
    except BadUrl as error:
        raise BadValue(
            f"must be an address of this machine with a port, such as 127.0.0.1:9100, not {text!r}"
        ) from error


def _check_mode(text: str) -> None:
    if len(text) != 3 or not set(text) <= set("01234567"):
        raise BadValue(f"must be the mode of a file, such as 660, not {text!r}")


def _read_base_url(text: str, _: Path) -> str:
    """Read a URL that paths are appended to: without trailing slash, user, query and fragment."""
    try:
        return read_http_url(text).text
    except BadUrl as error:
        raise BadValue(f"{error}; set it to a URL such as https://shop.example") from error


def _read_stripe_base(text: str, cwd: Path) -> str:
    """Read the address of a Stripe API. Stripe's own has one form, however it was written."""
    base = _read_base_url(text, cwd)
    if base.endswith("/v1"):
        raise BadValue("ends with /v1, which is appended to it; leave /v1 out")
    return STRIPE_API_BASE if base == f"{STRIPE_API_BASE}:443" else base


def _check_final_url(text: str) -> None:
    """Check a URL that is used as it is. It may hold a password."""
    try:
        read_http_url(text, final=True)
    except BadUrl as error:
        raise BadValue(str(error)) from error


def _origin(url: str) -> str | None:
    """Return the origin alone: a path may be as secret as a password."""
    return read_http_url(url, final=True).origin


def _read_origins(text: str, _: Path) -> tuple[str, ...]:
    """Read the origins as browsers send them (RFC 6454), or `*`."""
    origins = []
    for part in filter(None, map(str.strip, text.split(","))):
        if part == "*":
            origins.append(part)
            continue
        try:
            url = read_http_url(part)
            if url.path:
                raise BadUrl("has a path")
            origins.append(url.origin)
        except BadUrl as error:
            raise BadValue(f"must hold origins such as https://shop.example; {part!r} {error}") from error
    return tuple(origins)


def _check_networks(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            ip_network(name, strict=False)
        except ValueError as error:
            raise BadValue(f"must hold addresses or networks such as 10.0.0.0/8, not {name!r}") from error


def _read_directory(text: str, cwd: Path) -> Path:
    try:
        is_there = (cwd / text).is_dir()
    except OSError as error:  # a folder on the way to it may not be searched
        raise BadValue(f"names {text!r}, which cannot be read: {error.strerror}") from error
    if not is_there:
        raise BadValue(f"names {text!r}, which is not a directory; set it to one that exists")
    return cwd / text


def _read_anchor_file(text: str, _: Path) -> Path:
    path = Path(text.removeprefix("file://").removeprefix("file:"))
    if not text.startswith(("file:", "/")) or not path.is_absolute():
        raise BadValue(f"must be file: and an absolute path, such as file:/var/log/checkout/anchors, not {text!r}")
    return path


def _read_time(text: str, _: Path) -> datetime:
    """Read a time with its offset from UTC, as RFC 3339 writes it."""
    from datetime import datetime  # few shops set one

    try:
        time: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BadValue(f"must be a time such as 2026-11-28T12:00:00Z, not {text!r}")
    return time


def _check_schema(text: str) -> None:
    if not SCHEMA_NAME.fullmatch(text):
        raise BadValue("must be a schema's name of small letters, digits and _, which does not begin with pg_")


def _check_smtp_url(text: str) -> None:
    from checkout_daemon.settings.mail import parse_smtp_url  # most commands need no mail

    parse_smtp_url(text)


def _check_addresses(text: str) -> None:
    from checkout_daemon.settings.mail import read_addresses

    read_addresses(text)


def _check_address(text: str) -> None:
    from checkout_daemon.settings.mail import read_address

    read_address(text)


def _read_shop_file(text: str, cwd: Path) -> Shop:
    from checkout_daemon.shop.shop_file import BadShopFile, read_shop  # few commands have one

    try:
        return read_shop(cwd / text)
    except BadShopFile as error:
        raise BadValue(f"names {error}", usable=error.shop) from error


TEXT = Kind("text", lambda text, _: text)
PROSE = Kind("text", lambda text, _: text, prose=True)
ON_OFF = Kind("one of on, off", lambda text, cwd: one_of("on", "off").read(text, cwd) == "on")
SCHEMA = _checked("schema: small letters, digits and _, at most 63, not pg_…", _check_schema)
DATABASE_URL = Kind("PostgreSQL URL", lambda text, _: text, show=shown_url)
API_KEY = _checked("secret or restricted key of Stripe", check_api_key)
ENDPOINT_SECRETS = _listed("signing secrets (whsec_…)", check_endpoint_secrets)
SHOP_SECRETS = _listed("signing secrets of Standard Webhooks (whsec_…)", check_shop_secrets)
ALERT_URLS = _listed("addresses as Apprise takes them", check_alert_urls)
HOURS = _checked("HH:MM-HH:MM", check_hours)
AUDIT_KEYS = _listed("keys of 32 or more characters", check_audit_keys)
OPERATOR = _checked("name of at most 64 letters, digits and .@_+-", check_operator)
PATH = Kind("path", lambda text, cwd: cwd / text)
SHOP_FILE = Kind("path", _read_shop_file)
DIRECTORY = Kind("directory", _read_directory)
ANCHOR_FILE = Kind("file:/PATH", _read_anchor_file)
TIME = Kind("time (RFC 3339)", _read_time)
TIME_ZONE = _checked("IANA time zone", _check_time_zone)
CURRENCY = Kind("three-letter currency code", _read_currency)
AMOUNTS = _listed("amounts in minor units (eur:10000)", check_amounts)
HOST = Kind("host name or address", _read_host)
LISTEN = _checked("HOST:PORT", _check_listen)
MODE = _checked("mode of a file", _check_mode)
NETWORKS = _listed("addresses or networks", _check_networks)
ORIGINS = Kind("origins, comma-separated, or `*`", _read_origins)
BASE_URL = Kind("URL", _read_base_url)
STRIPE_URL = Kind("URL", _read_stripe_base)
FINAL_URL = Kind("URL", _checked("", _check_final_url).read, show=_origin)
SMTP_URL = Kind("smtp:// or smtps:// URL", _checked("", _check_smtp_url).read, show=shown_url)
ADDRESS = _checked("mail address", _check_address, prose=True)
ADDRESSES = _checked("mail addresses, comma-separated", _check_addresses)
