"""What `plan batch` shows: a line for each instalment of each loan, what they come to, and the rows without a plan."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from loancli.cli import session
from loancli.cli.exit import Exit
from loancli.cli.lines import Block, show_csv, show_json
from loancli.cli.options import Context, Format
from loancli.cli.render import show, talk
from loancli.cli.sheet import read_sheet
from loancli.core.errors import Problem, input_error
from loancli.core.money import yuan
from loancli.plan.batch import Batch, Wanted, plan_all, problem_of, read_batch
from loancli.texts.refusals import refusal

if TYPE_CHECKING:
    from loancli.plan.columns import Plans
    from loancli.plan.int_columns import Columns

COLUMNS = ("id", "number", "due_on", "due_fen", "principal_fen", "interest_fen", "fee_fen", "left_fen")
REFUSED_SHOWN_MAX = 20


def answer(context: Context, file: Path, *, output_format: Format | None, output: Path | None) -> None:
    """Plan the loans of the file. Exit 5 if some rows have no plan. InputError if none has one."""
    sheet = read_sheet(file)
    wanted, problems = read_batch(
        sheet.columns, sheet.rows, sheet.file_name, lambda code: session.product(context, code)
    )
    calendar = session.calendar(context)
    batch = plan_all([each.asked for each in wanted], calendar)
    for each, place in zip(wanted, batch.places, strict=True):
        if isinstance(place, str):
            problems.append(problem_of(each, place, sheet.file_name))
    problems.sort(key=lambda problem: problem.row or 0)
    planned = sum(not isinstance(place, str) for place in batch.places)
    if not planned:
        raise input_error(problems)
    summary = _summary(batch, planned, {problem.row for problem in problems})
    _show(context, summary, wanted, batch, problems, output_format, output)
    last_on = max(plans.dues[-1].due_on for plans in batch.groups)
    if not calendar.is_known(last_on):
        talk(context, "plan.calendar_ends", day=calendar.known_until)
    told = {name: yuan(value) if name.endswith("_fen") else f"{value:,}" for name, value in summary.items()}
    talk(context, "batch.done", **told)
    if problems:
        for problem in problems[:REFUSED_SHOWN_MAX]:
            talk(context, "batch.refused", problem=refusal(str(problem), context.lang))
        if len(problems) > REFUSED_SHOWN_MAX:
            talk(context, "batch.more", count=len(problems) - REFUSED_SHOWN_MAX)
        raise typer.Exit(Exit.PARTIAL)


def _show(
    context: Context,
    summary: dict[str, int],
    wanted: Sequence[Wanted],
    batch: Batch,
    problems: Sequence[Problem],
    output_format: Format | None,
    output: Path | None,
) -> None:
    if session.as_json(output_format, output):
        refused = [{"row": problem.row, "column": problem.column, "message": problem.message} for problem in problems]
        blocks = _blocks(wanted, batch, lambda day: f'"{day}"')
        show_json({**summary, "refused": refused}, COLUMNS, blocks, output=output)
    elif output_format is Format.CSV or (output_format is None and output and output.suffix.lower() == ".csv"):
        show_csv(COLUMNS, _blocks(wanted, batch, str), output=output)
    else:
        rows = [
            dict(zip(COLUMNS, (loan_id, *cells), strict=True))
            for loan_id, lines in _blocks(wanted, batch, lambda day: day)
            for cells in lines
        ]
        show(rows, format=output_format, output=output, columns=COLUMNS, title="batch", lang=context.lang)


def _summary(batch: Batch, planned: int, refused: set[int | None]) -> dict[str, int]:
    """What the plans come to."""

    def total(name: str) -> int:
        return sum(int(getattr(plans, name).sum()) for plans in batch.groups)

    parts = {name: total(name) for name in ("principal_fen", "interest_fen", "fee_fen")}
    instalments = sum(len(plans.dues) * int((~plans.is_refused).sum()) for plans in batch.groups)
    return {
        "loans": planned,
        "refused_rows": len(refused),
        "instalments": instalments,
        **parts,
        "total_fen": sum(parts.values()),
    }


def _blocks(wanted: Sequence[Wanted], batch: Batch, day_as: Callable[[date], Any]) -> Iterator[Block]:
    """Each loan's id and the rest of its lines, in the order of the file."""
    groups = [([day_as(due.due_on) for due in plans.dues], _loan_by_loan(plans)) for plans in batch.groups]
    for each, place in zip(wanted, batch.places, strict=True):
        if not isinstance(place, str):
            days, columns = groups[place.group]
            amounts = [column[place.lane].tolist() for column in columns]
            yield Block(each.loan_id, zip(range(1, len(days) + 1), days, *amounts, strict=True))


def _loan_by_loan(plans: "Plans") -> list["Columns"]:
    """The amounts of a group with a row for each loan: due, its three parts, what is left."""
    parts = (plans.principal_fen, plans.interest_fen, plans.fee_fen)
    left_fen = plans.principal_fen.sum(axis=0) - np.cumsum(plans.principal_fen, axis=0)
    return [np.ascontiguousarray(column.T) for column in (parts[0] + parts[1] + parts[2], *parts, left_fen)]
