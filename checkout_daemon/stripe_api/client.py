"""The Stripe client: timeouts, retries and what each kind of failure means to us."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Any

from checkout_daemon.errors import StripeRejected, StripeUnavailable, why
from checkout_daemon.model.json_text import decode
from checkout_daemon.model.text import storable
from checkout_daemon.observability import context
from checkout_daemon.observability.tracing import span
from checkout_daemon.outbound import certificate_fault, own_certificates, proxy_fault, proxy_for
from checkout_daemon.patience import at_most, deadline
from checkout_daemon.settings import check_key_destination
from checkout_daemon.settings.values import STRIPE_API_BASE
from checkout_daemon.stripe_api.breaker import Breaker, StripeNotAsked
from checkout_daemon.stripe_api.forms import form_encoded

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0  # of one try
DEADLINE_SECONDS = 25.0  # of all tries together
LEAST_SECONDS = 2.0  # a call that was given less time and had no answer does not count against Stripe
MOST_RETRIES = 2
KEY_LIFETIME = timedelta(hours=23)  # Stripe forgets an idempotency key after 24 hours

Observer = Callable[[str, str, float], None]
"""Receives each call's name, outcome and seconds.

Outcomes: ok, rejected, failed (5xx), unavailable (no answer), busy (409, 429), hurried (the shopper's time left was too
short), broken_off (by us), not_asked (refused by the breaker).
"""


class StripeMissing(StripeRejected):
    """Stripe has no object with this id: it may belong to another account or mode than the key."""


class StripeDenied(StripeRejected):
    """Stripe does not accept our key. An earlier call with the same idempotency key may have succeeded."""


class StripeForbidden(StripeDenied):
    """Stripe knows our key, which is restricted and lacks the permission for this."""


class StripeSilent(StripeUnavailable):
    """Stripe did not answer, although the call was retried."""


class StripeUntrusted(StripeSilent):
    """Stripe's address has a certificate that is not trusted: a proxy of the network may answer in its place."""


class StripeFailed(StripeUnavailable):
    """Stripe answered 5xx: it may have done what was asked, or may do it hours later.

    It repeats that answer for the same idempotency key, so the key cannot be used again.
    https://docs.stripe.com/error-low-level#server-errors
    """


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object that Stripe returned, and the time of the answer by Stripe's clock."""

    object: dict[str, Any]
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class _Answer:
    """JSON that Stripe returned, and the answer's headers."""

    value: Any
    headers: Mapping[str, str]


