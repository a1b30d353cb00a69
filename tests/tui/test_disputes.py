"""The screens of disputes: evidence is previewed, edited in $EDITOR and submitted, or the dispute is accepted."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.disputes import receipt_pdf
from checkout_daemon.disputes.answering import submit_evidence
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime
from tests.support.disputes import case_of, disputed_order
from tests.support.flaky_stripe import FlakyStripe
from tests.tui.conftest import Seat, Sit
from tests.tui.test_goto import go
from tui.app import Terminal
from tui.screens.dialogs import Choose
from tui.screens.dispute import DisputeScreen
from tui.screens.dispute_actions import DISPUTE_ACTIONS
from tui.screens.disputes import DisputesScreen
from tui.screens.order import OrderScreen


@pytest.fixture
async def order(runtime: Runtime, stocked: None) -> CheckoutAnswer:
    order = await disputed_order(runtime)
    await read_balance(runtime)
    return order


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the script that is $EDITOR. There is no terminal to suspend in a test."""
    path = tmp_path / "editor.sh"
    path.write_text('#!/bin/sh\nprintf "\\n[cancellation_rebuttal]\\nnever asked\\n" >>"$1"\n')
    path.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(path))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(Terminal, "suspend", lambda app: nullcontext())
    return path


async def open_list(seat: Seat) -> DisputesScreen:
    await go(seat, "disputes")
    screen = await seat.screen_of(DisputesScreen)
    await seat.until(lambda: len(seat.lines()) == 1)
    return screen


async def test_evidence_is_previewed_edited_and_submitted_on_80_columns(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit, editor: Path
) -> None:
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        assert seat.lines()[0][1:].split()[:4] == [str(order.number), "in", "8d", "needs"]
        await seat.press("enter")
        screen = await seat.screen_of(DisputeScreen)
        await seat.sees(f"Order {order.number}   needs response", "fraudulent (10.4)", "Evidence from what we hold")
        await seat.sees("-€48.99 (dispute, fee €15.00)")
        await seat.press("m")
        await seat.until(lambda: "ada@example.com" not in seat.text())
        await seat.sees("masked")
        await seat.press("m")
        await seat.sees("ada@example.com")
        await seat.press("e")
        await seat.sees("saved as a draft", "Evidence as it was saved")
        case = await case_of(runtime, order)
        assert case.evidence.texts["cancellation_rebuttal"] == "never asked"
        await seat.press("s")
        await seat.screen_of(Choose)
        await seat.sees("It can be submitted once")
        await seat.press("down", "enter")
        await seat.sees("Submitted.")
        await seat.sees("asked to submit the evidence")
        await seat.until(lambda: screen.dispute is not None and not screen.dispute.waits)
        await seat.until(lambda: not {"Edit", "Submit", "Accept"} & {*seat.text().splitlines()[-1].split()})
        await seat.press("s")
        await seat.notices("This dispute is under review: there is nothing to answer.")
        await seat.press("o")
        await seat.screen_of(OrderScreen)


async def test_evidence_that_cannot_be_saved_opens_no_editor(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit, editor: Path, tmp_path: Path
) -> None:
    editor.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    await submit_evidence(runtime, await case_of(runtime, order), None, operator=Operator("ada", "desk"))
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("e")
        await seat.notices("is under review: there is nothing to answer")
    assert not (tmp_path / "opened").exists()


async def test_evidence_of_an_appeal_is_left_to_the_dashboard_and_the_dispute_can_still_be_accepted(
    stripe: FlakyStripe, connection: asyncpg.Connection, order: CheckoutAnswer, sit: Sit
) -> None:
    await connection.execute("UPDATE disputes SET status = 'appeal_needs_response'")
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("enter")
        screen = await seat.screen_of(DisputeScreen)
        await seat.until(lambda: screen.dispute is not None)
        await seat.press("e")
        await seat.notices("Stripe takes evidence of an appeal in its Dashboard only.")
        assert [action.name for action in DISPUTE_ACTIONS if screen.obstacle(action)] == ["edit", "submit"]


