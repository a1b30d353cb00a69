"""`checkout disputes evidence`, `submit` and `accept`: the commands that answer a dispute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import choose, confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.interrupting import under_way
from checkout_daemon.commands.options import dry_run_option, json_option, note_option, quiet_option, yes_option
from checkout_daemon.commands.output import answer, is_read_by_people, print_json, say, say_dry_run
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import counted, plain, plain_lines, words

if TYPE_CHECKING:
    from pathlib import Path

    from checkout_daemon.disputes.answering import Answered
    from checkout_daemon.disputes.drafts import DisputeCase
    from checkout_daemon.disputes.receipt_pdf import ReceiptFile
    from checkout_daemon.runtime import Runtime

dispute_argument = click.argument("dispute", type=TERM, metavar="DISPUTE")
_receipt_option = click.option("--no-receipt", is_flag=True, help="Leave the receipt as PDF out.")


@click.command("evidence", cls=Command)
@dispute_argument
@click.option("--edit", is_flag=True, help="Edit it with $EDITOR, and save it as a draft.")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=TEXT", help="Set one text, and save a draft; repeatable."
)
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Read all texts from FILE, or - (stdin).",
)
@click.option("--discard", is_flag=True, help="Forget the draft, and stage what we hold again.")
@click.option("--stage", is_flag=True, help="Store it at Stripe as well, without submitting it.")
@click.option("--pdf", type=click.Path(dir_okay=False), metavar="FILE", help="Write the receipt as PDF to FILE.")
@_receipt_option
@quiet_option
@json_option
def disputes_evidence(
    dispute: str,
    edit: bool,
    changes: tuple[str, ...],
    source: str | None,
    discard: bool,
    stage: bool,
    pdf: str | None,
    no_receipt: bool,
    as_json: bool,
) -> int:
    """Show, edit and store the evidence of a dispute.

    DISPUTE is its id, or an order with one. Without a draft, the evidence is what we hold: order, items, customer,
    address, parcel, mails, timeline, the policies of CHECKOUT_REFUND_POLICY and CHECKOUT_CANCELLATION_POLICY, and a
    receipt. Its text form, which is printed, can be edited and read again with --from.

    Example:
      checkout disputes evidence 1001
      checkout disputes evidence 1001 --edit
      checkout disputes evidence 1001 --set "service_date=2026-11-30"
    """
    from pathlib import Path

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.disputes import answering
    from checkout_daemon.disputes.drafts import discard_draft, save_draft
    from checkout_daemon.disputes.editing import kept
    from checkout_daemon.disputes.evidence_fields import Evidence, read_evidence, write_evidence
    from checkout_daemon.disputes.receipt_pdf import receipt_file

    if sum((edit, bool(changes), source is not None, discard)) > 1:
        raise click.UsageError("give one of --edit, --set, --from and --discard")
    if pdf is not None:
        _check_pdf(Path(pdf), without=no_receipt)
    texts = None if source is None else read_evidence(_read(source)).texts
    given = dict(map(_named_text, changes))
    saved = False
    if edit:
        if not _has_terminal():
            raise click.UsageError("--edit needs a terminal: use --set NAME=TEXT or --from FILE")
        case = with_runtime(lambda runtime: _case_to_edit(runtime, dispute), stripe=False)
        texts = _edited(case)
        if texts is None:
            say("Nothing was changed.")
            return 0

    async def work(runtime: Runtime) -> tuple[DisputeCase, ReceiptFile | None, bool]:
        nonlocal saved
        if edit or discard or stage or texts is not None or given:
            await require_acting(runtime.database)
        found = case if edit else await _case(runtime, dispute)
        if discard:
            await discard_draft(runtime.database, found, operator=this_operator())
        elif texts is not None or given:
            wanted = {**found.evidence.texts, **given} if texts is None else texts
            if not any(text.strip() for text in wanted.values()):
                raise click.UsageError("no text would be left: --discard forgets the draft")
            await save_draft(runtime.database, found, wanted, operator=this_operator())
            saved = True
        if discard or texts is not None or given:
            found = await _case(runtime, dispute)
        receipt = None if no_receipt else receipt_file(found.receipt)
        if stage:
            content = None if receipt is None else receipt.content
            await answering.stage_at_stripe(runtime, found, content, operator=this_operator())
        return found, receipt, runtime.settings.mask

    try:
        found, receipt, masked = with_runtime(work, stripe=stage)
    except BaseException:
        if saved and stage:
            _tell("The draft is saved. It is not known to be stored at Stripe.")
        elif edit and texts is not None and not saved:  # nobody should have to write it again
            heading = f"Evidence for dispute {case.dispute.id}, not saved."
            _tell(kept(write_evidence(Evidence(texts), case.dispute.reason, heading)))
        raise
    if pdf is not None and receipt is not None:
        _write_pdf(Path(pdf), receipt)
    if as_json:
        print_json(_record(found, receipt))
        return 0
    answer(plain_lines(_text(found, masked=masked and is_read_by_people()).rstrip("\n")))
    _say_state(found, receipt, stored=stage, without=no_receipt)
    return 0


@click.command("submit", cls=Command)
@dispute_argument
@_receipt_option
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def disputes_submit(dispute: str, no_receipt: bool, dry_run: bool, note: str, yes: bool, as_json: bool) -> int:
    """Submit the evidence of a dispute to Stripe, once.

    DISPUTE is its id, or an order with one. What `checkout disputes evidence` shows is submitted. Stripe takes it
    once, even if the command is interrupted and repeated; a running daemon finishes it.

    Example:
      checkout disputes evidence 1001
      checkout disputes submit 1001 --note "sent on Friday"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.disputes.answering import check_answer, submit_evidence
    from checkout_daemon.disputes.receipt_pdf import receipt_file
    from checkout_daemon.disputes.request_store import DisputeAct

    async def work(runtime: Runtime) -> Answered | None:
        case = await _case(runtime, dispute)
        if dry_run:
            await check_answer(runtime, case, DisputeAct.SUBMIT)
            would = {"texts": len(case.evidence.texts), "characters": case.evidence.characters}
            say_dry_run(_subject(case, as_json=as_json) | would, as_json=as_json)
            return None
        await require_acting(runtime.database)
        receipt = None if no_receipt else receipt_file(case.receipt)
        _say_state(case, receipt, without=no_receipt)
        once = "It can be submitted once, and not be changed after that."
        confirm(f"Submit this evidence for {_named(case)}? {once}", yes=yes)
        content = None if receipt is None else receipt.content
        with under_way("answer", f"disputes show {case.dispute.id}"):
            return await submit_evidence(runtime, case, content, operator=this_operator(), note=note)

    return _say_answered(with_runtime(work), "Submitted the evidence of", as_json=as_json)


