"""/api/proposals: a refund above the limit of a token's operator, decided by the operator of another token."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.runtime import Runtime
from checkout_daemon.tokens.api_tokens import Scope, create_token
from checkout_daemon.web.app_keys import RUNTIME
from checkout_daemon.web.openapi import description
from tests.support.shopping import paid_order
from tests.web.conftest import Client

ADA = Operator("ada", "desk")
DOCUMENT: dict[str, Any] = json.loads(description())
Tokens = dict[str, str]


@pytest.fixture
async def tokens(paying_shop: Client) -> Tokens:
    """The tokens of bo, who refunds up to 10 eur, cy and dee, who approve, and vi, who looks; and ada is an admin."""
    database = paying_shop.app[RUNTIME].database
    await add_operator(database, NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada"), operator=ADA)
    roles = {
        "bo": OperatorRole.REFUND,
        "cy": OperatorRole.APPROVE,
        "dee": OperatorRole.APPROVE,
        "vi": OperatorRole.VIEW,
    }
    found = {}
    for name, role in roles.items():
        _, found[name] = await create_token(database, name, (Scope.READ, Scope.WRITE), operator=ADA)
        await add_operator(database, NewOperator(name, role, {"eur": 1000}, token=name), operator=ADA)
    return found


@pytest.fixture
async def number(paying_shop: Client) -> int:
    """Return the number of a paid order of 33.99 eur."""
    runtime: Runtime = paying_shop.app[RUNTIME]
    return (await paid_order(runtime)).number


async def ask(client: Client, path: str, token: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    """Return the status and body of an answer, after comparing it with the description."""
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
    async with client.request(method, path, json=body, headers=headers) as answer:
        found = json.loads(await answer.read())
        _, _, kind, _, *act = path.split("/")
        template = "/".join(["/api", kind, "{order}" if kind == "orders" else "{proposal}", *act])
        described = DOCUMENT["paths"][template][method.lower()]["responses"][str(answer.status)]["content"]
        schema = described[answer.content_type]["schema"] | {"components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, found)
        return answer.status, found


async def propose(client: Client, number: int, token: str, key: str = "k", amount: int = 3000) -> tuple[int, Any]:
    body = {"amount": amount, "note": "broken"}
    return await ask(client, f"/api/orders/{number}/refunds", token, body, key)


async def test_a_refund_above_the_limit_is_proposed_and_another_token_approves_it(
    paying_shop: Client, tokens: Tokens, number: int
) -> None:
    status, made = await propose(paying_shop, number, tokens["bo"])
    assert (status, made["status"], made["amount"], made["proposed_by"]) == (202, "open", 3000, "bo")
    assert (made["order_number"], made["note"], made["items"], made["outcome"]) == (number, "broken", [], None)
    assert await propose(paying_shop, number, tokens["bo"]) == (202, made)
    assert (await propose(paying_shop, number, tokens["bo"], amount=2999))[0] == 409
    path = f"/api/proposals/{made['number']}"
    assert await ask(paying_shop, path, tokens["vi"]) == (200, made)

    for name, code in (("bo", "role_too_low"), ("vi", "role_too_low")):
        status, problem = await ask(paying_shop, f"{path}/approve", tokens[name], {})
        assert (status, problem["code"]) == (403, code)
    status, done = await ask(paying_shop, f"{path}/approve", tokens["cy"], {"note": "saw the photo"})
    assert (status, done["status"], done["decided_by"]) == (200, "done", "cy")

    status, refunded = await propose(paying_shop, number, tokens["bo"])
    assert (status, refunded["refund_id"], refunded["amount"]) == (200, done["outcome"], 3000)
    status, problem = await ask(paying_shop, f"{path}/approve", tokens["dee"], {})
    assert (status, problem["code"]) == (409, "proposal_not_open")


async def test_nobody_approves_their_own_and_everybody_may_withdraw_it(
    paying_shop: Client, tokens: Tokens, number: int
) -> None:
    _, made = await propose(paying_shop, number, tokens["cy"])
    path = f"/api/proposals/{made['number']}"
    status, problem = await ask(paying_shop, f"{path}/approve", tokens["cy"], {})
    assert (status, problem["code"]) == (403, "own_proposal")
    status, withdrawn = await ask(paying_shop, f"{path}/reject", tokens["cy"], {"note": "a mistake"})
    assert (status, withdrawn["status"], withdrawn["decided_by"]) == (200, "rejected", "cy")
    status, problem = await ask(paying_shop, f"{path}/approve", tokens["dee"], {})
    assert (status, problem["code"]) == (409, "proposal_not_open")


async def test_a_proposal_about_an_order_that_changed_is_refused(
    paying_shop: Client, tokens: Tokens, number: int
) -> None:
    _, made = await propose(paying_shop, number, tokens["bo"])
    assert (await propose(paying_shop, number, tokens["bo"], "other", 500))[0] == 200
    path = f"/api/proposals/{made['number']}"
    assert (await ask(paying_shop, path, tokens["vi"]))[1]["is_changed"] is True
    status, problem = await ask(paying_shop, f"{path}/approve", tokens["cy"], {})
    assert (status, problem["code"]) == (409, "proposal_stale")


async def test_a_proposed_refund_is_the_same_without_quantities_and_with_blanks_around_its_note(
    paying_shop: Client, tokens: Tokens, number: int
) -> None:
    path = f"/api/orders/{number}/refunds"
    body: dict[str, Any] = {"items": [{"sku": "NOTE"}], "note": " broken \n"}
    status, made = await ask(paying_shop, path, tokens["bo"], body, "k")
    assert (status, made["note"], [item["quantity"] for item in made["items"]]) == (202, "broken", [2])
    assert await ask(paying_shop, path, tokens["bo"], body, "k") == (202, made)
    others: list[dict[str, Any]] = [
        {"items": [{"sku": "NOTE", "quantity": 1}]},
        {"items": [{"sku": "PEN"}]},
        {"note": "broken, twice"},
    ]
    for other in others:
        assert (await ask(paying_shop, path, tokens["bo"], body | other, "k"))[0] == 409
    await ask(paying_shop, f"/api/proposals/{made['number']}/approve", tokens["cy"], {})
    status, refunded = await ask(paying_shop, path, tokens["bo"], body, "k")
    assert (status, refunded["amount"], [item["quantity"] for item in refunded["items"]]) == (200, 2400, [2])


async def test_what_does_not_exist_is_404(paying_shop: Client, tokens: Tokens) -> None:
    for path, body in (("/api/proposals/7", None), ("/api/proposals/7/approve", {}), ("/api/proposals/7/reject", {})):
        assert (await ask(paying_shop, path, tokens["cy"], body))[0] == 404
