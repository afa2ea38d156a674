"""Rows as an Excel workbook: money and rates as numbers, days as days, all else as text that Excel leaves alone."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from loancli.cli.cells import heading, plain, visible
from loancli.core.errors import InputError
from loancli.texts import Lang, say

ROWS_MAX = 1_048_575  # below the line of headings
_TEXT_MAX = 32_767
_WHOLE_MAX = 10**15  # a number in Excel has 15 digits: a longer one is written as text, so that none is lost
_WIDTHS = (8, 48)  # of a column, in characters


def workbook(table: Sequence[Mapping[str, object]], names: Sequence[str], *, sheet: str, lang: Lang) -> bytes:
    """An .xlsx file of one sheet. Raises InputError when the rows or a text are more than a sheet can hold."""
    import xlsxwriter

    if len(table) > ROWS_MAX:
        raise InputError(say("render.xlsx_too_long", lang, rows=len(table), rows_max=ROWS_MAX))
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(_sheet_name(sheet))
    formats = {
        "heading": book.add_format({"bold": True, "bottom": 1}),
        "_fen": book.add_format({"num_format": "#,##0.00"}),
        "_ppm": book.add_format({"num_format": "0.00##%"}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "text": book.add_format({"num_format": "@"}),
    }
    for column, name in enumerate(names):
        page.write_string(0, column, heading(name, lang), formats["heading"])
        longest = max((len(str(row.get(name, ""))) for row in table[:200]), default=0)
        page.set_column(column, column, min(max(longest + 2, len(name), _WIDTHS[0]), _WIDTHS[1]))
        for number, row in enumerate(table, start=1):
            if _write_cell(page, number, column, name, row.get(name), formats) != 0:
                raise InputError(say("render.xlsx_too_wide", lang, row=number, column=name, text_max=_TEXT_MAX))
    page.freeze_panes(1, 0)
    if names and table:
        page.autofilter(0, 0, len(table), len(names) - 1)
    book.close()
    return file.getvalue()


def _write_cell(page: Any, row: int, column: int, name: str, value: object, formats: Mapping[str, Any]) -> int:
    """0, or xlsxwriter's code for what it left out."""
    result: int
    if value is None:
        return 0
    if isinstance(value, bool):
        result = page.write_boolean(row, column, value)
    elif isinstance(value, int) and abs(value) < _WHOLE_MAX:
        # Correctly rounded, and under 15 digits a double prints back the very decimals: the fen are exact.
        for unit, per_whole in (("_fen", 100), ("_ppm", 1_000_000)):
            if name.endswith(unit):
                result = page.write_number(row, column, value / per_whole, formats[unit])
                break
        else:
            result = page.write_number(row, column, value)
    elif isinstance(value, datetime):
        result = page.write_datetime(row, column, value.replace(tzinfo=None), formats["instant"])
    elif isinstance(value, date):
        result = page.write_datetime(row, column, value, formats["day"])
    else:
        result = page.write_string(row, column, visible(str(plain(value))), formats["text"])
    return result


def _sheet_name(title: str) -> str:
    """Excel allows 31 characters, and not these."""
    return "".join(" " if char in "[]:*?/\\" else char for char in visible(title))[:31].strip("' ") or "loancli"
