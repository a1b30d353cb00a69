"""A running shop as an outside script uses it: over HTTP, and with the operator's commands."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.support.dev import Dev

CUSTOMER = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+4930901820"}
SETTLED_SECONDS = 30.0  # a busy machine is no fault here; bench/ measures how long a step takes
SUCCEEDS_LATER = "AT611904300234573201"
FAILS_LATER = "IT60X0542811101000000123456"


@dataclass(frozen=True)
class Shop:
    dev: Dev
    http: aiohttp.ClientSession

    async def api(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.http.request(method, f"{self.dev.url}{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def stripe(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.dev.env['STRIPE_API_KEY']}"}
        url = f"{self.dev.env['STRIPE_API_BASE']}{path}"
        async with self.http.request(method, url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def check_out(self, **fields: Any) -> dict[str, Any]:
        """Create an order, even if the same one has just been created."""
        body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 2}], "customer": CUSTOMER, "insist": True} | fields
        status, answer = await self.api("POST", "/api/stripe-checkout", body)
        assert status == 201, answer
        made: dict[str, Any] = answer
        return made

    async def pay(self, order: dict[str, Any], token: str = "tok_visa", iban: str = "") -> tuple[int, Any]:
        form = {"type": "card", "card[token]": token}
        if iban:
            form = {
                "type": "sepa_debit",
                "sepa_debit[iban]": iban,
                "billing_details[name]": "Ada",
                "billing_details[email]": "ada@example.com",
            }
        _, method = await self.stripe("POST", "/v1/payment_methods", form)
        confirm = {"payment_method": method["id"], "expected_amount": str(order["amount_total"])}
        return await self.stripe("POST", f"/v1/payment_pages/{order['session_id']}/confirm", confirm)

    async def show(self, number: int) -> dict[str, Any]:
        """Return the output of `checkout orders show N --json`, run in the folder of the demo."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "checkout_daemon", "orders", "show", str(number), "--json",
            cwd=self.dev.state_dir, stdout=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "CHECKOUT_STATE_DIR": str(self.dev.state_dir)},
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0
        shown: dict[str, Any] = json.loads(out)
        return shown

    async def becomes(self, order: dict[str, Any], *statuses: str) -> dict[str, Any]:
        """Wait until the order has one of these statuses, and return it as shown."""
        path = f"/api/stripe-checkout/{order['session_id']}"
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            _, seen = await self.api("GET", path)
            if seen["status"] in statuses:
                return await self.show(order["number"])
            assert time.monotonic() < deadline, f"{seen['status']}, not {statuses}"
            await asyncio.sleep(0.05)

    async def refund(self, shown: dict[str, Any], amount: int | None = None) -> None:
        form = {"payment_intent": shown["payments"][0]["id"]}
        if amount is not None:
            form["amount"] = str(amount)
        status, answer = await self.stripe("POST", "/v1/refunds", form)
        assert status == 200, answer
