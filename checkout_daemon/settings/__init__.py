"""Every setting: its row in the table, and where its value comes from."""

from checkout_daemon.settings.sources import DEV_ENV, DEV_ENV_FIRST, SettingsFile
from checkout_daemon.settings.table import (
    DEFAULT_STATE_DIR,
    STRIPE_API_BASE,
    Settings,
    check_key_destination,
    load_settings,
    read_setting,
)
from checkout_daemon.settings.values import is_live_key, is_signing_secret

__all__ = [
    "DEFAULT_STATE_DIR",
    "DEV_ENV",
    "DEV_ENV_FIRST",
    "STRIPE_API_BASE",
    "Settings",
    "SettingsFile",
    "check_key_destination",
    "is_live_key",
    "is_signing_secret",
    "load_settings",
    "read_setting",
]
