"""The secret of `stripe listen`, made known to the daemons of a state directory."""

from __future__ import annotations

import signal
from pathlib import Path

from checkout_daemon.config import DEV_ENV, load_settings
from checkout_daemon.services.daemons import announced
from checkout_daemon.services.listen_secret import make_known


def test_daemons_read_their_secrets_again_also_where_it_is_in_the_file_already(tmp_path: Path) -> None:
    (tmp_path / DEV_ENV).write_text("STRIPE_WEBHOOK_SECRET=whsec_one\n")
    settings = load_settings({"DATABASE_URL": "postgresql://127.0.0.1/none"}, cwd=tmp_path, state_dir=tmp_path)
    told: list[str] = []
    before = signal.signal(signal.SIGHUP, lambda *_: told.append((tmp_path / DEV_ENV).read_text()))
    try:
        with announced(tmp_path):
            assert make_known(settings, "whsec_cli", tell=False)  # it was not there
            assert make_known(settings, "whsec_cli", tell=False)  # they know it
            assert make_known(settings, "whsec_cli")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == ["STRIPE_WEBHOOK_SECRET=whsec_one,whsec_cli\n"] * 2
