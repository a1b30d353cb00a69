"""`checkout mcp` with the real client: it reads, hides people, and moves no money."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator, disable_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.mcp_server.hiding import hide
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.proposals.deciding import OwnProposal, approve
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.payments import list_refunds
from checkout_daemon.tokens.api_tokens import Scope, create_token, revoke_token
from tests.support.shopping import check_out, paid_order

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")
ANNA = Operator("anna", "desk")
READING = {
    *("find_orders", "show_order", "explain_order", "todo", "list_events", "list_proposals"),
    *("report", "list_payouts", "show_payout"),
}
PROPOSING = {"propose_refund", "propose_cancel"}


@pytest.fixture
async def order(runtime: Runtime, connection: asyncpg.Connection) -> CheckoutAnswer:
    """Return a paid order of 33.99 eur of Ada's."""
    return await paid_order(runtime)


def server(runtime: Runtime, folder: Path, **settings: str) -> Any:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": runtime.settings.database_url or "", **settings}
    arguments = ["-P", "-m", "checkout_daemon", "mcp"]
    return mcp.StdioServerParameters(command=sys.executable, args=arguments, env=environ, cwd=str(folder))


async def call(client: Any, name: str, **arguments: object) -> Any:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


async def refusal(client: Any, name: str, **arguments: object) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    text: str = result.content[0].text
    return text


async def refunds(runtime: Runtime, order: CheckoutAnswer) -> list[int]:
    payment = (await show_order(runtime.database, str(order.number))).payments[0].id
    return [made.object["amount"] for made in await list_refunds(runtime.gateway, payment)]


