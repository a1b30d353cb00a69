"""Reads Stripe's lists of what was created in a time, several pages at once: a cursor alone gives one page a call.

What a page leaves is cut into slices of time, as many as it suggests that there are pages. A short list costs no more
calls than before, and a long one is read as fast as the pace allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import MOST_PAGES, PAGE
from checkout_daemon.stripe_api.throttle import CALLS_PER_SECOND, Pace, at_most

_AT_ONCE = 16  # calls; enough for the pace while a call takes less than 0.8 s
_MOST_PARTS = 8


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a list: what was created from second `since` to second `until`, both included, after an object.

    `parts` are the most into which its rest is cut. It begins low: a burst suggests more pages than there are.
    """

    params: Mapping[str, Any]
    since: int
    until: int | None = None
    after: str | None = None
    parts: int = 2

    def request(self) -> dict[str, Any]:
        """Return the parameters that list it, newest first."""
        created = {"gte": self.since} | ({} if self.until is None else {"lte": self.until})
        after = {} if self.after is None else {"starting_after": self.after}
        return {"limit": PAGE, **self.params, "created": created, **after}


async def pages_of(
    gateway: StripeGateway, method: str, slices: Sequence[Slice], *, most: int = MOST_PAGES, pace: Pace | None = None
) -> AsyncGenerator[list[Fetched], None]:
    """Yield the non-empty pages of slices that do not overlap, in any order. Close it to end the calls under way.

    Raise StripeUnavailable if there are more than `most` pages: an object that was not seen may still exist.
    """
    pace = pace or at_most(CALLS_PER_SECOND)
    waiting = list(slices)
    running: set[asyncio.Task[tuple[list[Fetched], list[Slice]]]] = set()
    seen = calls = 0
    try:
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                if calls == most:
                    raise StripeUnavailable(
                        f"Stripe lists more than {seen:,} objects ({method}), and not all of them could be seen: "
                        "try again later"
                    )
                calls += 1
                running.add(asyncio.create_task(_read(gateway, method, waiting.pop(), pace)))
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            task = done.pop()  # one at a time: the calls that follow from it are under way while its page is worked on
            running.remove(task)
            page, left = task.result()
            seen += len(page)
            waiting += left
            if page:
                yield page
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _read(gateway: StripeGateway, method: str, part: Slice, pace: Pace) -> tuple[list[Fetched], list[Slice]]:
    """Return the first page of a slice, and what is left of it, the newest last."""
    await pace()
    answer = await gateway.request(method, params=part.request())
    page = [Fetched(item, answer.observed_at) for item in answer.object["data"]]
    if not answer.object.get("has_more"):
        return page, []
    if not page:
        raise StripeUnavailable(f"Stripe's list ({method}) has an empty page before its end: try again later")
    return page, _cut(part, page)


def _cut(part: Slice, page: Sequence[Fetched]) -> list[Slice]:
    """Return the rest of a slice in parts that may have a page each, the newest last: it goes on after the page."""
    newest, oldest = page[0].object.get("created"), page[-1].object.get("created")
    cuts = [part.since]
    if isinstance(newest, int) and isinstance(oldest, int) and newest >= oldest > part.since:
        seconds = oldest - part.since
        count = min(seconds // max(newest - oldest, 1), part.parts)
        cuts += [part.since + number * seconds // count for number in range(1, count)]
    parts = min(2 * part.parts, _MOST_PARTS)
    older = [Slice(part.params, begin, end - 1, parts=parts) for begin, end in pairwise(cuts)]
    return [*older, replace(part, since=cuts[-1], after=str(page[-1].object["id"]), parts=parts)]
