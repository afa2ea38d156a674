"""loancli adjust: the plan of a signed loan changed: previewed as a diff, or put in force."""

from datetime import date
from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.options import Context, DryRunOption, FormatOption, OutputOption, context_of, day
from loancli.cli.render import talk

app = typer.Typer()

LoanArgument = Annotated[str, typer.Argument(help="The number of the loan.")]
ChangeArgument = Annotated[
    str, typer.Argument(help="In quotes: 'extend 3', 'respread 24', 'breathe 2 interest', 'rate 12%' …")
]
OnOption = Annotated[
    date | None, typer.Option("--on", parser=day, metavar="DATE", help="The day it counts from; else --as-of.")
]


@app.command()
def preview(
    ctx: typer.Context,
    loan_id: LoanArgument,
    change: ChangeArgument,
    on: OnOption = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show what a change would do to a loan: rows before and after, cost, income, yearly cost. Nothing is written."""
    _adjust(context_of(ctx), loan_id, change, on, output_format, output, apply=False)


@app.command()
def apply(
    ctx: typer.Context,
    loan_id: LoanArgument,
    change: ChangeArgument,
    on: OnOption = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Change the plan of a loan, and show what that did. The same change of the same day again does nothing."""
    _adjust(context_of(ctx), loan_id, change, on, output_format, output, apply=True, dry_run=dry_run)


def _adjust(
    context: Context,
    loan_id: str,
    change: str,
    on: date | None,
    output_format: FormatOption,
    output: OutputOption,
    *,
    apply: bool,
    dry_run: bool = False,
) -> None:
    from loancli.cli.plan_change import answer
    from loancli.jobs.adjust_loan import put_in_force, work_out
    from loancli.plan.diff import diff

    from_on = on or context.as_of
    products = {product.code: product for product in session.products(context)} if "restructure" in change else {}
    stamp = session.stamp(context)
    with session.change(context, dry_run=dry_run or not apply) as db:
        found = work_out(
            db,
            loan_id,
            change,
            from_on,
            calendar=session.calendar(context),
            ceilings=session.ceilings(context),
            products=products,
            stamp=stamp,
        )
        if found is not None:
            put_in_force(db, found, stamp=stamp)
    if found is None:
        talk(context, "adjust.same", loan_id=loan_id, change=change, day=from_on)
        return
    told = {"loan_id": loan_id, "product": found.before.product.code, "on": from_on, "change": change}
    answer(context, diff(found.before, found.after), told, output_format=output_format, output=output)
    key = "adjust.applied" if apply else "adjust.preview"
    session.tell(context, key, dry_run=dry_run, loan_id=loan_id, change=change, day=from_on)
