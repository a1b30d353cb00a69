"""Plans and starts batches: which items there are, how much money they are about, and which are refused at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from checkout_daemon.audit.audit_log import check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.rights import OperatorRole, require_role
from checkout_daemon.batches import batch_store
from checkout_daemon.batches.acts import ORDER_ACTS
from checkout_daemon.batches.records import BatchAct, BatchOptions, PlannedItem
from checkout_daemon.batches.running import new_holder
from checkout_daemon.checkout.canceling import check_cancelable
from checkout_daemon.checkout.expiring import check_open
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, FieldError, InvalidRequest
from checkout_daemon.model.orders import PAYABLE_STATUSES, Order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import plan_refund
from checkout_daemon.runtime import Runtime

_OF_OBJECTS = (BatchAct.REFUND, BatchAct.EXPIRE)


class NothingToDo(CheckoutError, code="nothing_to_do", status=409, exit_code=4, title="Every item is refused"):
    """The state of every order refuses the act."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch before it starts."""

    act: BatchAct
    options: BatchOptions
    items: tuple[PlannedItem, ...]

    @property
    def wanted(self) -> list[PlannedItem]:
        """Return the items that the act will be tried with."""
        return [item for item in self.items if item.refusal is None]

    @property
    def refused(self) -> list[PlannedItem]:
        """Return the items that are skipped."""
        return [item for item in self.items if item.refusal is not None]

    @property
    def sums(self) -> dict[str, int]:
        """Return the money of the wanted items by currency, in minor units."""
        sums: Counter[str] = Counter()
        for item in self.wanted:
            if item.currency is not None and item.amount is not None:
                sums[item.currency] += item.amount
        return dict(sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class Started:
    """A batch that was stored. `holder` is the name under which this process may run it."""

    number: int
    holder: str


async def plan_orders(
    runtime: Runtime, act: BatchAct, orders: Iterable[tuple[Order, str | None]], options: BatchOptions
) -> BatchPlan:
    """Plan an act on orders, each at most once, in this sequence; for some acts, each payment or session of an order.

    Raise InvalidRequest if one amount is to be refunded in several currencies.
    """
    chosen = {(order.id, meant if act in _OF_OBJECTS else None): (order, meant) for order, meant in orders}
    if options.amount is not None and len({order.currency for order, _ in chosen.values()}) > 1:
        detail = "one amount cannot be refunded in several currencies: select the orders of one currency"
        raise InvalidRequest([FieldError("/amount", "invalid_amount", detail)])
    planned: dict[tuple[str, str | None], PlannedItem] = {}
    for order, meant in chosen.values():
        item = await _plan_order(runtime, act, order, meant, options)
        planned.setdefault((item.subject, item.object_id), item)  # two names may mean one payment
    return BatchPlan(act, options, tuple(planned.values()))


def plan_ids(act: BatchAct, ids: Iterable[str], statuses: Iterable[str] = ()) -> BatchPlan:
    """Plan a replay of events or messages, each once, in this sequence.

    `statuses` are those by which messages were chosen: one that has another status by its turn is skipped.
    """
    options = BatchOptions(statuses=tuple(statuses))
    return BatchPlan(act, options, tuple(PlannedItem(one) for one in dict.fromkeys(ids)))


def check_wanted(plan: BatchPlan) -> None:
    """Raise NothingToDo if every item is refused."""
    if not plan.wanted:
        raise NothingToDo(plan.refused[0].refusal or "" if plan.refused else "nothing is selected")


async def start_batch(runtime: Runtime, plan: BatchPlan, *, operator: Operator, note: str = "") -> Started:
    """Store a batch, which this process then runs (batches/running.py).

    Raise NotAnOperator, RoleTooLow, InvalidRequest or NothingToDo.
    """
    note = check_note(note)
    async with runtime.database.connection() as connection:
        await require_role(connection, operator, OperatorRole.ACT)
    if plan.act is BatchAct.NOTE and not note:
        raise InvalidRequest([FieldError("/note", "invalid_note", "a note needs text")])
    check_wanted(plan)
    asks_stripe = plan.act in ORDER_ACTS and ORDER_ACTS[plan.act].calls > 0
    holder = new_holder()
    number = await runtime.database.run_unconfirmed(
        batch_store.insert_batch,
        plan.act,
        plan.options,
        plan.items,
        holder,
        operator=operator,
        note=note,
        livemode=runtime.settings.livemode if asks_stripe else None,
    )
    return Started(number, holder)


async def _plan_order(
    runtime: Runtime, act: BatchAct, order: Order, object_id: str | None, options: BatchOptions
) -> PlannedItem:
    def item(amount: int, currency: str, *, meant: str | None = object_id, refusal: str | None = None) -> PlannedItem:
        return PlannedItem(str(order.number), order.id, meant, amount, currency, refusal)

    total, currency = order.amount_total, order.currency
    if ORDER_ACTS[act].calls and order.livemode != runtime.settings.livemode:
        return item(total, currency, refusal=f"order {order.number} was created with a key of the other mode")
    try:
        if act is BatchAct.REFUND:
            wanted = RefundOptions(options.amount, object_id, options.reason, restock=bool(options.restock))
            planned = await plan_refund(runtime.database, order.id, wanted)
            other = options.amount is not None and planned.currency != currency
            refusal = f"its payment is in {planned.currency}, not in {currency}: refund it alone" if other else None
            return item(planned.amount, planned.currency, meant=planned.payment_id, refusal=refusal)
        if act is BatchAct.CANCEL:
            await check_cancelable(runtime.database, order.id)
        if act is BatchAct.EXPIRE:
            await check_open(runtime.database, order, object_id)
    except DatabaseUnavailable:
        raise
    except CheckoutError as error:
        return item(total, currency, refusal=error.detail)
    return item(total, currency, refusal=_refusal(act, order, options))


def _refusal(act: BatchAct, order: Order, options: BatchOptions) -> str | None:
    """Return why the order's state as it was listed refuses the act. Stripe may know more when its turn comes."""
    if act is BatchAct.RESEND and order.status not in PAYABLE_STATUSES:
        return f"order {order.number} is {order.status}: there is nothing to pay"
    if act is BatchAct.ACK and options.reason not in order.attention:
        return f"order {order.number} does not ask for {options.reason}"
    return None
