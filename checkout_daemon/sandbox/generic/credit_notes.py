"""Credit notes, which reduce what an invoice asks for or give money back."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.objects.operations import listing_inside
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import require_status, update_and_emit


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a credit note from lines or an amount, and reduce what an open invoice has due."""
    invoice = box.get(params["invoice"], "invoice", "invoice")
    require_status(invoice, "credit", "open", "paid")
    owed, body = invoice.body, record.body
    lines = [_line(line) for line in params.get("lines") or []]
    total = sum(line["amount"] for line in lines) or number(params, "amount", 0)
    most = owed["amount_remaining"] if owed["status"] == "open" else owed["amount_paid"]
    if not 0 < total <= most:
        raise invalid(f"The amount of a credit note for this invoice must be between 1 and {most}.", param="amount")
    part = "pre_payment_amount" if owed["status"] == "open" else "post_payment_amount"
    count = invoice.private["credit_notes"] = invoice.private.get("credit_notes", 0) + 1
    body |= {
        **dict.fromkeys(("amount", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax", part), total),
        "currency": owed["currency"],
        "customer": owed["customer"],
        "effective_at": stamp(),
        "number": f"{owed['number']}-CN-{count:02d}",
        "pdf": f"{box.url}/credit_notes/{record.id}/pdf",
        "type": "pre_payment" if owed["status"] == "open" else "post_payment",
    }
    body["lines"]["data"] = lines
    record.customer = owed["customer"]
    _credit(box, invoice, part, total)


def void(box: Box, record: Stored, _: Params) -> None:
    """Void an issued credit note, and restore what an open invoice has due."""
    body = record.body
    if body["type"] == "pre_payment":
        _credit(box, box.get(body["invoice"], "invoice"), "pre_payment_amount", -body["amount"])
    update_and_emit(box, record, "credit_note.voided", status="void", voided_at=stamp())


def _credit(box: Box, invoice: Stored, part: str, amount: int) -> None:
    owed = invoice.body
    name = f"{part.removesuffix('amount')}credit_notes_amount"
    fields = {name: owed[name] + amount}
    if part == "pre_payment_amount":
        fields |= {field: owed[field] - amount for field in ("amount_due", "amount_remaining")}
    update_and_emit(box, invoice, "invoice.updated", **fields)


def _line(given: Params) -> Body:
    quantity = number(given, "quantity", 1)
    unit = number(given, "unit_amount", 0)
    return new_body(
        "credit_note_line_item",
        "cnli_1",
        amount=number(given, "amount", quantity * unit),
        description=given.get("description"),
        **({"invoice_line_item": given["invoice_line_item"]} if given.get("invoice_line_item") else {}),
        quantity=quantity,
        type=given.get("type") or "custom_line_item",
        unit_amount=unit,
        unit_amount_decimal=str(unit),
    )


OPERATIONS = (
    listing_inside(
        "/v1/credit_notes/{id}/lines",
        "credit_note",
        "credit note line item",
        lambda _, note: note.body["lines"]["data"],
    ),
)
