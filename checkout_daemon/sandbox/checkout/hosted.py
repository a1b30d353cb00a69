"""Serve the hosted pages: Checkout for sessions, 3-D Secure for intents. Plain HTML without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import quote

from aiohttp import web

from checkout_daemon.sandbox.box import Box, Origin
from checkout_daemon.sandbox.checkout import checkout_page, form_input, render, sessions
from checkout_daemon.sandbox.checkout.form_fields import Form
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.payments import intents
from checkout_daemon.sandbox.payments.debits import session_of
from checkout_daemon.sandbox.storage import Stored

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src https:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends our own forms without their origin
    "X-Content-Type-Options": "nosniff",
}
_NOT_KEPT = ("action", "cvc")
"""Fields that must be typed again after an error, as on every page that takes cards."""
_ATTEMPTS_KEPT = 200


def add_pages(app: web.Application, box: Box) -> None:
    """Add the routes of the pages."""
    hosted = Hosted(box)
    app.router.add_get("/c/pay/{id}", hosted.show)
    app.router.add_post("/c/pay/{id}", hosted.pay)
    app.router.add_get("/c/recover/{key}", hosted.recover)
    app.router.add_get("/c/authenticate/{id}", hosted.show_authentication)
    app.router.add_post("/c/authenticate/{id}", hosted.authenticate)
    app.router.add_get("/c/sandbox.css", hosted.style)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The outcome of the last attempt on a page, to show on the page after the redirect."""

    error: ApiError | None = None
    form: dict[str, str] = field(default_factory=dict)
    notice: str | None = None


