"""Create an order to try things out with: one piece of the first product on sale, for an imaginary customer."""

from __future__ import annotations

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.catalog import list_products
from checkout_daemon.checkout.placing import CheckoutAnswer, CheckoutRequest, start_checkout
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime

_CUSTOMER = Customer("Test Order", "test-order@example.com", "+4930901820")  # a domain that accepts no mail
_NO_BODY = b""  # the request is never repeated, so there is nothing to compare


class NothingOnSale(CheckoutError):
    """No product of the catalog is available."""

    code = "nothing_on_sale"
    exit_code = 4
    title = "There is nothing to order"


async def create_sample_order(runtime: Runtime) -> CheckoutAnswer:
    """Create an order and its Checkout Session, as a shopper would. Raise NothingOnSale and StripeUnavailable."""
    product = next((product for product in await list_products(runtime.database) if product.available), None)
    if product is None:
        raise NothingOnSale("no product is on sale: `checkout catalog import FILE` adds some")
    request = CheckoutRequest(Cart((CartLine(product.sku, 1),)), _CUSTOMER, None, None, _NO_BODY, insist=True)
    return await start_checkout(runtime, request, idempotency_key=None)
