"""The filter language: what it reads, what it refuses and how, and what completes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkout_daemon.orders.order_filter import Condition, OrderFilter
from checkout_daemon.orders.order_query import InvalidQuery, Query, SearchWord, parse_query
from checkout_daemon.orders.query_completion import complete_query

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)  # a Tuesday


def read(text: str) -> Query:
    return parse_query(text, time_zone="Europe/Vienna", now=NOW)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", OrderFilter()),
        ("status:failed", OrderFilter(statuses=("failed",))),
        ("status:expired,Failed", OrderFilter(statuses=("failed", "expired"))),
        ("-status:pending,expired,canceled,failed,processing", OrderFilter(
            statuses=("completed", "partially_refunded", "refunded", "disputed"))),
        ("attention:any", OrderFilter(attention=True)),
        ("attention:refund_failed", OrderFilter(conditions=(Condition("attention", ("refund_failed",)),))),
        ("attention:none", OrderFilter(conditions=(Condition("attention", ("any",), negated=True),))),
        ("email:Ada@Bücher.example", OrderFilter(email="ada@xn--bcher-kva.example")),
        ("email:@example.com", OrderFilter(conditions=(Condition("email", ("*@example.com",)),))),
        ("since:monday until:2026-11-24", OrderFilter(
            since=datetime(2026, 11, 22, 23, tzinfo=UTC), until=datetime(2026, 11, 23, 23, tzinfo=UTC))),
        ("since:24h since:7d", OrderFilter(since=NOW - timedelta(hours=24))),
        ("last4:4242 decline:insufficient_funds", OrderFilter(last4="4242", decline="insufficient_funds")),
        ("brand:visa last4:4242", OrderFilter(
            conditions=(Condition("charge", charge=(("brand", ("visa",)), ("last4", ("4242",)))),))),
        ("-brand:visa", OrderFilter(conditions=(Condition("charge", charge=(("brand", ("visa",)),), negated=True),))),
        ("country:at,de", OrderFilter(conditions=(Condition("charge", charge=(("country", ("AT", "DE")),)),))),
        ("is:test", OrderFilter(conditions=(Condition("livemode", ("false",)),))),
        ("sku:TEE-*", OrderFilter(conditions=(Condition("sku", ("tee-*",)),))),
        ("code:WELCOME10", OrderFilter(conditions=(Condition("discount", ("welcome10",)),))),
        ("phone:+43 664 12 status:failed", OrderFilter(
            statuses=("failed",), conditions=(Condition("phone", ("4366412*",)),))),
        ('name:"van der Berg"', OrderFilter(conditions=(Condition("name", ("*van der berg*",)),))),
    ],
)  # fmt: skip
def test_terms_become_conditions(text: str, wanted: OrderFilter) -> None:
    assert read(text) == Query(wanted)


@pytest.mark.parametrize(
    ("text", "two", "none", "three"),
    [
        ("50", [(5000, 5000)], [(50, 50)], [(50_000, 50_000)]),
        ("49.90", [(4990, 4990)], [], [(49_900, 49_900)]),
        ("49,90", [(4990, 4990)], [], [(49_900, 49_900)]),
        (">50", [(5001, None)], [(51, None)], [(50_001, None)]),
        (">=49.905", [(4991, None)], [(50, None)], [(49_905, None)]),
        ("<49.905", [(None, 4990)], [(None, 49)], [(None, 49_904)]),
        ("<=50", [(None, 5000)], [(None, 50)], [(None, 50_000)]),
        ("20..30.50", [(2000, 3050)], [(20, 30)], [(20_000, 30_500)]),
        ("..30", [(None, 3000)], [(None, 30)], [(None, 30_000)]),
        ("20.001..20.002", [], [], [(20_001, 20_002)]),
        ("0.000", [(0, 0)], [(0, 0)], [(0, 0)]),
        ("20,30", [(2000, 2000), (3000, 3000)], [(20, 20), (30, 30)], [(20_000, 20_000), (30_000, 30_000)]),
    ],
)  # fmt: skip
def test_amounts_are_in_the_currency_of_each_order(text: str, two: list, none: list, three: list) -> None:  # type: ignore[type-arg]
    value = f'"{text}"' if text == "49,90" else text
    (condition,) = read(f"amount:{value}").wanted.conditions
    assert condition.amounts is not None
    assert condition.amounts.ranges == (tuple(none), tuple(two), tuple(three))
    assert read(f"amount{text}").wanted.conditions == (condition,) if text[0] in "<>" else True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("muller hugo", [SearchWord("muller"), SearchWord("hugo")]),
        ('"hugo maier"  TEE', [SearchWord("hugo maier"), SearchWord("TEE")]),
        ("-hugo", [SearchWord("hugo", negated=True)]),
        ('"status:failed"', [SearchWord("status:failed")]),
        ("10:30 a@b.example", [SearchWord("10:30"), SearchWord("a@b.example")]),
        ('-"hugo maier" ""', [SearchWord("hugo maier", negated=True)]),
        ("hugo +49 170 123 maier", [SearchWord("hugo"), SearchWord("+49 170 123"), SearchWord("maier")]),
        ("-+43 (664) 12-34 50", [SearchWord("+43 (664) 12-34 50", negated=True)]),
        ("0664 123 45 67", [SearchWord("0664 123 45 67")]),
        ("0664 4242", [SearchWord("0664"), SearchWord("4242")]),
        ("+43 664 1234567 89.90", [SearchWord("+43 664 1234567"), SearchWord("89.90")]),
        ("+43 6641234567 123456", [SearchWord("+43 6641234567"), SearchWord("123456")]),
        ('"+43664" 50', [SearchWord("+43664"), SearchWord("50")]),
    ],
)
def test_other_words_are_a_search(text: str, words: list[SearchWord]) -> None:
    assert read(text).words == tuple(words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stauts:failed", "there is no filter 'stauts' (did you mean status?)"),
        ("https://example.com", "there is no filter 'https'; to search for the text, put it in quotes"),
        ("status:faild", "status:faild is not known (did you mean failed?): it is pending, processing"),
        ("status:", "status: needs a value: it is pending"),
        ("amount:5O", "amount:5O is no amount: an amount as 50"),
        ("amount:-5", "amount:-5 is no amount"),
        ("amount:>1.000", "amount:>1.000 is not clear: write 1000 for thousands, or 1: an amount as 50"),
        ('amount:"10,000"', "amount:10,000 is not clear: write 10000 for thousands, or 10"),
        ("amount:>1,000", "amount:000 begins with zeros: write thousands without a comma"),
        ("refunded:1..01.50", "refunded:1..01.50 begins with zeros"),
        ("amount:20..10", "amount:20..10 contains no amount: its first one is the greater (did you mean 10..20?)"),
        ("refunded:>5,9..8.50", "refunded:9..8.50 contains no amount"),
        ("since:today until:yesterday", "no order was made since 2026-11-24 00:00 and also before 2026-11-23 00:00"),
        ("since:monday until:monday", "since takes the earlier time"),
        ("phone:+49 hugo", "phone:+49 is not allowed: at least four digits"),
        ("brand:vsia", "brand:vsia is not known (did you mean visa?)"),
        ("decline:insuficient_funds", "(did you mean insufficient_funds?)"),
        ("last4:42", "last4:42 is not allowed: four digits"),
        ("country:Austria", "country:AUSTRIA is not allowed: two letters, such as AT"),
        ("since:mondya", "since:mondya is no time: it takes a span such as 30m"),
        ("-since:24h", "since: takes one time, and no minus"),
        ("is:live,tset", "is:tset is not known (did you mean test?): it is test, live"),
        ("attention:none,any", "attention:none goes with no other value"),
        ("phone:06", "phone:06 is not allowed: at least four digits"),
        ('name:"hugo', "a quote is not closed: name:"),
        ("x " * 21, "a filter has at most 20 terms"),
        ("x" * 1001, "a filter has at most 1,000 characters"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        read(text)
    assert message in refused.value.detail
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("st", ["status:"]),
        ("amount:>5 -co", ["amount:>5 -country:"]),
        ("status:fa", ["status:failed"]),
        ("hugo -status:failed,ex", ["hugo -status:failed,expired"]),
        ("status:failed,fa", []),
        ("total:", []),
        ("since:la", ['since:"last week"', 'since:"last month"']),
        ("is:", ["is:test", "is:live"]),
        ("nothing:", []),
        ('"st', []),
    ],
)
def test_keys_and_then_values_are_completed(typed: str, texts: list[str]) -> None:
    assert [found.text for found in complete_query(typed)] == texts


def test_an_empty_text_completes_to_every_key() -> None:
    assert {"status:", "amount:", "sku:", "last4:"} <= {found.text for found in complete_query("")}


def test_a_new_value_of_stripes_is_read() -> None:
    assert read("brand:newbrand wallet:some_pay").wanted.conditions
