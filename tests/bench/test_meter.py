"""What a measured server used is read from the kernel, which counts in hundredths of a second."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.support.meter import Meter
from bench.support.processes import Server, fetch
from tests.support.mail_server import free_port

USED = 0.1
BUSY = f"""
import http.server, os, sys

def used():
    return sum(os.times()[:2])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        until = used() + {USED}
        while used() < until:
            pass
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


async def test_the_time_of_a_server_is_counted_for_each_request(tmp_path: Path) -> None:
    port = free_port()
    async with Server([sys.executable, "-c", BUSY, str(port)], port=port, log=tmp_path / "log") as server:
        meter = Meter(server, None, None)
        await fetch(port, "/")
        used = meter.stop(2)
    # A tick may begin before and end after what is counted.
    assert used["server_us"] >= 1e6 * (USED - 0.04) / 2
    assert used["postgres_us"] == used["stub_us"] == 0.0
