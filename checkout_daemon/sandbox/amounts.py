"""Currencies: which amounts can be charged, and how Stripe's messages write them."""

from __future__ import annotations

from checkout_daemon.sandbox.errors import ApiError, invalid

_CODES = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd
jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad
ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl
thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CODES.split())
"""https://docs.stripe.com/currencies#presentment-currencies"""

_MAXIMUM_AMOUNTS = {"cop": 9_999_999_999, "idr": 999_999_999_999, "inr": 999_999_999}
_MINIMUMS = """
aed 200 aud 50 bgn 100 brl 50 cad 50 chf 50 czk 1500 dkk 250 eur 50 gbp 30 hkd 400 huf 17500 inr 50 jpy 50 mxn 1000
myr 200 nok 300 nzd 50 pln 200 ron 200 sek 300 sgd 50 thb 1000 usd 50
"""
MINIMUM_AMOUNTS = {code: int(amount) for code, amount in zip(*[iter(_MINIMUMS.split())] * 2, strict=True)}
"""https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts"""

_NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
_WHOLE_ONLY = frozenset(("isk", "ugx"))
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def currency_code(text: str, param: str = "currency") -> str:
    """Return the currency in lower case, as Stripe answers it. Raise ApiError if it is unknown."""
    code = text.lower()
    if code not in CURRENCIES:
        raise invalid(f"Invalid currency: {text}. Stripe currently supports ISO currency codes.", param=param)
    return code


def decimals(currency: str) -> int:
    """Return the number of decimals of a currency."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def maximum_amount(currency: str) -> int:
    """Return the maximum amount of all payment methods. Cards alone allow more."""
    return _MAXIMUM_AMOUNTS.get(currency, 99_999_999)


def money_text(amount: int, currency: str) -> str:
    """Return an amount as Stripe's messages write it: `$12.50`, `12.500 kwd`."""
    places = decimals(currency)
    number = f"{amount / 10**places:,.{places}f}"
    sign = _SIGNS.get(currency)
    return f"{sign}{number}" if sign else f"{number} {currency}"


def minimum_text(currency: str) -> str:
    """Return the minimum amount of a currency as Stripe's messages write it, with its sign and code: `$0.50 usd`."""
    text = money_text(MINIMUM_AMOUNTS.get(currency, 1), currency)
    return f"{text} {currency}" if currency in _SIGNS else text


def check_amount(amount: int, currency: str) -> None:
    """Raise ApiError if an amount cannot be charged: too small, too large, or finer than the currency's step."""
    if amount < MINIMUM_AMOUNTS.get(currency, 1):
        message = f"Amount must be at least {minimum_text(currency)}"
        raise ApiError(message, code="amount_too_small", param="amount")
    if amount > maximum_amount(currency):
        message = f"Amount must be no more than {money_text(maximum_amount(currency), currency)}"
        raise ApiError(message, code="amount_too_large", param="amount")
    check_step(amount, currency)


def check_step(amount: int, currency: str, param: str = "amount") -> None:
    """Raise ApiError for digits that cannot be charged: a third decimal, or any decimal of ISK and UGX."""
    step = 10 if currency in _THREE_DECIMALS else 100 if currency in _WHOLE_ONLY else 1
    if amount % step:
        message = f"Invalid amount: amounts in {currency} must be evenly divisible by {step}."
        raise invalid(message, param=param, code="invalid_charge_amount")
