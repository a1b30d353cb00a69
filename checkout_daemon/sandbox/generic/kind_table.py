"""Every kind of object that is stored rather than modelled, one row each."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Expandable, Operation, Timers
from checkout_daemon.sandbox.generic import (
    card_sources,
    collecting,
    credit_notes,
    customer_discounts,
    empty,
    invoices,
    issuing,
    plans,
    quotes,
    schedules,
    setup_intents,
    stripe_pages,
    subscriptions,
    transfers,
)
from checkout_daemon.sandbox.generic.filtering import at, equals, in_items, subscription_status, unless
from checkout_daemon.sandbox.generic.serving import operations_of
from checkout_daemon.sandbox.generic.stored_kinds import ObjectAction, StoredKind
from checkout_daemon.sandbox.objects.shapes import INTENT_METHOD_TYPES
from checkout_daemon.sandbox.parameters.specs import Fields, Flag, Integer, Text
from checkout_daemon.sandbox.payments.acceptance import CONFIRMABLE
from checkout_daemon.sandbox.webhooks.changes import CHANGE_TIMER, change_now

_CREATED = ("created",)
_ALL = ("created", "updated", "deleted")
_AMOUNT: Fields = {"amount": Integer(required=True, minimum=1), "currency": Text(required=True)}
_CUSTOMER: Fields = {"customer": Text(required=True)}
_CUSTOMER_EXISTS = {"customer": "customer"}
_NO_BROWSER = ("mandate_data", "return_url", "use_stripe_sdk")
"""Parameters without an effect: they concern a browser, which the sandbox does not redirect."""
_SETTLING = ("off_session", "payment_behavior", "proration_behavior")
"""How a subscription's change is paid for. The sandbox makes no prorations, so some of these have no effect."""

# fmt: off
_ACCOUNT = (
    StoredKind(
        "/v1/accounts",
        "account",
        "acct_1",
        verbs=("updated",),
        build=transfers.build_account,
        revise=transfers.revise_account,
        deletes=True,
        on_delete=transfers.deauthorize,
        retrieves=False,
    ),
    StoredKind("/v1/payouts", "payout", "po_1", takes=_AMOUNT, build=transfers.build_payout,
        then=transfers.plan_arrival,
        actions={"cancel": ObjectAction(run=transfers.cancel_payout, allowed=("pending",))}),
    StoredKind("/v1/topups", "topup", "tu_1", verbs=_CREATED, computed=("source",), takes=_AMOUNT,
        build=transfers.build_topup, then=transfers.plan_success,
        actions={"cancel": ObjectAction("canceled", {"status": "canceled"}, allowed=("pending",))}),
    StoredKind("/v1/transfers", "transfer", "tr_1", takes={**_AMOUNT, "destination": Text(required=True)},
        refers={"destination": "account"},
        build=transfers.build_transfer),
    StoredKind("/v1/reporting/report_runs", "reporting.report_run", "frr_1", verbs=(), updates=False,
        takes={"report_type": Text(required=True)}, then=transfers.plan_report),
)

_CUSTOMER_FACING = (
    StoredKind("/v1/billing_portal/configurations", "billing_portal.configuration", "bpc_1"),
    StoredKind("/v1/billing_portal/sessions", "billing_portal.session", "bps_1", verbs=_CREATED, updates=False,
        lists=False, retrieves=False, takes=_CUSTOMER,
        refers={**_CUSTOMER_EXISTS, "configuration": "billing_portal.configuration"},
        build=stripe_pages.build_portal_session),
    StoredKind("/v1/payment_links", "payment_link", "plink_1", uses=("line_items",),
        computed=("application_fee_amount", "application_fee_percent", "on_behalf_of", "payment_method_collection",
                  "shipping_options", "subscription_data", "tax_id_collection", "transfer_data"),
        build=stripe_pages.build_link, revise=stripe_pages.revise_link),
    StoredKind("/v1/identity/verification_sessions", "identity.verification_session", "vs_1", verbs=_CREATED,
        uses=("return_url",), build=stripe_pages.build_verification,
        actions={
            "cancel": ObjectAction("canceled", {"status": "canceled", "url": None}, allowed=("requires_input",)),
            "redact": ObjectAction("redacted",
                                   {"redaction": {"status": "processing"}, "url": None, "client_secret": None},
                                   allowed=("requires_input", "verified", "canceled")),
        }),
    StoredKind("/v1/setup_intents", "setup_intent", "seti_1", verbs=_CREATED, refers=_CUSTOMER_EXISTS,
        uses=_NO_BROWSER,
        takes={"payment_method": Text(), "confirm": Flag(), "payment_method_types": INTENT_METHOD_TYPES},
        build=setup_intents.build, revise=setup_intents.revise, then=setup_intents.confirm_if_asked,
        actions={
            "confirm": ObjectAction(run=setup_intents.confirm, takes={"payment_method": Text()}, uses=_NO_BROWSER,
                                    allowed=CONFIRMABLE),
            "cancel": ObjectAction("canceled", {"status": "canceled"}, allowed=CONFIRMABLE),
        }),
)