async def test_an_assistant_reads_everything_and_sees_nobody(
    runtime: Runtime, order: CheckoutAnswer, tmp_path: Path
) -> None:
    async with mcp.Client(server(runtime, tmp_path)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == READING | PROPOSING
        assert {name for name, tool in tools.items() if tool.annotations.read_only_hint} == READING
        found = await call(client, "find_orders", query="status:completed")
        shown = await call(client, "show_order", order="1001")
        explained = await call(client, "explain_order", order=order.session_id)
        listed = await call(client, "list_events", order="1001")
        todo = await call(client, "todo")
        assert [one["number"] for one in found["orders"]] == [1001]
        assert (shown["order"]["customer_name"], shown["order"]["customer_email"]) == ("A•••", "a•••@e•••")
        assert explained["status"] == "completed"
        assert (listed["events"], todo["items"]) == ([], [])
        everything = json.dumps([found, shown, explained, listed, todo])
        for personal in ("Ada", "ada@example.com", "30901820", "/c/pay/"):
            assert personal not in everything
        assert "no order is '9999'" in await refusal(client, "show_order", order="9999")
    async with mcp.Client(server(runtime, tmp_path, CHECKOUT_MCP_PERSONAL_DATA="on")) as client:
        assert (await call(client, "show_order", order="1001"))["order"]["customer_email"] == "ada@example.com"


async def test_what_it_wants_to_change_is_only_proposed(
    runtime: Runtime, order: CheckoutAnswer, tmp_path: Path
) -> None:
    waiting = await check_out(runtime)
    async with mcp.Client(server(runtime, tmp_path)) as client:
        proposed = await call(client, "propose_refund", order="1001", amount=1000, reason="duplicate", note="twice")
        again = await call(client, "propose_refund", order="1001", amount=1000)
        assert (proposed["status"], proposed["number"], again["number"]) == ("open", 1, 1)
        assert proposed["proposed_by"].endswith(" (mcp)")
        canceled = await call(client, "propose_cancel", order=str(waiting.number))
        assert (canceled["act"], canceled["number"]) == ("cancel", 2)
        assert "more than the €33.99" in await refusal(client, "propose_refund", order="1001", amount=99999)
        assert "the reason is one of" in await refusal(client, "propose_refund", order="1001", reason="why not")
        assert "nothing was paid" in await refusal(client, "propose_refund", order=str(waiting.number))
        open_ones = await call(client, "list_proposals", statuses=["open"])
        assert [one["number"] for one in open_ones["proposals"]] == [2, 1]
    assert await refunds(runtime, order) == []
    assert (await show_order(runtime.database, str(waiting.number))).order.status == "pending"
    assert (await approve(runtime, 1, operator=ANNA)).proposal.status == "done"
    assert await refunds(runtime, order) == [1000]
    assert (await verify(runtime.database)).faults == []


async def test_an_assistant_is_an_operator_of_its_own_and_approves_nothing(
    runtime: Runtime, order: CheckoutAnswer, tmp_path: Path
) -> None:
    await add_operator(runtime.database, NewOperator("anna", OperatorRole.ADMIN, {}, os_user="anna"), operator=ANNA)
    async with mcp.Client(server(runtime, tmp_path)) as client:
        assert "is not an operator of this shop" in await refusal(client, "propose_refund", order="1001")
    _, token = await create_token(runtime.database, "robot", (Scope.READ,), operator=ANNA)
    robot = NewOperator("robot", OperatorRole.ACT, {}, token="robot")
    await add_operator(runtime.database, robot, operator=ANNA)
    async with mcp.Client(server(runtime, tmp_path, CHECKOUT_OPERATOR_TOKEN=token)) as client:
        proposed = await call(client, "propose_refund", order="1001")
    assert (proposed["proposed_by"], proposed["amount"]) == ("robot", 3399)
    with pytest.raises(OwnProposal):
        await approve_as_approver(runtime)
    assert await refunds(runtime, order) == []


@pytest.mark.parametrize("end", ["revoke the token", "disable the operator"])
async def test_an_assistant_whose_token_ends_meanwhile_reads_and_proposes_nothing_more(
    runtime: Runtime, order: CheckoutAnswer, tmp_path: Path, end: str
) -> None:
    await add_operator(runtime.database, NewOperator("anna", OperatorRole.ADMIN, {}, os_user="anna"), operator=ANNA)
    _, token = await create_token(runtime.database, "robot", (Scope.READ,), operator=ANNA)
    robot = NewOperator("robot", OperatorRole.ACT, {}, token="robot")
    await add_operator(runtime.database, robot, operator=ANNA)
    async with mcp.Client(server(runtime, tmp_path, CHECKOUT_OPERATOR_TOKEN=token)) as client:
        assert (await call(client, "show_order", order="1001"))["order"]["number"] == 1001
        if end == "revoke the token":
            await revoke_token(runtime.database, "robot", operator=ANNA)
        else:
            await disable_operator(runtime.database, "robot", operator=ANNA)
        for name in ("show_order", "propose_refund"):
            assert "CHECKOUT_OPERATOR_TOKEN is not a token in use" in await refusal(client, name, order="1001")


async def approve_as_approver(runtime: Runtime) -> None:
    async with runtime.database.connection() as connection:
        await connection.execute("UPDATE operators SET role = 'approve' WHERE name = 'robot'")
    await approve(runtime, 1, operator=Operator("robot", "desk"))


def test_addresses_in_sentences_are_hidden_too() -> None:
    text = {"findings": [{"says": "the mail to Ada.B@shop.example failed", "note": "Ada called"}], "customer_name": ""}
    assert hide(text) == {
        "findings": [{"says": "the mail to A•••@s••• failed", "note": "•••"}],
        "customer_name": "",
    }


def test_of_an_address_only_the_country_is_left() -> None:
    address = {"name": "Ada B", "line1": "Ring 1", "line2": "", "city": "Wien", "country": "AT", "postal_code": "1010"}
    shown = hide({"shipping": {"label": "Post", "address": address, "tracking_url": "https://post.example/1"}})
    hidden = {"name": "•••", "line1": "•••", "line2": "", "city": "•••", "country": "AT", "postal_code": "•••"}
    assert shown == {"shipping": {"label": "Post", "address": hidden, "tracking_url": "•••"}}


async def test_an_assistant_reads_the_report_and_the_payouts(
    runtime: Runtime, order: CheckoutAnswer, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await read_balance(runtime)
    await connection.execute(
        "INSERT INTO payouts (id, livemode, amount, currency, status, automatic, reconciliation, created_at,"
        " arrives_at, lines_read_at) VALUES ('po_1', false, 500, 'eur', 'paid', true, 'completed', now(), now(), now())"
    )
    await connection.execute("UPDATE balance_transactions SET payout_id = 'po_1'")
    async with mcp.Client(server(runtime, tmp_path)) as client:
        report = await call(client, "report", by="currency", since="2d")
        payouts = await call(client, "list_payouts")
        of_order = await call(client, "list_payouts", order="1001")
        shown = await call(client, "show_payout", payout="po_1")
        refused = [
            await refusal(client, "report", by="weather"),
            await refusal(client, "report", since="soon"),
            await refusal(client, "report", since="1d", until="2d"),
            await refusal(client, "show_payout", payout="po_none"),
        ]
    (row,) = report["rows"]
    assert (row["currency"], row["gross"], row["orders"], report["left_out"]) == ("eur", 3399, 1, 0)
    assert [one["id"] for one in payouts["payouts"]] == [one["id"] for one in of_order["payouts"]] == ["po_1"]
    (line,) = shown["listed"]
    assert (shown["amount"], shown["lines"], line["amount"], shown["left_out"]) == (500, 1, 3399, 0)
    assert shown["difference"] == 500 - line["net"]
    for text, words in zip(refused, ("by is one of day", "not 'soon'", "nothing is between", "not known"), strict=True):
        assert words in text
