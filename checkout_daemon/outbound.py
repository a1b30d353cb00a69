"""How other servers are reached: through the proxy and with the certificates that the environment names.

HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case, mean what they mean to curl; NO_PROXY may also hold
networks. This machine is never asked for through a proxy. SSL_CERT_FILE and SSL_CERT_DIR replace the certificates that
are trusted. aiohttp could read the proxies itself, but with them it would read passwords from ~/.netrc.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from checkout_daemon.errors import ConfigurationError, why
from checkout_daemon.urls import is_loopback, shown_url

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def check_outbound() -> None:
    """Raise ConfigurationError for a proxy or a file of certificates that cannot be used."""
    for scheme in ("http", "https"):
        proxy_for(f"{scheme}://proxied.invalid")
    own_certificates()


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for this URL, or None. Raise ConfigurationError for one that is not HTTP."""
    from urllib import request  # slow to import

    host = urlsplit(url).hostname or ""
    proxies = {name.lower(): value for name, value in request.getproxies_environment().items()}
    scheme = urlsplit(url).scheme
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or is_loopback(host) or _excepted(host, proxies):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")) or not urlsplit(proxy).hostname:
        name = f"{scheme.upper()}_PROXY" if proxies.get(scheme) else "ALL_PROXY"
        raise ConfigurationError(
            f"{name} is {shown_url(proxy) or 'no URL'}: only a proxy such as http://proxy.example:3128 can be used"
        )
    return proxy


def own_certificates() -> ssl.SSLContext | None:
    """Return what trusts the certificates that the environment names, or None if it names none.

    Raise ConfigurationError if they cannot be read.
    """
    file, folder = (os.environ.get(name) or None for name in CERTIFICATES)
    if file is None and folder is None:
        return None
    if folder is not None and not Path(folder).is_dir():
        raise ConfigurationError(f"SSL_CERT_DIR names {folder}, which is not a directory")
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except ssl.SSLError as error:
        raise ConfigurationError(f"SSL_CERT_FILE names {file}, which holds no certificates in PEM form") from error
    except OSError as error:
        raise ConfigurationError(f"SSL_CERT_FILE names {file}, which cannot be read: {why(error)}") from error


def certificate_fault(error: BaseException) -> str | None:
    """Return why the other server's certificate was not accepted, or None if that is not what happened."""
    found: BaseException | None = error
    while found is not None:
        refusal = getattr(found, "certificate_error", found)
        if isinstance(refusal, ssl.SSLCertVerificationError):
            return refusal.verify_message.rstrip(".") or "verification failed"
        found = found.__cause__ or found.__context__
    return None


def proxy_fault(error: BaseException) -> str | None:
    """Return what is wrong with the proxy, or None if it is not at fault. Its password is left out."""
    from aiohttp import ClientHttpProxyError, ClientProxyConnectionError

    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ClientHttpProxyError):
            return f"the proxy answers {found.status}"
        if isinstance(found, ClientProxyConnectionError):
            return f"the proxy {found.host}:{found.port} does not answer ({why(found)})"
        found = found.__cause__ or found.__context__
    return None


def _excepted(host: str, proxies: dict[str, str]) -> bool:
    """Return whether NO_PROXY has this host, a domain that it is in, or a network that its address is in."""
    name = host.lower().rstrip(".")
    for part in filter(None, (part.strip().lower() for part in proxies.get("no", "").split(","))):
        domain = part.removeprefix("*").removeprefix(".")
        if part == "*" or name == domain or name.endswith(f".{domain}"):
            return True
        with suppress(ValueError):  # a name, or no network
            if ip_address(host) in ip_network(part, strict=False):
                return True
    return False
