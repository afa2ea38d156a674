"""An XLSX workbook as tables of texts. Stored values are read, no formats, no formulas, no links.

What the workbook could do to us is looked for before it is parsed: the sizes its archive states, a DTD, formulas in the
sheets, and a cell so far out that a dense table up to it would not fit into memory.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO

from loancli.core.errors import InputError, Problem
from loancli.imports.containers import checked_infos
from loancli.imports.source import (
    CELL_CHARS_MAX,
    COLUMNS_MAX,
    HEAD_LINES,
    ROWS_MAX,
    TOO_LONG,
    TRIMMED,
    Layout,
    Repair,
    Table,
)

_BLOCK_BYTES = 1024 * 1024
_SEAM_BYTES = 64  # what is looked for may lie across two blocks
_EMPTY_ROWS_MAX = 10_000
_ROW_NUMBER = re.compile(rb'<row [^>]*?r="(\d+)"')
_FAR_COLUMN = re.compile(rb'<c r="(?:B[M-Z]|[C-Z][A-Z]|[A-Z]{3})\d')  # beyond BL, the 64th
_FORMULA = re.compile(rb'<c r="([A-Z]{1,2}\d+)"[^>]*><f[ />]')
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMULAS_MAX = 10_000


@dataclass(slots=True, kw_only=True)
class WorkbookSource:
    """An open workbook; all sheets are candidates until a header is found in one."""

    file_name: str
    workbook: Any  # CalamineWorkbook
    formulas: frozenset[str] = frozenset()  # cells of all sheets that hold one
    encoding: str = "xlsx"
    layout: Layout | None = None
    tail: list[str] = field(default_factory=list)

    def tables(self) -> list[Table]:
        """The first rows of every sheet."""
        return [
            Table(name=name, delimiter=",", rows=[cells for _, cells in islice(self.rows(name), HEAD_LINES)])
            for name in self.workbook.sheet_names
        ]

    def check_head(self) -> None:
        """A workbook is read whole or not at all."""

    def place(self, line: int, index: int) -> str:
        """'cell F2: '."""
        return f"cell {_letters(index)}{line}: "

    def records(self, layout: Layout, repaired: Repair) -> Iterator[tuple[int, list[str] | Problem]]:  # noqa: ARG002
        """(row, cells) for each row after the header; a Problem for one that cannot be used; no blank rows."""
        needed = sorted(layout.positions.values())
        for number, cells in self.rows(layout.table):
            if number <= layout.header_line:
                continue
            if number > layout.header_line + ROWS_MAX:
                raise InputError(f"{self.file_name}:{number}: more than {ROWS_MAX:,} rows; export a shorter period")
            text = "".join(cells)
            if not text.strip(TRIMMED):
                continue
            if layout.ends and cells[0].startswith(layout.ends):
                rest = [(number, cells), *((at, row) for at, row in self.rows(layout.table) if at > number)]
                self.tail = [",".join(row) for _, row in rest]
                return
            if (
                len(text) > CELL_CHARS_MAX
                and (at := next((i for i, c in enumerate(cells) if len(c) > CELL_CHARS_MAX), None)) is not None
            ):
                yield number, self._problem(layout, number, at, TOO_LONG)
            elif found := _CONTROL.search(text):
                at = next(i for i, cell in enumerate(cells) if found[0] in cell)
                message = f"control character 0x{ord(found[0]):02X}; no payment export has one, bring the original"
                yield number, self._problem(layout, number, at, message)
            elif self.formulas and (at := self._formula(number, needed)) is not None:
                message = "holds a formula; an export holds values: bring the file as the app sent it"
                yield number, self._problem(layout, number, at, message)
            else:
                yield number, cells

    def records_with(self, layout: Layout, *words: str) -> Iterator[list[str]]:
        """Only the rows in which one of `words` stands alone in a cell."""
        wanted = set(words)
        for _, cells in self.rows(layout.table):
            if not wanted.isdisjoint(cells):
                yield cells

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Row number, as the sheet shows it, and its cells as texts."""
        found = self.workbook.get_sheet_by_name(sheet)
        if found.height == 0 or found.start is None:
            return
        before = [""] * found.start[1]  # empty rows above the first are given, empty columns before it are not
        for number, row in enumerate(found.iter_rows(), start=1):
            yield number, before + [cell if type(cell) is str else _text(cell) for cell in row]

    def _formula(self, number: int, needed: list[int]) -> int | None:
        return next((at for at in needed if f"{_letters(at)}{number}" in self.formulas), None)

    def _problem(self, layout: Layout, number: int, index: int, message: str) -> Problem:
        column = layout.column(index)
        return Problem(
            file_name=self.file_name, row=number, column=column, message=f"{self.place(number, index)}{message}"
        )


def open_workbook(file: BinaryIO, file_name: str) -> WorkbookSource:
    """The workbook in a binary file. Raises InputError for one that is damaged or hostile."""
    formulas = _inspect(file, file_name)
    from python_calamine import CalamineWorkbook

    file.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the reader is none of Exception's children
        raise InputError(
            f"{file_name}: the workbook cannot be read ({type(error).__name__}); bring the original"
        ) from None
    return WorkbookSource(file_name=file_name, workbook=workbook, formulas=formulas)


def _inspect(file: BinaryIO, file_name: str) -> frozenset[str]:
    """The cells that hold formulas. Raises InputError for what no app writes into a workbook."""
    formulas: set[str] = set()
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            for info in checked_infos(archive, file_name):
                if not info.filename.endswith((".xml", ".rels")):
                    continue
                is_sheet = info.filename.startswith("xl/worksheets/")
                row_count = row_last = 0
                seam = b""
                with archive.open(info) as part:
                    while block := part.read(_BLOCK_BYTES):
                        text = seam + block
                        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                            raise InputError(f"{file_name}: the workbook contains a DTD; no app writes one")
                        if is_sheet:
                            row_count += block.count(b"<row")
                            if (at := text.rfind(b"<row ")) >= 0 and (match := _ROW_NUMBER.match(text, at)):
                                row_last = max(row_last, int(match[1]))
                            if row_last > row_count + _EMPTY_ROWS_MAX or _FAR_COLUMN.search(text):
                                raise InputError(
                                    f"{file_name}: a sheet reaches beyond {COLUMNS_MAX} columns or has more than "
                                    f"{_EMPTY_ROWS_MAX:,} empty rows; bring the original"
                                )
                            if b"<f" in text and len(formulas) < _FORMULAS_MAX:
                                formulas.update(match[1].decode() for match in _FORMULA.finditer(text))
                        seam = text[-_SEAM_BYTES:]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise InputError(f"{file_name}: the workbook is damaged or was cut off ({error})") from None
    return frozenset(formulas)


def _text(cell: Any) -> str:
    """A stored value as the text an export would show. A float as its shortest decimals: 28.16, 0.30000000000000004."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, datetime):
        if cell.microsecond:  # a serial number of days is never exact
            cell = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00"
    text: str = repr(cell)
    return text.removesuffix(".0")


def _letters(index: int) -> str:
    """0 → A, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
