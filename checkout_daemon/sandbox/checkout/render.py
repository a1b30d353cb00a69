"""Render the parts that all hosted pages share."""

from __future__ import annotations

from html import escape
from typing import Any

from checkout_daemon.sandbox.amounts import decimals

_BANNER = (
    "<strong>Offline sandbox</strong> – this page imitates a payment page for tests. It is not Stripe, and no money "
    "moves. Never type a real card or account number."
)


def page(title: str, content: str) -> str:
    """Return a complete page."""
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


def authentication(intent: dict[str, Any]) -> str:
    """Return the page that stands for the bank's 3-D Secure step."""
    return page(
        "3-D Secure",
        f"""<h1>3-D Secure</h1>
<p>The bank asks whether you really want to pay {money(intent["amount"], intent["currency"])}.</p>
<form method="post" action="/c/authenticate/{escape(intent["id"])}">
<button type="submit" name="outcome" value="complete">Complete authentication</button>
<button type="submit" name="outcome" value="fail" class="second">Fail authentication</button>
</form>""",
    )


def message(title: str, text: str, back: str | None = None) -> str:
    """Return a page with a message only."""
    link = f'<p><a class="back" href="{escape(back)}">Back</a></p>' if back else ""
    return page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>\n{link}")


def money(amount: int, currency: str) -> str:
    """Return an amount for people to read."""
    places = decimals(currency)
    whole, rest = divmod(amount, 10**places)
    return f"{whole:,}{f'.{rest:0{places}d}' if places else ''} {currency.upper()}"
