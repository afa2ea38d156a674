"""loancli promise: promises to pay; an open one keeps the borrower from being contacted."""

from datetime import date
from typing import Annotated

import typer

from loancli.cli import session
from loancli.cli.loan import LoanArgument
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, amount, context_of, day
from loancli.cli.render import show
from loancli.core.errors import InputError

app = typer.Typer()


@app.command()
def add(
    ctx: typer.Context,
    loan_id: LoanArgument,
    due: Annotated[date, typer.Option("--due", parser=day, metavar="DATE", help="The day it is promised for.")],
    promised: Annotated[int, typer.Option("--amount", parser=amount, metavar="YUAN", help="How much.")],
    note: Annotated[str, typer.Option("--note", help="What was said.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Record a promise to pay, made on --as-of."""
    from loancli.ledger import contacts, loans

    context = context_of(ctx)
    if due < context.as_of or not promised:
        raise InputError(f"a promise is for an amount above 0, on {context.as_of} or later")
    with session.change(context, dry_run=dry_run) as db:
        record = loans.record(db, loan_id)
        is_new = contacts.add_promise(
            db,
            loan_id=loan_id,
            borrower_id=record.borrower_id,
            made_on=context.as_of,
            due_on=due,
            amount_fen=promised,
            note=note,
            actor=context.actor,
        )
    key = "promise.added" if is_new else "promise.same"
    session.tell(context, key, dry_run=dry_run, loan_id=loan_id, day=due)


@app.command("list")
def list_(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """List promises: open, kept or broken on --as-of."""
    from loancli.ledger import contacts

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = contacts.promises(db)
    rows = []
    for row in found:
        is_kept = row["paid_fen"] >= row["amount_fen"]
        state = "kept" if is_kept else "open" if row["due_on"] >= context.as_of.isoformat() else "broken"
        rows.append({**row, "state": state})
    show(rows, format=output_format, output=output, title="promises", lang=context.lang)