class StripeGateway:
    """Calls Stripe through the official SDK, which is imported at the first call.

    Raise ConfigurationError for a live key with an address that is not Stripe's.
    """

    def __init__(
        self, api_key: str, api_base: str, *, observe: Observer = lambda *_: None, breaker: Breaker | None = None
    ) -> None:
        check_key_destination(api_key, api_base)
        self._api_key = api_key
        self._api_base = api_base
        self._observe = observe
        self._breaker = breaker or Breaker()
        self._client: Any = None
        self._http: Any = None
        self._headers: dict[str, str] = {}
        self.ahead: timedelta | None = None
        """Stripe's clock minus ours at the last answer; None before the first."""

    async def request(self, method: str, *args: Any, **kwargs: Any) -> Fetched:
        """Call a method of the SDK by its path, such as `refunds.create`. Raises like `call`."""
        return await self.call(method, lambda client: attrgetter(f"{method}_async")(client.v1)(*args, **kwargs))

    async def post(self, name: str, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> Fetched:
        """Post to a path of the API as the SDK's method `name` does. Raises like `call`.

        The SDK sends, retries and names failures; its slow encoding of parameters and its log lines are left out.
        """

        async def send(client: Any) -> _Answer:
            headers = self._headers | {"Idempotency-Key": idempotency_key}
            body, status, answer_headers = await self._http.request_with_retries_async(
                "post", f"{self._api_base}{path}", headers, form_encoded(params), max_network_retries=MOST_RETRIES
            )
            return _read(client._requestor, body, status, answer_headers)

        return await self.call(name, send)

    async def call(self, name: str, make: Callable[[Any], Awaitable[Any]]) -> Fetched:
        """Await `make(client)`, a coroutine of the SDK's methods or `post`, and return its answer as plain JSON.

        Raise StripeRejected (a stored 4xx), StripeDenied (401, 403), StripeMissing (404), StripeFailed (a stored 5xx)
        or StripeUnavailable (no answer, a key in use, or too many requests: the same call with the same key may
        follow). While a shopper waits, all tries together end with the time left, and an open breaker raises
        StripeNotAsked.
        """
        client = self._open()
        stripe = sys.modules["stripe"]
        limit = at_most(DEADLINE_SECONDS)
        try:
            probe = self._breaker.admit() if deadline() is not None else False
        except StripeNotAsked:
            self._observe(name, "not_asked", 0.0)
            raise
        started = time.perf_counter()
        outcome = "broken_off"
        try:
            async with asyncio.timeout(limit):
                with span(f"stripe {name}"):
                    answer = await make(client)
            context.stripe_request.set(answer.headers.get("Request-Id"))
            outcome = "ok"
        except (TimeoutError, stripe.APIConnectionError) as error:
            # The time that the shopper had left may have been too short for Stripe.
            fair = not isinstance(error, TimeoutError) or limit >= LEAST_SECONDS
            outcome = "unavailable" if fair else "hurried"
            raise self._silence(error) from error
        except stripe.StripeError as error:
            context.stripe_request.set(error.request_id)
            named = _name_failure(stripe, error)
            outcome = "failed" if isinstance(named, StripeFailed) else named.code.removeprefix("stripe_")
            if type(named) is StripeUnavailable:
                outcome = "busy"
            raise named from (error if (error.http_status or 0) >= 400 else None)
        except (
            RecursionError,
            AttributeError,
            TypeError,
        ) as error:  # the SDK fails on odd JSON
            outcome = "unavailable"
            raise StripeSilent("Stripe's answer could not be read: try again in a moment") from error
        finally:
            self._account(name, outcome, time.perf_counter() - started, probe=probe)
        if not _is_what_was_asked(name, answer.value):
            raise StripeSilent("Stripe's answer is not what was asked for: try again in a moment")
        answered_at = _answered_at(answer.headers)
        now = datetime.now(UTC)
        if answered_at is not None:
            self.ahead = answered_at - now
        return Fetched(answer.value, answered_at or now)

    def _account(self, name: str, outcome: str, seconds: float, *, probe: bool) -> None:
        if outcome in ("unavailable", "failed"):
            self._breaker.failed(probe=probe)
        elif outcome in ("broken_off", "hurried"):
            self._breaker.abandoned(probe=probe)
        else:
            self._breaker.answered()
        self._observe(name, outcome, seconds)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Stripe: %s was %s in %.1f ms", name, outcome, seconds * 1000)

    def now(self) -> datetime:
        """Return the time by Stripe's clock, as estimated from its last answer."""
        return datetime.now(UTC) + (self.ahead or timedelta())

    async def warm_up(self) -> None:
        """Import the SDK on a thread, so that the first call need not wait for it."""
        await asyncio.to_thread(_import_sdk)

    async def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        if self._http is not None:
            await self._http.close_async()
            self._client = self._http = None

    def _silence(self, error: Exception) -> StripeSilent:
        """Return why there is no answer: a fault that the operator can fix is named."""
        if (fault := certificate_fault(error)) is not None:
            return StripeUntrusted(
                f"the certificate of {self._api_base} is not trusted: {fault}; if your network has a certificate "
                "authority of its own, set SSL_CERT_FILE to its certificates"
            )
        if (fault := proxy_fault(error)) is not None:
            return StripeSilent(f"Stripe cannot be reached: {fault}")
        return StripeSilent("Stripe did not answer: try again in a moment")

    def _open(self) -> Any:
        if self._client is None:
            stripe = _import_sdk()
            self._http = _http_client(stripe, self._api_base)
            self._client = stripe.StripeClient(
                self._api_key,
                http_client=self._http,
                max_network_retries=MOST_RETRIES,
                base_addresses=_addresses(self._api_base),
            )
            requestor = self._client._requestor
            requestor.request_async = partial(_request, requestor)
            options = {"api_key": self._api_key, "stripe_version": requestor.stripe_version}
            self._headers = requestor.request_headers("post", "V1", options)
        return self._client


def _http_client(stripe: Any, api_base: str) -> Any:
    """Return the SDK's client for HTTP, with the proxy and the certificates that the environment names."""
    import aiohttp

    certificates = own_certificates() or ssl.create_default_context(cafile=stripe.ca_bundle_path)
    client = stripe.AIOHTTPClient(
        timeout=TIMEOUT_SECONDS,
        session=aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificates), proxy=proxy_for(api_base)),
    )
    client._internally_managed_session = True  # so that it closes the session
    return client


