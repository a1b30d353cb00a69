"""Attack a running daemon in every way that a stranger can, and see that deliveries in good order are stored at once.

Each attack lasts a twelfth of `--seconds`; the million bad signatures last until they are answered. The good deliveries
come 25 a second, each over a connection of its own. All of them must be answered with 200, the slowest hundredth
excepted within a second, and the daemon's memory must stay within a bound.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import Any

from bench.support.load import request
from tests.faults.hostile.proxy import nginx, program
from tests.faults.hostile.shop import PROXY, Measured, Shop, attacked_shop, exchange
from tests.faults.hostile.smuggling import CASES, Outcome, send
from tests.faults.report import Options, Part, Result

MOST_MEMORY_MB = 300.0
SLOWEST_MS = 1000
_MOST_PER_SECOND = 4000
_SUSTAINED_SECONDS = 3.0
_OVERLOADED_SECONDS = 8.0
_SLOW_SECONDS = 90.0  # longer than a head may take, in a long run
_SIGNATURES = 1_000_000
_LIMIT = 600  # checkouts a minute, the default
_HEAD_SECONDS, _BODY_SECONDS = 75.0, 30.0  # after which the daemon ends a slow request
_MOST_TAKEN_KB = 32 * 1024
_CLIENTS = ("127.0.50.1", "127.0.51.1", "127.0.52.1")


def judged(promise: str, measured: Measured, *others: str, may_refuse: bool = False) -> Result:
    """Return a result with what differs from what every attack must leave alone."""
    differences = list(others)
    allowed = {"200", "503"} if may_refuse else {"200"}
    if bad := {status: count for status, count in measured.statuses.items() if status not in allowed}:
        differences.append(f"good deliveries were answered {bad}")
    if measured.p99_ms > SLOWEST_MS:
        differences.append(f"good deliveries took {measured.p99_ms} ms (p99)")
    if measured.most_mb > MOST_MEMORY_MB:
        differences.append(f"the daemon used {measured.most_mb:.0f} MB")
    return Result(promise, measured.counts(), tuple(differences))


def unfit_answers(measured: Measured, expected: set[str]) -> list[str]:
    """Return what an attack was answered and should not have been. One that nobody answered has not taken place."""
    answers = measured.attack.get("answers", {})
    if not answers:
        return ["the attack was not answered"]
    return [f"the attack was answered {status}" for status in answers if status not in expected]


async def attacks(shop: Shop, seconds: float) -> list[Result]:
    """Run all attacks that are measured by the good deliveries."""
    each = _each(seconds)
    overloaded = min(each, _OVERLOADED_SECONDS)
    found = _Found()
    pace = await shop.run("sustainable", orders=_orders(_SUSTAINED_SECONDS), seconds=_SUSTAINED_SECONDS)
    measured = await shop.under(
        "overload", orders=_orders(overloaded), seconds=overloaded, most=3000, rate=10.0 * pace["per_second"]
    )
    measured.attack["sustainable"] = pace["per_second"]
    # The attacker shares the processor with the daemon, so it may not be able to send ten times the rate.
    measured.attack["times_the_sustainable"] = round(measured.attack["sent"] / overloaded / pace["per_second"], 1)
    unfit = unfit_answers(measured, {"200", "503"})
    found.append(judged("a flood of new events: what is taken is stored", measured, *unfit, may_refuse=True))
    million = min(_SIGNATURES, int(5000 * seconds))
    for name, promise, given, expected in (
        ("signatures", "a million bad signatures", {"most": 200, "total": million}, {"400"}),
        ("slow_heads", "heads that come a byte a second", {"count": 2000}, {"408", "closed", "reset"}),
        ("slow_bodies", "bodies that come a byte a second", {"count": 2000}, {"408", "closed", "reset"}),
        ("idle", "ten thousand idle connections", {"count": 10_000}, {"closed", "reset", "still open"}),
        ("uploads", "a gigabyte by chunks", {"count": 20}, {"413", "reset"}),
        ("bombs", "compressed bodies that expand a thousandfold", {"most": 100}, {"415", "429"}),
        ("headers", "floods of headers", {"most": 100}, {"400", "414", "431"}),
        ("nesting", "JSON that is nested 100,000 deep", {"most": 50}, {"200", "400", "429"}),
    ):
        lasting = 1000.0 if name == "signatures" else _SLOW_SECONDS if name == "slow_heads" and each > 15 else each
        if (name == "slow_heads" and lasting < _HEAD_SECONDS) or (name == "slow_bodies" and lasting < _BODY_SECONDS):
            expected |= {"still open"}
        measured = await shop.under(name, seconds=lasting, **given)
        unfit = unfit_answers(measured, expected)
        if name == "signatures" and sum(measured.attack["answers"].values()) < million:
            unfit.append("there were fewer bad signatures")
        if measured.attack.get("most_taken_kb", 0) > _MOST_TAKEN_KB:
            unfit.append(f"{measured.attack['most_taken_kb']} KB of an upload were taken")
        found.append(judged(promise, measured, *unfit))
    lost = await shop.lost()
    found.append(Result("every acknowledged event is stored", {"acknowledged": len(shop.acknowledged)}, tuple(lost)))
    return found


class _Found(list[Result]):
    """The results so far. Each is also printed as a line of JSON: all of them together take a while."""

    def append(self, result: Result) -> None:
        """Add a result."""
        super().append(result)
        sys.stdout.write(json.dumps({result.promise: result.counts, "differences": result.differences}) + "\n")
        sys.stdout.flush()


def _each(seconds: float) -> float:
    return max(seconds / 12, 3.0)


def _orders(seconds: float) -> int:
    return int(_MOST_PER_SECOND * seconds)


async def smuggled(port: int, name: str, *, proxied: bool = False) -> Result:
    """Send every ambiguous request, and after each one an innocent one, which must get its own answer."""
    outcomes: list[Outcome] = []
    differences: list[str] = []
    for case in CASES:
        outcome = await send(port, case, "127.0.60.1")
        outcomes.append(outcome)
        differences += outcome.faults(proxied=proxied)
        if (status := await exchange(port, request("/healthz", b"", {}, "GET"), "127.0.61.1")) != "200":
            differences.append(f"after {case!r} another client was answered {status}")
    counts = Counter("+".join(outcome.statuses) or "closed" for outcome in outcomes)
    return Result(f"no request hides another, {name}", {"requests": len(CASES), **counts}, tuple(differences))


async def limited(shop: Shop, proxy: int) -> Result:
    """Send checkouts with forged addresses through the proxy and directly: the limit counts the real address."""
    refused: dict[str, Any] = {}
    differences: list[str] = []
    forged = [
        request(
            "/api/stripe-checkout",
            b"{}",
            {"Content-Type": "application/json", "X-Forwarded-For": f"203.0.113.{n % 250}, 198.51.100.{n % 250}"},
        )
        for n in range(_LIMIT + 150)
    ]
    ways = (("through nginx", proxy, _CLIENTS[0]), ("directly", shop.port, _CLIENTS[1]))
    for way, port, client in ways:
        begun = time.monotonic()
        answers = Counter([await exchange(port, sent, client) for sent in forged])
        refused[way] = dict(answers)
        most = _LIMIT * (1 + (time.monotonic() - begun) / 60)
        if not answers["429"] or answers.total() - answers["429"] > most:
            differences.append(f"forged addresses pass the limit {way}: {dict(answers)}")
        if (other := await exchange(port, forged[0], _CLIENTS[2])) != "422":
            differences.append(f"another client was answered {other} {way}")
    return Result(
        "the shoppers' limit counts real addresses, whatever X-Forwarded-For says", refused, tuple(differences)
    )


async def run(options: Options) -> list[Result]:
    """Attack a daemon, then send it ambiguous requests directly and through nginx."""
    program()  # before the long part of the work
    orders = _orders(_SUSTAINED_SECONDS) + _orders(min(_each(options.seconds), _OVERLOADED_SECONDS))
    async with attacked_shop(options.directory, good=int(20 * options.seconds + 3000), others=orders) as shop:
        found = await attacks(shop, options.seconds)
        found.append(await smuggled(shop.port, "sent directly"))
        for buffering in (True, False):
            folder = options.directory / f"nginx-{buffering}"
            async with nginx(folder, shop.port, PROXY, buffering=buffering) as port:
                name = f"through nginx with buffering {'on' if buffering else 'off'}"
                found.append(await smuggled(port, name, proxied=True))
                if buffering:
                    found.append(await limited(shop, port))
    return found


PART = Part("overload", "ten times the load, slow and huge requests, ambiguous HTTP directly and through nginx", run)
