"""Build, check and print URLs. Nothing else does, so that no URL is malformed and none shows a password."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.IGNORECASE)
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_NOT_IN_URL = re.compile(r"[^\x21-\x7e]|\\")
_LONGEST_SHOWN = 2000
_SEARCH_PATH = "search_path"
SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
"""A schema that CHECKOUT_DATABASE_SCHEMA may name: what needs no quotes anywhere."""
_HOSTS = r"(?:(?:\[[0-9a-f:.%]+\]|[a-z0-9._%~-]*)(?::\d{1,5})?(?:,|(?=[/?]|$)))*"
_SHOWABLE = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^\s:/?#@]*)(?::[^\s/?#@]*)?@)?"
    rf"(?P<host>{_HOSTS})(?P<path>/[^\s?#@:]*)?(?:\?[^\s#]*)?",
    re.IGNORECASE,
)


class BadUrl(ValueError):
    """A URL that cannot be used; the message states why, and does not repeat the URL."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An http or https URL without user, query and fragment. `text` has no trailing slash."""

    scheme: str
    host: str  # lower-case; an IPv6 address without brackets
    port: int | None
    path: str  # "" or begins with a slash, and ends with none

    @property
    def text(self) -> str:
        """Return the URL, with brackets around an IPv6 address."""
        return f"{self.scheme}://{_in_url(self.host)}{'' if self.port is None else f':{self.port}'}{self.path}"

    @property
    def origin(self) -> str:
        """Return the origin as browsers send it, without the scheme's default port."""
        port = None if self.port == {"http": 80, "https": 443}[self.scheme] else self.port
        return HttpUrl(self.scheme, self.host, port, "").text


def http_url(host: str, port: int) -> str:
    """Return the http URL of a host and a port (RFC 3986 section 3.2.2, RFC 6874 for a zone): `http://[::1]:8000`."""
    return f"http://{_in_url(host)}:{port}"


def host_and_port(text: str) -> tuple[str, int]:
    """Split `host:port`, as in `127.0.0.1:9100`, `[::1]:9100` or `:9100` for every address. Raise BadUrl."""
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise BadUrl("has no port")
    bare = bare_host(host)
    read_http_url(http_url(reachable_host(bare), 1))
    return bare, int(port)


def reachable_host(host: str) -> str:
    """Return an address at which this machine reaches what listens on `host`: a wildcard is no destination."""
    bare = bare_host(host)
    if not bare:
        return "127.0.0.1"
    try:
        return "127.0.0.1" if ipaddress.ip_address(bare).is_unspecified else bare
    except ValueError:
        return bare


def bare_host(host: str) -> str:
    """Return the host without the brackets that some write around an IPv6 address."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def same_address(one: str, other: str) -> bool:
    """Return whether two URLs name one place: a host's case and a default port do not matter, the path does."""
    try:
        origins = {read_http_url(url).origin for url in (one, other)}
    except BadUrl:
        return one == other
    return len(origins) == 1 and urlsplit(one).path == urlsplit(other).path


def is_loopback(host: str) -> bool:
    """Return whether the host names the machine that asks, and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_public(host: str) -> bool:
    """Return whether a host may be found from outside: a name with a dot, or an address of the internet."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not is_loopback(host)


def read_http_url(text: str, *, final: bool = False) -> HttpUrl:
    """Read an absolute http or https URL. Raise BadUrl.

    `final`: it is used as it is, so that it may have a user, a password and a query; nothing is appended to it.
    """
    if _NOT_IN_URL.search(text):
        raise BadUrl("contains a space, a backslash or a character outside ASCII")
    if "#" in text or ("?" in text and not final):
        raise BadUrl("has a query (?) or a fragment (#)")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadUrl("has a malformed host or port") from error
    if parts.scheme not in ("http", "https") or not text[len(parts.scheme) :].startswith("://"):
        raise BadUrl("must start with http:// or https://")
    if "@" in parts.netloc and not final:
        raise BadUrl("has a user name or password in it")
    if port == 0 or parts.netloc.endswith(":"):
        raise BadUrl("has a malformed host or port")
    if not _is_host(host, bracketed="[" in parts.netloc):
        raise BadUrl("has a malformed host or port")
    if not _PATH.fullmatch(parts.path):
        raise BadUrl("has a path with characters that must be percent-encoded")
    return HttpUrl(parts.scheme, host, port, parts.path.rstrip("/"))


def split_password(url: str) -> tuple[str, str | None]:
    """Return a database URL without its password, for a command line that every user can see, and the password."""
    parts = urlsplit(without_schema(url))
    user, at, address = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query: list[tuple[str, str]] = []
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key == "password":
            password = password or value
        elif "password" not in key.lower():
            query.append((key, value))
    # By hand: urlunsplit drops the slashes of an empty address, which means the local socket.
    bare = f"{parts.scheme}://{name}{at}{address}{parts.path}{'?' if query else ''}{urlencode(query)}"
    return bare, unquote(password) or None


def schema_of(url: str) -> str | None:
    """Return the schema that a database URL names as its search_path, or None without one plain name."""
    try:
        named = dict(parse_qsl(urlsplit(url).query)).get(_SEARCH_PATH, "")
    except ValueError:  # malformed: whoever connects finds out
        return None
    return named if SCHEMA_NAME.fullmatch(named) else None


def with_schema(url: str, schema: str | None) -> str:
    """Return a database URL that names this schema as its search_path, and no other one; with None, as it is."""
    if schema is None:
        return url
    address, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith(f"{_SEARCH_PATH}=")]
    return f"{address}?{'&'.join([*kept, f'{_SEARCH_PATH}={schema}'])}"


def without_schema(url: str) -> str:
    """Return a database URL for libpq, which knows no search_path."""
    if schema_of(url) is None:
        return url
    address, _, query = url.partition("?")
    kept = "&".join(part for part in query.split("&") if not part.startswith(f"{_SEARCH_PATH}="))
    return f"{address}?{kept}" if kept else address


def shown_url(url: str) -> str | None:
    """Return the URL as it may be printed: without password and query. None if it is too malformed to find them."""
    found = _SHOWABLE.fullmatch(url) if len(url) <= _LONGEST_SHOWN else None
    if found is None or (not found["host"] and found["user"] is not None):
        return None
    user = f"{found['user']}@" if found["user"] else ""
    return f"{found['scheme']}://{user}{found['host']}{found['path'] or ''}"


def _in_url(host: str) -> str:
    bare = bare_host(host)
    if ":" not in bare:
        return bare
    address, percent, zone = bare.partition("%")
    return f"[{address}{'%25' + zone.removeprefix('25') if percent else ''}]"


def _is_host(host: str, *, bracketed: bool) -> bool:
    if bracketed:
        try:
            return ipaddress.ip_address(host.replace("%25", "%", 1)).version == 6
        except ValueError:
            return False
    last = host.rstrip(".").rpartition(".")[2]
    if last.isdigit():  # browsers take such a name for an IPv4 address, in whatever form
        try:
            return ipaddress.ip_address(host).version == 4
        except ValueError:
            return False
    return _HOST_NAME.fullmatch(host) is not None
