"""Recover an order that this database has lost, from its session at Stripe: our metadata, the lines, the customer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import asyncpg
from msgspec import structs

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note, record, state_of
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import require_act
from checkout_daemon.catalog.pricing import PricedLine, share_discount
from checkout_daemon.catalog.taxes import included_taxes
from checkout_daemon.checkout.sessions import our_session_update, start_attempt
from checkout_daemon.errors import CheckoutError, NotFound, StripeRejected, StripeUnavailable
from checkout_daemon.ledger import missing_order_store as store
from checkout_daemon.ledger.event_store import adopt_events
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.ledger.missing_order_store import RecoveredOrder
from checkout_daemon.ledger.order_states import CHANNEL
from checkout_daemon.ledger.translate.named_orders import NamedOrder, named_order
from checkout_daemon.ledger.translate.session import address_of, collected_address
from checkout_daemon.ledger.translate.stripe_objects import child, moment, text
from checkout_daemon.model.orders import Order
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.order_store import PayableOrder, read_order
from checkout_daemon.orders.shipping_store import SellingTerms, record_terms
from checkout_daemon.runtime import Runtime
from checkout_daemon.shop.records import Shop
from checkout_daemon.stripe_api.client import Fetched, StripeMissing
from checkout_daemon.stripe_api.sessions import list_lines, retrieve_session
from checkout_daemon.stripe_sync.comparing import sync_order

_SYNC = "session.sync"  # as `checkout sessions sync` does to an order that exists


class NotRecoverable(CheckoutError):
    """The session was not created by this program, was not completed, or has amounts that do not add up."""

    code = "not_recoverable"
    status = 409
    exit_code = 4
    title = "The order cannot be recovered from this session"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What Stripe has about an order. `exists`: it is stored here already."""

    session: Fetched
    named: NamedOrder
    amount_total: int
    currency: str
    exists: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """The order now. `recovered` is False if it existed. `not_compared`: why refunds and disputes were not read."""

    order: Order
    recovered: bool
    not_compared: str | None = None


async def plan_recovery(runtime: Runtime, session_id: str) -> Recovery:
    """Read the session at Stripe. Raise NotFound, NotRecoverable, StripeUnavailable and StripeRejected."""
    try:
        session = await retrieve_session(runtime.gateway, session_id)
    except StripeMissing as error:
        raise NotFound(f"Stripe has no session {session_id!r}, or the key is of another account or mode") from error
    named = named_order(session.object)
    if named is None:
        raise NotRecoverable(
            f"session {session_id} was not made by this program: its metadata has no order_id and attempt"
        )
    async with runtime.database.connection() as connection:
        exists = named.order_id in await store.held_orders(connection, [named.order_id])
    if session.object.get("status") != "complete" and not exists:
        raise NotRecoverable(
            f"session {session_id} is {session.object.get('status')}: nobody has paid it, nothing can be recovered"
        )
    return Recovery(session, named, int(session.object["amount_total"]), str(session.object["currency"]), exists)


async def recover_order(runtime: Runtime, plan: Recovery, *, operator: Operator, note: str = "") -> Recovered:
    """Insert the order of a session unless it exists, and merge what Stripe has about it. Safe to repeat.

    It gets its old number unless another order has that now. One that exists is compared with Stripe, as sync_order
    does it.
    Raise NotAnOperator, RoleTooLow, NotRecoverable, StripeUnavailable and StripeRejected.
    """
    note = check_note(note)
    await runtime.database.run(require_act, [operator])  # what changes nothing writes no entry, which would check it
    session_id, order_id = str(plan.session.object["id"]), plan.named.order_id
    order = None if plan.exists else await _rebuild(runtime, plan)
    cause = _SYNC if plan.exists else "order.recovered"
    update = our_session_update(plan.session, order_id, plan.named.attempt, cause, operator.actor)
    update = structs.replace(update, note=note or session_id, order_ids=[order_id], always_logged=order is not None)
    recovered = False
    if order is None:
        action = OperatorAction(cause, operator, note, {"objects": [session_id]})
        await runtime.database.run(_join, order_id, action, update)
    else:
        details = {"session": session_id, "amount": order.amount_total, "currency": order.currency}
        action = OperatorAction(cause, operator, note, details)
        terms = _terms(order, runtime.settings.shop)
        recovered = await runtime.database.run(_insert, order, terms, action, update)
    not_compared = None
    try:  # refunds and disputes, whose events may be gone
        if recovered:  # its audit entry stands for all that it merges
            await sync_order(runtime, order_id, cause=cause, actor=operator.actor)
        else:
            await sync_order(runtime, order_id, cause=_SYNC, actor=operator, note=note)
    except (StripeUnavailable, StripeRejected) as error:
        not_compared = error.detail
    async with runtime.database.connection() as connection:
        return Recovered(await read_order(connection, order_id), recovered, not_compared)


async def _join(connection: asyncpg.Connection, order_id: str, action: OperatorAction, update: Update) -> None:
    """Merge the session of an order that exists, and record that if it changes the order."""
    merged = await merge(connection, [update])
    before, after = merged.orders[order_id].state, state_of(merged, order_id)
    if after != before:
        await record(connection, order_id, action, before=before, after=after)


async def _insert(
    connection: asyncpg.Connection,
    order: RecoveredOrder,
    terms: SellingTerms,
    action: OperatorAction,
    update: Update,
) -> bool:
    """Insert the order, or return False if another process did so first."""
    if order.number is not None:
        await store.raise_numbers(connection, order.number)
    number = await store.insert_recovered(connection, order, CHANNEL)
    if number is None:
        return False
    if terms.amount_shipping is not None or terms.amount_tax is not None:
        await record_terms(connection, order.id, terms, order.shipping)
    action = replace(action, details={**action.details, "number": number})
    merged = await act(connection, order.id, action, update)
    # Events that arrived meanwhile named the order before it existed again.
    nodes = merged.base.links.nodes_of(order.id)
    await adopt_events(connection, dict.fromkeys(nodes, order.id))
    return True


