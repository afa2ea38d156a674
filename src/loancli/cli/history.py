"""Whose revenue a plan is made from: a borrower's, or a table's; and the terms that take something from it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loancli.cli import session
from loancli.cli.options import Context
from loancli.cli.sheet import read_sheet
from loancli.core.errors import InputError
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.outlook.history import History
    from loancli.plan.product import Product

BorrowerOption = Annotated[
    str | None, typer.Option("--borrower", metavar="ID", help="Whose imported revenue the futures come from.")
]
HistoryOption = Annotated[
    Path | None,
    typer.Option("--history", metavar="FILE", help="Or a table: day or month (2026-11), and amount_yuan."),
]
SeasonBorrowerOption = Annotated[
    str | None, typer.Option("--borrower", metavar="ID", help="Whose season the weights of such a product come from.")
]


def history_for(context: Context, product: "Product", borrower_id: str | None, path: Path | None) -> "History":
    """The revenue to start from: a borrower's, as the plan counts it, or a table's. InputError, NotFoundError."""
    from loancli.jobs.revenue_history import revenue_history
    from loancli.outlook.history import read_history

    if (borrower_id is None) == (path is None):
        raise InputError(say("project.one_source", context.lang))
    if path is not None:
        sheet = read_sheet(path)
        return read_history(sheet.file_name, sheet.columns, sheet.rows, as_of=context.as_of)
    assert borrower_id is not None
    counts = product.revenue.counts if product.revenue else ("sure",)
    with session.ledger(context) as db:
        return revenue_history(db, borrower_id, counts=counts, as_of=context.as_of)


def seasoned(context: Context, product: "Product", borrower_id: str | None, path: Path | None) -> "Product":
    """The product, with the weights of the borrower's season where it leaves them open and a source is named."""
    if not product.weights_by_season or (borrower_id is None and path is None):
        return product
    from loancli.outlook.season import with_season

    return with_season(product, history_for(context, product, borrower_id, path))
