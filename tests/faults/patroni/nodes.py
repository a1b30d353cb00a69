"""Three nodes, each with etcd, Patroni and PostgreSQL 18, on loopback ports, with the files of deploy/patroni."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil

from checkout_daemon.dev.cluster import postmaster_pid
from checkout_daemon.dev.placement import Account, Binaries, find_account, find_binaries
from tests.faults.patroni.links import Link
from tests.faults.report import MissingPackage

CONFIGURATION = Path(__file__).parents[3] / "deploy" / "patroni" / "patroni.yml"
WAIT_SECONDS = 120.0
_NAMES = ("node1", "node2", "node3")
_SOON = aiohttp.ClientTimeout(2)


@dataclass(slots=True)
class Node:
    """One node. Its peers and the daemon reach it by links, which can be cut; so does its Patroni reach etcd."""

    name: str
    home: Path
    etcd_port: int
    etcd_peer_port: int
    port: int
    api_port: int
    etcd: Process | None = None
    patroni: Process | None = None
    links: dict[str, Link] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)  # of the links

    @property
    def data(self) -> Path:
        return self.home / "data"

    def postgres(self) -> list[psutil.Process]:
        """Return the processes of its PostgreSQL."""
        return _family(postmaster_pid(self.data))

    def kill_postmaster(self) -> None:
        """Kill the postmaster alone: its children notice, and its Patroni lives."""
        _kill(self.postgres()[:1])

    async def kill(self) -> None:
        """Kill everything on the node, as a loss of power does."""
        programs = [program for program in (self.patroni, self.etcd) if program is not None]
        self.patroni = self.etcd = None
        _kill([*(member for program in programs for member in _family(program.pid)), *self.postgres()])
        await asyncio.gather(*(program.wait() for program in programs))

    def freeze(self) -> None:
        """Stop every process of Patroni and PostgreSQL: connections stay open and nothing answers."""
        for process in self._database_processes():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._database_processes():
            process.send_signal(signal.SIGCONT)

    def cut(self, *names: str) -> None:
        """Cut the links of these names, or all."""
        for name, link in self.links.items():
            if not names or name in names:
                link.cut()

    def restore(self) -> None:
        for link in self.links.values():
            link.restore()

    def _database_processes(self) -> list[psutil.Process]:
        return [*(_family(self.patroni.pid) if self.patroni is not None else ()), *self.postgres()]


@dataclass(slots=True)
class Cluster:
    """The three nodes. `passwords` are of the PostgreSQL users."""

    nodes: Sequence[Node]
    folder: Path
    account: Account
    binaries: Binaries
    http: aiohttp.ClientSession
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        """The DATABASE_URL of a daemon: by the links that a test can cut."""
        return self._url(f"127.0.0.1:{node.ports['daemon']}" for node in self.nodes)

    @property
    def direct_url(self) -> str:
        """The same database, by no link."""
        return self._url(f"127.0.0.1:{node.port}" for node in self.nodes)

    def _url(self, hosts: Iterable[str]) -> str:
        login = f"checkout:{self.passwords['checkout']}"
        return f"postgresql://{login}@{','.join(hosts)}/checkout?target_session_attrs=read-write"

    async def start_etcd(self, node: Node) -> None:
        here = "http://127.0.0.1"
        members = ",".join(f"{one.name}={here}:{one.etcd_peer_port}" for one in self.nodes)
        node.etcd = await self._spawn(
            node, "etcd",
            ["etcd", "--name", node.name, "--data-dir", node.home / "etcd",
             "--listen-client-urls", f"{here}:{node.etcd_port}", "--advertise-client-urls", f"{here}:{node.etcd_port}",
             "--listen-peer-urls", f"{here}:{node.etcd_peer_port}",
             "--initial-advertise-peer-urls", f"{here}:{node.etcd_peer_port}",
             "--initial-cluster", members, "--initial-cluster-token", "checkout", "--initial-cluster-state", "new"],
            {"ETCD_UNSUPPORTED_ARCH": os.uname().machine if os.uname().machine == "aarch64" else ""},
        )  # fmt: skip

    async def etcd_ready(self, node: Node) -> None:
        """Wait until the node's etcd has found the others: Patroni ends at once if it starts before."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.get(f"http://127.0.0.1:{node.etcd_port}/version", timeout=_SOON) as answer:
                    if (await answer.json(content_type=None))["etcdcluster"] != "not_decided":
                        return
            assert time.monotonic() < end, f"etcd of {node.name} does not start"
            await asyncio.sleep(0.1)

    async def start_patroni(self, node: Node) -> None:
        """Start Patroni, which starts PostgreSQL, with the file that docs/DEPLOY.md tells to copy."""
        environ = {
            "PATRONI_NAME": node.name,
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{node.api_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{node.ports['api']}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{node.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{node.ports['peers']}",
            # By links of its own, so `use_proxies`: it must not go to the addresses that etcd tells it.
            "PATRONI_ETCD3_HOSTS": ",".join(f"127.0.0.1:{node.ports[f'etcd {one.name}']}" for one in self.nodes),
            "PATRONI_ETCD3_USE_PROXIES": "true",
            "PATRONI_POSTGRESQL_DATA_DIR": str(node.data),
            "PATRONI_POSTGRESQL_BIN_DIR": str(self.binaries.directory),
            "PATRONI_POSTGRESQL_PGPASS": str(node.home / "pgpass"),
        }
        for role, user in (("SUPERUSER", "postgres"), ("REPLICATION", "replicator"), ("REWIND", "rewinder")):
            environ[f"PATRONI_{role}_USERNAME"] = user
            environ[f"PATRONI_{role}_PASSWORD"] = self.passwords[user]
        node.patroni = await self._spawn(
            node, "patroni", [self.folder / "patroni/bin/patroni", self.nodes[0].home.parent / "patroni.yml"], environ
        )

    async def start_node(self, node: Node) -> None:
        """Start what does not run, and restore the node's links."""
        node.restore()
        if node.etcd is None:
            await self.start_etcd(node)
            await self.etcd_ready(node)
        if node.patroni is None:
            await self.start_patroni(node)

    async def switch_over(self, primary: Node, to: Node) -> None:
        """Have Patroni make another node the primary, as `patronictl switchover` does."""
        async with self.http.post(
            f"http://127.0.0.1:{primary.api_port}/switchover",
            json={"leader": primary.name, "candidate": to.name},
            timeout=aiohttp.ClientTimeout(60),
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def members(self) -> dict[str, dict[str, Any]]:
        """Return the members as Patroni reports them, by name; nothing if no node answers."""
        for node in self.nodes:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.get(f"http://127.0.0.1:{node.api_port}/cluster", timeout=_SOON) as answer:
                    return {member["name"]: member for member in (await answer.json())["members"]}
        return {}

    async def whole(self) -> tuple[Node, Node, Node]:
        """Wait until all three nodes are in order. Return the primary, the synchronous standby and the other."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            members = await self.members()
            roles = {member["role"]: name for name, member in members.items()}
            states = [member["state"] for member in members.values()]
            if states.count("streaming") == 2 and {"leader", "sync_standby", "replica"} <= roles.keys():
                one = {node.name: node for node in self.nodes}
                return one[roles["leader"]], one[roles["sync_standby"]], one[roles["replica"]]
            assert time.monotonic() < end, f"the nodes are not in order: {members}"
            await asyncio.sleep(0.25)

    async def promoted(self, but: Node | None = None) -> float:
        """Wait until a node accepts writes, and return when it did."""
        end = time.monotonic() + WAIT_SECONDS
        nodes = [node for node in self.nodes if node is not but]
        while True:
            if any(await asyncio.gather(*(self._is_primary(node) for node in nodes))):
                return time.monotonic()
            assert time.monotonic() < end, "no node was promoted"
            await asyncio.sleep(0.1)

    async def holds(self, node: Node, event_id: str) -> bool:
        """Return whether the event is committed on this node."""
        return bool(await self._ask(node, "SELECT count(*) FROM stripe_events WHERE id = $1", event_id))

    async def cancel_waits(self, node: Node) -> None:
        """Cancel every commit that waits for a standby, as an operator can."""
        await self._ask(node, "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    async def _is_primary(self, node: Node) -> bool:
        try:
            return not await self._ask(node, "SELECT pg_is_in_recovery()")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def _ask(self, node: Node, question: str, *values: object) -> Any:
        url = f"postgresql://checkout:{self.passwords['checkout']}@127.0.0.1:{node.port}/checkout"
        connection = await asyncpg.connect(url, timeout=2)
        try:
            return await connection.fetchval(question, *values, timeout=2)
        finally:
            connection.terminate()

    async def etcd_leader(self) -> Node:
        """Return the node whose etcd leads the others."""
        for node in self.nodes:
            with suppress(aiohttp.ClientError, TimeoutError):
                url = f"http://127.0.0.1:{node.etcd_port}/v3/maintenance/status"
                async with self.http.post(url, json={}, timeout=_SOON) as answer:
                    status = await answer.json(content_type=None)
                    if status["leader"] == status["header"]["member_id"]:
                        return node
        raise AssertionError("no etcd leads")

    async def make_database(self) -> None:
        """Make the daemon's user and database, as docs/DEPLOY.md describes."""
        primary, _, _ = await self.whole()
        admin = await asyncpg.connect(
            f"postgresql://postgres:{self.passwords['postgres']}@127.0.0.1:{primary.port}/postgres"
        )
        try:
            await admin.execute(f"CREATE ROLE checkout LOGIN PASSWORD '{self.passwords['checkout']}'")
            await admin.execute("CREATE DATABASE checkout OWNER checkout")
        finally:
            await admin.close()

    async def stop(self) -> None:
        """Stop everything in order: PostgreSQL shuts down, then etcd."""
        for stopped in ("patroni", "etcd"):
            programs = [program for node in self.nodes if (program := getattr(node, stopped)) is not None]
            for program in programs:
                with suppress(ProcessLookupError):
                    program.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await asyncio.gather(*(program.wait() for program in programs))
        for node in self.nodes:
            await node.kill()
            for link in node.links.values():
                await link.stop()

    async def _spawn(self, node: Node, name: str, command: Sequence[object], environ: dict[str, str]) -> Process:
        """Start a program as a user that is not root; it is told to stop if we die."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "PATRONI_"))}
        with (node.home.parent / f"{node.name}-{name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *_demoted(self.account), *map(str, command),
                env=inherited | {"LC_ALL": "C", "HOME": str(node.home)} | environ, cwd=node.home,
                stdin=DEVNULL, stdout=log, stderr=STDOUT, start_new_session=True,
            )  # fmt: skip


@asynccontextmanager
async def running_cluster(directory: Path, folder: Path) -> AsyncIterator[Cluster]:
    """Start three nodes with an empty database, and stop them at the end. Raise MissingPackage."""
    if shutil.which("etcd") is None:
        raise MissingPackage("etcd was not found: apt-get install etcd-server")
    if not (folder / "patroni/bin/patroni").is_file():
        raise MissingPackage(f"Patroni was not found in {folder / 'patroni'}: `make faults` installs it there")
    account = find_account()
    binaries = await find_binaries(account)
    nodes = []
    shutil.copy(CONFIGURATION, directory / "patroni.yml")
    (directory / "patroni.yml").chmod(0o644)
    with _held_ports(4 * len(_NAMES)) as ports:
        for name in _NAMES:
            home = directory / name
            home.mkdir(mode=0o700)
            os.chown(home, account.uid, account.gid)
            nodes.append(Node(name, home, next(ports), next(ports), next(ports), next(ports)))
        for node in nodes:
            targets = {"daemon": node.port, "peers": node.port, "api": node.api_port}
            targets |= {f"etcd {one.name}": one.etcd_port for one in nodes}
            node.links = {name: Link(port) for name, port in targets.items()}
            node.ports = {name: await link.start() for name, link in node.links.items()}
    passwords = {user: secrets.token_hex(16) for user in ("postgres", "replicator", "rewinder", "checkout")}
    async with aiohttp.ClientSession() as http:
        cluster = Cluster(nodes, folder, account, binaries, http, passwords)
        try:
            await asyncio.gather(*map(cluster.start_etcd, nodes))
            await asyncio.gather(*map(cluster.etcd_ready, nodes))
            await asyncio.gather(*map(cluster.start_patroni, nodes))
            await cluster.make_database()
            yield cluster
        finally:
            await cluster.stop()


@contextmanager
def _held_ports(count: int) -> Iterator[Iterator[int]]:
    """Yield free ports that nobody else, such as a link, is given during the block."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        yield iter([int(one.getsockname()[1]) for one in sockets])


def _demoted(account: Account) -> list[str]:
    """Return the command before a command that runs it as the account and ends with us.

    The interpreter of Patroni may be where only root may read; it keeps that one right.
    """
    command = ["setpriv", "--pdeathsig", "TERM"]
    if account.uid != os.geteuid():
        command += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        command += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return command


def _family(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
