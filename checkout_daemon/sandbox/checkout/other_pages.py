"""Serve the pages at the URLs of other objects: payment links, invoices, customer portals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from checkout_daemon.sandbox.box import Box, Origin
from checkout_daemon.sandbox.checkout import render
from checkout_daemon.sandbox.checkout.hosted import html_page
from checkout_daemon.sandbox.checkout.payment_links import open_link
from checkout_daemon.sandbox.errors import ApiError


def add_other_pages(app: web.Application, box: Box) -> None:
    """Add the routes of the pages."""
    pages = OtherPages(box)
    app.router.add_get("/test_{key}", pages.open_payment_link)
    app.router.add_get("/c/thanks", pages.show_thanks)
    app.router.add_get("/i/{id}/{key}", pages.show_invoice)
    app.router.add_get("/i/{id}/{key}/pdf", pages.show_invoice)
    for path, name in _NOT_MODELLED.items():
        app.router.add_get(path, pages.explain(name))


_NOT_MODELLED = {
    "/p/session/{key}": "the customer portal",
    "/verify/{key}": "the identity check",
    "/payment_instructions/{key}": "the instructions for a bank transfer",
}


class OtherPages:
    """The handlers of the other pages."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def open_payment_link(self, request: web.Request) -> web.Response:
        """Create a Checkout session from a payment link, as Stripe does on each visit, and redirect to it."""
        url = f"{self.box.url or request.url.origin()}{request.path}"
        links = self.box.storage.select("payment_link", conditions=[("json_extract(body, '$.url') = ?", url)], limit=1)
        if not links:
            return html_page(render.message("Not found", "This payment link does not exist."), 404)
        link = links[0]
        if not link.body["active"]:
            text = link.body["inactive_message"] or "This payment link is no longer active."
            return html_page(render.message("Link deactivated", text), 410)
        self.box.origin = Origin(base_url=str(request.url.origin()))
        try:
            with self.box.storage.transaction():
                session = open_link(self.box, link, request.query)
        except ApiError as error:
            return html_page(render.message("Payment link", str(error)), error.status)
        self.box.wake.set()
        raise web.HTTPSeeOther(f"/c/pay/{session.id}")

    async def show_thanks(self, request: web.Request) -> web.Response:
        """Show where a payment link leads after payment if it names no other page, with the message that it has."""
        link = self.box.storage.find(request.query.get("link", ""), "payment_link")
        confirmation = (link.body["after_completion"].get("hosted_confirmation") or {}) if link else {}
        text = confirmation.get("custom_message") or "Your payment was received."
        return html_page(render.message("Thank you", text))

    async def show_invoice(self, request: web.Request) -> web.Response:
        """Show the status of an invoice at its secret URL."""
        invoice = self.box.storage.find(request.match_info["id"], "invoice")
        shown = "" if invoice is None else invoice.body["hosted_invoice_url"] or ""
        if invoice is None or not shown.endswith(f"/{invoice.id}/{request.match_info['key']}"):
            return html_page(render.message("Not found", "This invoice does not exist."), 404)
        amount = render.money(invoice.body["amount_due"], invoice.body["currency"])
        text = f"Invoice {invoice.body['number']}: {amount}, {invoice.body['status']}."
        return html_page(render.message("Invoice", f"{text} The offline Stripe shows no details and makes no PDF."))

    def explain(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler for a page that Stripe has and the offline Stripe does not."""

        async def show(_: web.Request) -> web.Response:
            text = f"Stripe shows {name} here. The offline Stripe has no such page."
            return html_page(render.message("Not in the offline Stripe", text))

        return show
