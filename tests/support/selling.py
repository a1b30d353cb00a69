"""A shop that sends goods: three zones, a flat rate, rates by subtotal, and two rates of tax."""

from __future__ import annotations

import asyncpg

SELLING = """
[shipping]
digital = ["EBOOK"]

[shipping.zones]
home = ["AT"]
near = ["DE", "IT"]
far = ["US"]

[shipping.rates.post]
zone = "home"
label = { en = "Mail", de = "Post" }
estimate = { en = "2 to 3 days", de = "2 bis 3 Tage" }
amount = 490
free_from = 5000

[shipping.rates.express]
zone = "home"
label = "Express"
amount = 1290

[shipping.rates.near]
zone = "near"
label = "Parcel"
amount = [[0, 990], [3000, 690]]

[shipping.rates.far]
zone = "far"
label = "Air mail"
amount = 2490

[tax]
country = "AT"
label = { en = "VAT", de = "USt." }

[tax.rates.standard]
AT = 20
DE = 19
IT = 22

[tax.rates.reduced]
AT = 10
DE = 7
IT = 4

[tax.classes]
reduced = ["PEN"]
"""
VIENNA = {"line1": "Ring 1", "city": "Wien", "postal_code": "1010", "country": "AT"}


async def to_be_sent(connection: asyncpg.Connection, order_id: str) -> None:
    """Make an order one that must be sent to Vienna by mail, for free."""
    await connection.execute("UPDATE orders SET amount_shipping = 0 WHERE id = $1", order_id)
    await connection.execute(
        "INSERT INTO order_shipping (order_id, rate, label, name, line1, city, postal_code, country)"
        " VALUES ($1, 'post', 'Mail', 'Ada', 'Ring 1', 'Wien', '1010', 'AT')",
        order_id,
    )
