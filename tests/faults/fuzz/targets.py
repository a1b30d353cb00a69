"""What is fuzzed: each target takes bytes, and lets nothing escape but what its function documents."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from multidict import CIMultiDict

from checkout_daemon.catalog.cart import CartLine, check_cart
from checkout_daemon.catalog.files import CatalogRejected, csv_text, json_text, parse_catalog
from checkout_daemon.errors import InvalidRequest, InvalidSignature, MalformedJson
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.signature import verify
from checkout_daemon.ledger.translate import translate_event
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.ledger.translate.stripe_objects import UnreadableObject
from checkout_daemon.model.customer import check_customer
from checkout_daemon.model.locale import preferred_locale, stripe_locale
from checkout_daemon.observability.redaction import redact, shorten_ids
from checkout_daemon.present.text import plain
from checkout_daemon.sandbox.parameters.forms import FormError, decode_form
from checkout_daemon.stripe_api.forms import form_encoded
from checkout_daemon.web import fields
from checkout_daemon.web.bodies import decode_body
from checkout_daemon.web.failures import UnknownExpectation
from checkout_daemon.web.proxies import TrustedProxies
from checkout_daemon.web.schemas import QuoteRequest, StripeCheckoutRequest
from tests.faults.fuzz.choices import Choices

NOW = 1_790_000_000
SECRETS = ("whsec_first", "whsec_second")
RECEIVED = datetime.fromtimestamp(NOW, UTC)
PAYLOADS = Path(__file__).resolve().parents[3] / "bench/payloads"
_DECODERS: tuple[msgspec.json.Decoder[Any], ...] = (
    msgspec.json.Decoder(QuoteRequest),
    msgspec.json.Decoder(StripeCheckoutRequest),
)
_PROXIES = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**53, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308, "", "0", "eur", "EUR"),
    *(
        "open",
        "complete",
        "paid",
        "succeeded",
        "lost",
        "won",
        "pi_1",
        "ch_1",
        "cs_1",
        "re_1",
        "\ud800",
        "\0",
        "x" * 300,
    ),
    *([], {}, [[]], [{}], {"id": None}, {"id": "pi_1"}, {"data": [{}]}, {"data": None}, {"order_id": 7}),
)


def signature(data: bytes) -> None:
    """No header passes but one with the signature of the body and a time that is not too old."""
    choices = Choices(data)
    body = choices.text().encode("utf-8", "surrogateescape")
    secret, at = choices.one_of((*SECRETS, "whsec_other")), NOW - choices.below(600)
    right = hmac.digest(secret.encode(), b"%d.%b" % (at, body), "sha256").hex()
    header = choices.rest().decode("utf-8", "surrogateescape").replace("RIGHT", f"t={at},v1={right}")
    header = header.replace("HEX", right).replace("AT", str(at))
    try:
        index = verify(body, header, SECRETS, float(NOW))
    except InvalidSignature:
        return
    named = [part.strip()[2:] for part in header.split(",") if part.strip().startswith("t=")]
    fresh = [int(time) for time in named if time.isascii() and time.isdigit() and int(time) >= NOW - 300]
    known = [hmac.digest(SECRETS[index].encode(), b"%d.%b" % (time, body), "sha256").hex() for time in fresh]
    assert any(value in header for value in known), "a header without a fresh signature passed"


def forms(data: bytes) -> None:
    """A form is decoded or refused in words, and what we encode is decoded as it was."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(FormError):
        decode_form(text)
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
        if isinstance(value, dict) and text.isascii() and "\\" not in text:
            form_encoded(value)
            plain_ones = {key: item for key, item in value.items() if isinstance(item, str) and key and "[" not in key}
            assert decode_form(form_encoded(plain_ones)) == plain_ones


def events(data: bytes) -> None:
    """A signed body is an event, or it is stored with the reason why not, or it is not JSON."""
    with suppress(MalformedJson):
        event = parse_event(data)
        assert event.id.isascii()
        assert 0 < len(event.id) <= 255
        assert event.payload.encode() == data
        with suppress(UnreadableObject):
            translate_event(event, RECEIVED)
        assert isinstance(event.whole_object(), dict)


def translate(data: bytes) -> None:
    """A real event with odd values in it reports facts, or is refused as unreadable."""
    choices = Choices(data)
    payloads = _payloads()
    event: Any = json.loads(choices.one_of(payloads))
    event["type"] = choices.one_of(sorted(EVENT_TYPES))
    while choices.left:
        _change(choices, event)
    with suppress(MalformedJson, UnreadableObject):
        # Not "\ud800" itself, which no UTF-8 holds.
        translated = translate_event(parse_event(json.dumps(event).encode()), RECEIVED)
        assert translated is None or all(isinstance(link.source_id, str) for link in translated.links)