_BILLING = (
    StoredKind("/v1/plans", "plan", "plan_1", verbs=_ALL, deletes=True, build=plans.build,
        takes={"amount": Integer(minimum=0), "currency": Text(required=True),
               "interval": Text(required=True, choices=("day", "month", "week", "year"))}),
    StoredKind("/v1/tax_rates", "tax_rate", "txr_1",
        takes={"display_name": Text(required=True), "inclusive": Flag(required=True)}),
    StoredKind("/v1/shipping_rates", "shipping_rate", "shr_1", verbs=(), build=stripe_pages.build_rate,
        filters={"currency": at("fixed_amount.currency")}),
    StoredKind("/v1/invoiceitems", "invoiceitem", "ii_1", verbs=("created", "deleted"), deletes=True, takes=_CUSTOMER,
        refers={**_CUSTOMER_EXISTS, "invoice": "invoice"}, filters={"pending": equals("invoice", None)},
        computed=("discounts", "tax_rates"),
        build=invoices.build_item, on_delete=invoices.check_item_free),
    StoredKind("/v1/invoices", "invoice", "in_1", verbs=_ALL, deletes=True, takes=_CUSTOMER, refers=_CUSTOMER_EXISTS,
        uses=("days_until_due", "pending_invoice_items_behavior"),
        computed=("default_tax_rates", "discounts", "shipping_cost"),
        filters={"subscription": at("parent.subscription_details.subscription")},
        build=invoices.build, on_delete=collecting.check_draft,
        actions={
            "finalize": ObjectAction(run=collecting.finalize, allowed=("draft",)),
            "send": ObjectAction(run=collecting.send),
            "pay": ObjectAction(run=collecting.pay, takes={"payment_method": Text(), "paid_out_of_band": Flag()},
                          uses=("off_session",)),
            "void": ObjectAction("updated voided", {"status": "void", "amount_remaining": 0}, reached="voided_at",
                                 run=collecting.close_intent, allowed=("open", "uncollectible")),
            "mark_uncollectible": ObjectAction("updated marked_uncollectible", {"status": "uncollectible"},
                                               reached="marked_uncollectible_at", allowed=("open",)),
        }),
    StoredKind("/v1/credit_notes", "credit_note", "cn_1", takes={"invoice": Text(required=True)},
        refers={"invoice": "invoice"}, uses=("lines", "email_type"), computed=("refunds", "shipping_cost"),
        build=credit_notes.build,
        actions={"void": ObjectAction(run=credit_notes.void, allowed=("issued",))}),
    StoredKind("/v1/subscriptions", "subscription", "sub_1", events="customer.subscription", takes=_CUSTOMER,
        refers={**_CUSTOMER_EXISTS, "default_payment_method": "payment_method"},
        uses=("items", "trial_period_days", *_SETTLING), revises=_SETTLING, hides="canceled",
        computed=("billing_schedules", "default_tax_rates", "discounts", "pending_invoice_item_interval"),
        filters={"status": subscription_status, "price": in_items("price.id"), "plan": in_items("plan.id"),
                 "current_period_end": at("items.data[0].current_period_end"),
                 "current_period_start": at("items.data[0].current_period_start")},
        build=subscriptions.build, then=subscriptions.announce,
        revise=subscriptions.revise, revised=subscriptions.announce_pause, on_delete=subscriptions.cancel,
        actions={"resume": ObjectAction("updated resumed", {"status": "active"}, times=("billing_cycle_anchor",),
                                        allowed=("paused",), uses=_SETTLING)}),
    StoredKind("/v1/subscription_schedules", "subscription_schedule", "sub_sched_1", takes=_CUSTOMER,
        refers=_CUSTOMER_EXISTS, uses=("phases", "start_date"), computed=("pause_schedules", "phases"),
        filters={"scheduled": equals("status", "not_started")},
        build=schedules.build,
        actions={"cancel": ObjectAction(run=schedules.cancel, allowed=("active", "not_started"),
                                        uses=("invoice_now", "prorate")),
                 "release": ObjectAction(run=schedules.release, allowed=("active", "not_started"))}),
    StoredKind("/v1/quotes", "quote", "qt_1", verbs=_CREATED, refers=_CUSTOMER_EXISTS, uses=("line_items",),
        computed=("default_tax_rates", "discounts", "from_quote"),
        build=quotes.build,
        actions={
            "finalize": ObjectAction(run=quotes.finalize, allowed=("draft",)),
            "accept": ObjectAction(run=quotes.accept, allowed=("open",)),
            "cancel": ObjectAction("canceled", {"status": "canceled"}, reached="canceled_at",
                                   allowed=("draft", "open")),
        }),
    StoredKind("/v1/billing/meters", "billing.meter", "mtr_test_", unique=("event_name",),
        takes={"display_name": Text(required=True), "event_name": Text(required=True)},
        actions={
            "deactivate": ObjectAction("deactivated", {"status": "inactive"}, allowed=("active",)),
            "reactivate": ObjectAction("reactivated", {"status": "active"}, allowed=("inactive",)),
        }),
    StoredKind("/v1/test_helpers/test_clocks", "test_helpers.test_clock", "clock_1", verbs=("created", "deleted"),
        deletes=True, updates=False, takes={"frozen_time": Integer(required=True)}, build=schedules.build_clock,
        actions={"advance": ObjectAction(run=schedules.advance_clock, allowed=("ready",),
                                         takes={"frozen_time": Integer(required=True)})}),
)