def _addresses(api_base: str) -> dict[str, str]:
    """Return the SDK's addresses. Stripe takes files at another host, the offline Stripe at the same."""
    return {"api": api_base} if api_base == STRIPE_API_BASE else {"api": api_base, "files": api_base}


async def _request(
    requestor: Any, method: str, url: str, params: Any = None, options: Any = None, **where: Any
) -> _Answer:
    """Send a request for all of the SDK's methods, as its requestor does, but do not make its objects of the answer.

    They are as many as the answer has objects within objects, and took two thirds of a backfill's processor time.
    """
    requestor = requestor._new_requestor_with_options(options)
    body, status, headers = await requestor.request_raw_async(method, url, params, options, api_mode="V1", **where)
    return _read(requestor, body, status, headers)


def _read(requestor: Any, body: Any, status: int, headers: Mapping[str, str]) -> _Answer:
    """Return an answer of Stripe, or raise the SDK's error for it."""
    if 200 <= status < 300:
        with suppress(ValueError):
            return _Answer(decode(body), headers)
    requestor._interpret_response(body, status, headers, "V1")  # raises what it names
    raise TypeError("an answer that only the SDK can read")


def _import_sdk() -> ModuleType:
    """Import the SDK without `requests`, which only its synchronous client needs: this saves 45 ms."""
    absent = "requests" not in sys.modules
    if absent:
        sys.modules["requests"] = None  # type: ignore[assignment]  # makes Python report that it cannot be imported
    try:
        import stripe
    finally:
        if absent:
            del sys.modules["requests"]
    stripe.enable_telemetry = False
    return stripe


def _name_failure(stripe: Any, error: Any) -> StripeRejected | StripeUnavailable:
    status = error.http_status or 0
    if 0 < status < 400:  # an answer that the SDK could not read; its message quotes all of it
        return StripeSilent("Stripe's answer could not be read: try again in a moment")
    where = storable(f" (request {error.request_id})") if error.request_id else ""
    detail = storable(str(error.user_message or "")) or why(error)
    if status == 409 or isinstance(error, stripe.RateLimitError):
        return StripeUnavailable(f"Stripe is busy with this request or has had too many: try again{where}")
    if status >= 500:
        return StripeFailed(f"Stripe failed with {status}{where}")
    if status == 403:
        return StripeForbidden(f"STRIPE_API_KEY lacks a permission: {detail}{where}")
    if status == 401:
        return StripeDenied(f"Stripe does not accept STRIPE_API_KEY for this: {detail}{where}")
    if status == 404:
        return StripeMissing(f"Stripe has no such object, is STRIPE_API_KEY of another account? {detail}{where}")
    return StripeRejected(f"Stripe refused: {detail}{where}")


def _is_what_was_asked(name: str, found: Any) -> bool:
    """Return whether an answer is an object with an id, or a list of them: a proxy may answer anything."""
    if not isinstance(found, dict):
        return False
    if found.get("object") != "list":
        return not name.endswith(".list") and isinstance(found.get("id"), str)
    data = found.get("data")
    return isinstance(data, list) and all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in data)


def _answered_at(headers: Any) -> datetime | None:
    """Return the answer's Date, or None if it is absent or unreadable."""
    try:
        date = parsedate_to_datetime(headers["Date"])
    except (KeyError, TypeError, ValueError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
