"""The way to the mail server: what CHECKOUT_SMTP_URL says, and handing over one mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import parse_qs, unquote, urlsplit

from checkout_daemon.errors import ConfigurationError

TIMEOUT_SECONDS = 15.0  # of each step of the conversation
_PORTS = {"smtp": 25, "smtps": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_STARTTLS = {"auto": None, "always": True, "never": False}


class MailRefused(Exception):
    """The server refused it for good: no such mailbox, or a mail that it does not want."""


class MailDelayed(Exception):
    """The server was not reached, or refused for now."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """`starttls`: True always, False never, None where it is offered. Certificates are checked in any case."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    tls: bool
    starttls: bool | None


def parse_smtp_url(url: str) -> MailServer:
    """`smtp://user:password@host:port?starttls=always`, or `smtps://` for TLS from the first byte.

    With a password STARTTLS is insisted upon, unless the server is on this machine. Raises ConfigurationError, which
    does not repeat the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        choice = parse_qs(parts.query, strict_parsing=bool(parts.query))
        asked = choice.pop("starttls", ["auto"])[-1]
        starttls = _STARTTLS[asked]
        good = bool(parts.hostname) and not choice and parts.path in ("", "/")
    except (KeyError, ValueError):
        good = False
    if not good:
        raise ConfigurationError(
            "CHECKOUT_SMTP_URL is not of the form smtp://user:password@host:port, with smtps:// for TLS, "
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


async def send_mail(server: MailServer, mail: EmailMessage, *, sender: str, recipients: Sequence[str]) -> None:
    """Hand it over. Raises MailRefused or MailDelayed, with what the server said."""
    import aiosmtplib  # most commands never get here

    try:
        await aiosmtplib.send(
            # As bytes: nothing between here and the server composes headers any more.
            mail.as_bytes(policy=SMTP),
            sender=sender,
            recipients=list(recipients),
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=server.starttls,
            timeout=TIMEOUT_SECONDS,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        said = "; ".join(f"{each.code} {each.message}" for each in error.recipients)
        if all(each.code >= 500 for each in error.recipients):
            raise MailRefused(f"the mail server refused the address: {said}") from error
        raise MailDelayed(f"the mail server refused the address for now: {said}") from error
    except aiosmtplib.SMTPDataError as error:
        said = f"the mail server refused the mail: {error.code} {error.message}"
        raise (MailRefused if error.code >= 500 else MailDelayed)(said) from error
    except aiosmtplib.SMTPResponseException as error:  # greeting, log-in, sender: of our settings, not of this mail
        raise MailDelayed(f"the mail server said {error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # with TLS failures and timeouts
        raise MailDelayed(f"the mail server was not reached: {type(error).__name__}") from error