_ISSUING = (
    StoredKind("/v1/issuing/cardholders", "issuing.cardholder", "ich_1", events="issuing_cardholder",
        takes={"name": Text(required=True)}, computed=("company",), build=issuing.build_holder),
    StoredKind("/v1/issuing/cards", "issuing.card", "ic_1", events="issuing_card",
        takes={"cardholder": Text(required=True), "currency": Text(required=True)},
        filters={"cardholder": at("cardholder.id")}, build=issuing.build_card),
    StoredKind("/v1/issuing/authorizations", "issuing.authorization", "iauth_1", events="issuing_authorization",
        creates=False, filters={"card": at("card.id")}),
    StoredKind("/v1/issuing/transactions", "issuing.transaction", "ipi_1", events="issuing_transaction", creates=False),
)

_OTHERS = (
    StoredKind("/v1/entitlements/features", "entitlements.feature", "feat_test_", verbs=(), unique=("lookup_key",),
        filters={"archived": unless("active", 1)}),
    StoredKind("/v1/radar/value_lists", "radar.value_list", "rsl_1", verbs=(), deletes=True, unique=("alias",)),
    StoredKind("/v1/terminal/locations", "terminal.location", "tml_", verbs=(), deletes=True),
)
# fmt: on

KINDS: tuple[StoredKind, ...] = (*_ACCOUNT, *_CUSTOMER_FACING, *_BILLING, *_ISSUING, *_OTHERS)

MODULES = (
    credit_notes,
    customer_discounts,
    empty,
    invoices,
    issuing,
    plans,
    quotes,
    card_sources,
    stripe_pages,
    subscriptions,
    transfers,
)
OPERATIONS: tuple[Operation, ...] = (
    *(operation for kind in KINDS for operation in operations_of(kind)),
    *(operation for module in MODULES for operation in getattr(module, "OPERATIONS", ())),
)
EXPANDABLE: Expandable = {
    place: include for module in MODULES for place, include in getattr(module, "EXPANDABLE", {}).items()
}
TIMERS: Timers = {CHANGE_TIMER: change_now}
FOLLOWERS = collecting.FOLLOWERS
