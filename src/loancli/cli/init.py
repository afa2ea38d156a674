"""loancli init: a new ledger."""

from datetime import date
from typing import Annotated

import typer

from loancli.cli.options import context_of, day
from loancli.cli.render import talk

app = typer.Typer()


@app.command()
def init(
    ctx: typer.Context,
    opened_on: Annotated[
        date | None,
        typer.Option("--opened-on", parser=day, metavar="DATE", help="The first business day; else --as-of."),
    ] = None,
) -> None:
    """Make a ledger. Its first business day is --as-of, or --opened-on; what happened before may still be recorded."""
    from loancli.ledger.connect import create
    from loancli.servicing.bookings import ACCOUNTS

    context = context_of(ctx)
    first_on = opened_on or context.as_of
    create(context.ledger, opened_on=first_on.isoformat(), accounts=ACCOUNTS)
    talk(context, "init.done", ledger=context.ledger, day=first_on)
