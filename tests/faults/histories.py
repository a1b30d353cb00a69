"""A Hypothesis state machine: histories of shoppers, operators, Stripe, clocks and crashes on the real programs.

The programs start once for a run; every history has fresh orders. During a history facts only grow; after it, when all
trouble has ended and everything is delivered, each order is as Stripe has it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults import steps
from tests.faults.growth import Facts, read_facts, shrunk
from tests.faults.stack import Stack
from tests.faults.steps import History, Order
from tests.faults.truth import compare, compare_since

T = TypeVar("T")

SETTLE_SECONDS = 240.0
_CARTS = st.dictionaries(
    st.sampled_from(["NOTEBOOK-A5", "NOTEBOOK-POCKET", "PENCILS-HB", "INK-NIGHT-BLUE"]), st.integers(1, 3), min_size=1,
    max_size=3,
)  # fmt: skip
_PAYING = st.sampled_from(["tok_visa"] * 6 + [*steps.CARDS[1:], *steps.DEBITS, *steps.DEBITS])
_WAIT = st.booleans()
_PLACING: dict[str, Any] = {
    "items": _CARTS, "code": st.sampled_from(["", "", "", "WELCOME10", "FIVEOFF", "FREE100"]), "wait": _WAIT,
    "tabs": st.integers(1, 3), "same_key": st.booleans(), "again": st.integers(0, 2), "method": st.none() | _PAYING,
}  # fmt: skip
_CLOCK_ERRORS = st.sampled_from((61, 200, 290, -45, -90, -1800, 900, 2 * 86_400, 200 * 86_400))


class World:
    """The running programs, in an event loop of their own: the rules of a state machine are plain functions."""

    def __init__(self, stack: AbstractAsyncContextManager[Stack]) -> None:
        self._stack = stack
        self._loop = asyncio.new_event_loop()
        self.counts: Counter[str] = Counter()
        self.refunds: list[tuple[str, int]] = []

    @contextmanager
    def running(self) -> Iterator[World]:
        """Run the programs, and play the histories of ShopMachine on them."""
        thread = threading.Thread(target=self._loop.run_forever, name="world", daemon=True)
        thread.start()
        try:
            self.stack = self.do(self._stack.__aenter__())
            ShopMachine.world = self
            try:
                yield self
            finally:
                self.do(self._stack.__aexit__(None, None, None))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end in the programs' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def compared(self) -> list[str]:
        """Compare the orders of all histories."""
        return self.do(compare(History(self.stack, self.counts, refunds=self.refunds)))

    async def settled(self, history: History) -> list[str]:
        """End all trouble, wait until everything is delivered, and return what still differs.

        Only the daemon's own jobs and Stripe's retries fix anything; no command is run.
        """
        stack = history.stack
        stack.network.share = 0.0
        await stack.plan_trouble()
        await stack.mistake_the_time(0)
        await history.finish()
        await stack.network.settle()
        await stack.ready()
        differences = ["never compared"]
        end = time.monotonic() + SETTLE_SECONDS
        tries = 0
        while differences and time.monotonic() < end:
            if due := stack.undelivered():
                await stack.pass_time(max(0.0, due[0] - await stack.now()) + 1)
            elif tries:
                await asyncio.sleep(min(5.0, 0.2 * tries))
            tries += 1
            differences = await compare_since(history, history.since)
        return [*history.faults, *differences]


class ShopMachine(RuleBasedStateMachine):
    """One history. Moves that do not `wait` go on beside those that follow, crashes included."""

    world: ClassVar[World]
    orders: Bundle[Order] = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.history = History(self.world.stack, self.world.counts)
        self.facts: Facts = {}
        self.failed = False
        self.world.do(self._begin())

    async def _begin(self) -> None:
        self.history.since = await self.world.stack.now() - 1

    def _play(self, move: Coroutine[Any, Any, None], *, wait: bool = True) -> None:
        self.world.counts["steps"] += 1
        self.world.do(self.history.play(move, wait=wait))

    @initialize(target=orders, **_PLACING)
    def begin(self, **placing: Any) -> Order:
        return self._check_out(**placing)

    @rule(target=orders, **_PLACING)
    def check_out(self, **placing: Any) -> Order:
        return self._check_out(**placing)

    def _check_out(self, items: dict[str, int], method: str | None, wait: bool, **placing: Any) -> Order:
        order = Order()
        self.history.placed.append(order)
        self._play(steps.check_out(self.history, order, list(items.items()), at_once=wait, **placing), wait=wait)
        if method is not None:
            self._play(steps.pay(self.history, order, method, newest=True), wait=wait)
        return order

    @rule(order=orders, method=_PAYING, newest=st.booleans(), wait=_WAIT)
    def pay(self, order: Order, method: str, newest: bool, wait: bool) -> None:
        self._play(steps.pay(self.history, order, method, newest=newest), wait=wait)

    @rule(order=orders, wait=_WAIT)
    def retry(self, order: Order, wait: bool) -> None:
        self._play(steps.retry(self.history, order), wait=wait)

    @rule(
        order=orders, command=st.sampled_from(steps.COMMANDS), wait=_WAIT, reason=st.sampled_from(steps.ATTENTION),
        kill_after=st.none() | st.floats(0.3, 3.0),
    )  # fmt: skip
    def operate(self, order: Order, command: str, kill_after: float | None, reason: str, wait: bool) -> None:
        self._play(steps.operate(self.history, order, command, kill_after, reason), wait=wait)

    @rule(order=orders, act=st.sampled_from(steps.AT_STRIPE), wait=_WAIT)
    def at_stripe(self, order: Order, act: str, wait: bool) -> None:
        self._play(steps.at_stripe(self.history, order, act), wait=wait)

    @rule(count=st.integers(1, 8), wait=_WAIT)
    def redeliver(self, count: int, wait: bool) -> None:
        self._play(steps.redeliver(self.history, count), wait=wait)

    @rule(seed=st.integers(0, 1_000_000), late=st.sampled_from((0.0, 0.1, 0.3)), api=st.booleans())
    def trouble(self, seed: int, late: float, api: bool) -> None:
        self._play(steps.trouble(self.history, seed, late, api=api))

    @rule(seconds=st.sampled_from((600, 3600, 3 * 3600, 25 * 3600, 3 * 86_400)))
    def later(self, seconds: int) -> None:
        self._play(steps.later(self.history, seconds))

    @precondition(lambda self: self.world.stack.ours is not None)
    @rule(error=st.just(0) | _CLOCK_ERRORS)
    def mistake_the_time(self, error: int) -> None:
        self._play(self.world.stack.mistake_the_time(error))

    @rule(what=st.sampled_from(steps.CRASHES), pause=st.floats(0, 1))
    def crash(self, what: str, pause: float) -> None:
        self._play(steps.crash(self.history, what, pause))

    @invariant()
    def facts_only_grow(self) -> None:
        ids = self.history.orders
        now = self.world.do(read_facts(self.world.stack, ids)) if ids else {}
        lost = shrunk(self.facts, now)
        self.facts = now
        self.failed = bool(lost)
        assert not lost, "\n".join(lost)

    def teardown(self) -> None:
        """Compare each order with Stripe."""
        differences = self.world.do(self.world.settled(self.history))
        self.world.refunds += self.history.refunds
        self.world.counts["histories"] += 1
        self.world.counts["orders"] += len(self.history.orders)
        if not self.failed:
            assert not differences, "\n".join(differences)
