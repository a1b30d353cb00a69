"""`checkout sessions resend`: one order, or many."""

from __future__ import annotations

import sys
from contextlib import aclosing
from datetime import UTC, datetime

from checkout_daemon.commands.output import answer, print_json, print_json_lines, say
from checkout_daemon.commands.progress import Progress
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.times import read_time
from checkout_daemon.domain.orders import Order
from checkout_daemon.present.text import counted, words
from checkout_daemon.present.times import clock
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.reading import all_orders
from checkout_daemon.services.session_resending import ResendOutcome, Resent, mail_goes, resend_session
from checkout_daemon.services.session_resending import resend_many as resend_each
from checkout_daemon.settings import Settings
from checkout_daemon.store.order_reads import OrderFilter

_REFUSED_BY_STATE = 4


def resend(text: str, note: str, *, mail: bool, qr: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> tuple[Resent, Settings]:
        order = await find_order(runtime.database, text)
        resent = await resend_session(runtime, order.id, operator=this_operator(), note=note, mail=mail)
        return resent, runtime.settings

    resent, settings = with_runtime(work)
    if as_json:
        print_json(resent)
    else:
        answer(resent.url)
        say(f"Order {resent.number} can be paid there until {clock(resent.expires_at, settings.time_zone)}.")
        if resent.mailed:
            say(mail_goes(settings))
    if qr:
        _draw(resent.url)
    return 0


def resend_many(
    statuses: tuple[str, ...],
    since: str | None,
    note: str,
    rate: float,
    *,
    mail: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    async def work(runtime: Runtime) -> int:
        settings = runtime.settings
        start = None if since is None else read_time(since, "--since", datetime.now(UTC), settings.time_zone)
        wanted = OrderFilter(statuses=statuses, since=start)
        # All of them first: those that are resent are expired no more.
        orders = [order async for page in all_orders(runtime.database, wanted) for order in page]
        if dry_run:
            _list(orders, as_json=as_json)
            return 0
        outcomes = resend_each(runtime, orders, operator=this_operator(), note=note, mail=mail, rate=rate)
        sent = refused = failed = 0
        with Progress("Resending", len(orders)) as progress:
            async with aclosing(outcomes) as each_outcome:
                async for outcome in each_outcome:
                    _tell(outcome, as_json=as_json)
                    progress.step()
                    if outcome.refusal is None:
                        sent += 1
                    elif outcome.refusal.exit_code == _REFUSED_BY_STATE:
                        refused += 1
                    else:
                        failed += 1
        say(f"{sent} resent, {refused} cannot be paid any more, {failed} failed.")
        if sent and mail:
            say(mail_goes(settings))
        return 1 if failed else 0

    return with_runtime(work)


def _list(orders: list[Order], *, as_json: bool) -> None:
    if as_json:
        print_json_lines(orders)
        return
    for order in orders:
        answer(f"{order.number}  {words(order.status)}")
    say(f"{counted(len(orders), 'order')}: a dry run, nothing was done.")


def _tell(outcome: ResendOutcome, *, as_json: bool) -> None:
    order, refusal = outcome.order, outcome.refusal
    if refusal is not None:
        if as_json:
            line = {"order_id": order.id, "number": order.number, "code": refusal.code, "error": refusal.detail}
            print_json_lines([line])
        else:
            say(refusal.detail)
    elif outcome.resent is not None:
        if as_json:
            print_json_lines([outcome.resent])
        else:
            answer(f"{order.number}  {outcome.resent.url}")


def _draw(url: str) -> None:
    """On stderr, as talk: the link itself is the result."""
    import segno

    segno.make(url, error="l", micro=False).terminal(out=sys.stderr, compact=True)
