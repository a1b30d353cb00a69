"""A shop with operators, tokens, receivers and batches, in which every command that changes something has an object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from checkout_daemon.audit.operators import Operator, this_operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.batches.planning import plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.messages.delivering import deliver_due
from checkout_daemon.messages.webhook_endpoints import add_endpoint
from checkout_daemon.model.messages import Channel
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.proposals.deciding import _approve
from checkout_daemon.proposals.proposing import propose_cancel, propose_refund
from checkout_daemon.tokens.api_tokens import Scope, create_token
from tests.faults.crashes.places import Place
from tests.faults.crashes.worlds import DECIDED_LONG_AGO, deliver, events_at_stripe, quiet, settle
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, pay

_HOOK = "https://desk.example/api/webhook"


async def staffed(place: Place) -> dict[str, Any]:
    """Make the quiet shop, and what its operators set up and left."""
    runtime, connection = place.runtime, place.connection
    names = await quiet(place)
    made = {name: await check_out(runtime) for name in ("to_ship", "one", "two", "left", "cared")}
    for name in ("to_ship", "one", "two", "left"):
        await pay(runtime, made[name].session_id, made[name].amount_total)
    held = place.world.known.ids
    await deliver(runtime, [event for event in events_at_stripe(place) if event["id"] not in held])
    names |= {name: str(answer.order_id) for name, answer in made.items()}
    await to_be_sent(connection, names["to_ship"])
    await connection.execute(
        "INSERT INTO order_care VALUES ($1, 'anna', now() + interval '2 days', '{}')", names["cared"]
    )
    boss = Operator("boss", "desk")
    for name, role, user in (("boss", OperatorRole.ADMIN, this_operator().os_user), ("bo", OperatorRole.REFUND, "bo")):
        await add_operator(runtime.database, NewOperator(name, role, {}, os_user=user), operator=boss)
    proposal = await propose_refund(runtime, names["part"], RefundOptions(amount=300), operator=Operator("bo", "desk"))
    names["proposed"] = str(proposal.number)
    await create_token(runtime.database, "erp", (Scope.READ,), operator=boss)
    for name in ("wms", "crm"):
        await add_endpoint(
            runtime.database, name, "https://wms.example/hooks", ("refund.requires_action",), operator=boss
        )
    await connection.execute(
        "UPDATE webhook_endpoints SET disabled_at = now(), disabled_why = 'by hand' WHERE name = 'crm'"
    )
    async with runtime.database.connection() as reading:
        view = await read_view(reading, names["left"])
    assert view is not None
    plan = await plan_orders(runtime, BatchAct.REFUND, [(view.order, None)], BatchOptions(amount=200))
    batch = await start_batch(runtime, plan, operator=boss)
    names["batch"] = str(batch.number)
    await connection.execute(
        "UPDATE batches SET status = 'stopped', why = 'planned', ended_at = now(), holder = NULL, leased_until = NULL"
        " WHERE number = $1",
        batch.number,
    )
    await runtime.gateway.request(
        "webhook_endpoints.create", params={"url": _HOOK, "enabled_events": ["checkout.session.completed"]}
    )
    file = place.directory / "refunds.txt"
    file.write_text(f"{made['one'].number}\n{made['two'].number}\n", encoding="utf-8")
    names["file"] = str(file)
    today = datetime.now(UTC).date()
    names |= {"since": str(today - timedelta(days=2)), "later": str(today + timedelta(days=30))}
    await settle(place)
    return names


async def left(place: Place) -> dict[str, Any]:
    """Make the staffed shop, whose operators' machines died: a batch and a cancellation are half done.

    A receiver of webhooks has not got what it is owed.
    """
    runtime, connection = place.runtime, place.connection
    names = await staffed(place)
    boss = Operator("boss", "desk")
    await connection.execute(
        "UPDATE batches SET status = 'running', why = NULL, ended_at = NULL, holder = 'dead', leased_until = now()"
        " WHERE number = $1::bigint",
        int(names["batch"]),
    )
    proposal = await propose_cancel(runtime, names["open"], operator=Operator("bo", "desk"))
    await runtime.database.run(_approve, proposal.number, boss, "", livemode=False)
    await connection.execute(DECIDED_LONG_AGO)
    await add_endpoint(runtime.database, "shelf", f"{place.receivers.url}/{place.name}", (), operator=boss)
    owed = await check_out(runtime)
    await pay(runtime, owed.session_id, owed.amount_total)
    held = place.world.known.ids | {row["id"] for row in await connection.fetch("SELECT id FROM stripe_events")}
    await deliver(runtime, [event for event in events_at_stripe(place) if event["id"] not in held])
    await deliver_due(runtime, Channel.WEBHOOK)  # the shop has got them, and they are owed to the receiver
    return names
