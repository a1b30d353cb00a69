"""Commands that act on one ORDER, or as a batch on several: named, read from a file, or selected by filters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.completers import complete_numbers, complete_reasons
from checkout_daemon.commands.files import read_input
from checkout_daemon.commands.options import READABLE_OR_STDIN, combine
from checkout_daemon.commands.orders_options import NEWEST_SEARCHED, OrderOptions, order_filters
from checkout_daemon.commands.output import print_json_lines, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import TERM
from checkout_daemon.model.orders import PAYABLE_STATUSES, OrderStatus
from checkout_daemon.present.text import counted, plain, words

if TYPE_CHECKING:
    from checkout_daemon.batches.planning import BatchPlan
    from checkout_daemon.batches.records import BatchOptions, PlannedItem
    from checkout_daemon.database.reading import Readable
    from checkout_daemon.model.orders import Order
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings

Command = Callable[..., Any]

PAYABLE = tuple(status for status in OrderStatus if status in PAYABLE_STATUSES)
"""The statuses that `resend` and `cancel` select by."""
_FIRST = 5  # items that are shown before the question
# The act in the question, what it does besides, and what follows from it.
_WORDS = {
    "refund": ("Refund", "", " Nothing of it can be taken back."),
    "resend": ("Resend", ", and mail each customer the link", ""),
    "expire": ("Expire every open session of", "", " They can no longer be paid there."),
    "cancel": ("Cancel", "", " They can never be paid after that; this cannot be undone."),
    "sync": ("Sync", " with Stripe", ""),
    "ack": ("Acknowledge", "", ""),
    "note": ("Note", "", ""),
}


from_file_option = click.option(
    "--from-file",
    type=READABLE_OR_STDIN,
    metavar="FILE",
    help="Read the ORDERs from this file, one a line, or from stdin if it is -.",
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The orders that were named, or what selects them."""

    named: tuple[str, ...]
    file: Path | None
    filters: OrderOptions

    @classmethod
    def of(cls, named: tuple[str, ...], file: Path | None, options: dict[str, Any]) -> Selection:
        """Return what was typed, and remove the filters from the options of the command."""
        return cls(named, file, OrderOptions(*[options.pop(field.name, None) for field in fields(OrderOptions)]))

    @property
    def is_broad(self) -> bool:
        """Return whether a file or filters select the orders, and not their names."""
        return self.file is not None or bool(self.filters)

    @property
    def ways(self) -> int:
        """Return in how many ways orders are selected: by names, by a file, by filters."""
        return sum((bool(self.named), self.file is not None, bool(self.filters)))

    async def read(self, database: Readable, settings: Settings) -> list[tuple[Order, str | None]]:
        """Return the orders, each with the session if that was named. Raise as find_order does."""
        from checkout_daemon.orders.lookup import find_order
        from checkout_daemon.orders.order_filter import Extent, OrderFilter
        from checkout_daemon.orders.order_pages import all_orders

        if self.filters:
            extent = Extent(thorough=True)
            wanted = await self.filters.read(database, datetime.now(UTC), settings.time_zone)
            if wanted == OrderFilter():  # such as a script's --filter "$chosen " with nothing chosen
                raise click.UsageError("the filters are blank and would select all orders: name what to select")
            pages = all_orders(database, wanted, extent=extent)
            found: list[tuple[Order, str | None]] = [(order, None) async for page in pages for order in page]
            if not extent.whole:
                say(NEWEST_SEARCHED)
            return found
        texts = self.named if self.file is None else tuple(_lines(self.file))
        return [(await find_order(database, text), session_id_of(text)) for text in texts]


def session_id_of(text: str) -> str | None:
    """Return the session that was named instead of an order."""
    wanted = text.strip()
    return wanted if wanted.startswith("cs_") else None


