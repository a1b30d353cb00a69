"""`checkout webhook create` and `show`."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.text import Text

from checkout_daemon.commands.output import answer, confirm, console, counted, plain, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.times import clock
from checkout_daemon.dev.endpoint import remember_instead
from checkout_daemon.domain.events import EVENT_TYPES
from checkout_daemon.domain.webhook_endpoint import Endpoint, webhook_url
from checkout_daemon.errors import NotFound
from checkout_daemon.gateway.client import StripeGateway
from checkout_daemon.runtime import Runtime
from checkout_daemon.services import webhook_endpoints
from checkout_daemon.services.listen_secret import line_to_set, make_known
from checkout_daemon.services.secret_matches import UsedSecret, used_secrets
from checkout_daemon.services.webhook_endpoints import Made, endpoints_for
from checkout_daemon.settings import Settings, load_settings


def create(url: str | None, *, replace: bool, yes: bool, as_json: bool) -> int:
    settings = load_settings()
    settings.require_stripe_api_key()
    made, gone = asyncio.run(_create(settings, address(settings, url), replace=replace, yes=yes))
    remember_instead(settings.state_dir, gone, made.endpoint.id, made.secret)
    tell_secret(settings, made, {"deleted": gone}, as_json=as_json)
    say(f"{made.endpoint.id} gets all {len(EVENT_TYPES)} types for {made.endpoint.url}.")
    if gone:
        say(f"Deleted: {', '.join(gone)}.")
    return 0


async def _create(settings: Settings, url: str, *, replace: bool, yes: bool) -> tuple[Made, list[str]]:
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)
    try:
        existing = await endpoints_for(gateway, url) if replace else []
        if not existing:
            return await webhook_endpoints.create(gateway, url), []
        ids = [each.id for each in existing]
        confirm(f"Make a new endpoint for {url}, then delete {', '.join(ids)}?", yes=yes)
        return await webhook_endpoints.replace(gateway, url, existing), ids
    finally:
        await gateway.close()


def update(url: str | None, *, as_json: bool) -> int:
    settings = load_settings()
    settings.require_stripe_api_key()
    for each in asyncio.run(_update(settings, address(settings, url))):
        if as_json:
            print_json(endpoint_object(each))
        else:
            answer(f"{each.id} is {each.status} and gets all {len(EVENT_TYPES)} types for {each.url}")
    return 0


async def _update(settings: Settings, url: str) -> list[Endpoint]:
    gateway = StripeGateway(settings.stripe_api_key or "", settings.stripe_api_base)
    try:
        return await webhook_endpoints.mend(gateway, url)
    finally:
        await gateway.close()


def show(url: str | None, *, as_json: bool) -> int:
    async def work(runtime: Runtime) -> tuple[list[Endpoint], list[UsedSecret], str]:
        wanted = address(runtime.settings, url)
        endpoints = await endpoints_for(runtime.gateway, wanted)
        if not endpoints:
            raise NotFound(f"Stripe has no endpoint for {wanted}: `checkout webhook create` makes one")
        secrets = await used_secrets(runtime.database, runtime.settings.webhook_secrets)
        return endpoints, secrets, runtime.settings.time_zone

    endpoints, secrets, zone = with_runtime(work)
    if as_json:
        print_json({"url": endpoints[0].url, "endpoints": list(map(endpoint_object, endpoints)), "secrets": secrets})
        return 0
    for each in endpoints:
        _print_endpoint(each, zone)
    for secret in secrets:
        _print_secret(secret, zone)
    return 0


def _print_endpoint(endpoint: Endpoint, zone: str) -> None:
    printer = console()
    printer.print(Text.assemble((endpoint.id, "bold"), f"  {endpoint.status}  {plain(endpoint.url)}"), soft_wrap=True)
    facts = {
        "Mode": "live" if endpoint.livemode else "test",
        "Version": plain(endpoint.api_version or "the account's default"),
        "Types": "all that are used" if not endpoint.missing else "",
        "Lacks": ", ".join(endpoint.missing),
        "Unused": plain(", ".join(endpoint.extra)),
        "Secret": endpoint.secret or "",
        "Made": clock(endpoint.created_at, zone),
        "Retired": f"{clock(endpoint.retired_at, zone)}; `checkout webhook rotate` says when it may go"
        if endpoint.retired_at
        else "",
    }
    for name, fact in facts.items():
        if fact:
            printer.print(Text(f"  {name:<8}{fact}"), soft_wrap=True)
    printer.print()


def _print_secret(used: UsedSecret, zone: str) -> None:
    last = f", the last at {clock(used.last_matched_at, zone)}" if used.last_matched_at else ""
    known = used.secret or "not in STRIPE_WEBHOOK_SECRET here"
    answer(f"{used.fingerprint}  {known}  {counted(used.matches, 'delivery', 'deliveries')} in 24 h{last}")


def address(settings: Settings, url: str | None) -> str:
    return url or webhook_url(settings.public_url)


def endpoint_object(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "status": endpoint.status,
        "api_version": endpoint.api_version,
        "livemode": endpoint.livemode,
        "created_at": endpoint.created_at,
        "missing": endpoint.missing,
        "extra": endpoint.extra,
        "secret": endpoint.secret,
        "retired_at": endpoint.retired_at,
    }


def tell_secret(settings: Settings, made: Made, more: dict[str, Any], *, as_json: bool) -> None:
    """Print it, once; the daemon of this folder is told as well."""
    known = make_known(settings, made.secret)
    if as_json:
        print_json(endpoint_object(made.endpoint) | {"secret": made.secret, "known": known} | more)
    else:
        answer(line_to_set(settings, made.secret))
    if known:
        say("The daemon of this folder knows the secret; Stripe does not tell it again.")
    else:
        say("Set this line for the daemon and start it again; Stripe does not tell the secret again.")
