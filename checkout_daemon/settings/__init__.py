"""The settings: a table with one row each, and the sources that their values come from."""

from checkout_daemon.settings.loading import load_settings, read_setting
from checkout_daemon.settings.sources import DEV_ENV, DEV_ENV_FIRST, PARENT_PIPE, SettingsFile
from checkout_daemon.settings.table import DEFAULT_STATE_DIR, Settings
from checkout_daemon.settings.values import STRIPE_API_BASE, check_key_destination, is_live_key

__all__ = [
    "DEFAULT_STATE_DIR",
    "DEV_ENV",
    "DEV_ENV_FIRST",
    "PARENT_PIPE",
    "STRIPE_API_BASE",
    "Settings",
    "SettingsFile",
    "check_key_destination",
    "is_live_key",
    "load_settings",
    "read_setting",
]