def catalog(data: bytes) -> None:
    """A catalog file is read, and reads back equal from both formats, or is refused with its faults."""
    choices = Choices(data)
    discounts = bool(choices.below(2))
    text = choices.rest().decode("utf-8", "surrogateescape")
    with suppress(CatalogRejected):
        found = parse_catalog(text, discounts=discounts)
        if bool(found.products) != bool(found.discounts):
            discounts = bool(found.discounts)
            assert parse_catalog(json_text(found, discounts=discounts), discounts=discounts) == found
            assert parse_catalog(csv_text(found, discounts=discounts), discounts=discounts) == found


def header_fields(data: bytes) -> None:
    """Every header field that we read has a meaning, or none."""
    choices = Choices(data)
    name = choices.one_of(("Accept", "Accept-Encoding", "Content-Type", "Expect", "If-None-Match", "X-Forwarded-For"))
    value = choices.rest().decode("utf-8", "surrogateescape").replace("\r", "").replace("\n", "")
    request: Any = SimpleNamespace(headers=CIMultiDict({name: value}))
    fields.tokens(value)
    fields.media_type(value)
    fields.knows_tag(value, "tag")
    fields.wants_html(request)
    assert fields.choose_encoding(value, ("br", "gzip")) in ("br", "gzip", "identity")
    with suppress(UnknownExpectation):
        fields.expects_continue(request)
    _PROXIES.client("127.0.0.1", [value])
    assert _PROXIES.client("203.0.113.1", [value]) is not None
    locale = preferred_locale(value)
    stripe_locale(locale)
    assert locale is None or locale.isascii()


def bodies(data: bytes) -> None:
    """A body is what its schema says, or is refused with a fault; then its parts are checked for the shopper."""
    choices = Choices(data)
    decoder = choices.one_of(_DECODERS)
    with suppress(MalformedJson, InvalidRequest):
        found = decode_body(choices.rest(), decoder)
        check_cart([CartLine(item.sku, item.quantity) for item in found.items])
        if isinstance(found, StripeCheckoutRequest):
            check_customer(found.customer.name, found.customer.email, found.customer.phone or "")


def customers(data: bytes) -> None:
    """Whatever somebody types is accepted or refused in words; and what is shown or logged of it is harmless."""
    choices = Choices(data)
    texts = [choices.text(), choices.text(), choices.rest().decode("utf-8", "surrogateescape")]
    customer, faults = check_customer(*texts)
    assert (customer is None) == bool(faults)
    if customer is not None:
        customer.name.encode()
        assert _shown(customer.name).isprintable()
        assert customer.email.isascii()
        assert customer.email.isprintable()
    for text in texts:
        assert _shown(text).isprintable()
        shorten_ids(redact(text))


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (signature, forms, events, translate, catalog, header_fields, bodies, customers)
}


def _shown(text: str) -> str:
    """Return what is shown of a text, without the joiners that words are written with."""
    return plain(text).replace("\u200c", "").replace("\u200d", "")


@cache
def _payloads() -> tuple[str, ...]:
    """Return the events of a payment, with their tokens filled in."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(PAYLOADS.glob("*.json"))]
    values = {"TOTAL": "5000", "NOW": str(NOW), "LATER": str(NOW + 86_400), "NUMBER": "1001"}
    values |= {"EVENT": "evt_1", "SESSION": "cs_test_1", "INTENT": "pi_1", "CHARGE": "ch_1", "REFUND": "re_1"}
    values |= {"ORDER": "6f1c0d9e-1111-4222-8333-444455556666", "SHOP": "7f1c0d9e-1111-4222-8333-444455556666"}
    for name, value in values.items():
        texts = [text.replace(f"${name}", value) for text in texts]
    return tuple(texts)


def _change(choices: Choices, event: dict[str, Any]) -> None:
    """Walk to some place of an event and change what is there."""
    place: Any = event
    if choices.below(4) and isinstance(data := event.get("data"), dict) and isinstance(data.get("object"), dict):
        place = data["object"]
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[choices.below(len(keys))]
        inner = place[key]
        if isinstance(inner, dict | list) and inner and choices.below(3):
            place = inner
            continue
        break
    match choices.below(4):
        case 0:
            del place[key]
        case 1:
            place[key] = choices.text()
        case 2:
            place[key] = int.from_bytes(choices.take(choices.below(9)), "big", signed=True)
        case _:
            place[key] = deepcopy(choices.one_of(_ODD))
