"""Opens an address in a graphical browser, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def open_in_browser(url: str) -> bool:
    """Open an address in a browser of its own, and return whether there is one.

    Never one that would draw in this terminal, which Python's `webbrowser` would also start.
    """
    if sys.platform == "darwin":
        opener = shutil.which("open")
    else:
        opener = shutil.which("xdg-open") if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") else None
    if opener is None:
        return False
    # A shell starts it and ends at once, so that no process is left to wait for: the browser may stay open for hours.
    command = ["/bin/sh", "-c", '"$0" "$1" &', opener, url]
    nowhere = subprocess.DEVNULL
    subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True, check=False)  # noqa: S603
    return True
