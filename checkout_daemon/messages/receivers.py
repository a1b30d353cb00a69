"""HTTP to the shop's own systems: one POST, no redirects, little of the answer read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TIMEOUT_SECONDS = 20.0  # of all of it
CONNECT_SECONDS = 5.0
# The answer's body says nothing that we use; this much is read, so that the connection ends in good order.
_MOST_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """A receiver's answer. `retry_after`: how long it asked to be left alone."""

    status: int
    retry_after: timedelta | None


class ReceiverUnreachable(Exception):
    """No answer came; the message says why, without the URL, which may hold a secret."""


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
    """POST once. Raises ReceiverUnreachable."""
    import aiohttp  # most commands never get here

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            await answer.content.read(_MOST_READ_BYTES)
            return ReceiverAnswer(answer.status, _retry_after(answer.headers.get("Retry-After", "")))
    except TimeoutError as error:
        raise ReceiverUnreachable(f"no answer in {TIMEOUT_SECONDS:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: what is no URL, or no HTTP
        raise ReceiverUnreachable(f"no answer: {type(error).__name__}") from error


def _retry_after(text: str) -> timedelta | None:
    """RFC 9110, 10.2.3: seconds or a date."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        return max(parsedate_to_datetime(text) - datetime.now(UTC), timedelta())
    except (TypeError, ValueError):
        return None
