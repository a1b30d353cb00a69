"""`checkout webhook`: the endpoint at Stripe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from checkout_daemon.commands.declared.options import json_option, yes_option
from checkout_daemon.commands.declared.typed import TERM


def _url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--url", type=TERM, metavar="URL", help="Of the endpoint.  [default: CHECKOUT_PUBLIC_URL/api/webhook]"
    )(command)


@click.group()
def webhook() -> None:
    """Make, look at and renew the endpoint at Stripe.

    \b
    Example:
      checkout webhook show
    """


@webhook.command("create")
@_url_option
@click.option("--update", is_flag=True, help="Mend the one there is: types, enabled. It keeps its secret.")
@click.option("--replace", is_flag=True, help="Delete those there are, once the new one is made.")
@yes_option
@json_option
def webhook_create(url: str | None, update: bool, replace: bool, yes: bool, as_json: bool) -> int:
    """Have Stripe deliver our events to the daemon.

    With exactly the types and the API version that it understands. Stripe tells the secret only now: it is printed as
    the line to set, and made known to the daemon of this folder. Exit code 4 where there is one already.

    \b
    Example:
      checkout webhook create --url https://shop.example/api/webhook
    """
    from checkout_daemon.commands import webhook

    if update and replace:
        raise click.UsageError("--update keeps the endpoint and --replace does not: choose one")
    if update:
        return webhook.update(url, as_json=as_json)
    return webhook.create(url, replace=replace, yes=yes, as_json=as_json)


@webhook.command("show")
@_url_option
@json_option
def webhook_show(url: str | None, as_json: bool) -> int:
    """Show the endpoint, and which secrets are in use.

    \b
    Example:
      checkout webhook show --json
    """
    from checkout_daemon.commands import webhook

    return webhook.show(url, as_json=as_json)


@webhook.command("rotate")
@_url_option
@yes_option
@json_option
def webhook_rotate(url: str | None, yes: bool, as_json: bool) -> int:
    """Give the endpoint a new secret, missing no delivery.

    Run it again and again; each run does what is due and says what comes next. A new endpoint is made beside the old,
    both secrets are set side by side; once the new one has signed a delivery, the old endpoint is disabled; once its
    secret has signed none for 24 hours, it is deleted.

    \b
    Example:
      checkout webhook rotate
    """
    from checkout_daemon.commands import webhook_rotation

    return webhook_rotation.rotate(url, yes=yes, as_json=as_json)
