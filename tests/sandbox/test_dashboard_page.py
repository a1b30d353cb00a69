"""The sandbox's own page: what is served, who may ask, and that secrets are hidden."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
import stripe

from checkout_daemon.sandbox.dashboard.hiding import HIDDEN, hide_secrets
from tests.sandbox.conftest import KEY, Receiver, open_session
from tests.sandbox.dashboard_steps import act, pay, read


async def test_the_page_is_a_page_without_anything_inline(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/") as response:
        html = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert ("<style" in html, " style=" in html, " on" in html.replace(" only", "")) == (False, False, False)
    for path, kind in (("dashboard.js", "text/javascript"), ("dashboard.css", "text/css")):
        assert f'"/sandbox/{path}"' in html
        async with browser.get(f"/sandbox/{path}") as response:
            assert (response.status, response.content_type) == (200, kind)
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_no_script_makes_html_of_text(browser: aiohttp.ClientSession) -> None:
    seen, waiting = {}, ["dashboard.js"]
    while waiting:
        async with browser.get(f"/sandbox/{waiting.pop()}") as response:
            assert (response.status, response.content_type) == (200, "text/javascript")
            seen[response.url.name] = await response.text()
        waiting = [
            name for script in seen.values() for name in re.findall(r"'\./(\w+\.js)'", script) if name not in seen
        ]
    assert len(seen) > 10
    script = "".join(seen.values())
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "Function("):
        assert name not in script


async def test_other_addresses_are_still_the_api(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/v1/charges") as response:
        assert response.status == 401
    assert (await read(browser, "nonsense", 404))["error"] == "This list does not exist."
    assert "does not exist" in (await read(browser, "events/evt_none", 404))["error"]
    await read(browser, "deliveries/x", 404)
    await read(browser, f"deliveries/{'9' * 30}", 404)


@pytest.mark.parametrize("path", ["/sandbox/api/overview", "/sandbox/api/events", "/sandbox/api/changes"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Host": "evil.example"}],
)
async def test_no_foreign_page_reads(browser: aiohttp.ClientSession, path: str, headers: dict[str, str]) -> None:
    async with browser.get(path, headers=headers) as response:
        assert response.status == 403


async def test_a_link_may_lead_to_the_page_but_no_foreign_name(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}) as response:
        assert response.status == 200
    async with browser.get("/", headers={"Host": "evil.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_only_the_page_itself_lets_things_happen(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    session = await open_session(client)
    sent = {"Content-Type": "application/json", **headers}
    data = json.dumps({"id": session.id})
    async with browser.post("/sandbox/api/act/expire_session", data=data, headers=sent) as response:
        assert response.status == status
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert kept.status == ("expired" if status == 200 else "open")


@pytest.mark.parametrize("data", ["", "[]", "{", '{"id": 5}', '"x"'])
async def test_anything_but_a_json_object_of_texts_is_refused(browser: aiohttp.ClientSession, data: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with browser.post("/sandbox/api/act/resend", data=data, headers=headers) as response:
        assert response.status == 400
    assert await act(browser, "explode", id="x") == (404, "Unknown action: explode.")


def test_secrets_are_hidden_however_deep() -> None:
    shown = hide_secrets(
        {
            "client_secret": "pi_1_secret_2",
            "secret": None,
            "text": f"tried {KEY}, then whsec_abc and pi_3a_secret_b",
            "list": [{"url": "https://user:pass@shop.example/hook"}],
            "id": "cs_test_a1b2",
        }
    )
    assert shown == {
        "client_secret": HIDDEN,
        "secret": None,
        "text": f"tried sk_test_{HIDDEN}, then whsec_{HIDDEN} and pi_3a_secret_{HIDDEN}",
        "list": [{"url": "https://…@shop.example/hook"}],
        "id": "cs_test_a1b2",
    }


async def test_no_key_and_no_secret_reaches_the_page(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    endpoint = await client.v1.webhook_endpoints.create_async(
        params={"url": receiver.url, "enabled_events": ["payment_intent.created"]}
    )
    assert endpoint.secret
    intent = await pay(client)
    secret = (await client.v1.payment_intents.retrieve_async(intent)).client_secret
    assert secret
    event = (await client.v1.events.list_async(params={"type": "payment_intent.created"})).data[0].id
    texts = [
        json.dumps(await read(browser, path))
        for path in ("overview", "events", "requests", f"payments/{intent}", f"events/{event}")
    ]
    for text in texts:
        assert not any(hidden in text for hidden in (KEY, endpoint.secret, secret))
    assert HIDDEN in json.dumps(await read(browser, f"payments/{intent}"), ensure_ascii=False)
