"""What deploy/ and the documents name exists, and the other way round: settings, metrics, alerts, checks, commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]
from dotenv import dotenv_values
from prometheus_client.metrics import MetricWrapperBase

import cli
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.operations.doctor import CHECKS, LIVE_CHECKS
from checkout_daemon.settings.table import ROWS
from checkout_daemon.stripe_api.permissions import PERMISSIONS
from tools.docs_site import MENU
from tools.env_example import MADE_LATER, NEEDED, _quoted, env_example

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
SETTINGS = {row.name for row in ROWS.values()}
# Of the Stripe CLI; what own keys of the terminal are given (docs/TUI.md).
OTHERS = {"STRIPE_CLI_UNIX_SOCKET", "STRIPE_CLI_TELEMETRY_OPTOUT", "CHECKOUT_ORDER_NUMBER"}
# A command line within a page: of a block, or in backticks.
BLOCKS = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(?:\.venv/bin/|/opt/checkout/bin/)?(checkout [a-z][^`]+)`")
METRIC = re.compile(r"\bcheckout_[a-z_]+\b")
SUFFIXES = ("_total", "_bucket", "_sum", "_count", "")


def metrics() -> dict[str, MetricWrapperBase]:
    """Return every metric of the daemon by its name without a suffix."""
    kept = [value for value in vars(Metrics()).values() if isinstance(value, MetricWrapperBase)]
    return {next(iter(metric.describe())).name: metric for metric in kept}


def exposed() -> set[str]:
    """Return every name that Prometheus reads."""
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return {name + suffix for name, metric in metrics().items() for suffix in suffixes[str(metric._type)]}


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def anchors(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in page.read_text("utf-8").splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("C*.md")], ids=lambda page: page.name)
def test_a_link_to_a_section_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8"))
    broken = [
        f"{target}#{anchor}"
        for target, anchor in links
        if (to := page.parent / target if target else page).suffix == ".md" and anchor not in anchors(to)
    ]
    assert broken == []


def test_every_page_is_in_the_menu_of_the_site() -> None:
    docs = ROOT / "docs"
    pages = {str(path.relative_to(docs).with_suffix("")) for path in docs.rglob("*.md")}
    listed = [page for pages in MENU.values() for page in pages]
    assert len(listed) == len(set(listed))
    assert set(listed) == {page for page in pages if not page.startswith("adr/0")}


def test_the_example_of_settings_is_current() -> None:
    """To update it: make manual."""
    assert (DEPLOY / ".env.example").read_text("utf-8") == env_example()


def test_the_example_of_settings_has_all_of_them_and_reads_as_they_are(tmp_path: Path) -> None:
    text = env_example()
    names = re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert sorted(names) == sorted(SETTINGS)
    assert set(dotenv_values(DEPLOY / ".env.example")) == set(NEEDED) - set(MADE_LATER)
    every = tmp_path / "every.env"
    every.write_text(re.sub(r"^#(?=[A-Z])", "", text, flags=re.MULTILINE), "utf-8")
    values = dotenv_values(every, interpolate=False)
    examples = {row.name: row.example for row in ROWS.values() if row.example}
    assert {name: values[name] for name in examples} == examples


@pytest.mark.parametrize("sign", " &;()|<>#")
def test_an_example_that_has_a_sign_of_the_shell_is_read_by_it_as_it_is(sign: str) -> None:
    value = f"postgresql://db1/shop?one=1{sign}two=2"
    script = f'NAME={_quoted(value)}; printf %s "$NAME"'
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == value


@pytest.mark.parametrize("path", [*PAGES, *FILES], ids=lambda path: path.name)
def test_a_setting_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\b(?:CHECKOUT|STRIPE|DATABASE)_[A-Z_]*[A-Z]\b", path.read_text("utf-8")))
    unknown = named - OTHERS - set(SETTINGS)
    assert {name for name in unknown if name.removesuffix("_FILE") not in SETTINGS} == set()


def test_the_page_of_metrics_has_every_metric_with_its_labels() -> None:
    """A new metric gets a row: what it is, and what it is good for."""
    page = (ROOT / "docs" / "METRICS.md").read_text("utf-8")
    rows = re.findall(r"^\| `(checkout_\w+)` \| (\w+)(?:: ([^|]*))? \| ([^|]+) \|", page, re.MULTILINE)
    described = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    assert len(described) == len(rows)
    assert described == {name: (metric._type, metric._labelnames) for name, metric in metrics().items()}


@pytest.mark.parametrize("path", [DEPLOY / "alerts.yml", DEPLOY / "grafana-dashboard.json"], ids=lambda path: path.name)
def test_alerts_and_dashboard_ask_for_metrics_that_exist(path: Path) -> None:
    asked = set(METRIC.findall(path.read_text("utf-8")))
    assert len(asked) > 5
    assert asked - exposed() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_metric_that_a_page_names_exists(page: Path) -> None:
    known = exposed() | set(metrics())
    named = set(re.findall(r"`(checkout_\w+)`", page.read_text("utf-8")))
    # Names of PostgreSQL: groups of rights, a channel, indexes.
    others = {"checkout_daemon", "checkout_operator", "checkout_reader", "checkout_catalog"}
    assert {name for name in named - others - known if not name.startswith("checkout_sessions_")} == set()


def test_every_panel_of_the_dashboard_asks_something() -> None:
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert all(METRIC.search(target["expr"]) for panel in panels for target in panel["targets"])


def test_every_alert_has_a_section_with_what_to_do_and_the_other_way_round() -> None:
    page = ROOT / "docs" / "OPERATIONS.md"
    for alert in alerts():
        runbook, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (ROOT / runbook).resolve() == page
        assert anchor == alert["alert"].lower()
        assert anchor in anchors(page), alert["alert"]
    sections = re.findall(r"^### (Checkout\w+)$", page.read_text("utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(alert["alert"] for alert in alerts())


def test_every_alert_names_a_check_of_the_doctor_and_who_is_woken() -> None:
    for alert in alerts():
        words = alert["annotations"]["doctor"].split()
        assert words[:2] == ["checkout", "doctor"]
        assert not words[2:] or (words[2] == "--only" and words[3] in CHECKS), alert["alert"]
        assert alert["labels"]["severity"] in ("page", "ticket")


def command_lines(page: Path) -> Iterator[str]:
    text = page.read_text("utf-8")
    for block in BLOCKS.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.search(r"(?:^|[\s(])(?:\.venv/bin/|/opt/checkout/bin/)?(checkout [a-z][^#|>&;]+)", line):
                yield found.group(1)
    yield from (" ".join(line.split()).partition(" | ")[0] for line in INLINE.findall(BLOCKS.sub("", text)))


def faults(line: str) -> str | None:
    """Return what a command line names that does not exist. Words in capitals stand for the reader's own."""
    try:
        words = shlex.split(line.replace("…", "X"))[1:]
    except ValueError:
        words = line.split()[1:]
    command: click.Command = cli.checkout
    while words and isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", words[0]):
        if (found := command.get_command(click.Context(command), words[0])) is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h"}
    sorts = {after for word, after in pairwise(words) if word == "--sort"}
    unknown = [
        word
        for word in words
        if re.match(r"-{1,2}[a-z]", word) and word.partition("=")[0] not in options and word not in sorts
    ]
    wrong = [name for word, name in pairwise(words) if word == "--only" and name not in CHECKS]
    return f"no {' '.join(unknown + wrong)}" if unknown or wrong else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    found = {line: fault for line in command_lines(page) if (fault := faults(line))}
    assert found == {}


