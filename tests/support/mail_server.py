"""A real SMTP server in a thread, and the mails that it received."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).parent / "localhost.pem"  # for localhost, with its key; self-signed
USER, PASSWORD = "shop", "p@ss:word/ä"


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail with its envelope, whose recipients are those that get it."""

    sender: str
    recipients: tuple[str, ...]
    mail: EmailMessage
    raw: bytes

    def part(self, subtype: str) -> str:
        body = self.mail.get_body((subtype,))
        assert body is not None
        return str(body.get_content())


class MailServer:
    """A server on `port`, or a free one. `refuse` returns the response that rejects a recipient, or None to accept.

    As bytes, it may be one that is not ASCII.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        login: bool = False,
        starttls: bool = False,
        refuse: Callable[[str], str | bytes | None] = lambda _: None,
    ) -> None:
        self.taken: list[Taken] = []
        self.refuse = refuse
        self._login = login
        self._starttls = starttls
        self._port = port

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | bytes:
        if (refusal := self.refuse(address)) is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.content
        assert isinstance(raw, bytes)
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage)
        self.taken.append(Taken(envelope.mail_from or "", tuple(envelope.rcpt_tos), mail, raw))
        return "250 OK"

    def start(self) -> str:
        """Start the server and return its URL, without credentials."""
        options: dict[str, Any] = {}
        if self._login:
            options = {"authenticator": _check, "auth_required": True, "auth_require_tls": False}
        if self._starttls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE)
            options |= {"tls_context": context, "require_starttls": True}
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port or free_port(), **options)
        self._controller.start()
        return f"smtp://127.0.0.1:{self._controller.port}"

    def stop(self) -> None:
        self._controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good)
