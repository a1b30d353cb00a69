"""`checkout webhook`: the webhook endpoint at Stripe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import (
    dry_run_option,
    json_option,
    yes_option,
)
from checkout_daemon.commands.output import (
    answer,
    console,
    keys,
    print_facts,
    print_json,
    print_result,
    say,
    say_dry_run,
)
from checkout_daemon.commands.running import with_database, with_runtime, with_stripe
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_api.client import StripeGateway
    from checkout_daemon.stripe_sync.endpoint_rules import Endpoint
    from checkout_daemon.stripe_sync.our_endpoint import CreatedEndpoint
    from checkout_daemon.stripe_sync.secret_matches import UsedSecret
    from checkout_daemon.stripe_sync.secret_rotation import Rotated, Rotation

_url_option = click.option(
    "--url", type=TERM, metavar="URL", help="URL of the endpoint.  [default: CHECKOUT_PUBLIC_URL/api/webhook]"
)

# What the next run of `webhook rotate` does, by the value of Stage
_STEPS = {
    "none": "create a new endpoint",
    "waiting": "wait for a delivery that the new secret signed",
    "proved": "disable the old endpoint",
    "draining": "wait for the last deliveries of the old endpoint",
    "quiet": "delete the old endpoint",
}


@click.group(cls=CommandGroup)
def webhook() -> None:
    """Create, inspect and rotate the endpoint at Stripe.

    Example:
      checkout webhook show
    """


@webhook.command("create")
@_url_option
@click.option("--update", is_flag=True, help="Fix the existing endpoint's types and enable it; keep its secret.")
@click.option("--replace", is_flag=True, help="Create a new endpoint, then delete the existing ones.")
@dry_run_option
@yes_option
@json_option
def webhook_create(url: str | None, update: bool, replace: bool, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Have Stripe deliver our events to the daemon.

    The endpoint gets exactly the event types and the API version that the daemon understands. Stripe reveals the
    secret only now: it is printed as the line to set, and given to the daemon of this directory. Exit code 4 if an
    endpoint for this URL already exists.

    Example:
      checkout webhook create --url https://shop.example/api/webhook
    """
    if update and replace:
        raise click.UsageError("--update keeps the endpoint and --replace does not: choose one")
    if dry_run:
        return _plan(url, update=update, replace=replace, as_json=as_json)
    return _update(url, as_json=as_json) if update else _create(url, replace=replace, yes=yes, as_json=as_json)


def _plan(url: str | None, *, update: bool, replace: bool, as_json: bool) -> int:
    """Print what `webhook create` would do at Stripe. Raise as it does."""
    from checkout_daemon.stripe_sync import our_endpoint

    async def work(gateway: StripeGateway, settings: Settings) -> dict[str, Any]:
        wanted = _address(settings, url)
        if update:
            return {"url": wanted, "updated": [old.id for old in await our_endpoint.fixable(gateway, wanted)]}
        if replace:
            existing = await our_endpoint.endpoints_for(gateway, wanted)
        else:
            await our_endpoint.require_none(gateway, wanted)
            existing = []
        return {"url": wanted, "created": True, "deleted": [old.id for old in existing]}

    say_dry_run(with_stripe(work), as_json=as_json)
    return 0


def _require_admin() -> None:
    """Refuse operators who are no admins: whoever has an endpoint's secret can sign as Stripe.

    An endpoint can be created before there is a database, and then there are no operators either.
    """
    from checkout_daemon.audit.rights import OperatorRole, require_acting
    from checkout_daemon.settings import load_settings

    if load_settings().database_url is not None:
        with_database(lambda database, _: require_acting(database, OperatorRole.ADMIN))


def _create(url: str | None, *, replace: bool, yes: bool, as_json: bool) -> int:
    from checkout_daemon.ledger.event_types import ENDPOINT_TYPES
    from checkout_daemon.stripe_sync import our_endpoint
    from checkout_daemon.stripe_sync.remembered_endpoint import remember_instead

    async def work(gateway: StripeGateway, settings: Settings) -> tuple[CreatedEndpoint, list[str]]:
        wanted = _address(settings, url)
        existing = await our_endpoint.endpoints_for(gateway, wanted) if replace else []
        ids = [endpoint.id for endpoint in existing]

        def reveal(created: CreatedEndpoint) -> None:
            remember_instead(settings.state_dir, ids, created.endpoint.id, created.secret)
            _reveal_secret(settings, created, {"deleted": ids}, as_json=as_json)

        if not existing:
            return await our_endpoint.create(gateway, wanted, reveal), []
        confirm(f"Create a new endpoint for {wanted}, then delete {', '.join(ids)}?", yes=yes)
        return await our_endpoint.replace(gateway, wanted, existing, reveal), ids

    _require_admin()
    created, deleted = with_stripe(work)
    say(f"{created.endpoint.id} receives all {len(ENDPOINT_TYPES)} types at {created.endpoint.url}.")
    if deleted:
        say(f"Deleted: {', '.join(deleted)}.")
    return 0


