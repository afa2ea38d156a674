"""WHAT COMES IN: bytes → statement rows and problems. Pure and streaming; may import core.

containers (archives, what a file is) · text and workbook (tables of cells) · foreign (what is refused by name) · rows
(cells → rows) · totals (what a file states about itself) · one file a format. A new format is a new file and a line in
FORMATS.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from loancli.core.errors import InputError, Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import (
    alipay_app_v1,
    alipay_app_v2,
    alipay_fund_detail,
    alipay_trade_detail,
    alipay_web,
    wechat_fund_bill,
    wechat_statement,
    wechat_trade_bill,
)
from loancli.imports.alipay_summaries import FUND_SUMMARY, TRADE_SUMMARY
from loancli.imports.containers import is_workbook
from loancli.imports.foreign import FOREIGN, Foreign, refuse_foreign
from loancli.imports.rows import layout_of
from loancli.imports.source import Columns, Layout, Source, Table, column_name
from loancli.imports.text import open_source
from loancli.imports.totals import Counted, Figures, differences, own_totals

_COLUMNS_SHOWN_MAX = 24
_NAME_CHARS_SHOWN_MAX = 20
_NATIVE_SHEET = "Sheet1"  # the name that the app gives


class Format(Protocol):
    """What a module of a format offers."""

    @property
    def NAME(self) -> str: ...  # noqa: N802
    @property
    def CHANNEL(self) -> str: ...  # noqa: N802
    @property
    def COLUMNS(self) -> Columns: ...  # noqa: N802
    @property
    def OPTIONAL(self) -> frozenset[str]: ...  # noqa: N802
    @property
    def ENDS(self) -> tuple[str, ...]: ...  # noqa: N802

    def recognises(self, cells: list[str], /) -> bool: ...

    def parse(
        self, source: Source, layout: Layout, counted: Counted, shops: frozenset[str], /
    ) -> Iterator[StatementRow | Problem]: ...

    def stated(self, lines: list[str], counted: Counted, /) -> tuple[Declared, Figures | None]: ...


FORMATS: tuple[Format, ...] = (
    alipay_app_v2,
    alipay_app_v1,
    alipay_web,
    alipay_trade_detail,
    TRADE_SUMMARY,
    alipay_fund_detail,
    FUND_SUMMARY,
    wechat_statement,
    wechat_trade_bill,
    wechat_fund_bill,
)
TICKED = (wechat_trade_bill.NAME, wechat_fund_bill.NAME)
SUMMARIES = {summary.NAME: summary.DETAIL for summary in (FUND_SUMMARY, TRADE_SUMMARY)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An opened export. Iterating reads it, each row once, in the file's order; `counted` is whole after the last.

    What the file states about itself may stand below the table, so it is asked for after the rows.
    """

    file_name: str
    format: str
    channel: str
    encoding: str  # utf-8 | utf-8-sig | gb18030 | utf-16 | xlsx
    header_line: int
    counted: Counted = field(default_factory=Counted)
    _source: Source
    _layout: Layout
    _format: Format
    _above: list[str]
    _shops: frozenset[str]

    def __iter__(self) -> Iterator[StatementRow | Problem]:
        """Rows, and a Problem for each row that cannot be used. Raises InputError where the file cannot be read on."""
        assert self.counted.row_count == 0, "a statement is read once"
        try:
            yield from self._format.parse(self._source, self._layout, self.counted, self._shops)
        except InputError as error:
            promised = self.declared().row_count
            told = "" if promised is None else f" of the {promised:,} that the file states"
            raise InputError(f"{error}; {self.counted.row_count:,} rows were read{told}") from None

    def declared(self) -> Declared:
        """What the file states about itself."""
        return self._stated()[0]

    def _stated(self) -> tuple[Declared, Figures | None]:
        return self._format.stated([*self._above, *self._source.tail], self.counted)

    def mismatches(self) -> list[str]:
        """Where a merchant bill's own totals are not those of its rows, or it has none: it was cut or changed."""
        figures = self._stated()[1]
        if figures is None:
            return []
        told = differences(figures, self.counted.figures) if figures else ["its own totals are missing: it was cut off"]
        return [f"{self.file_name}: {text}" for text in told]

    def states_no_rows(self) -> bool:
        """Whether the file says itself that its days had no transaction."""
        declared, figures = self._stated()
        return declared.row_count == 0 if figures is None else bool(figures) and not any(map(any, figures.values()))

    def column(self, name: str) -> str:
        """The name of a field's column in this file."""
        at = self._layout.positions.get(name)
        return name if at is None else self._layout.columns[at]

    def control(self) -> dict[str, tuple[int, int | None]] | None:
        """What a summary says of the bill it belongs to: in | out → (rows, fen); None for a file that is no summary."""
        if self.format not in SUMMARIES:
            return None
        has_sums = self.format == FUND_SUMMARY.NAME
        return {
            direction: (rows or 0, milli_fen // 1_000 if has_sums else None)
            for direction, (rows, milli_fen) in (self._stated()[1] or {}).items()
        }

    def strangers(self) -> list[str]:
        """The shops of a service provider's bill, where it holds several and nobody said whose rows are wanted."""
        return sorted(self.counted.accounts) if len(self.counted.accounts) > 1 and not self._shops else []

    def warnings(self) -> list[str]:
        """What a person should know about a statement that was read to its end; nothing here makes a row unusable."""
        declared, figures = self._stated()
        told = own_totals(declared, self.counted) if figures is None else []
        told += self.counted.notes
        if declared.filtered:
            told.append("only some transaction types were exported (导出类型 is not 全部): revenue will be incomplete")
        if self.counted.left_out and self._shops:
            told.append(f"{self.counted.left_out:,} rows of other shops (特约商户号) were left out")
        for status, count in self.counted.unknown_statuses.items():
            told.append(f"status '{status[:40]}' is not known ({count:,} rows): check whether this money moved")
        if self.counted.lost_ids:
            told.append(
                f"{self.counted.lost_ids:,} transaction numbers were destroyed by Excel: these rows are compared by "
                "time, amount and counterparty only; bring the original export"
            )
        return [f"{self.file_name}: {text}" for text in told]


def open_statement(
    file: BinaryIO, file_name: str, encoding: str | None = None, shops: frozenset[str] = frozenset()
) -> Statement:
    """The statement in a seekable binary file, its format found by content. `file` must stay open while rows are read.

    `encoding` overrules the evidence of a text; `shops` are the numbers whose rows of a service provider's bill are
    wanted. Raises InputError for what is no statement, with what it is and what to bring instead.
    """
    if is_workbook(file):
        from loancli.imports.workbook import open_workbook

        source: Source = open_workbook(file, file_name)
    else:
        file.seek(0)
        refuse_foreign(file.read(4096), file_name)
        source = open_source(file, file_name, encoding)
    try:
        found = _found(source.tables(), file_name)
    except InputError:
        source.check_head()  # a damaged place is the better answer, where there is one
        raise
    if len(found) == 1:
        return _opened(source, *found[0], shops)
    return _same_in_each([_opened(source, *each, shops) for each in found], source)


Found = tuple[Format, Table, int]


def _opened(source: Source, format_: Format, table: Table, header_line: int, shops: frozenset[str]) -> Statement:
    layout = layout_of(
        table,
        header_line,
        format_.COLUMNS,
        source.file_name,
        optional=format_.OPTIONAL,
        ends=format_.ENDS,
        is_ticked=format_.NAME in TICKED,
    )
    source.layout = layout
    is_sheet = source.encoding == "xlsx"
    return Statement(
        file_name=source.file_name,
        format=format_.NAME.replace("_csv", "_xlsx") if is_sheet else format_.NAME,
        channel=format_.CHANNEL,
        encoding=source.encoding,
        header_line=header_line,
        _source=source,
        _layout=layout,
        _format=format_,
        _above=[table.delimiter.join(row) for row in table.rows[: header_line - 1]],
        _shops=shops,
    )


def _same_in_each(statements: list[Statement], source: Source) -> Statement:
    """Of several sheets with the same rows the app's own, else the first. Raises InputError where rows differ."""
    rows = [[each._replace(line=0) if isinstance(each, StatementRow) else each for each in one] for one in statements]
    names = [each._layout.table for each in statements]
    if any(each != rows[0] for each in rows):
        raise InputError(
            f"{source.file_name}: the sheets {', '.join(names)} hold different rows; save each as a file of its own"
        )
    chosen = statements[names.index(_NATIVE_SHEET) if _NATIVE_SHEET in names else 0]
    again = Statement(
        **{  # a statement is read once
            **{name: getattr(chosen, name) for name in Statement.__dataclass_fields__},
            "counted": Counted(
                notes=[f"the sheets {', '.join(names)} hold the same rows; {chosen._layout.table} was read"]
            ),
        }
    )
    source.layout, source.tail = chosen._layout, []
    return again


def _found(tables: list[Table], file_name: str) -> list[Found]:
    """The one format whose column header stands in the first lines, and where. The title decides nothing.

    More than one place only for sheets of a workbook that have the same format.
    """
    found: dict[tuple[str, str], Found] = {}
    foreign: dict[str, Foreign] = {}
    for table in tables:
        for number, row in enumerate(table.rows, start=1):
            names = [column_name(cell) for cell in row]
            for known in FORMATS:
                if known.recognises(names):
                    found.setdefault((table.name, known.NAME), (known, table, number))
            for other in FOREIGN:
                if other.recognises(names):
                    foreign.setdefault(other.name, other)
    formats = list(dict.fromkeys(name for _, name in found))
    if len(formats) == 1 and not foreign:
        return list(found.values())
    if len(foreign) == 1 and not found:
        other = next(iter(foreign.values()))
        raise InputError(f"{file_name}: this is {other.name}; {other.advice}")
    if found or foreign:
        raise InputError(
            f"{file_name}: holds the columns of more than one format ({', '.join([*formats, *foreign])}); "
            f"bring each file as it was exported. Columns found: {_columns(tables)}"
        )
    raise InputError(
        f"{file_name}: no line among the first {max((len(table.rows) for table in tables), default=0)} is the column "
        f"header of a known format ({', '.join(known.NAME for known in FORMATS)}). Columns found: {_columns(tables)}"
    )


def _columns(tables: list[Table]) -> str:
    """The line most like a header, for the message. One with a digit may be a person's data and is not shown."""
    widest: list[str] = []
    for table in tables:
        for row in table.rows:
            names = [name for name in map(column_name, row) if name]
            if len(names) > max(2, len(widest)) and not any(char.isdigit() for cell in row for char in cell):
                widest = names
    shown = ", ".join(name[:_NAME_CHARS_SHOWN_MAX] for name in widest[:_COLUMNS_SHOWN_MAX])
    return shown or "none"
