"""Create an order to try things out with: one piece of the first product that is there, for an imaginary customer."""

from __future__ import annotations

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.catalog import list_products
from checkout_daemon.checkout.placing import CheckoutAnswer, CheckoutRequest, start_checkout
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import list_stock

_CUSTOMER = Customer("Test Order", "test-order@example.com", "+4930901820")  # a domain that accepts no mail
_NO_BODY = b""  # the request is never repeated, so there is nothing to compare


class NothingOnSale(CheckoutError):
    """No product of the catalog is on sale and not sold out."""

    code = "nothing_on_sale"
    exit_code = 4
    title = "There is nothing to order"


async def create_sample_order(runtime: Runtime) -> CheckoutAnswer:
    """Create an order and its Checkout Session, as a shopper would. Raise NothingOnSale and StripeUnavailable."""
    on_sale = [product for product in await list_products(runtime.database) if product.available]
    if not on_sale:
        raise NothingOnSale("no product is on sale: `checkout catalog import FILE` adds some")
    sold_out = {line.sku for line in await list_stock(runtime.database) if line.free is not None and line.free <= 0}
    product = next((product for product in on_sale if product.sku not in sold_out), None)
    if product is None:
        raise NothingOnSale("every product is sold out: `checkout stock adjust SKU +N` adds pieces")
    request = CheckoutRequest(Cart((CartLine(product.sku, 1),)), _CUSTOMER, None, None, _NO_BODY, insist=True)
    return await start_checkout(runtime, request, idempotency_key=None)