def _update(url: str | None, *, as_json: bool) -> int:
    from checkout_daemon.ledger.event_types import ENDPOINT_TYPES
    from checkout_daemon.stripe_sync import our_endpoint

    _require_admin()
    for endpoint in with_stripe(lambda gateway, settings: our_endpoint.fix(gateway, _address(settings, url))):
        text = f"{endpoint.id} is {endpoint.status} and receives all {len(ENDPOINT_TYPES)} types at {endpoint.url}"
        print_result(_endpoint_object(endpoint), text, as_json=as_json)
    return 0


@webhook.command("show")
@_url_option
@json_option
def webhook_show(url: str | None, as_json: bool) -> int:
    """Show the endpoint and the secrets in use.

    Example:
      checkout webhook show --json
    """
    from checkout_daemon.errors import NotFound
    from checkout_daemon.stripe_sync.our_endpoint import endpoints_for
    from checkout_daemon.stripe_sync.secret_matches import used_secrets

    async def work(runtime: Runtime) -> tuple[list[Endpoint], list[UsedSecret], str]:
        wanted = _address(runtime.settings, url)
        endpoints = await endpoints_for(runtime.gateway, wanted)
        if not endpoints:
            raise NotFound(f"Stripe has no endpoint for {wanted}: `checkout webhook create` creates one")
        secrets = await used_secrets(runtime.database, runtime.settings.webhook_secrets)
        return endpoints, secrets, runtime.settings.time_zone

    endpoints, secrets, zone = with_runtime(work)
    if as_json:
        print_json({"url": endpoints[0].url, "endpoints": list(map(_endpoint_object, endpoints)), "secrets": secrets})
        return 0
    for endpoint in endpoints:
        _print_endpoint(endpoint, zone)
    for secret in secrets:
        _print_secret(secret, zone)
    return 0


def _print_endpoint(endpoint: Endpoint, zone: str) -> None:
    from rich.text import Text

    from checkout_daemon.present.times import local_time

    retired = f"{local_time(endpoint.retired_at, zone)}; `checkout webhook rotate` shows when it can be deleted"
    printer = console()
    printer.print(Text.assemble((endpoint.id, "bold"), f"  {endpoint.status}  {plain(endpoint.url)}"), soft_wrap=True)
    facts = {
        "Mode": "live" if endpoint.livemode else "test",
        "Version": plain(endpoint.api_version or "the account's default"),
        "Types": "all that are used" if not endpoint.missing else "",
        "Lacks": ", ".join(endpoint.missing),
        "Unused": plain(", ".join(endpoint.extra)),
        "Secret": endpoint.secret or "",
        "Created": local_time(endpoint.created_at, zone),
        "Retired": retired if endpoint.retired_at else "",
    }
    print_facts(facts)
    printer.print()


def _print_secret(used: UsedSecret, zone: str) -> None:
    from checkout_daemon.present.times import local_time

    last = f", the last at {local_time(used.last_matched_at, zone)}" if used.last_matched_at else ""
    known = used.secret or "not in STRIPE_WEBHOOK_SECRET here"
    answer(f"{used.fingerprint}  {known}  {counted(used.matches, 'delivery', 'deliveries')} in 24 h{last}")


