"""loancli import: read payment exports, as repayments received or as a borrower's revenue."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from loancli.cli import session
from loancli.cli.cells import visible
from loancli.cli.exit import Exit
from loancli.cli.options import Context, DryRunOption, FormatOption, OutputOption, context_of, now
from loancli.cli.rejects import write_rejects
from loancli.cli.render import counting, show, talk
from loancli.core.errors import InputError, NotFoundError, Problem
from loancli.texts import say
from loancli.texts.refusals import refusal

if TYPE_CHECKING:
    from datetime import date
    from sqlite3 import Connection

    from loancli.imports.containers import Member, Passwords
    from loancli.jobs.take_statement import ImportReport, Reading

app = typer.Typer()
LONG_BYTES = 2_000_000  # a file is worth a progress bar from here on
STDIN = "-"
GAPS_SHOWN_MAX = 3


class ReadAs(StrEnum):
    """What a file is evidence of."""

    REPAYMENTS = "repayments"
    REVENUE = "revenue"


@app.command()
def import_files(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Exports as they came: files, archives, folders, patterns, or - (stdin)."),
    ],
    read_as: Annotated[ReadAs, typer.Option("--as", help="repayments: your own account; revenue: a borrower's.")],
    borrower: Annotated[str | None, typer.Option("--borrower", metavar="ID", help="Whose revenue it is.")] = None,
    password_env: Annotated[
        list[str] | None,
        typer.Option("--password-env", metavar="NAME", help="Environment variable with an archive's password."),
    ] = None,
    shop: Annotated[
        list[str] | None,
        typer.Option(
            "--shop", metavar="NUMBER", help="Only this shop's rows (特约商户号) of a service provider's bill."
        ),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Book the good rows, write the bad ones to --rejects, exit 5.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="FILE", dir_okay=False, help="Where bad rows go, as CSV.")
    ] = None,
    accept_totals_mismatch: Annotated[
        bool,
        typer.Option("--accept-totals-mismatch", help="Book a merchant bill whose totals differ from its rows; noted."),
    ] = False,
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
    from loancli.jobs.take_statement import Reading, check_summaries

    context = context_of(ctx)
    if (read_as is ReadAs.REVENUE) != (borrower is not None):
        raise typer.BadParameter("revenue needs --borrower, repayments take none", param_hint="--borrower")
    how = Reading(
        encoding=encoding,
        shops=frozenset(shop or ()),
        keep_going=keep_going,
        accept_mismatch=accept_totals_mismatch,
        latest_on=max(now().date(), context.as_of),
    )
    passwords = _passwords(password_env or [], context)
    given = list(_given(files))
    with session.change(context, dry_run=dry_run) as db:
        reports, refused = _read(context, db, given, borrower, passwords, how)
        check_summaries(db, reports, how)
        gaps = _gaps(db, borrower, reports) if borrower else {}
    _tell(context, read_as, reports, gaps, output_format, output)
    refused += [problem for report in reports for problem in report.refused]
    if dry_run:
        for problem in refused:
            talk(context, "import.warning", warning=problem)
        talk(context, "import.dry_run")
    elif refused:
        write_rejects(context, refused, rejects)
    waits = any(report.placed.suspense_count or report.placed.warnings or report.conflicts for report in reports)
    if refused or waits:
        raise typer.Exit(Exit.PARTIAL)


def _read(
    context: Context,
    db: "Connection",
    given: Sequence[Path | str],
    borrower: str | None,
    passwords: "Passwords",
    how: "Reading",
) -> tuple[list["ImportReport"], list[Problem]]:
    """Every file and member, in order; with keep_going also what of them could not be read at all."""
    from loancli.jobs.take_statement import take_statement

    rules = session.revenue_rules(context) if borrower else {}
    pairs = session.revenue_pairs(context).pairs if borrower else None
    reports: list[ImportReport] = []
    refused: list[Problem] = []
    for each in given:
        with _opened(each) as (file, name):
            members = _members(file, name, passwords)
            while True:
                try:
                    with _attempt(db, how):
                        member = next(members, None)
                        if member is None:
                            break
                        name = member.name
                        with counting(name, _size(member.file), LONG_BYTES, context) as watch:
                            reports.append(
                                take_statement(
                                    db,
                                    member.file,
                                    name,
                                    borrower_id=borrower,
                                    rules=rules,
                                    pairs=pairs,
                                    stamp=session.stamp(context),
                                    how=how,
                                    watch=watch,
                                )
                            )
                except InputError as error:
                    if not how.keep_going:
                        raise
                    refused += [
                        Problem(file_name=name, row=None, column=None, message=line.removeprefix(f"{name}: "))
                        for line in str(error).splitlines()
                    ]
    return reports, refused


def _members(file: BinaryIO, name: str, passwords: "Passwords") -> Iterator["Member"]:
    from loancli.imports.containers import members

    return members(file, name, passwords)


def _attempt(db: "Connection", how: "Reading") -> AbstractContextManager[None]:
    from loancli.ledger.connect import attempt

    return attempt(db) if how.keep_going else nullcontext()


@contextmanager
def _opened(given: Path | str) -> Iterator[tuple[BinaryIO, str]]:
    if isinstance(given, Path):
        with given.open("rb") as file:
            yield file, visible(given.name)
        return
    from loancli.imports.text import FILE_BYTES_MAX

    data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    yield io.BytesIO(data), "stdin"


def _given(words: Sequence[str]) -> Iterator[Path | str]:
    """What the words name: '-', a file, every file below a folder, or what a pattern finds that no shell expanded."""
    for word in words:
        path = Path(word)
        if word == STDIN:
            yield STDIN
        elif path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each, path))
            if not found:
                raise NotFoundError(f"{visible(word)}: no file in this folder")
            yield from found
        elif path.is_file():
            yield path
        elif path.exists() or path.is_symlink():
            raise NotFoundError(f"{visible(word)}: is no regular file (a pipe, a device, or a link to nothing)")
        elif any(mark in word for mark in "*?["):
            base = Path(path.anchor) if path.is_absolute() else Path()
            matched = sorted(each for each in base.glob(str(path.relative_to(path.anchor))) if each.is_file())
            if not matched:
                raise NotFoundError(f"{visible(word)}: no file matches")
            yield from matched
        else:
            raise NotFoundError(f"{visible(word)}: no such file")


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _passwords(names: Sequence[str], context: Context) -> "Passwords":
    """Passwords from the environment; else, on a terminal, asked for once an archive. Never from an argument."""
    for name in names:
        if not os.environ.get(name):
            raise typer.BadParameter(
                say("import.no_password_in", context.lang, name=visible(name)), param_hint="--password-env"
            )

    def ask(archive: str) -> Sequence[str]:
        if names:
            return [os.environ[name] for name in names]
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return ()
        question = say("import.password", context.lang, file=visible(archive))
        return [str(typer.prompt(question, hide_input=True, err=True))]

    return ask


def _gaps(db: "Connection", borrower: str, reports: Sequence["ImportReport"]) -> dict[int, list[tuple["date", "date"]]]:
    """For each report the runs of days of its period on which no file of the borrower has any row."""
    from loancli.ledger.statements import empty_days

    return {
        at: empty_days(db, borrower, report.from_on, report.to_on)
        for at, report in enumerate(reports)
        if report.from_on and report.to_on
    }


SCREEN = {
    ReadAs.REVENUE: ("file", "rows", "new", "sure_fen", "possible_fen", "excluded_fen", "reduction_fen", "days_empty"),
    ReadAs.REPAYMENTS: ("file", "rows", "new", "in_fen", "placed", "unmatched", "reversed", "messages_cancelled"),
}


def _tell(
    context: Context,
    read_as: ReadAs,
    reports: Sequence["ImportReport"],
    gaps: dict[int, list[tuple["date", "date"]]],
    output_format: Any,
    output: Path | None,
) -> None:
    rows = [_shown(report, gaps.get(at)) for at, report in enumerate(reports)]
    show(rows, format=output_format, output=output, title="import", screen=SCREEN[read_as], lang=context.lang)
    for at, report in enumerate(reports):
        if report.already_imported:
            talk(context, "import.same_file", file=report.file_name)
        for warning in report.warnings:
            talk(context, "import.warning", warning=refusal(warning, context.lang))
        if report.doubled_count:
            talk(context, "import.doubled", file=report.file_name, count=report.doubled_count)
        for conflict in report.conflicts:
            talk(context, "import.conflict", conflict=conflict)
        longest = sorted(gaps.get(at, ()), key=lambda run: run[0] - run[1])[:GAPS_SHOWN_MAX]
        if any((last - first).days for first, last in longest):
            told = "; ".join(str(first) if first == last else f"{first} – {last}" for first, last in longest)
            talk(context, "import.gaps", file=report.file_name, count=rows[at]["days_empty"], gaps=told)
    waiting = sum(report.placed.suspense_count for report in reports)
    if waiting:
        talk(context, "import.waiting", count=waiting)


def _shown(report: "ImportReport", gaps: list[tuple["date", "date"]] | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "file": report.file_name,
        "format": report.format,
        "rows": report.row_count,
        "new": report.new_count,
        "seen": report.seen_count,
        "corrected": report.changed_count,
        "doubled": report.doubled_count,
        "refused": len(report.refused),
        "from_on": report.from_on,
        "to_on": report.to_on,
    }
    for direction in ("in", "out", "neutral"):
        count, amount_fen = report.sums_fen.get(direction, (0, 0))
        row[f"{direction}_rows"] = count
        row[f"{direction}_fen"] = amount_fen
    if report.read_as == "revenue":
        for kind in ("sure", "possible", "excluded", "reduction"):
            row[f"{kind}_fen"] = report.revenue_fen.get(kind, (0, 0))[1]
        row["days_empty"] = None if gaps is None else sum((last - first).days + 1 for first, last in gaps)
    else:
        row |= {
            "placed": report.placed.placed_count,
            "unmatched": report.placed.suspense_count,
            "reversed": report.placed.reversed_count,
            "messages_cancelled": report.placed.cancelled_count,
        }
    return row
