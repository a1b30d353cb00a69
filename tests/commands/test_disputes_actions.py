"""`checkout disputes evidence`, `submit` and `accept`: staged, edited, submitted once, given up after two questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.commands import asking, disputes_actions
from checkout_daemon.disputes import answering, receipt_pdf
from checkout_daemon.disputes.beginning import AnswerUnderWay
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run
from tests.support.disputes import disputed_order
from tests.support.shopping import paid_order


@pytest.fixture
def number(do: Do) -> int:
    """Return the number of an order whose payment is disputed."""

    async def work(runtime: Runtime) -> CheckoutAnswer:
        return await disputed_order(runtime)

    return do(work).number


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the script that is $EDITOR; it is run with the file as its argument."""
    path = tmp_path / "editor.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(path))
    monkeypatch.delenv("VISUAL", raising=False)
    return path


def test_the_evidence_is_staged_shown_and_saved(run: Run, number: int, tmp_path: Path) -> None:
    shown = run("disputes", "evidence", number)
    assert "[customer_name]\nAda\n" in shown.out
    assert "[shipping_tracking_number]\n" in shown.out
    assert "staged from what we hold" in shown.err
    assert "Without a text that matters for this reason: customer_purchase_ip" in shown.err
    assert "With a receipt as PDF" in shown.err
    set_one = run("disputes", "evidence", number, "--set", "customer_purchase_ip=203.0.113.9", "--json").json
    assert (set_one["texts"]["customer_purchase_ip"], set_one["texts"]["customer_name"]) == ("203.0.113.9", "Ada")
    assert set_one["saved_by"]
    file = tmp_path / "evidence.txt"
    file.write_text("[uncategorized_text]\nwinning_evidence\n")
    assert run("disputes", "evidence", number, "--from", file, "--json").json["texts"] == {
        "uncategorized_text": "winning_evidence"
    }
    assert "Draft" in run("disputes", "show", number).out
    assert "staged from what we hold" in run("disputes", "evidence", number, "--discard").err
    assert "Draft" not in run("disputes", "show", number).out


def test_a_terminal_shows_evidence_masked_and_a_pipe_gets_what_can_be_read_again(
    run: Run, number: int, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_MASK", "on")
    assert "[customer_name]\nAda\n" in run("disputes", "evidence", number).out
    environment.setattr(disputes_actions, "is_read_by_people", lambda: True)
    shown = run("disputes", "evidence", number).out
    assert "[customer_name]\n(3 characters, masked)\n" in shown
    assert "ada@example.com" not in shown
    assert "[product_description]\n(" not in shown


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--set", "nonsense=x"), "nonsense is no text of evidence"),
        (("--set", f"customer_name={'x' * 5001}"), "customer_name has 5,001 characters, and Stripe takes 5,000"),
        (("--set", "customer_name"), "write NAME=TEXT"),
        (("--set", "customer_name=x", "--discard"), "give one of"),
        (("--edit",), "--edit needs a terminal"),
        (("--from", "/dev/null"), "there is no text of evidence in it"),
    ],
)
def test_evidence_with_faults_is_refused(run: Run, number: int, options: tuple[str, ...], why: str) -> None:
    refused = run("disputes", "evidence", number, *options)
    assert refused.code == 2
    assert why in refused.err
    assert run("disputes", "evidence", number, "--json").json["saved_by"] is None


def test_evidence_is_edited_and_a_fault_keeps_the_text(
    run: Run, number: int, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disputes_actions, "_has_terminal", lambda: True)
    assert "Nothing was changed" in run("disputes", "evidence", number, "--edit").err
    editor.write_text('#!/bin/sh\nprintf "\\n[cancellation_rebuttal]\\nnever asked\\n" >>"$1"\n')
    edited = run("disputes", "evidence", number, "--edit")
    assert "[cancellation_rebuttal]\nnever asked\n" in edited.out
    assert "the draft of" in edited.err
    editor.write_text('#!/bin/sh\nprintf "\\n[no_such_text]\\nx\\n" >>"$1"\n')
    refused = run("disputes", "evidence", number, "--edit")
    assert refused.code == 1
    assert "[no_such_text] is no text of evidence" in refused.err
    assert "[no_such_text]" in kept_text(refused.err)


def kept_text(err: str) -> str:
    """Return the text whose file a message names, and remove the file."""
    path = Path(err.partition("Your text is in ")[2].partition("\n")[0])
    text = path.read_text()
    path.unlink()
    return text


