"""Rows that a lender and a borrower agreed on one by one (自定义还款): the file they come in, row by row."""

from collections.abc import Iterable, Sequence
from datetime import date

from loancli.core.errors import InputError, Problem, input_error
from loancli.core.money import fen_of
from loancli.core.rates import PPM, percent, share_ppm_of
from loancli.plan.cells import Cells, cells_of, checked_columns, day_of
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.rows import OwnRow

COLUMNS = ("number", "due_on", "principal", "share")


def read_own_rows(columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], file_name: str) -> list[OwnRow]:
    """The rows of a table: number, and principal in yuan or as a share; due_on, or else the product's own days.

    Raises InputError with every problem: file, row and column.
    """
    names = checked_columns(columns, COLUMNS, file_name)
    if "number" not in names or ("principal" in names) == ("share" in names):
        raise InputError(f"{file_name}:1: the columns are number, due_on if days are agreed, and principal or share")
    problems: list[Problem] = []
    found: list[OwnRow] = []
    for cells in cells_of(names, rows, file_name, problems):
        found.append(_own_row(cells, len(found) + 1, found[-1].due_on if found else None))
        if len(found) > PERIODS_MAX:
            cells.refuse("number", f"a plan has at most {PERIODS_MAX} instalments")
            break
    if not found and not problems:
        raise InputError(f"{file_name}: there are no rows; write one for each instalment")
    if not problems and "share" in names and sum(row.share_ppm for row in found) != PPM:
        raise InputError(f"{file_name}: share: they sum to {percent(sum(row.share_ppm for row in found))}, not 100%")
    if problems:
        raise input_error(problems)
    return found


def _own_row(cells: Cells, number: int, before_on: date | None) -> OwnRow:
    if cells["number"] != str(number):
        cells.refuse("number", f"'{cells['number'][:40]}' is not {number}; rows are numbered 1, 2, 3 …")
    due_on = cells.read("due_on", day_of, None) if "due_on" in cells else None
    if due_on and before_on and due_on <= before_on:
        cells.refuse("due_on", f"{due_on} is not after {before_on}")
    share_ppm = cells.read("share", share_ppm_of, 0) if "share" in cells else 0
    principal_fen = cells.read("principal", fen_of, 0) if "principal" in cells else 0
    return OwnRow(due_on=due_on, principal_fen=principal_fen, share_ppm=share_ppm)