def several_orders(
    act: str, *, statuses: Iterable[OrderStatus] = OrderStatus, metavar: str = "ORDER", single: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Declare ORDER..., --from-file and the filters of `orders list`.

    The command itself is called for one named ORDER; otherwise a batch does `act` with every order. The options of
    `single` are only for one ORDER, and those that are no parameter of the command only for several.
    """

    def decorate(command: Command) -> Command:
        own = signature(command).parameters

        @wraps(command)
        def chosen(order: tuple[str, ...], from_file: Path | None, **options: Any) -> Any:
            selection = Selection.of(order, from_file, options)
            if selection.ways != 1:
                either = f"name an {metavar}, or select several with --from-file or with filters such as --status"
                raise click.UsageError(f"{either}, not both" if selection.ways else either)
            if len(order) == 1 and not (options.get("dry_run") and "dry_run" not in own):
                _refuse(set(options) - set(own) - {"yes"}, "goes with several ORDERs")
                return command(order=order[0], **{name: value for name, value in options.items() if name in own})
            _refuse(single, "needs one ORDER")
            return act_on_several(act, selection, options)

        argument = click.argument(
            "order",
            type=TERM,
            nargs=-1,
            metavar=f"[{metavar}]...",
            shell_complete=complete_reasons if act == "ack" else complete_numbers,
        )
        return combine(argument, from_file_option, order_filters(statuses))(chosen)

    return decorate


def _refuse(names: Collection[str], why: str) -> None:
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name in names and context.get_parameter_source(parameter.name) is _FROM_LINE:
            raise click.UsageError(f"{parameter.opts[0]} {why}")


_FROM_LINE = click.core.ParameterSource.COMMANDLINE


def act_on_several(act: str, selection: Selection, options: dict[str, Any]) -> int:
    """Plan the act, show what it comes to, ask, and run it as a batch. Return the exit code."""
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.batches.acts import ORDER_ACTS
    from checkout_daemon.batches.planning import check_wanted, plan_orders
    from checkout_daemon.batches.records import BatchAct
    from checkout_daemon.checkout.resending import mail_status
    from checkout_daemon.commands.batch_runs import follow_batch
    from checkout_daemon.commands.proposals import say_proposed
    from checkout_daemon.proposals.proposing import start_or_propose
    from checkout_daemon.proposals.records import Proposal

    kind = BatchAct(act)
    note = options.get("text") or options.get("note") or ""

    async def work(runtime: Runtime) -> int:
        orders = await selection.read(runtime.database, runtime.settings)
        if not orders:
            say(f"No order matches: there is nothing to {_WORDS[act][0].split()[0].lower()}.")
            return 0
        plan = await plan_orders(runtime, kind, orders, _options(options, orders))
        if options.get("dry_run"):
            _show_plan(plan, as_json=options["as_json"])
            check_wanted(plan)
            return 0
        for line in [*map(_line, plan.wanted[:_FIRST]), *_more(plan)]:
            say(line)
        if plan.wanted:
            confirm(_question(plan), yes=bool(options.get("yes")))
        started = await start_or_propose(runtime, plan, operator=this_operator(), note=note)
        if isinstance(started, Proposal):
            say_proposed(started, as_json=options["as_json"])
            return 0
        code = await follow_batch(runtime, started.number, started.holder, as_json=options["as_json"])
        if kind is BatchAct.RESEND and plan.options.mail:
            say(mail_status(runtime.settings))
        return code

    return with_runtime(work, stripe=ORDER_ACTS[kind].calls > 0)


def _options(options: dict[str, Any], orders: Sequence[tuple[Order, str | None]]) -> BatchOptions:
    from checkout_daemon.batches.records import BatchOptions
    from checkout_daemon.model.typed_money import minor_units

    amount = options.get("amount")
    return BatchOptions(
        # Orders of several currencies are refused with any amount.
        amount=None if amount is None else minor_units(amount, orders[0][0].currency),
        reason=options.get("reason"),
        mail=not options.get("no_email"),
        rate=options.get("rate"),
        restock=options.get("restock"),
    )


def _question(plan: BatchPlan) -> str:
    from checkout_daemon.present.money import extent

    verb, also, afterwards = _WORDS[plan.act]
    if not plan.options.mail:
        also = ""
    elif plan.options.reason and plan.act == "ack":
        verb = f"Acknowledge {words(plan.options.reason)} of"
    orders = extent((item.amount or 0, item.currency or "") for item in plan.wanted)
    return f"{verb} {orders}{also}?{afterwards}"


def _line(item: PlannedItem) -> str:
    from checkout_daemon.present.money import money

    meant = f"  {plain(item.object_id)}" if item.object_id else ""
    return f"  {item.subject}  {money(item.amount, item.currency)}{meant}"


def _more(plan: BatchPlan) -> list[str]:
    more = len(plan.wanted) - _FIRST
    lines = [f"  … and {more:,} more"] if more > 0 else []
    lines += [f"  not {item.subject}: {plain(item.refusal or '')}" for item in plan.refused[:_FIRST]]
    skipped = len(plan.refused) - _FIRST
    return [*lines, *([f"  … and {skipped:,} more that are skipped"] if skipped > 0 else [])]


def _show_plan(plan: BatchPlan, *, as_json: bool) -> None:
    from checkout_daemon.commands.output import answer, keys

    if as_json:
        print_json_lines(keys(item) | {"number": int(item.subject)} for item in plan.items)
        return
    for item in plan.wanted:
        answer(_line(item).strip())
    for item in plan.refused:
        answer(f"{item.subject}  skipped: {plain(item.refusal or '')}")
    say(f"{counted(len(plan.wanted), 'order')}: a dry run, nothing was changed.")


def _lines(file: Path) -> list[str]:
    """Return the ORDERs of a file: one a line, or JSON Lines as `orders list --json` prints them."""
    import json

    found = []
    for number, line in enumerate(read_input(file).splitlines(), 1):
        line = line.strip()
        if line.startswith("{"):
            try:
                line = str(json.loads(line)["id"])
            except (ValueError, KeyError, TypeError):
                raise click.UsageError(
                    f"line {number} of {file} is not an order as `checkout orders list --json` prints it"
                ) from None
        if line and not line.startswith("#"):
            found.append(line)
    return found
