"""What arrives together and is merged as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from checkout_daemon.ledger.facts import Act, Fact, Link, LinkRank
from checkout_daemon.model.address import Address


class Update(msgspec.Struct, frozen=True, dict=True):
    """Links, facts and acts that arrive together: one event, one answer of the Stripe API, or one action of a person.

    `cause` (an event's type, or what was done), `actor` and `note` go into the change log. `order_ids` are orders that
    it concerns without naming any of their nodes. With `always_logged` it gets a line in the change log even if nothing
    changes, because what a person did is part of the history all the same. `address` is what the
    page of the session `subject_id` has collected.
    """

    cause: str
    actor: str
    note: str = ""
    subject_id: str | None = None
    links: Sequence[Link] = ()
    facts: Sequence[Fact] = ()
    acts: Sequence[tuple[str, Act]] = ()
    order_ids: Sequence[str] = ()
    always_logged: bool = False
    address: Address | None = None

    @cached_property
    def nodes(self) -> set[str]:
        """Every session, PaymentIntent and charge that the update names."""
        nodes = {fact.node for fact in self.facts}
        for link in self.links:
            nodes.add(link.source_id)
            if link.rank is LinkRank.STRIPE:
                nodes.add(link.target_id)
        if self.subject_id is not None:
            nodes.add(self.subject_id)
        return nodes

    @cached_property
    def orders(self) -> set[str]:
        """Every order that the update names."""
        orders = {link.target_id for link in self.links if link.rank is not LinkRank.STRIPE}
        orders.update([order_id for order_id, _ in self.acts], self.order_ids)
        return orders
