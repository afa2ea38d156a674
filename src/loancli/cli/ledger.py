"""loancli ledger: the books."""

from datetime import date
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.backup import backup, restore
from loancli.cli.exit import Exit
from loancli.cli.options import FormatOption, OutputOption, context_of, day
from loancli.cli.render import show, talk

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
    through: Annotated[
        date | None,
        typer.Option("--through", parser=day, metavar="DATE", help="What was booked up to this day; else everything."),
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show every account: debits, credits, balance (debits less credits), and their sum, which is zero."""
    from loancli.ledger.journal import balances as booked

    context = context_of(ctx)
    with session.ledger(context) as db:
        rows = booked(db, through)
    total = {name: sum(row[name] for row in rows) for name in ("debit_fen", "credit_fen", "balance_fen")}
    rows.append({"account": "total", "kind": "", **total})
    show(rows, format=output_format, output=output, title="balances", lang=context.lang)
