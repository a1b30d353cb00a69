"""An order of another system, as Stripe has it: its terms, lines and customer, and the facts about its payment.

The lines add up to what was paid: shipping and tax are lines of their own, because the terms of an order know neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg
from msgspec import structs

from checkout_daemon.catalog.pricing import PricedLine
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns
from checkout_daemon.ledger.facts import Fact, Link, LinkRank, Observation
from checkout_daemon.ledger.merge import Update, base_of, join, load_all, merge
from checkout_daemon.ledger.translate import charge, payment_intent, session
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    Translation,
    UnreadableObject,
    amount,
    child,
    currency,
    livemodes,
    moment,
    stripe_id,
    text,
)
from checkout_daemon.model.customer import MAXIMUM_EMAIL, MAXIMUM_NAME, Customer
from checkout_daemon.model.orders import PAYMENT_NAME, PAYMENT_SKU, AttentionCode
from checkout_daemon.model.text import tidied
from checkout_daemon.orders.order_ids import new_order_id
from checkout_daemon.stripe_api.client import Fetched

CAUSE = "order.imported"
SKIPPED = "the order was imported: this happened before"
SHIPPING, TAX = "SHIPPING", "TAX"
"""The SKUs of the lines that are no product, with PAYMENT_SKU."""
UNKNOWN = "unknown"
"""The name of a customer of whom neither name nor email is known: an empty one means that they were erased."""
_LONGEST_NAME, _LONGEST_PHONE = 250, 40
_MOST_UNITS = 999
_TRANSLATORS = {"checkout.session": session.fetched, "payment_intent": payment_intent.fetched, "charge": charge.fetched}
_MISMATCHES = frozenset(
    {AttentionCode.AMOUNT_MISMATCH, AttentionCode.CURRENCY_MISMATCH, AttentionCode.LIVEMODE_MISMATCH}
)


class NotImportable(Exception):
    """Stripe's objects about an order contradict each other, or one cannot be read; the message names which."""


@dataclass(frozen=True, slots=True)
class ImportedOrder:
    """An order to insert, with what Stripe has about it. Amounts in minor units.

    `source_id` is the session, PaymentIntent or charge that it is made from, and `payment_id` its payment, if it has
    one. `refunded` and `disputed`: whether Stripe has refunds or disputes to read.
    """

    id: str
    source_id: str
    payment_id: str | None
    currency: str
    amount_total: int
    customer: Customer
    livemode: bool
    created_at: datetime
    lines: tuple[PricedLine, ...]
    links: tuple[Link, ...]
    facts: tuple[Fact, ...]
    refunded: bool
    disputed: bool

    @property
    def amount_subtotal(self) -> int:
        """The sum of the lines."""
        return sum(line.amount for line in self.lines)

    @property
    def amount_discount(self) -> int:
        """The sum of what the lines are less."""
        return sum(line.amount_discount for line in self.lines)

    def with_facts(self, added: Translation) -> ImportedOrder:
        """Return the order with more of what Stripe has about it."""
        return replace(self, links=(*self.links, *added.links), facts=(*self.facts, *added.facts))


def imported_order(source: Fetched, lines: Sequence[dict[str, Any]] = ()) -> ImportedOrder:
    """Return the order that a session, a PaymentIntent or a charge without one was. Raise NotImportable.

    A session comes with all of its `lines`. What it has of the payment must be expanded: the PaymentIntent and its
    latest charge.
    """
    try:
        return _order(source, lines)
    except UnreadableObject as error:
        raise NotImportable(f"it cannot be read: {error}") from error


def _order(source: Fetched, lines: Sequence[dict[str, Any]]) -> ImportedOrder:
    found = source.object
    kind = str(found.get("object"))
    is_session = kind == "checkout.session"
    intent = (child(found, "payment_intent") or {}) if is_session else found if kind == "payment_intent" else {}
    charged = found if kind == "charge" else child(intent, "latest_charge") or {}
    total = amount(found, {"checkout.session": "amount_total", "payment_intent": "amount_received"}.get(kind, "amount"))
    code, created_at, source_id = currency(found), moment(found, "created"), stripe_id(found, "id")
    if total is None or code is None or created_at is None or source_id is None:
        raise UnreadableObject(f"{kind} has no amount, currency or time")
    translation = _TRANSLATORS[kind](ObjectSnapshot(found, source.observed_at, "", livemodes(found.get("livemode"))))
    paid_at = moment(charged, "created") or moment(intent, "created") or created_at
    payment_id = stripe_id(found, "payment_intent") if is_session else source_id
    return ImportedOrder(
        id=new_order_id(created_at),
        source_id=source_id,
        payment_id=payment_id,
        currency=code,
        amount_total=total,
        customer=_customer(found, charged),
        livemode=found.get("livemode") is True,
        created_at=created_at,
        lines=_lines(found, lines, total) if is_session else (_one_line(found, total),),
        links=tuple(translation.links),
        facts=tuple(
            structs.replace(fact, paid_at=paid_at) if isinstance(fact, Observation) else fact
            for fact in translation.facts
        ),
        refunded=bool(charged.get("refunded")) or bool(amount(charged, "amount_refunded")),
        disputed=bool(charged.get("disputed")),
    )


