"""The cells of a table that a person filled in: each converted, or refused by file, row and column."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from loancli.core.days import date_of
from loancli.core.errors import InputError, Problem

_MIDNIGHT = " 00:00:00"  # a day of a workbook as its text
_SLASHED = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", re.ASCII)  # a day in a CSV that Excel saved
T = TypeVar("T")


@dataclass(slots=True)
class Cells:
    """One row of a file: cells by column, and what is wrong with them."""

    file_name: str
    line: int
    cells: dict[str, str]
    problems: list[Problem]

    def __contains__(self, column: str) -> bool:
        return column in self.cells

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def read(self, column: str, convert: Callable[[str], T], otherwise: T) -> T:
        """The cell converted; `otherwise`, and a problem more, where that is an InputError."""
        try:
            return convert(self.cells[column])
        except InputError as error:
            self.refuse(column, str(error))
            return otherwise

    def refuse(self, column: str | None, message: str) -> None:
        self.problems.append(Problem(file_name=self.file_name, row=self.line, column=column, message=message))


def day_of(text: str) -> date:
    """'2026-11-23', also as a workbook's cell shows a day, or a CSV that Excel saved: '2026/11/3'. InputError."""
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        year, month, day = slashed.groups()
        text = f"{year}-{month:0>2}-{day:0>2}"
    return date_of(text.removesuffix(_MIDNIGHT), "")


def checked_columns(columns: Sequence[str], allowed: Sequence[str], file_name: str) -> list[str]:
    """The names of a table's columns. InputError for one that is not allowed, or twice there."""
    names = [name.strip() for name in columns]
    unknown = [name for name in names if name not in allowed]
    if unknown or len(set(names)) != len(names):
        wrong = unknown[0] if unknown else next(name for name in names if names.count(name) > 1)
        raise InputError(f"{file_name}:1: column '{wrong[:40]}'; allowed: {', '.join(allowed)}, each at most once")
    return names


def cells_of(
    names: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], file_name: str, problems: list[Problem]
) -> Iterator[Cells]:
    """The rows that have as many cells as there are columns; each other one is a problem."""
    for line, cells in rows:
        if len(cells) == len(names):
            by_column = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
            yield Cells(file_name, line, by_column, problems)
        else:
            message = f"{len(cells)} cells; the first row has {len(names)}"
            problems.append(Problem(file_name=file_name, row=line, column=None, message=message))
