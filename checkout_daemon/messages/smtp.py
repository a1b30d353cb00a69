"""Hands one mail over to the mail server."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from checkout_daemon.settings.mail import MailServer

TIMEOUT_SECONDS = 15.0  # of each step of the conversation


class MailRefused(Exception):
    """The server refused it for good: no such mailbox, or a mail that it does not want."""


class MailDelayed(Exception):
    """The server was not reached, or refused for now."""


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
