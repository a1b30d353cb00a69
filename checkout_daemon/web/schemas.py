"""The bodies of requests and answers, and how they become the records that services take and give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from checkout_daemon.catalog.cart import Cart
from checkout_daemon.catalog.pricing import Discount, Quote, TaxLine, normalize_discount_code
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.model.address import Address
from checkout_daemon.model.customer import Customer
from checkout_daemon.model.orders import OrderStatus

# For readers of /openapi.json. The rules themselves are the domain's, which names every fault at once.
Sku = Annotated[str, Meta(extra_json_schema={"examples": ["NOTEBOOK-A5"], "maxLength": 64})]
Quantity = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": 999})]
Email = Annotated[str, Meta(extra_json_schema={"format": "email", "examples": ["ada@example.com"]})]
Phone = Annotated[
    str,
    Meta(
        description="International, with its +, or as it is dialled in the shop's country. Required unless the shop "
        "states otherwise: see `phone` of GET /api/shop",
        extra_json_schema={"examples": ["+43 1 5880 10"]},
    ),
]
DiscountCode = Annotated[str, Meta(extra_json_schema={"examples": ["WELCOME10"]})]
Country = Annotated[str, Meta(description="Two capital letters", extra_json_schema={"examples": ["AT"]})]
RateId = Annotated[str, Meta(description="The id of one of `shipping_rates`", extra_json_schema={"examples": ["post"]})]
Percent = Annotated[str, Meta(description="A decimal number", extra_json_schema={"examples": ["20", "5.5"]})]
Amount = Annotated[int, Meta(description="In minor units of the currency, as in Stripe's API")]
Time = Annotated[datetime, Meta(tz=True)]
Currency = Annotated[str, Meta(description="Three letters, lower-case", extra_json_schema={"examples": ["eur"]})]


class Request(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The base of requests: an unknown field is a fault."""


class CartItem(Request):
    """A product, and how many of it."""

    sku: Sku
    quantity: Quantity


class CustomerFields(Request):
    """Who orders, and where to reach them."""

    name: str
    email: Email
    phone: Phone | UnsetType = UNSET


class QuoteRequest(Request):
    """A cart to price. With `country` there are shipping rates, and with one of them its amount is in the total."""

    items: list[CartItem]
    discount_code: DiscountCode | None = None
    country: Country | None = None
    shipping_rate: RateId | None = None


class ShippingFields(Request):
    """Where to send the order. A shop whose Stripe page asks for the address takes the country alone."""

    country: Country
    line1: str = ""
    city: str = ""
    postal_code: str = ""
    line2: str = ""
    state: str = ""
    name: Annotated[str, Meta(description="The recipient; absent: the customer")] = ""


class StripeCheckoutRequest(Request):
    """A cart to order, and who orders it."""

    items: list[CartItem]
    customer: CustomerFields
    discount_code: DiscountCode | None = None
    expected_total: (
        Annotated[Amount, Meta(description="What the shopper was shown; another total is refused")] | None
    ) = None
    insist: Annotated[bool, Meta(description="Make a new order after probably_placed")] = False
    shipping: Annotated[ShippingFields, Meta(description="Needed if the quote has needs_shipping")] | None = None
    shipping_rate: RateId | None = None


class Answer(Struct, omit_defaults=True):
    """The base of answers: fields that have their default are omitted."""


class ProductAnswer(Answer):
    """A product of the catalog. It cannot be ordered unless it is available."""

    sku: str
    name: str
    description: Annotated[str, Meta(description="Markdown")]
    image_url: str | None
    unit_amount: Amount
    currency: Currency
    available: bool
    left: Annotated[int, Meta(description="How many are left, if at most 5")] | None = None
    summary: Annotated[str, Meta(description="The description as plain text, if that is another text")] | None = None
    images: Annotated[list[str], Meta(description="All pictures, if there are several")] = msgspec.field(
        default_factory=list
    )


class Catalog(Answer):
    """All products. The shop sells in one currency."""

    currency: Currency
    products: list[ProductAnswer]


