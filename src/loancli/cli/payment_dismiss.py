"""loancli payment dismiss: waiting money that is nobody's repayment here leaves the list of what waits."""

from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.borrower import UnmaskOption
from loancli.cli.loan_event import ReasonOption, words
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.payment_shown import names_of, payment_row
from loancli.cli.render import show


def dismiss(
    ctx: typer.Context,
    reason: ReasonOption,
    payment_ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="PAYMENT_ID…", min=1, max=session.NUMBER_MAX, help="Numbers of payments in `payment unmatched`."
        ),
    ] = None,
    all_taken_over: Annotated[
        bool, typer.Option("--taken-over", help="All that wait because they may have come with a loan taken over.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let them wait again.")] = False,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """Dismiss waiting money that is no repayment, or was sent back: it leaves suspense, the reason is kept.

    --undo lets it wait again; `payment match` places it as well. `payment list` shows it as dismissed.
    """
    from loancli.jobs.dismiss_payments import dismiss_payments, take_up_again, taken_over
    from loancli.ledger import receipts

    context = context_of(ctx)
    why = words(reason, "--reason")
    if bool(payment_ids) == all_taken_over or (undo and all_taken_over):
        raise typer.BadParameter("name payments, or dismiss --taken-over all of those", param_hint="PAYMENT_ID…")
    with session.change(context, dry_run=dry_run) as db:
        asked = list(payment_ids or ()) or taken_over(db)
        found = (take_up_again if undo else dismiss_payments)(db, asked, reason=why, stamp=session.stamp(context))
        shown = [each for each in receipts.listing(db) if each["payment_id"] in found.new]
        names = names_of(db)
    rows = [payment_row(each, context.lang, ("state",), names, unmask=unmask) for each in shown]
    show(rows, format=output_format, output=output, title="payments", lang=context.lang)
    key = "payment.taken_up" if undo else "payment.dismissed"
    session.tell(context, key, dry_run=dry_run, count=len(found.new), same=len(found.same))
