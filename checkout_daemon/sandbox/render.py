"""Write the hosted pages' HTML."""

from __future__ import annotations

from html import escape
from typing import Any

from checkout_daemon.sandbox.testdata import FAILING_IBAN, PAGE_CARDS, SUCCEEDING_IBAN

_BANNER = (
    "<strong>Offline sandbox</strong> – this page imitates a payment page for tests. It is not Stripe, and no money "
    "moves. Never type a real card or account number."
)
_NO_DECIMALS = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905 - a list to be read
)


def checkout(session: dict[str, Any], items: list[dict[str, Any]], error: str | None, form: dict[str, str]) -> str:
    """The Checkout page of an open session."""
    currency = session["currency"]
    rows = "".join(
        f"<tr><td>{escape(item['description'] or 'Item')}</td><td>{item['quantity']}</td>"
        f"<td>{money(item['amount_subtotal'], currency)}</td></tr>"
        for item in items
    )
    off = session["total_details"]["amount_discount"]
    discount = f'<tr><th scope="row" colspan="2">Discount</th><td>−{money(off, currency)}</td></tr>' if off else ""
    total = money(session["amount_total"], currency)
    back = f'<a class="back" href="{escape(session["cancel_url"])}">Back</a>' if session["cancel_url"] else ""
    alert = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    free = session["amount_total"] == 0
    fields = "" if free else _fields(session["payment_method_types"], form)
    lists = "" if free else _test_values(session["payment_method_types"])
    return _page(
        "Checkout",
        f"""{back}
<h1>Checkout</h1>
<table><caption>Your order</caption>
<thead><tr><th scope="col">Item</th><th scope="col">Quantity</th><th scope="col">Amount</th></tr></thead>
<tbody>{rows}</tbody>
<tfoot>{discount}<tr class="total"><th scope="row" colspan="2">Total</th><td>{total}</td></tr></tfoot>
</table>
{alert}
<form method="post" action="/c/pay/{escape(session["id"])}" autocomplete="off">{fields}
<button type="submit">Pay</button>
</form>
{lists}""",
    )


def authentication(intent: dict[str, Any]) -> str:
    """The step where the bank would ask the shopper."""
    return _page(
        "3-D Secure",
        f"""<h1>3-D Secure</h1>
<p>The bank asks whether you really want to pay {money(intent["amount"], intent["currency"])}.</p>
<form method="post" action="/c/authenticate/{escape(intent["id"])}">
<button type="submit" name="outcome" value="complete">Complete authentication</button>
<button type="submit" name="outcome" value="fail" class="second">Fail authentication</button>
</form>""",
    )


def message(title: str, text: str, back: str | None = None) -> str:
    """A page that only says something."""
    link = f'<p><a class="back" href="{escape(back)}">Back</a></p>' if back else ""
    return _page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>\n{link}")


def money(amount: int, currency: str) -> str:
    """An amount for people to read."""
    if currency in _NO_DECIMALS:
        return f"{amount:,} {currency.upper()}"
    return f"{amount // 100:,}.{amount % 100:02d} {currency.upper()}"


def _fields(types: list[str], form: dict[str, str]) -> str:
    given = form.get("method", "")
    chosen = given if given in types else types[0]
    parts = []
    if len(types) > 1:
        radios = "".join(
            f'<label><input type="radio" name="method" value="{kind}"{" checked" if kind == chosen else ""}> '
            f"{_NAMES[kind]}</label>"
            for kind in types
        )
        parts.append(f"<fieldset><legend>Pay by</legend>{radios}</fieldset>")
    else:
        parts.append(
            f'<fieldset><legend>Pay by</legend><label><input type="radio" name="method" value="{chosen}" checked> '
            f"{_NAMES[chosen]}</label></fieldset>"
        )
    if "card" in types:
        parts.append(
            '<div class="card">'
            '<label>Card number<input name="number" inputmode="numeric" maxlength="30"></label>'
            '<label>Expiry<input name="expiry" inputmode="numeric" maxlength="9" placeholder="MM/YY"></label>'
            '<label>CVC<input name="cvc" inputmode="numeric" maxlength="4"></label></div>'
        )
    if "sepa_debit" in types:
        value = escape(form.get("iban", ""))
        parts.append(f'<div class="debit"><label>IBAN<input name="iban" maxlength="42" value="{value}"></label></div>')
    return "".join(parts)


_NAMES = {"card": "Card", "sepa_debit": "Bank debit"}


def _test_values(types: list[str]) -> str:
    rows = []
    if "card" in types:
        rows += [f"<tr><td><code>{number}</code></td><td>{purpose}</td></tr>" for number, purpose in PAGE_CARDS]
    if "sepa_debit" in types:
        rows.append(f"<tr><td><code>{SUCCEEDING_IBAN}</code></td><td>Bank debit: succeeds later</td></tr>")
        rows.append(f"<tr><td><code>{FAILING_IBAN}</code></td><td>Bank debit: fails later</td></tr>")
    hint = "<p>Any expiry in the future and any three digits as CVC will do.</p>" if "card" in types else ""
    return (
        '<section class="test"><h2>Test values</h2>'
        '<table><thead><tr><th scope="col">Number</th><th scope="col">What happens</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{hint}</section>"
    )


def _page(title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)} – offline sandbox</title>
<link rel="stylesheet" href="/c/sandbox.css">
</head>
<body>
<p class="banner" role="note">{_BANNER}</p>
<main>
{content}
</main>
</body>
</html>
"""