@pytest.fixture
def second_round(editor: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, list[bool]], None]:
    """Return what sets up a first round that saves a fault, a script of the second round, and the answers."""
    monkeypatch.setattr(disputes_actions, "_has_terminal", lambda: True)

    def set_up(second: str, answers: list[bool]) -> None:
        first = f'printf "\\n[no_such_text]\\nan hour of work\\n" >>"$1"; touch {tmp_path}/first'
        editor.write_text(f"#!/bin/sh\nif [ -e {tmp_path}/first ]; then {second}; else {first}; fi\n")

        def answer(question: str) -> bool:
            if not answers:
                raise KeyboardInterrupt
            return answers.pop(0)

        monkeypatch.setattr(asking, "_ask", answer)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    return set_up


@pytest.mark.parametrize(
    ("second", "answers", "code"),
    [
        ("true", [True, False], 1),  # the second round changes nothing
        ("exit 3", [True], 1),
        ("true", [], 130),  # Ctrl-C at the question
    ],
    ids=["unchanged", "no_editor", "interrupted"],
)
def test_a_text_with_a_fault_is_kept_however_the_next_round_ends(
    run: Run,
    number: int,
    second_round: Callable[[str, list[bool]], None],
    second: str,
    answers: list[bool],
    code: int,
) -> None:
    second_round(second, [*answers])
    refused = run("disputes", "evidence", number, "--edit", "--quiet")
    assert refused.code == code
    assert "[no_such_text]\nan hour of work\n" in kept_text(refused.err)
    assert run("disputes", "evidence", number, "--json").json["saved_by"] is None


def test_a_fault_that_the_next_round_removes_is_saved(
    run: Run, number: int, second_round: Callable[[str, list[bool]], None]
) -> None:
    second_round('sed -i s/no_such_text/cancellation_rebuttal/ "$1"', [True])
    saved = run("disputes", "evidence", number, "--edit")
    assert (saved.code, "Your text is in" in saved.err) == (0, False)
    assert "[cancellation_rebuttal]\nan hour of work\n" in saved.out


