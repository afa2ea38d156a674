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
from xml.etree.ElementTree import ParseError, fromstring, iterparse

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
_FORMULA = re.compile(rb"<f[ />]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(slots=True, kw_only=True)
class WorkbookSource:
    """An open workbook; all sheets are candidates until a header is found in one."""

    file_name: str
    workbook: Any  # CalamineWorkbook
    formulas: dict[str, frozenset[str]] = field(default_factory=dict)  # sheet → its cells that hold one
    sheets: dict[str, Any] = field(default_factory=dict)  # parsed when first asked for
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
        formulas = self.formulas.get(layout.table)
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
            elif formulas and (at := _first_of(formulas, number, needed)) is not None:
                message = "holds a formula; an export holds values: bring the file as the app sent it"
                yield number, self._problem(layout, number, at, message)
            else:
                yield number, cells

    def records_with(self, layout: Layout, *words: str) -> Iterator[list[str]]:
        """Only the rows in which one of `words` stands alone in a cell."""
        wanted = set(words)
        sheet = self._sheet(layout.table)
        before = [""] * sheet.start[1]
        for row in sheet.iter_rows():
            if not wanted.isdisjoint(row):
                yield before + _texts(row)

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Row number, as the sheet shows it, and its cells as texts."""
        found = self._sheet(sheet)
        if found.height == 0 or found.start is None:
            return
        before = [""] * found.start[1]  # empty rows above the first are given, empty columns before it are not
        for number, row in enumerate(found.iter_rows(), start=1):
            yield number, before + _texts(row)

    def _sheet(self, name: str) -> Any:
        if name not in self.sheets:
            self.sheets[name] = self.workbook.get_sheet_by_name(name)
        return self.sheets[name]

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


def _inspect(file: BinaryIO, file_name: str) -> dict[str, frozenset[str]]:
    """Sheet → the cells that hold formulas. Raises InputError for what no app writes into a workbook."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            with_formulas = [
                info.filename
                for info in checked_infos(archive, file_name)
                if info.filename.endswith((".xml", ".rels")) and _has_formulas(archive, info, file_name)
            ]
            if not with_formulas:
                return {}
            names = _sheet_names(archive)
            return {names[part]: frozenset(_formula_cells(archive, part)) for part in with_formulas if part in names}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ParseError, KeyError) as error:
        raise InputError(f"{file_name}: the workbook is damaged or was cut off ({error})") from None


def _has_formulas(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file_name: str) -> bool:
    """Read a part block by block. Raises InputError for a DTD, and for a sheet too wide or too deep for its rows."""
    is_sheet = info.filename.startswith("xl/worksheets/")
    found = False
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
                found = found or _FORMULA.search(text) is not None
            seam = text[-_SEAM_BYTES:]
    return found


def _sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """Part of the archive → the name of the sheet in it."""
    targets = {
        each.get("Id"): str(each.get("Target")).lstrip("/").removeprefix("xl/")
        for each in fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    sheets = [each for each in fromstring(archive.read("xl/workbook.xml")).iter() if each.tag.endswith("}sheet")]
    names = {}
    for sheet in sheets:
        link = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        names[f"xl/{targets.get(link, '')}"] = str(sheet.get("name"))
    return names


def _formula_cells(archive: zipfile.ZipFile, part: str) -> Iterator[str]:
    """'F2' for each cell with a formula; cells and rows that do not say where they stand follow the one before."""
    row = column = 0
    with archive.open(part) as text:
        for event, element in iterparse(text, events=("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if event == "start" and tag == "row":
                row, column = int(element.get("r") or row + 1), 0
            elif event == "start" and tag == "c":
                letters = (element.get("r") or "").rstrip("0123456789")
                column = _column(letters) if letters else column + 1
            elif event == "end" and tag == "f":
                yield f"{_letters(column - 1)}{row}"
            elif event == "end" and tag == "row":
                element.clear()


def _first_of(formulas: frozenset[str], number: int, needed: list[int]) -> int | None:
    return next((at for at in needed if f"{_letters(at)}{number}" in formulas), None)


def _texts(row: list[Any]) -> list[str]:
    return [cell if type(cell) is str else _text(cell) for cell in row]


def _text(cell: Any) -> str:
    """A stored value as the text an export would show. A float as its shortest decimals: 28.16, 0.30000000000000004."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, datetime):
        if cell.microsecond:  # a serial number of days is never exact
            cell = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
        return str(cell)
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00"
    text: str = repr(cell)
    return text.removesuffix(".0")


def _column(letters: str) -> int:
    """A → 1, AA → 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(index: int) -> str:
    """0 → A, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
