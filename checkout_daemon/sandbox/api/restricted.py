"""What restricted keys may not do: the permissions that planned trouble takes from them."""

from __future__ import annotations

from checkout_daemon.sandbox.box import ACCOUNT_ID
from checkout_daemon.sandbox.errors import ApiError

_RESTRICTED = "rk_test_"
# Stripe's names of permissions that do not follow from the path
_NAMES = {
    "account": "accounts_kyc_basic",
    "accounts": "accounts_kyc_basic",
    "balance_transactions": "balance_transaction_source",
    "refunds": "charge",
    "prices": "plan",
    "webhook_endpoints": "webhook",
}


def check_permission(key: str, denied: str, method: str, path: str) -> None:
    """Raise ApiError (403) if the key is restricted and lacks the permission for this request."""
    if not denied or not key.startswith(_RESTRICTED):
        return
    resource = _resource(path)
    needed = f"rak_{resource}_{'read' if method == 'GET' else 'write'}"
    # Write includes read, so who lacks read lacks both.
    if {needed, f"rak_{resource}_read"} & {name.strip() for name in denied.split(",")}:
        raise ApiError(
            f"The provided key 'rk_test_***' does not have the required permissions for this endpoint on account "
            f"'{ACCOUNT_ID}'. Having the '{needed}' permission would allow this request to continue.",
            status=403,
            stored=False,
        )


def _resource(path: str) -> str:
    parts = path.removeprefix("/v1/").split("/")
    if parts[0] == "checkout":
        return "checkout_session"
    return _NAMES.get(parts[0], parts[0].removesuffix("s"))