class Hosted:
    """The handlers of the Checkout and 3-D Secure pages."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.attempts: dict[str, _Attempt] = {}
        self.css = resources.files(__package__).joinpath("hosted.css").read_text(encoding="utf-8")

    async def style(self, _: web.Request) -> web.Response:
        """Answer the style sheet of all hosted pages."""
        return web.Response(text=self.css, content_type="text/css")

    async def show(self, request: web.Request) -> web.Response:
        """Show the page of a session, with the outcome of the last attempt to pay."""
        session = self.box.storage.find(request.match_info["id"], "checkout.session")
        return self._session_page(session, self.attempts.get(request.query.get("attempt", ""), _Attempt()))

    async def pay(self, request: web.Request) -> web.Response:
        """Take the posted form: update the session, or pay it and redirect."""
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        session = self.box.storage.find(request.match_info["id"], "checkout.session")
        if session is None or session.body["status"] != "open":
            return self._session_page(session)
        self._begin(request)
        try:
            with self.box.storage.transaction():
                changed = form_input.take_choices(self.box, session, form)
            if changed or form.get("action", "pay") != "pay":
                raise self._back(session, _Attempt(None, form, _notice(session, form)))
            with self.box.storage.transaction():
                form_input.take_details(self.box, session, form)
                method = None
                if session.body["amount_total"]:
                    method = self.box.storage.add(form_input.typed_method(session.body, form))
                sessions.confirm_session(self.box, session, method)
        except ApiError as error:
            self.box.wake.set()
            raise self._back(session, _Attempt(error, form)) from error
        self.box.wake.set()
        if session.body["status"] == "open":
            raise web.HTTPSeeOther(f"/c/authenticate/{session.body['payment_intent']}")
        raise web.HTTPSeeOther(success_url(session))

    async def recover(self, request: web.Request) -> web.Response:
        """Open a copy of an expired session, at its recovery URL."""
        self._begin(request)
        try:
            with self.box.storage.transaction():
                session = sessions.recover(self.box, request.match_info["key"])
        except ApiError as error:
            return html_page(render.message("Checkout", str(error)), error.status)
        self.box.wake.set()
        raise web.HTTPSeeOther(f"/c/pay/{session.id}")

    async def show_authentication(self, request: web.Request) -> web.Response:
        """Show the 3-D Secure page of an intent that waits for it."""
        intent = self._waiting(request)
        return html_page(render.authentication(intent.body)) if isinstance(intent, Stored) else intent

    async def authenticate(self, request: web.Request) -> web.Response:
        """End 3-D Secure as the shopper chose, and redirect to the session or the merchant."""
        form = await request.post()
        intent = self._waiting(request)
        if not isinstance(intent, Stored):
            return intent
        self._begin(request)
        session = session_of(self.box, intent)
        try:
            with self.box.storage.transaction():
                method = self.box.get(intent.body["payment_method"], "payment_method")
                intents.authenticate(self.box, intent, succeeded=form.get("outcome") == "complete")
                if session is not None:
                    sessions.follow_intent(self.box, session, intent, method)
        except ApiError as error:
            self.box.wake.set()
            if session is not None:
                raise self._back(session, _Attempt(error)) from error
        self.box.wake.set()
        return self._after_authentication(intent)

    def _waiting(self, request: web.Request) -> Stored | web.Response:
        """Return the intent if it waits for authentication, else the page to show instead."""
        intent = self.box.storage.find(request.match_info["id"], "payment_intent")
        if intent is None:
            return html_page(render.message("Not found", "This payment does not exist."), 404)
        return intent if intent.body["status"] == "requires_action" else self._after_authentication(intent)

    def _begin(self, request: web.Request) -> None:
        self.box.origin = Origin(base_url=str(request.url.origin()))

    def _after_authentication(self, intent: Stored) -> web.Response:
        if (session := session_of(self.box, intent)) is not None:
            if session.body["status"] == "complete":
                raise web.HTTPSeeOther(success_url(session))
            if session.body["status"] == "open":
                raise web.HTTPSeeOther(f"/c/pay/{session.id}")
            return self._session_page(session)
        if url := intent.private.get("return_url"):
            separator = "&" if "?" in url else "?"
            secret = quote(intent.body["client_secret"])
            succeeded = "failed" if intent.body["status"] == "requires_payment_method" else "succeeded"
            raise web.HTTPSeeOther(
                f"{url}{separator}payment_intent={intent.id}&payment_intent_client_secret={secret}"
                f"&redirect_status={succeeded}"
            )
        return html_page(render.message("Authentication ended", "You can close this page and return to the shop."))

    def _back(self, session: Stored, attempt: _Attempt) -> web.HTTPSeeOther:
        """Return a redirect to the page, so that going back or reloading never repeats a payment."""
        key = token(16)
        self.attempts[key] = attempt
        while len(self.attempts) > _ATTEMPTS_KEPT:
            del self.attempts[next(iter(self.attempts))]
        return web.HTTPSeeOther(f"/c/pay/{session.id}?attempt={key}")

    def _session_page(self, session: Stored | None, attempt: _Attempt | None = None) -> web.Response:
        if session is None:
            return html_page(render.message("Not found", "This Checkout session does not exist."), 404)
        body = session.body
        if body["status"] == "expired":
            text = "This Checkout session has expired. Return to the shop to start again."
            return html_page(render.message("Session expired", text, body["cancel_url"]), 410)
        if body["status"] == "complete":
            text = "This Checkout session is already paid or completed."
            return html_page(render.message("All done", text, success_url(session)))
        attempt = attempt or _Attempt()
        error = attempt.error
        typed = {name: value for name, value in attempt.form.items() if name not in _NOT_KEPT}
        kept = {**session.private.get("prefilled", {}), **typed}
        if error is None:
            kept.pop("promotion_code", None)
        shown = Form(kept, error.error.get("param") if error else None, str(error or ""))
        return html_page(
            checkout_page.checkout(self._bill(session), shown, str(error) if error else None, attempt.notice),
            402 if error else 200,
        )

    def _bill(self, session: Stored) -> checkout_page.Bill:
        storage, body = self.box.storage, session.body
        rates = [storage.find(option["shipping_rate"], "shipping_rate") for option in body["shipping_options"]]
        discount = session.private.get("discount")
        code = storage.find(discount["promotion_code"]) if discount and discount["promotion_code"] else None
        items = [line.body for line in storage.children(session.id, "item")]
        products = [storage.find(item["price"]["product"], "product") for item in items]
        return checkout_page.Bill(
            body,
            items,
            {rate.id: rate.body for rate in rates if rate},
            code.body["code"] if code else None,
            {product.id: product.body["images"][0] for product in products if product and product.body["images"]},
        )


def success_url(session: Stored) -> str:
    """Return the success URL with the session's id filled in."""
    return str(session.body["success_url"]).replace("{CHECKOUT_SESSION_ID}", session.id)


def _notice(session: Stored, form: dict[str, str]) -> str:
    body = session.body
    total = f"The total is now {render.money(body['amount_total'], body['currency'])}."
    again = " Please check it, then pay." if form.get("action", "pay") == "pay" else ""
    return f"{total}{again}"


def html_page(text: str, status: int = 200) -> web.Response:
    """Return a page with the headers of all hosted pages."""
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)