def test_a_text_that_cannot_be_saved_is_kept(
    run: Run, number: int, editor: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Somebody else saves a draft while it is edited."""
    monkeypatch.setattr(disputes_actions, "_has_terminal", lambda: True)
    other = f"DATABASE_URL={database_url} {sys.executable} -m checkout_daemon disputes evidence {number}"
    editor.write_text(
        '#!/bin/sh\nprintf "\\n[cancellation_rebuttal]\\nmine\\n" >>"$1"\n'
        f"cd {Path(__file__).parents[2]} && {other} --set cancellation_rebuttal=theirs >/dev/null\n"
    )
    refused = run("disputes", "evidence", number, "--edit")
    assert refused.code == 4
    assert "was changed meanwhile" in refused.err
    assert "[cancellation_rebuttal]\nmine\n" in kept_text(refused.err)
    assert run("disputes", "evidence", number, "--json").json["texts"]["cancellation_rebuttal"] == "theirs"


def test_a_draft_that_was_saved_is_not_kept_as_a_file_when_it_cannot_be_stored_at_stripe(
    run: Run, number: int, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disputes_actions, "_has_terminal", lambda: True)

    async def under_way(*_: object, **__: object) -> None:
        raise AnswerUnderWay("another answer is under way")

    monkeypatch.setattr(answering, "stage_at_stripe", under_way)
    editor.write_text('#!/bin/sh\nprintf "\\n[cancellation_rebuttal]\\nmine\\n" >>"$1"\n')
    refused = run("disputes", "evidence", number, "--edit", "--stage")
    assert refused.code == 4
    assert "The draft is saved." in refused.err
    assert "Your text is in" not in refused.err
    assert run("disputes", "evidence", number, "--json").json["texts"]["cancellation_rebuttal"] == "mine"


def test_the_last_text_of_a_draft_is_not_set_to_nothing(run: Run, number: int, tmp_path: Path) -> None:
    file = tmp_path / "evidence.txt"
    file.write_text("[customer_name]\nAda\n")
    assert run("disputes", "evidence", number, "--from", file).code == 0
    refused = run("disputes", "evidence", number, "--set", "customer_name=")
    assert (refused.code, "--discard forgets the draft" in refused.err) == (2, True)
    assert run("disputes", "evidence", number, "--json").json["texts"] == {"customer_name": "Ada"}


@pytest.mark.parametrize("name", ["missing/receipt.pdf", "there.pdf"])
def test_where_no_receipt_can_be_written_nothing_else_is_done(run: Run, number: int, tmp_path: Path, name: str) -> None:
    (tmp_path / "there.pdf").touch()
    assert run("disputes", "evidence", number, "--set", "customer_name=Bo").code == 0
    refused = run("disputes", "evidence", number, "--discard", "--stage", "--pdf", tmp_path / name)
    assert refused.code != 0
    assert name in refused.err
    shown = run("disputes", "show", number, "--json").json["answer"]
    assert (shown["saved_by"] is None, shown["act"]) == (False, None)


def test_the_receipt_is_written_as_pdf(run: Run, number: int, tmp_path: Path) -> None:
    path = tmp_path / "receipt.pdf"
    assert run("disputes", "evidence", number, "--pdf", path).code == 0
    assert path.read_bytes().startswith(b"%PDF-")
    assert path.stat().st_mode & 0o777 == 0o600
    again = run("disputes", "evidence", number, "--pdf", path)
    assert again.code == 2
    assert "exists and is not overwritten" in again.err


def test_evidence_is_stored_at_stripe_then_submitted_once(run: Run, number: int) -> None:
    assert "stored at Stripe and not submitted" in run("disputes", "evidence", number, "--stage").err
    refused = run("disputes", "submit", number)
    assert refused.code == 2
    assert "add --yes" in refused.err
    done = run("disputes", "submit", number, "--yes", "--note", "sent", "--json").json
    assert (done["status"], done["act"], done["number"]) == ("under_review", "submit", number)
    again = run("disputes", "submit", number, "--yes")
    assert again.code == 4
    assert "is under review: there is nothing to answer" in again.err
    shown = run("disputes", "show", number).out
    assert "Evidence       submitted\n" in shown
    assert "asked to submit the evidence" in shown
    assert ": done" in shown
    assert json.loads(run("disputes", "show", number, "--json").out)["answer"]["act"] == "submit"


def test_accepting_asks_twice(run: Run, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    def only_first(question: str) -> bool:
        asked.append(question)
        return len(asked) == 1

    monkeypatch.setattr(asking, "_ask", only_first)
    refused = run("disputes", "accept", number)
    assert (refused.code, len(asked)) == (2, 2)
    assert "The customer keeps the money" in asked[0]
    assert run("disputes", "show", number, "--json").json["status"] == "needs_response"
    done = run("disputes", "accept", number, "--yes")
    assert "it is lost" in done.err
    assert run("disputes", "show", number, "--json").json["status"] == "lost"


def test_an_order_without_a_dispute_is_not_found(run: Run, do: Do) -> None:
    order = do(paid_order)
    refused = run("disputes", "evidence", order.number)
    assert refused.code == 3
    assert "has no dispute" in refused.err


def test_without_the_library_for_pdf_the_text_has_the_receipt(
    run: Run, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_pdf, "can_make_pdf", lambda: False)
    shown = run("disputes", "evidence", number)
    assert f"receipt for order {number}" in shown.out
    assert "which needs checkout-daemon[pdf]" in shown.err
    refused = run("disputes", "evidence", number, "--pdf", "receipt.pdf")
    assert (refused.code, "install checkout-daemon[pdf]" in refused.err) == (1, True)
    assert run("disputes", "submit", number, "--yes", "--json").json["status"] == "under_review"


def test_what_was_submitted_is_shown_and_not_edited(run: Run, number: int) -> None:
    assert run("disputes", "evidence", number, "--set", "cancellation_rebuttal=never asked").code == 0
    assert run("disputes", "submit", number, "--yes").code == 0
    assert run("disputes", "evidence", number, "--discard").code == 0
    shown = run("disputes", "evidence", number)
    assert "[cancellation_rebuttal]\nnever asked\n" in shown.out
    assert "as it was submitted" in shown.err
    closed = run("disputes", "evidence", number, "--set", "cancellation_rebuttal=too late")
    assert (closed.code, "there is nothing to answer" in closed.err) == (4, True)


def test_evidence_that_cannot_be_saved_opens_no_editor(
    run: Run, number: int, editor: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(disputes_actions, "_has_terminal", lambda: True)
    editor.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    assert run("disputes", "submit", number, "--yes").code == 0
    refused = run("disputes", "evidence", number, "--edit")
    assert (refused.code, "there is nothing to answer" in refused.err) == (4, True)
    assert not (tmp_path / "opened").exists()


def test_every_json_of_a_dispute_has_its_id_under_the_same_key(run: Run, number: int) -> None:
    (listed,) = run("disputes", "list", "--json").lines
    lines = (
        ("show", number), ("evidence", number), ("submit", number, "--dry-run"), ("accept", number, "--dry-run"),
        ("submit", number, "--yes"),
    )  # fmt: skip
    ids = [run("disputes", *line, "--json").json["dispute_id"] for line in lines]
    assert ids == [listed["dispute_id"]] * 5 == [listed["id"]] * 5


def test_a_dry_run_names_the_dispute_once(run: Run, number: int) -> None:
    dry = run("disputes", "accept", number, "--dry-run").out
    assert dry.count(run("disputes", "show", number, "--json").json["id"]) == 1


def test_accepting_reads_no_policy(run: Run, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_REFUND_POLICY", "/nonexistent")
    assert run("disputes", "accept", number, "--dry-run").code == 0
    assert run("disputes", "evidence", number).code == 2