async def test_a_dispute_whose_status_changes_stays_in_its_place(
    connection: asyncpg.Connection, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit
) -> None:
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        screen = await open_list(seat)
        for key, status in (("home", "under_review"), ("tilde", "needs_response")):  # the first sort, and another
            await seat.press(key)
            await screen.read_newest(1)
            await connection.execute("UPDATE disputes SET status = $1", status)
            await screen.read_newest(1)
            await seat.sees(status.replace("_", " "))
            await seat.until(lambda: screen.table.listing.keys == {screen.table.cursor_key})


async def test_accepting_asks_twice_and_no_is_preselected(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit
) -> None:
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("x")
        first = await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.until(lambda: isinstance(seat.app.screen, Choose) and seat.app.screen is not first)
        await seat.sees("Are you sure?")
        await seat.press("enter")
        await seat.screen_of(DisputesScreen)
        assert (await case_of(runtime, order)).dispute.status == "needs_response"
        await seat.press("x")
        first = await seat.screen_of(Choose)
        await seat.press("down", "enter")
        await seat.until(lambda: isinstance(seat.app.screen, Choose) and seat.app.screen is not first)
        await seat.press("down", "enter")
        await seat.sees("The dispute is lost")
    assert (await case_of(runtime, order)).dispute.status == "lost"


async def test_faults_of_an_edited_text_are_shown_and_nothing_is_saved(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit, editor: Path
) -> None:
    editor.write_text('#!/bin/sh\nprintf "\\n[nonsense]\\nx\\n" >>"$1"\n')
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("e")
        await seat.screen_of(Choose)
        await seat.sees("[nonsense] is no text of evidence")
        await seat.press("enter")
        await seat.sees("Nothing was saved")
        kept = Path(next(word for word in seat.text().replace("│", " ").split() if "checkout-evidence-" in word))
        assert "[nonsense]" in kept.read_text()
        kept.unlink()
    assert (await case_of(runtime, order)).draft is None


@pytest.mark.parametrize(
    ("second", "answers"),
    [("true", ["down", "enter", "enter"]), ("exit 3", ["down", "enter"])],
    ids=["unchanged", "no_editor"],
)
async def test_a_text_with_a_fault_is_kept_however_the_next_round_ends(
    runtime: Runtime,
    stripe: FlakyStripe,
    order: CheckoutAnswer,
    sit: Sit,
    editor: Path,
    tmp_path: Path,
    second: str,
    answers: list[str],
) -> None:
    first = f'printf "\\n[nonsense]\\nan hour of work\\n" >>"$1"; touch {tmp_path}/first'
    editor.write_text(f"#!/bin/sh\nif [ -e {tmp_path}/first ]; then {second}; else {first}; fi\n")
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("e")
        asked = await seat.screen_of(Choose)
        await seat.press(*answers[:2])
        if answers[2:]:
            await seat.until(lambda: isinstance(seat.app.screen, Choose) and seat.app.screen is not asked)
            await seat.press(*answers[2:])
        await seat.sees("Not done", "checkout-evidence-")
        kept = Path(next(word for word in seat.text().replace("│", " ").split() if "checkout-evidence-" in word))
        assert "[nonsense]\nan hour of work\n" in kept.read_text()
        kept.unlink()
    assert (await case_of(runtime, order)).draft is None


async def test_letters_that_the_receipt_cannot_show_are_named_before_it_is_submitted(
    runtime: Runtime, stripe: FlakyStripe, stocked: None, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_pdf, "can_shape", lambda: False)
    order = await disputed_order(runtime, customer=Customer("Ada שלום", "ada@example.com", "+4930901820"))
    async with sit(STRIPE_API_BASE=stripe.base) as seat:
        await open_list(seat)
        await seat.press("s")
        await seat.screen_of(Choose)
        await seat.sees("In the receipt", "without uharfbuzz")
        await seat.press("enter")
        await seat.screen_of(DisputesScreen)
    assert (await case_of(runtime, order)).dispute.status == "needs_response"


async def test_nothing_is_answered_in_read_only_mode(
    runtime: Runtime, stripe: FlakyStripe, order: CheckoutAnswer, sit: Sit
) -> None:
    async with sit(STRIPE_API_BASE=stripe.base, read_only=True) as seat:
        await open_list(seat)
        await seat.press("s")
        await seat.sees("read-only")
        await seat.press("enter")
        await seat.screen_of(DisputeScreen)
        await seat.sees("Evidence from what we hold")
    assert (await case_of(runtime, order)).dispute.status == "needs_response"
