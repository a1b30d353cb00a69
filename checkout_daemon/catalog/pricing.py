"""Price a cart: line amounts, the discount and its share on every line, and the total, exact to the unit.

The storefront computes the same in the browser; both are tested with tests/vectors/pricing.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial

from checkout_daemon.catalog.cart import Cart, CartLine, Product
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.model.money import format_money, maximum_amount, minimum_amount, round_to_step, step
from checkout_daemon.model.text import cleaned

DISCOUNT_CODE = re.compile(r"[A-Z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Discount:
    """Either `percent_off` or `amount_off` (minor units). Currency None means any. `ends_at` is exclusive."""

    code: str
    percent_off: Decimal | None
    amount_off: int | None
    currency: str | None
    minimum_subtotal: int
    starts_at: datetime | None
    ends_at: datetime | None
    redemption_limit: int | None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """`amount` = unit_amount x quantity; `amount_discount` = this line's share of the discount. Minor units.

    `image_url`: the product's picture, an address or a path of the storefront.
    """

    sku: str
    name: str
    description: str
    unit_amount: int
    quantity: int
    amount: int
    amount_discount: int
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class ShippingOffer:
    """A way to send a cart, in the shopper's language. Amount in minor units; `estimate` may be empty."""

    id: str
    label: str
    amount: int
    estimate: str


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The tax that part of an order includes: `amount` of its gross `amount_gross`, in minor units."""

    tax_class: str
    percent: Decimal
    amount_gross: int
    amount: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The lines add up to the subtotal, their discounts to the discount. Amounts in minor units.

    total = subtotal - discount + what the chosen `shipping` costs. `taxes` are included in the total. `offers` are the
    ways to send the goods to the shopper's country. `taxed`: the shop states its taxes, even if they are none here.
    `ships`: something in the cart must be sent.
    """

    lines: tuple[PricedLine, ...]
    discount: Discount | None
    amount_subtotal: int
    amount_discount: int
    amount_total: int
    currency: str
    shipping: ShippingOffer | None = None
    offers: tuple[ShippingOffer, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    taxed: bool = False
    ships: bool = False

    @property
    def amount_shipping(self) -> int | None:
        """What the chosen way of shipping costs, or None if none is chosen."""
        return None if self.shipping is None else self.shipping.amount

    @property
    def amount_tax(self) -> int | None:
        """The tax that the total includes, or None if the shop states none."""
        return sum(line.amount for line in self.taxes) if self.taxed else None

    @property
    def has_terms(self) -> bool:
        """Whether shipping or taxes belong to the terms of an order."""
        return self.taxed or self.shipping is not None

    @property
    def discount_code(self) -> str | None:
        """The code of the discount, or None without one."""
        return None if self.discount is None else self.discount.code


class PriceChanged(CheckoutError):
    """The total is no longer what the shopper agreed to; `quote` has the current prices."""

    code = "price_changed"
    status = 409
    exit_code = 4
    title = "The price has changed"

    def __init__(self, quote: Quote) -> None:
        super().__init__(f"The total is now {format_money(quote.amount_total, quote.currency)}.")
        self.quote = quote


def normalize_discount_code(text: str | None) -> str | None:
    """Return a code as it is stored: upper-case, without the characters that pasting adds. None for a blank one."""
    return cleaned(text or "").upper() or None


def price_cart(
    cart: Cart,
    products: Mapping[str, Product],
    discount: Discount | None,
    *,
    currency: str,
    now: datetime,
    shipped: bool = False,
) -> Quote:
    """Price a cart. Raise InvalidRequest with every fault. A total must be 0 or at least Stripe's minimum.

    `shipped`: what it costs to send the goods is added later, so the minimum is checked then.
    """
    errors: list[FieldError] = []
    wanted: list[tuple[CartLine, Product]] = []
    for index, line in enumerate(cart.lines):
        product = products.get(line.sku)
        if product is not None and product.available and product.currency == currency:
            wanted.append((line, product))
        else:
            errors.append(FieldError(f"{cart.pointer(index)}/sku", *_product_fault(product, currency)))
    if errors:
        if discount is not None:
            errors += _discount_faults(discount, None, currency, now)
        raise InvalidRequest(errors)

    # Rounded, so that the total can be charged whatever price the catalog has.
    units = [round_to_step(product.unit_amount, currency) for _, product in wanted]
    amounts = [unit * line.quantity for unit, (line, _) in zip(units, wanted, strict=True)]
    subtotal = sum(amounts)
    off = 0
    if discount is not None:
        errors += _discount_faults(discount, subtotal, currency, now)
        off = 0 if errors else discount_amount(discount, subtotal, currency)
    errors += amount_faults(subtotal, 0 if shipped else subtotal - off, currency)
    if errors:
        raise InvalidRequest(errors)
    shares = share_discount(amounts, off, currency)
    return Quote(
        lines=tuple(
            PricedLine(
                sku=line.sku,
                name=product.name,
                description=product.description,
                unit_amount=unit,
                quantity=line.quantity,
                amount=amount,
                amount_discount=share,
                image_url=product.image_url,
            )
            for (line, product), unit, amount, share in zip(wanted, units, amounts, shares, strict=True)
        ),
        discount=discount,
        amount_subtotal=subtotal,
        amount_discount=off,
        amount_total=subtotal - off,
        currency=currency,
    )


def discount_amount(discount: Discount, subtotal: int, currency: str) -> int:
    """Return what the discount takes off the subtotal: at most all of it, rounded half up to the currency's step."""
    if discount.percent_off is not None:
        wanted: Fraction | int = Fraction(discount.percent_off) * subtotal / 100
    else:
        wanted = discount.amount_off or 0
    return min(round_to_step(wanted, currency), subtotal)


def share_discount(amounts: Sequence[int], amount_discount: int, currency: str) -> list[int]:
    """Split the discount over the lines in proportion to their amounts, which are multiples of the currency's step.

    The shares are whole steps by largest remainder; of equal remainders, earlier lines win. They add up to the discount
    and none exceeds its line.
    """
    size = step(currency)
    total = sum(amounts)
    if not total or not amount_discount:
        return [0] * len(amounts)
    steps = amount_discount // size
    whole = [steps * amount // total for amount in amounts]
    remainders = [steps * amount % total for amount in amounts]
    missing = steps - sum(whole)
    for index in sorted(range(len(amounts)), key=lambda index: -remainders[index])[:missing]:
        whole[index] += 1
    return [part * size for part in whole]


def _product_fault(product: Product | None, currency: str) -> tuple[str, str]:
    """Return why a product cannot be bought, as a code and a detail."""
    if product is None:
        return "unknown_sku", "This product does not exist."
    if not product.available:
        return "unavailable_sku", f"{product.name} is not available at the moment."
    return "unavailable_sku", f"{product.name} is not sold in {currency.upper()}."


def _discount_faults(discount: Discount, subtotal: int | None, currency: str, now: datetime) -> list[FieldError]:
    """Return why the discount does not apply. The subtotal is None while lines are faulty."""
    fault = partial(FieldError, "/discount_code")
    faults = []
    if discount.starts_at is not None and now < discount.starts_at:
        faults.append(fault("discount_not_started", f"The discount code {discount.code} is not valid yet."))
    if discount.ends_at is not None and now >= discount.ends_at:
        faults.append(fault("discount_expired", f"The discount code {discount.code} has expired."))
    if discount.currency is not None and discount.currency != currency:
        detail = f"The discount code {discount.code} is only valid for payments in {discount.currency.upper()}."
        faults.append(fault("discount_currency", detail, currency=discount.currency))
    elif subtotal is not None and subtotal < discount.minimum_subtotal:
        least = discount.minimum_subtotal
        text = format_money(least, currency)
        detail = f"The discount code {discount.code} is only valid for orders of {text} or more."
        faults.append(fault("discount_minimum", detail, amount=least, currency=currency))
    return faults


def amount_faults(subtotal: int, total: int, currency: str) -> list[FieldError]:
    """Return why Stripe would not charge the total."""
    # The subtotal, not the total: Stripe applies this limit to the amount before discounts, and to our coupon too.
    if subtotal > maximum_amount(currency):
        most = maximum_amount(currency)
        detail = f"An order can be {format_money(most, currency)} at most."
        return [FieldError("/items", "amount_too_large", detail, amount=most, currency=currency)]
    least = minimum_amount(currency)
    if 0 < total < least:
        detail = f"The total must be at least {format_money(least, currency)} to be paid."
        return [FieldError("/items", "amount_too_small", detail, amount=least, currency=currency)]
    return []
