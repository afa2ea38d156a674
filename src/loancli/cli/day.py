"""loancli day: close business days, and see what they came to."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.exit import Exit
from loancli.cli.manifest import Run, manifest
from loancli.cli.options import Context, DryRunOption, Format, FormatOption, OutputOption, context_of, day
from loancli.cli.render import kind_of, progress, show, talk
from loancli.core.errors import InputError
from loancli.texts.refusals import refusal

app = typer.Typer()
GROUPS = ("buckets", "classes", "parked")
# Shown where there are any.
RARE = ("restructured_loans", "breathing_spaces", "ended_breathing_spaces", "lapsed_promises", "parked_loans")
SHOWN_MAX = 5  # parked loans that are named
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
    retry: Annotated[
        bool, typer.Option("--retry", help="Close no day, but take up again the loans that were parked.")
    ] = False,
    manifest_file: Annotated[
        Path | None,
        typer.Option(
            "--manifest", metavar="FILE", dir_okay=False, help="Keep what the run was and did in this JSON file."
        ),
    ] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Close every open day up to --through, in order; each day is one transaction. Running it again does nothing.

    A loan that cannot be worked on is parked: the others close, the next run takes it up again. Exit 5 while one is.
    """
    context = context_of(ctx)
    if retry and through:
        raise InputError("--retry: closes no day; leave --through out")
    last_on = through or context.as_of - timedelta(days=1)
    asked = {"retry": True} if retry else {"through": last_on.isoformat()}
    with manifest(manifest_file, context, **asked, dry_run=dry_run) as run:
        if retry:
            parked = _retry(context, run, dry_run=dry_run)
        else:
            parked = _close(context, run, last_on, dry_run=dry_run)
            if run.days:
                _show(context, run.days, "closed", output_format, output)
                key = "day.dry_run" if dry_run else "day.closed"
                talk(context, key, count=len(run.days), day=run.days[-1]["day"])
        for each in parked[:SHOWN_MAX]:
            reason = refusal(each["reason"], context.lang)
            talk(context, "day.parked", loan_id=each["loan_id"], day=each["since_on"], reason=reason)
        if parked:
            talk(context, "day.parked_in_all", count=len(parked))
            raise typer.Exit(Exit.PARTIAL)


def _close(context: Context, run: Run, last_on: date, *, dry_run: bool) -> list[dict[str, str]]:
    """Close the days, and return the loans that are parked after them."""
    from loancli.jobs.close_day import close_through, try_through
    from loancli.ledger import days

    calendar, ageing, stamp = session.calendar(context), session.ageing(context), session.stamp(context)
    with session.ledger(context) as db:
        run.look(db)
        first_on = days.open_day(db)
        total = max(0, (last_on - first_on).days + 1)
        if dry_run:
            lines = iter(try_through(db, last_on, calendar=calendar, ageing=ageing, stamp=stamp))
        else:
            closing = close_through(db, last_on, calendar=calendar, ageing=ageing, stamp=stamp)
            lines = progress(closing, total=total, label="day close", quiet=context.quiet)
        parked = days.parked(db)
        for line in lines:
            run.days.append(_row(line))
            parked = line["parked"]
            if not dry_run:
                run.look(db)
    if not run.days:
        talk(context, "day.nothing", day=first_on)
    return parked


def _retry(context: Context, run: Run, *, dry_run: bool) -> list[dict[str, str]]:
    """Take up the parked loans, and return those that stay parked."""
    from loancli.jobs.close_day import retry_parked

    with session.ledger(context) as db:
        run.look(db)
        with session.writing_to(db, dry_run=dry_run):
            taken_up, parked = retry_parked(db, calendar=session.calendar(context), stamp=session.stamp(context))
        run.taken_up += taken_up
        run.look(db)
    session.tell(context, "day.taken_up", dry_run=dry_run, count=len(taken_up))
    return parked


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
    screen = [*SCREEN, *(name for name in RARE if any(row[name] for row in rows))]
    show(rows, format=output_format, output=output, title=title, columns=columns, screen=screen, lang=context.lang)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    """A day's line, its late loans counted first; the groups that they fall into at the end, for programs.

    The first versions told less: of such a day, classes, restructured loans, promises and ends of spaces are not
    known.
    """
    from loancli.servicing.asset_class import AssetClass

    apart = {
        "late",
        "classes",
        "restructured",
        "par30_ppm",
        "par30_restructured_ppm",
        "ended_breathing_spaces",
        "lapsed_promises",
        "parked",
    }
    told = {name: value for name, value in line.items() if name not in apart}
    parked = line.get("parked", [])
    classes: dict[str, dict[str, int]] | None = line.get("classes")
    non_performing_fen = None
    if classes is not None:
        bad = [group for name, group in classes.items() if AssetClass(name).is_non_performing]
        non_performing_fen = sum(group["outstanding_fen"] for group in bad)
    return {
        **told,
        "late": sum(group["loans"] for group in line["late"].values()),
        "par30_ppm": line.get("par30_ppm"),
        "par30_restructured_ppm": line.get("par30_restructured_ppm"),
        "non_performing_fen": non_performing_fen,
        "restructured_loans": line.get("restructured", {}).get("loans"),
        "restructured_fen": line.get("restructured", {}).get("outstanding_fen"),
        "ended_breathing_spaces": line.get("ended_breathing_spaces"),
        "lapsed_promises": line.get("lapsed_promises"),
        "parked_loans": len(parked),
        "buckets": [{"bucket": name, **group} for name, group in line["late"].items()],
        "classes": [{"asset_class": name, **group} for name, group in (classes or {}).items()],
        "parked": parked,
    }