@click.command("accept", cls=Command)
@dispute_argument
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def disputes_accept(dispute: str, dry_run: bool, note: str, yes: bool, as_json: bool) -> int:
    """Accept a dispute: the customer keeps the money.

    DISPUTE is its id, or an order with one. Asks twice, because nothing takes it back. An inquiry, which has taken no
    money yet, is only closed.

    Example:
      checkout disputes accept 1001 --note "it never left the warehouse"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.disputes.answering import accept_dispute, check_answer
    from checkout_daemon.disputes.request_store import DisputeAct

    async def work(runtime: Runtime) -> Answered | None:
        case = await _case(runtime, dispute, stage=False)
        if dry_run:
            await check_answer(runtime, case, DisputeAct.ACCEPT)
            say_dry_run(_subject(case, as_json=as_json), as_json=as_json)
            return None
        await require_acting(runtime.database)
        confirm(f"Accept {_named(case)}? {_loss(case)}", yes=yes)
        confirm(f"Are you sure? Nothing takes it back, and no evidence can be sent for {case.dispute.id}.", yes=yes)
        with under_way("answer", f"disputes show {case.dispute.id}"):
            return await accept_dispute(runtime, case, operator=this_operator(), note=note)

    return _say_answered(with_runtime(work), "Accepted", as_json=as_json)


async def _case(runtime: Runtime, dispute: str, *, stage: bool = True) -> DisputeCase:
    from checkout_daemon.disputes.drafts import find_dispute, read_case

    found = await find_dispute(runtime.database, dispute, livemode=runtime.settings.livemode)
    return await read_case(runtime.database, runtime.settings, found, stage=stage)


async def _case_to_edit(runtime: Runtime, dispute: str) -> DisputeCase:
    """Return the dispute. Raise NotAnswerable before an editor opens if its evidence could not be saved."""
    from checkout_daemon.audit.rights import require_acting
    from checkout_daemon.disputes.drafts import check_editable

    await require_acting(runtime.database)
    case = await _case(runtime, dispute)
    await check_editable(runtime.database, case)
    return case


def _edited(case: DisputeCase) -> dict[str, str] | None:
    """Return the evidence as it was edited, or None if it was left as it is. Ask again while it has faults.

    However it ends, a text with faults is kept.
    """
    from checkout_daemon.disputes.editing import EvidenceEditing
    from checkout_daemon.errors import InvalidRequest

    editing = EvidenceEditing(_text(case))
    try:
        while True:
            try:
                texts = editing.take(click.edit(editing.text, extension=".txt"))
                return None if texts is None else dict(texts)
            except InvalidRequest as error:
                _tell(plain_lines("\n".join(fault.detail for fault in error.errors)))
                if not choose("Edit it again?", yes=False, otherwise=False):
                    raise click.ClickException("nothing was saved") from error
    except BaseException:  # also Ctrl-C, and an editor that fails
        if where := editing.keep():
            _tell(where)
        raise


def _tell(text: str) -> None:
    """Print a message on stderr, also with --quiet: without it, a text could not be found again."""
    click.echo(text, err=True)


def _text(case: DisputeCase, *, masked: bool = False) -> str:
    from checkout_daemon.disputes.evidence_fields import masked_evidence, write_evidence

    evidence = masked_evidence(case.evidence) if masked else case.evidence
    return write_evidence(evidence, case.dispute.reason, f"Evidence for {_named(case)}.")


def _named(case: DisputeCase) -> str:
    from checkout_daemon.present.money import money

    dispute = case.dispute
    reason = f", {plain(words(dispute.reason))}" if dispute.reason else ""
    return f"dispute {dispute.id} of {money(dispute.amount, dispute.currency)}{reason}, order {dispute.number}"


def _loss(case: DisputeCase) -> str:
    if case.dispute.status == "warning_needs_response":
        return "This closes the inquiry. To give the money back, refund the order instead."
    return "The customer keeps the money."


def _say_state(case: DisputeCase, receipt: ReceiptFile | None, *, stored: bool = False, without: bool = False) -> None:
    from checkout_daemon.disputes.evidence_fields import MOST_CHARACTERS, wanted_for

    whose = "staged from what we hold" if case.draft is None else f"the draft of {plain(case.draft.saved_by)}"
    if case.is_submitted:
        whose = "as it was submitted"
    evidence = case.evidence
    say(
        f"{counted(len(evidence.texts), 'text')}, {evidence.characters:,} of {MOST_CHARACTERS:,} characters, {whose}"
        f"{', stored at Stripe and not submitted' if stored else ''}."
    )
    missing = [name for name in wanted_for(case.dispute.reason) if name not in evidence.texts]
    if missing:
        say(f"Without a text that matters for this reason: {', '.join(missing)}.")
    if receipt is not None:
        remark = f"; in it, {plain(receipt.remark)}" if receipt.remark else ""
        say(f"With a receipt as PDF, {len(receipt.content):,} bytes{remark}.")
    elif not without:
        say("Without a receipt as PDF, which needs checkout-daemon[pdf]; the text has it.")


def _subject(case: DisputeCase, *, as_json: bool) -> dict[str, Any]:
    dispute = case.dispute
    names = {"dispute": dispute.id} | ({"dispute_id": dispute.id} if as_json else {})
    facts = {name: getattr(dispute, name) for name in ("number", "status", "amount", "currency")}
    return {**names, "order_id": case.order_id, **facts}


def _say_answered(done: Answered | None, what: str, *, as_json: bool) -> int:
    if done is None:
        return 0
    if as_json:
        print_json(done)
        return 0
    answer(done.dispute_id)
    say(
        f"{what} dispute {done.dispute_id}: it is {words(done.status)}. "
        f"Order {done.number} is {words(done.order_status)}."
    )
    return 0


def _record(case: DisputeCase, receipt: ReceiptFile | None) -> dict[str, Any]:
    draft = case.draft
    return {
        "dispute": case.dispute.id,
        "dispute_id": case.dispute.id,
        "number": case.dispute.number,
        "status": case.dispute.status,
        "reason": case.dispute.reason,
        "due_by": case.dispute.due_by,
        "texts": dict(case.evidence.texts),
        "characters": case.evidence.characters,
        "saved_by": None if draft is None else draft.saved_by,
        "saved_at": None if draft is None else draft.saved_at,
        "receipt": case.receipt.text(),
        "receipt_bytes": None if receipt is None else len(receipt.content),
        "receipt_lost": "" if receipt is None else receipt.lost,
    }


def _read(source: str) -> str:
    try:
        with click.open_file(source, encoding="utf-8") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.FileError(source, why) from error


def _named_text(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set {text!r} has no `=`: write NAME=TEXT")
    return name.strip(), value


def _has_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def _check_pdf(path: Path, *, without: bool) -> None:
    """Raise ClickException if the receipt cannot be written there: before anything else is done."""
    import os

    from checkout_daemon.disputes.receipt_pdf import can_make_pdf

    if without or not can_make_pdf():
        raise click.ClickException(
            "there is no receipt as PDF: install checkout-daemon[pdf], and leave out --no-receipt"
        )
    if os.path.lexists(path):
        raise _exists(path)
    if not path.parent.is_dir():
        raise click.FileError(str(path), f"{path.parent} is not a directory")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise click.FileError(str(path), f"no file can be created in {path.parent}")


def _exists(path: Path) -> click.UsageError:
    return click.UsageError(f"{path} exists and is not overwritten: name another file")


def _write_pdf(path: Path, receipt: ReceiptFile) -> None:
    import os

    from checkout_daemon.private_files import publish

    try:
        with publish(path, replace=False) as new, os.fdopen(os.dup(new), "wb") as file:
            file.write(receipt.content)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
