"""Add to a priced cart what it costs to send it, and the taxes that its total includes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checkout_daemon.catalog.cart import MAXIMUM_LINES
from checkout_daemon.catalog.pricing import Quote, ShippingOffer, amount_faults
from checkout_daemon.catalog.taxes import included_taxes
from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.money import round_to_step
from checkout_daemon.shop.records import Shop
from checkout_daemon.shop.selling import Shipping


@dataclass(frozen=True, slots=True)
class ShippingChoice:
    """Where a cart shall be sent, how, and the shopper's language. `rate` is the id of one of the shop's rates.

    `required`: the cart is to be ordered, so goods that must be sent need both.
    """

    country: str | None = None
    rate: str | None = None
    locale: str | None = None
    required: bool = False

    @property
    def country_pointer(self) -> str:
        """The JSON pointer of the country in the request."""
        return "/shipping/country" if self.required else "/country"


NOWHERE = ShippingChoice()


def finish_quote(priced: Quote, shop: Shop, to: ShippingChoice) -> Quote:
    """Return the quote with shipping and taxes as the shop states them. Raise InvalidRequest with every fault."""
    shipping = shop.shipping
    if shipping is None:
        if to.country or to.rate:
            pointer = to.country_pointer if to.country else "/shipping_rate"
            raise InvalidRequest([FieldError(pointer, "no_shipping", "This shop does not send goods.")])
        return priced if shop.tax is None else _with_taxes(priced, shop, None)
    if not shipping.needed([line.sku for line in priced.lines]):
        return _with_taxes(priced, shop, None)
    priced = _with_shipping(priced, shipping, to)
    return _with_taxes(priced, shop, to.country)


def _with_shipping(priced: Quote, shipping: Shipping, to: ShippingChoice) -> Quote:
    offers = _offers(shipping, to, priced)
    chosen = next((offer for offer in offers if offer.id == to.rate), None)
    errors: list[FieldError] = []
    if to.required and to.country is None:
        errors.append(FieldError("/shipping", "shipping_required", "Please enter the address to send the order to."))
    elif to.country is not None and not offers:
        errors.append(FieldError(to.country_pointer, "country_not_served", "We do not send orders to this country."))
    elif to.rate is not None and chosen is None:
        detail = "This way of shipping is not offered for the country."
        errors.append(FieldError("/shipping_rate", "unknown_shipping_rate", detail))
    elif to.required and chosen is None:
        errors.append(FieldError("/shipping_rate", "shipping_rate_required", "Please choose how to ship the order."))
    total = priced.amount_total + (chosen.amount if chosen is not None else 0)
    if chosen is not None:
        errors += amount_faults(priced.amount_subtotal + chosen.amount, total, priced.currency)
        errors += _line_faults(priced, chosen)
    elif not errors:
        # Until a way is chosen, there must be one with which Stripe takes the total. Goods that cost nothing may be
        # sent for nothing, others only for what lifts the total to the minimum.
        ways = offers or _offers(shipping, to, priced, everywhere=True)
        costs = sorted({offer.amount for offer in ways} or {0})
        found = [
            list(amount_faults(priced.amount_subtotal, priced.amount_total + cost, priced.currency)) for cost in costs
        ]
        errors += [] if [] in found else found[-1]
    if errors:
        raise InvalidRequest(errors)
    return replace(priced, amount_total=total, shipping=chosen, offers=offers, ships=True)


def _line_faults(priced: Quote, chosen: ShippingOffer) -> list[FieldError]:
    """Return why Stripe would not take the lines: shipping that costs something is one of them."""
    if not chosen.amount or len(priced.lines) < MAXIMUM_LINES:
        return []
    detail = (
        f"Your cart has {MAXIMUM_LINES} lines. With shipping, you can order at most {MAXIMUM_LINES - 1} at once: "
        "please remove a line, and order it separately."
    )
    return [FieldError("/items", "too_many_lines", detail)]


def _offers(
    shipping: Shipping, to: ShippingChoice, priced: Quote, *, everywhere: bool = False
) -> tuple[ShippingOffer, ...]:
    return tuple(
        ShippingOffer(
            rate.id,
            rate.label.text(to.locale),
            round_to_step(rate.amount(priced.amount_subtotal), priced.currency),
            rate.estimate.text(to.locale),
        )
        for rate in shipping.rates
        if everywhere or to.country in rate.countries
    )


def _with_taxes(priced: Quote, shop: Shop, country: str | None) -> Quote:
    tax = shop.tax
    if tax is None:
        return priced
    parts = []
    for line in priced.lines:
        tax_class = tax.class_of(line.sku)
        parts.append((tax_class, tax.percent(tax_class, country), line.amount - line.amount_discount))
    if priced.shipping is not None:
        parts.append((tax.shipping, tax.percent(tax.shipping, country), priced.shipping.amount))
    return replace(priced, taxes=included_taxes(parts, priced.currency), taxed=True)
