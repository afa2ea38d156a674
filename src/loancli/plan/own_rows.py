"""Rows that a lender and a borrower agreed on one by one (自定义还款): the file they come in, row by row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from loancli.core.days import date_of
from loancli.core.errors import InputError, Problem, input_error
from loancli.core.money import fen_of
from loancli.core.rates import PPM, percent, share_ppm_of
from loancli.plan.due_days import PERIODS_MAX
from loancli.plan.rows import OwnRow

COLUMNS = ("number", "due_on", "principal", "share")
T = TypeVar("T")


@dataclass(slots=True)
class _Reader:
    """One row of the file: cells by column, and what is wrong with them."""

    file_name: str
    line: int
    cells: dict[str, str]
    problems: list[Problem]

    def read(self, column: str, convert: Callable[[str], T], otherwise: T) -> T:
        try:
            return convert(self.cells[column])
        except InputError as error:
            self.refuse(column, str(error))
            return otherwise

    def refuse(self, column: str, message: str) -> None:
        self.problems.append(Problem(file_name=self.file_name, row=self.line, column=column, message=message))


def read_own_rows(columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], file_name: str) -> list[OwnRow]:
    """The rows of a table: number, and principal in yuan or as a share; due_on, or else the product's own days.

    Raises InputError with every problem: file, row and column.
    """
    names = [name.strip() for name in columns]
    _check_columns(names, file_name)
    problems: list[Problem] = []
    found: list[OwnRow] = []
    for line, cells in rows:
        if len(cells) != len(names):
            message = f"{len(cells)} cells; the first row has {len(names)}"
            problems.append(Problem(file_name=file_name, row=line, column=None, message=message))
            continue
        reader = _Reader(
            file_name, line, {name: cell.strip() for name, cell in zip(names, cells, strict=True)}, problems
        )
        found.append(_own_row(reader, len(found) + 1, found[-1].due_on if found else None))
        if len(found) > PERIODS_MAX:
            reader.refuse("number", f"a plan has at most {PERIODS_MAX} instalments")
            break
    if not found and not problems:
        raise InputError(f"{file_name}: there are no rows; write one for each instalment")
    if not problems and "share" in names and sum(row.share_ppm for row in found) != PPM:
        raise InputError(f"{file_name}: share: they sum to {percent(sum(row.share_ppm for row in found))}, not 100%")
    if problems:
        raise input_error(problems)
    return found


def _check_columns(names: Sequence[str], file_name: str) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or len(set(names)) != len(names):
        wrong = unknown[0] if unknown else next(name for name in names if names.count(name) > 1)
        raise InputError(f"{file_name}:1: column '{wrong[:40]}'; allowed: {', '.join(COLUMNS)}, each at most once")
    if "number" not in names or ("principal" in names) == ("share" in names):
        raise InputError(f"{file_name}:1: the columns are number, due_on if days are agreed, and principal or share")


def _own_row(reader: _Reader, number: int, before_on: date | None) -> OwnRow:
    cells = reader.cells
    if cells["number"] != str(number):
        reader.refuse("number", f"'{cells['number'][:40]}' is not {number}; rows are numbered 1, 2, 3 …")
    due_on = reader.read("due_on", lambda text: date_of(text, ""), None) if "due_on" in cells else None
    if due_on and before_on and due_on <= before_on:
        reader.refuse("due_on", f"{due_on} is not after {before_on}")
    share_ppm = reader.read("share", share_ppm_of, 0) if "share" in cells else 0
    principal_fen = reader.read("principal", fen_of, 0) if "principal" in cells else 0
    return OwnRow(due_on=due_on, principal_fen=principal_fen, share_ppm=share_ppm)