def test_the_table_of_permissions_is_what_the_doctor_tries() -> None:
    page = (ROOT / "docs" / "GOING_LIVE.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| (Read|Write) \| ([^|;]*\w|[^|]*`)(?:;[^|]*)? \|$", page, re.MULTILINE)
    assert [(resource, level) for resource, level, _ in rows] == [(one.resource, one.level) for one in PERMISSIONS]


def test_the_checklist_names_checks_of_the_doctor() -> None:
    page = (ROOT / "docs" / "GOING_LIVE.md").read_text("utf-8")
    cells = [line.split(" | ")[1] for line in page.splitlines() if re.match(r"\| [^|]+ \| `", line)]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert len(named) >= 10
    assert named - set(CHECKS | LIVE_CHECKS) == set()
    assert set(LIVE_CHECKS) - named == set()


def test_the_pages_name_many_commands() -> None:
    assert faults("checkout orders shw") == "no command shw"
    assert faults("checkout doctor --onyl x") == "no --onyl"
    assert faults("checkout doctor --only nothing") == "no nothing"
    assert sum(1 for page in PAGES for _ in command_lines(page)) > 150


def test_every_file_of_deploy_is_named_in_a_page() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    unnamed = [str(path.relative_to(ROOT)) for path in FILES if str(path.relative_to(ROOT)) not in pages]
    assert unnamed == []


