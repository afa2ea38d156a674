"""Rows that could not be taken, as a file for the person who corrects them."""

from collections.abc import Sequence
from pathlib import Path

from loancli.cli.options import Context, Format, now
from loancli.cli.render import show, talk
from loancli.core.errors import Problem
from loancli.texts.refusals import refusal


def write_rejects(context: Context, problems: Sequence[Problem], rejects: Path | None) -> None:
    """File, row, column and reason of each, as CSV; without a name, into a new file of this minute."""
    path = rejects or Path(f"rejected-{now():%Y%m%d-%H%M%S}.csv")
    rows = [
        {
            "file": each.file_name,
            "row": each.row,
            "column": each.column,
            "reason": refusal(each.message, context.lang),
        }
        for each in problems
    ]
    show(rows, format=Format.CSV, output=path, lang=context.lang)
    talk(context, "import.refused", count=len(problems), file=path)