@webhook.command("rotate")
@_url_option
@dry_run_option
@yes_option
@json_option
def webhook_rotate(url: str | None, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Replace the endpoint's secret without losing a delivery.

    Run it repeatedly: each run takes the step that is due and prints what comes next. The first run creates a new
    endpoint, and the daemon accepts both secrets. Once the new secret has signed a delivery, the old endpoint is
    disabled. Once the old secret has signed nothing for 24 hours, the old endpoint is deleted.

    Example:
      checkout webhook rotate
    """
    from checkout_daemon.audit.rights import OperatorRole, require_acting
    from checkout_daemon.stripe_sync import secret_rotation
    from checkout_daemon.stripe_sync.remembered_endpoint import remember_instead
    from checkout_daemon.stripe_sync.secret_rotation import Rotated, Rotation, Stage

    async def work(runtime: Runtime) -> tuple[Rotated, Settings] | None:
        wanted = _address(runtime.settings, url)
        rotation = await secret_rotation.read_rotation(runtime, wanted)
        if dry_run:
            step = _STEPS[rotation.stage.value]
            say_dry_run({"url": wanted, "old": [old.id for old in rotation.old], "step": step}, as_json=as_json)
            return None
        if question := _question(rotation):
            confirm(question, yes=yes)
        await require_acting(runtime.database, OperatorRole.ADMIN)

        def reveal(created: CreatedEndpoint) -> None:
            old = [endpoint.id for endpoint in rotation.old]
            # When it restarts, `checkout dev` keeps the endpoint that it remembers, and deletes others of this URL.
            remember_instead(runtime.settings.state_dir, old, created.endpoint.id, created.secret)
            began = Rotated(Rotation(Stage.WAITING, created.endpoint, rotation.old), created.secret)
            _reveal_secret(runtime.settings, created, _progress_object(began), as_json=as_json)

        return await secret_rotation.rotate(runtime, wanted, rotation, reveal), runtime.settings

    ended = with_runtime(work)
    if ended is None:
        return 0
    done, settings = ended
    rotation = done.rotation
    if done.secret is None and as_json:
        print_json((_endpoint_object(rotation.new) if rotation.new else {}) | _progress_object(done))
    elif done.secret is None:
        answer(_progress_line(done, settings))
    if done.deleted:
        _forget_secrets(settings, done)
    elif rotation.stage is Stage.WAITING:
        if done.secret is None:
            _say_if_unknown(settings, rotation)
        say("Run `checkout webhook rotate` again after the next event from Stripe has arrived.")
    return 0


def _question(rotation: Rotation) -> str | None:
    from checkout_daemon.stripe_sync.secret_rotation import Stage

    ids = ", ".join(old.id for old in rotation.old)
    match rotation.stage:
        case Stage.NONE:
            return f"Create a new endpoint with a new secret, next to {ids}?"
        case Stage.PROVED:
            return f"Disable {ids}? The new secret is in use."
        case Stage.QUIET:
            return f"Delete {ids}? Its secret has signed no delivery for 24 h."
        case Stage.WAITING | Stage.DRAINING:
            return None


def _progress_object(done: Rotated) -> dict[str, Any]:
    rotation = done.rotation
    return {
        "stage": "done" if done.deleted else rotation.stage.value,
        "old": [old.id for old in rotation.old],
        "old_may_go_at": rotation.old_may_go_at,
        "deleted": [old.id for old in done.deleted],
    }


def _progress_line(done: Rotated, settings: Settings) -> str:
    from checkout_daemon.present.times import local_time
    from checkout_daemon.stripe_sync.secret_rotation import Stage

    rotation = done.rotation
    old = ", ".join(endpoint.id for endpoint in done.deleted or rotation.old)
    if done.deleted:
        return f"Deleted {old}: the rotation is complete"
    new = rotation.new.id if rotation.new else ""
    if rotation.stage is Stage.WAITING:
        return f"{new} has delivered nothing yet:\n{old} stays until it has"
    may_go_at = local_time(rotation.old_may_go_at, settings.time_zone)
    return f"{new} is in use, {old} is disabled;\nit can be deleted at {may_go_at}, unless its secret signs another one"


def _say_if_unknown(settings: Settings, rotation: Rotation) -> None:
    from checkout_daemon.stripe_cli.listen_secret import NAME
    from checkout_daemon.stripe_sync.endpoint_rules import fingerprint

    known = {fingerprint(secret) for secret in settings.webhook_secrets}
    if (rotation.new.secret if rotation.new else None) not in known:
        say(f"Set both secrets for the daemon: {NAME}=<the old one>,<the new one>,\nand restart it.")


def _forget_secrets(settings: Settings, done: Rotated) -> None:
    """Remove the secrets of the deleted endpoints from the demo's settings, or print which to remove by hand."""
    from checkout_daemon.stripe_cli.listen_secret import NAME, withdraw_secret
    from checkout_daemon.stripe_sync.endpoint_rules import fingerprint

    fingerprints = {endpoint.secret for endpoint in done.deleted}
    old = [secret for secret in settings.webhook_secrets if fingerprint(secret) in fingerprints]
    if not old:
        say(f"Remove its secret from {NAME}.")
        return
    forgotten = [withdraw_secret(settings, secret) for secret in old]
    if not all(forgotten):
        say(f"Remove its secret from {NAME}: it is number {settings.webhook_secrets.index(old[0]) + 1} there.")


def _address(settings: Settings, url: str | None) -> str:
    from checkout_daemon.stripe_sync.endpoint_rules import webhook_url

    return url or webhook_url(settings.public_url)


def _endpoint_object(endpoint: Endpoint) -> dict[str, Any]:
    return {name: value for name, value in keys(endpoint).items() if name != "replaces"}


def _reveal_secret(settings: Settings, created: CreatedEndpoint, more: dict[str, Any], *, as_json: bool) -> None:
    """Print the new secret, and give it to the daemon of this directory."""
    from checkout_daemon.stripe_cli.listen_secret import line_to_set, share_secret

    known = share_secret(settings, created.secret)
    revealed = _endpoint_object(created.endpoint) | {"secret": created.secret, "known": known} | more
    print_result(revealed, line_to_set(settings, created.secret), as_json=as_json)
    if known:
        say("The daemon of this directory knows the secret. Stripe does not reveal it again.")
    else:
        say("Set this line for the daemon and restart it. Stripe does not reveal the secret again.")
