"""Checks against Stripe: the webhook endpoint, the signing secrets and the clock."""

from __future__ import annotations

from checkout_daemon.clocks import DANGEROUS, FIX, NOTABLE
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.counts import counted
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.settings import STRIPE_API_BASE
from checkout_daemon.stripe_cli.listening import listens
from checkout_daemon.stripe_sync.endpoint_rules import API_VERSION, Endpoint, fingerprint, read_endpoint, webhook_url
from checkout_daemon.stripe_sync.pulse import Pulse, read_pulse
from checkout_daemon.stripe_sync.secret_matches import UsedSecret, matches_lately, used_secrets
from checkout_daemon.urls import same_address


async def stripe_answers(probes: Probes) -> Check:
    """Check that Stripe answers us, and the daemon."""
    if probes.endpoints is None:
        return Check.failed("stripe", probes.stripe_trouble, probes.fix_stripe)
    pulse = Pulse()
    if probes.server is not None and probes.database is not None:
        async with probes.database.connection() as connection:
            pulse = await read_pulse(connection)
    if pulse.stripe_silent:
        detail = f"answers here, but the daemon has had no answer for {pulse.stripe_seconds:.0f} s"
        return Check.failed("stripe", detail, probes.fix_stripe)
    return Check.passed("stripe", f"{probes.settings.stripe_api_base} answers")


def clock_agrees(probes: Probes) -> Check:
    """Check that the clocks of this machine, the database and Stripe agree."""
    clocks = probes.clocks
    known = (("the database", clocks.database), ("Stripe", clocks.stripe))
    detail = ", ".join(f"{abs(ahead.total_seconds()):.0f} s from {name}" for name, ahead in known if ahead is not None)
    if not detail:
        return Check.failed("clock", "neither the database nor Stripe answers", probes.fix_database)
    if clocks.widest > NOTABLE:
        halted = "; nothing is deleted or given up because of its age until they agree"
        return Check.failed("clock", clocks.description + (halted if clocks.widest > DANGEROUS else ""), FIX)
    silent = [name for name, ahead in known if ahead is None]
    return Check.passed("clock", detail + "".join(f"; {name} does not answer" for name in silent))


async def endpoint_registered(probes: Probes) -> Check:
    """Check that Stripe has an enabled endpoint for us with every event type, or that `checkout listen` replaces it."""
    url = webhook_url(probes.settings.public_url)
    if probes.endpoints is None:
        return Check.failed("endpoint", f"cannot be checked: {probes.stripe_trouble}", probes.fix_stripe)
    ours = _endpoints(probes)
    if not ours:
        if listening := await _listened_to(probes):
            return Check.passed("endpoint", f"none at Stripe for {url}, but {listening}")
        local = probes.settings.stripe_api_base == STRIPE_API_BASE and probes.settings.public_url_is_local
        if local and probes.settings.livemode:
            detail = f"CHECKOUT_PUBLIC_URL is {probes.settings.public_url}, which neither Stripe nor shoppers can reach"
            return Check.failed("endpoint", detail, "export CHECKOUT_PUBLIC_URL=https://YOUR-SHOP")
        if local:
            return Check.failed("endpoint", f"Stripe cannot reach {url}; its CLI can forward to it", "checkout listen")
        return Check.failed("endpoint", f"none at Stripe for {url}", "checkout webhook create")
    for endpoint in ours:
        if not endpoint.faults(exact=False):
            extra = f"; and {', '.join(endpoint.extra)}, which are not" if endpoint.extra else ""
            version = "" if endpoint.api_version else "; in the account's default API version"
            detail = f"{url} gets all {len(EVENT_TYPES)} event types that are used{extra}{version}"
            return Check.passed("endpoint", detail)
    endpoint = next((endpoint for endpoint in ours if endpoint.retired_at is None), ours[0])
    fix = "--update" if endpoint.api_version in (None, API_VERSION) else "--replace"
    detail = f"{endpoint.id} for {url} {'; it '.join(endpoint.faults(exact=False))}"
    return Check.failed("endpoint", detail, f"checkout webhook create {fix}")


async def secrets_set(probes: Probes) -> Check:
    """Check that the endpoint's secret is set, and count the deliveries that each secret signed lately."""
    secrets = probes.settings.webhook_secrets
    if not secrets:
        fix = "checkout webhook create --replace" if _endpoints(probes) else "checkout webhook create"
        detail = "STRIPE_WEBHOOK_SECRET is not set: no delivery can be verified"
        return Check.failed("secrets", detail, "checkout dev" if probes.demo_stripe else fix)
    count = counted(len(secrets), "secret")
    if probes.server is None or probes.database is None:
        return Check.passed("secrets", f"{count}; deliveries cannot be counted without the database")
    used = await used_secrets(probes.database, secrets)
    matched = ", ".join(f"{secret.secret or secret.fingerprint} matched {_times(secret)}" for secret in used)
    known = {fingerprint(secret) for secret in secrets} | {secret.fingerprint for secret in used}
    for endpoint in _endpoints(probes):
        if endpoint.status == "enabled" and endpoint.secret is not None and endpoint.secret not in known:
            detail = f"the secret of {endpoint.id} is not among them: its deliveries are refused; {matched}"
            return Check.failed("secrets", detail, "checkout webhook create --replace")
    return Check.passed("secrets", f"{count}: {matched}, in 24 h")


async def _listened_to(probes: Probes) -> str | None:
    """Describe how deliveries arrive without an endpoint: `checkout listen` runs, or ran lately. None if neither."""
    if probes.server is None or probes.database is None:
        return None
    if await listens(probes.database, probes.server.now):
        return "`checkout listen` runs"
    matches = await matches_lately(probes.database)
    count = sum(match.matches for match in matches.values())
    return f"deliveries arrive nevertheless: {count:,} in 24 h" if count else None


def _endpoints(probes: Probes) -> list[Endpoint]:
    """Return the endpoints at Stripe with our URL, newest first."""
    url = webhook_url(probes.settings.public_url)
    return [read_endpoint(found) for found in probes.endpoints or () if same_address(found["url"], url)]


def _times(used: UsedSecret) -> str:
    return counted(used.matches, "delivery", "deliveries")