def _customer(found: dict[str, Any], charged: dict[str, Any]) -> Customer:
    """Return what Stripe knows of the customer: the session's details, else those of the card's owner."""
    details, billing = child(found, "customer_details") or {}, child(charged, "billing_details") or {}

    def known(name: str, longest: int) -> str:
        return _shown(text(details, name) or text(billing, name), longest)

    email = known("email", MAXIMUM_EMAIL)
    email = email or _shown(text(found, "customer_email") or text(found, "receipt_email"), MAXIMUM_EMAIL)
    return Customer(known("name", MAXIMUM_NAME), email, known("phone", _LONGEST_PHONE))


def _shown(value: str | None, longest: int) -> str:
    return tidied(value or "")[:longest].strip()


def _lines(found: dict[str, Any], lines: Sequence[dict[str, Any]], total: int) -> tuple[PricedLine, ...]:
    """Return the lines of a session with shipping and tax; only one line if they do not add up to what was paid."""
    made = [_line(item, place) for place, item in enumerate(lines, 1)]
    shipping = amount(child(found, "total_details") or {}, "amount_shipping") or 0
    if shipping:
        made.append(_unit(SHIPPING, "Shipping", shipping))
    rest = total - sum(line.amount - line.amount_discount for line in made)
    if rest > 0 and made:
        made.append(_unit(TAX, "Tax", rest))
    return tuple(made) if made and rest >= 0 else (_one_line(found, total),)


def _line(item: dict[str, Any], place: int) -> PricedLine:
    price = child(item, "price") or {}
    quantity, line_amount = item.get("quantity"), amount(item, "amount_subtotal") or 0
    name = _shown(text(item, "description"), _LONGEST_NAME) or f"Line {place}"
    sku = text(child(price, "metadata") or {}, "sku") or text(price, "lookup_key") or stripe_id(price, "product")
    unit = price.get("unit_amount")
    if not (isinstance(quantity, int) and isinstance(unit, int) and 1 <= quantity <= _MOST_UNITS):
        quantity, unit = 1, line_amount
    if unit * quantity != line_amount:  # a price in parts of a minor unit, or of its own for more units
        quantity, unit = 1, line_amount
    discount = min(amount(item, "amount_discount") or 0, line_amount)
    return PricedLine(
        sku=_shown(sku, _LONGEST_NAME) or f"LINE-{place}",
        name=name,
        description="",
        unit_amount=unit,
        quantity=quantity,
        amount=line_amount,
        amount_discount=discount,
    )


def _one_line(found: dict[str, Any], total: int) -> PricedLine:
    return _unit(PAYMENT_SKU, _shown(text(found, "description"), _LONGEST_NAME) or PAYMENT_NAME, total)


def _unit(sku: str, name: str, total: int) -> PricedLine:
    return PricedLine(sku, name, "", unit_amount=total, quantity=1, amount=total, amount_discount=0)


async def insert_imported(connection: asyncpg.Connection, order: ImportedOrder, actor: str) -> int | None:
    """Insert an order with its facts, and return its number; None if an order has its session or payment already.

    What is owed for it was long ago: its messages are recorded as skipped, so that what happens from now on owes only
    messages of its own. Raise NotImportable if Stripe's objects contradict each other; then nothing is to be written.
    """
    link = Link(order.source_id, order.id, LinkRank.OURS)
    update = Update(
        CAUSE,
        actor,
        order.source_id,
        links=[link, *order.links],
        facts=order.facts,
        order_ids=[order.id],
        always_logged=True,
    )
    # The nodes stay locked, so that another process that imports them waits, then finds this order.
    if await is_known(connection, order):
        return None
    customer = order.customer
    number: int = await connection.fetchval(
        sql("insert_imported_order"),
        order.id,
        order.currency,
        order.amount_subtotal,
        order.amount_discount,
        order.amount_total,
        customer.name or customer.email or UNKNOWN,
        customer.email,
        customer.phone,
        order.livemode,
        order.created_at,
        order.source_id,
        *columns(order.lines, "sku", "name", "description", "unit_amount", "quantity", "amount", "amount_discount"),
    )
    merged = await merge(connection, [update])
    if found := sorted(_MISMATCHES & set(merged.derived(order.id).attention_codes)):
        raise NotImportable(f"Stripe's objects about it disagree: {', '.join(found)}")
    await connection.execute(sql("skip_imported_messages"), order.id, SKIPPED)
    return number


async def imported_sources(connection: asyncpg.Connection, ids: Sequence[str]) -> set[str]:
    """Return those of the sessions, PaymentIntents and charges that an order has already."""
    return {row["id"] for row in await connection.fetch(sql("nodes_of_orders"), list(ids))}


async def is_known(connection: asyncpg.Connection, order: ImportedOrder) -> bool:
    """Return whether an order has its session or payment already. Lock them for the transaction."""
    update = Update(CAUSE, "", links=order.links, facts=order.facts, subject_id=order.source_id)
    loaded, _ = await load_all(connection, [update])
    base = base_of(loaded)
    join(base, update)
    return any(base.order_of(node) is not None for node in update.nodes)