async def _rebuild(runtime: Runtime, plan: Recovery) -> RecoveredOrder:
    session, named = plan.session.object, plan.named
    items = await list_lines(runtime.gateway, str(session["id"]))
    read = [_line(item, place) for place, item in enumerate(items, 1)]
    lines = tuple(line for line, rate in read if rate is None)
    sent = next(((line, rate) for line, rate in read if rate is not None), None)
    amount_shipping, shipping = _shipping(session, named, sent, runtime.settings.shop)
    subtotal = sum(line.amount for line in lines)
    # Stripe spreads the coupon over all lines, and so over shipping, too; ours is about the goods.
    discount = sum(line.amount_discount for line, _ in read)
    if discount and sent is not None:
        shares = share_discount([line.amount for line in lines], discount, plan.currency)
        lines = tuple(replace(line, amount_discount=share) for line, share in zip(lines, shares, strict=True))
    adds_up_to = subtotal - discount + (amount_shipping or 0)
    if not lines or adds_up_to != plan.amount_total:
        raise NotRecoverable(
            f"session {session['id']} has the total {plan.amount_total} {plan.currency} in minor units, but its lines "
            f"less their discounts add up to {adds_up_to}: this program did not create it"
        )
    customer = child(session, "customer_details") or {}
    email = str(customer.get("email") or session.get("customer_email") or "")
    created_at = moment(session, "created") or plan.session.observed_at
    phone = text(customer, "phone") or text(_destination(session), "phone") or ""
    payable = PayableOrder(
        *(named.order_id, plan.currency, discount, named.discount_code, email, lines, named.locale),
        *(amount_shipping, shipping, phone),
    )
    return RecoveredOrder(
        id=named.order_id,
        number=named.number,
        currency=plan.currency,
        amount_subtotal=subtotal,
        amount_discount=discount,
        amount_total=plan.amount_total,
        customer_name=str(customer.get("name") or email),
        customer_email=email,
        customer_phone=phone,
        discount_code=named.discount_code,
        livemode=bool(session.get("livemode")),
        created_at=created_at,
        locale=named.locale,
        lines=lines,
        attempt=named.attempt,
        session_id=str(session["id"]),
        parameters=start_attempt(payable, named.attempt, runtime.settings, created_at).parameters,
        amount_shipping=amount_shipping,
        shipping=shipping,
    )


def _shipping(
    session: dict[str, Any], named: NamedOrder, sent: tuple[PricedLine, str] | None, shop: Shop
) -> tuple[int | None, OrderShipping | None]:
    """Return what shipping costs, or None if nothing is sent, and how it is sent, or None if Stripe has no address.

    Free shipping has no line: the metadata names its rate. In a session of an older release only the address shows it.
    """
    found = collected_address(session) or address_of(_destination(session))
    if sent is not None:
        amount, label, rate = sent[0].amount, sent[0].name, sent[1]
    elif named.shipping_rate or found is not None:
        rate = named.shipping_rate or ""
        amount, label = 0, _label(shop, rate, named.locale)
    else:
        return None, None
    return amount, None if found is None else OrderShipping(rate, label, found)


def _destination(session: dict[str, Any]) -> dict[str, Any]:
    """Return the name, address and phone number that we gave to Stripe with the payment; an empty object without."""
    return child(child(session, "payment_intent") or {}, "shipping") or {}


def _label(shop: Shop, rate: str, locale: str | None) -> str:
    rates = shop.shipping.rates if shop.shipping is not None else ()
    return next((known.label.text(locale) for known in rates if known.id == rate), "")


def _terms(order: RecoveredOrder, shop: Shop) -> SellingTerms:
    """Return what shipping costs, and the taxes at the rates that the shop's file has now: Stripe has none of ours.

    There are no taxes if the order was sent and Stripe no longer has its country.
    """
    terms, tax = SellingTerms(order.amount_total, order.amount_shipping), shop.tax
    if tax is None or (order.amount_shipping is not None and order.shipping is None):
        return terms
    country = order.shipping.address.country if order.shipping is not None else None
    parts = [(tax.class_of(line.sku), line.amount - line.amount_discount) for line in order.lines]
    parts.append((tax.shipping, order.amount_shipping or 0))
    taxes = included_taxes([(name, tax.percent(name, country), gross) for name, gross in parts], order.currency)
    return replace(terms, amount_tax=sum(line.amount for line in taxes), taxes=taxes)


def _line(item: dict[str, Any], place: int) -> tuple[PricedLine, str | None]:
    """Return a line, and the shipping rate if that is what it charges."""
    price = child(item, "price") or {}
    product = child(price, "product") or {}
    quantity = int(item.get("quantity") or 1)
    amount = int(item["amount_subtotal"])
    unit_amount = price.get("unit_amount")
    if not isinstance(unit_amount, int) or unit_amount * quantity != amount:
        raise NotRecoverable(f"line {place} of the session is not a price times a quantity")
    marks = product.get("metadata") or {}
    line = PricedLine(
        sku=str(marks.get("sku") or f"LINE-{place}"),
        name=str(product.get("name") or item.get("description") or f"Line {place}"),
        description=str(product.get("description") or ""),
        unit_amount=unit_amount,
        quantity=quantity,
        amount=amount,
        amount_discount=int(item.get("amount_discount") or 0),
    )
    return line, str(marks["shipping_rate"]) if marks.get("shipping_rate") else None
