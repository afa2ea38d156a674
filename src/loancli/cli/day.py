"""loancli day: close business days, and see what they came to."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.options import Context, DryRunOption, Format, FormatOption, OutputOption, context_of, day
from loancli.cli.render import kind_of, progress, show, talk

app = typer.Typer()
GROUPS = ("buckets", "classes")
SCREEN = (
    "day",
    "active_loans",
    "outstanding_fen",
    "late",
    "par30_ppm",
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
    calendar, ageing, stamp = session.calendar(context), session.ageing(context), session.stamp(context)
    with session.ledger(context) as db:
        first_on = open_day(db)
        total = max(0, (last_on - first_on).days + 1)
        if dry_run:
            lines = try_through(db, last_on, calendar=calendar, ageing=ageing, stamp=stamp)
        else:
            closing = close_through(db, last_on, calendar=calendar, ageing=ageing, stamp=stamp)
            lines = list(progress(closing, total=total, label="day close", quiet=context.quiet))
    if not lines:
        talk(context, "day.nothing", day=first_on)
        return
    rows = [_row(line) for line in lines]
    _show(context, rows, "closed", output_format, output)
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
    _show(context, [_row(line) for line in found], "days", output_format, output)


def _show(
    context: Context, rows: list[dict[str, Any]], title: str, output_format: Format | None, output: Path | None
) -> None:
    """The lines; a table leaves the groups out, which are rows of their own."""
    is_table = kind_of(output_format, output) is Format.TABLE
    columns = [name for name in rows[0] if name not in GROUPS] if is_table and rows else None
    show(rows, format=output_format, output=output, title=title, columns=columns, screen=SCREEN, lang=context.lang)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    """A day's line, its late loans counted first; the groups that they fall into at the end, for programs.

    The first versions did not tell classes; of such a day they are not known.
    """
    from loancli.servicing.delinquency import AssetClass

    told = {name: value for name, value in line.items() if name not in {"late", "classes", "par30_ppm"}}
    classes: dict[str, dict[str, int]] | None = line.get("classes")
    non_performing_fen = None
    if classes is not None:
        bad = [group for name, group in classes.items() if AssetClass(name).is_non_performing]
        non_performing_fen = sum(group["outstanding_fen"] for group in bad)
    return {
        **told,
        "late": sum(group["loans"] for group in line["late"].values()),
        "par30_ppm": line.get("par30_ppm"),
        "non_performing_fen": non_performing_fen,
        "buckets": [{"bucket": name, **group} for name, group in line["late"].items()],
        "classes": [{"asset_class": name, **group} for name, group in (classes or {}).items()],
    }
