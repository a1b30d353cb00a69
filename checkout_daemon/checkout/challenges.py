"""Asks the shop's challenge service whether a challenge was solved: the `siteverify` API of hCaptcha and Turnstile."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import msgspec

from checkout_daemon.errors import why
from checkout_daemon.outbound import certificate_fault, proxy_fault, proxy_for

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0
_LONGEST_TOKEN = 4096
_MOST_READ_BYTES = 16 * 1024


class _Answer(msgspec.Struct):
    success: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge service: its address, and the secret that authenticates us."""

    url: str
    secret: str = field(repr=False)

    async def is_solved(self, token: str, remote: str | None) -> bool:
        """Return whether the service confirms the token. No answer within 3 s counts as no: the slow-down remains."""
        if not 0 < len(token) <= _LONGEST_TOKEN:
            return False
        import aiohttp  # most commands never get here

        form = {"secret": self.secret, "response": token} | ({"remoteip": remote} if remote else {})
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                http.post(self.url, data=form, allow_redirects=False, proxy=proxy_for(self.url)) as answer,
            ):
                body = await answer.content.read(_MOST_READ_BYTES)
            return msgspec.json.decode(body, type=_Answer).success
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, msgspec.MsgspecError) as error:
            reason = certificate_fault(error) or proxy_fault(error) or why(error)
            log.warning("the challenge service did not answer: %s", reason)
            return False
