"""How and where to an order is sent, as it is stored with the order."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.model.address import Address


@dataclass(frozen=True, slots=True)
class OrderShipping:
    """The rate's id, label and estimate as they were when the order was placed, the address, and what became of it.

    Of the address only the country is known until Stripe's page has asked for it, and once the customer was erased.
    The last three are empty until the order is shipped, and may stay empty.
    """

    rate: str
    label: str
    address: Address
    estimate: str = ""
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
