"""Send one attempt of a delivery to an endpoint or a listener, signed as Stripe signs it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from checkout_daemon.sandbox.box import API_VERSION, Box
from checkout_daemon.sandbox.guard import hostname, is_loopback
from checkout_daemon.sandbox.pretty import pretty
from checkout_daemon.sandbox.sockets import SocketLost
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli import listeners
from checkout_daemon.sandbox.webhooks.endpoints import secrets_of

AT_ONCE = 32
"""How many deliveries are sent at the same time."""

_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_EXCERPT = 5000


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is due."""

    id: int
    event: str
    receiver: str
    created: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of an attempt. Without status and error, `stripe listen` showed the event and forwards to nobody.

    `trouble` names what was planned to go wrong. The fields are in the order of the columns of `attempts`.
    """

    url: str | None = None
    status: int | None = None
    error: str | None = None
    response: str | None = None
    trouble: str | None = None

    @property
    def delivered(self) -> bool:
        """Return whether the receiver took the event."""
        return self.error is None and (self.status is None or 200 <= self.status < 300)


@dataclass(slots=True)
class Sender:
    """Sends attempts over one HTTP session, or through the listeners' websockets."""

    box: Box
    session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the HTTP session, if there is one."""
        if self.session is not None:
            await self.session.close()

    async def send(self, due: Due, event: Stored, receiver: Stored, acknowledged: Callable[[], None]) -> Sent:
        """Make an attempt, or let it fail as planned. `acknowledged` is called when a listener took it.

        Raise SocketLost if the listener disconnects.
        """
        trouble, key = self.box.trouble, (due.id, due.attempts)
        listens = receiver.type == listeners.SESSION
        url = None if listens else str(receiver.body["url"])
        if trouble.strikes("drop", *key):
            return Sent(url, error="Dropped on the way as planned", trouble="drop")
        secrets = [listeners.secret(self.box)] if listens else secrets_of(receiver)
        forged = trouble.strikes("bad_signature", *key)
        payload = pretty(event.body)
        headers = {
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload.encode(), *(["whsec_wrong"] if forged else secrets)),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if listens:
            result = await self._push(due, receiver, payload, headers, acknowledged)
        else:
            result = await self._post(str(url), payload, headers)
        if forged:
            return replace(result, trouble="bad_signature")
        if trouble.strikes("answer_lost", *key):
            return replace(result, error="The answer was lost as planned", trouble="answer_lost")
        return result

    async def _push(
        self, due: Due, listener: Stored, payload: str, headers: dict[str, str], acknowledged: Callable[[], None]
    ) -> Sent:
        """Send an event through a listener's websocket. Raise SocketLost."""
        socket = self.box.sockets.get(listener.id)
        if socket is None:
            raise SocketLost("the listener is disconnected")
        conversation = f"wc_{due.id}x{due.attempts}"
        frame: dict[str, Any] = {
            "type": "webhook_event",
            "webhook_id": f"we_{listener.id.removeprefix(listeners.PREFIX)}",
            "webhook_conversation_id": conversation,
            "event_payload": payload,
            "http_headers": headers,
        }
        # The CLI forwards the frame without a version, or with `--latest` the other one, and drops the rest.
        frames = [{**frame, "endpoint": {"api_version": version}} for version in (None, API_VERSION)]
        forwarded = await socket.forward(conversation, frames, acknowledged)
        if forwarded.status is None and not forwarded.shown:
            return Sent(
                error="The CLI reported no answer: the program is not running, or the CLI does not forward this type"
            )
        return Sent(forwarded.url, forwarded.status, None, (forwarded.body or "")[:_EXCERPT])

    async def _post(self, url: str, payload: str, headers: dict[str, str]) -> Sent:
        if not self.box.settings.remote_endpoints and not is_loopback(hostname(url)):
            return Sent(url, error="Not sent: only this machine is allowed. --allow-remote-endpoints allows others")
        if self.session is None:
            connector = aiohttp.TCPConnector(limit=AT_ONCE)
            self.session = aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector)
        try:
            async with self.session.post(
                url, data=payload.encode(), headers=headers, allow_redirects=False
            ) as response:
                excerpt = await response.content.read(_EXCERPT)
                return Sent(url, response.status, None, excerpt.decode(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Sent(url, error=f"{type(error).__name__}: {error}"[:500])


def signature(payload: bytes, *secrets: str) -> str:
    """Return the `Stripe-Signature` header of a payload sent now, with a signature for each secret.

    It uses the machine's clock, not the sandbox's: receivers compare it with theirs.
    """
    moment = int(time.time())
    text = f"{moment}.".encode() + payload
    signed = (hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join((f"t={moment}", *(f"v1={digest}" for digest in signed)))
