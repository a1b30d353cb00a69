"""The acts that are tried: checkout, intake, every job of the table, and every command that changes something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkout_daemon.jobs.table import JOBS
from tests.faults.crashes.acts import Act

Names = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """An act in a world.

    `settings` are those that differ from the world's; an empty one is not set.
    """

    name: str
    world: str
    act: Callable[[Names], Act]
    settings: Mapping[str, str] = field(default_factory=dict)
    code: int = 0  # with which it ends


def _command(text: str, *, world: str = "quiet", code: int = 0) -> Scenario:
    """Return a scenario of a command. A word in braces is what the world has under that name."""

    def act(names: Names) -> Act:
        return Act("command", tuple(word.format(**names) for word in text.split()))

    return Scenario(f"checkout {text}", world, act, code=code)


def _job(name: str, **settings: str) -> Scenario:
    return Scenario(f"job {name}", _WORLDS.get(name, "busy"), lambda _: Act("job", (name,)), settings)


_WORLDS = dict.fromkeys(("run-batches", "run-proposals", "deliver-endpoints"), "left")
_UNCONFIGURED = {"CHECKOUT_SHOP_WEBHOOK_URL": "", "CHECKOUT_SHOP_WEBHOOK_SECRET": ""}
_SETTINGS = {"skip-messages": _UNCONFIGURED, "decide-fraud-warnings": {"CHECKOUT_FRAUD_WARNING": "refund"}}

_OF_A_STAFF = (
    "orders ship {to_ship} --carrier DHL --yes",
    "orders correct {open} --phone +436641234567 --yes",
    "orders assign {open} anna --yes",
    "orders unassign {cared} --yes",
    "orders snooze {twice} {later} --note later",
    "orders unsnooze {cared}",
    "orders refund --from-file {file} --yes",
    "batches resume {batch} --yes",
    "proposals reject {proposed} --yes",
    "events dismiss {dead_event} --note no --yes",
    "outbox dismiss {dead_message} --note no --yes",
    "outbox endpoints add dhl https://dhl.example/hooks",
    "outbox endpoints enable crm",
    "outbox endpoints disable wms",
    "outbox endpoints rotate wms --yes",
    "outbox endpoints remove wms --yes",
    "operators add cy --role view --system-user cy",
    "operators limit bo eur=500",
    "operators disable bo --yes",
    "tokens create shelf",
    "tokens revoke erp --yes",
    "import stripe --since {since}",
    "webhook rotate --url https://desk.example/api/webhook --yes",
    "webhook create --replace --url https://desk.example/api/webhook --yes",
)

SCENARIOS = (
    Scenario("checkout", "quiet", lambda _: Act("checkout", (None,))),
    Scenario("checkout with a discount", "quiet", lambda _: Act("checkout", ("TEN",))),
    Scenario("checkout with a limited discount", "quiet", lambda _: Act("checkout", ("ONCE",))),
    Scenario("retry of an expired order", "quiet", lambda names: Act("retry", (names["expired"],))),
    Scenario("retry of an open order", "quiet", lambda names: Act("retry", (names["open"],))),
    Scenario("intake", "paying", lambda names: Act("intake", names["bodies"])),
    *(_job(job.name, **_SETTINGS.get(job.name, {})) for job in JOBS),
    _command("orders refund {paid} --yes"),
    _command("orders refund {part} --amount 700 --yes"),
    _command("orders cancel {open} --yes"),
    _command("proposals approve {proposal} --yes"),
    _command("orders refund {paid} --item PEN:1 --restock --yes"),
    _command("orders cancel {open} --no-restock --yes"),
    _command("disputes evidence {disputed} --set customer_name=Bo"),
    _command("disputes evidence {disputed} --stage"),
    _command("disputes submit {disputed} --yes"),
    _command("disputes accept {given_up} --yes"),
    _command("stock set PEN 40"),
    _command("stock adjust PEN +5"),
    _command("orders note {paid} remember"),
    _command("orders ack {twice} paid_twice"),
    _command("orders erase {paid} --yes"),
    _command("orders recover {lost_session} --yes"),
    _command("sessions resend {open}"),
    _command("sessions resend {expired}"),
    _command("sessions expire {open} --yes"),
    _command("sessions sync {paid}"),
    _command("events replay {dead_event} --yes"),
    _command("events replay --status applied --yes"),
    _command("events backfill --since 1h"),
    _command("outbox replay {dead_message}"),
    _command("outbox replay --status sent --yes"),
    _command("reconcile --since 1h --apply --rate 90", code=1),  # it leaves the lost order to a person
    _command("catalog import {products}"),
    _command("webhook create --yes"),
    _command("db migrate"),
    *(_command(line, world="staffed") for line in _OF_A_STAFF),
)

NOT_TRIED = {
    "batches stop": "one statement; without it a daemon finishes the batch",
    "db init": "the same statements as db migrate",
    "db move": "one transaction",
    "db restore": "a program of PostgreSQL writes, and it begins with an empty database each time",
    "db roles": "makes users of the whole server, which the worlds share",
    "events resend": "the Stripe CLI asks Stripe",
    "trigger": "the Stripe CLI asks Stripe",
}
"""Why a command that changes something is in no scenario."""
