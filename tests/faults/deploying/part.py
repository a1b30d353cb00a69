"""Give every file of deploy/ to the program that it is for: promtool, systemd, nginx with TLS, Kubernetes' schemas."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from aiohttp import web

from checkout_daemon.dev.ports import free_port
from tests.faults.deploying.image import image_runs
from tests.faults.hostile.proxy import program as nginx_program
from tests.faults.report import MissingPackage, Options, Part, Result

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` rates a unit
_NAME = "shop.example"
_MAIN = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def needed(name: str, package: str) -> str:
    """Return the path of a program. Raise MissingPackage."""
    if (found := shutil.which(name) or shutil.which(name, path="/usr/sbin")) is None:
        raise MissingPackage(f"{name} is in the Debian package {package}")
    return found


async def output_of(*command: str | Path, cwd: Path) -> tuple[int, str]:
    """Run a program, and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


async def alerts_fire(options: Options) -> Result:
    """Check the rules, and let promtool play a quiet shop and one in trouble."""
    promtool = needed("promtool", "prometheus")
    shutil.copy(DEPLOY / "alerts.yml", options.directory)
    count = (DEPLOY / "alerts.yml").read_text("utf-8").count("- alert:")
    text = (Path(__file__).parent / "alerts_test.yml").read_text("utf-8").replace("value: ALERTS", f"value: {count}")
    (options.directory / "alerts_test.yml").write_text(text)
    runs = [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
    done = [await output_of(promtool, *words, cwd=options.directory) for words in runs]
    return Result(
        "a quiet shop alerts nobody; in trouble each alert fires, once",
        {"alerts": count},
        tuple(printed for code, printed in done if code),
    )


async def units_are_hardened(options: Options) -> Result:
    """Have systemd read the units, and rate them. What they start need not be installed here."""
    analyze = needed("systemd-analyze", "systemd")
    faults, rated = [], []
    for name in ("checkout.service", "checkout@.service"):
        unit = options.directory / name.replace("@", "@8000")
        text = (DEPLOY / "systemd" / name).read_text("utf-8").replace("/opt/checkout/bin/checkout", "/bin/true")
        unit.write_text(text)
        code, printed = await output_of(analyze, "verify", "--man=no", unit, cwd=options.directory)
        if code or printed.strip():
            faults.append(f"{name}: {printed}")
        _, printed = await output_of(analyze, "security", "--offline=true", unit, cwd=options.directory)
        rating = float(found.group(1)) if (found := re.search(r"exposure level for \S+: ([\d.]+)", printed)) else 10.0
        rated.append(rating)
        if rating > MOST_EXPOSED:
            faults.append(f"{name} is rated {rating}, over {MOST_EXPOSED}")
    return Result("systemd takes the units and rates them as hardened", {"rated": max(rated)}, tuple(faults))


async def manifests_are_valid(options: Options) -> Result:
    """Check the manifests against Kubernetes' own schemas, strictly."""
    program = options.folder / "deploying" / "bin" / "kubernetes-validate"
    if not program.exists():
        raise MissingPackage("manifests need tests/faults/deploying/requirements.txt, which `make faults` installs")
    faults = []
    versions = ("1.30", "1.34")
    for version in versions:
        manifest = DEPLOY / "kubernetes" / "checkout.yaml"
        code, printed = await output_of(program, "-k", version, "--strict", manifest, cwd=options.directory)
        if code:
            faults.append(f"{version}: {printed}")
    return Result("Kubernetes' schemas take the manifests", {"versions": " ".join(versions)}, tuple(faults))


async def nginx_serves_tls(options: Options) -> Result:
    """Run nginx with deploy/nginx.conf as it is, but for ports and files, before two daemons, of which one is away."""
    folder = options.directory / "nginx"
    folder.mkdir()
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(text=f"{len(await request.read())}")

    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    daemon, away, port = free_port(), free_port(), free_port()
    await web.TCPSite(runner, "127.0.0.1", daemon).start()
    certificate, key = folder / "cert.pem", folder / "key.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={_NAME}"]
    files: list[str | Path] = ["-keyout", key, "-out", certificate, "-addext", f"subjectAltName=DNS:{_NAME}"]
    await output_of(needed("openssl", "openssl"), *request, *files, cwd=folder)
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for ours, theirs in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/shop.example.pem": str(certificate),
        "/etc/ssl/private/shop.example.key": str(key),
        "127.0.0.1:8000": f"127.0.0.1:{away}",
        "127.0.0.1:8001": f"127.0.0.1:{daemon}",
    }.items():
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, server=text))
    process = await asyncio.create_subprocess_exec(nginx_program(), "-c", folder / "nginx.conf", "-p", folder)
    try:
        faults = await _ask(port, certificate, seen)
    finally:
        process.terminate()
        await process.wait()
        await runner.cleanup()
    return Result(
        "nginx: TLS, the shopper's own address, no /metrics, no large body, no daemon shunned",
        {"requests": len(seen)},
        tuple(faults),
    )


async def _ask(port: int, certificate: Path, seen: list[web.Request]) -> list[str]:
    trust = ssl.create_default_context(cafile=str(certificate))
    faults = []
    async with aiohttp.ClientSession() as http:

        async def status(path: str, **options: object) -> int:
            url = f"https://127.0.0.1:{port}{path}"
            async with http.request("POST", url, ssl=trust, server_hostname=_NAME, **options) as answered:  # type: ignore[arg-type]
                await answered.read()
                return answered.status

        async with asyncio.timeout(20):
            while True:
                try:
                    await status("/up")
                    break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.05)
        wanted = {"/metrics": 404, "/readyz": 404, "/api/webhook": 200}
        found = {path: await status(path) for path in wanted}
        if found != wanted:
            faults.append(f"answered {found}")
        if (large := await status("/api/webhook", data=b"x" * (1_100_000))) != 413:
            faults.append(f"1.1 MB: {large}")
        # Half of them meet the daemon that is away first.
        tries = [await status("/api/webhook", data=b"x", headers={"X-Forwarded-For": "9.9.9.9"}) for _ in range(40)]
        if set(tries) != {200}:
            faults.append(f"with one daemon away: {sorted(set(tries))}")
    sent = seen[-1].headers["X-Forwarded-For"]
    if sent != "9.9.9.9, 127.0.0.1":  # what a client claims comes first, the address that nginx saw last
        faults.append(f"X-Forwarded-For: {sent}")
    return faults


PIECES: tuple[Callable[[Options], Awaitable[Result]], ...] = (
    alerts_fire,
    units_are_hardened,
    manifests_are_valid,
    nginx_serves_tls,
    image_runs,
)


async def run(options: Options) -> list[Result]:
    """Try every file whose program is installed. What could not be tried is a failure that names the package."""
    results = []
    for piece in PIECES:
        try:
            result = await piece(options)
        except MissingPackage as error:
            result = Result(f"{piece.__name__} was not tried", differences=(str(error),))
        results.append(result)
    return results


PART = Part("deploying", "the files of deploy/ in promtool, systemd, nginx, Kubernetes' schemas and buildah", run)
