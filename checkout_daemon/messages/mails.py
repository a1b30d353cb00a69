"""Mails to customers and operators: composed of templates and facts, and handed to the mail server."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import asyncpg
import msgspec

from checkout_daemon.messages.customer_mails import customer_values
from checkout_daemon.messages.rendering import Rendered, language_of, one_line, render
from checkout_daemon.messages.sending import NotNeeded, RefusedForGood, TryLater, attention_of, check_not_acknowledged
from checkout_daemon.messages.smtp import MailDelayed, MailRefused, send_mail
from checkout_daemon.model.advice import attention_command
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.orders.order_store import read_locale
from checkout_daemon.outbox.outbox_store import ClaimedMessage, refund_mails
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.settings.mail import parse_smtp_url, read_address, read_addresses

TEMPLATES = {
    MessageKind.ORDER_COMPLETED: "order_completed",
    MessageKind.PAYMENT_FAILED: "payment_failed",
    MessageKind.ORDER_REFUNDED: "order_refunded",
    MessageKind.REFUND_REQUIRES_ACTION: "refund_requires_action",
    MessageKind.REFUND_PENDING: "refund_pending",
    MessageKind.REFUND_CANCELED: "refund_canceled",
    MessageKind.REFUND_FAILED: "refund_failed",
    MessageKind.SESSION_LINK: "session_link",
}
"""The mails that a customer gets."""


async def send_customer_mail(runtime: Runtime, message: ClaimedMessage) -> None:
    """To the order's customer. Raises TryLater, RefusedForGood or NotNeeded."""
    settings = runtime.settings
    async with runtime.database.connection() as connection:
        view = await read_view(connection, str(message.order_id))
        locale = await read_locale(connection, str(message.order_id))
        if MessageKind(message.kind) in (MessageKind.REFUND_CANCELED, MessageKind.REFUND_FAILED):
            await _check_told(connection, message)
    if view is None:
        raise NotNeeded("the order is gone")
    if not view.order.customer_email:
        raise NotNeeded("the customer's address was erased")
    name = TEMPLATES[MessageKind(message.kind)]
    language = language_of(settings.mail_templates, name, locale, settings.locale)
    values = customer_values(settings, message, view, language, locale, runtime.gateway.now())
    mail = compose(settings, message, render(settings.mail_templates, name, language, values), language)
    await _send(settings, mail, [view.order.customer_email])


async def _check_told(connection: asyncpg.Connection, message: ClaimedMessage) -> None:
    """Check that an earlier mail promised the refund that came to nothing.

    Raises NotNeeded if none did; TryLater while an earlier mail of it may be under way.
    """
    told, waiting = await refund_mails(connection, message)
    if told:
        return
    if waiting:
        raise TryLater("an earlier mail about this refund is not settled yet")
    raise NotNeeded("no mail announced this refund to the customer")


async def send_alert(runtime: Runtime, message: ClaimedMessage) -> None:
    """To the operator. Raises TryLater, RefusedForGood or NotNeeded."""
    settings = runtime.settings
    async with runtime.database.connection() as connection:
        alert = await _alert(connection, message)
    values = {"shop": one_line(settings.shop_name), "alert": alert, "public_url": settings.public_url}
    rendered = render(settings.mail_templates, "alert", "en", values)
    recipients = [address.addr_spec for address in read_addresses(settings.alert_to or "")]
    await _send(settings, compose(settings, message, rendered, "en"), recipients)


def compose(settings: Settings, message: ClaimedMessage, words: Rendered, language: str) -> EmailMessage:
    """The mail but for its To. Its Message-ID is the message's id: a second copy can be told."""
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
    mail["Content-Language"] = language  # last: content that is set takes such headers away
    return mail


async def _send(settings: Settings, mail: EmailMessage, recipients: list[str]) -> None:
    server = parse_smtp_url(settings.smtp_url or "")
    try:
        # The address alone: a name that a customer chose has no place among the headers.
        mail["To"] = [Address(addr_spec=each) for each in recipients]
    except ValueError as error:
        raise RefusedForGood("that is no address to send mail to") from error
    try:
        await send_mail(server, mail, sender=_sender(settings).addr_spec, recipients=recipients)
    except MailRefused as error:
        raise RefusedForGood(str(error)) from error
    except MailDelayed as error:
        raise TryLater(str(error)) from error


async def _alert(connection: asyncpg.Connection, message: ClaimedMessage) -> Alert:
    if message.payload is not None:
        return msgspec.json.decode(message.payload, type=Alert)
    view = await read_view(connection, str(message.order_id))
    if view is None:
        raise NotNeeded("the order is gone")
    number = view.order.number
    code, subject = attention_of(view.order, message.subject_id)
    await check_not_acknowledged(connection, message)
    text = f"Order {number} needs a person: {code.value.replace('_', ' ')}"
    return Alert(text, 1, tuple(subject.split(",")), attention_command(code, subject, number))


def _sender(settings: Settings) -> Address:
    return read_address(settings.mail_from or "")
