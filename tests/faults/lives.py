"""Lives of orders as scripts, which are played at the offline Stripe.

Each script pays, fails, refunds or disputes one order as people do. The truth about it is what Stripe holds at the end,
and the status that the script names: nothing here asks the daemon's own code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from tests.support.shop import FAILS_LATER, SUCCEEDS_LATER

DAYS = 3
_KEY = "sk_test_lives0123456789"


@dataclass
class Life:
    """One order at Stripe. `total` is what our order says.

    `charged` and `returned` are the sums of Stripe's balance transactions; `refunds` has each refund's last status.
    """

    script: Script
    total: int
    currency: str
    named_by: str
    order_id: str = field(default_factory=lambda: str(uuid4()))
    intents: list[str] = field(default_factory=list)
    charged: int = 0
    returned: int = 0
    refunds: dict[str, str] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)

    @property
    def messages(self) -> set[tuple[str, str]]:
        """Return (kind, subject) of the messages that are true at the end, with a refund's id as it is in the events.

        An attention's subject here is its code alone.
        """
        told = {"succeeded": "order.refunded", "failed": "refund.failed", "pending": "refund.pending"}
        messages = {(told[status], refund) for refund, status in self.refunds.items()}
        messages |= {("order.attention", code) for code in self.script.attention}
        if self.script.status in ("completed", "partially_refunded", "disputed"):
            messages.add(("order.completed", ""))
        if self.script.status == "failed":
            messages.add(("payment.failed", ""))
        return messages


@dataclass
class Shopper:
    """Who plays a script: calls the offline Stripe about one order."""

    http: aiohttp.ClientSession
    base: str
    life: Life

    async def call(self, path: str, form: dict[str, str], *, refused: bool = False) -> dict[str, Any]:
        """POST to Stripe. The answer must be 402 if `refused`, else 200."""
        headers = {"Authorization": f"Bearer {_KEY}"}
        async with self.http.post(f"{self.base}{path}", data=form, headers=headers) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == (402 if refused else 200), (self.life.script.play, path, body)
            return body

    async def open(self, amount: int | None = None) -> dict[str, Any]:
        """Open a session for the order."""
        life = self.life
        amount = life.total if amount is None else amount
        form = {
            "mode": "payment", "success_url": "https://shop.example/success", "adaptive_pricing[enabled]": "false",
            "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": life.currency,
            "line_items[0][price_data][unit_amount]": str(amount or 1500),
            "line_items[0][price_data][product_data][name]": "Notebook",
        }  # fmt: skip
        if life.named_by in ("both", "reference"):
            form["client_reference_id"] = life.order_id
        if life.named_by in ("both", "metadata"):
            form |= {"metadata[order_id]": life.order_id, "payment_intent_data[metadata][order_id]": life.order_id}
        if amount == 0:
            coupon = await self.call("/v1/coupons", {"amount_off": "1500", "currency": life.currency,
                                                     "duration": "once", "id": f"co-{life.order_id}"})  # fmt: skip
            form["discounts[0][coupon]"] = coupon["id"]
        return await self.call("/v1/checkout/sessions", form)

    async def pay(
        self, session: dict[str, Any], token: str = "tok_visa", *, iban: str = "", refused: bool = False
    ) -> None:
        """Pay a session as the hosted page does."""
        form = {"type": "card", "card[token]": token}
        if iban:
            form = {"type": "sepa_debit", "sepa_debit[iban]": iban, "billing_details[name]": "Ada",
                    "billing_details[email]": "ada@example.com"}  # fmt: skip
        confirm = {"expected_amount": str(session["amount_total"])}
        if session["amount_total"]:
            confirm["payment_method"] = (await self.call("/v1/payment_methods", form))["id"]
        paid = await self.call(f"/v1/payment_pages/{session['id']}/confirm", confirm, refused=refused)
        intent = None if refused else paid.get("payment_intent")
        if intent is not None:
            self.life.intents.append(intent if isinstance(intent, str) else intent["id"])

    async def refund(self, share: float = 1.0) -> None:
        """Refund a share of the order's total, from its first payment."""
        amount = round(self.life.total * share)
        await self.call("/v1/refunds", {"payment_intent": self.life.intents[0], "amount": str(amount)})

    async def answer_dispute(self, verdict: str) -> None:
        """Answer the order's dispute with evidence that decides it."""
        query = f"/v1/disputes?payment_intent={self.life.intents[0]}"
        async with self.http.get(f"{self.base}{query}", headers={"Authorization": f"Bearer {_KEY}"}) as answer:
            dispute = (await answer.json())["data"][0]
        await self.call(f"/v1/disputes/{dispute['id']}", {"evidence[uncategorized_text]": verdict})


