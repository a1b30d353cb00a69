"""One database and one offline Stripe for tests of many commands: each makes an order of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from checkout_daemon.backoff import EVENT_TRIES
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.merge import merge
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.commands.conftest import KEY, add_products, go
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tests.support.disputes import dispute
from tests.support.orders import add_expired_order, number_of
from tests.support.payments import paid
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import event_body, refund_object, session_object

BO = Customer("Bo", "bo@example.com", "+4930901820")
Make = Callable[[Runtime], Awaitable[int]]


async def make_waiting(runtime: Runtime) -> int:
    return (await check_out(runtime, customer=BO)).number


async def make_paid(runtime: Runtime) -> int:
    return (await paid_order(runtime, customer=BO)).number


async def make_to_ship(runtime: Runtime) -> int:
    """Pay an order whose goods must be sent."""
    answer = await paid_order(runtime, customer=BO)
    async with runtime.database.connection() as connection:
        await to_be_sent(connection, str(answer.order_id))
    return answer.number


async def make_paid_twice(runtime: Runtime) -> int:
    answer = await check_out(runtime, customer=BO)
    order_id = str(answer.order_id)
    payments = (f"pi_{answer.number}a", f"pi_{answer.number}b")
    update = paid(order_id, *payments, amount=answer.amount_total)
    await runtime.database.run(merge, [update])
    return answer.number


async def make_paid_by_event(runtime: Runtime) -> int:
    """Pay an order, and keep the event that reported it."""
    answer = await check_out(runtime, customer=BO)
    session = session_object(
        str(answer.order_id), answer.session_id, f"pi_{answer.number}", amount_total=answer.amount_total
    )
    event = parse_event(event_body("checkout.session.completed", session))
    await apply_batch(runtime.database, [ReceivedEvent(event, datetime.now(UTC))])
    return answer.number


async def make_disputed(runtime: Runtime) -> int:
    """Pay an order whose payment is disputed at Stripe."""
    answer = await paid_order(runtime, customer=BO)
    await dispute(runtime, answer)
    return answer.number


async def make_expired(runtime: Runtime) -> int:
    async with runtime.database.connection() as connection:
        return await number_of(connection, await add_expired_order(connection, customer_email=BO.email))


async def make_dead_event(runtime: Runtime) -> int:
    """Pay an order, and let an event of a refund of it die that nobody can read."""
    number = await make_paid_by_event(runtime)
    refund = refund_object(f"re_{number}", f"pi_{number}", 1300) | {"amount": "much"}
    event = parse_event(event_body("refund.created", refund))
    await apply_batch(runtime.database, [ReceivedEvent(event, datetime.now(UTC))])
    async with runtime.database.connection() as connection:
        await connection.execute(
            "UPDATE stripe_events SET status = 'dead', next_attempt_at = NULL, attempts = $2 WHERE id = $1",
            event.id,
            EVENT_TRIES,
        )
    return number


async def make_dead_message(runtime: Runtime) -> int:
    number = await make_paid(runtime)
    async with runtime.database.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET status = 'dead', last_error = 'planted'"
            " WHERE order_id = (SELECT id FROM orders WHERE number = $1)",
            number,
        )
    return number


@dataclass(frozen=True, slots=True)
class Place:
    """One database and one offline Stripe for all these tests, which must not touch each other's orders."""

    database_url: str
    stripe: BackgroundStripe

    def environ(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": self.stripe.base}

    def make(self, work: Make) -> int:
        """Create an order of Bo's and return its number."""

        async def with_runtime() -> int:
            async with open_runtime(load_settings(self.environ())) as runtime:
                return await work(runtime)

        number: int = go(with_runtime())
        return number

    def contents(self) -> Mapping[str, str]:
        """Return a fingerprint of every table by name."""

        async def read() -> dict[str, str]:
            connection = await asyncpg.connect(self.database_url)
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
                " AND NOT relispartition"
            )
            found = {
                name: await connection.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                for (name,) in names
            }
            await connection.close()
            return found

        contents: dict[str, str] = go(read())
        return contents


def open_place(cluster: Cluster, stripe: BackgroundStripe) -> Iterator[Place]:
    """Yield a place with a waiting and a paid order of Ada's."""
    url = cluster.take()

    async def fill(runtime: Runtime) -> int:
        async with runtime.database.connection() as connection:
            await add_products(connection)
        await check_out(runtime)
        return (await paid_order(runtime)).number

    place = Place(url, stripe)
    place.make(fill)
    yield place
    cluster.give_back(url)
