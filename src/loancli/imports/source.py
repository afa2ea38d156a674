"""What a format reads from: a table of cells, wherever it stands (text.py, workbook.py). Limits stand here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from loancli.core.errors import Problem

ROWS_MAX = 2_000_000
COLUMNS_MAX = 64
CELL_CHARS_MAX = 4096
HEAD_LINES = 80
TRIMMED = " \t\r\n\u3000\u00a0\ufeff`"
TOO_LONG = f"a cell of more than {CELL_CHARS_MAX:,} characters; no payment export has one"

Columns = Mapping[str, str | tuple[str, ...]]  # field → the column's name, or the names it had in turn
Repair = Callable[[list[str]], list[str] | None]  # puts a row with too many cells right; None: it cannot


def column_name(cell: str) -> str:
    """A cell of the header as a name: '金额（元） ' → '金额(元)'."""
    return cell.strip(TRIMMED).replace("（", "(").replace("）", ")")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The first rows of what may hold a statement: a text split at one delimiter, or a sheet of a workbook."""

    name: str  # of the sheet; '' for a text
    delimiter: str
    rows: list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the columns stand. `positions`: field → its first column. A line that starts with one of `ends` ends it."""

    header_line: int
    table: str
    delimiter: str
    columns: tuple[str, ...]
    positions: dict[str, int]
    width_min: int
    ends: tuple[str, ...] = ()
    is_ticked: bool = False  # a back-tick before each value, as in WeChat's merchant bills

    def column(self, index: int) -> str:
        return self.columns[index] if index < len(self.columns) and self.columns[index] else f"column {index + 1}"


class Source(Protocol):
    """An opened file. `layout` is set once the header is found, `tail` once the rows were read."""

    file_name: str
    encoding: str  # utf-8 | utf-8-sig | gb18030 | utf-16 | xlsx
    layout: Layout | None
    tail: list[str]  # the lines below the table

    def tables(self) -> list[Table]:
        """What may hold the header, each with its first rows."""

    def check_head(self) -> None:
        """Look at the first lines as strictly as reading them does. Raises InputError with the damaged place."""

    def records(self, layout: Layout, repaired: Repair) -> Iterator[tuple[int, list[str] | Problem]]:
        """(line, cells) for each row after the header; a Problem for one that cannot be told apart; no blank rows."""

    def records_with(self, layout: Layout, *words: str) -> Iterator[list[str]]:
        """Only the rows that hold one of `words`, as cells."""

    def place(self, line: int, index: int) -> str:
        """What a message adds to a cell's place beside line and column: 'cell F2: ' in a workbook."""
