"""Lists that are read by time, several pages at once, hold every object once."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from checkout_daemon.errors import StripeUnavailable
from checkout_daemon.stripe_api.client import Fetched
from checkout_daemon.stripe_api.sessions import list_coupons
from checkout_daemon.stripe_api.slices import Slice, pages_of
from checkout_daemon.stripe_api.throttle import at_once

NOW = datetime.now(UTC)


class Account:
    """A list at Stripe: objects with a second each, newest first, in pages of a hundred."""

    def __init__(self, seconds: list[int], *, latency: float = 0.0) -> None:
        newest_first = sorted(seconds, reverse=True)
        self.objects: list[dict[str, Any]] = [
            {"id": f"evt_{place}", "created": second} for place, second in enumerate(newest_first)
        ]
        self.latency = latency
        self.calls = self.under_way = self.most_under_way = 0
        self.breaks_after = 10_000

    async def request(self, method: str, *, params: dict[str, Any]) -> Fetched:
        self.calls += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.under_way -= 1
        if self.calls > self.breaks_after:
            raise StripeUnavailable("planned")
        created = params["created"]
        found = [item for item in self.objects if created["gte"] <= item["created"] <= created.get("lte", 10**12)]
        if "starting_after" in params:
            ids = [item["id"] for item in self.objects]
            found = [item for item in found if ids.index(item["id"]) > ids.index(params["starting_after"])]
        page = found[: params["limit"]]
        return Fetched({"object": "list", "data": page, "has_more": len(found) > len(page)}, NOW)


async def ids_of(account: Account | OneByOne, *slices: Slice, **options: Any) -> list[str]:
    found = []
    async with aclosing(pages_of(account, "events.list", slices, pace=at_once, **options)) as pages:  # type: ignore[arg-type]
        async for page in pages:
            found += [item.object["id"] for item in page]
    return found


@pytest.mark.parametrize("number", range(20))
async def test_every_object_is_read_once_however_they_lie_in_time(number: int) -> None:
    chance = random.Random(number)
    span = chance.choice([0, 1, 7, 3600, 86400])
    bursts = [chance.randrange(span + 1) for _ in range(chance.choice([1, 3, 400]))]
    account = Account([1000 + min(span, chance.choice(bursts) + chance.randrange(3)) for _ in range(1500)])
    found = await ids_of(account, Slice({}, 1000, 1000 + span))
    assert sorted(found) == sorted(item["id"] for item in account.objects)


async def test_objects_outside_of_the_time_are_not_read() -> None:
    account = Account(list(range(1000)))
    found = await ids_of(account, Slice({}, 200, 799))
    assert sorted(found) == sorted(item["id"] for item in account.objects if 200 <= item["created"] <= 799)


async def test_a_short_list_takes_one_call_and_a_long_one_hardly_more_than_it_has_pages() -> None:
    short, long = Account(list(range(100))), Account(list(range(0, 50_000, 5)))
    assert len(await ids_of(short, Slice({}, 0))) == 100
    assert len(await ids_of(long, Slice({}, 0))) == 10_000
    assert short.calls == 1
    assert long.calls <= 150


async def test_pages_of_a_long_list_are_read_at_once() -> None:
    account = Account(list(range(20_000)), latency=0.01)
    assert len(await ids_of(account, Slice({}, 0))) == 20_000
    assert account.most_under_way >= 8


async def test_a_list_longer_than_may_be_read_is_an_error() -> None:
    account = Account(list(range(1000)))
    with pytest.raises(StripeUnavailable, match="not all of them could be seen"):
        await ids_of(account, Slice({}, 0), most=5)


class OneByOne:
    """A list at Stripe of so many pages of one object."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def request(self, method: str, *, params: dict[str, Any]) -> Fetched:
        self.left -= 1
        return Fetched({"object": "list", "data": [{"id": f"obj_{self.left}"}], "has_more": self.left > 0}, NOW)


async def test_a_list_of_more_than_a_thousand_pages_is_read_to_its_end() -> None:
    assert len(await ids_of(OneByOne(1200), Slice({}, 0))) == 1200
    assert len(await list_coupons(OneByOne(1200))) == 1200  # type: ignore[arg-type]


async def test_a_failure_ends_the_calls_under_way() -> None:
    account = Account(list(range(20_000)), latency=0.01)
    account.breaks_after = 20
    with pytest.raises(StripeUnavailable, match="planned"):
        await ids_of(account, Slice({}, 0))
    assert account.under_way == 0
