"""The parameters of an order's session: frozen when an attempt starts, and sent byte for byte at every try.

Nothing in them may let Stripe change the total: no adaptive pricing, promotion codes, automatic tax, shipping options
or adjustable quantities. Nor is there a recovery URL, which would be a second way to pay that cannot be revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from checkout_daemon.catalog.descriptions import plain_of
from checkout_daemon.model.locale import stripe_locale
from checkout_daemon.model.orders import order_id_from
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.order_store import PayableOrder
from checkout_daemon.urls import BadUrl, is_public, read_http_url

# The statement that inserts the attempt replaces these with the order's number and the shop's id. No other text in the
# parameters is a single control character.
_NUMBER, _SHOP = "\x01", "\x02"
_LONGEST_PICTURE = 2048  # Stripe's limit of an address
_IN_ADDRESSES = "%/:?#[]@!$&'()*+,;=~"  # what else is outside of ASCII's letters and digits is percent-encoded


def idempotency_key(order_id: str, attempt: int) -> str:
    """Return the key of an attempt's request: never another, so that a repeated request creates nothing new."""
    return f"{order_id}:{attempt}"


def coupon_id(order_id: str) -> str:
    """Return the id of an order's coupon at Stripe."""
    return f"co-{order_id}"


def order_of_coupon(coupon: str) -> str | None:
    """Return the id of the order that a coupon belongs to, or None if the coupon is not ours."""
    order_id = coupon.removeprefix("co-")
    return order_id if coupon.startswith("co-") and order_id_from(order_id) == order_id else None


def session_parameters(
    order: PayableOrder,
    attempt: int,
    public_url: str,
    expires_at: datetime | None,
    branding: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return `{"session": …, "coupon": … or absent}`, as Stripe's API names them.

    The shopper returns to `public_url`. Without `expires_at` Stripe keeps the session open for 24 hours. `branding` is
    what the shop states of its name and colour, in place of the account's.
    """
    # `checkout orders recover` restores a lost order from these marks. None of them names a person.
    rate = order.shipping.rate if order.shipping is not None else None
    marks = {"discount_code": order.discount_code, "locale": order.locale, "shipping_rate": rate}
    metadata = {"order_id": order.id, "attempt": str(attempt), "number": _NUMBER, "shop": _SHOP} | {
        name: value for name, value in marks.items() if value
    }
    session: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": line.quantity,
                "price_data": {
                    "currency": order.currency,
                    "unit_amount": line.unit_amount,
                    "product_data": {"name": line.name, "metadata": {"sku": line.sku}}
                    # Stripe refuses an empty description.
                    | ({"description": plain_of(line.description)} if line.description else {})
                    | ({"images": [picture]} if (picture := _picture(line.image_url, public_url)) else {}),
                },
            }
            for line in order.lines
        ],
        "customer_email": order.customer_email,
        "client_reference_id": order.id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "adaptive_pricing": {"enabled": False},
        # Stripe fills {CHECKOUT_SESSION_ID} in here only, so the cancel URL carries the order's id.
        "success_url": f"{public_url}/success?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{public_url}/cancel?order_id={order.id}",
    }
    if (locale := stripe_locale(order.locale)) is not None:
        session["locale"] = locale
    if branding:
        session["branding_settings"] = dict(branding)
    if order.shipping is not None:
        _add_shipping(session, order, order.shipping)
    if expires_at is not None:
        session["expires_at"] = int(expires_at.timestamp())
    if not order.amount_discount:
        return {"session": session}
    coupon = {
        "id": coupon_id(order.id),
        "amount_off": order.amount_discount,
        "currency": order.currency,
        "duration": "once",
        "name": (order.discount_code or "Discount")[:40],  # Stripe's limit
    }
    session["discounts"] = [{"coupon": coupon["id"]}]
    return {"session": session, "coupon": coupon}


def _picture(url: str | None, public_url: str) -> str | None:
    """Return the address of a picture if Stripe can load it, else None: it would refuse the whole session."""
    address = quote(public_url + url if url and url.startswith("/") else url or "", safe=_IN_ADDRESSES)
    if len(address) > _LONGEST_PICTURE or not address.startswith("https://") or "@" in address.split("/")[2]:
        return None
    try:
        host = read_http_url(address, final=True).host
    except BadUrl:
        return None
    return address if is_public(host) else None


def _add_shipping(session: dict[str, Any], order: PayableOrder, shipping: OrderShipping) -> None:
    """Add what shipping costs as a line of ours, and the address, or the question for it.

    Stripe's own shipping options would let the shopper change the total.
    """
    if order.amount_shipping:
        price = {
            "currency": order.currency,
            "unit_amount": order.amount_shipping,
            "product_data": {"name": shipping.label, "metadata": {"shipping_rate": shipping.rate}},
        }
        session["line_items"].append({"quantity": 1, "price_data": price})
    to = shipping.address
    if not to.is_known:
        session["shipping_address_collection"] = {"allowed_countries": [to.country]}
        return
    address = {name: getattr(to, name) for name in ("line1", "line2", "city", "state", "postal_code", "country")}
    session["payment_intent_data"]["shipping"] = {
        "name": to.name,
        # Stripe refuses an empty one.
        **({"phone": order.customer_phone} if order.customer_phone else {}),
        "address": {name: value for name, value in address.items() if value},
    }