class ShopWords(Answer):
    """The shop's own words in one language; those that it has none of are absent."""

    tagline: str = ""
    heading: str = ""
    description: str = ""
    tax_note: str = ""
    footer: str = ""
    after_payment: list[str] = msgspec.field(default_factory=list)


class ShopLink(Answer):
    """A page that the shop links to."""

    name: Literal["imprint", "terms", "privacy", "returns", "contact"]
    url: str


class StorefrontTexts(Answer):
    """A language that the storefront has: what it calls itself, and where its texts are."""

    name: str
    direction: Literal["ltr", "rtl"]
    url: str


class ShopShipping(Answer):
    """Where the shop sends goods. `stripe`: its page asks for the address, and a checkout takes the country."""

    countries: list[Country]
    address: Literal["form", "stripe"]


class ShopAnswer(Answer):
    """The shop: how a storefront names it, and in which languages."""

    name: str
    currency: Currency
    locale: Annotated[str, Meta(description="For readers whose language the shop lacks")]
    languages: list[str]
    texts: Annotated[dict[str, ShopWords], Meta(description="By language")]
    links: list[ShopLink] = msgspec.field(default_factory=list)
    logo_url: str | None = None
    phone: Annotated[Literal["required", "optional", "off"], Meta(description="Whether a phone number is asked")] = (
        "required"
    )
    country: Annotated[str, Meta(description="ISO 3166; phone numbers without a country code are from it")] | None = (
        None
    )
    translations: Annotated[dict[str, StorefrontTexts], Meta(description="The storefront's texts, by language")] = (
        msgspec.field(default_factory=dict)
    )
    shipping: Annotated[ShopShipping, Meta(description="Absent if the shop sends nothing")] | None = None
    tax_labels: Annotated[dict[str, str], Meta(description="What the tax is called, by language")] = msgspec.field(
        default_factory=dict
    )
    seller: Annotated[list[str], Meta(description="Name, address and tax number, line by line")] = msgspec.field(
        default_factory=list
    )


class PricedItem(Answer):
    """A line of a cart or an order, before the discount."""

    sku: str
    name: str
    unit_amount: Amount
    quantity: int
    amount: Amount


class DiscountAnswer(Answer):
    """The discount and its terms, so that a storefront can compute at once what it takes off a changed cart."""

    code: str
    amount: Amount
    percent_off: Annotated[str, Meta(description="A decimal number; else there is amount_off")] | None = None
    amount_off: Amount | None = None
    minimum_subtotal: Annotated[Amount, Meta(description="The least subtotal it is for")] = 0
    ends_at: Annotated[Time, Meta(description="It ends just before")] | None = None


class ShippingRateAnswer(Answer):
    """A way to send the cart to the country, as it is named in the shopper's language."""

    id: str
    label: str
    amount: Amount
    estimate: Annotated[str, Meta(description="When it arrives, in words")] = ""


class TaxAnswer(Answer):
    """The tax that part of the total includes, at one rate. `amount_gross` is that part, tax included."""

    tax_class: str
    percent: Percent
    amount_gross: Amount
    amount: Amount


class QuoteAnswer(Answer):
    """What a cart costs now."""

    items: list[PricedItem]
    amount_subtotal: Amount
    amount_discount: Amount
    amount_total: Amount
    currency: Currency
    discount: DiscountAnswer | None = None
    needs_shipping: Annotated[bool, Meta(description="Whether something in the cart must be sent")] = False
    shipping_rates: Annotated[list[ShippingRateAnswer], Meta(description="The ways to send it to `country`")] = (
        msgspec.field(default_factory=list)
    )
    amount_shipping: Annotated[Amount, Meta(description="Part of the total, once a rate is chosen")] | None = None
    amount_tax: Annotated[Amount, Meta(description="What the total includes; absent in shops without it")] | None = None
    taxes: list[TaxAnswer] = msgspec.field(default_factory=list)


