"""loancli loan list: loans filtered, sorted and summed."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from loancli.cli import session
from loancli.cli.options import FormatOption, OutputOption, context_of, day
from loancli.cli.render import show, talk
from loancli.core.errors import NotFoundError
from loancli.core.mask import mask_name
from loancli.core.money import yuan
from loancli.core.rates import percent

if TYPE_CHECKING:
    from sqlite3 import Connection

    from loancli.jobs.list_loans import Totals
    from loancli.servicing.delinquency import Ageing

SCREEN = ("loan_id", "name", "product_code", "principal_outstanding_fen", "due_fen", "days_past_due")
AHEAD = ("next_due_on", "next_due_fen")
BEHIND = ("bucket", "asset_class")
WHY = ("asset_class", "restructured_on", "observed_until")


class Status(StrEnum):
    """What a loan is doing."""

    SIGNED = "signed"
    ACTIVE = "active"
    OPEN = "open"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    CANCELLED = "cancelled"


def _day_option(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, parser=day, metavar="DATE", help=text)
    return option


def list_(
    ctx: typer.Context,
    borrower: Annotated[str | None, typer.Option("--borrower", metavar="ID", help="Only this borrower's.")] = None,
    products: Annotated[
        list[str] | None, typer.Option("--product", metavar="CODE", help="Only loans on this product; repeatable.")
    ] = None,
    statuses: Annotated[
        list[Status] | None,
        typer.Option(
            "--status",
            help="signed (not paid out), active, open (a line not in use), settled, written_off; repeatable.",
        ),
    ] = None,
    late: Annotated[bool, typer.Option("--late", help="Only loans past due.")] = False,
    buckets: Annotated[
        list[str] | None, typer.Option("--bucket", metavar="NAME", help="Only this bucket, such as M2; repeatable.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Only this class, such as substandard; repeatable."),
    ] = None,
    restructured: Annotated[
        bool, typer.Option("--restructured", help="Only loans that were restructured and are under observation.")
    ] = False,
    signed_from: Annotated[date | None, _day_option("--signed-from", "Signed on this day or later.")] = None,
    signed_to: Annotated[date | None, _day_option("--signed-to", "Signed on this day or before.")] = None,
    due_from: Annotated[date | None, _day_option("--due-from", "Next due on this day or later.")] = None,
    due_to: Annotated[date | None, _day_option("--due-to", "Next due on this day or before.")] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="By this column; with - before it, the greatest first."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, max=session.NUMBER_MAX, help="Only so many of them.")
    ] = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List loans as they stand on --as-of, and say what all that are listed come to.

    --late: those past due, what is due most first.
    """
    from loancli.jobs.list_loans import loans_on
    from loancli.ledger import borrowers
    from loancli.ledger.loan_list import Wanted

    context = context_of(ctx)
    ageing = session.ageing(context)
    column, is_descending = _order(sort or ("-due_fen" if late else "loan_id"))
    wanted = Wanted(
        products=products or (),
        statuses=[status.value for status in statuses or ()],
        buckets=_buckets(buckets or [], ageing),
        asset_classes=_classes(classes or []),
        is_restructured=restructured,
        borrower_id=borrower,
        is_late=late,
        signed_from=signed_from,
        signed_to=signed_to,
        due_from=due_from,
        due_to=due_to,
        sort=column,
        is_descending=is_descending,
        limit=limit,
    )
    with session.ledger(context) as db:
        if borrower is not None:
            borrowers.one(db, borrower)
        _check_products(db, products or [])
        found, totals = loans_on(db, context.as_of, wanted, ageing)
    rows = [{**row, "name": mask_name(row["name"])} for row in found]
    screen = SCREEN + (WHY if restructured else BEHIND if late or buckets or classes else AHEAD)
    screen += ("class_why",) if any(row["class_why"] for row in rows) else ()
    show(rows, format=output_format, output=output, title="loans", screen=screen, lang=context.lang)
    talk(context, "loan.listed", shown=f"{len(rows):,}", **_told(totals))


def _told(totals: "Totals") -> dict[str, str]:
    return {
        "count": f"{totals.loans:,}",
        "outstanding": yuan(totals.outstanding_fen),
        "due": yuan(totals.due_fen),
        "late": f"{totals.late_loans:,}",
        "at_risk": percent(totals.at_risk_ppm),
        "non_performing": yuan(totals.non_performing_fen),
    }


def _order(text: str) -> tuple[str, bool]:
    """'-due_fen' → the column, and whether the greatest comes first; an amount may be named without its unit."""
    from loancli.ledger.loan_list import COLUMNS

    name = text.removeprefix("-")
    known = {column.removesuffix("_fen"): column for column in COLUMNS} | dict.fromkeys(COLUMNS)
    if name not in known:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(COLUMNS)}", param_hint="--sort")
    return known[name] or name, text.startswith("-")


def _buckets(names: list[str], ageing: "Ageing") -> list[str]:
    known = [bucket.name for bucket in ageing.buckets]
    return [_one_of(name, known, "--bucket") for name in names]


def _classes(names: list[str]) -> list[str]:
    from loancli.servicing.asset_class import AssetClass

    return [_one_of(name, [each.value for each in AssetClass], "--class") for name in names]


def _one_of(name: str, known: list[str], option: str) -> str:
    if name not in known:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(known)}", param_hint=option)
    return name


def _check_products(db: "Connection", codes: list[str]) -> None:
    from loancli.ledger.loan_list import products_of

    known = products_of(db)
    for code in codes:
        if code not in known:
            raise NotFoundError(f"no loan is on a product '{code}'; there are: {', '.join(known) or 'none yet'}")
