"""Makes an order to try things out with: one piece of the first product on sale, for a customer that nobody is."""

from __future__ import annotations

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.catalog import list_products
from checkout_daemon.checkout.placing import CheckoutAnswer, CheckoutRequest, start_checkout
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime

_CUSTOMER = Customer("Test Order", "test-order@example.com", "+4930901820")  # a domain that takes no mail
_NO_REQUEST = b""  # it is not repeated, so that nothing is to be compared


class NothingOnSale(CheckoutError):
    code = "nothing_on_sale"
    exit_code = 4
    title = "There is nothing to order"


async def make_sample_order(runtime: Runtime) -> CheckoutAnswer:
    """As a shopper's order is made, with its Checkout Session. Raises NothingOnSale, StripeUnavailable."""
    product = next((each for each in await list_products(runtime.database) if each.available), None)
    if product is None:
        raise NothingOnSale("no product is on sale: `checkout catalog import FILE` brings some")
    request = CheckoutRequest(Cart((CartLine(product.sku, 1),)), _CUSTOMER, None, None, _NO_REQUEST, insist=True)
    return await start_checkout(runtime, request, idempotency_key=None)
