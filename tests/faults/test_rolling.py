"""deploy/nginx.conf is what the long runs use, with other addresses and without TLS."""

from __future__ import annotations

from tests.faults.rolling.nginx import FILE, servers


def test_the_file_for_nginx_has_every_line_that_the_runs_change() -> None:
    kept = servers(7001, (7002, 7003), repeat_posts=True).splitlines()
    ours = FILE.read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if line not in ours] == [
        "    server 127.0.0.1:7002 max_fails=0;",
        "    server 127.0.0.1:7003 max_fails=0;",
        "    listen 127.0.0.1:7001;",
    ]
    once = servers(7001, (7002, 7003), repeat_posts=False).splitlines()
    assert [line.strip() for line in once if line not in kept] == ["proxy_next_upstream error;"]
