"""Build deploy/Dockerfile with buildah, without a registry, and run the image."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, STDOUT
from pathlib import Path

from tests.faults.report import MissingPackage, Options, Result

ROOT = Path(__file__).resolve().parents[3]
BASE = "docker.io/library/debian:trixie-slim"
IMAGE = "checkout-daemon-tried"
_AUTHORITIES = Path("/usr/local/share/ca-certificates")
# What registries of packages a machine uses, and whom it trusts.
_OWN = ("PIP_", "NODE_", "npm_config_")


async def image_runs(options: Options) -> Result:
    """Make a Debian that stands for the base image, build on it, and run the program as the image's user."""
    for name in ("buildah", "debootstrap"):
        if shutil.which(name) is None:
            raise MissingPackage(f"the image needs the Debian packages buildah and debootstrap; {name} is not here")
    log = options.directory / "image.log"
    await _make_base(options, log)
    build = ("bud", "--pull-never", "--layers", "--format", "docker", "-f", "deploy/Dockerfile", "-t", IMAGE, ".")
    if await _buildah(log, *build):
        return Result("the image is built", differences=(f"see {log}",))
    printed = options.directory / "printed"
    if await _buildah(printed, "from", "--pull-never", "--name", IMAGE, IMAGE):
        return Result("the image is built", differences=(f"see {printed}",))
    faults = []
    try:
        await _buildah(printed, "run", "--user", "10001", IMAGE, "--", "checkout", "--version")
        await _buildah(printed, "run", "--user", "10001", IMAGE, "--", "id", "-u")
        code = await _buildah(printed, "run", "--user", "10001", IMAGE, "--", "checkout", "serve")
        output = printed.read_text("utf-8")
        if "checkout, version " not in output or "10001" not in output:
            faults.append(output)
        if code == 0 or "DATABASE_URL is not set" not in output:
            faults.append(f"`checkout serve` without settings ended with {code}")
    finally:
        await _buildah(log, "rm", IMAGE)
    return Result("the image is built, and runs the program as a user without rights", differences=tuple(faults))


async def _make_base(options: Options, log: Path) -> None:
    """Install Debian into the folder of `make faults`, once, and name it as the base image."""
    system = options.folder / "trixie"
    if not (system / "etc" / "debian_version").exists():
        shutil.rmtree(system, ignore_errors=True)
        with log.open("ab") as output:
            command = ("debootstrap", "--variant=minbase", "trixie", str(system))
            process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=output, stderr=STDOUT)
            if await process.wait():
                raise MissingPackage(f"debootstrap could not install Debian trixie: {log}")
    if _AUTHORITIES.is_dir():
        shutil.copytree(_AUTHORITIES, system / _AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
    name = f"{IMAGE}-base"
    own = [f"--env={name}={value}" for name, value in os.environ.items() if name.startswith(_OWN)]
    await _buildah(log, "from", "--name", name, "scratch")
    await _buildah(log, "add", "--quiet", name, str(system), "/")
    await _buildah(log, "config", *own, name)
    await _buildah(log, "commit", "--quiet", name, BASE)
    await _buildah(log, "rm", name)


async def _buildah(log: Path, *words: str) -> int:
    """Run buildah without a daemon and without namespaces, which not every machine allows. Return its exit code."""
    environ = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            "buildah", *words, cwd=ROOT, env=environ, stdin=DEVNULL, stdout=output, stderr=STDOUT
        )
        return await process.wait()
