"""loancli ledger: the books."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.backup import backup, restore
from loancli.cli.exit import Exit
from loancli.cli.export_books import Target, write
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of, day
from loancli.cli.render import progress, show, talk
from loancli.core.entry import DayBy

app = typer.Typer()
app.command()(backup)
app.command()(restore)
SHOWN_MAX = 5  # answers of a failed question that are shown


@app.command()
def check(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """Prove the books: every question with its answers, which must be none. Exit 6 if there is one."""
    from loancli.jobs.prove import prove
    from loancli.ledger.checks import counts

    context = context_of(ctx)
    rows: list[dict[str, Any]] = []
    with session.ledger(context) as db:
        for question, answers in prove(db):
            rows.append(
                {"question": question, "sound": not answers, "found": len(answers), "answers": answers[:SHOWN_MAX]}
            )
        looked_at = counts(db)
    show(rows, format=output_format, output=output, title="check", lang=context.lang)
    if any(row["found"] for row in rows):
        raise typer.Exit(Exit.BOOKS)
    talk(context, "ledger.sound", **looked_at)


@app.command()
def balances(
    ctx: typer.Context,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, metavar="DATE", help="At the end of this day; else of the global --as-of."),
    ] = None,
    by: Annotated[
        DayBy,
        typer.Option(
            "--by",
            help="The day that counts: booking (what is told of a closed day never changes), or value"
            " (what is for the days up to then, as far as is known now).",
        ),
    ] = DayBy.BOOKING,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show every account: debits, credits, balance (debits less credits), and their sum, which is zero."""
    from loancli.ledger.journal import balances as booked

    context = context_of(ctx)
    on = as_of or context.as_of
    with session.ledger(context) as db:
        rows = booked(db, on, by)
    total = {name: sum(row[name] for row in rows) for name in ("debits_fen", "credits_fen", "balance_fen")}
    rows.append({"account": "total", "kind": "", **total})
    show(rows, format=output_format, output=output, title="balances", lang=context.lang)
    key = "ledger.balances_by_booking" if by is DayBy.BOOKING else "ledger.balances_by_value"
    talk(context, key, day=on)


@app.command()
def export(
    ctx: typer.Context,
    to: Annotated[Target, typer.Option("--to", help="The program that is to read them.")],
    output: OutputOption = None,
) -> None:
    """Write all entries for another program, with both their days, and the balances at the ends of closed months."""
    from loancli.ledger.connect import reading
    from loancli.ledger.export import heading, walk

    context = context_of(ctx)
    with session.ledger(context) as db, reading(db):
        head = heading(db)
        is_shown = output is not None  # beside lines on a terminal a bar would only be in the way
        parts = progress(walk(db), total=head.entry_count, label="export", quiet=context.quiet or not is_shown)
        write(to, head, parts, output=output)
    talk(context, "ledger.exported", entries=head.entry_count, target=to)


@app.command()
def rebuild(
    ctx: typer.Context, dry_run: DryRunOption = False, output_format: FormatOption = None, output: OutputOption = None
) -> None:
    """Compute the stored copies again from events, entries and rows; tell what differed, and put it right."""
    from loancli.jobs.rebuild import rebuild as again

    context = context_of(ctx)
    with session.change(context, dry_run=dry_run) as db:
        found = again(db)
    rows = [
        {**asdict(each), "differed": len(each.differed), "differences": each.differed[:SHOWN_MAX]} for each in found
    ]
    show(rows, format=output_format, output=output, title="rebuild", lang=context.lang)
    count = sum(len(each.differed) for each in found)
    session.tell(context, "ledger.rebuilt" if count else "ledger.nothing_differed", dry_run=dry_run, count=count)
