"""loancli import: read payment exports, as repayments received or as a borrower's revenue."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.exit import Exit
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import counting, show, talk, visible
from loancli.core.errors import NotFoundError

if TYPE_CHECKING:
    from loancli.jobs.take_statement import ImportReport

app = typer.Typer()
LONG_BYTES = 2_000_000  # a file is worth a progress bar from here on


class ReadAs(StrEnum):
    """What a file is evidence of."""

    REPAYMENTS = "repayments"
    REVENUE = "revenue"


@app.command()
def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Exports as they were downloaded.")],
    read_as: Annotated[ReadAs, typer.Option("--as", help="repayments: your own account; revenue: a borrower's.")],
    borrower: Annotated[str | None, typer.Option("--borrower", metavar="ID", help="Whose revenue it is.")] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Only where the file's own evidence misleads.")
    ] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Read payment exports: found by content, checked, each transaction once. All files, or none.

    Every bad row is named with file, row and column.
    Exit 5 when rows need a person: money that is not matched, or the same number on different rows.
    """
    from loancli.jobs.take_statement import take_statement

    context = context_of(ctx)
    if (read_as is ReadAs.REVENUE) != (borrower is not None):
        raise typer.BadParameter("revenue needs --borrower, repayments take none", param_hint="--borrower")
    rules = session.revenue_rules(context) if borrower else {}
    reports = []
    with session.change(context, dry_run=dry_run) as db:
        for path in files:
            if not path.is_file():
                raise NotFoundError(f"{visible(str(path))}: no such file")
            with path.open("rb") as source, counting(path, LONG_BYTES, context) as watch:
                reports.append(
                    take_statement(
                        db,
                        source,
                        visible(path.name),
                        borrower_id=borrower,
                        rules=rules,
                        encoding=encoding,
                        stamp=session.stamp(context),
                        watch=watch,
                    )
                )
    rows = [_shown(report) for report in reports]
    show(rows, format=output_format, output=output, title="import", screen=SCREEN[read_as], lang=context.lang)
    for report in reports:
        if report.already_imported:
            talk(context, "import.same_file", file=report.file_name)
        for warning in report.warnings:
            talk(context, "import.warning", warning=warning)
        if report.conflicts:
            talk(context, "import.conflicts", file=report.file_name, count=len(report.conflicts))
    waiting = sum(report.placed.suspense_count for report in reports)
    if waiting:
        talk(context, "import.waiting", count=waiting)
    if dry_run:
        talk(context, "import.dry_run")
    if waiting or any(report.conflicts for report in reports):
        raise typer.Exit(Exit.PARTIAL)


SCREEN = {
    ReadAs.REVENUE: ("file", "rows", "new", "sure_fen", "possible_fen", "excluded_fen", "reduction_fen"),
    ReadAs.REPAYMENTS: ("file", "rows", "new", "in_fen", "placed", "unmatched", "reversed", "messages_cancelled"),
}


def _shown(report: "ImportReport") -> dict[str, Any]:
    row: dict[str, Any] = {
        "file": report.file_name,
        "format": report.format,
        "rows": report.row_count,
        "new": report.new_count,
        "seen": report.seen_count,
        "changed": report.changed_count,
        "from_on": report.from_on,
        "to_on": report.to_on,
    }
    for direction in ("in", "out", "neutral"):
        row[f"{direction}_fen"] = report.sums_fen.get(direction, (0, 0))[1]
    if report.read_as == "revenue":
        for kind in ("sure", "possible", "excluded", "reduction"):
            row[f"{kind}_fen"] = report.revenue_fen.get(kind, (0, 0))[1]
    else:
        row |= {
            "placed": report.placed.placed_count,
            "unmatched": report.placed.suspense_count,
            "reversed": report.placed.reversed_count,
            "messages_cancelled": report.placed.cancelled_count,
        }
    return row
