"""A table that a person filled in, CSV or the first sheet of a workbook, as texts with the numbers of their rows."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from loancli.cli.cells import visible
from loancli.core.errors import InputError, NotFoundError


class Sheet(NamedTuple):
    """The words of the first row, and the rows below it that are not blank, each with its number in the file."""

    file_name: str
    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_sheet(path: Path, *, encodings: Sequence[str] = ("utf-8-sig",)) -> Sheet:
    """The table in a file, told by content: a workbook, else CSV in the first of `encodings` that fits.

    Raises NotFoundError; InputError for what cannot be read, for CSV also while its rows are read.
    """
    file_name = visible(path.name)
    if not path.is_file():
        raise NotFoundError(f"{visible(str(path))}: no such file")
    data = path.read_bytes()
    rows = _of_workbook(data, file_name) if data.startswith(b"PK\x03\x04") else _of_csv(data, file_name, encodings)
    columns = next(rows, (1, []))[1]
    return Sheet(file_name, columns, rows)


def _of_workbook(data: bytes, file_name: str) -> Iterator[tuple[int, list[str]]]:
    from loancli.imports.workbook import open_workbook

    source = open_workbook(io.BytesIO(data), file_name)
    width = 0
    for number, cells in source.rows(source.workbook.sheet_names[0]):
        while cells and not cells[-1].strip():  # a sheet is as wide as its widest row
            cells.pop()
        if cells:
            width = width or len(cells)
            yield number, cells + [""] * (width - len(cells))


def _of_csv(data: bytes, file_name: str, encodings: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_text(data, file_name, encodings), newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{file_name}:{reader.line_num}: not CSV: {error}") from None


def _text(data: bytes, file_name: str, encodings: Sequence[str]) -> str:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            at = error.start
    raise InputError(f"{file_name}: byte {at} is not UTF-8; save the file as UTF-8")