def parse(words: list[str]) -> click.Context:
    """Parse the words of a `checkout` command. Raise UsageError for what it does not take."""
    command = cli.checkout.get_command(click.Context(cli.checkout), words[0])
    assert command is not None, words
    return command.make_context(words[0], words[1:])


@pytest.mark.parametrize("name", ["checkout.service", "checkout@.service"])
def test_a_unit_starts_the_daemon_and_waits_for_its_drain(name: str) -> None:
    text = (DEPLOY / "systemd" / name).read_text("utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]\w+=", line))
    words = lines["ExecStart"].replace("%i", "8000").split()
    assert words[0] == "/opt/checkout/bin/checkout"
    values = parse(words[1:]).params
    assert float(lines["TimeoutStopSec"]) == values["drain"] + 15
    assert float(lines["TimeoutStartSec"]) > values["wait"]
    assert {word.partition("=")[0] for word in lines["Environment"].split()} <= SETTINGS


def test_the_units_differ_in_the_port_only() -> None:
    one, many = (
        (DEPLOY / "systemd" / name).read_text("utf-8").split("[Unit]")[1]
        for name in ("checkout.service", "checkout@.service")
    )
    for extra in ("/%i", "-%i", " on port %i", " --port %i"):
        many = many.replace(extra, "")
    assert many == one


def test_what_the_dockerfile_copies_exists_and_is_sent_to_the_builder() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    sent = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in sent, source
    parse(json.loads(re.findall(r"^CMD (.+)$", text, re.MULTILINE)[-1]))
    assert not re.search(r"^USER (root|0)$", text, re.MULTILINE)
    assert set(re.findall(r"\b(CHECKOUT_\w+)=", text)) <= SETTINGS


def test_the_services_of_the_compose_file_run_commands_that_exist() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert set(services) == {"postgres", "stripe", "setup", "checkout", "mail"}
    parse(services["stripe"]["command"])
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), volume
    for line in re.findall(r"(checkout [^|\n]+)", services["setup"]["command"][0]):
        assert faults(line) is None, line


def test_kubernetes_asks_paths_that_the_daemon_has_and_waits_for_its_drain() -> None:
    read = yaml.safe_load_all((DEPLOY / "kubernetes" / "checkout.yaml").read_text("utf-8"))
    objects = {found["kind"]: found for found in read}
    assert set(objects["ConfigMap"]["data"]) <= SETTINGS
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False  # else CHECKOUT_PORT would be the address of the Service
    container = pod["containers"][0]
    assert {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness")} == {"/healthz"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] == pause + parse(container["args"]).params["drain"] + 15
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget"):
        selector = objects[kind]["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels
