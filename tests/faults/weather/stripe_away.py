"""Stripe is away in every way for a while: shoppers are answered in time, and later every order is as at Stripe.

Each kind of weather lasts a tenth of `--seconds`, and at least as long as the breaker needs to open and to try again.
Shoppers come ten a second, as strangers do, whether or not others are still waiting; deliveries come meanwhile.
"""

from __future__ import annotations

from tests.faults.report import Options, Part, Result
from tests.faults.weather.names import NAME, asking_it, serve_names
from tests.faults.weather.network import Weather
from tests.faults.weather.shoppers import Shoppers, compare, endure, heal
from tests.faults.weather.world import running_world

LEAST_SECONDS = 25.0  # two tries of the breaker
DELIVERY_SECONDS = 2.0
KINDS: tuple[tuple[Weather, str], ...] = (
    ("silent", "Stripe accepts calls and never answers"),
    ("slow", "Stripe answers after 9 s"),
    ("refused", "nobody listens at Stripe's address"),
    ("failing", "Stripe answers 500"),
    ("busy", "Stripe answers 429"),
    ("lost", "Stripe's answers are lost after the effect"),
)


async def run(options: Options) -> list[Result]:
    """Try every kind of weather on one daemon, then a daemon whose name server falls silent."""
    seconds = max(options.seconds / 10, LEAST_SECONDS)
    names, server = await serve_names()
    results: list[Result] = []
    async with running_world(options.directory) as world:
        shoppers = Shoppers(world)
        await shoppers.come(2)
        for weather, promise in KINDS:
            since = len(shoppers.answers)
            await world.network.become(weather)
            counts, wrong = await endure(world, shoppers, seconds, delivery_seconds=DELIVERY_SECONDS)
            await world.network.become("fair")
            more, still = await heal(world, shoppers, since)
            results.append(Result(promise, counts | more, (*wrong, *still)))
        await world.stop_daemon()
        world.before = asking_it(options.directory)
        world.environ["STRIPE_API_BASE"] = f"http://{NAME}:{world.network.port}"
        await world.start_daemon()
        await shoppers.come(2)
        await world.network.become("refused")  # ends the connections that need no name any more
        server.silent, since = True, len(shoppers.answers)
        counts, wrong = await endure(world, shoppers, seconds, delivery_seconds=DELIVERY_SECONDS)
        server.silent = False
        await world.network.become("fair")
        more, still = await heal(world, shoppers, since)
        results.append(Result("Stripe's name is not found", counts | more, (*wrong, *still)))
        differences = await compare(world, shoppers)
        totals: dict[str, object] = {
            "orders": len(shoppers.answers), "events": len(shoppers.delivered), "paid": len(shoppers.paid)
        }  # fmt: skip
        results.append(Result("every order is held once, with at most one session", totals, tuple(differences)))
    names.close()
    return results


PART = Part("stripe-away", "Stripe slow, silent, refusing, failing, busy, forgetful, and without a name", run)
