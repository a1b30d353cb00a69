"""The sandbox's own page: what it shows, and its actions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox import payment_steps
from tests.sandbox.conftest import Receiver, event_types, open_session, wait_for
from tests.sandbox.dashboard_steps import act, debit, first_failure, labels, listen, pay, read, states

LATER = pytest.mark.parametrize("settings", [{"settle_seconds": 3600}], indirect=True)


async def test_a_session_is_listed_shown_and_expired(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await open_session(client, client_reference_id="<b>1042</b>")
    row = (await read(browser, "sessions"))["rows"][0]
    assert (row["title"], row["text"], states(row)) == ("$20.00", "<b>1042</b>", ["Open"])
    thing = await read(browser, row["place"])
    assert labels(thing) == ["Open the payment page", "Expire"]
    assert thing["actions"][0]["href"] == f"/c/pay/{session.id}"
    assert thing["body"]["id"] == session.id
    assert await act(browser, "expire_session", id=session.id) == (200, "The session has expired.")
    thing = await read(browser, row["place"])
    assert (states(thing), labels(thing)) == (["Expired"], [])
    assert thing["rows"][0]["title"] == "checkout.session.expired"
    status, message = await act(browser, "expire_session", id=session.id)
    assert (status, "no longer open" in message) == (400, True)
    assert (await act(browser, "expire_session", id="cs_none"))[0] == 400


@LATER
@pytest.mark.parametrize(("outcome", "state"), [("succeed", "Paid"), ("fail", "Failed")])
async def test_a_debit_is_settled(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, outcome: str, state: str
) -> None:
    session, intent = await debit(client)
    thing = await read(browser, f"payments/{intent}")
    assert (states(thing), labels(thing)) == (
        ["Waiting for the bank"],
        ["Make the debit succeed", "Make the debit fail"],
    )
    assert (await act(browser, "settle", id=intent, outcome=outcome))[0] == 200
    assert states(await read(browser, f"payments/{intent}")) == [state]
    assert states(await read(browser, f"sessions/{session}")) == [state]
    event_type = (await event_types(client))[-1]
    assert event_type == f"checkout.session.async_payment_{'succeeded' if outcome == 'succeed' else 'failed'}"
    assert (await act(browser, "settle", id=intent, outcome=outcome))[0] == 400


async def test_a_payment_is_refunded_in_parts_and_a_refund_fails(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    intent = await pay(client)
    charge = (await read(browser, f"payments/{intent}"))["parts"][0]
    assert charge["actions"][0]["fields"][0]["value"] == "20.00"
    assert await act(browser, "refund", id=charge["id"], amount="5,50") == (200, "$5.50 refunded.")
    thing = await read(browser, f"payments/{intent}")
    assert states(thing) == ["Paid", "Partly refunded"]
    refund = thing["parts"][0]["parts"][0]
    assert (refund["kind"], refund["title"], labels(refund)) == ("Refund", "$5.50", ["Make the refund fail"])
    assert (await act(browser, "fail_refund", id=refund["id"]))[0] == 200
    assert (await act(browser, "fail_refund", id=refund["id"]))[0] == 400
    assert states(await read(browser, f"payments/{intent}")) == ["Paid"]
    assert await act(browser, "refund", id=charge["id"], amount="") == (200, "$20.00 refunded.")
    assert states(await read(browser, f"payments/{intent}")) == ["Paid", "Refunded"]


async def test_only_what_was_captured_can_be_refunded(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    held = await payment_steps.pay(client, capture_method="manual")
    await client.v1.payment_intents.capture_async(held.id, params={"amount_to_capture": 1500})
    thing = await read(browser, f"payments/{held.id}")
    assert states(thing) == ["Paid"]
    assert thing["parts"][0]["actions"][0]["fields"][0]["value"] == "15.00"


@pytest.mark.parametrize("amount", ["x", "0", "-1", "1.005", "NaN", "1e99", "inf"])
async def test_an_invalid_amount_is_refused_with_an_example(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, amount: str
) -> None:
    charge = (await client.v1.payment_intents.retrieve_async(await pay(client))).latest_charge
    status, message = await act(browser, "refund", id=str(charge), amount=amount)
    assert (status, message) == (400, f"{amount} is not a valid amount in USD. Use the form 12.00.")


async def test_a_dispute_is_answered_lost_appealed_and_won(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    intent = await pay(client)

    async def charge() -> Any:
        return (await read(browser, f"payments/{intent}"))["parts"][0]

    shown = await charge()
    kinds = [action["given"]["kind"] for action in shown["actions"][1:]]
    assert kinds == ["fraudulent", "product_not_received", "inquiry"]
    message = await act(browser, "dispute", id=shown["id"], kind="product_not_received")
    assert message == (200, "Disputed: product not received.")
    shown = await charge()
    dispute = shown["parts"][0]
    assert (states(shown), labels(shown)) == (["Succeeded", "Disputed"], [])
    assert (states(dispute), labels(dispute)) == (["Needs a response"], ["Submit evidence", "Win", "Lose"])
    assert (await act(browser, "answer_dispute", id=dispute["id"], evidence=" "))[0] == 400
    assert (await act(browser, "answer_dispute", id=dispute["id"], evidence="Signed for."))[0] == 200
    assert states((await charge())["parts"][0]) == ["Under review"]
    assert (await act(browser, "end_dispute", id=dispute["id"], outcome="lost")) == (200, "The dispute is lost.")
    assert labels((await charge())["parts"][0]) == ["Appeal"]
    assert (await act(browser, "appeal", id=dispute["id"]))[0] == 200
    assert states((await charge())["parts"][0]) == ["Appeal needs a response"]
    assert (await act(browser, "end_dispute", id=dispute["id"], outcome="won")) == (200, "The dispute is won.")
    assert states((await charge())["parts"][0]) == ["Won"]
    assert (await act(browser, "end_dispute", id=dispute["id"], outcome="won"))[0] == 400


async def test_an_inquiry_is_escalated_or_closed(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    intent = await pay(client)
    charge = (await read(browser, f"payments/{intent}"))["parts"][0]["id"]
    assert (await act(browser, "dispute", id=charge, kind="inquiry"))[1] == "The bank has opened an inquiry."
    dispute = (await read(browser, f"payments/{intent}"))["parts"][0]["parts"][0]
    assert labels(dispute) == ["Submit evidence", "Close the inquiry", "Escalate to a dispute"]
    assert (await act(browser, "escalate", id=dispute["id"]))[0] == 200
    assert (await act(browser, "escalate", id=dispute["id"]))[0] == 400
    other = (await read(browser, f"payments/{await pay(client)}"))["parts"][0]["id"]
    await act(browser, "dispute", id=other, kind="inquiry")
    found = (await client.v1.disputes.list_async(params={"charge": other})).data[0].id
    assert await act(browser, "end_dispute", id=found, outcome="won") == (200, "The inquiry is closed.")
    assert (await act(browser, "dispute", id=other, kind="rudeness"))[0] == 400


async def test_an_event_is_sent_again_and_each_attempt_is_shown(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    endpoint = await listen(client, receiver)
    await client.v1.products.create_async(params={"name": "Mug"})
    event = await wait_for(client, "product.created")
    await receiver.wait(1, 5)
    assert await act(browser, "resend", id=event.id) == (200, "Sent again to 1 receiver.")
    assert (await act(browser, "resend", id=event.id, to=endpoint))[0] == 200
    await receiver.wait(3, 5)
    assert len({json.loads(body)["id"] for _, body in receiver.got}) == 1
    await client.v1.webhook_endpoints.update_async(endpoint, params={"disabled": True})
    for given in ({}, {"to": endpoint}):
        assert (await act(browser, "resend", id=event.id, **given))[0] == 400
    shown = await read(browser, f"events/{event.id}")
    assert len(shown["parts"]) == 3
    delivery = shown["parts"][-1]
    assert (delivery["title"], states(delivery)) == (receiver.url, ["Delivered"])
    assert delivery["attempts"][0]["state"]["text"] == "200 OK"
    assert (await read(browser, f"deliveries/{delivery['id']}"))["title"] == "product.created"


async def test_an_event_without_receivers_has_a_note(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    await client.v1.products.create_async(params={"name": "Mug"})
    row = (await read(browser, "events?only=unheard"))["rows"][0]
    assert states(row) == ["No receivers"]
    assert "no listener was connected" in (await read(browser, row["place"]))["note"]
    status, message = await act(browser, "resend", id=row["id"])
    assert (status, "No one would receive it" in message) == (400, True)


async def test_what_went_wrong_is_found_by_filter_with_its_answer(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    receiver.answers[:] = [500] * 4
    await listen(client, receiver)
    await client.v1.products.create_async(params={"name": "Mug"})
    row = await first_failure(browser)
    assert states(row) in (["Trying again"], ["Failed"])
    assert "500 Internal Server Error" in row["text"]
    attempt = (await read(browser, row["place"]))["attempts"][0]
    assert attempt["state"] == {"text": "500 Internal Server Error", "tone": "bad"}
    assert (await read(browser, "events?only=undelivered"))["rows"][0]["title"] == "product.created"
    overview = await read(browser, "overview")
    assert overview["counts"]["failed"] == 1
    assert states(overview["receivers"][0]) == ["Enabled", "Failing"]


async def test_an_endpoint_that_refuses_connections_is_described(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/hook"
    await client.v1.webhook_endpoints.create_async(params={"url": url, "enabled_events": ["*"]})
    await client.v1.products.create_async(params={"name": "Mug"})
    row = await first_failure(browser)
    attempt = (await read(browser, row["place"]))["attempts"][0]
    assert attempt["text"] == "Could not connect: the connection was refused."


async def test_lists_are_read_page_by_page_and_filtered(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    for number in range(60):
        await client.v1.products.create_async(params={"name": f"Mug {number}"})
    first = await read(browser, "events")
    second = await read(browser, f"events?before={first['rows'][-1]['seq']}")
    assert (len(first["rows"]), first["more"], len(second["rows"]), second["more"]) == (50, True, 10, False)
    ids = [row["id"] for row in (*first["rows"], *second["rows"])]
    assert len(set(ids)) == 60
    down_to = second["rows"][-1]["seq"]
    assert [row["id"] for row in (await read(browser, f"events?down_to={down_to}"))["rows"]] == ids
    product = first["rows"][0]["text"]
    assert [row["id"] for row in (await read(browser, f"events?search={product}"))["rows"]] == ids[:1]
    assert (await read(browser, "events?type=charge.succeeded"))["rows"] == []
    assert len((await read(browser, "requests?only=changes"))["rows"]) == 50
    assert (await read(browser, "requests?only=failed"))["rows"] == []
    assert (await read(browser, "overview"))["types"] == ["product.created"]


async def test_filters_of_payments_and_sessions(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    intent = await pay(client)
    await open_session(client)

    async def count(path: str) -> int:
        return len((await read(browser, path))["rows"])

    assert [await count(f"sessions?only={only}") for only in ("open", "paid", "unpaid", "expired", "")] == [
        1,
        1,
        0,
        0,
        2,
    ]
    await client.v1.refunds.create_async(params={"payment_intent": intent, "amount": 100})
    kinds = ("succeeded", "waiting", "failed", "refunded", "disputed")
    assert [await count(f"payments?only={only}") for only in kinds] == [1, 0, 0, 1, 0]


async def test_a_refused_request_is_in_the_log_with_its_reason(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.charges.retrieve_async("ch_none")
    row = (await read(browser, "requests?only=failed"))["rows"][0]
    assert (row["title"], states(row)) == ("GET /v1/charges/ch_none", ["404 Not Found"])
    thing = await read(browser, row["place"])
    assert thing["body"]["code"] == "resource_missing"
    assert [fact["text"] for fact in thing["facts"] if fact["label"] == "Error"] == ["No such charge: 'ch_none'"]


async def next_change(stream: aiohttp.ClientResponse) -> str:
    async with asyncio.timeout(5):
        while not (line := (await stream.content.readline()).decode()).startswith("data: "):
            assert line
    return line


async def test_every_change_is_streamed_as_it_happens(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    async with browser.get("/sandbox/api/changes") as stream:
        assert stream.content_type == "text/event-stream"
        before = await next_change(stream)
        await read(browser, "overview")
        await open_session(client)
        assert await next_change(stream) != before


async def test_an_open_page_does_not_hold_up_the_end(server: TestServer, browser: aiohttp.ClientSession) -> None:
    async with browser.get("/sandbox/api/changes") as stream:
        await next_change(stream)
        async with asyncio.timeout(3):
            await server.close()
            await stream.content.read()
