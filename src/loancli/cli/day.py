"""loancli day: close business days, and see what they came to."""

from datetime import date, timedelta
from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of, day
from loancli.cli.render import progress, show, talk

app = typer.Typer()
SCREEN = (
    "day",
    "active_loans",
    "outstanding_fen",
    "late",
    "changed_loans",
    "fixed_instalments",
    "entries",
    "accrued_fen",
)


@app.command()
def close(
    ctx: typer.Context,
    through: Annotated[
        date | None,
        typer.Option(
            "--through", parser=day, metavar="DATE", help="The last day to close; else the day before --as-of."
        ),
    ] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Close every open day up to --through, in order; each day is one transaction. Running it again does nothing."""
    from loancli.jobs.close_day import close_through, try_through
    from loancli.ledger.days import open_day

    context = context_of(ctx)
    last_on = through or context.as_of - timedelta(days=1)
    calendar = session.calendar(context)
    with session.ledger(context) as db:
        first_on = open_day(db)
        total = max(0, (last_on - first_on).days + 1)
        if dry_run:
            lines = try_through(db, last_on, calendar=calendar, stamp=session.stamp(context))
        else:
            closing = close_through(db, last_on, calendar=calendar, stamp=session.stamp(context))
            lines = list(progress(closing, total=total, label="day close", quiet=context.quiet))
    if not lines:
        talk(context, "day.nothing", day=first_on)
        return
    rows = [{**line, "late": sum(bucket["loans"] for bucket in line["late"].values())} for line in lines]
    show(rows, format=output_format, output=output, title="closed", screen=SCREEN, lang=context.lang)
    talk(context, "day.dry_run" if dry_run else "day.closed", count=len(rows), day=rows[-1]["day"])


@app.command("list")
def list_(
    ctx: typer.Context,
    last: Annotated[
        int | None, typer.Option("--last", min=1, max=session.NUMBER_MAX, help="Only the last days.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List closed days: loans, outstanding, late by bucket, what changed, what accrued."""
    from loancli.ledger import days

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = days.listing(db, last=last)
    rows = [{**line, "late": sum(bucket["loans"] for bucket in line["late"].values())} for line in found]
    show(rows, format=output_format, output=output, title="days", screen=SCREEN, lang=context.lang)
