"""Mails to customers and operators: composed from templates and the order, and handed to the mail server."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import asyncpg
import msgspec

from checkout_daemon.errors import why
from checkout_daemon.messages.customer_mails import customer_values, shop_values
from checkout_daemon.messages.deadlines import deadline_alert, due_dispute
from checkout_daemon.messages.outcomes import NotNeeded, RefusedForGood, TryLater, attention_of, view_of
from checkout_daemon.messages.rendering import Rendered, language_of, render
from checkout_daemon.model.messages import Alert, Channel, MessageKind
from checkout_daemon.orders.attention_commands import command_for
from checkout_daemon.orders.order_store import read_locale
from checkout_daemon.outbox.channels import missing_setting
from checkout_daemon.outbox.outbox_store import ClaimedMessage, refund_mails
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.settings.mail import parse_smtp_url, read_address, read_addresses

TIMEOUT_SECONDS = 15.0  # of each step of the conversation with the mail server


async def send_customer_mail(runtime: Runtime, message: ClaimedMessage) -> None:
    """Mail a message to the order's customer. Raise TryLater, RefusedForGood or NotNeeded."""
    settings = runtime.settings
    async with runtime.database.connection() as connection:
        view = await view_of(connection, message)
        locale = await read_locale(connection, str(message.order_id))
        if MessageKind(message.kind) in (MessageKind.REFUND_CANCELED, MessageKind.REFUND_FAILED):
            await _check_announced(connection, message)
    if not view.order.customer_email:
        raise NotNeeded("the customer's address was erased")
    name = template_name(MessageKind(message.kind))
    language = language_of(settings.mail_templates, name, locale, settings.locale)
    values = customer_values(settings, message, view, language, locale, runtime.gateway.now())
    mail = _compose(settings, message, render(settings.mail_templates, name, language, values), language)
    await _send(settings, mail, [view.order.customer_email])


def template_name(kind: MessageKind) -> str:
    """Return what the names of the message's templates begin with: order_completed, for example."""
    return kind.value.replace(".", "_")


async def _check_announced(connection: asyncpg.Connection, message: ClaimedMessage) -> None:
    """Check that an earlier mail announced the refund that has failed or was canceled.

    Raise NotNeeded if none did; TryLater while such a mail may still be sent.
    """
    announced, waiting = await refund_mails(connection, message)
    if announced:
        return
    if waiting:
        raise TryLater("an earlier mail about this refund is not settled yet")
    raise NotNeeded("no mail announced this refund to the customer")


async def send_alert(runtime: Runtime, message: ClaimedMessage) -> None:
    """Mail a message to the operator. Raise TryLater, RefusedForGood or NotNeeded."""
    settings = runtime.settings
    if (missing := missing_setting(settings, Channel.ALERT)) is not None:
        raise NotNeeded(f"{missing} is not set; the addresses of CHECKOUT_ALERT_URLS get it")
    async with runtime.database.connection() as connection:
        alert = await alert_of(connection, message, livemode=settings.livemode)
    values = shop_values(settings, "en") | {"alert": alert}
    rendered = render(settings.mail_templates, "alert", "en", values)
    recipients = [address.addr_spec for address in read_addresses(settings.alert_to or "")]
    await _send(settings, _compose(settings, message, rendered, "en"), recipients)


async def alert_of(connection: asyncpg.Connection, message: ClaimedMessage, *, livemode: bool) -> Alert:
    """Return what a message to the operator reports. Raise NotNeeded if it is no longer true."""
    if message.payload is not None:
        return msgspec.json.decode(message.payload, type=Alert)
    view = await view_of(connection, message)
    order = view.order
    if livemode and not order.livemode:
        raise NotNeeded("the order is of test mode, and the key is live")
    if message.kind == MessageKind.DISPUTE_DUE:
        now = datetime.now(UTC)
        return deadline_alert(view, due_dispute(view, message.subject_id, now), now)
    code, subject = await attention_of(connection, order, message)
    text = f"Order {order.number} needs attention: {code.value.replace('_', ' ')}"
    return Alert(text, 1, tuple(subject.split(",")), command_for(view, code, subject))


def _compose(settings: Settings, message: ClaimedMessage, words: Rendered, language: str) -> EmailMessage:
    """Return the mail without its To. Every copy has the message's id as its Message-ID."""
    sender = _sender(settings)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["Reply-To"] = read_address(settings.mail_reply_to) if settings.mail_reply_to else sender
    mail["Subject"] = words.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
    mail.set_content(words.text, cte="quoted-printable")
    mail.add_alternative(words.html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = language  # last: setting the content removes such headers
    return mail


async def _send(settings: Settings, mail: EmailMessage, recipients: list[str]) -> None:
    """Hand a mail to the mail server. Raise RefusedForGood or TryLater with the server's answer."""
    import aiosmtplib  # most commands never get here

    server = parse_smtp_url(settings.smtp_url or "")
    try:
        # The bare address: a name that a customer chose has no place in the headers.
        mail["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    except ValueError as error:
        raise RefusedForGood("the customer's address is not a mail address") from error
    try:
        await aiosmtplib.send(
            # As bytes: nothing after this composes headers.
            mail.as_bytes(policy=SMTP),
            sender=_sender(settings).addr_spec,
            recipients=recipients,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=server.starttls,
            timeout=TIMEOUT_SECONDS,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        answers = "; ".join(f"{refused.code} {refused.message}" for refused in error.recipients)
        if all(refused.code >= 500 for refused in error.recipients):
            raise RefusedForGood(f"the mail server refused the address: {answers}") from error
        raise TryLater(f"the mail server refused the address for now: {answers}") from error
    except aiosmtplib.SMTPDataError as error:
        refusal = RefusedForGood if error.code >= 500 else TryLater
        raise refusal(f"the mail server refused the mail: {error.code} {error.message}") from error
    except aiosmtplib.SMTPResponseException as error:  # greeting, log-in or sender: the settings' fault, not the mail's
        raise TryLater(f"the mail server answered {error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # includes TLS failures and timeouts
        raise TryLater(f"the mail server was not reached: {why(error)}") from error


def _sender(settings: Settings) -> Address:
    return read_address(settings.mail_from or "")
