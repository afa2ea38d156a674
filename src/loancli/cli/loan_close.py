"""loancli loan close: a loan that is paid, or lacks so little that the rest is waived."""

from datetime import date
from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.effect import answer
from loancli.cli.loan_event import LoanArgument, OnOption, words
from loancli.cli.options import Context, DryRunOption, FormatOption, OutputOption, amount, context_of
from loancli.cli.render import talk
from loancli.core.money import yuan


def close(
    ctx: typer.Context,
    loan_id: LoanArgument,
    limit: Annotated[
        int,
        typer.Option("--waive-up-to", parser=amount, metavar="YUAN", help="The rest that may be waived; else nothing."),
    ] = "0",  # type: ignore[assignment]
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the books.")] = "small rest",
    on: OnOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Close a loan: waive a rest of at most --waive-up-to, and say that it is settled; else what stands in the way.

    A rest of principal is closed by waiving what of penalty, fees or interest was due when it was left.
    """
    from loancli.jobs.close_loan import work_out
    from loancli.jobs.record_event import put_in_force

    context = context_of(ctx)
    stamp = session.stamp(context)
    on = on or context.as_of
    with session.change(context, dry_run=dry_run) as db:
        effect = work_out(db, loan_id, on, limit_fen=limit, reason=words(reason, "--reason"), stamp=stamp)
        if effect is not None:
            put_in_force(db, effect, stamp=stamp)
    if effect is None:
        _tell_settled(context, loan_id, on)
        return
    answer(context, effect, output_format=output_format, output=output)
    waived_fen = sum(event.payload["amount_fen"] for event in effect.events)
    session.tell(context, "loan.closed", dry_run=dry_run, loan_id=loan_id, amount=yuan(waived_fen))


def _tell_settled(context: Context, loan_id: str, on: date) -> None:
    """Since when the loan is settled; and what the borrower has of it, if there is credit."""
    from loancli.jobs.track_loan import track_loan

    with session.ledger(context) as db:
        found = track_loan(db, loan_id, on, session.ageing(context))
    talk(context, "loan.settled", loan_id=loan_id, day=found.track.ended_on)
    credit_fen = found.lived.position.credit_fen
    if credit_fen > 0:
        talk(context, "loan.credit_left", loan_id=loan_id, amount=yuan(credit_fen))
