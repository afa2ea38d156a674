"""loancli loan import: a portfolio that was signed elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.exit import Exit
from loancli.cli.options import Context, DryRunOption, FormatOption, OutputOption, amount, context_of
from loancli.cli.rejects import write_rejects
from loancli.cli.render import counting, show, talk
from loancli.cli.sheet import read_sheet
from loancli.core.errors import InputError, Problem, input_error
from loancli.core.money import yuan
from loancli.texts.refusals import refusal

if TYPE_CHECKING:
    from loancli.jobs.import_loans import Imported, Portfolio

DEAR_SHOWN_MAX = 5
LONG_ROWS = 2_000  # a file is worth a progress bar from here on
SCREEN = ("product", "new", "same", "principal_fen", "paid_fen", "outstanding_fen", "late")


def import_(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV or XLSX: loan_id, borrower_id, product, principal, signed_on, outstanding;"
            " periods, first_due_on, paid_until where needed."
        ),
    ],
    payments: Annotated[
        Path | None,
        typer.Option(
            "--payments",
            metavar="FILE",
            dir_okay=False,
            help="CSV or XLSX of what was paid since: loan_id, paid_on, amount; kind draw for draws of a credit line.",
        ),
    ] = None,
    expected: Annotated[
        int | None,
        typer.Option(
            "--expect-outstanding", parser=amount, metavar="YUAN", help="What the column outstanding must come to."
        ),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Take the good loans, write the bad rows to --rejects, exit 5.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="FILE", dir_okay=False, help="Where bad rows go, as CSV.")
    ] = None,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Take over loans that were signed elsewhere: each is computed from its first day, and must come to what is stated.

    A row is a loan; outstanding is its principal at the end of --as-of. All rows, or none and every bad one named.
    """
    from loancli.jobs.import_loans import import_loans

    context = context_of(ctx)
    portfolio, problems = _read(context, file, payments)
    if any(_is_anybodys(problem, portfolio) for problem in problems):
        raise input_error(problems)
    if keep_going or not problems:
        _check_sum(portfolio, expected)
    count = len(portfolio.loans)
    with session.change(context, dry_run=dry_run) as db, counting(file.name, count, LONG_ROWS, context) as watch:
        done = import_loans(
            db,
            portfolio,
            calendar=session.calendar(context),
            ceilings=session.ceilings(context),
            ageing=session.ageing(context),
            stamp=session.stamp(context),
            is_all_or_nothing=not keep_going,
            watch=watch,
        )
        problems = sorted(problems + done.refused, key=lambda problem: (problem.file_name, problem.row or 0))
        if problems and not keep_going:
            raise input_error(problems)
    show(_rows(done), format=output_format, output=output, title="import", screen=SCREEN, lang=context.lang)
    _tell(context, done, len(problems), dry_run=dry_run)
    if not problems:
        return
    if dry_run:
        for problem in problems:
            talk(context, "import.warning", warning=refusal(str(problem), context.lang))
    else:
        write_rejects(context, problems, rejects)
    raise typer.Exit(Exit.PARTIAL)


def _read(context: Context, file: Path, payments: Path | None) -> tuple["Portfolio", list[Problem]]:
    """The rows of both files, and what is wrong with others."""
    from loancli.jobs.import_loans import Portfolio
    from loancli.servicing.portfolio_file import Past, read_loans, read_past

    sheet = read_sheet(file)
    loans, problems = read_loans(
        sheet.columns, sheet.rows, sheet.file_name, lambda code: session.product(context, code)
    )
    if not loans.rows and not problems:
        raise InputError(f"{sheet.file_name}: there are no rows; write one for each loan")
    past, past_name = Past({}, frozenset()), ""
    if payments:
        other = read_sheet(payments)
        past, wrong = read_past(other.columns, other.rows, other.file_name)
        past_name = other.file_name
        problems += wrong
    return Portfolio(sheet.file_name, *loans, past_name, past), problems


def _is_anybodys(problem: Problem, portfolio: "Portfolio") -> bool:
    """A payment of which not even the loan can be read: it may belong to any loan of the file."""
    return problem.file_name == portfolio.past_name and problem.column is None


def _check_sum(portfolio: "Portfolio", expected_fen: int | None) -> None:
    stated_fen = sum(row.outstanding_fen for row in portfolio.loans)
    if expected_fen is not None and stated_fen != expected_fen:
        raise InputError(
            f"{portfolio.file_name}: outstanding: the rows come to {yuan(stated_fen)} yuan, not to"
            f" {yuan(expected_fen)}; nothing was written"
        )


def _rows(done: "Imported") -> list[dict[str, Any]]:
    """What was taken by product, and the total."""
    names = SCREEN[1:]
    rows = [
        {"product": product, **{name: getattr(sums, name) for name in names}}
        for product, sums in sorted(done.sums.items())
    ]
    return [*rows, {"product": "total", **{name: sum(row[name] for row in rows) for name in names}}]


def _tell(context: Context, done: "Imported", refused: int, *, dry_run: bool) -> None:
    sums = done.sums.values()
    session.tell(
        context,
        "loan.imported",
        dry_run=dry_run,
        new=f"{sum(each.new for each in sums):,}",
        same=f"{sum(each.same for each in sums):,}",
        refused=f"{refused:,}",
        outstanding=yuan(sum(each.outstanding_fen for each in sums)),
    )
    if done.dear:
        shown = ", ".join(done.dear[:DEAR_SHOWN_MAX]) + (" …" if len(done.dear) > DEAR_SHOWN_MAX else "")
        talk(context, "loan.dear", count=len(done.dear), loans=shown)
