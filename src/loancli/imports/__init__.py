"""WHAT COMES IN: bytes → statement rows and problems. Pure and streaming; may import core.

text (decoding, lines, cells) · foreign (what is refused by name) · rows (the loop that the formats share) ·
one file a format: alipay_app, wechat_csv. A new format is a new file and a line in FORMATS.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Protocol

from loancli.core.errors import InputError, Problem
from loancli.core.money import yuan
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_app, wechat_csv
from loancli.imports.foreign import FOREIGN, Foreign, refuse_container
from loancli.imports.rows import Counted, Words, declared, layout_of
from loancli.imports.text import HEAD_LINES, Layout, Source, column_name, open_source, split_line

_COLUMNS_SHOWN_MAX = 24
_NAME_CHARS_SHOWN_MAX = 20


class Format(Protocol):
    """What a module of a format offers."""

    NAME: str
    WORDS: Words

    def recognises(self, cells: list[str], /) -> bool: ...

    def parse(self, source: Source, layout: Layout, counted: Counted, /) -> Iterator[StatementRow | Problem]: ...


FORMATS: tuple[Format, ...] = (alipay_app, wechat_csv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An opened export. Iterating reads it, each row once, in the file's order; `counted` is whole after the last."""

    file_name: str
    format: str
    encoding: str  # utf-8 | utf-8-sig | gb18030 | utf-16
    header_line: int
    declared: Declared
    counted: Counted = field(default_factory=Counted)
    _source: Source
    _layout: Layout
    _format: Format

    def __iter__(self) -> Iterator[StatementRow | Problem]:
        """Rows, and a Problem for each row that cannot be used. Raises InputError where the file cannot be read on."""
        assert self.counted.row_count == 0, "a statement is read once"
        try:
            yield from self._format.parse(self._source, self._layout, self.counted)
        except InputError as error:
            promised = self.declared.row_count
            told = "" if promised is None else f" of the {promised:,} that the file states"
            raise InputError(f"{error}; {self.counted.row_count:,} rows were read{told}") from None

    def warnings(self) -> list[str]:
        """What a person should know about a statement that was read to its end; nothing here makes a row unusable."""
        told = check_totals(self.declared, self.counted)
        if self.declared.filtered:
            told.append("only some transaction types were exported (导出类型 is not 全部): revenue will be incomplete")
        for status, count in self.counted.unknown_statuses.items():
            told.append(f"status '{status[:40]}' is not known ({count:,} rows): check whether this money moved")
        if self.counted.lost_ids:
            told.append(
                f"{self.counted.lost_ids:,} transaction numbers were destroyed by Excel: these rows are compared by "
                "time, amount and counterparty only; bring the original export"
            )
        return [f"{self.file_name}: {text}" for text in told]


def open_statement(file: BinaryIO, file_name: str, encoding: str | None = None) -> Statement:
    """The statement in a seekable binary file, its format found by content. `file` must stay open while rows are read.

    Raises InputError for what is no statement, with what it is and what to bring instead.
    """
    file.seek(0)
    refuse_container(file.read(4096), file_name)
    source = open_source(file, file_name, encoding)
    head = source.head()
    try:
        found, header_line, delimiter = _found(head, file_name)
    except InputError:
        for _ in islice(source.lines(), HEAD_LINES):
            pass  # a damaged place is the better answer, where there is one
        raise
    source.layout = layout_of(found.WORDS, head[header_line - 1], delimiter, header_line, file_name)
    return Statement(
        file_name=file_name,
        format=found.NAME,
        encoding=source.encoding,
        header_line=header_line,
        declared=declared(found.WORDS, head[: header_line - 1]),
        _source=source,
        _layout=source.layout,
        _format=found,
    )


def _found(head: list[str], file_name: str) -> tuple[Format, int, str]:
    """The one format whose column header stands in the first lines, and where. The title decides nothing."""
    found: dict[str, tuple[Format, int, str]] = {}
    foreign: dict[str, Foreign] = {}
    for number, line in enumerate(head, start=1):
        for delimiter in (",", "\t"):  # tab: Excel's "Unicode text"
            names = [column_name(cell) for cell in split_line(line, delimiter)]
            for known in FORMATS:
                if known.recognises(names):
                    found.setdefault(known.NAME, (known, number, delimiter))
            for other in FOREIGN:
                if other.recognises(names):
                    foreign.setdefault(other.name, other)
    if len(found) == 1 and not foreign:
        return next(iter(found.values()))
    if len(foreign) == 1 and not found:
        other = next(iter(foreign.values()))
        raise InputError(f"{file_name}: this is {other.name}; {other.advice}")
    if found or foreign:
        raise InputError(
            f"{file_name}: holds the columns of more than one format ({', '.join([*found, *foreign])}); "
            f"bring each file as it was exported. Columns found: {_columns(head)}"
        )
    raise InputError(
        f"{file_name}: no line among the first {len(head)} is the column header of a known format "
        f"({', '.join(known.NAME for known in FORMATS)}). "
        f"Columns found: {_columns(head)}"
    )


def _columns(head: list[str]) -> str:
    """The line most like a header, for the message. One with a digit may be a person's data and is not shown."""
    widest: list[str] = []
    for line in head:
        for delimiter in (",", "\t"):
            names = [name for name in map(column_name, split_line(line, delimiter)) if name]
            if len(names) > max(2, len(widest)) and not any(char.isdigit() for char in line):
                widest = names
    shown = ", ".join(name[:_NAME_CHARS_SHOWN_MAX] for name in widest[:_COLUMNS_SHOWN_MAX])
    return shown or "none"


def check_totals(declared: Declared, counted: Counted) -> list[str]:
    """Where what a personal statement states and what was read differ, as sentences; each a warning, no error.

    Such files are often cut or filtered, and their totals count refunds as income (FORMATS §4.3).
    """
    told: list[str] = []
    read = counted.row_count + counted.problems
    if declared.row_count is not None and declared.row_count != read:
        told.append(f"the file states {declared.row_count:,} rows, {read:,} were found")
    words = {"in": "收入", "out": "支出", "neutral": "neutral rows"}
    for direction, (count, amount_fen) in declared.totals.items():
        found_count, found_fen = counted.totals[direction]
        if (count, amount_fen) != (found_count, found_fen):
            told.append(
                f"the file states {words[direction]} {count:,} rows {yuan(amount_fen)} yuan, "
                f"{found_count:,} rows {yuan(found_fen)} yuan were read"
            )
    return told
