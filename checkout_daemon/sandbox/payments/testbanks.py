"""Stripe's test bank accounts: IBANs and US account numbers, and the outcome of a debit from each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TestAccount:
    """The outcome of debits from a test account.

    `failure` names a decline, `delay` counts settle times, `dispute` is the reason for one; an `endless` debit stays in
    processing.
    """

    failure: str = ""
    delay: int = 1
    dispute: str = ""
    endless: bool = False


_SLOW = 3
"""At Stripe the delayed scenarios take three minutes or more."""

SUCCEEDS = TestAccount()
_SCENARIOS = {
    "success": SUCCEEDS,
    "successDelayed": TestAccount(delay=_SLOW),
    "failed": TestAccount("debit_failed"),
    "failedDelayed": TestAccount("debit_failed", delay=_SLOW),
    "disputed": TestAccount(dispute="debit_not_authorized"),
    "exceedsWeeklyVolumeLimit": TestAccount("charge_exceeds_source_limit"),
    "exceedsWeeklyTransactionLimit": TestAccount("charge_exceeds_weekly_limit"),
    "insufficientFunds": TestAccount("insufficient_funds_debit"),
}
_NAMED = ("success", "successDelayed", "failed", "failedDelayed", "disputed")
_BY_COUNTRY = {
    "AT": "611904300234573201 321904300235473204 861904300235473202 051904300235473205 591904300235473203",
    "BE": "62510007547061 78510007547064 68539007547034 51510007547065 08510007547063",
    "CH": "9300762011623852957 8656663438253651553 5362200119938136497 1843597160341964438 1260378413965193069",
    "DE": "89370400440532013000 08370400440532013003 62370400440532013001 78370400440532013004 35370400440532013002",
    "EE": "382200221020145685 222200221020145682 762200221020145680 922200221020145683 492200221020145681",
    "ES": "0700120345030000067890 2300120345030000067893 9121000418450200051332 9300120345030000067894 "
    "5000120345030000067892",
    "FI": "2112345600000785 3712345600000788 9112345600000786 1012345600000789 6412345600000787",
    "FR": "1420041010050500013M02606 3020041010050500013M02609 8420041010050500013M02607 7920041010050500013M02600 "
    "5720041010050500013M02608",
    "GB": "82WEST12345698765432 98WEST12345698765435 55WEST12345698765433 71WEST12345698765436 28WEST12345698765434",
    "GI": "60MPFS599327643783385 08RRNW626436291644533 41SAFA461293238477751 50LROG772261344693297 "
    "26KJBC361883934534696",
    "HR": "7624020064583467589 6323600002337876649 2725000096983499248 6723600004878117427 8724840081455523553",
    "IE": "29AIBK93115212345678 24AIBK93115212345671 02AIBK93115212345679 94AIBK93115212345672 51AIBK93115212345670",
    "LI": "0508800636123378777 4408800387787111369 1208800143823175626 4908800356441975566 7708800125525347723",
    "LT": "121000011101001000 281000011101001003 821000011101001001 981000011101001004 551000011101001002",
    "LU": "280019400644750000 440019400644750003 980019400644750001 170019400644750004 710019400644750002",
    "NL": "39RABO0300065264 55RABO0300065267 91ABNA0417164300 28RABO0300065268 82RABO0300065266",
    "NO": "9386011117947 8886011117940 6686011117948 6186011117941 3986011117949",
    "PT": "50000201231234567890154 66000201231234567890157 23000201231234567890155 39000201231234567890158 "
    "93000201231234567890156",
    "SE": "3550000000054910000003 5150000000054910000006 0850000000054910000004 2450000000054910000007 "
    "7850000000054910000005",
}
"""The IBANs of `_NAMED` by country: https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-integration"""

_ENDINGS = {
    "0343434": "exceedsWeeklyVolumeLimit",
    "0121212": "exceedsWeeklyTransactionLimit",
    "2222227": "insufficientFunds",
}
"""Endings with the same scenario in every country."""

REFUSED_IBAN_ENDINGS = {
    "0055555": ("sepa_unsupported_account", "The bank of this IBAN does not support SEPA Direct Debit."),
    "0066666": ("bank_account_unusable", "The bank account of this IBAN cannot be debited."),
}
"""No payment method can be created from these."""

SUCCEEDING_IBAN = "AT611904300234573201"
FAILING_IBAN = "IT60X0542811101000000123456"

IBANS: dict[str, tuple[str, TestAccount]] = {
    country + digits: (name, _SCENARIOS[name])
    for country, listed in _BY_COUNTRY.items()
    for name, digits in zip(_NAMED, listed.split(), strict=True)
} | {FAILING_IBAN: ("failed", _SCENARIOS["failed"])}

ROUTING_NUMBER = "110000000"
ACCOUNTS: dict[str, tuple[str, TestAccount]] = {
    "000123456789": ("success", SUCCEEDS),
    "000111111113": ("accountClosed", TestAccount("account_closed")),
    "000111111116": ("noAccount", TestAccount("no_account")),
    "000222222227": ("insufficientFunds", TestAccount("insufficient_funds_debit")),
    "000333333335": ("debitNotAuthorized", TestAccount("debit_not_authorized")),
    "000444444440": ("invalidCurrency", TestAccount("invalid_currency")),
    "000555555559": ("dispute", TestAccount(dispute="debit_not_authorized")),
    "000777777771": ("weeklyLimitExceeded", TestAccount("charge_exceeds_source_limit")),
    "000000000009": ("processing", TestAccount(endless=True)),
    "000888888885": ("deactivated", TestAccount("account_number_deactivated")),
}
"""https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers"""

_IBAN_BY_TOKEN = {f"{name}_{iban[:2].lower()}": iban for iban, (name, _) in reversed(IBANS.items())}
_ACCOUNT_BY_TOKEN = {name: number for number, (name, _) in ACCOUNTS.items()}


def sepa_account(iban: str) -> TestAccount:
    """Return the test account of an IBAN. Debits from an unlisted one succeed."""
    if iban in IBANS:
        return IBANS[iban][1]
    return _SCENARIOS.get(_ENDINGS.get(iban[-7:], ""), SUCCEEDS)


def us_account(number: str) -> TestAccount:
    """Return the test account of a US account number. Debits from an unlisted one succeed."""
    return ACCOUNTS[number][1] if number in ACCOUNTS else SUCCEEDS


def iban_by_token(token: str) -> str | None:
    """Return the IBAN of `pm_sepaDebit_SCENARIO_cc`."""
    return _IBAN_BY_TOKEN.get(token.removeprefix("pm_sepaDebit_")) if token.startswith("pm_sepaDebit_") else None


def account_by_token(token: str) -> str | None:
    """Return the US account number of `pm_usBankAccount_SCENARIO`."""
    prefix = "pm_usBankAccount_"
    return _ACCOUNT_BY_TOKEN.get(token.removeprefix(prefix)) if token.startswith(prefix) else None


def is_iban(iban: str) -> bool:
    """Return whether the check digits of an IBAN are right."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha() and iban[2:4].isdigit()):
        return False
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
