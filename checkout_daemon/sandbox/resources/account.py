"""The account and its balance."""

from __future__ import annotations

from checkout_daemon.sandbox.box import ACCOUNT_ID, Box, Timers
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.operations import operation
from checkout_daemon.sandbox.objects.paging import conditions_of, list_page
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import balance, payouts
from checkout_daemon.sandbox.storage import Body

_CREATED = 1_700_000_000


def _account(box: Box, _: Params, object_id: str) -> Body:
    """Return the account, or one connected to it."""
    if object_id and object_id != ACCOUNT_ID:
        return box.get(object_id, "account").body
    body = new_body("account", "acct_1", id=ACCOUNT_ID, created=_CREATED)
    body |= dict.fromkeys(("charges_enabled", "details_submitted", "payouts_enabled"), True)
    body["business_profile"]["name"] = "Offline Sandbox"
    body["capabilities"] = {"card_payments": "active", "sepa_debit_payments": "active", "transfers": "active"}
    body["email"] = "sandbox@example.com"
    body["external_accounts"]["url"] = f"/v1/accounts/{ACCOUNT_ID}/external_accounts"
    body["settings"]["dashboard"]["display_name"] = "Offline Sandbox"
    body["settings"]["payments"]["statement_descriptor"] = "OFFLINE SANDBOX"
    return body


def _retrieve_balance(box: Box, _: Params, __: str) -> Body:
    return balance.balance(box)


def _retrieve_transaction(box: Box, _: Params, object_id: str) -> Body:
    return balance.as_of_now(box.get(object_id, "balance_transaction").body)


def _list_transactions(box: Box, params: Params, _: str) -> Body:
    if params.get("payout"):
        payout = box.get(params["payout"], "payout", "payout")
        if not payout.body["automatic"]:
            raise invalid("Balance transaction history can only be filtered on automatic transfers, not manual.")
    conditions = conditions_of(params, {"payout": payouts.PAYOUT_OF_LINE, "source": "parent"})
    page = list_page(box, "balance_transaction", "/v1/balance_transactions", params, conditions)
    page["data"] = [balance.as_of_now(transaction) for transaction in page["data"]]
    return page


OPERATIONS = (
    operation("GET /v1/account", _account),
    operation("GET /v1/accounts/{id}", _account),
    operation("GET /v1/balance", _retrieve_balance),
    operation("GET /v1/balance_transactions/{id}", _retrieve_transaction),
    operation("GET /v1/balance_transactions", _list_transactions),
)
TIMERS: Timers = {"pay_out": payouts.pay_out}
