"""Check that the balance at Stripe is read, and that payouts equal the sums of their lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checkout_daemon.bank.bank_store import last_reading
from checkout_daemon.bank.payouts import CountedPayouts, count_payouts
from checkout_daemon.model.counts import counted
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes

NAME = "balance"
_LATE = timedelta(days=1)
_LOOK_BACK = timedelta(days=90)


async def balance_read(probes: Probes) -> Check:
    """Check when the balance was last read, and the payouts of ninety days."""
    if probes.server is None or probes.database is None:
        return Check.failed(NAME, "cannot be checked without the database", probes.fix_database)
    now = datetime.now(UTC)
    livemode = probes.settings.livemode
    async with probes.database.connection() as connection:
        read, saved_at = await last_reading(connection, livemode=livemode)
        payouts = await count_payouts(connection, now - _LOOK_BACK, livemode=livemode)
    if read is None:
        return Check.skipped(NAME, "nothing has been read yet: the daemon reads it once there is an order")
    if read.refused_at is not None:
        detail = "STRIPE_API_KEY may not read balance transactions or payouts: there are no fees and no payouts here"
        return Check.failed(NAME, detail, "checkout doctor --only permissions")
    if saved_at < now - _LATE:
        return Check.failed(NAME, f"last read on {saved_at:%Y-%m-%d %H:%M} UTC, by no daemon since", "checkout serve")
    if payouts.differing:
        detail = f"{counted(payouts.differing, 'payout')} of 90 days not equal to the sum of its lines"
        return Check.failed(NAME, detail, "checkout payouts reconcile --apply")
    return Check.passed(NAME, _described(payouts))


def _described(payouts: CountedPayouts) -> str:
    if not payouts.read:
        return "read; no payout is complete yet"
    return f"read; {counted(payouts.read, 'payout')} of 90 days, each the sum of its lines"
