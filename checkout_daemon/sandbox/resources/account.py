"""The account and its balance."""

from __future__ import annotations

from collections import defaultdict

from checkout_daemon.sandbox.box import ACCOUNT_ID, Box, Operation
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.listing import list_page, matching
from checkout_daemon.sandbox.params import EXPAND, PAGING, Params, Range, Text
from checkout_daemon.sandbox.storage import Body

_CREATED = 1_700_000_000


def account(_: Box, __: Params, object_id: str) -> Body:
    if object_id and object_id != ACCOUNT_ID:
        raise missing_object("account", object_id, in_path=True)
    requirements: Body = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": "Offline Sandbox",
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": None,
        "capabilities": {"card_payments": "active", "sepa_debit_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": _CREATED,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "sandbox@example.com",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{ACCOUNT_ID}/external_accounts",
        },
        "future_requirements": requirements,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": requirements,
        "settings": {
            "bacs_debit_payments": {"display_name": None, "service_user_number": None},
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": "Offline Sandbox", "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": "OFFLINE SANDBOX",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": True,
                "schedule": {"delay_days": 2, "interval": "daily"},
                "statement_descriptor": None,
            },
            "sepa_debit_payments": {},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def balance(box: Box, _: Params, __: str) -> Body:
    sums: dict[str, dict[str, int]] = {"available": defaultdict(int), "pending": defaultdict(int)}
    moment = stamp()
    for record in box.storage.select("balance_transaction"):
        body = record.body
        state = "available" if body["available_on"] <= moment else "pending"
        sums[state][body["currency"]] += body["net"]
        sums["pending" if state == "available" else "available"][body["currency"]] += 0
    parts = {
        state: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted((found or {"usd": 0}).items())
        ]
        for state, found in sums.items()
    }
    return {"object": "balance", **parts, "livemode": False}


def retrieve_transaction(box: Box, _: Params, object_id: str) -> Body:
    return _aged(box.get(object_id, "balance_transaction").body)


def list_transactions(box: Box, params: Params, _: str) -> Body:
    conditions = matching(params, "source", "currency", "type")
    page = list_page(box, "balance_transaction", "/v1/balance_transactions", params, conditions)
    page["data"] = [_aged(each) for each in page["data"]]
    return page


def _aged(body: Body) -> Body:
    return {**body, "status": "available" if body["available_on"] <= stamp() else "pending"}


OPERATIONS = (
    Operation("GET", "/v1/account", account, EXPAND),
    Operation("GET", "/v1/accounts/{id}", account, EXPAND),
    Operation("GET", "/v1/balance", balance, EXPAND),
    Operation("GET", "/v1/balance_transactions/{id}", retrieve_transaction, EXPAND),
    Operation(
        "GET",
        "/v1/balance_transactions",
        list_transactions,
        {**PAGING, "created": Range(), "currency": Text(), "source": Text(), "type": Text()},
    ),
)
