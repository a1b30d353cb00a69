"""Facts about early fraud warnings: a card's issuer reports a payment as fraudulent before anybody disputes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar

import msgspec

from checkout_daemon.ledger.facts import Fact, better_node


class FraudWarning(Fact, frozen=True, array_like=True):
    """An early fraud warning about a payment. The latest report counts.

    `actionable` is Stripe's: false once the charge is disputed or fully refunded, so that a refund prevents nothing.
    https://docs.stripe.com/api/radar/early_fraud_warnings/object
    """

    joins: ClassVar = {"payment_id": better_node}
    id: str
    livemode: bool
    payment_id: str
    fraud_type: str | None
    actionable: bool
    warned_at: datetime | None
    observed_at: datetime
    event_id: str

    @property
    def weight(self) -> tuple[Any, ...]:
        """Return the time of the report, and what decides between reports of the same second."""
        rest = repr((self.fraud_type, self.warned_at))
        return (self.observed_at, not self.actionable, self.event_id, rest)


_ROW = attrgetter(*FraudWarning.__struct_fields__)
_DECODER = msgspec.json.Decoder(list[FraudWarning])


def read_warnings(text: str) -> list[FraudWarning]:
    """Return the warnings that load_fraud_warnings returned."""
    return _DECODER.decode(text)


def warning_rows(warnings: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return the arguments of record_fraud_warning, sorted, so that concurrent writers do not deadlock."""
    return [_ROW(warning) for warning in sorted(warnings, key=lambda warning: (warning.id, warning.livemode))]
