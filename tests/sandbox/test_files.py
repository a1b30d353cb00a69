"""Files as evidence, uploaded and named through the official SDK."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from tests.sandbox.conftest import KEY
from tests.sandbox.payment_steps import dispute_of, pay

PDF = b"%PDF-1.4 a receipt"


async def upload(client: stripe.StripeClient, content: bytes = PDF, key: str | None = None, **more: Any) -> stripe.File:
    file = io.BytesIO(content)
    file.name = "receipt.pdf"
    params: Any = {"purpose": "dispute_evidence", "file": file, **more}
    options: Any = {"idempotency_key": key} if key else {}
    return await client.v1.files.create_async(params=params, options=options)


async def test_a_file_is_uploaded_and_is_evidence(client: stripe.StripeClient) -> None:
    made = await upload(client)
    assert (made.filename, made.purpose, made.size, made.type) == ("receipt.pdf", "dispute_evidence", len(PDF), "pdf")
    assert (await client.v1.files.retrieve_async(made.id)).id == made.id
    assert [found.id for found in (await client.v1.files.list_async({"purpose": "dispute_evidence"})).data] == [made.id]
    dispute = await dispute_of(client, (await pay(client, "pm_card_createDispute")).id)
    params: Any = {"evidence": {"receipt": made.id}, "submit": False}
    answered = await client.v1.disputes.update_async(dispute.id, params)
    assert (answered.evidence.receipt, answered.evidence_details.has_evidence) == (made.id, True)
    shown: Any = await client.v1.disputes.retrieve_async(dispute.id, {"expand": ["evidence.receipt"]})
    assert shown.evidence.receipt.size == len(PDF)


async def test_the_same_key_uploads_once_and_not_another_file(client: stripe.StripeClient) -> None:
    made = await upload(client, key="k1")
    assert (await upload(client, key="k1")).id == made.id
    with pytest.raises(stripe.IdempotencyError):
        await upload(client, b"%PDF-1.4 another", key="k1")


@pytest.mark.filterwarnings("ignore:Sending a large body")  # as the SDK does
@pytest.mark.parametrize(
    ("content", "more", "why"),
    [
        (b"%PDF-" + b"x" * 5_000_000, {}, "too large"),
        (b"plain text", {}, "file type"),
        (PDF, {"purpose": "business_logo"}, "disputes only"),
        (PDF, {"purpose": "nonsense"}, "purpose"),
        (PDF, {"nonsense": "1"}, "nonsense"),
    ],
)
async def test_what_is_no_evidence_is_refused(
    client: stripe.StripeClient, content: bytes, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=why):
        await upload(client, content, **more)
    assert (await client.v1.files.list_async()).data == []


async def test_a_file_that_was_sent_as_a_form_is_refused(client: stripe.StripeClient) -> None:
    params: Any = {"purpose": "dispute_evidence", "file": "receipt.pdf"}
    with pytest.raises(stripe.InvalidRequestError, match="multipart"):
        await client.raw_request_async("post", "/v1/files", **params)


async def test_evidence_names_files_that_exist(client: stripe.StripeClient) -> None:
    dispute = await dispute_of(client, (await pay(client, "pm_card_createDispute")).id)
    with pytest.raises(stripe.InvalidRequestError, match="No such file"):
        await client.v1.disputes.update_async(dispute.id, {"evidence": {"receipt": "file_none"}})


async def test_a_text_longer_than_its_field_is_refused(client: stripe.StripeClient) -> None:
    dispute = await dispute_of(client, (await pay(client, "pm_card_createDispute")).id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "x" * 5001}})
    assert caught.value.param == "evidence[customer_name]"


async def test_the_client_of_the_manual_uploads_to_the_sandbox(server: TestServer) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "SANDBOX.md").read_text("utf-8")
    (written,) = re.findall(r"base_addresses=(\{.+?\})", manual)
    addresses = ast.literal_eval(written.replace("http://127.0.0.1:8001", str(server.make_url("")).rstrip("/")))
    http = stripe.AIOHTTPClient(timeout=10)
    client = stripe.StripeClient(KEY, http_client=http, max_network_retries=0, base_addresses=addresses)
    made = await upload(client)
    await http.close_async()  # type: ignore[no-untyped-call]
    assert made.purpose == "dispute_evidence"