# The scripts. At each `yield` a day passes. ---------------------------------------------------------------------------

Steps = AsyncIterator[None]


async def _card(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open())
    yield


async def _declined_then_paid(shopper: Shopper) -> Steps:
    session = await shopper.open()
    await shopper.pay(session, "tok_chargeDeclined", refused=True)
    await shopper.pay(session)
    yield


async def _declined(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_chargeDeclined", refused=True)
    yield


async def _abandoned(shopper: Shopper) -> Steps:
    await shopper.open()
    yield


async def _still_open(shopper: Shopper) -> Steps:
    for _ in range(DAYS):
        yield
    session = await shopper.open()
    await shopper.pay(session, "tok_chargeDeclined", refused=True)


async def _debit(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), iban=SUCCEEDS_LATER)
    yield


async def _failed_debit(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), iban=FAILS_LATER)
    yield


async def _debit_under_way(shopper: Shopper) -> Steps:
    for _ in range(DAYS):
        yield
    await shopper.pay(await shopper.open(), iban=SUCCEEDS_LATER)


async def _paid_after_expiry(shopper: Shopper) -> Steps:
    await shopper.open()
    yield
    await shopper.pay(await shopper.open())


async def _paid_after_failure(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), iban=FAILS_LATER)
    yield
    await shopper.pay(await shopper.open())


async def _two_tabs(shopper: Shopper) -> Steps:
    first, second = await shopper.open(), await shopper.open()
    await shopper.pay(first)
    await shopper.pay(second)
    yield


async def _two_tabs_refunded(shopper: Shopper) -> Steps:
    async for _ in _two_tabs(shopper):
        yield
    await shopper.refund()


async def _refunded(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open())
    yield
    await shopper.refund()


async def _refunded_in_parts(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open())
    await shopper.refund(0.25)
    yield
    await shopper.refund(0.5)


async def _refund_that_fails(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_refundFail")
    await shopper.refund()
    yield


async def _pending_refund(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_pendingRefund")
    await shopper.refund(0.5)
    yield


async def _refunded_debit(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), iban=SUCCEEDS_LATER)
    yield
    await shopper.refund()


async def _disputed(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_createDispute")
    yield


async def _dispute_lost(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_createDispute")
    yield
    await shopper.answer_dispute("losing_evidence")
    yield


async def _dispute_won(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_createDispute")
    yield
    await shopper.answer_dispute("winning_evidence")
    yield


async def _inquiry_closed(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(), "tok_createDisputeInquiry")
    yield
    await shopper.answer_dispute("winning_evidence")
    yield


async def _free(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open())
    yield


async def _somebody_elses(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open())
    yield
    await shopper.refund(0.5)


async def _wrong_amount(shopper: Shopper) -> Steps:
    await shopper.pay(await shopper.open(shopper.life.total + 100))
    yield


@dataclass(frozen=True)
class Script:
    """A script, and how an order ends that lives by it.

    `named_by` is what names the order, if not any of the ways: an open session has no event, so the others must.
    """

    play: Callable[[Shopper], Steps]
    status: str
    attention: tuple[str, ...] = ()
    currency: str = ""
    free: bool = False
    named_by: str = ""

    @property
    def name(self) -> str:
        return self.play.__name__.removeprefix("_").replace("_", " ")


SCRIPTS = (
    Script(_card, "completed"),
    Script(_declined_then_paid, "completed"),
    Script(_declined, "expired"),
    Script(_abandoned, "expired"),
    Script(_still_open, "pending", named_by="both"),
    Script(_debit, "completed", currency="eur"),
    Script(_failed_debit, "failed", currency="eur"),
    Script(_debit_under_way, "processing", currency="eur"),
    Script(_paid_after_expiry, "completed"),
    Script(_paid_after_failure, "completed", currency="eur"),
    Script(_two_tabs, "completed", ("paid_twice",)),
    Script(_two_tabs_refunded, "completed"),
    Script(_refunded, "refunded"),
    Script(_refunded_in_parts, "partially_refunded"),
    Script(_refund_that_fails, "completed", ("refund_failed",)),
    Script(_pending_refund, "partially_refunded"),
    Script(_refunded_debit, "refunded", currency="eur"),
    Script(_disputed, "disputed", ("dispute_needs_response",)),
    Script(_dispute_lost, "disputed", ("dispute_lost",)),
    Script(_dispute_won, "completed"),
    Script(_inquiry_closed, "completed"),
    Script(_free, "completed", free=True),
    Script(_wrong_amount, "pending", ("amount_mismatch",)),
    Script(_somebody_elses, "", named_by="nobody"),
)