class StripeCheckoutAnswer(Answer):
    """An order, and the Checkout Session to pay it: send the shopper to `url`."""

    order_id: UUID
    number: int
    session_id: str
    url: str
    status: OrderStatus
    amount_total: Amount
    currency: Currency
    expires_at: Time


class Received(Answer):
    """The delivery is stored."""

    received: bool


class Health(Answer):
    """The state of the daemon."""

    status: str


class FieldFault(Answer):
    """One fault of a request."""

    pointer: Annotated[str, Meta(description="JSON pointer (RFC 6901) into the request")]
    code: str
    detail: str
    parameter: Annotated[str, Meta(description="The parameter of the query, whose pointer is empty")] | None = None
    left: Annotated[int, Meta(description="How many pieces are left, for out_of_stock")] | None = None
    amount: Annotated[Amount, Meta(description="The limit that the fault is about")] | None = None
    currency: Annotated[Currency, Meta(description="Of the limit, or what a discount code is for")] | None = None


class Problem(Answer):
    """RFC 9457; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldFault] | None = None
    quote: Annotated[QuoteAnswer, Meta(description="The new quote, with price_changed")] | None = None
    order_id: (
        Annotated[UUID, Meta(description="The first order, with probably_placed and all of its customer's details")]
        | None
    ) = None
    number: Annotated[int, Meta(description="That order's number")] | None = None


def request_hash(body: StripeCheckoutRequest) -> bytes:
    """Hash a request; white space and the order of keys do not matter."""
    return sha256(msgspec.json.encode(body)).digest()


def normalized(
    body: StripeCheckoutRequest, cart: Cart, customer: Customer, address: Address | None
) -> StripeCheckoutRequest:
    """Return the request as it was understood, which is the same for every spelling of it."""
    return StripeCheckoutRequest(
        items=[CartItem(line.sku, line.quantity) for line in cart.lines],
        customer=CustomerFields(customer.name, customer.email, customer.phone),
        discount_code=normalize_discount_code(body.discount_code),
        expected_total=body.expected_total,
        insist=body.insist,
        shipping=None if address is None else ShippingFields(**asdict(address)),
        shipping_rate=body.shipping_rate,
    )


def quote_answer(quote: Quote) -> QuoteAnswer:
    """Convert a quote to its JSON."""
    return QuoteAnswer(
        items=[
            PricedItem(
                line.sku, line.name, line.unit_amount, line.quantity, line.amount
            )  # far faster than a conversion
            for line in quote.lines
        ],
        amount_subtotal=quote.amount_subtotal,
        amount_discount=quote.amount_discount,
        amount_total=quote.amount_total,
        currency=quote.currency,
        discount=None if quote.discount is None else _discount_answer(quote.discount, quote.amount_discount),
        needs_shipping=quote.ships,
        shipping_rates=[
            ShippingRateAnswer(offer.id, offer.label, offer.amount, offer.estimate) for offer in quote.offers
        ],
        amount_shipping=quote.amount_shipping,
        amount_tax=quote.amount_tax,
        taxes=tax_answers(quote.taxes),
    )


def tax_answers(taxes: Iterable[TaxLine]) -> list[TaxAnswer]:
    """Convert tax lines to their JSON."""
    return [
        TaxAnswer(line.tax_class, f"{line.percent.normalize():f}", line.amount_gross, line.amount) for line in taxes
    ]


def _discount_answer(discount: Discount, amount: int) -> DiscountAnswer:
    percent = discount.percent_off
    return DiscountAnswer(
        code=discount.code,
        amount=amount,
        # As text: a binary fraction would not be the same number.
        percent_off=None if percent is None else f"{percent.normalize():f}",
        amount_off=discount.amount_off,
        minimum_subtotal=discount.minimum_subtotal,
        ends_at=None if discount.ends_at is None else discount.ends_at.astimezone(UTC),
    )


def checkout_answer(answer: CheckoutAnswer) -> StripeCheckoutAnswer:
    """Convert the result of a checkout or a retry to its JSON."""
    return msgspec.convert(answer, StripeCheckoutAnswer, from_attributes=True)
